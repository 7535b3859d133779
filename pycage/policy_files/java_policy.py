"""Reading Java's policy files, for those who migrate: what they grant in pycage's permissions, and what they cannot."""

# Nothing is dropped without a word: what has no counterpart, and every condition that pycage cannot check, is in the
# report.  A grant with a condition that cannot be checked is not made: without it, it would be wider than it was.

from __future__ import annotations

import os
import re
import tempfile
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.codesource import CodeSource
from pycage.errors import PolicyError
from pycage.grants import collection_of
from pycage.permissions import FilePermission, Permissions, UnresolvedPermission
from pycage.permissions.text import shorten
from pycage.policy_files.findings import Finding
from pycage.policy_files.java_syntax import Entry, parse_java_policy
from pycage.policy_files.java_types import NoCounterpart, translate
from pycage.policy_files.notation import Refused
from pycage.policy_files.opening import text_of
from pycage.policy_files.reader import LARGEST
from pycage.policy_files.variables import checked_value
from pycage.policy_files.writer import write_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pycage.permissions import Permission
    from pycage.policy_files.java_syntax import Grant

__all__ = ["JavaGrant", "JavaPolicy", "load_java_policy", "read_java_policy"]

_PROPERTY: Final = re.compile(r"\$\{\{.*?\}\}|\$\{([^{}]*)\}", re.DOTALL)
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
# Values that are no pieces of a path, and therefore not judged as such.
_SEPARATORS: Final = {"/": "/", "file.separator": "/", "path.separator": ":", "line.separator": "\n"}


class _Unexpanded(ValueError):
    """A property is not known."""


@final
@attrs.frozen
class JavaGrant:
    """What one ``grant`` block gives.

    Attributes:
        source: To which code; without a URL: to all.
        principals: Class and name of each principal for whom it holds only; ``*`` is any.
        permissions: What.
        line: Where the block begins.
    """

    source: CodeSource
    principals: tuple[tuple[str, str], ...]
    permissions: tuple[Permission, ...]
    line: int


@final
@attrs.frozen
class JavaPolicy:
    """A Java policy, in pycage's terms.

    Attributes:
        grants: What it grants, in its order.
        report: What could not be taken over (warnings), and what means something else here (notes).

    Example:
        >>> print(read_java_policy('grant { permission java.lang.RuntimePermission "exitVM"; };').to_toml(), end="")
        [default]
        allow = [
            'RuntimePermission "exitVM"',
        ]
    """

    grants: tuple[JavaGrant, ...]
    report: tuple[Finding, ...]

    def permissions(self, source: CodeSource) -> Permissions:
        """Return what code from ``source`` is granted, whoever runs it; read-only.

        Grants for principals only are left out, as they are in Java for code that runs for nobody.
        """
        return collection_of(
            permission
            for grant in self.grants
            if not grant.principals and grant.source.implies(source)
            for permission in grant.permissions
        )

    def to_toml(self) -> str:
        """Return a policy file that says the same: ``[default]`` for all code, and a profile for each code base.

        What a TOML file cannot say, and what is in the report, is written as comments.
        """
        lines = [f"# {_one_line(finding)}" for finding in self.report]
        together: dict[str | None, list[Permission]] = {}
        for grant in self.grants:
            if grant.principals:
                who = ", ".join(f"{kind} {shorten(name)}" for kind, name in grant.principals)
                lines.append(f"# line {grant.line}: for {who} only; use grant(..., principals=...)")
            else:
                together.setdefault(grant.source.url, []).extend(grant.permissions)
        names: set[str] = set()
        for url in sorted(together, key=lambda url: (url is not None, url)):
            # What everybody has, those with a code base need not have again.
            common = Permissions(together.get(None, ())) if url is not None else Permissions()
            wanted = [one for one in together[url] if type(one) is UnresolvedPermission or not common.implies(one)]
            name = "default" if url is None else _profile_name(url, names)
            text = write_profile(name, wanted, description=f"code from {url}" if url is not None else "")
            lines += ["", text.replace("[profiles.default]", "[default]", 1) if url is None else text]
        return "\n".join(lines).strip("\n") + "\n"


def load_java_policy(
    path: str | os.PathLike[str], *, properties: Mapping[str, str] | None = None, directory: str | None = None
) -> JavaPolicy:
    """Read a Java policy file; see `read_java_policy`.

    >>> import pathlib
    >>> _ = pathlib.Path("java.policy").write_text("grant { permission java.security.AllPermission; };")
    >>> load_java_policy("java.policy").grants[0].permissions
    (AllPermission(),)

    Raises:
        PolicyError: It cannot be read, or is not written in that syntax.
    """
    full = os.path.abspath(path)  # noqa: PTH100  # permissions speak of paths as text
    return read_java_policy(text_of(full), source=os.fspath(path), properties=properties, directory=directory)


def read_java_policy(
    text: str,
    *,
    source: str = "java.policy",
    properties: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> JavaPolicy:
    """Read a policy written for Java's security manager.

    >>> policy = read_java_policy('''
    ... grant codeBase "file:/plugins/-" {
    ...     permission java.io.FilePermission "/tmp/*", "read,write";
    ...     permission java.awt.AWTPermission "accessClipboard";
    ... };
    ... ''')
    >>> policy.permissions(pycage.CodeSource("file:/plugins/a.jar"))
    Permissions([FilePermission("/tmp/*", "read,write")])
    >>> [str(finding) for finding in policy.report]
    ['java.policy, line 4: java.awt.AWTPermission "accessClipboard": nothing in Python asks for it; leave it out']

    Args:
        text: What is in the file.
        source: How messages name it.
        properties: What ``${name}`` stands for, beside ``user.home``, ``user.dir``, ``java.io.tmpdir`` and the
            separators.
        directory: What relative file names are relative to; None: the current directory.

    Raises:
        PolicyError: It is not written in that syntax.

    Source: "Default Policy Implementation and Policy File Syntax" (Java SE 17).
    """
    if len(text) > LARGEST:
        message = f"{source}: more than {LARGEST} characters; split it"
        raise PolicyError(message)
    blocks, others = parse_java_policy(text, source)
    translation = _Translation(source, properties or {}, os.getcwd() if directory is None else directory)  # noqa: PTH109
    for word, line in others:
        translation.warn(line, "no-counterpart", f"{word}: pycage knows no key stores", "pin code with sha256")
    grants = [grant for block in blocks if (grant := translation.grant(block)) is not None]
    return JavaPolicy(tuple(grants), tuple(translation.report))


class _Translation:
    def __init__(self, source: str, properties: Mapping[str, str], directory: str) -> None:
        self.report: list[Finding] = []
        self._source = source
        self._directory = directory
        known = {
            "user.home": os.path.expanduser("~"),  # noqa: PTH111  # text, judged where it is used
            "user.dir": directory,
            "java.io.tmpdir": tempfile.gettempdir(),
        }
        self._properties = {**known, **properties}

    def warn(self, line: int, code: str, message: str, fix: str) -> None:
        self.report.append(Finding("warning", code, f"{self._source}, line {line}", message, fix))

    def _note(self, line: int, code: str, message: str) -> None:
        self.report.append(Finding("note", code, f"{self._source}, line {line}", message))

    def grant(self, block: Grant) -> JavaGrant | None:
        if block.signed_by is not None:
            self.warn(
                block.line,
                "signed-by",
                f"the grant is not made: for what {shorten(block.signed_by)} signed, and pycage checks no signatures",
                "pin the code with sha256, and grant to that",
            )
            return None
        try:
            url = None if block.code_base is None else self._expanded(block.code_base)
            source = CodeSource(url)
        except _Unexpanded as error:
            self.warn(block.line, "not-expanded", f"the grant is not made: {error}", "pass properties={...}")
            return None
        except ValueError as error:
            self.warn(block.line, "bad-code-base", f"the grant is not made: {error}", "write another URL")
            return None
        permissions = [made for entry in block.entries if (made := self._permission(entry)) is not None]
        return JavaGrant(source, block.principals, tuple(permissions), block.line)

    def _permission(self, entry: Entry) -> Permission | None:
        written = f"{entry.type} {shorten(entry.name or '')}"
        if entry.signed_by is not None:
            message = f"{written}: for a class signed by {shorten(entry.signed_by)}, and pycage checks no signatures"
            self.warn(entry.line, "signed-by", message, "register the type yourself")
            return None
        try:
            name, actions = self._expanded(entry.name or ""), self._expanded(entry.actions or "")
            translated = translate(entry.type, name, actions, self._directory)
        except _Unexpanded as error:
            self.warn(entry.line, "not-expanded", f"{written}: {error}", "pass properties={...}")
            return None
        except NoCounterpart as error:
            self.warn(entry.line, "no-counterpart", f"{written}: {error}", "leave it out")
            return None
        except (TypeError, ValueError) as error:
            self.warn(entry.line, "bad-permission", f"{written}: {error}", "correct it")
            return None
        made = translated.permission
        if type(made) is FilePermission and "\0" not in made.name and not made.name.startswith(("/", "<<")):
            self.warn(entry.line, "bad-permission", f"{written}: the name is still relative", "pass directory='/...'")
            return None
        if translated.note:
            code = "unresolved-type" if type(made) is UnresolvedPermission else "different-meaning"
            self._note(entry.line, code, f"{written}: {translated.note}")
        return made

    def _expanded(self, text: str) -> str:
        """Fill in ``${name}`` and ``${/}``; ``${{...}}`` stays as it is.

        Raises:
            _Unexpanded: A property is not known, or what it stands for could mean more than one thing.
        """
        return _PROPERTY.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if name in _SEPARATORS:
            return _SEPARATORS[name]
        value = self._properties.get(name)
        if value is None:
            message = f"${{{name}}} is not known"
            raise _Unexpanded(message)
        try:
            return checked_value(name, value)
        except Refused as refused:
            raise _Unexpanded(str(refused)) from None


def _one_line(finding: Finding) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in str(finding))


def _profile_name(url: str, taken: set[str]) -> str:
    """Before: ``file:/plugins/-``; after: ``plugins``."""
    base = _NOT_NAME.sub("-", url.partition(":")[2].removesuffix("/-").removesuffix("/*")).strip("-") or "code"
    name, number = base, 2
    while name in taken or name == "default":
        name, number = f"{base}-{number}", number + 1
    taken.add(name)
    return name
