"""Reading permissions from their text form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pycage.permissions.registry import lookup, registered_types
from pycage.permissions.text import shorten, type_name, unescape
from pycage.permissions.unresolved import UnresolvedPermission

if TYPE_CHECKING:
    from pycage.permissions.base import Permission

__all__ = ["parse"]

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_FORM: Final = re.compile(rf"\(\s*{_QUOTED}\s+{_QUOTED}(?:\s+{_QUOTED})?\s*\)", re.DOTALL)

_PART: Final = r"""(?:"(?:[^"\\]|\\.)*"|[^\s"()\\]+)"""
_UNRESOLVED: Final = re.compile(rf"\(\s*unresolved\s+({_PART})\s+({_PART})\s+({_PART})\s*\)", re.DOTALL)


def parse(text: str) -> Permission:
    r"""Read a permission from its text form, so that ``parse(str(p)) == p``.

    The forms are ``("Type" "name" "actions")``, the same without actions, and ``(unresolved Type name actions)``.  In
    quotes, ``\"``, ``\\``, ``\xNN``, ``\uNNNN`` and ``\UNNNNNNNN`` stand for characters.

    Args:
        text: An exact ``str``.

    Raises:
        TypeError: It is not a ``str``.
        ValueError: It is not of such a form, the type is not registered, or the type refuses the name or the actions.

    Example:
        >>> pycage.parse('("FilePermission" "/srv/-" "read")')
        FilePermission("/srv/-", "read")
    """
    if type(text) is not str:
        message = f"a permission's text form must be a str, not {type_name(text)}"
        raise TypeError(message)
    match = _FORM.fullmatch(text)
    if match is not None:
        kind_name, name, actions = (unescape(part) for part in match.groups(default=""))
        kind = lookup(kind_name)
        if kind is None:
            message = f"unknown permission type {shorten(kind_name)}; known are {', '.join(sorted(registered_types()))}"
            raise ValueError(message)
        return kind(name, actions)
    match = _UNRESOLVED.fullmatch(text)
    if match is not None:
        return UnresolvedPermission(*[_unquote(part) for part in match.groups()])
    message = f'{shorten(text)} is not a permission; write ("Type" "name" "actions") or ("Type" "name")'
    raise ValueError(message)


def _unquote(part: str) -> str:
    return unescape(part[1:-1]) if part.startswith('"') else part
