"""``pathlib`` for a sandbox: ``Path`` made anew on the real ``PurePosixPath``, with functions that ask."""

# Problem.  `pathlib.Path` calls os.stat, os.readlink and os.getcwd, which raise no event.  (Since 3.13 the attribute
# `parser` of PurePath is a module of the host: the attribute guard knows that name.)
#
# Things that do not work:
#
# - The real Path with shims for methods: `super(Path, p).exists` is the real method.
# - A twin of the module: its classes hold functions of `os` in other places than their globals, other ones in every
#   version; and `isinstance(path_of_the_host, PurePath)` would say no.
#
# Idea.  PurePath and its kin are the real types: they only handle text.  Path is a class of each sandbox on top of
# them.  Every method begins with `exact_path(self)`, which asks `__fspath__` once; that text is checked, and that text
# is used.  So whatever a derived class answers, whatever is stored in its `_str` or `_raw_paths`, and whoever is passed
# as `self`, can only say *which* file is asked about.  Methods are shims (`shimmed`).  Real paths of the host count as
# instances of Path inside.  In the host a Path of a sandbox is a PurePath, and works wherever a path is expected.
#
# What still fails.  `isinstance(path, pathlib.Path)` in the host says no to a path of a sandbox.  A path of the host
# that a sandbox holds has the real methods, of which only some raise events.

from __future__ import annotations

import os
import pathlib
import posixpath
from errno import EBADF, ELOOP, ENOENT, ENOTDIR
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISREG, S_ISSOCK
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

from pycage.access import check_permission
from pycage.errors import AccessDenied, type_name
from pycage.imports.facades import os_facade, os_files, os_path_facade
from pycage.imports.facades.checks import check_runtime, check_working_directory, exact, exact_path
from pycage.imports.facades.os_directories import walk_tree
from pycage.imports.facades.os_files import flag
from pycage.imports.facades.path_patterns import find, parts_of
from pycage.imports.facades.shimmed_class import shimmed
from pycage.permissions import EnvPermission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.imports.tools import Tools

__all__ = ["make"]

_ABSENT: Final = frozenset({ENOENT, ENOTDIR, EBADF, ELOOP})
_HOME: Final = EnvPermission("HOME", "read")


def text_of(path: object) -> str:
    """Return a path as exact text."""
    return os.fsdecode(exact_path(path))


def status_of(path: object, *, follow: object = True) -> os.stat_result | None:
    """Return the status of a file, None if there is none."""
    text = text_of(path)
    try:
        return os_files.stat(text, follow_symlinks=follow)
    except AccessDenied:
        raise
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
    except ValueError:
        pass
    return None


def _kind(name: str, test: Callable[[int], bool]) -> Callable[..., bool]:
    def is_kind(self: object, *, follow_symlinks: object = True) -> bool:
        status = status_of(self, follow=follow_symlinks)
        return status is not None and test(status.st_mode)

    is_kind.__name__ = is_kind.__qualname__ = name
    return is_kind


class _PathType(type):
    """Lets the host's paths count as instances of a sandbox's ``Path``."""

    def __instancecheck__(cls, instance: object) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return "_of_pycage" in vars(cls) and issubclass(type(instance), pathlib.Path)


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # one class
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    system = tools.part("os", os_facade.namespace)

    def like(self: Any, text: str | bytes) -> Any:
        """Return a path of the same class."""
        if not issubclass(type(self), pathlib.PurePath):
            message = f"expected a path, got {type_name(self)}"
            raise TypeError(message)
        return self.with_segments(text) if hasattr(pathlib.PurePath, "with_segments") else type(self)(text)

    class Path(pathlib.PurePosixPath, metaclass=_PathType):
        """``pathlib.Path`` as a sandbox has it."""

        __slots__ = ()
        _of_pycage = True

        def __new__(cls, *args: object, **_options: object) -> Any:
            return pathlib.PurePosixPath.__new__(PosixPath if cls is Path else cls, *cast("tuple[str, ...]", args))

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None:
            pass

        # ---- Where ----

        @classmethod
        def cwd(cls) -> Any:
            """Return the current directory."""
            return cls(check_working_directory())

        @classmethod
        def home(cls) -> Any:
            """Return the home directory."""
            return cls("~").expanduser()

        @classmethod
        def from_uri(cls, uri: object) -> Any:
            """Return the path of a ``file:`` URI."""
            return pathlib.Path.from_uri.__func__(cls, exact(uri))  # type: ignore[attr-defined]  # since 3.13

        def absolute(self) -> Any:
            """Return an absolute path."""
            text = text_of(self)
            return self if text[:1] == "/" else like(self, posixpath.join(check_working_directory(), text))

        def resolve(self, strict: object = False) -> Any:  # noqa: FBT002  # the real one's
            """Return the path without links."""
            return like(self, os_path_facade.realpath(text_of(self), strict=flag(strict)))

        def expanduser(self) -> Any:
            """Put the home directory for ``~``."""
            text = text_of(self)
            if text[:1] != "~":
                return self
            check_permission(_HOME)
            expanded = cast("str", os_path_facade.expanduser(text))
            if expanded[:1] == "~":
                message = "Could not determine home directory."
                raise RuntimeError(message)
            return like(self, expanded)

        def readlink(self) -> Any:
            """Return where a link leads to."""
            return like(self, os_files.readlink(text_of(self)))

        # ---- What is there ----

        def stat(self, *, follow_symlinks: object = True) -> os.stat_result:
            """Return the status of the file."""
            return os_files.stat(text_of(self), follow_symlinks=follow_symlinks)

        def lstat(self) -> os.stat_result:
            """Return the status of the file, of the link itself if it is one."""
            return os_files.lstat(text_of(self))

        def exists(self, *, follow_symlinks: object = True) -> bool:
            """Say whether it leads to something."""
            return status_of(self, follow=follow_symlinks) is not None

        is_dir = _kind("is_dir", S_ISDIR)
        is_file = _kind("is_file", S_ISREG)
        is_block_device = _kind("is_block_device", S_ISBLK)
        is_char_device = _kind("is_char_device", S_ISCHR)
        is_fifo = _kind("is_fifo", S_ISFIFO)
        is_socket = _kind("is_socket", S_ISSOCK)

        def is_symlink(self) -> bool:
            """Say whether it is a symbolic link."""
            return os_path_facade.islink(text_of(self))

        def is_mount(self) -> bool:
            """Say whether it is a mount point."""
            return os_path_facade.ismount(text_of(self))

        def is_junction(self) -> bool:
            """Say no: Windows has those."""
            return False

        def samefile(self, other_path: object) -> bool:
            """Say whether both lead to the same file."""
            return os_path_facade.samefile(text_of(self), text_of(other_path))

        def owner(self, *, follow_symlinks: object = True) -> str:
            """Return the name of the owner; the user database is the host's."""
            number = os_files.stat(text_of(self), follow_symlinks=follow_symlinks).st_uid
            check_runtime("getSystemInformation")
            return _name_of("pwd", number)

        def group(self, *, follow_symlinks: object = True) -> str:
            """Return the name of the group."""
            number = os_files.stat(text_of(self), follow_symlinks=follow_symlinks).st_gid
            check_runtime("getSystemInformation")
            return _name_of("grp", number)

        # ---- Directories ----

        def iterdir(self) -> Iterator[Any]:
            """Return the paths in the directory."""
            text = text_of(self)
            names = cast("list[str]", os_files.FUNCTIONS["listdir"](text))
            return (like(self, name if text == "." else posixpath.join(text, name)) for name in names)

        def glob(self, pattern: object, *, case_sensitive: object = None, recurse_symlinks: object = False) -> Any:
            """Return the paths below that match."""
            return searched(self, [], pattern, case_sensitive, recurse_symlinks)

        def rglob(self, pattern: object, *, case_sensitive: object = None, recurse_symlinks: object = False) -> Any:
            """Return the paths at any depth that match."""
            return searched(self, ["**"], pattern, case_sensitive, recurse_symlinks)

        def walk(
            self,
            top_down: object = True,  # noqa: FBT002  # the real one's
            on_error: Callable[[OSError], object] | None = None,
            follow_symlinks: object = False,  # noqa: FBT002  # the real one's
        ) -> Iterator[tuple[Any, list[str], list[str]]]:
            """Walk a directory tree."""
            follow = flag(follow_symlinks)
            found = walk_tree(
                system.scandir,
                text_of(self),
                on_error,
                topdown=flag(top_down),
                followlinks=follow,
                links_are_files=not follow,
            )
            return ((like(self, here), inner, others) for here, inner, others in found)

        def mkdir(self, mode: int = 0o777, parents: object = False, exist_ok: object = False) -> None:  # noqa: FBT002
            """Make a directory."""
            text, may_exist = text_of(self), flag(exist_ok)
            try:
                os_files.mkdir(text, mode)
            except FileNotFoundError:
                if not flag(parents):
                    raise
                os_files.makedirs(text, mode, exist_ok=may_exist)
            except AccessDenied:
                raise
            except OSError:
                if not may_exist or not os_path_facade.isdir(text):
                    raise

        def rmdir(self) -> None:
            """Remove an empty directory."""
            os_files.rmdir(text_of(self))

        # ---- Contents ----

        def open(
            self,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
        ) -> IO[Any]:
            """Open it."""
            return cast("IO[Any]", tools.open(text_of(self), mode, buffering, encoding, errors, newline))

        def read_bytes(self) -> bytes:
            """Return the contents."""
            with tools.open(text_of(self), "rb") as file:
                return cast("bytes", file.read())

        def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
            """Return the contents as text."""
            with tools.open(text_of(self), "r", -1, encoding, errors, newline) as file:
                return cast("str", file.read())

        def write_bytes(self, data: bytes) -> int:
            """Write contents."""
            content = memoryview(data)  # before the file is emptied
            with tools.open(text_of(self), "wb") as file:
                return cast("int", file.write(content))

        def write_text(
            self, data: object, encoding: str | None = None, errors: str | None = None, newline: str | None = None
        ) -> int:
            """Write text."""
            content = exact(data)
            if type(content) is not str:
                message = f"data must be str, not {type_name(data)}"
                raise TypeError(message)
            with tools.open(text_of(self), "w", -1, encoding, errors, newline) as file:
                return cast("int", file.write(content))

        def touch(self, mode: int = 0o666, exist_ok: object = True) -> None:  # noqa: FBT002  # the real one's
            """Make the file, or make it new."""
            text, flags = text_of(self), os.O_CREAT | os.O_WRONLY
            if flag(exist_ok):
                try:
                    os_files.FUNCTIONS["utime"](text, None)
                except FileNotFoundError:
                    pass
                else:
                    return
            else:
                flags |= os.O_EXCL
            system.close(system.open(text, flags, mode))

        # ---- Names, links, modes ----

        def unlink(self, missing_ok: object = False) -> None:  # noqa: FBT002  # the real one's
            """Remove a file or link."""
            try:
                os_files.FUNCTIONS["unlink"](text_of(self))
            except FileNotFoundError:
                if not flag(missing_ok):
                    raise

        def rename(self, target: object) -> Any:
            """Rename it; return the new path."""
            new = text_of(target)
            os_files.rename(text_of(self), new)
            return like(self, new)

        def replace(self, target: object) -> Any:
            """Rename it over whatever is there; return the new path."""
            new = text_of(target)
            os_files.FUNCTIONS["replace"](text_of(self), new)
            return like(self, new)

        def symlink_to(self, target: object, target_is_directory: object = False) -> None:  # noqa: ARG002, FBT002  # the real one's
            """Make it a symbolic link."""
            os_files.FUNCTIONS["symlink"](text_of(target), text_of(self))

        def hardlink_to(self, target: object) -> None:
            """Make it another name of a file."""
            os_files.FUNCTIONS["link"](text_of(target), text_of(self))

        def link_to(self, target: object) -> None:
            """Make another name of this file."""
            os_files.FUNCTIONS["link"](text_of(self), text_of(target))

        def chmod(self, mode: int, *, follow_symlinks: object = True) -> None:
            """Change the mode."""
            os_files.FUNCTIONS["chmod"](text_of(self), mode, follow_symlinks=flag(follow_symlinks))

        def lchmod(self, mode: int) -> None:
            """Change the mode, of the link itself if it is one."""
            os_files.FUNCTIONS["chmod"](text_of(self), mode, follow_symlinks=False)

    def searched(self: object, before: list[str], pattern: object, case: object, into_links: object) -> Iterator[Any]:
        parts = parts_of(text_of(pattern))
        if not parts and not before:
            message = "Unacceptable pattern: ''"
            raise ValueError(message)
        counts = None if case is None else flag(case)
        found = find(system.scandir, text_of(self), before + parts, case=counts, into_links=flag(into_links))
        return (like(self, path) for path in found)

    class PosixPath(Path):
        """``pathlib.PosixPath`` as a sandbox has it."""

        __slots__ = ()
        _of_pycage = True

    for name in list(vars(Path)):
        if not name.startswith("_of") and not hasattr(pathlib.Path, name):  # what this Python has not, or no more
            delattr(Path, name)
    shimmed(tools, "pathlib", sealed=False)(Path)
    PosixPath.__module__, PosixPath.__qualname__ = "pathlib", "PosixPath"
    return {"Path": Path, "PosixPath": PosixPath}


def _name_of(data_base: str, number: int) -> str:
    if data_base == "pwd":
        import pwd  # noqa: PLC0415  # where there is none, pathlib works without

        return pwd.getpwuid(number).pw_name
    import grp  # noqa: PLC0415  # as above

    return grp.getgrgid(number).gr_name
