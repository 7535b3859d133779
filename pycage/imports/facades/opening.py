"""The built-in ``open`` of a sandbox, which is ``io.open`` and ``os.fdopen`` as well."""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any, Final, cast, final

from pycage import _core
from pycage.errors import AccessDenied, type_name
from pycage.imports.facades.checks import check_opening, exact, exact_path
from pycage.imports.facades.held import open_judged
from pycage.permissions import RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.descriptors import Descriptors

__all__ = ["UnbufferedFile", "make_open", "unbuffered"]

# A descriptor of the sandbox's own may have no name any more: os.open() has asked already.
_NAMELESS: Final = (RuntimePermission("readFileDescriptor"), RuntimePermission("writeFileDescriptor"))


def make_open(  # noqa: C901  # one function inside
    descriptors: Descriptors, resource: Callable[[str], bytes | None] = lambda _path: None
) -> Callable[..., IO[Any]]:
    """Return the function ``open`` of one sandbox, which asks about what it opens.

    Args:
        descriptors: The descriptors that the sandbox opened itself.
        resource: Content of a file of the sandbox's own packages that its loader policy allows, by path; or ``None``.
            (Java: a class loader grants code to read what lies beside it.)
    """

    def open(  # noqa: A001, PLR0917  the built-in's name and signature
        file: object,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,  # noqa: FBT001, FBT002  as above
        opener: object = None,
    ) -> IO[Any]:
        """Open a file as the built-in does.

        An ``opener`` must return a descriptor that the sandbox opened itself: others are the host's.  A descriptor that
        is not the sandbox's own is copied and not closed.
        """
        closefd = bool(closefd)
        # Once, to an exact type: what is checked must be what is opened.
        target = exact(file)
        target = target if type(target) is int else exact_path(target)
        if type(mode) is not str:
            message = f"open() needs a mode of exactly str, got {type_name(mode)}"
            raise TypeError(message)

        def opened(target: int | str | bytes, how: Callable[[str, int], int] | None = None) -> IO[Any]:
            if type(buffering) is int and buffering == 0 and "b" in mode:
                return cast("IO[Any]", unbuffered(target, mode, how))
            return io.open(target, mode, buffering, encoding, errors, newline, opener=how)  # noqa: UP020  # not ours

        if type(target) is not int:
            if not closefd:
                message = "Cannot use closefd=False with file name"
                raise ValueError(message)
            if opener is None:
                content = resource(target) if type(target) is str and set(mode) <= _READING else None
                if content is not None:
                    return _in_memory(content, mode, encoding, errors, newline)
                return opening(cast("str | bytes", target), mode, opened)
            target = exact(cast("Callable[[object, int], object]", opener)(target, _flags(mode)))
            if type(target) is not int or not descriptors.is_own(target):
                message = "an opener in a sandbox returns what os.open() of the sandbox returned: others are the host's"
                raise ValueError(message)
        if descriptors.is_own(target):
            # Whatever comes of it: open() may have closed the descriptor before it fails.
            real = descriptors.take(target) if closefd else descriptors.copy(target)
            return _core.do_privileged(opened, real, limit=_NAMELESS)
        # Somebody else's, and stays so: two owners of one number are a way to read what gets the number next.
        check_opening(
            "open", target, mode, _flags(mode) & os.O_ACCMODE
        )  # before there is a copy that nobody would close
        return opened(os.dup(target))

    return open


def opening(path: str | bytes, mode: str, opened: Callable[..., IO[Any]]) -> IO[Any]:
    """Open a path in one step with the question.

    The event of the real ``open`` passes: it shows the name, and the opener asks about what is opened.

    Args:
        path: An exact path.
        mode: What is asked for beside the flags, which follow from it.
        opened: Gets the path and an opener, and returns the file.
    """
    raw = _core.snapshot()

    def opener(_path: str, flags: int) -> int:
        return open_judged("open", path, flags, 0o666, stack=raw, letters=mode)

    return _core.do_privileged(opened, path, opener)


_READING: Final = frozenset("rbt")


def _in_memory(content: bytes, mode: str, encoding: str | None, errors: str | None, newline: str | None) -> IO[Any]:
    raw = io.BytesIO(content)
    return raw if "b" in mode else io.TextIOWrapper(raw, encoding or "utf-8", errors, newline)


@final
@_core.seal
class UnbufferedFile(io.FileIO):
    """What ``open(..., buffering=0)`` returns: a file of which the type opens nothing.

    ``type(file)(path, opener=...)`` of the real type would be the host's descriptors, all of them (D257).  The guards
    keep what lies under a buffered file, which is of the real type.
    """

    __slots__ = ()

    def __init__(self, *_arguments: object, **_more: object) -> None:
        message = "access denied: a file of a sandbox is made by open()"
        raise AccessDenied(message)


def unbuffered(target: int | str | bytes, mode: str, opener: Callable[[str, int], int] | None = None) -> UnbufferedFile:
    """Open a file without a buffer."""
    made = UnbufferedFile.__new__(UnbufferedFile)
    io.FileIO.__init__(made, target, mode, opener=opener)
    return made


_FLAGS: Final = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


def _flags(mode: str) -> int:
    """Return the flags with which the built-in opens."""
    flags = next((flags for letter, flags in _FLAGS.items() if letter in mode), os.O_RDONLY)
    return (flags & ~os.O_ACCMODE | os.O_RDWR if "+" in mode else flags) | os.O_CLOEXEC
