"""Opens exactly the place that was judged: by its real path, on which no link is followed any more.

For whoever asks about a file first and uses it then: the facades of files, and the broker of `pycage_native`.  Nothing
here asks for permission.
"""

# Problem.  `pycage.paths` says where a path leads, and a permission for that place is checked.  Then the operation
# takes the path again, and somebody may have exchanged a directory for a link meanwhile (D295).
#
# Things that do not work:
#
# - Look again afterwards: the content was read, or the file emptied, before anybody looks.
# - O_NOFOLLOW: it speaks of the last component only.
# - RESOLVE_BENEATH below a granted directory: the directory itself is a name, and grants are patterns.
#
# Idea.  What was judged is a path without links.  If it is opened and no link is followed on the way, then what was
# opened is what was judged, whatever happened in between: check and use are one step.  The kernel does so since
# Linux 5.6 (openat2 with RESOLVE_NO_SYMLINKS).  Where it does not, the walk goes from directory to directory, each held
# open by the one before and none of them a link.  A link on the way is `Overtaken`: the caller asks anew.
#
# What still fails.  A file that is exchanged for another *file* under the same name is what the name says.  Mounts, and
# directories that are renamed while one is in them, are names like any other.

from __future__ import annotations

import errno
import os
from stat import S_ISLNK
from typing import Final

from pycage import _core

__all__ = ["Overtaken", "open_held", "open_parent"]

_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Overtaken(Exception):
    """There is a link on a path that had none a moment ago."""


def open_held(path: str, flags: int, mode: int = 0) -> int:
    """Open a path without following any link, and return the descriptor, which is not inherited.

    With ``O_PATH | O_NOFOLLOW`` a link at the very end is opened itself.

    Args:
        path: Absolute, without ``..``; what ``Place.real`` of `pycage.paths` contains.  A slash at the end, and a dot
            behind it, mean what they mean to the kernel: there must be a directory.
        flags: As of ``os.open``.
        mode: As of ``os.open``.

    Raises:
        Overtaken: There is a link on the way.
        OSError: As ``os.open``.
    """
    global _walks  # noqa: PLW0603  what this kernel can do is found out once
    if _walks is None:
        _walks = not _has_openat2()
    try:
        opener = _walk if _walks else _core.open_without_links
        return opener(os.fsencode(path), flags, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Overtaken from None
        raise


def open_parent(path: str) -> tuple[int, str]:
    """Open the directory that holds the last component; return its descriptor and the component.

    The descriptor is for ``dir_fd``: names below it are looked up where it is, whatever its path leads to by then.

    Raises:
        Overtaken: There is a link on the way to it.
        OSError: There is no such directory, ...
    """
    directory, _, name = path.rpartition("/")
    return open_held(directory or "/", _DIRECTORY), name or "."


_walks: bool | None = None


def _has_openat2() -> bool:
    try:
        os.close(_core.open_without_links(b"/", _DIRECTORY, 0))
    except OSError:  # ENOSYS; or EPERM, where a filter of system calls is older than the call
        return False
    return True


def _walk(path: bytes, flags: int, mode: int) -> int:
    """Do what openat2 does with RESOLVE_NO_SYMLINKS, one directory after the other."""
    *directories, name = [part for part in path.split(b"/") if part] or [b"."]
    if path.endswith(b"/"):
        flags |= os.O_DIRECTORY
        if flags & os.O_CREAT and not flags & os.O_PATH:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    here = os.open("/", _DIRECTORY)
    try:
        for directory in directories:
            inner = _step(directory, _DIRECTORY, 0, here)
            os.close(here)
            here = inner
        opened = _step(name, flags, mode, here)
    finally:
        os.close(here)
    # O_PATH opens a link where anything else fails.
    if flags & os.O_PATH and not flags & os.O_NOFOLLOW and S_ISLNK(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return opened


def _step(name: bytes, flags: int, mode: int, directory: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=directory)
    except NotADirectoryError:  # O_DIRECTORY looks first: a link is no directory
        if S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise
