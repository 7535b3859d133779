"""Places in the memory of an executor: what a library returns as pointers."""

# A number that an attacker chose.  It means something only to its own executor, so it is used in requests to that one
# and nowhere else; it is never shown, and never followed here.  See memory.py for the other side.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pycage_native import _channel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycage_native._channel import Link

_T = TypeVar("_T")

POINTER_SIZE = 8
MASK = (1 << 64) - 1
_PAGE = 4096
# One turn of a copy moves at most so many bytes, or what the arena has left.
_CHUNK = 1 << 20
# A string of a library is not longer than this; one without an end would fill the host's memory.
LONGEST_STRING = 1 << 24


_given_links: Final[set[type]] = set()


def given_links(kind: type[_T]) -> type[_T]:
    """Say that objects of exactly this type may stand where pointers point to, and are given the executor's link."""
    _given_links.add(kind)
    return kind


def registered(target: Any, link: Link, channel: int | None = None) -> int:
    """Return the address, in an executor, of what is registered there: a function, a shared buffer.

    Args:
        target: What a pointer points to.
        link: Of the executor.
        channel: One that the caller has acquired.

    Raises:
        TypeError: It is something else.  Who has a link takes any turn, so no other object gets it.
    """
    if type(target) not in _given_links:
        raise TypeError(
            "a pointer to an object of this process cannot be stored in the library's memory: the object is there "
            "only during a call; let the library allocate it, or use buffer()"
        )
    return int(target.register(link, channel))


class StaleHandle(RuntimeError):
    """A handle was used after its executor had ended; the new one knows nothing of it.

    You do not get this for handles that are merely wrong: those crash the executor (`NativeCrash`).

    Example:
        >>> from pycage_native import c_char_p, c_void_p, load
        >>> with load("libc.so.6") as libc:
        ...     place = libc.function("strdup", c_void_p, [c_char_p])(b"hello")
        ...     libc.restart()
        ...     place.read(5)
        Traceback (most recent call last):
            ...
        pycage_native.types.handles.StaleHandle: ...
    """


class Handle(_channel.Address):
    """A place in the memory of an executor: what a library returned as a pointer.

    It can be passed back, compared, tested for truth, read and written with an explicit length, and cast.
    It does not show its number.  A wrong place crashes the executor, never the host.

    Raises:
        StaleHandle: By everything that needs the executor, if that has ended.

    Example:
        >>> from pycage_native import c_char_p, c_void_p, load
        >>> with load("libc.so.6") as libc:
        ...     place = libc.function("strdup", c_void_p, [c_char_p])(b"hello")
        ...     type(place).__name__, place.read(5)
        ('Handle', b'hello')
    """

    # What must live as long as this; not of handles that a call returned.
    __slots__ = ("__weakref__", "_keeper")

    _keeper: object

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
            end = end_of(part, width)
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
        else:
            number = registered(target, link)
        self.write(at, number.to_bytes(POINTER_SIZE, "little"))

    def aims_in(self, at: int, size: int) -> list[tuple[int, Any]]:
        """Return the known pointers in a range: none are known of foreign memory."""
        _ = at, size
        return []

    def moved(self, at: int) -> tuple[Handle, int]:
        """Return the place ``at`` bytes further."""
        link = self._running
        if not at:
            return self, 0
        found = Handle(link, (_channel.number(self) + at) & MASK)
        if hasattr(self, "_keeper"):
            found._keeper = self._keeper
        return found, 0

    def cast(self, kind: Any) -> Any:
        """Return the same place as a pointer of the type ``kind``."""
        return kind._pointing_(self)

    def __add__(self, by: Any) -> Handle:
        """Return the place ``by`` bytes further."""
        return self.moved(by)[0] if isinstance(by, int) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        """Return the place so many bytes before, or the distance from another place of the same executor."""
        if isinstance(other, int):
            return self.moved(-other)[0]
        if isinstance(other, Handle) and other._link is self._link:
            return _channel.number(self) - _channel.number(other)
        return NotImplemented

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


def _room(link: Link, channel: int, size: int) -> tuple[int, int]:
    """Reserve arena for a copy in chunks: as much as is needed, or as there is."""
    arena = link.channel_size - _channel.ARENA
    free = arena - ((link.mark(channel) + 63) & ~63)
    chunk = max(1, min(size, _CHUNK, free))
    return chunk, link.reserve(channel, chunk)


def end_of(data: bytes, width: int) -> int:
    """Offset of the first zero unit, or -1."""
    if width == 1:
        return data.find(0)
    at = data.find(bytes(width))
    while at >= 0 and at % width:
        at = data.find(bytes(width), at + 1)
    return at
