"""Using a file that was asked about, in one step: what is used is the place that was judged, not its name once more."""

# Problem.  Between a check by name and the use of that name, somebody else may exchange a directory for a link (D295).
#
# Idea.  The path is resolved once.  What comes out, a path without links, is what the permissions speak of, and is then
# opened with no link followed (`pycage.held_paths`).  What has no descriptor to work on gets one: names are made and
# removed in a directory that is held open, and functions that only take paths get that of the descriptor in /proc.
#
# The use itself runs privileged: it has been judged, and with names that mean nothing to a permission.  So a use is a
# function of pycage that does one thing with exact values.
#
# What still fails.  Programs to start, local sockets and the current directory have no such functions; they are checked
# by name.  Whether a path with ".." leads over something that is there is looked at by name, for the error alone, and
# only if everybody may know: otherwise such a path works whether it is there or not, and tells nothing.

from __future__ import annotations

import os
from errno import ELOOP, ENOENT
from stat import S_ISLNK
from typing import TYPE_CHECKING, Final, TypeVar, cast

from pycage import _core, access, manager
from pycage.errors import AccessDenied
from pycage.event_requests import EventRefused, Request
from pycage.events import read
from pycage.file_arguments import file_request, open_request
from pycage.held_paths import Overtaken, open_held, open_parent
from pycage.paths import Links, PathRefused, Place, place_of
from pycage.permissions import FilePermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.facades.checks import Path

__all__ = ["in_one_step", "named", "on_file", "on_name", "open_judged", "reopened"]

_T = TypeVar("_T")
_RUNNING: Final = object()

_EXCLUSIVE: Final = os.O_CREAT | os.O_EXCL
_ATTEMPTS: Final = 16
_OVERTAKEN: Final = "a link was put on the way while the path was used"


def in_one_step(
    operation: str,
    actions: str,
    paths: tuple[tuple[Path, Links], ...],
    requests: Callable[..., tuple[Request, ...]],
    use: Callable[..., _T],
    *,
    stack: object = _RUNNING,
) -> _T:
    """Resolve paths, ask, and use what was asked about; again from the beginning if a link came in between.

    Args:
        operation: What a denial calls it if a path cannot be judged.
        actions: The actions that such a denial shows.
        paths: What `exact_path` returned, and what the operation does with a link at the end of each.
        requests: Gets the places; returns what must be allowed.
        use: Gets the places; uses what is there with `named` or `reopened`.  Runs privileged.
        stack: Who is asked, from ``_core.snapshot()``; by default whoever is on the stack.

    Raises:
        AccessDenied: It is not allowed, or there was a new link each time.
        OSError: As the operation; the file names in it are those that were given.
    """
    raw = _core.snapshot() if stack is _RUNNING else stack
    context = None if raw is None else access.context_of(cast("_core.Raw", raw))
    places: tuple[Place, ...] = ()

    def look(_args: tuple[object, ...]) -> tuple[Request, ...]:
        nonlocal places
        places = tuple(place_of(path, links) for path, links in paths)
        return requests(*places)

    def give_up(_args: tuple[object, ...]) -> tuple[Request, ...]:
        raise PathRefused(_OVERTAKEN, os.fsdecode(paths[0][0]))

    for attempt in range(_ATTEMPTS + 1):
        reader = look if attempt < _ATTEMPTS else give_up
        if context is None:
            _as_the_host(operation, reader, actions)
        else:
            manager.judge(context, read, operation, reader, (), actions)
        try:
            _must_lead_over_what_is_there(places, context)
            return _core.do_privileged(use, *places)
        except Overtaken:
            continue
        except AccessDenied:
            raise
        except OSError as error:
            _say_what_was_given(error, paths)
            raise
    raise AssertionError  # give_up() does not return


def _as_the_host(operation: str, reader: Callable[..., tuple[Request, ...]], actions: str) -> None:
    """Nobody but the host is on the stack: nothing is asked, but the path must still be one."""
    try:
        read(operation, reader, (), actions)
    except EventRefused as refused:
        access.refuse(refused.permission, "host", reason=refused.reason)


def _say_what_was_given(error: OSError, paths: tuple[tuple[Path, Links], ...]) -> None:
    error.filename = paths[0][0]
    if len(paths) > 1:
        error.filename2 = paths[1][0]


def on_file(
    operation: str, path: Path, actions: str, use: Callable[[int], _T], *, flags: int = os.O_PATH, follow: bool = True
) -> _T:
    """Ask for a file, open it, and use the descriptor, which is closed then.

    Args:
        operation: See `in_one_step`.
        path: See `in_one_step`.
        actions: Actions of `FilePermission`.
        use: Gets the descriptor.
        flags: How it is opened.
        follow: Whether a link at the end is followed; otherwise it is opened itself.
    """

    def used(place: Place) -> _T:
        descriptor = reopened(place, flags, follow=follow)
        try:
            return use(descriptor)
        finally:
            os.close(descriptor)

    links = Links.FOLLOW if follow else Links.KEEP
    return in_one_step(operation, actions, ((path, links),), lambda place: (file_request(place, actions),), used)


def on_name(operation: str, path: Path, actions: str, use: Callable[[str, int], _T]) -> _T:
    """Ask for a file, hold the directory it is in open, and use its name there: a link is meant itself.

    Args:
        operation: See `in_one_step`.
        path: See `in_one_step`.
        actions: Actions of `FilePermission`.
        use: Gets the name and a descriptor of the directory.
    """
    return in_one_step(
        operation,
        actions,
        ((path, Links.KEEP),),
        lambda place: (file_request(place, actions),),
        lambda place: named(place, use),
    )


def open_judged(
    operation: str, path: Path, flags: int, mode: int, *, stack: object = _RUNNING, letters: str | None = None
) -> int:
    """Ask for opening a file, open it, and return the descriptor.

    Args:
        operation: See `in_one_step`.
        path: See `in_one_step`.
        flags: As of ``os.open``.
        mode: As of ``os.open``.
        stack: See `in_one_step`.
        letters: The mode of the built-in ``open``.
    """
    # open(2): a link at the end is not followed, or what is opened must not be there before.
    follow = not flags & os.O_NOFOLLOW and flags & _EXCLUSIVE != _EXCLUSIVE
    return in_one_step(
        operation,
        "read",
        ((path, Links.FOLLOW if follow else Links.KEEP),),
        lambda place: (open_request(place, letters, flags),),
        lambda place: reopened(place, flags, mode, follow=follow),
        stack=stack,
    )


def named(place: Place, use: Callable[[str, int], _T]) -> _T:
    """Use a name in its directory, which is held open.  For functions that `in_one_step` calls."""
    directory, name = open_parent(place.real[-1])
    try:
        return use(name + _ending(place), directory)
    finally:
        os.close(directory)


def reopened(place: Place, flags: int, mode: int = 0, *, follow: bool = True) -> int:
    """Open what was judged.  For functions that `in_one_step` calls."""
    ending = _ending(place)
    # A slash at the end follows a link even where it is meant itself.
    real = (place.real[0] if follow or ending else place.real[-1]) + ending
    if follow:
        return open_held(real, flags, mode)
    try:
        return open_held(real, flags | os.O_NOFOLLOW, mode)
    except Overtaken:
        # With O_NOFOLLOW a link at the end is an error of its own.
        if named(place, lambda name, inside: S_ISLNK(os.lstat(name, dir_fd=inside).st_mode)):
            raise OSError(ELOOP, os.strerror(ELOOP)) from None
        raise


def _ending(place: Place) -> str:
    """Return what stands behind the last component: the kernel asks for a directory then."""
    last = place.given.rpartition("/")[2]
    return "" if last not in {"", ".", ".."} else "/" if last == "" else "/."


def _may_be_told(place: Place, context: access.AccessControlContext | None) -> bool:
    """Say whether everybody may know of the directories that a path leads out of again."""
    parts = place.given.split("/")
    before = ["/".join(parts[:number]) for number, part in enumerate(parts) if part == ".."]
    try:
        left = [place_of(path, Links.FOLLOW).real[0] for path in before if path.strip("/.")]
    except PathRefused:
        return False
    return context is None or all(
        context._refusing(((FilePermission.exact(directory, "read"),),)) is None for directory in left
    )


def _must_lead_over_what_is_there(places: tuple[Place, ...], context: access.AccessControlContext | None) -> None:
    """Fail as the kernel does if a path is empty, or leads out of a directory that is not there."""
    for place in places:
        if not place.given:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
        parts = place.given.split("/")
        if ".." in parts and _may_be_told(place, context):
            last = len(parts) - parts[::-1].index("..")
            os.stat("/".join(parts[:last]))  # noqa: PTH116  # by its name, for the error
