"""Buffers that host and library share: nothing is copied when one is passed to a call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, final

from pycage_native import _channel

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Buffer", "Heap"]

_ALIGNMENT: Final = 64


@final
class Heap:
    """Gives out the part of an executor's memory that lies behind its channels.  First fit; all of it is private."""

    def __init__(self, start: int, end: int) -> None:
        """Give out the bytes from ``start`` to ``end``."""
        self._lock = threading.Lock()
        self._free = [(start, end)]  # in order, never touching

    def take(self, size: int) -> int:
        """Return where ``size`` bytes are free, and take them.

        Raises:
            MemoryError: There is no such room.
        """
        size = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT
        with self._lock:
            for place, (start, end) in enumerate(self._free):
                if end - start >= size:
                    self._free[place : place + 1] = [(start + size, end)] if end - start > size else []
                    return start
        message = f"no room for {size} bytes; close other buffers or use load(heap=...)"
        raise MemoryError(message)

    def give_back(self, start: int, size: int) -> None:
        """Make what `take` gave free again."""
        end = start + -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT
        with self._lock:
            free = sorted([*self._free, (start, end)])
            merged: list[tuple[int, int]] = []
            for piece in free:
                if merged and merged[-1][1] == piece[0]:
                    merged[-1] = (merged[-1][0], piece[1])
                else:
                    merged.append(piece)
            self._free = merged


@final
class Buffer(_channel.Address):
    """Bytes that the library and the host both see.  A context manager that gives them back.

    What stands here can change at any moment, while the host looks at it too: whoever checks and then uses takes
    `snapshot` first.  After the executor has ended the bytes stay readable, but cannot be passed to the next one.

    Attributes:
        view: A writable ``memoryview`` of bytes; ``numpy.frombuffer(buffer.view, ...)`` shares it.

    Example:
        >>> from pycage_native import c_int, c_size_t, c_void_p, load
        >>> with load("libc.so.6") as libc, libc.buffer(4) as buffer:
        ...     _ = libc.function("memset", c_void_p, [c_void_p, c_int, c_size_t])(buffer, 65, 4)
        ...     buffer.snapshot()
        b'AAAA'
    """

    view: memoryview
    _owner: _channel.Link
    _heap: Heap
    _at: int
    _size: int
    _closed: bool

    def __new__(cls, link: _channel.Link, heap: Heap, size: int) -> Self:
        """Take ``size`` bytes; see ``Library.buffer``."""
        if type(size) is not int or size < 0:
            message = f"a buffer needs a number of bytes, 0 or more; got {size!r}"
            raise ValueError(message)
        at = heap.take(size)
        # An address, which is what the C side passes on without asking anybody.
        self = super().__new__(cls, link, link.remote + at)
        self._owner = link
        self._heap = heap
        self._size = size
        self._at = at
        with memoryview(link) as memory:
            self.view = memory[at : at + size]
        self.view[:] = bytes(size)
        self._closed = False
        return self

    def __len__(self) -> int:
        return self._size

    def _address(self, link: _channel.Link) -> int:
        """Return where it is for the executor behind ``link``: a number to pass on, not to use.

        Raises:
            ValueError: It is closed, or belonged to an executor that has ended.
        """
        if self._closed:
            message = "this buffer is closed"
            raise ValueError(message)
        if link is not self._owner:
            message = "this buffer belonged to an executor that has ended; make another one"
            raise ValueError(message)
        return link.remote + self._at

    def snapshot(self) -> bytes:
        """Return a copy that nobody changes any more."""
        return bytes(self.view)

    def close(self) -> None:
        """Give the bytes back.

        Raises:
            BufferError: Somebody (numpy, a slice of `view`) still looks at them.
        """
        if not self._closed:
            self.view.release()
            self._closed = True
            self._forget()
            self._heap.give_back(self._at, self._size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Buffer of {self._size} bytes{' (closed)' if self._closed else ''}>"
