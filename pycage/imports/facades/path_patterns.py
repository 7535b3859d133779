"""What ``Path.glob`` finds, with the ``scandir`` of a sandbox."""

# Problem.  The real one is a different program in each version of Python, holds os.scandir and os.lstat in classes and
# default arguments, and returns iterators in C that would run with nobody's code on the stack.
#
# Idea.  Its meaning is one page; this is it.  Directories below the first wildcard that may not be read are left out,
# as the real one does with unreadable ones; a directory that the caller named raises.
#
# What still fails.  A file that two `**` find by different ways is given once, which 3.13 does not promise.

from __future__ import annotations

import fnmatch
import posixpath
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from pycage.errors import AccessDenied
from pycage.imports.facades import os_path_facade
from pycage.imports.facades.os_directories import is_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["find", "parts_of"]

_MAGIC: Final = re.compile(r"[*?\[]")
# Until then "**" at the end found directories only.
_FINDS_FILES: Final = sys.version_info >= (3, 13)
# Until 3.11 a link to nothing was not found by its name.
_IS_THERE: Final = os_path_facade.lexists if sys.version_info >= (3, 12) else os_path_facade.exists


def parts_of(pattern: str) -> list[str]:
    """Return the segments of a pattern; an empty one at the end stands for "directories only".

    Raises:
        ValueError: It is empty.
        NotImplementedError: It is absolute.
    """
    if pattern[:1] == "/":
        message = "Non-relative patterns are unsupported"
        raise NotImplementedError(message)
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if pattern[-1:] == "/" and parts:
        parts.append("")
    return parts


class _Search:
    """One search.

    Args:
        scandir: Lists a directory.
        case: Whether case counts; None: as the file system has it.
        into_links: Whether ``**`` walks into links to directories.
    """

    def __init__(self, scandir: Callable[[str], Iterator[Any]], *, case: bool | None, into_links: bool) -> None:
        self._scandir = scandir
        self._flags = re.IGNORECASE if case is False else 0
        self._every_part_is_a_pattern = case is not None
        self._into_links = into_links

    def select(self, here: str, parts: list[str], *, named: bool) -> Iterator[str]:
        """Yield what ``parts`` find below ``here``.  ``named``: there was no wildcard yet."""
        if not parts:
            yield here
        elif parts[0] == "":
            if os_path_facade.isdir(here or "."):
                yield here + "/"
        elif parts[0] == "**":
            yield from self._tree(here, parts[1:], named=named)
        elif parts[0] == ".." or not (self._every_part_is_a_pattern or _MAGIC.search(parts[0])):
            yield from self._exactly(_below(here, parts[0]), parts[1:], named=named)
        else:
            matches = re.compile(fnmatch.translate(parts[0]), self._flags).match
            for entry in self._list(here, named=named):
                if matches(entry.name) and (len(parts) == 1 or is_directory(entry, follow=True)):
                    yield from self.select(_below(here, entry.name), parts[1:], named=False)

    def _exactly(self, path: str, rest: list[str], *, named: bool) -> Iterator[str]:
        try:
            found = os_path_facade.isdir(path) if rest else _IS_THERE(path)
        except AccessDenied:
            if named:
                raise
            return
        if found:
            yield from self.select(path, rest, named=named)

    def _tree(self, here: str, rest: list[str], *, named: bool) -> Iterator[str]:
        yield from self.select(here, rest, named=named)
        for entry in self._list(here, named=named):
            path = _below(here, entry.name)
            if is_directory(entry, follow=self._into_links):
                yield from self._tree(path, rest, named=False)
            elif _FINDS_FILES and not rest:
                yield path

    def _list(self, here: str, *, named: bool) -> list[Any]:
        try:
            return list(self._scandir(here or "."))
        except AccessDenied:
            if named:
                raise
        except OSError:
            pass
        return []


def find(
    scandir: Callable[[str], Iterator[Any]],
    base: str,
    parts: list[str],
    *,
    case: bool | None = None,
    into_links: bool = False,
) -> Iterator[str]:
    """Yield the paths below ``base`` that match, each once.

    Args:
        scandir: Lists a directory.
        base: Where to search.
        parts: See `parts_of`.
        case: Whether case counts; None: as the file system has it.
        into_links: Whether ``**`` walks into links to directories.

    Raises:
        AccessDenied: A directory before the first wildcard may not be looked at.
    """
    search = _Search(scandir, case=case, into_links=into_links)
    seen: set[str] = set()
    for path in search.select("" if base == "." else base, parts, named=True):
        if path not in seen:
            seen.add(path)
            yield path or "."


def _below(directory: str, name: str) -> str:
    return posixpath.join(directory, name)
