"""Denials of the language layer: what the guards raise when they refuse."""

from __future__ import annotations

from typing import Final

from pycage.errors import AccessDenied
from pycage.language.names import advice

__all__ = ["attribute_denied"]

_LIMIT: Final = 80

# reason of the guard -> (first line, how to do it instead)
_TEXTS: Final = {
    "read": (
        'access denied: attribute "{name}" of a "{type}" object',
        "it can only be read from objects that the sandbox made itself",
    ),
    "private": (
        'access denied: private attribute "{name}" of a "{type}" object',
        "names with an underscore can only be read from objects that the sandbox made itself; use a public method",
    ),
    "sealed": (
        'access denied: a class derived from "{name}"',
        "no class of a sandbox can have it as a base",
    ),
    "metaclass method": (
        'access denied: a metaclass that defines "{name}"',
        "classes are ordered and compared as Python does it",
    ),
    "metaclass": (
        "access denied: a metaclass with a base of the sandbox behind one of the host",
        "write the sandbox's own metaclasses first: class M(Mine, EnumMeta)",
    ),
    "write": (
        'access denied: assignment to attributes of a "{type}" object',
        "only objects that the sandbox made itself can be changed; derive a class, or call a method that changes it",
    ),
    "never": ('access denied: attribute "{name}"', "it is not available to sandboxed code"),
    "match": (
        'access denied: attribute "{name}" in a class pattern of "{type}"',
        "__match_args__ must be a tuple of ordinary names; write case C() as x and read the attributes in the body",
    ),
    "format": ("access denied: format string", "attribute look-ups in format strings are not available"),
}


def attribute_denied(reason: str, name: str | None, type_name: str) -> AccessDenied:
    """Make the exception for one refusal.  The default ``denied`` of a GuardSet.

    Args:
        reason: Why, in the guard's word.
        name: The attribute, if the guard was told.
        type_name: Name of the object's type, which a guest may have chosen.

    Returns:
        A denial that holds text only.

    """
    text, note = _TEXTS.get(reason, ("access denied", ""))
    shown = ascii(name or "")[1:-1][:_LIMIT]
    denial = AccessDenied(text.format(name=shown, type=ascii(type_name)[1:-1][:_LIMIT]))
    if note:
        denial.add_note(note + (advice(name) if name is not None else ""))
    return denial
