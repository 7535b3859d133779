"""``glob`` for a sandbox: the real code with the sandbox's ``os``."""

# The directory before the first wildcard must be readable, or it raises: the caller named it.  What may not be read
# below is left out, as the real one does with every directory that it cannot read.

from __future__ import annotations

import glob
import posixpath
import types
from typing import TYPE_CHECKING, Any, cast

from pycage.errors import AccessDenied
from pycage.imports.facades import os_facade, os_path_facade
from pycage.imports.facades.checks import Links, check_file, exact, exact_path
from pycage.imports.facades.os_files import flag, without_dir_fd
from pycage.imports.facades.shared_caches import of_fnmatch
from pycage.imports.tools import twin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycage.imports.facades.checks import Path
    from pycage.imports.tools import Tools

__all__ = ["make"]


def _lexists(path: object, _dir_fd: None = None) -> bool:
    try:
        return os_path_facade.lexists(path)
    except AccessDenied:
        return False


def _isdir(path: object, _dir_fd: None = None) -> bool:
    try:
        return os_path_facade.isdir(path)
    except AccessDenied:
        return False


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    names = twin(
        glob,
        {
            "os": tools.part("os.for_twins", os_facade.for_twins),
            "fnmatch": types.SimpleNamespace(**of_fnmatch(tools)),
            "_lexists": _lexists,
            "_isdir": _isdir,
        },
    )
    real = cast("Any", names["iglob"])

    def iglob(
        pathname: object,
        *,
        root_dir: object = None,
        dir_fd: None = None,
        recursive: object = False,
        include_hidden: object = False,
    ) -> Iterator[Path]:
        """Yield the paths that match a pattern."""
        without_dir_fd(dir_fd)
        pattern = cast("Path", exact(pathname))
        root = None if root_dir is None else exact_path(root_dir)
        _check_first(pattern, root)
        found = real(pattern, root_dir=root, recursive=flag(recursive), include_hidden=flag(include_hidden))
        # A generator, whatever the real one returns: it runs with the stack of this call.
        return (path for path in found)

    def list_(pathname: object, **options: Any) -> list[Path]:
        """Return the paths that match a pattern."""
        return list(iglob(pathname, **options))

    list_.__name__ = list_.__qualname__ = "glob"
    return {"iglob": iglob, "glob": list_}


def _check_first(pattern: Path, root: Path | None) -> None:
    """Ask for the directory before the first wildcard; without a wildcard, for the file."""
    first = pattern
    links = Links.KEEP
    while glob.has_magic(first):
        first, links = posixpath.dirname(first), Links.FOLLOW
    if root is not None:
        first = cast("Path", posixpath.join(cast("str", root), cast("str", first)))
    here: Path = b"." if type(pattern) is bytes else "."
    check_file("glob.glob", first or here, "read", links)
