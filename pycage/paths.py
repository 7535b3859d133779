"""Which files an audit event is about: names as given, their absolute form, and the real path behind links.

For `pycage.event_arguments` only.  Nothing here decides anything; what cannot be told for certain raises `PathRefused`.
"""

# Problem.  An event shows the text that the program passed.  Permissions speak of places in the file system.  Between
# the two stand the current directory, directory descriptors, symbolic links and the links of /proc, and each of them
# can be under the control of the sandbox.
#
# Things that do not work:
#
#  - Compare the text: "granted/link", "granted/../other", "/proc/self/root/etc" all look like something else.
#  - os.path.normpath(): `a/../b` is not `b` when `a` is a link.
#  - os.path.realpath(): every error means "not a link" to it.  A link to a very long relative path makes the absolute
#    form longer than the kernel's limit; from there on realpath() sees no links, while the kernel, which walks from
#    directory to directory, does.
#  - os.fspath(), str(), isinstance(): they run code of the object, which may answer differently each time.
#  - The text of a link of /proc: "/tmp/x (deleted)" may be the name of another file, "pipe:[1]" looks relative.
#
# Idea.  Take only exact str and bytes.  Walk the path as the kernel does, component by component, and refuse on every
# error other than "there is nothing".  After each link ask the kernel whether the text of the link leads to the same
# file as the link itself; the links of /proc, whose text is only a description, cannot lie then.
#
# What still fails.  Whoever can change directories while a check runs can make the answer old before it is used: a
# check by name is never more than a check by name, and can be overtaken.  Who uses the answer itself, with no link
# followed any more (`pycage.held_paths`), cannot be; an audit event cannot make the interpreter do so.  Bind mounts are
# names like any other.
#
# No function here imports, logs or runs code of an argument; the system calls (lstat, stat, readlink, getcwd) raise no
# audit event on any supported version.

# the reason of a refusal stands where it is refused
# ruff: noqa: PTH109, PTH115, PTH116  # pathlib has more code than a check should run

from __future__ import annotations

import enum
import re
from os import fsdecode as _fsdecode
from os import fstat as _fstat
from os import getcwd as _getcwd
from os import lstat as _lstat
from os import readlink as _readlink
from os import stat as _stat
from os.path import normpath as _normpath
from stat import S_ISDIR, S_ISLNK
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes as _unquote

import attrs

if TYPE_CHECKING:
    from os import stat_result

__all__ = [
    "Links",
    "PathRefused",
    "Place",
    "command_place",
    "is_directory",
    "link_target",
    "path_of_descriptor",
    "path_text",
    "place_of",
    "place_of_sqlite_uri",
]

MOST_LINKS: Final = 40  # MAXSYMLINKS of Linux: path_resolution(7)
LONGEST_TEXT: Final = 1 << 16  # far beyond PATH_MAX; keeps a hostile gigabyte out of the loops below


class PathRefused(Exception):
    """It cannot be told which file is meant, so the operation must be denied.

    Attributes:
        reason: One line for the person who reads the denial: why, and what to do instead.
        given: The name as the program wrote it, if that much is known.
    """

    def __init__(self, reason: str, given: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.given = given


class Links(enum.Enum):
    """What an operation does with a link that is the last component of its path."""

    FOLLOW = "follow"  # open, listdir, ...
    KEEP = "keep"  # remove, rename, ...: the operation is on the link itself
    BOTH = "both"  # chmod, utime, ...: the event does not tell, so both must be allowed


@attrs.frozen
class Place:
    """A file as named, and where that is.

    Attributes:
        given: The name as the program wrote it (bytes decoded as the file system does).
        relative: Whether ``given`` depends on the current directory or a directory descriptor.
        absolute: The absolute form, folded lexically.
        real: Absolute paths without links, one or (`Links.BOTH`) two.
    """

    given: str
    relative: bool
    absolute: str
    real: tuple[str, ...]


def path_text(value: object) -> str:
    """Return an exact ``str`` or ``bytes`` as text.

    Raises:
        PathRefused: It is anything else (a ``str`` subclass, an ``os.PathLike``, ...), or contains NUL.
    """
    if type(value) is bytes and len(value) < LONGEST_TEXT:
        text = _fsdecode(value)
    elif type(value) is str and len(value) < LONGEST_TEXT:
        text = value
    elif type(value) is str or type(value) is bytes:
        raise PathRefused("the path is longer than any file system takes")
    else:
        raise PathRefused("the path is not a plain str or bytes: pass str(path)")
    if "\0" in text:
        raise PathRefused("the path contains a NUL character", text)
    return text


def place_of(value: object, links: Links, dir_fd: object = -1) -> Place:
    """Return where a path is.

    Args:
        value: The path, ``str`` or ``bytes``.
        links: What the operation does with a link at the end.
        dir_fd: Descriptor of the directory that a relative path starts from; -1: the current directory.

    Raises:
        PathRefused: The argument is not a plain path, or it cannot be told where it leads.
    """
    given = path_text(value)
    if given[:1] == "/":
        return Place(given, relative=False, absolute=_folded(given), real=_real(given, "/", given, links))
    base = _base(dir_fd, given)
    return Place(given, relative=True, absolute=_folded(base + "/" + given), real=_real(given, base, given, links))


def path_of_descriptor(fd: object) -> str | None:
    """Return the real path of an open file, or None if it has no name (a pipe, a socket, a deleted file, ...).

    Raises:
        PathRefused: It is not an open descriptor, or the system does not tell (no ``/proc``).
    """
    if type(fd) is not int or not 0 <= fd < 1 << 31:
        raise PathRefused("not an open file descriptor")
    try:
        text = _readlink(f"/proc/self/fd/{fd}")
        named = text[:1] == "/" and _same(_fstat(fd), _status(text))
    except (OSError, ValueError):
        raise PathRefused(
            "the file behind the descriptor cannot be told (it is closed, or there is no /proc)"
        ) from None
    return text if named else None


def link_target(text: object, link: Place) -> Place:
    """Return where a symbolic link with this text, made at ``link``, will lead to."""
    target = path_text(text)
    if target[:1] == "/":
        return place_of(target, Links.FOLLOW)
    base = link.real[0].rpartition("/")[0] or "/"
    return Place(
        target, relative=True, absolute=_folded(base + "/" + target), real=_real(target, base, target, Links.FOLLOW)
    )


def command_place(value: object, working_directory: object) -> Place | None:
    """Return where a program to start is, or None if it is a bare name that is looked up in ``PATH``.

    Args:
        value: The program, ``str`` or ``bytes``.
        working_directory: Where the new process starts (None: here); a relative program is relative to it.
    """
    given = path_text(value)
    if "/" not in given:
        return None
    if working_directory is None or given[:1] == "/":
        return place_of(given, Links.FOLLOW)
    base = place_of(working_directory, Links.FOLLOW).real[0]
    return Place(
        given, relative=True, absolute=_folded(base + "/" + given), real=_real(given, base, given, Links.FOLLOW)
    )


def is_directory(path: str) -> bool:
    """Return whether there is a directory (not a link to one); in doubt, True."""
    try:
        return S_ISDIR(_lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True


_SQLITE_URI: Final = re.compile(r"file:(?://(?:localhost)?)?(/(?!/)[^?#]*)(?:\?([^#]*))?", re.ASCII)
# Spelt exactly so: SQLite decodes percent escapes in the names of parameters too.  `vfs`, for one, could be anything.
_SQLITE_MODES: Final = frozenset({"mode=ro", "mode=rw", "mode=rwc"})
_SQLITE_OTHERS: Final = frozenset(
    {"cache=shared", "cache=private", "immutable=0", "immutable=1", "nolock=0", "nolock=1", ""}
)


def place_of_sqlite_uri(uri: str) -> tuple[Place, bool]:
    """Return the place of the data base in a ``file:`` URI, and whether it may be written to.

    The event does not show whether the program asked for URIs at all.  If it did not, the same text is the name of a
    file below a directory called ``file:``; so the URI is only accepted while there is no such directory.

    Raises:
        PathRefused: Not of the form ``file:///absolute/path[?mode=ro|rw|rwc]``.

    Source: https://www.sqlite.org/uri.html, section 3.
    """
    match = _SQLITE_URI.fullmatch(uri)
    parameters = (match[2] or "").split("&") if match is not None else []
    modes = [parameter for parameter in parameters if parameter in _SQLITE_MODES]
    if match is None or len(modes) > 1 or {*parameters} - _SQLITE_MODES - _SQLITE_OTHERS:
        raise PathRefused('only "file:///path?mode=..." is understood: pass the path itself, or ":memory:"', uri)
    try:
        _lstat(_base(-1, uri) + "/file:")
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        raise PathRefused("it cannot be told whether this is a URI or a file: pass the path itself", uri) from None
    else:
        raise PathRefused(
            'there is a file called "file:" here, so that this could be a path: pass the path itself', uri
        )
    return place_of(_unquote(match[1]), Links.FOLLOW), modes != ["mode=ro"]


def _base(dir_fd: object, given: str) -> str:
    """Return the directory that a relative path starts from; the kernel's own answer, so free of links."""
    if type(dir_fd) is int and dir_fd == -1:
        try:
            base = _getcwd()
        except OSError:
            raise PathRefused("the current directory does not exist any more", given) from None
        if base[:1] != "/":  # getcwd(3): "(unreachable)/..." after chroot or an unmount
            raise PathRefused("the current directory has no path", given)
        return base
    named = path_of_descriptor(dir_fd)
    if named is None:
        raise PathRefused("the directory behind dir_fd has no path", given)
    return named


def _folded(path: str) -> str:
    """Fold lexically.  POSIX gives a meaning to exactly two leading slashes, Linux does not."""
    return "/" + _normpath(path).lstrip("/")


def _real(path: str, base: str, given: str, links: Links) -> tuple[str, ...]:
    if links is Links.FOLLOW:
        return (_walk(path, base, given, follow_last=True),)
    kept = _walk(path, base, given, follow_last=False)
    # A slash or a dot at the end makes the kernel follow the link for some operations and fail for others.
    if links is Links.KEEP and not path.endswith(("/", "/.", "/..")) and path not in (".", ".."):
        return (kept,)
    followed = _walk(path, base, given, follow_last=True)
    return (kept,) if kept == followed else (followed, kept)


def _walk(path: str, base: str, given: str, *, follow_last: bool) -> str:
    """Resolve ``path`` from the directory ``base`` (which has no links) as path_resolution(7) describes."""
    done = "" if base == "/" or path[:1] == "/" else base
    left = [name for name in reversed(path.split("/")) if name and name != "."]
    links = 0
    while left:
        name = left.pop()
        if name == "..":
            done = done[: done.rfind("/")] if done else ""
            continue
        here = done + "/" + name
        if not left and not follow_last:
            return here
        try:
            linked = S_ISLNK(_lstat(here).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            linked = False  # nothing there: the kernel stops here as well, or creates the last component
        except (OSError, ValueError):  # too long, not permitted, not encodable, ...
            raise PathRefused("it cannot be told where the path leads", given) from None
        if not linked:
            done = here
            continue
        links += 1
        if links > MOST_LINKS:
            raise PathRefused("too many symbolic links", given)
        text = _link_text(here, done, given)
        if text[:1] == "/":
            done = ""
        left += [name for name in reversed(text.split("/")) if name and name != "."]
    return done or "/"


def _link_text(link: str, directory: str, given: str) -> str:
    """Return the text of a link, if that is where the link leads."""
    try:
        text = _readlink(link)
        behind = _status(link)
        if behind is None or _same(behind, _status(text if text[:1] == "/" else directory + "/" + text)):
            return text
    except (OSError, ValueError):
        pass
    raise PathRefused("a link on the way does not lead where its text says", given)


def _status(path: str) -> stat_result | None:
    """Return the status of what a path leads to; None if there is nothing, any other error is the caller's."""
    try:
        return _stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _same(one: stat_result, other: stat_result | None) -> bool:
    return other is not None and one.st_ino == other.st_ino and one.st_dev == other.st_dev
