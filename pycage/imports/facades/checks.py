"""What facades ask before an operation that CPython does not audit: the path made exact, then the permission.

For the functions in this package.  A function here that returns has allowed it; a denial is recorded and raised.
"""

# Problem.  `os.stat`, `os.access`, `os.environ` and some 290 others raise no audit event.  Whatever hands them to a
# sandbox has to ask for itself, and must mean the same file as `open` would.
#
# Things that do not work:
#
# - Ask with the object that the guest passed: an `os.PathLike` or a class derived from str answers differently when
#   the operation reads it a second time.
# - `isinstance(x, str)`: it believes the `__class__` of the instance (D307).
# - `os.path.realpath` and a comparison of text: see pycage.paths.
#
# Idea.  `exact_path` turns an argument into exactly str or bytes, once; that object is checked *and* used.  Then the
# readers of audit events judge it (`pycage.event_arguments`): names, links and directories mean here what they mean
# there, and a denial looks the same.
#
# What still fails.  Between check and use somebody else may exchange a directory for a link: a check by name can be
# overtaken (D295).  What opens, reads or changes files uses `held` instead; the checks here are for the rest.

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from pycage import _core, access, manager
from pycage.access import check_permission
from pycage.errors import AccessDenied, type_name
from pycage.event_requests import Request
from pycage.events import read
from pycage.file_arguments import file, opened_file
from pycage.paths import Links
from pycage.permissions import EnvPermission, FilePermission, RuntimePermission

if TYPE_CHECKING:
    from pycage.event_requests import Reader
    from pycage.permissions import Permission

__all__ = [
    "Links",
    "Path",
    "allowed",
    "check_descriptor",
    "check_event",
    "check_file",
    "check_opening",
    "check_permission",
    "check_runtime",
    "check_working_directory",
    "exact",
    "exact_path",
    "one_of",
    "readable_variable",
]

Path: TypeAlias = "str | bytes"

WORKING_DIRECTORY: Final = RuntimePermission("getWorkingDirectory")


def exact(value: object) -> object:
    """Return what is a str, bytes or int of a derived class as one of the exact type, anything else as it is.

    Nothing of the derived class is called: the contents are copied in C.
    """
    kind = type(value)
    if kind is str or kind is bytes or kind is int:
        return value
    if issubclass(kind, str):
        return str.__str__(cast("str", value))
    if issubclass(kind, bytes):
        return bytes(memoryview(cast("bytes", value)))
    if issubclass(kind, int):
        return int.__index__(cast("int", value))
    return value


def exact_path(value: object) -> Path:
    """Return a path as exactly ``str`` or ``bytes``.  An ``os.PathLike`` is asked once, and never again.

    Raises:
        TypeError: It is no path.
    """
    path = exact(value)
    if type(path) is not str and type(path) is not bytes:
        path = exact(os.fspath(cast("os.PathLike[str]", path)))
    if type(path) is not str and type(path) is not bytes:
        message = f"expected str, bytes or os.PathLike object, not {type_name(path)}"
        raise TypeError(message)
    return path


def check_file(operation: str, path: Path, actions: str, links: Links = Links.FOLLOW) -> None:
    """Return if a file may be used like this.

    Args:
        operation: What a denial calls it if the path cannot be judged, such as ``os.stat``.
        path: What `exact_path` returned, and what will be used.
        actions: Actions of `FilePermission`.
        links: What the operation does with a link at the end of the path.

    Raises:
        AccessDenied: It may not.
    """
    check_event(operation, _reader(actions, links), (path,), actions)


def check_opening(operation: str, path: Path | int, mode: str, flags: int) -> None:
    """Return if a file may be opened like this: judged as the event ``open`` is.

    Raises:
        AccessDenied: It may not.
    """
    check_event(operation, opened_file, (path, mode, flags), "read")


def check_descriptor(operation: str, real: int, actions: str) -> None:
    """Return if the file behind a descriptor may be used like this.

    Raises:
        AccessDenied: It may not.
    """
    check_event(operation, _reader(actions, Links.FOLLOW), (real,), actions)


def check_runtime(name: str) -> None:
    """Return if ``RuntimePermission(name)`` is implied by everybody on the stack.

    Raises:
        AccessDenied: It is not.
    """
    check_permission(_runtime(name))


def check_working_directory() -> str:
    """Return the current directory, if its name may be known.

    Who may read the directory may know its name; others need ``RuntimePermission("getWorkingDirectory")``, which
    stands for Java's ``PropertyPermission("user.dir", "read")``.  The denial does not tell the name.

    Raises:
        AccessDenied: It may not.
    """
    here = os.getcwd()  # noqa: PTH109  # what is asked about
    one_of(WORKING_DIRECTORY, FilePermission.exact(here, "read"))
    return here


def one_of(shown: Permission, *others: Permission) -> None:
    """Return if everybody on the stack has ``shown`` or one of ``others``.

    Raises:
        AccessDenied: Somebody has none; the denial shows ``shown``.
    """
    requests = (Request(shown, alternatives=(shown, *others)),)
    check_event("", lambda _args: requests, ())


def allowed(permission: Permission) -> bool:
    """Say whether something may be done, for what is silently left out where it may not.  A denial is recorded."""
    try:
        check_permission(permission)
    except AccessDenied:
        return False
    return True


def readable_variable(name: str) -> bool:
    """Say whether an environment variable may be read.  A denial is recorded."""
    try:
        permission = EnvPermission(name, "read")
    except ValueError:  # no variable has such a name
        return False
    return allowed(permission)


@cache
def _reader(actions: str, links: Links) -> Reader:
    return file(actions, links)


@cache
def _runtime(name: str) -> RuntimePermission:
    return RuntimePermission(name)


def check_event(operation: str, reader: Reader, args: tuple[object, ...], actions: str = "") -> None:
    """Return if what a reader of audit events asks for is allowed.

    Args:
        operation: What a denial calls it if the arguments cannot be judged.
        reader: Of ``pycage.event_arguments``.
        args: What it reads; exact values.
        actions: The actions that such a denial shows.

    Raises:
        AccessDenied: It is not.
    """
    raw = _core.snapshot()
    if raw is not None:  # somebody other than the host is on the stack
        manager.judge(access.context_of(raw), read, operation, reader, args, actions)
