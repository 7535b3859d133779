"""Functions of ``os`` for a sandbox that take paths: the same for every sandbox, which is on the stack as a shim.

Files are asked about and used in one step (`held`); those that change them stand in `os_changes`.  For programs to
start the path is made exact and the audit event decides.
"""

from __future__ import annotations

import os
import posixpath
from stat import S_ISDIR
from typing import TYPE_CHECKING, Final, cast

from pycage.errors import AccessDenied, type_name
from pycage.imports.facades import os_changes
from pycage.imports.facades.checks import (
    check_runtime,
    check_working_directory,
    exact,
    exact_path,
    readable_variable,
)
from pycage.imports.facades.exact_numbers import exact_integer
from pycage.imports.facades.held import on_file, on_name
from pycage.imports.facades.os_changes import by_path, flag, mkdir, rename, rmdir, without_dir_fd

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.facades.checks import Path

__all__ = [
    "FUNCTIONS",
    "INFORMATION",
    "access",
    "flag",
    "getenv",
    "lstat",
    "makedirs",
    "mkdir",
    "readlink",
    "rename",
    "rmdir",
    "stat",
    "without_dir_fd",
]

_PROGRAMS: Final = ("execv", "execve", "posix_spawn", "posix_spawnp")
"""They raise an event that decides; so does chdir."""

INFORMATION: Final = frozenset(
    """
    ctermid getegid geteuid getgid getgrouplist getgroups getloadavg getlogin getpgid getpgrp getppid getpriority
    getresgid getresuid getsid getuid process_cpu_count sched_getaffinity sysconf times uname
    """.split()  # noqa: SIM905  # as above
)
"""Functions that tell about the machine and the host's user: ``RuntimePermission("getSystemInformation")``."""


def _audited(name: str) -> Callable[..., object]:
    function = cast("Callable[..., object]", getattr(os, name))

    def call(path: object, *args: object, **kwargs: object) -> object:
        if kwargs.pop("file_actions", None) is not None:
            message = "file_actions unavailable in a sandbox: they open files by themselves, in the child and unseen"
            raise NotImplementedError(message)
        return function(exact_path(path), *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = function.__doc__
    return call


def _informs(name: str) -> Callable[..., object]:
    function = cast("Callable[..., object]", getattr(os, name))

    def call(*args: object) -> object:
        check_runtime("getSystemInformation")
        return function(*args)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = function.__doc__
    return call


# ---- Reading about files: no event -----------------------------------------------------------------------------------


def stat(path: object, *, dir_fd: None = None, follow_symlinks: object = True) -> os.stat_result:
    """Return the status of a file."""
    without_dir_fd(dir_fd)
    return on_file("os.stat", exact_path(path), "read", os.fstat, follow=flag(follow_symlinks))


def lstat(path: object, *, dir_fd: None = None) -> os.stat_result:
    """Return the status of a file, of the link itself if it is one."""
    return stat(path, dir_fd=dir_fd, follow_symlinks=False)


def access(
    path: object,
    mode: int,
    *,
    dir_fd: None = None,
    effective_ids: object = False,
    follow_symlinks: object = True,
) -> bool:
    """Say whether the process may use a file; what the sandbox may is another matter."""
    without_dir_fd(dir_fd)
    exactly, follow, effective = exact_path(path), flag(follow_symlinks), flag(effective_ids)
    wanted = exact_integer(mode, "mode")

    def used(held: str) -> bool:
        return os.access(held, wanted, effective_ids=effective, follow_symlinks=follow)

    try:
        return by_path("os.access", exactly, "read", used, follow_symlinks=follow)
    except AccessDenied:
        raise
    except OSError:
        return False


def readlink(path: object, *, dir_fd: None = None) -> Path:
    """Return the text of a link; asks for the action ``readlink``, as Java does."""
    without_dir_fd(dir_fd)
    exactly = exact_path(path)
    text = on_name("os.readlink", exactly, "readlink", lambda name, inside: os.readlink(name, dir_fd=inside))
    return os.fsencode(text) if type(exactly) is bytes else text


def statvfs(path: object) -> os.statvfs_result:
    """Return the status of the file system with a file."""
    return on_file("os.statvfs", exact_path(path), "read", os.statvfs)


def pathconf(path: object, name: object) -> int:
    """Return a limit of the file system with a file."""
    limit = cast("str | int", exact(name))
    return on_file("os.pathconf", exact_path(path), "read", lambda fd: os.pathconf(fd, limit))


def getcwd() -> str:
    """Return the current directory."""
    return check_working_directory()


def getcwdb() -> bytes:
    """Return the current directory as bytes."""
    return os.fsencode(check_working_directory())


# ---- Several steps ---------------------------------------------------------------------------------------------------


def makedirs(name: object, mode: int = 0o777, exist_ok: object = False) -> None:  # noqa: FBT002  # the real one's
    """Make a directory and those above it.

    It is tried from below, not from above as in the real one: who may write to ``/srv/a/-`` need not be able to look at
    ``/srv``.
    """
    path, may_exist = exact_path(name), flag(exist_ok)
    try:
        mkdir(path, mode)
    except FileNotFoundError:
        head = posixpath.dirname(path.rstrip(b"/") if type(path) is bytes else cast("str", path).rstrip("/"))
        if not head or head == path:
            raise
        makedirs(head, exist_ok=True)  # since 3.7, mode is not for these
        mkdir(path, mode)
    except AccessDenied:
        raise
    except OSError:
        if not may_exist or not _is_directory(path):
            raise


def _is_directory(path: Path) -> bool:
    try:
        return S_ISDIR(stat(path).st_mode)
    except AccessDenied:
        raise
    except (OSError, ValueError):
        return False


def removedirs(name: object) -> None:
    """Remove a directory and, while they are empty and may be removed, those above it."""
    path = exact_path(name)
    rmdir(path)
    _remove_above(path)


def renames(old: object, new: object) -> None:
    """Rename a file; make the directories that are missing, remove those that become empty."""
    source, target = exact_path(old), exact_path(new)
    try:
        rename(source, target)
    except FileNotFoundError:
        head = posixpath.dirname(target)
        if not head:
            raise
        makedirs(head, exist_ok=True)
        rename(source, target)
    _remove_above(source)


def _remove_above(path: Path) -> None:
    head = posixpath.dirname(path.rstrip(b"/") if type(path) is bytes else cast("str", path).rstrip("/"))
    while head:
        try:
            rmdir(head)
        except OSError:  # a denial, too: it is recorded, and the directory stays
            return
        head, last = posixpath.split(head)
        if not last:
            return


# ---- Environment -----------------------------------------------------------------------------------------------------


def getenv(key: object, default: object = None) -> object:
    """Return an environment variable; one that may not be read is not set.  See `pycage.imports.facades.os_facade`."""
    name = exact(key)
    if type(name) is not str:
        message = f"str expected, not {type_name(name)}"
        raise TypeError(message)
    return os.environ.get(name, default) if readable_variable(name) else default


def putenv(name: object, value: object) -> None:
    """Set a variable for child processes; raises the event that decides."""
    os.putenv(cast("str", exact(name)), cast("str", exact(value)))


def unsetenv(name: object) -> None:
    """Delete a variable for child processes; raises the event that decides."""
    os.unsetenv(cast("str", exact(name)))


# ---- Processes -------------------------------------------------------------------------------------------------------


def system(command: object) -> int:
    """Run a command in a shell; raises the event that decides."""
    return os.system(cast("str", exact(command)))  # noqa: S605  # what is asked for


FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    **os_changes.FUNCTIONS,
    **{name: _audited(name) for name in ("chdir", *_PROGRAMS) if hasattr(os, name)},
    **{name: _informs(name) for name in INFORMATION if hasattr(os, name)},
    **{
        function.__name__: function
        for function in (
            access,
            getcwd,
            getcwdb,
            getenv,
            lstat,
            makedirs,
            pathconf,
            putenv,
            readlink,
            removedirs,
            renames,
            stat,
            statvfs,
            system,
            unsetenv,
        )
    },
}
"""What the facade has of these, by name.  ``fork``, ``kill`` and ``killpg`` are the real ones: their events decide."""
