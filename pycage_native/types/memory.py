"""Where the bytes of an object are: in this process (`Local`), or in the executor's (`Handle`)."""

# Problem.  Objects in the shape of ctypes are views of memory, and pointers are numbers in it.  A pointer that a
# library gives is a number that an attacker chose; one that the host gives must not tell where the host's memory is.
#
# Things that do not work:
#
# - Keep ctypes objects here and copy them: their pointers are addresses of this process, and one that a library wrote
#   is followed by the next `.contents`.
# - Number all objects of the host: a number that the library gives back would have to be believed.
#
# Idea.  A local object is a `bytearray`; what its pointers point to stands beside it (`aims`), by offset, as Python
# objects, and the bytes of a pointer to a local object are zero.  A place in the executor is a `Handle`: it knows its
# executor, and its memory is read and written by operations of that executor only.  Nothing ever follows a number.
#
# What still fails.  A pointer that was copied as plain bytes (through a char array) is a number of unknown origin: it
# can be passed to a library, but not be followed.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycage_native import _channel
from pycage_native.types.handles import MASK, POINTER_SIZE, Handle, end_of

if TYPE_CHECKING:
    from pycage_native._channel import Link


class Local:
    """Memory of one object in this process, and what its pointers point to.

    Args:
        data: The bytes.
        kind: Type of the object that lives there; it says where pointers may stand.  None: nowhere.
        frozen: The bytes belong to an immutable object, and what a library does to its copy is not copied back.
    """

    __slots__ = ("__weakref__", "aims", "data", "frozen", "kind", "origin")

    def __init__(self, data: bytearray | memoryview, kind: Any = None, *, frozen: bool = False) -> None:
        self.data = data
        self.kind = kind
        self.frozen = frozen
        self.aims: dict[int, Any] = {}
        # The object of the host that these bytes are a copy of, and to which they go back; see foreign.py.
        self.origin: Any = None

    def read(self, at: int, size: int) -> bytearray | memoryview:
        """Return the ``size`` bytes at offset ``at``."""
        if at < 0 or size < 0 or at + size > len(self.data):
            raise IndexError(f"{size} bytes at {at} are outside of the object's {len(self.data)} bytes")
        return self.data[at : at + size]

    def write(self, at: int, data: bytes | bytearray | memoryview) -> None:
        """Store ``data`` at offset ``at``; pointers that stood there are gone."""
        size = len(data)
        if at < 0 or at + size > len(self.data):
            raise IndexError(f"{size} bytes at {at} are outside of the object's {len(self.data)} bytes")
        if self.frozen:
            raise TypeError("these bytes belong to an immutable object")
        if self.aims:
            self._forget(at, size)
        self.data[at : at + size] = data

    def _forget(self, at: int, size: int) -> None:
        for offset in [offset for offset in self.aims if offset < at + size and offset + POINTER_SIZE > at]:
            del self.aims[offset]
            self.data[offset : offset + POINTER_SIZE] = bytes(POINTER_SIZE)

    def aim(self, at: int) -> Any:
        """Return what the pointer at ``at`` points to: a target, a number of unknown origin, or None."""
        found = self.aims.get(at)
        if found is not None:
            return found
        return int.from_bytes(self.read(at, POINTER_SIZE), "little") or None

    def set_aim(self, at: int, target: Any) -> None:
        """Let the pointer at ``at`` point to ``target``: a `Place`, a `Handle`, a function, a number, or None."""
        if target is None:
            self.write(at, bytes(POINTER_SIZE))
        elif type(target) is int:
            self.write(at, (target & MASK).to_bytes(POINTER_SIZE, "little"))
        elif isinstance(target, Handle):
            self.write(at, _channel.number(target).to_bytes(POINTER_SIZE, "little"))
            self.aims[at] = target
        else:
            self.write(at, bytes(POINTER_SIZE))
            self.aims[at] = target

    def aims_in(self, at: int, size: int) -> list[tuple[int, Any]]:
        """Return the pointers in a range, by their offset from its start."""
        return [(offset - at, aim) for offset, aim in self.aims.items() if at <= offset <= at + size - POINTER_SIZE]

    def snapshot(self) -> tuple[bytes, dict[int, Any]]:
        """Return a copy of bytes and pointers."""
        return bytes(self.data), dict(self.aims)

    def moved(self, at: int) -> tuple[Local, int]:
        """Return the same place, as a block and an offset in it."""
        return self, at


class Place:
    """A place in an object of this process; the local counterpart of a `Handle`."""

    __slots__ = ("_block", "at")

    def __init__(self, block: Local, at: int) -> None:
        self._block = block
        self.at = at

    def read(self, size: int) -> bytes:
        """Copy ``size`` bytes."""
        return bytes(self._block.read(self.at, size))

    def write(self, data: bytes) -> None:
        """Overwrite bytes."""
        self._block.write(self.at, data)

    def cast(self, kind: Any) -> Any:
        """Return the same place as a pointer of the type ``kind``."""
        return kind._pointing_(self)

    def __add__(self, by: Any) -> Place:
        """Return the place ``by`` bytes further."""
        return Place(self._block, self.at + by) if isinstance(by, int) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        """Return the place so many bytes before, or the distance from another place of the same object."""
        if isinstance(other, int):
            return Place(self._block, self.at - other)
        if isinstance(other, Place) and other._block is self._block:
            return self.at - other.at
        return NotImplemented

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Place):
            return self._block is other._block and self.at == other.at
        return NotImplemented

    def __hash__(self) -> int:
        return hash((id(self._block), self.at))

    def __repr__(self) -> str:
        return "<Place in this process>"


def locate(target: Any) -> tuple[Local | Handle, int]:
    """Block and offset of what a pointer points to.

    Raises:
        ValueError: It points nowhere, or nobody knows where: a number of unknown origin is not followed.
    """
    if target is None:
        raise ValueError("NULL pointer access")
    if isinstance(target, Place):
        return target._block, target.at
    if isinstance(target, Handle):
        return target, 0
    raise ValueError("a pointer that no library gave, or that was copied as plain bytes, cannot be followed")


def shifted(target: Any, by: int) -> Any:
    """Return the target ``by`` bytes further."""
    if not by or target is None:
        return target
    if isinstance(target, Place):
        return Place(target._block, target.at + by)
    if isinstance(target, Handle):
        return target.moved(by)[0]
    if type(target) is int:
        return (target + by) & MASK
    raise TypeError("a function has no inside")


def local_string(block: Local | Handle, at: int, width: int = 1) -> bytes:
    """Return the bytes of a string up to its NUL, in either kind of memory.

    Raises:
        ValueError: A local object ends before the string does.
    """
    if isinstance(block, Handle):
        return block.string(at) if width == 1 else block._wide(at)
    data = bytes(block.read(at, len(block.data) - at))
    end = end_of(data, width)
    if end < 0:
        raise ValueError("the string has no end within its object")
    return data[:end]


def transfer(target: Local | Handle, at: int, source: Local | Handle, start: int, size: int) -> None:
    """Copy bytes between objects, with what their pointers are known to point to."""
    data = bytes(source.read(start, size))
    aims = source.aims_in(start, size)
    target.write(at, data)
    for offset, aim in aims:
        target.set_aim(at + offset, aim)


def adopt(block: Local, offsets: tuple[int, ...], link: Link, at: int = 0) -> None:
    """Let the pointers of bytes that came from an executor know where they came from."""
    for offset in offsets:
        number = int.from_bytes(block.data[at + offset : at + offset + POINTER_SIZE], "little")
        if number:
            block.aims[at + offset] = Handle(link, number)
