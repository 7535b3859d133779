"""Directions and sizes of buffers: ``sync = {"dst": Out(size="n"), "src": In(size="n")}``."""

from __future__ import annotations

from typing import Any

NULL_TERMINATED = "null-terminated"


class Direction:
    """Which way the bytes of an argument go, and how many of them.

    Without an annotation all of an object is copied in before a call, and back after it.

    Args:
        size: Bytes: a number, the name of an argument, its position as ``"#0"``, or ``"null-terminated"``.
            None: all of the object.  If the argument is a pointer to a number, it is the number before the call.
        count: The same in objects of the type that is pointed to.

    Raises:
        ValueError: The size is negative, or both are given.
    """

    __slots__ = ("count", "size")
    goes_in = True
    goes_out = True

    def __init__(self, *, size: int | str | None = None, count: int | str | None = None) -> None:
        if size is not None and count is not None:
            raise ValueError("either size or count")
        for value in (size, count):
            if value is not None and type(value) not in {int, str}:
                raise TypeError("a size is a number, the name of an argument, its position as '#0', or null-terminated")
            if isinstance(value, int) and value < 0:
                raise ValueError("a size cannot be negative")
        self.size = size
        self.count = count

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.size, self.count) == (other.size, other.count)

    def __hash__(self) -> int:
        return hash((type(self), self.size, self.count))

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name in ("size", "count") if (value := getattr(self, name)) is not None]
        return f"{type(self).__name__}({', '.join(shown)})"

    def bound(self, names: tuple[str, ...], count: int | None) -> Bound:
        """Return the same with positions instead of names.

        Raises:
            ValueError: There is no such argument.
        """
        source = self.size if self.size is not None else self.count
        return Bound(self, None if source is None else _position(source, names, count))


class In(Direction):
    """Copied in only: the library reads it.

    Example:
        >>> from pycage_native import In, c_size_t, c_void_p, load
        >>> with load("libc.so.6") as libc:
        ...     sync = {"text": In(size="size")}
        ...     strnlen = libc.function("strnlen", c_size_t, [c_void_p, c_size_t], sync=sync, names=["text", "size"])
        ...     strnlen(b"hello", 3)
        3
    """

    __slots__ = ()
    goes_out = False


class Out(Direction):
    """Copied back only: the library gets zeros, and writes.

    Example:
        >>> from pycage_native import Out, c_int, c_size_t, c_void_p, load
        >>> text = bytearray(4)
        >>> with load("libc.so.6") as libc:
        ...     sync = {"to": Out(size="size")}
        ...     types, names = [c_void_p, c_int, c_size_t], ["to", "byte", "size"]
        ...     memset = libc.function("memset", None, types, sync=sync, names=names)
        ...     memset(text, 65, 3)
        >>> text[:3]
        bytearray(b'AAA')
    """

    __slots__ = ()
    goes_in = False


class InOut(Direction):
    """Copied both ways.

    Example:
        >>> from pycage_native import InOut, c_char_p, c_void_p, load
        >>> text = bytearray(b"a,b" + bytes(1))
        >>> with load("libc.so.6") as libc:
        ...     strtok = libc.function("strtok", c_void_p, [c_void_p, c_char_p], sync={"text": InOut()}, names=["text"])
        ...     _ = strtok(text, b",")
        >>> bytes(text[:3]).hex()
        '610062'
    """

    __slots__ = ()


class Bound:
    """A direction whose size is a number of bytes or objects, a position, or up to a NUL."""

    __slots__ = ("direction", "fixed", "position", "to_zero")

    def __init__(self, direction: Direction, source: int | str | tuple[int] | None) -> None:
        self.direction = direction
        self.to_zero = source == NULL_TERMINATED
        self.position: int | None = source[0] if isinstance(source, tuple) else None
        self.fixed: int | None = source if isinstance(source, int) else None

    def bytes_of(self, arguments: tuple[Any, ...], item: int) -> int | None:
        """How many bytes for these arguments; None: all.

        Raises:
            TypeError: The argument that says it is no number.
            ValueError: It is negative, or missing.
        """
        if self.fixed is not None:
            size = self.fixed
        elif self.position is not None:
            if self.position >= len(arguments):
                raise ValueError(f"the size stands in argument {self.position + 1}, which is missing")
            size = _number(arguments[self.position])
        else:
            return None
        if size < 0:
            raise ValueError(f"a size cannot be negative: {size}")
        return size * (item if self.direction.count is not None else 1)


def _position(source: int | str, names: tuple[str, ...], count: int | None) -> int | str | tuple[int]:
    if isinstance(source, int) or source == NULL_TERMINATED:
        return source
    if source.startswith("#") and source[1:].isdecimal():
        found = int(source[1:])
    elif source in names:
        found = names.index(source)
    else:
        raise ValueError(f"there is no argument {source!r}")
    if count is not None and found >= count:
        raise ValueError(f"there is no argument {source!r}")
    return (found,)


def _number(value: Any) -> int:
    for _ in range(3):  # a number, an object with a value, or a pointer to one
        if isinstance(value, int):
            return int(value)
        inner = getattr(value, "object", None)  # byref()
        if inner is None:
            inner = getattr(value, "value", None)
        if inner is None and value is not None:
            inner = getattr(value, "contents", None)
        value = inner
    raise TypeError("the argument that says the size of another one is no number")
