"""File descriptors that a sandbox opened itself, under numbers of their own."""

# Problem.  A descriptor is a small number, and the numbers belong to the whole process: 7 was the sandbox's file a
# moment ago and is the host's data base now.  Reading and writing raise no audit event.
#
# Things that do not work:
#
# - A set of the numbers that the sandbox got from os.open: a file object made with fdopen closes 7 without telling, the
#   host opens another file, gets 7, and the sandbox still has it in its set.
# - Compare st_ino as well: another open file of the same name may be open for writing, or stand elsewhere.
#
# Idea.  The sandbox gets numbers that the kernel never gives out, and none twice.  Only the functions of the facade
# know what they stand for.  A descriptor is closed when nobody uses it any more, so that no read of one thread meets
# what another thread opened meanwhile.
#
# What still fails.  Functions that take real numbers (select, subprocess with pass_fds) do not know these.

from __future__ import annotations

import itertools
import os
import threading
from contextlib import contextmanager, suppress
from errno import EBADF
from typing import TYPE_CHECKING, Final, final

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Descriptors"]

FIRST: Final = 1 << 30  # more than the kernel's greatest limit of open files (fs.nr_open), and still a C int


class _Open:
    __slots__ = ("closing", "real", "users")

    def __init__(self, real: int) -> None:
        self.real = real
        self.users = 0
        self.closing = False


@final
@_core.seal
class Descriptors:
    """The descriptors of one sandbox.  Nothing here asks for permissions; the sandbox never holds this object."""

    __slots__ = ("_lock", "_numbers", "_open")

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.RLock()  # a finalizer may run while it is held, and open something
        self._numbers = itertools.count(FIRST)
        self._open: dict[int, _Open] = {}

    def add(self, real: int) -> int:
        """Take over an open descriptor; return the sandbox's number for it."""
        with self._lock:
            number = next(self._numbers)
            self._open[number] = _Open(real)
            return number

    @staticmethod
    def is_own(number: int) -> bool:
        """Return whether a number is one of a sandbox's, be it open or not."""
        return number >= FIRST

    @contextmanager
    def use(self, number: int) -> Iterator[int]:
        """Hold a descriptor open for the length of a block.

        Raises:
            OSError: The sandbox has no descriptor of this number.
        """
        with self._lock:
            found = self._find(number)
            found.users += 1
        try:
            yield found.real
        finally:
            with self._lock:
                found.users -= 1
                last = found.closing and not found.users
            if last:
                os.close(found.real)

    def take(self, number: int) -> int:
        """Hand a descriptor over: the caller closes it, the number is worth nothing any more.

        Raises:
            OSError: The sandbox has no descriptor of this number, or uses it at this moment.
        """
        with self._lock:
            found = self._find(number)
            if found.users:
                raise OSError(EBADF, "the descriptor is in use")
            del self._open[number]
            return found.real

    def copy(self, number: int) -> int:
        """Return a new descriptor for the same open file, which the caller closes.

        Raises:
            OSError: The sandbox has no descriptor of this number.
        """
        with self.use(number) as real:
            return os.dup(real)

    def close(self, number: int) -> None:
        """Close a descriptor, or let the last user do it.

        Raises:
            OSError: The sandbox has no descriptor of this number.
        """
        with self._lock:
            found = self._find(number)
            del self._open[number]
            found.closing = True
            unused = not found.users
        if unused:
            os.close(found.real)

    def close_all(self) -> None:
        """Close what is left."""
        for number in list(self._open):
            with suppress(OSError):  # somebody else was faster
                self.close(number)

    def _find(self, number: int) -> _Open:
        found = self._open.get(number)
        if found is None:
            raise OSError(EBADF, os.strerror(EBADF))
        return found
