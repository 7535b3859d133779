"""``tempfile`` for a sandbox: the same functions, with files of its own ``os`` and ``open``."""

# Problem.  The real one opens through an `opener`, removes what is left in finalizers that run with nobody's code on
# the stack, and finds its directory by writing to several.
#
# Idea.  Making a file is `os.open` with O_EXCL, and that asks.  What is left over is removed by `__del__`, which is a
# shim like every other method: it may do what the sandbox may, at that moment.  The directory is the host's choice.
# It is no secret if it is one of the usual places, else whoever may write there or read TMPDIR may know it.
#
# What still fails.  A sandbox that is closed before its objects die leaves their files behind.

from __future__ import annotations

import io
import os
import posixpath
import random
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

from pycage import _core
from pycage.imports.facades import os_facade, os_files, os_path_facade, shutil_facade
from pycage.imports.facades.checks import exact_path, one_of
from pycage.imports.facades.os_files import flag
from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.imports.facades.spooled_file import spooled_file
from pycage.permissions import EnvPermission, FilePermission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.imports.facades.checks import Path
    from pycage.imports.tools import Tools

__all__ = ["make"]

_USUAL: Final = frozenset({"/tmp", "/var/tmp", "/usr/tmp"})  # noqa: S108  # names, not files
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789_"
_CHANCE: Final = random.SystemRandom()


def gettempdir() -> str:
    """Return the directory for temporary files."""
    directory = os.fspath(_core.do_privileged(tempfile.gettempdir))
    if directory not in _USUAL:
        one_of(
            EnvPermission("TMPDIR", "read"),
            FilePermission.exact(directory, "read"),
            FilePermission(posixpath.join(directory, "-"), "write"),
        )
    return directory


def gettempdirb() -> bytes:
    """Return the directory for temporary files as bytes."""
    return os.fsencode(gettempdir())


def _candidates(suffix: object, prefix: object, directory: object) -> Iterator[Path]:
    """Yield paths to try.

    Raises:
        TypeError: Some arguments are text and some are bytes.
        FileExistsError: All are taken.
    """
    given = {type(exact_path(value)) for value in (suffix, prefix, directory) if value is not None}
    if len(given) > 1:
        message = "Can't mix bytes and non-bytes in path components."
        raise TypeError(message)
    before = tempfile.gettempprefix() if prefix is None else os.fsdecode(exact_path(prefix))
    after = "" if suffix is None else os.fsdecode(exact_path(suffix))
    place = gettempdir() if directory is None else os.fsdecode(exact_path(directory))
    place = cast("str", os_path_facade.abspath(place))
    for _ in range(tempfile.TMP_MAX):
        path = posixpath.join(place, before + "".join(_CHANCE.choices(_LETTERS, k=8)) + after)
        yield os.fsencode(path) if given == {bytes} else path
    message = "No usable temporary file name found"
    raise FileExistsError(message)


def mkdtemp(suffix: object = None, prefix: object = None, dir: object = None) -> Path:  # noqa: A002  # the real one's
    """Make a directory."""
    for path in _candidates(suffix, prefix, dir):
        with suppress(FileExistsError):
            os_files.mkdir(path, 0o700)
            return path
    raise AssertionError  # _candidates ends with an error


# What lies under a buffered file is of a type that opens any file: the guards keep it, so this does.
_FILE_NAMES: Final = frozenset(
    name for kind in (io.TextIOWrapper, io.BufferedRandom, io.FileIO) for name in dir(kind) if name[0] != "_"
) - {"raw", "detach"}


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # two classes and their functions
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    system = tools.part("os", os_facade.namespace)
    rmtree: Callable[..., Any] = tools.part("shutil", shutil_facade.namespace)["rmtree"]

    def mkstemp(
        suffix: object = None,
        prefix: object = None,
        dir: object = None,  # noqa: A002  # the real one's
        text: object = False,  # noqa: ARG001, FBT002  # means something on Windows
    ) -> tuple[int, Path]:
        """Make a file; return a descriptor and its path."""
        for path in _candidates(suffix, prefix, dir):
            with suppress(FileExistsError):
                return cast("int", system.open(path, _FLAGS, 0o600)), path
        raise AssertionError  # _candidates ends with an error

    def opened(number: int, path: Path, mode: str, *options: object) -> IO[Any]:
        try:
            return cast("IO[Any]", tools.open(number, mode, *options))
        except BaseException:
            with suppress(OSError):
                system.close(number)
            with suppress(OSError):
                os_files.FUNCTIONS["unlink"](path)
            raise

    def temporary_file(  # noqa: PLR0917  # the real one's signature
        mode: str = "w+b",
        buffering: int = -1,
        encoding: str | None = None,
        newline: str | None = None,
        suffix: object = None,
        prefix: object = None,
        dir: object = None,  # noqa: A002  # the real one's
        *,
        errors: str | None = None,
    ) -> IO[Any]:
        """Open a file without a name."""
        number, path = mkstemp(suffix, prefix, dir)
        try:
            os_files.FUNCTIONS["unlink"](path)
        except BaseException:
            system.close(number)
            raise
        return opened(number, path, mode, buffering, encoding, errors, newline)

    @shimmed(tools, "tempfile")
    class _TemporaryFileWrapper:
        """A file with a name that is removed when it is closed."""

        __slots__ = ("_file", "_left", "_name", "_on_close")

        def __init__(self) -> None:
            message = "call NamedTemporaryFile()"
            raise TypeError(message)

        def __getattr__(self, name: str) -> object:
            if name not in _FILE_NAMES:
                message = f"'_TemporaryFileWrapper' object has no attribute {name!r}"
                raise AttributeError(message)
            return getattr(file_of(self), name)

        def __enter__(self) -> Self:
            file_of(self).__enter__()
            return self

        def __exit__(self, *_error: object) -> None:
            self.close()
            remove(self)

        def __iter__(self) -> Iterator[Any]:
            return (line for line in file_of(self))

        def __del__(self) -> None:
            with suppress(OSError, AttributeError):
                file_of(self).close()
                remove(self)

        @property
        def name(self) -> Path:
            """The path."""
            return cast("Path", name_of(self))

        @property
        def file(self) -> IO[Any]:
            """The file itself."""
            return file_of(self)

        def close(self) -> None:
            """Close it."""
            file_of(self).close()
            if on_close(self):
                remove(self)

    get_file, set_file = slot(_TemporaryFileWrapper, "_file")
    name_of, set_name = slot(_TemporaryFileWrapper, "_name")
    is_left, set_left = slot(_TemporaryFileWrapper, "_left")
    on_close, set_on_close = slot(_TemporaryFileWrapper, "_on_close")

    def file_of(wrapper: object) -> IO[Any]:
        return cast("IO[Any]", get_file(wrapper))

    def remove(wrapper: object) -> None:
        if is_left(wrapper):
            set_left(wrapper, False)  # noqa: FBT003  # a slot
            os_files.FUNCTIONS["unlink"](name_of(wrapper))

    def named_temporary_file(  # noqa: PLR0917  # the real one's signature
        mode: str = "w+b",
        buffering: int = -1,
        encoding: str | None = None,
        newline: str | None = None,
        suffix: object = None,
        prefix: object = None,
        dir: object = None,  # noqa: A002  # the real one's
        delete: object = True,  # noqa: FBT002  # the real one's
        *,
        errors: str | None = None,
        delete_on_close: object = True,
    ) -> object:
        """Open a file with a name that is removed when it is closed."""
        remove_it, when_closed = flag(delete), flag(delete_on_close)
        number, path = mkstemp(suffix, prefix, dir)
        file = opened(number, path, mode, buffering, encoding, errors, newline)
        wrapper = object.__new__(_TemporaryFileWrapper)
        set_name(wrapper, path)
        set_left(wrapper, remove_it)
        set_on_close(wrapper, when_closed)
        set_file(wrapper, file)
        return wrapper

    @shimmed(tools, "tempfile")
    class TemporaryDirectory:
        """``tempfile.TemporaryDirectory`` as a sandbox has it."""

        __slots__ = ("_delete", "_ignore", "_left", "_name")

        def __init__(
            self,
            suffix: object = None,
            prefix: object = None,
            dir: object = None,  # noqa: A002  # the real one's
            ignore_cleanup_errors: object = False,  # noqa: FBT002  # the real one's
            *,
            delete: object = True,
        ) -> None:
            set_ignore(self, flag(ignore_cleanup_errors))
            set_delete(self, flag(delete))
            set_directory(self, mkdtemp(suffix, prefix, dir))
            set_there(self, True)  # noqa: FBT003  # a slot

        def __repr__(self) -> str:
            return f"<TemporaryDirectory {directory_of(self)!r}>"

        def __enter__(self) -> Path:
            return cast("Path", directory_of(self))

        def __exit__(self, *_error: object) -> None:
            if deletes(self):
                self.cleanup()

        def __del__(self) -> None:
            with suppress(OSError, AttributeError):
                if deletes(self) and is_there(self):
                    self.cleanup()

        @property
        def name(self) -> Path:
            """The path."""
            return cast("Path", directory_of(self))

        def cleanup(self) -> None:
            """Remove it with all that is in it."""
            if is_there(self) or os_path_facade.exists(directory_of(self)):
                set_there(self, False)  # noqa: FBT003  # a slot
                rmtree(directory_of(self), ignore_errors=ignores(self))

    directory_of, set_directory = slot(TemporaryDirectory, "_name")
    is_there, set_there = slot(TemporaryDirectory, "_left")
    deletes, set_delete = slot(TemporaryDirectory, "_delete")
    ignores, set_ignore = slot(TemporaryDirectory, "_ignore")

    temporary_file.__name__ = temporary_file.__qualname__ = "TemporaryFile"
    named_temporary_file.__name__ = named_temporary_file.__qualname__ = "NamedTemporaryFile"
    return {
        "NamedTemporaryFile": named_temporary_file,
        "SpooledTemporaryFile": spooled_file(tools, temporary_file),
        "TemporaryDirectory": TemporaryDirectory,
        "TemporaryFile": temporary_file,
        "gettempdir": gettempdir,
        "gettempdirb": gettempdirb,
        "mkdtemp": mkdtemp,
        "mkstemp": mkstemp,
        "tempdir": None,
    }
