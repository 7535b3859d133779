"""`cast`: what the values point to that may stand for a pointer."""

from __future__ import annotations

from typing import Any

from pycage_native.types.arrays import Array
from pycage_native.types.base import ArgumentError, Reference, target_of
from pycage_native.types.handles import Handle
from pycage_native.types.memory import Place, shifted
from pycage_native.types.pointers import Aimed, c_char_p, c_void_p, c_wchar_p


def aim_of_argument(value: Any) -> Any:
    """Return the target that ``cast`` and pointers made of it get for a value.

    Raises:
        ArgumentError: It is no kind of pointer.
    """
    if value is None or isinstance(value, (Handle, Place)):
        return value
    if isinstance(value, Reference):
        return target_of(value.object, value.at)
    if isinstance(value, Aimed):
        return value._aim_
    if isinstance(value, Array):
        return target_of(value)
    if isinstance(value, int):
        return int(value) & ((1 << 64) - 1) or None
    if isinstance(value, bytes):
        return c_char_p._aim_of_(value)
    if isinstance(value, str):
        return c_wchar_p._aim_of_(value)
    parameter = getattr(value, "_as_parameter_", None)  # a function of a library
    if isinstance(parameter, Handle):
        return parameter
    raise ArgumentError(f"argument 1: {c_void_p._wrong_(value)}")


def cast(thing: Any, kind: Any) -> Any:
    """Return a pointer of the type ``kind`` to where ``thing`` points.

    Raises:
        TypeError: ``kind`` is no pointer type.

    Example:
        >>> from pycage_native import POINTER, c_ubyte, c_uint, cast, pointer
        >>> cast(pointer(c_uint(0x01020304)), POINTER(c_ubyte))[:4]  # little endian
        [4, 3, 2, 1]
    """
    if not (isinstance(kind, type) and issubclass(kind, Aimed)) or kind._size_ is None:
        raise TypeError(f"cast() argument 2 must be a pointer type, not {getattr(kind, '__name__', kind)}")
    return kind._pointing_(aim_of_argument(thing))


def advanced(thing: Any, by: int) -> Any:
    """Return what a pointer would point to ``by`` bytes further."""
    return shifted(aim_of_argument(thing), by)
