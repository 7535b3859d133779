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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycage_native._channel import Link

POINTER_SIZE = 8
MASK = (1 << 64) - 1
_PAGE = 4096
# One turn of a copy moves at most so many bytes, or what the arena has left.
_CHUNK = 1 << 20
# A string of a library is not longer than this; one without an end would fill the host's memory.
LONGEST_STRING = 1 << 24


class StaleHandle(RuntimeError):
    """A handle was used after its executor had ended; the new one knows nothing of it.

    You do not get this for handles that are merely wrong: those crash the executor (`NativeCrash`).
    """


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


class Handle(_channel.Address):
    """A place in the memory of an executor: what a library returned as a pointer.

    It can be passed back, compared, tested for truth, read and written with an explicit length, and cast.
    It does not show its number.  A wrong place crashes the executor, never the host.

    Raises:
        StaleHandle: By everything that needs the executor, if that has ended.
    """

    __slots__ = ("__weakref__",)

    @property
    def _running(self) -> Link:
        """The executor's link.  Its name keeps it from sandboxes, which have handles: it takes any request."""
        link = self._link
        if link is None or not link.alive:
            raise StaleHandle("the executor that this handle belongs to has ended")
        return link

    def read(self, at: int = 0, size: int | None = None) -> bytes:
        """Copy bytes out of the executor: ``read(size)``, or ``read(offset, size)``.

        Raises:
            ValueError: The size is negative.
        """
        if size is None:
            at, size = 0, at
        if size < 0:
            raise ValueError("the size of a read cannot be negative")
        return b"".join(self._chunks(at, size, "reading"))

    def _chunks(self, at: int, size: int, name: str) -> Iterator[bytes]:
        link, start = self._running, _channel.number(self) + at
        channel = link.acquire()
        used = link.mark(channel)
        try:
            chunk, place = _room(link, channel, size)
            memory = memoryview(link).cast("B")
            aux = place - channel * link.channel_size
            for done in range(0, size, chunk):
                length = min(chunk, size - done)
                link.call(channel, _channel.READ << 24, ((start + done) & MASK, length), aux, name)
                yield bytes(memory[place : place + length])
        finally:
            link.mark(channel, used)
            link.release(channel)

    def write(
        self, at: int | bytes | bytearray | memoryview, data: bytes | bytearray | memoryview | None = None
    ) -> None:
        """Copy bytes into the executor: ``write(data)``, or ``write(offset, data)``."""
        if isinstance(at, int) is (data is None):
            raise TypeError("write(data) or write(offset, data)")
        offset = at if isinstance(at, int) else 0
        data = bytes(at if isinstance(at, (bytes, bytearray, memoryview)) else data or b"")
        link, start = self._running, _channel.number(self) + offset
        channel = link.acquire()
        used = link.mark(channel)
        try:
            chunk, place = _room(link, channel, len(data))
            memory = memoryview(link).cast("B")
            aux = place - channel * link.channel_size
            for done in range(0, len(data), chunk):
                part = data[done : done + chunk]
                memory[place : place + len(part)] = part
                link.call(channel, _channel.WRITE << 24, ((start + done) & MASK, len(part)), aux, "writing")
        finally:
            link.mark(channel, used)
            link.release(channel)

    def string(self, at: int = 0, limit: int = LONGEST_STRING) -> bytes:
        """Copy the bytes up to a NUL.

        Raises:
            ValueError: There is none within ``limit`` bytes.
        """
        link, start = self._running, _channel.number(self) + at
        found = bytearray()
        channel = link.acquire()
        used = link.mark(channel)
        try:
            chunk, place = _room(link, channel, limit + 1)
            memory = memoryview(link).cast("B")
            aux = place - channel * link.channel_size
            while len(found) <= limit:
                words = ((start + len(found)) & MASK, chunk, 1)
                length = min(link.call(channel, _channel.READ << 24, words, aux, "reading a string")[1], chunk)
                found += memory[place : place + length]
                if length < chunk:
                    return bytes(found)
        finally:
            link.mark(channel, used)
            link.release(channel)
        raise ValueError(f"a string of the library has no end within {limit} bytes")

    def wide_string(self, at: int = 0, limit: int = LONGEST_STRING // 4) -> str:
        """Copy the wide characters up to a NUL.  Raises as `string` does, and if one is no character."""
        return self._wide(at, limit).decode("utf-32-le", "surrogatepass")

    def _wide(self, at: int = 0, limit: int = LONGEST_STRING // 4) -> bytes:
        # Never beyond the page of the last character that was not zero: what follows may not be mapped.
        width = 4
        found = bytearray()
        start = _channel.number(self) + at
        while len(found) < limit * width:
            here = start + len(found)
            size = (_PAGE - here % _PAGE) // width * width or width
            part = self.read(at + len(found), size)
            end = _end(part, width)
            if end >= 0:
                return bytes(found + part[:end])
            found += part
        raise ValueError(f"a string of the library has no end within {limit} characters")

    def aim(self, at: int) -> Any:
        """Return what the pointer at offset ``at`` points to: a `Handle`, or None."""
        link = self._running
        found = int.from_bytes(self.read(at, POINTER_SIZE), "little")
        return Handle(link, found) if found else None

    def set_aim(self, at: int, target: Any) -> None:
        """Let the pointer at offset ``at`` point to ``target``."""
        link = self._running
        if target is None:
            number = 0
        elif type(target) is int:
            number = target & MASK
        elif isinstance(target, Handle):
            if target._running is not link:
                raise StaleHandle("that handle belongs to another executor")
            number = _channel.number(target)
        elif isinstance(target, Place):
            raise TypeError(
                "a pointer to an object of this process cannot be stored in the library's memory: the object is there "
                "only during a call; let the library allocate it, or use buffer()"
            )
        else:
            number = target.register(link)
        self.write(at, number.to_bytes(POINTER_SIZE, "little"))

    def aims_in(self, at: int, size: int) -> list[tuple[int, Any]]:
        """Return the known pointers in a range: none are known of foreign memory."""
        _ = at, size
        return []

    def moved(self, at: int) -> tuple[Handle, int]:
        """Return the place ``at`` bytes further."""
        link = self._running
        return (Handle(link, (_channel.number(self) + at) & MASK), 0) if at else (self, 0)

    def cast(self, kind: Any) -> Any:
        """Return the same place as a pointer of the type ``kind``."""
        return kind._pointing_(self)

    def __bool__(self) -> bool:
        return _channel.number(self) != 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Handle):
            return self._link is other._link and _channel.number(self) == _channel.number(other)
        if type(other) is int:  # a documented value such as (void *)-1
            return _channel.number(self) == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(_channel.number(self))

    def __repr__(self) -> str:
        link = self._link
        return f"<{type(self).__name__}{'' if link is not None and link.alive else ', stale'}>"

    def __reduce__(self) -> Any:
        raise TypeError("a handle belongs to its executor and cannot be pickled")


class Place:
    """A place in an object of this process; the local counterpart of a `Handle`."""

    __slots__ = ("at", "block")

    def __init__(self, block: Local, at: int) -> None:
        self.block = block
        self.at = at

    def read(self, size: int) -> bytes:
        """Copy ``size`` bytes."""
        return bytes(self.block.read(self.at, size))

    def write(self, data: bytes) -> None:
        """Overwrite bytes."""
        self.block.write(self.at, data)

    def cast(self, kind: Any) -> Any:
        """Return the same place as a pointer of the type ``kind``."""
        return kind._pointing_(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Place):
            return self.block is other.block and self.at == other.at
        return NotImplemented

    def __hash__(self) -> int:
        return hash((id(self.block), self.at))

    def __repr__(self) -> str:
        return "<Place in this process>"


def _room(link: Link, channel: int, size: int) -> tuple[int, int]:
    """Reserve arena for a copy in chunks: as much as is needed, or as there is."""
    arena = link.channel_size - _channel.ARENA
    free = arena - ((link.mark(channel) + 63) & ~63)
    chunk = max(1, min(size, _CHUNK, free))
    return chunk, link.reserve(channel, chunk)


def _end(data: bytes, width: int) -> int:
    """Offset of the first zero unit, or -1."""
    if width == 1:
        return data.find(0)
    at = data.find(bytes(width))
    while at >= 0 and at % width:
        at = data.find(bytes(width), at + 1)
    return at


def locate(target: Any) -> tuple[Local | Handle, int]:
    """Block and offset of what a pointer points to.

    Raises:
        ValueError: It points nowhere, or nobody knows where: a number of unknown origin is not followed.
    """
    if target is None:
        raise ValueError("NULL pointer access")
    if isinstance(target, Place):
        return target.block, target.at
    if isinstance(target, Handle):
        return target, 0
    raise ValueError("a pointer that no library gave, or that was copied as plain bytes, cannot be followed")


def shifted(target: Any, by: int) -> Any:
    """Return the target ``by`` bytes further."""
    if not by or target is None:
        return target
    if isinstance(target, Place):
        return Place(target.block, target.at + by)
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
    end = _end(data, width)
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
