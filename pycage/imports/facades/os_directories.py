"""``os.scandir``, its entries, and ``os.walk`` for a sandbox."""

from __future__ import annotations

import os
from posixpath import join
from stat import S_ISDIR, S_ISLNK, S_ISREG, S_ISSOCK
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast

from pycage.errors import AccessDenied
from pycage.imports.facades import os_files, os_path_facade
from pycage.imports.facades.checks import Path, exact_path
from pycage.imports.facades.held import on_file
from pycage.imports.facades.os_files import flag
from pycage.imports.facades.shimmed_class import shimmed, slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.imports.tools import Tools

__all__ = ["LINKS_ARE_FILES", "is_directory", "make", "walk_tree"]


# What shutil.rmtree passes to os.walk.
LINKS_ARE_FILES: Final = getattr(os, "_walk_symlinks_as_files", object())


class _Entry(NamedTuple):
    """What the list of a directory tells about one name; everything else is looked up again."""

    name: Path
    path: Path
    inode: int
    kind: Callable[[int], bool]  # S_ISLNK, S_ISDIR, S_ISREG, or S_ISSOCK for all the others


def _read(entry: os.DirEntry[str], directory: Path) -> _Entry:
    kind = (
        S_ISLNK
        if entry.is_symlink()
        else S_ISDIR
        if entry.is_dir(follow_symlinks=False)
        else S_ISREG
        if entry.is_file(follow_symlinks=False)
        else S_ISSOCK
    )
    if type(directory) is bytes:
        name = os.fsencode(entry.name)
        return _Entry(name, join(directory, name), entry.inode(), kind)
    return _Entry(entry.name, join(cast("str", directory), entry.name), entry.inode(), kind)


class _Listing:
    """What ``os.scandir`` returns: read to the end already, so that nothing is open and nothing happens later."""

    __slots__ = ("_entries",)

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> object:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._entries = iter(())


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # one class
    """Return ``DirEntry``, ``scandir`` and ``walk`` of one sandbox."""

    @shimmed(tools, "os")
    class DirEntry:
        """``os.DirEntry`` as a sandbox has it: whatever needs another look at the file asks again."""

        __slots__ = ("_entry",)

        def __init__(self) -> None:
            message = "cannot create 'os.DirEntry' instances"
            raise TypeError(message)

        def __repr__(self) -> str:
            return f"<DirEntry {entry_of(self).name!r}>"

        def __fspath__(self) -> Path:
            return entry_of(self).path

        @property
        def name(self) -> Path:
            """The name in the directory."""
            return entry_of(self).name

        @property
        def path(self) -> Path:
            """The path that was listed, and the name."""
            return entry_of(self).path

        def inode(self) -> int:
            """Return the number of the file."""
            return entry_of(self).inode

        def is_dir(self, *, follow_symlinks: object = True) -> bool:
            """Say whether it is a directory."""
            return is_kind(entry_of(self), flag(follow_symlinks), S_ISDIR)

        def is_file(self, *, follow_symlinks: object = True) -> bool:
            """Say whether it is a regular file."""
            return is_kind(entry_of(self), flag(follow_symlinks), S_ISREG)

        def is_symlink(self) -> bool:
            """Say whether it is a symbolic link."""
            return entry_of(self).kind is S_ISLNK

        def is_junction(self) -> bool:
            """Say no: Windows has those."""
            return False

        def stat(self, *, follow_symlinks: object = True) -> os.stat_result:
            """Return the status of the file."""
            return os_files.stat(entry_of(self).path, follow_symlinks=follow_symlinks)

    get, set_ = slot(DirEntry, "_entry")

    def entry_of(shown: object) -> _Entry:
        return cast("_Entry", get(shown))

    def is_kind(entry: _Entry, follow: bool, wanted: Callable[[int], bool]) -> bool:  # noqa: FBT001  # an answer
        """Say what a file is.  What is no link is known from the list itself."""
        if not follow or entry.kind is not S_ISLNK:
            return entry.kind is wanted
        try:
            return wanted(os_files.stat(entry.path).st_mode)
        except FileNotFoundError:
            return False

    def shown(entry: _Entry) -> DirEntry:
        made = object.__new__(DirEntry)
        set_(made, entry)
        return made

    def scandir(path: object = ".") -> _Listing:
        """Return the entries of a directory."""
        exactly: Path = "." if path is None else exact_path(path)

        def listed(directory: int) -> list[_Entry]:
            with os.scandir(directory) as found:
                return [_read(entry, exactly) for entry in found]

        entries = on_file("os.scandir", exactly, "read", listed, flags=os.O_RDONLY | os.O_DIRECTORY)
        return _Listing([shown(entry) for entry in entries])

    def walk(
        top: object,
        topdown: object = True,  # noqa: FBT002  # the real one's
        onerror: Callable[[OSError], object] | None = None,
        followlinks: object = False,  # noqa: FBT002  # as above
    ) -> Iterator[tuple[Path, list[Any], list[Any]]]:
        """Walk a directory tree as the real one does.

        That the top may not be read raises; what may not be read below it is left out, as the real one does with every
        directory that it cannot read.
        """
        as_files = followlinks is LINKS_ARE_FILES
        follow = flag(followlinks) and not as_files
        return walk_tree(
            scandir, exact_path(top), onerror, topdown=flag(topdown), followlinks=follow, links_are_files=as_files
        )

    return {"DirEntry": DirEntry, "scandir": scandir, "walk": walk}


def walk_tree(
    scandir: Callable[[Path], Iterator[Any]],
    top: Path,
    onerror: Callable[[OSError], object] | None,
    *,
    topdown: bool,
    followlinks: bool,
    links_are_files: bool = False,
) -> Iterator[tuple[Path, list[Any], list[Any]]]:
    """Walk a directory tree with the ``scandir`` of a sandbox; see ``os.walk``.

    Args:
        scandir: Lists a directory.
        top: Where to begin; that it may not be read raises.
        onerror: Called with each error below.
        topdown: A directory before what is in it.
        followlinks: Walk into links to directories.
        links_are_files: List links to directories among the files.
    """
    left: list[Path | tuple[Path, list[Any], list[Any]]] = [top]
    while left:
        here = left.pop()
        if isinstance(here, tuple):
            yield here
            continue
        try:
            entries = list(scandir(here))
        except OSError as error:
            if here is top and type(error) is AccessDenied:
                raise
            if onerror is not None:
                onerror(error)
            continue
        directories: list[Any] = []
        others: list[Any] = []
        for entry in entries:
            (directories if is_directory(entry, follow=not links_are_files) else others).append(entry)
        names, rest = [entry.name for entry in directories], [entry.name for entry in others]
        if topdown:
            yield here, names, rest
            # The list is the caller's meanwhile.
            inner = [join(cast("str", here), cast("str", exact_path(name))) for name in names]
            left += [path for path in reversed(inner) if followlinks or links_are_files or not _is_link(path)]
        else:
            left.append((here, names, rest))
            left += [entry.path for entry in reversed(directories) if followlinks or not entry.is_symlink()]


def is_directory(entry: Any, *, follow: bool) -> bool:
    """Say whether an entry is a directory; a link to what may not be looked at is none."""
    try:
        return bool(entry.is_dir(follow_symlinks=follow))
    except OSError:
        return False


def _is_link(path: Path) -> bool:
    try:
        return os_path_facade.islink(path)
    except AccessDenied:  # not looked at any further
        return True
