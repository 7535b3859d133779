"""The zygote: a small process without Python that makes executors in a millisecond; one for the whole host."""

# Problem.  An executor must not inherit anything (environment, descriptors, signal handlers), must die with the host,
# must start fast, and somebody has to collect how it ended.
#
# Things that do not work:
#
# - os.fork() of the host: milliseconds, and unsafe with threads.
# - PR_SET_PDEATHSIG with the host as parent: it fires when the *thread* that started it ends.
# - A pid in the host: after it was collected the number may belong to somebody else.  So the zygote sends a pidfd that
#   it opened before it collected anything.
#
# Idea.  posix_spawn starts the zygote with nothing but its socket and a pidfd of the host.  It ends when either says
# that the host is gone, and executors die with it.

from __future__ import annotations

import atexit
import contextlib
import fcntl
import itertools
import os
import signal
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Final, NamedTuple, final

from pycage_native import _channel
from pycage_native.errors import NativeError
from pycage_native.layers import filters_of

__all__ = ["EXECUTOR", "RUNNING", "Executor", "Zygote"]

EXECUTOR: Final = Path(__file__).with_name("pycage-executor")

_REQUEST: Final = struct.Struct("=IIQiI")
_REPLY: Final = struct.Struct("=iiiI")
RUNNING: Final = -1


class Executor(NamedTuple):
    """A new executor.

    Attributes:
        pid: Its process id, as the host sees it.
        pidfd: A descriptor for it.
        socket: The host's end of its socket, for descriptors; both descriptors are the receiver's to close.
    """

    pid: int
    pidfd: int
    socket: int


@final
class Zygote:
    """The host's handle of the zygote."""

    _current: Zygote | None = None
    _guard = threading.Lock()

    def __init__(self) -> None:
        """Start one; `get` is the way to the one that is shared."""
        self._lock = threading.Lock()
        self._serials = itertools.count(1)
        self._owner = os.getpid()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        opened = []
        try:
            host = os.pidfd_open(os.getpid())
            # Above the numbers that they get in the zygote.
            opened = [host, *(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in (theirs.fileno(), host))]
            self._pid = os.posix_spawn(
                EXECUTOR,
                ["pycage-executor"],
                {},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, opened[1], 3),
                    (os.POSIX_SPAWN_DUP2, opened[2], 4),
                ],
            )
        except OSError as error:
            ours.close()
            message = f"the executor {EXECUTOR.name} could not be started: {error.strerror}; reinstall pycage"
            raise NativeError(message) from error
        finally:
            theirs.close()
            for number in opened:
                os.close(number)
        # Of the sandbox that this whole program runs in, if any.  Executors inherit them, and the zygote adds none.
        self.filters = filters_of(self._pid)

    @classmethod
    def get(cls) -> Zygote:
        """Return the running zygote, starting one if need be."""
        with cls._guard:
            current = cls._current
            if current is None or current._owner != os.getpid() or not current._alive():
                before, cls._current = current, None
                if before is not None:
                    before._socket.close()
                cls._current = current = cls()
            return current

    def _alive(self) -> bool:
        try:
            return os.waitpid(self._pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False

    def _ask(self, request: tuple[int, int, int, int], descriptors: list[int]) -> tuple[int, int, int, list[int]]:
        if self._owner != os.getpid():
            raise NativeError("this executor belongs to the process that this one was forked from")
        with self._lock:
            serial = next(self._serials) & 0xFFFFFFFF
            try:
                socket.send_fds(self._socket, [_REQUEST.pack(*request, serial)], descriptors)
                data, received = self._receive(serial)
            except OSError as error:
                message = f"the zygote does not answer: {error.strerror}"
                raise NativeError(message) from error
        if len(data) != _REPLY.size:
            raise NativeError("the zygote has ended; the next load starts another one")
        pid, error_number, status, _ = _REPLY.unpack(data)
        if error_number:
            raise NativeError(f"the zygote could not make an executor: {os.strerror(error_number)}")
        return pid, error_number, status, received

    def _receive(self, serial: int) -> tuple[bytes, list[int]]:
        """Return the answer to a request; answers to earlier ones, whose readers were interrupted, are dropped."""
        while True:
            data, received, _, _ = socket.recv_fds(self._socket, _REPLY.size, 1)
            if len(data) == _REPLY.size and _REPLY.unpack(data)[3] == serial:
                return data, received
            for number in received:
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(number, signal.SIGKILL)  # nobody will ever call it
                os.close(number)
            if len(data) != _REPLY.size:
                return b"", []

    def spawn(self, memory: int, size: int, channels: int) -> Executor:
        """Make an executor for a configured memory.

        Args:
            memory: Descriptor of the memory; stays the caller's.
            size: Its bytes.
            channels: How many threads serve.

        Raises:
            NativeError: It could not be made.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # Nothing is ever read from an executor.
            ours.shutdown(socket.SHUT_RD)
            request = (_channel.ZYGOTE_SPAWN, channels, size, 0)
            pid, _, _, received = self._ask(request, [memory, theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if not received:  # it would wait for its broker for ever
            ours.close()
            os.kill(pid, signal.SIGKILL)
            raise NativeError("no descriptor is left for another executor")
        return Executor(pid, received[0], ours.detach())

    def status(self, pid: int, *, patience: float = 1.0) -> int | None:
        """Return how an executor ended, as ``os.waitpid`` gives it; None if it is not known.

        Args:
            pid: Of an executor of this zygote that has ended, or is about to.
            patience: Seconds to wait for its end.
        """
        limit = time.monotonic() + patience
        while True:
            try:
                status = self._ask((_channel.ZYGOTE_STATUS, 0, 0, pid), [])[2]
            except NativeError:
                if self._owner != os.getpid():
                    raise
                return None  # the zygote has ended, and so have its executors
            if status != RUNNING:
                return status if status >= 0 else None
            if time.monotonic() > limit:
                return None
            time.sleep(0.0002)

    def close(self) -> None:
        """End it, and every executor with it."""
        if self._owner != os.getpid():
            return
        # Not only closed: a process that was forked from this one may have it, too.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


@atexit.register
def _end() -> None:
    current = Zygote._current
    if current is not None:
        current.close()


def _forget_after_fork() -> None:
    _channel.forget_links_after_fork()
    Zygote._guard = threading.Lock()  # another thread may have held it
    current, Zygote._current = Zygote._current, None
    if current is not None:
        current._socket.close()


os.register_at_fork(after_in_child=_forget_after_fork)
