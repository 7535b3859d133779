"""How one permission stands in a policy file: ``FilePermission "/srv/images/-" "read"``.

Three spellings are read: this one, the text form of messages (``("FilePermission" "/srv/-" "read")``), and the call
that a denial proposes (``FilePermission("/srv/-", "read")``).  One is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.permissions import ActionPermission, AllPermission, FilePermission, UnresolvedPermission, registered_types
from pycage.permissions.registry import lookup
from pycage.permissions.text import quote, shorten, type_name, unescape
from pycage.policy_files.findings import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.permissions import Permission

__all__ = ["Entry", "Refused", "entry_of", "read_entry", "write_permission"]

_TEXT: Final = r'"((?:[^"\\]|\\.)*)"'
_WORD: Final = r"([A-Za-z_][\w.$]*)"
_SHORT: Final = re.compile(rf"{_WORD}(?:\s+{_TEXT})?(?:\s+{_TEXT})?")
_PRINTED: Final = re.compile(rf"\(\s*{_TEXT}\s+{_TEXT}(?:\s+{_TEXT})?\s*\)", re.DOTALL)
_CALL: Final = re.compile(rf"{_WORD}\(\s*(?:{_TEXT}\s*(?:,\s*{_TEXT}\s*)?)?\)")
_UNRESOLVED: Final = re.compile(rf"unresolved\s+(?:{_TEXT}|{_WORD})(?:\s+{_TEXT})?(?:\s+{_TEXT})?")


_FILLED_IN: Final = re.compile(r"\$\{[^{}]*\}")


class Refused(ValueError):
    """An entry is no permission.

    Attributes:
        code: As in `Finding`.
        fix: As in `Finding`.
    """

    def __init__(self, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix


@final
@attrs.frozen
class Entry:
    """A permission as it is written: variables in its name are not filled in yet.

    Attributes:
        kind: The name of its type.
        name: Its name, with variables.
        actions: Its actions; ``""`` if it has none.
        unresolved: Whether the type may be unknown, and be registered later.
    """

    kind: str
    name: str
    actions: str
    unresolved: bool = False

    def permission(self, expand: Callable[[str], str] = lambda text: text) -> Permission:
        """Make the permission, with ``expand`` applied to its name.

        Raises:
            Refused: The type is unknown, or refuses the name or the actions.
        """
        name = expand(self.name)
        _refuse_widened(self.kind, self.name, name)
        if self.unresolved:
            return UnresolvedPermission(self.kind, name, self.actions)
        kind = lookup(self.kind)
        if kind is None:
            raise _unknown_type(self.kind)
        if kind is AllPermission:
            return AllPermission()
        try:
            made = kind(name, self.actions)
        except (TypeError, ValueError) as error:
            raise Refused("bad-permission", str(error), _fix_for(kind, self.actions)) from None
        if kind is FilePermission and not name.startswith(("/", "<<ALL FILES>>")):
            # Relative to what?  The directory of the file and that of the process are both good guesses.
            raise Refused(
                "relative-path",
                f"{shorten(name)} is relative, and a policy must mean the same wherever it is read",
                f'write "${{policy_dir}}/{name}" or "${{cwd}}/{name}"',
            )
        return made


def read_entry(text: str) -> Entry:
    """Read one permission as it stands in a file.

    Raises:
        Refused: It has none of the forms.
    """
    stripped = text.strip()
    try:
        match = _UNRESOLVED.fullmatch(stripped)
        if match is not None:
            quoted, word, name, actions = match.groups()
            return Entry(word or unescape(quoted), unescape(name or ""), unescape(actions or ""), unresolved=True)
        match = _SHORT.fullmatch(stripped) or _PRINTED.fullmatch(stripped) or _CALL.fullmatch(stripped)
        if match is not None:
            kind, name, actions = (unescape(part or "") for part in match.groups())
            return Entry(kind, name, actions)
    except ValueError as error:
        raise Refused("bad-permission", f"{shorten(text)}: {error}", "") from None
    raise Refused(
        "bad-permission", f"{shorten(text)} is not a permission", 'write \'FilePermission "/srv/images/-" "read"\''
    )


def entry_of(permission: Permission) -> Entry:
    """Return how a permission is written, so that reading it gives an equal one."""
    if type(permission) is UnresolvedPermission:
        return Entry(
            permission.name,
            _without_variables(permission.unresolved_name),
            permission.unresolved_actions,
            unresolved=True,
        )
    if type(permission) is AllPermission:
        return Entry("AllPermission", "", "")
    return Entry(type_name(permission), _without_variables(permission.name), permission.actions)


def write_permission(permission: Permission) -> str:
    """Return the text that `read_entry` reads back."""
    entry = entry_of(permission)
    if entry.unresolved:
        kind = entry.kind if re.fullmatch(_WORD, entry.kind) else quote(entry.kind)
        return " ".join(["unresolved", kind, quote(entry.name), quote(entry.actions)])
    parts = [entry.kind]
    if entry.name or entry.actions or entry.kind != "AllPermission":
        parts.append(quote(entry.name))
    if entry.actions:
        parts.append(quote(entry.actions))
    return " ".join(parts)


def _without_variables(name: str) -> str:
    return name.replace("${", "$${")


# Type -> what makes a name of it stand for more than one thing, though it has no wildcard.
_WIDE: Final = {
    "FilePermission": re.compile(r"<<"),
    "NativePermission": re.compile(r"<<"),
    "SocketPermission": re.compile(r".*/|.*:[0-9]*-[0-9]*$"),  # a network, a range of ports
    "ProcessPermission": re.compile(r"<<|-?0+$|-"),  # a group of processes
}


def _refuse_widened(kind: str, written: str, name: str) -> None:
    """Raise Refused if what was filled in makes many of one; what stands in the file may mean many."""
    wide = _WIDE.get(kind)
    if wide is not None and written != name and wide.match(name) and not wide.match(_FILLED_IN.sub("", written)):
        raise Refused(
            "bad-variable",
            f"{shorten(written)} would be {shorten(name)}: what is filled in cannot make it more than one thing",
            "write networks, ranges of ports and groups of processes out in the file",
        )


def _unknown_type(kind: str) -> Refused:
    near = suggestion(kind.rpartition(".")[2], registered_types())
    known = ", ".join(sorted(registered_types()))
    return Refused(
        "unknown-type",
        f"unknown permission type {shorten(kind)}",
        f"{near + '  ' if near else ''}Known types: {known}.  One that the program registers later is written "
        f'\'unresolved {kind} "name" "actions"\'',
    )


def _fix_for(kind: type[Permission], actions: str) -> str:
    """Return a hint for actions that the type does not know."""
    if not issubclass(kind, ActionPermission):
        return ""
    for word in actions.split(","):
        if word.strip().lower() not in kind.ACTIONS.words:
            near = suggestion(word.strip(), kind.ACTIONS.words) if word.strip() else ""
            return near or f"say which: {', '.join(kind.ACTIONS.words)}"
    return ""
