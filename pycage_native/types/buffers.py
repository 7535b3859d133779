"""Buffers of characters, and copies between objects."""

from __future__ import annotations

from typing import Any

from pycage_native.types.casting import advanced
from pycage_native.types.handles import Handle
from pycage_native.types.memory import Local, Place, local_string, locate, transfer
from pycage_native.types.simple import c_char, c_wchar


def create_string_buffer(init: Any, size: int | None = None) -> Any:
    """Return a mutable array of characters: of a size, or for a string and the NUL behind it.

    Example:
        >>> buffer = pycage_native.create_string_buffer(b"hello", 8)
        >>> buffer.value, len(buffer)
        (b'hello', 8)
    """
    if isinstance(init, bytes):
        made = (c_char * (len(init) + 1 if size is None else size))()
        made.value = init
        return made
    if isinstance(init, int):
        return (c_char * init)()
    raise TypeError(init)


def create_unicode_buffer(init: Any, size: int | None = None) -> Any:
    """As `create_string_buffer`, of wide characters.

    Example:
        >>> len(pycage_native.create_unicode_buffer("hello"))
        6
    """
    if isinstance(init, str):
        made = (c_wchar * (len(init) + 1 if size is None else size))()
        made.value = init
        return made
    if isinstance(init, int):
        return (c_wchar * init)()
    raise TypeError(init)


def string_at(pointer: Any, size: int = -1) -> bytes:
    """Return the bytes at a pointer: so many, or up to a NUL.

    Raises:
        ValueError: The pointer is NULL or of unknown origin, or the string has no end.
        IndexError: A local object is shorter.

    Example:
        >>> buffer = pycage_native.create_string_buffer(b"hello")
        >>> pycage_native.string_at(buffer), pycage_native.string_at(buffer, 2)
        (b'hello', b'he')
    """
    block, at = locate(advanced(pointer, 0))
    return local_string(block, at) if size < 0 else bytes(block.read(at, size))


def wstring_at(pointer: Any, size: int = -1) -> str:
    """Return the wide characters at a pointer: so many, or up to a NUL.  Raises as `string_at` does.

    Example:
        >>> pycage_native.wstring_at(pycage_native.create_unicode_buffer("hello"), 4)
        'hell'
    """
    block, at = locate(advanced(pointer, 0))
    data = local_string(block, at, 4) if size < 0 else bytes(block.read(at, 4 * size))
    return data.decode("utf-32-le", "surrogatepass")


def memmove(target: Any, source: Any, count: int) -> Place | Handle:
    """Copy bytes from an object, a handle or a string to an object or a handle.

    Raises:
        IndexError: A local object is shorter.

    Example:
        >>> from pycage_native import create_string_buffer, memmove
        >>> buffer = create_string_buffer(6)
        >>> _ = memmove(buffer, b"hello", 5)
        >>> buffer.value
        b'hello'
    """
    to, at = locate(advanced(target, 0))
    block, start = locate(advanced(_as_pointer(source), 0))
    transfer(to, at, block, start, count)
    return to if isinstance(to, Handle) else Place(to, at)


def memset(target: Any, value: int, count: int) -> Place | Handle:
    """Fill bytes of an object or a handle.

    Example:
        >>> from pycage_native import create_string_buffer, memset
        >>> buffer = create_string_buffer(4)
        >>> _ = memset(buffer, 65, 3)
        >>> buffer.value
        b'AAA'
    """
    to, at = locate(advanced(target, 0))
    if count < 0:
        raise ValueError("count cannot be negative")
    if isinstance(to, Local) and at + count > len(to.data):  # before the bytes are made
        raise IndexError(f"{count} bytes at {at} are outside of the object's {len(to.data)} bytes")
    to.write(at, bytes((value & 0xFF,)) * count)
    return to if isinstance(to, Handle) else Place(to, at)


def _as_pointer(source: Any) -> Any:
    if isinstance(source, (bytearray, memoryview)):
        return Place(Local(memoryview(source).cast("B")), 0)
    if isinstance(source, str):
        return source
    return source
