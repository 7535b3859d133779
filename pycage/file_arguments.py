"""The arguments of audit events about files: what each asks for.  How readers are written stands in `event_arguments`.

Functions that take a `Place` are for callers that resolve a path themselves, to use what they resolved.
"""

from __future__ import annotations

import os as _os
from typing import TYPE_CHECKING, Final

from pycage.event_requests import EventRefused, Request, shown_permission
from pycage.paths import (
    Links,
    Place,
    is_directory,
    link_target,
    path_of_descriptor,
    path_text,
    place_of,
    place_of_sqlite_uri,
)
from pycage.permissions import FilePermission, LinkPermission, RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.event_requests import Reader
    from pycage.permissions import Permission

__all__ = [
    "at_place",
    "data_base",
    "file",
    "file_request",
    "hard_link",
    "hard_link_requests",
    "locked_file",
    "mapped_file",
    "open_request",
    "opened_file",
    "rename_requests",
    "renamed_file",
    "symbolic_link",
    "symbolic_link_requests",
]

_ACCMODE: Final = _os.O_RDONLY | _os.O_WRONLY | _os.O_RDWR
_O_TMPFILE: Final = getattr(_os, "O_TMPFILE", 0)
_O_PATH: Final = getattr(_os, "O_PATH", 0)
_WRITE_FLAGS: Final = _os.O_CREAT | _os.O_TRUNC | _os.O_APPEND
_FROM_DESCRIPTOR: Final = {"read": "readFileDescriptor", "write": "writeFileDescriptor"}


def at_place(place: Place, make: Callable[[str], Permission]) -> Request:
    """Ask for a file by its name and by where it really is.

    A relative name is only what a message shows: its absolute form must be implied, or a grant for "data.txt" would
    mean another file after each chdir.
    """
    shown = make(place.given)
    absolute = make(place.absolute) if place.relative else shown
    elsewhere = [real for real in place.real if real != place.absolute]  # mostly none: it is what it seems
    also = tuple(permission for permission in map(make, elsewhere) if permission != absolute)
    return Request(shown, alternatives=(absolute,) if place.relative else (), also=also)


def file_request(place: Place, actions: str) -> Request:
    """Return what using the file at a place asks for."""
    return at_place(place, lambda name: FilePermission.exact(name, actions))


def _opened(fd: object, actions: str) -> tuple[Request, ...]:
    """Ask for the file behind a descriptor, or for the use of descriptors if it has no name."""
    path = path_of_descriptor(fd)
    if path is not None:
        return (Request(FilePermission.exact(path, actions)),)
    return tuple(Request(RuntimePermission(_FROM_DESCRIPTOR[action])) for action in actions.split(","))


def opened_file(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``open``: path, mode, flags."""
    path, mode, flags = args[0], args[1], args[2]
    if type(flags) is not int or not (mode is None or type(mode) is str):
        raise TypeError
    actions = _open_actions(mode, flags)
    if type(path) is int:
        return _opened(path, actions)
    given = path_text(path)
    if mode is None and given[:1] != "/":
        # gh-116429: os.open(path, dir_fd=...) raises the same event as os.open(path).
        shown = shown_permission(FilePermission, given, actions) or RuntimePermission("auditEvent.open")
        raise EventRefused(
            shown, "os.open() of a relative path may start from any dir_fd: pass an absolute path, or use open()"
        )
    return (open_request(place_of(given, Links.FOLLOW), mode, flags),)


def open_request(place: Place, mode: str | None, flags: int) -> Request:
    """Return what opening the file at a place asks for.

    Args:
        place: Where it is.
        mode: As of the built-in ``open``, if there is one.
        flags: As of ``os.open``.
    """
    actions = _open_actions(mode, flags)
    if _is_nameless(flags):  # a new file without a name *in* that directory
        return at_place(place, lambda name: FilePermission(_below(name, "*"), actions))
    return file_request(place, actions)


def _is_nameless(flags: int) -> bool:
    return _O_TMPFILE != 0 and flags & _O_TMPFILE == _O_TMPFILE and not flags & _O_PATH


def _open_actions(mode: str | None, flags: int) -> str:
    access = flags & _ACCMODE
    reads = access != _os.O_WRONLY
    writes = access != _os.O_RDONLY or flags & _WRITE_FLAGS != 0 or _is_nameless(flags)
    if _O_PATH and flags & _O_PATH:  # open(2): the other flags are ignored; the handle can be reopened for reading
        reads, writes = True, False
    if mode is not None:
        writes = writes or any(letter in mode for letter in "wax+")
    return "read,write" if reads and writes else "write" if writes else "read"


def file(actions: str, links: Links, dir_fd: int | None = None) -> Reader:
    """Make a reader for events about the file in argument 0: a path, a descriptor, or None for the current directory.

    Args:
        actions: What it does with the file.
        links: What it does with a link at the end of the path.
        dir_fd: Position of the argument with the descriptor of the directory that a relative path starts from.
    """

    def requests(args: tuple[object, ...]) -> tuple[Request, ...]:
        path = args[0]
        if type(path) is int:
            return _opened(path, actions)
        base = -1 if dir_fd is None else args[dir_fd]
        return (file_request(place_of("." if path is None else path, links, base), actions),)

    return requests


def _below(directory: str, wildcard: str) -> str:
    return (directory if directory[-1:] == "/" or directory == "" else directory + "/") + wildcard


def renamed_file(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.rename``: source, target, and the directory descriptors of both."""
    return rename_requests(place_of(args[0], Links.KEEP, args[2]), place_of(args[1], Links.KEEP, args[3]))


def rename_requests(source: Place, target: Place) -> tuple[Request, ...]:
    """Return what renaming asks for."""
    requests = [file_request(source, "read,delete"), file_request(target, "write")]
    if any(is_directory(real) for real in source.real):  # all that is in it gets other names, and perhaps other grants
        requests += [Request(FilePermission(_below(real, "-"), "read,delete")) for real in source.real]
        requests += [Request(FilePermission(_below(real, "-"), "write")) for real in target.real]
    return tuple(requests)


def hard_link(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.link``: source, target, and the directory descriptors of both."""
    return hard_link_requests(place_of(args[0], Links.BOTH, args[2]), place_of(args[1], Links.KEEP, args[3]))


def hard_link_requests(source: Place, target: Place) -> tuple[Request, ...]:
    """Return what another name for a file asks for."""
    # The new name may be granted "write" where the old one was not: whoever links must have both already.
    return (Request(LinkPermission("hard")), file_request(source, "read,write"), file_request(target, "write"))


def symbolic_link(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.symlink``: the text of the link, its path, and the path's directory descriptor."""
    return symbolic_link_requests(args[0], place_of(args[1], Links.KEEP, args[2]))


def symbolic_link_requests(text: object, link: Place) -> tuple[Request, ...]:
    """Return what making a symbolic link with this text asks for."""
    leads_to = file_request(link_target(text, link), "read")
    return (Request(LinkPermission("symbolic")), file_request(link, "write"), leads_to)


def data_base(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``sqlite3.connect``: a path, ``:memory:``, nothing (a temporary file), or a URI."""
    if type(args[0]) is int:
        raise TypeError
    name = path_text(args[0])
    if name in (":memory:", ""):
        return ()
    if name[:5] == "file:":
        place, writes = place_of_sqlite_uri(name)
        return (file_request(place, "read,write" if writes else "read"),)
    return (file_request(place_of(name, Links.FOLLOW), "read,write"),)


def mapped_file(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``mmap.__new__``: descriptor, length, access, offset."""
    fd, access = args[0], args[2]
    if type(fd) is not int or type(access) is not int:
        raise TypeError
    if fd == -1:
        return ()  # anonymous memory
    # ACCESS_READ = 1, ACCESS_COPY = 3; the default leaves it to flags that the event does not show.
    return _opened(fd, "read" if access in (1, 3) else "read,write")


def locked_file(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read the events of locks: descriptor first.  A lock stops others; who may read a file may lock it."""
    return _opened(args[0], "read")
