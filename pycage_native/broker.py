"""The broker: opens files for a library, or does not.

A library names a file, its system call traps, and the host thread that waits for the call asks here.  So the stack that
is judged is that of whoever called the library, with the library's own domain on top.
"""

# Problem.  A path is the library's word, and what it names can change while it is looked at.
#
# Things that do not work:
#
# - Letting the kernel go on with the library's own call after a look at the path (USER_NOTIF with CONTINUE): 651 of
#   1,432 opens read the forbidden file in a race.
# - Judging only the path as it is written: links.
# - Judging only what it leads to: to look that up is an act already, of the host's.  It mounts what is mounted on
#   demand and asks servers of the network, wherever a library likes.
#
# Idea.  The path was copied before anybody looked.  It is judged as it is written, and nothing is touched if that is
# refused; then it is resolved, the result is judged as well (as for files that are opened inside of the host), and
# exactly the result is opened, by its directory and without following a link any more.  The library gets the open
# file, never a path.
#
# What is opened during a load is judged with the stack of the load, like that of a call: the set-up itself runs
# privileged, so `loaded_by` brings its context along.
#
# While a library is loaded, it and the libraries that it needs are let through as far as they are where the system
# keeps libraries, or beside it; everything else is judged like any other file.
#
# A library is whatever has such a name and lies there: it can be read by the library's constructors.
#
# What still fails.  A file that is exchanged for another one under the same name is the other one.

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pycage.access import check_permission, do_privileged
from pycage.errors import AccessDenied
from pycage.held_paths import Overtaken, open_parent
from pycage.permissions import FilePermission
from pycage_native import _channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.access import AccessControlContext

__all__ = ["SYSTEM_LIBRARIES", "Broker"]

SYSTEM_LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_CACHE: Final = "/etc/ld.so.cache"

_NEVER: Final = os.O_PATH | os.O_DIRECTORY | getattr(os, "O_TMPFILE", 0)
_FLAGS: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
# Paths of 4 KB that a library makes up must not fill the host's memory.
_DENIALS_MAX: Final = 1000
_LIBRARY_NAME: Final = re.compile(r"\.so(?:\.\d[\w+-]*)*\Z", re.ASCII)
# Of the host: its memory, its descriptors, its environment.  No permission for files says that a library may have them.
_PROCESS: Final = re.compile(r"/proc/(?:\d+|self|thread-self)(?:/|\Z)", re.ASCII)


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


class Broker:
    """Decides for one executor.

    Args:
        library: The real path of the library.
        check: ``check_permission`` called by the library's domain.
        caller: Makes a function one that is called with the library's domain on the stack.
        gate: Called before each call.
        preload: Real paths of the libraries that are loaded before it.
    """

    def __init__(
        self,
        library: str,
        check: Callable[[FilePermission], None] = check_permission,
        caller: Callable[[Callable[..., Any]], Callable[..., Any]] = _as_it_is,
        gate: Callable[[], object] | None = None,
        preload: tuple[str, ...] = (),
    ) -> None:
        self._library = library
        self._check = check
        self._loader: AccessControlContext | None = None
        self.caller = caller
        self.gate = gate
        self._named = frozenset({library, _CACHE, *preload})
        self.loading = False
        # Whether anything was asked for since the executor was started: the first is a library.
        self.asked = False
        self.denials: list[str] = []

    @contextmanager
    def loaded_by(self, context: AccessControlContext) -> Iterator[None]:
        """Let a loader have libraries meanwhile, and ask for everything else with the context of the load, too."""
        self._loader = context
        self.loading = True
        try:
            yield
        finally:
            self.loading = False
            self._loader = None

    def __call__(self, wanted: int, flags: int, mode: int, path: bytes, number: int) -> int:  # noqa: ARG002
        """Answer one request; called by the channel.

        Args:
            wanted: ``OPEN``, ``STAT`` or ``ACCESS``.
            flags: Of ``open``.
            mode: Of ``open`` or ``access``.
            path: As the library wrote it, without the NUL.
            number: Of the system call.

        Returns:
            An open descriptor, 0, or a negative errno.
        """
        self.asked = True
        try:
            text = os.fsdecode(path)
            if not path.startswith(b"/") or b"//" in path or b"/../" in path + b"/":
                return self._denied(text, wanted)
            given = os.path.normpath(text)
            self._judge(given, wanted, flags, mode)
            real = do_privileged(os.path.realpath, given)
            if real != given:
                self._judge(real, wanted, flags, mode)
            return do_privileged(self._answer, wanted, flags, mode, real)
        except (AccessDenied, ValueError, OverflowError):  # numbers and names that no file has
            return self._denied(os.fsdecode(path), wanted)
        except OSError as error:
            return -(error.errno or errno.EACCES)

    def _judge(self, path: str, wanted: int, flags: int, mode: int) -> None:
        """Return if this may be opened or looked at, as it is written.

        Raises:
            AccessDenied: It may not.
        """
        if _PROCESS.match(path):
            raise AccessDenied(path)
        if self.loading and self._is_library(path, flags):
            return
        actions = _actions(wanted, flags, mode)
        if actions is None:
            raise AccessDenied(path)
        check = self._check if self._loader is None else self._loader.bind(self._check)
        check(FilePermission(path, actions))

    def _denied(self, path: str, wanted: int) -> int:
        if len(self.denials) < _DENIALS_MAX:
            self.denials.append(path)
        # Whether a file exists is not told either.
        return -errno.EACCES if wanted == _channel.OPEN else -errno.ENOENT

    def _is_library(self, path: str, flags: int) -> bool:
        """Say whether the loader may have this: libraries, where they belong."""
        if flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC) or flags & _NEVER:
            return False
        if path in self._named:
            return True
        directory, name = os.path.split(path)
        beside = os.path.dirname(self._library)
        return _LIBRARY_NAME.search(name) is not None and (
            directory == beside or any(path.startswith(place + "/") for place in SYSTEM_LIBRARIES)
        )

    def _answer(self, wanted: int, flags: int, mode: int, real: str) -> int:
        """Answer for a path that was judged.  It contains no link, and none is followed when it is opened."""
        try:
            parent, name = open_parent(real)
        except Overtaken:  # somebody exchanged a part of the path for a link meanwhile
            return -errno.EACCES
        try:
            if wanted == _channel.ACCESS:
                os.stat(name, dir_fd=parent, follow_symlinks=False)
                return 0
            if wanted == _channel.STAT:
                return os.open(name, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=parent)
            descriptor = os.open(name, flags & ~_NEVER | _FLAGS, mode & 0o666, dir_fd=parent)
        finally:
            os.close(parent)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return -errno.EACCES
        return descriptor


def _actions(wanted: int, flags: int, mode: int) -> str | None:
    """Return the actions to ask for; None: nothing would allow it."""
    if wanted == _channel.STAT:
        return "read"
    if wanted == _channel.ACCESS:
        return "read,write" if mode & os.W_OK else "read"
    if flags & _NEVER:
        return None
    access = flags & os.O_ACCMODE
    writes = access != os.O_RDONLY or flags & (os.O_CREAT | os.O_TRUNC)
    if not writes:
        return "read"
    return "read,write" if access in (os.O_RDWR, os.O_RDONLY) else "write"
