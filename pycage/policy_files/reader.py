"""Reading a policy file: TOML to a `Document`, or everything that is wrong with it at once."""

# Every key has a row in a table below: what it takes, and how it is read.  What has no row is an error.  A reader of a
# value returns something usable even if it reports a problem, so that all problems of a file come out together.

from __future__ import annotations

import os
import re
import tomllib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pycage.errors import PolicyError, PolicyFileError
from pycage.imports.names import is_module_name
from pycage.imports.rules import rules
from pycage.permissions.text import shorten, type_name
from pycage.policy_files.document import Document, Line, Plugin, Profile
from pycage.policy_files.findings import Finding, suggestion
from pycage.policy_files.notation import Entry, Refused, read_entry
from pycage.policy_files.positions import positions
from pycage.policy_files.variables import PLUGIN_DIR, Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pycage.policy_files.positions import Key

__all__ = ["LARGEST", "read_document", "read_or_raise"]

LARGEST: Final = 1 << 20
_VERSION: Final = 1

_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_IMPORTS_DEFAULTS: Final = ("vetted", "deny", "allow")

_TOP_KEYS: Final = ("version", "variables", "default", "profiles", "plugins")
_DEFAULT_KEYS: Final = ("description", "allow", "deny", "grant", "imports", "imports_default", "own")
_PROFILE_KEYS: Final = ("extends", *_DEFAULT_KEYS)
_PLUGIN_KEYS: Final = ("profile", *_PROFILE_KEYS, "path", "module", "sha256", "packages")
_ENTRY_KEYS: Final = ("type", "name", "actions", "unresolved", "comment")
_VARIABLE_KEYS: Final = ("env", "default")

_T = TypeVar("_T")


def read_document(
    text: str, *, source: str, directory: str, variables: Mapping[str, str] | None = None
) -> tuple[Document | None, list[Finding]]:
    """Read a policy file.

    Args:
        text: What is in it.
        source: How messages name it.
        directory: Where it is: ``${policy_dir}``, and what the paths of plugins are relative to.  Absolute.
        variables: Variables of the caller; they are stronger than those of the file.

    Returns:
        The document, or None if it cannot be used; and all that is wrong with it.
    """
    if len(text) > LARGEST:
        return None, [Finding("error", "too-large", source, f"more than {LARGEST} characters", "split it")]
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.search(str(error))
        line = f", line {match[1]}, column {match[2]}" if match is not None and match[1] else ""
        message = _AT_LINE.sub("", str(error))
        return None, [Finding("error", "not-toml", source + line, f"not TOML: {message}", "see https://toml.io")]
    except RecursionError:
        return None, [Finding("error", "not-toml", source, "nested too deeply", "a policy needs three levels")]
    reader = _Reader(text, source, directory, variables or {})
    document = reader.document(data)
    return (None if reader.findings else document), reader.findings


def read_or_raise(text: str, *, source: str, directory: str, variables: Mapping[str, str] | None = None) -> Document:
    """Read a policy file; see `read_document`.

    Raises:
        PolicyFileError: It cannot be used; everything that is wrong is in it.
    """
    document, findings = read_document(text, source=source, directory=directory, variables=variables)
    if document is None:
        raise PolicyFileError([str(finding) for finding in findings])
    return document


class _Reader:
    def __init__(self, text: str, source: str, directory: str, variables: Mapping[str, str]) -> None:
        self.findings: list[Finding] = []
        self._source = source
        self._directory = directory
        self._lines = positions(text)
        self._variables = Variables({"policy_dir": directory})
        self._given = variables

    # ---- The file --------------------------------------------------------------------------------------------------

    def document(self, data: dict[str, object]) -> Document:
        self._check_keys(data, (), _TOP_KEYS)
        if (version := data.get("version", _VERSION)) != _VERSION or type(version) is not int:
            self._error(("version",), "bad-version", f"this is not version {_VERSION}", f"write version = {_VERSION}")
        self._read_variables(self._table(data.get("variables", {}), ("variables",)))
        default = self._profile("", self._table(data.get("default", {}), ("default",)), ("default",), _DEFAULT_KEYS)
        profiles = {
            name: self._profile(name, self._table(value, key), key, _PROFILE_KEYS)
            for name, value in self._table(data.get("profiles", {}), ("profiles",)).items()
            for key in (("profiles", name),)
        }
        plugins = {
            name: self._plugin(name, self._table(value, ("plugins", name)))
            for name, value in self._table(data.get("plugins", {}), ("plugins",)).items()
        }
        for name in profiles.keys() & plugins.keys():
            self._error(("plugins", name), "same-name", f"{shorten(name)} is a profile too", "rename one of them")
        for profile in (*profiles.values(), *(plugin.profile for plugin in plugins.values())):
            self._check_extends(profile, profiles)
        self._variables.freeze()
        document = Document(
            self._source, default, MappingProxyType(profiles), MappingProxyType(plugins), self._variables
        )
        if not self.findings:
            self._check_circles(document)
        return document

    def _read_variables(self, table: dict[str, object]) -> None:
        for name, value in table.items():
            key = ("variables", name)
            if name not in self._given:
                self._guarded(key, lambda: self._define(name, value, key))  # noqa: B023  # called at once
        for name, given in self._given.items():
            self._guarded(("variables", name), lambda: self._variables.define(name, given))  # noqa: B023  # as above

    def _define(self, name: str, value: object, key: Key) -> None:
        if type(value) is str:
            self._variables.define(name, self._variables.expand(value))
            return
        table = self._table(value, key)
        self._check_keys(table, key, _VARIABLE_KEYS)
        variable = self._text(table.get("env", ""), (*key, "env"))
        found = os.environ.get(variable) if variable else None
        if found is None and "default" in table:
            found = self._variables.expand(self._text(table["default"], (*key, "default")))
        if found is None:
            raise Refused(
                "bad-variable",
                f"the environment variable {shorten(variable)} is not set",
                f'set it, or write {name} = {{ env = "{variable}", default = "..." }}',
            )
        self._variables.define(name, found)

    # ---- Profiles and plugins --------------------------------------------------------------------------------------

    def _profile(self, name: str, table: dict[str, object], key: Key, known: tuple[str, ...]) -> Profile:
        self._check_keys(table, key, known)
        extends = self._texts(table, key, "extends")
        if "profile" in known and "profile" in table:
            extends = (self._text(table["profile"], (*key, "profile")), *extends)
        imports_default = table.get("imports_default")
        if imports_default is not None and imports_default not in _IMPORTS_DEFAULTS:
            near = suggestion(str(imports_default), _IMPORTS_DEFAULTS)
            self._error(
                (*key, "imports_default"),
                "bad-value",
                f"{shorten(str(imports_default))} says nothing about imports",
                f"{near + '  ' if near else ''}write one of {', '.join(_IMPORTS_DEFAULTS)}",
            )
            imports_default = None
        return Profile(
            name,
            self._where(key),
            extends,
            (*self._entries(table, key, "allow"), *self._entries(table, key, "grant")),
            self._entries(table, key, "deny"),
            self._import_rules(table, key, "imports"),
            imports_default,
            self._import_rules(table, key, "own"),
            self._text(table.get("description", ""), (*key, "description")),
        )

    def _plugin(self, name: str, table: dict[str, object]) -> Plugin:
        key = ("plugins", name)
        profile = self._profile(name, table, key, _PLUGIN_KEYS)
        path = None
        if "path" in table:
            written = self._text(table["path"], (*key, "path"))
            expanded = self._guarded((*key, "path"), lambda: self._variables.expand(written))
            path = os.path.normpath(os.path.join(self._directory, expanded or ""))  # noqa: PTH118  # text, as permissions
        return Plugin(
            name, profile, path, self._module(table, key, path), self._sha256(table, key), self._packages(table, key)
        )

    def _module(self, table: dict[str, object], key: Key, path: str | None) -> str:
        guess = "" if path is None else path.rpartition("/")[2].removesuffix(".py")
        module = self._text(table.get("module", guess), (*key, "module"))
        if (path is not None or "module" in table) and not is_module_name(module):
            where = (*key, "module" if "module" in table else "path")
            self._error(where, "bad-module", f"{shorten(module)} is not the name of a module", 'write module = "name"')
        return module

    def _sha256(self, table: dict[str, object], key: Key) -> str | None:
        if "sha256" not in table:
            return None
        digest = self._text(table["sha256"], (*key, "sha256"))
        match = _SHA256.fullmatch(digest)
        if match is None:
            self._error((*key, "sha256"), "bad-digest", f"{shorten(digest)} is not 64 hexadecimal digits", "")
            return None
        if "path" not in table:
            self._error((*key, "sha256"), "bad-digest", "there is no path whose code this pins", 'write path = "..."')
        return match[1].lower()

    def _packages(self, table: dict[str, object], key: Key) -> tuple[str, ...]:
        names = self._texts(table, key, "packages")
        for number, name in enumerate(names):
            if not is_module_name(name) or "." in name:
                where = (*key, "packages", number)
                self._error(where, "bad-module", f"{shorten(name)} is not the name of a package", 'such as "jinja2"')
        return names

    def _check_extends(self, profile: Profile, profiles: Mapping[str, Profile]) -> None:
        for name in profile.extends:
            if name not in profiles:
                near = suggestion(name, profiles)
                self.findings.append(
                    Finding(
                        "error",
                        "unknown-profile",
                        profile.where,
                        f"there is no profile {shorten(name)}",
                        near or f"known: {', '.join(profiles) or 'none'}",
                    )
                )

    def _check_circles(self, document: Document) -> None:
        for profile in document.profiles.values():
            try:
                document.layers(profile.name)
            except Refused as refused:
                self.findings.append(Finding("error", refused.code, profile.where, str(refused), refused.fix))
                return

    # ---- Values ----------------------------------------------------------------------------------------------------

    def _entries(self, table: dict[str, object], key: Key, name: str) -> tuple[Line, ...]:
        found = []
        for number, value in enumerate(self._list(table.get(name, []), (*key, name))):
            where = (*key, name, number)
            line = self._guarded(where, lambda: self._line(value, where))  # noqa: B023  # called at once
            if line is not None:
                found.append(line)
        return tuple(found)

    def _line(self, value: object, where: Key) -> Line | None:
        if type(value) is str:
            entry: Entry | None = read_entry(value)
        elif type(value) is dict:
            entry = self._entry_table(value, where)
        else:
            entry = self._wrong(value, where, 'a permission, such as \'FilePermission "/srv/-" "read"\'', None)
        if entry is None:
            return None
        # Whether ${plugin_dir} is known depends on who uses the profile; what it stands for does not matter here.
        entry.permission(self._variables.with_value(PLUGIN_DIR, "/plugin_dir").expand)
        return Line(entry, self._where(where))

    def _entry_table(self, value: object, where: Key) -> Entry | None:
        before = len(self.findings)
        table = self._table(value, where)
        self._check_keys(table, where, _ENTRY_KEYS)
        actions = table.get("actions", "")
        if type(actions) is list:
            actions = ",".join(self._text(word, (*where, "actions")) for word in actions)
        kind, name, written = (
            self._text(part, where) for part in (table.get("type", ""), table.get("name", ""), actions)
        )
        unresolved = table.get("unresolved", False)
        if type(unresolved) is not bool:
            self._error((*where, "unresolved"), "bad-value", "unresolved is true or false", "leave it out")
        if len(self.findings) > before:
            return None
        if not kind:
            raise Refused("missing-key", "a permission needs a type", 'write type = "FilePermission"')
        return Entry(kind, name, written, unresolved is True)

    def _import_rules(self, table: dict[str, object], key: Key, name: str) -> tuple[str, ...]:
        lines = self._texts(table, key, name)
        for number, line in enumerate(lines):
            try:
                rules(line)
            except PolicyError as error:
                self._error((*key, name, number), "bad-rule", str(error), "")
        return lines

    def _texts(self, table: dict[str, object], key: Key, name: str) -> tuple[str, ...]:
        return tuple(
            self._text(value, (*key, name, number))
            for number, value in enumerate(self._list(table.get(name, []), (*key, name)))
        )

    def _text(self, value: object, key: Key) -> str:
        return value if type(value) is str else self._wrong(value, key, "text in quotes", "")

    def _list(self, value: object, key: Key) -> list[object]:
        empty: list[object] = []
        return value if type(value) is list else self._wrong(value, key, 'a list, such as ["..."]', empty)

    def _table(self, value: object, key: Key) -> dict[str, Any]:
        empty: dict[str, Any] = {}
        return value if type(value) is dict else self._wrong(value, key, "a table", empty)

    def _wrong(self, value: object, key: Key, expected: str, instead: _T) -> _T:
        self._error(key, "wrong-type", f"this is of type {type_name(value)}", f"write {expected}")
        return instead

    def _check_keys(self, table: Iterable[str], key: Key, known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                near = suggestion(name, known)
                self._error(
                    (*key, name),
                    "unknown-key",
                    f"unknown key {shorten(name)}",
                    f"{near + '  ' if near else ''}Known keys: {', '.join(known)}",
                )

    # ---- Messages --------------------------------------------------------------------------------------------------

    def _guarded(self, key: Key, action: Callable[[], _T]) -> _T | None:
        try:
            return action()
        except Refused as refused:
            self._error(key, refused.code, str(refused), refused.fix)
            return None

    def _error(self, key: Key, code: str, message: str, fix: str) -> None:
        self.findings.append(Finding("error", code, self._where(key), message, fix))

    def _where(self, key: Key) -> str:
        known = next((key[:length] for length in range(len(key), 0, -1) if key[:length] in self._lines), ())
        line = f", line {self._lines[known]}" if known else ""
        path = "".join(f"[{part}]" if type(part) is int else f".{_shown(str(part))}" for part in key).lstrip(".")
        return f"{self._source}{line}{f', {path}' if path else ''}"


def _shown(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else shorten(part)
