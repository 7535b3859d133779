"""``os.path`` for a sandbox: what looks at files asks first, what only handles text is the real one.

A look at a file that is denied raises, in ``exists()`` too: "no" would be a lie.
"""

from __future__ import annotations

import os
import posixpath
import re
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Any, Final, cast

from pycage.errors import AccessDenied
from pycage.imports.facades import os_files
from pycage.imports.facades.checks import Links, check_file, check_working_directory, exact_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.facades.checks import Path
    from pycage.imports.tools import Tools

__all__ = ["EFFECTS", "NAMES", "PURE", "islink", "make"]

PURE: Final = frozenset(
    """
    ALLOW_MISSING altsep basename commonpath commonprefix curdir defpath devnull dirname extsep isabs isdevdrive
    isjunction join normcase normpath pardir pathsep samestat sep split splitdrive splitext splitroot
    supports_unicode_filenames
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)
"""What only handles text."""


def _status(path: object, look: Callable[..., os.stat_result] = os_files.stat) -> os.stat_result | None:
    exactly = exact_path(path)
    try:
        return look(exactly)
    except AccessDenied:
        raise
    except (OSError, ValueError):
        return None


def exists(path: object) -> bool:
    """Say whether a path leads to something."""
    return _status(path) is not None


def lexists(path: object) -> bool:
    """Say whether there is something, be it a link to nothing."""
    return _status(path, os_files.lstat) is not None


def isfile(path: object) -> bool:
    """Say whether a path leads to a regular file."""
    status = _status(path)
    return status is not None and S_ISREG(status.st_mode)


def isdir(s: object) -> bool:
    """Say whether a path leads to a directory."""
    status = _status(s)
    return status is not None and S_ISDIR(status.st_mode)


def islink(path: object) -> bool:
    """Say whether a path is a symbolic link."""
    status = _status(path, os_files.lstat)
    return status is not None and S_ISLNK(status.st_mode)


def getsize(filename: object) -> int:
    """Return the size in bytes."""
    return os_files.stat(filename).st_size


def getmtime(filename: object) -> float:
    """Return the time of the last change, in seconds."""
    return os_files.stat(filename).st_mtime


def getatime(filename: object) -> float:
    """Return the time of the last reading, in seconds."""
    return os_files.stat(filename).st_atime


def getctime(filename: object) -> float:
    """Return the time of the last change of the status, in seconds."""
    return os_files.stat(filename).st_ctime


def samefile(f1: object, f2: object) -> bool:
    """Say whether two paths lead to the same file."""
    return posixpath.samestat(os_files.stat(f1), os_files.stat(f2))


def ismount(path: object) -> bool:
    """Say whether a path is a mount point."""
    exactly = exact_path(path)
    check_file("os.path.ismount", exactly, "read", Links.KEEP)
    return posixpath.ismount(exactly)


def realpath(filename: object, **options: Any) -> Path:  # strict, since 3.10
    """Return the path without links.  Whoever may read the file there, and by this name, may know it."""
    exactly = exact_path(filename)
    check_file("os.path.realpath", exactly, "read")
    return posixpath.realpath(exactly, **options)


def abspath(path: object) -> Path:
    """Return an absolute path; for a relative one the current directory must be known."""
    exactly = exact_path(path)
    if type(exactly) is bytes:
        here = b"" if exactly[:1] == b"/" else os.fsencode(check_working_directory())
        return posixpath.normpath(posixpath.join(here, exactly))
    text = cast("str", exactly)
    return posixpath.normpath(posixpath.join("" if text[:1] == "/" else check_working_directory(), text))


def relpath(path: object, start: object = None) -> Path:
    """Return a path relative to another one."""
    exactly = exact_path(path)
    if not exactly:
        message = "no path specified"
        raise ValueError(message)
    here = b"." if type(exactly) is bytes else "."
    begin = here if start is None else exact_path(start)
    # Wherever we are, the way from one place below to another one is the same.
    whole = _from_root if _is_below(exactly) and _is_below(begin) else abspath
    return cast("Path", posixpath.relpath(cast("str", whole(exactly)), cast("str", whole(begin))))


def _is_below(path: Path) -> bool:
    text = posixpath.normpath(os.fsdecode(path))
    return text[:1] != "/" and text != ".." and text[:3] != "../"


def _from_root(path: Path) -> Path:
    return b"/" + path if type(path) is bytes else "/" + cast("str", path)


def expanduser(path: object) -> Path:
    """Put the home directory for ``~``; without ``EnvPermission("HOME", "read")`` the path stays as it is.

    ``~name`` stays as it is: the user database is the host's.
    """
    exactly = exact_path(path)
    text = os.fsdecode(exactly)
    if text != "~" and text[:2] != "~/":
        return exactly
    home = os_files.getenv("HOME")
    if home is None:
        return exactly
    whole = (cast("str", home).rstrip("/") + text[1:]) or "/"
    return os.fsencode(whole) if type(exactly) is bytes else whole


_VARIABLE: Final = re.compile(r"\$(\w+|\{[^}]*\})", re.ASCII)


def expandvars(path: object) -> Path:
    """Put the values of environment variables for their names; those that may not be read stay as they are."""
    exactly = exact_path(path)

    def value(match: re.Match[str]) -> str:
        name = match[1]
        found = os_files.getenv(name[1:-1] if name[0] == "{" and name[-1] == "}" else name)
        return match[0] if found is None else cast("str", found)

    text = _VARIABLE.sub(value, os.fsdecode(exactly))
    return os.fsencode(text) if type(exactly) is bytes else text


EFFECTS: Final[dict[str, Callable[..., object]]] = {
    function.__name__: function
    for function in (
        abspath,
        exists,
        expanduser,
        expandvars,
        getatime,
        getctime,
        getmtime,
        getsize,
        isdir,
        isfile,
        islink,
        ismount,
        lexists,
        realpath,
        relpath,
        samefile,
    )
}

NAMES: Final[dict[str, object]] = {
    **EFFECTS,
    **{name: getattr(posixpath, name) for name in PURE if hasattr(posixpath, name)},
}
"""What stands for ``os.path`` in the twins of other modules."""


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    return dict(EFFECTS)
