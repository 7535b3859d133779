"""The path resolver: modules and resources from directories, zip files and wheels."""

# Problem.  A sandbox's modules lie in directories that a guest may be able to write to, and are read with the host's
# privilege.
#
# Things that do not work:
#
# - Joining the name to the directory and opening it: a symbolic link in the directory then reads any file of the host,
#   and its text comes back in a SyntaxError or as a resource.
# - Checking the text of the path: it says nothing about links.
# - Ignoring what cannot be used (jcage's J10): the user learns of a misspelt directory from a baffling error about
#   another loader, much later.
#
# Idea.  Every element is resolved and checked when the resolver is made.  A file is opened by its real path, which must
# lie inside the element's real path, must be a regular file and must be small.
#
# What still fails.  Who can rename directories between the check and the opening can win a race; only a guest with
# permission to write there can.  Hard links are not noticed.

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from pycage.errors import PolicyError
from pycage.imports.names import FUTURE, is_module_name
from pycage.imports.sources import MAX_SOURCE_BYTES, Source, bounded

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PathResolver"]

# What makes `name` a module, best first, as importlib's FileFinder orders them.  Extension modules are not on the list:
# native code cannot be confined in this process.
_FORMS: Final = (("/__init__.py", True), (".py", False))


@final
class PathResolver:
    """Modules from directories and zip files or wheels, in the order given.

    Args:
        elements: Paths, ``str`` or path objects of the host.  Relative ones are resolved against the working directory
            now, once.  A directory without ``__init__.py`` is an empty package (a namespace package, PEP 420), but
            portions in several elements are not merged: the first element that has the package has all of it, except
            that a real module in a later element is preferred to a bare directory.

    Raises:
        PolicyError: There is no element, or one cannot be used; the message says which and why.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("greeting.py").write_text("HELLO = 'hello'")
        >>> with pycage.Sandbox("files", resolver=pycage.PathResolver(".")) as sandbox:
        ...     sandbox.load("greeting").HELLO
        'hello'
    """

    def __init__(self, *elements: str | os.PathLike[str]) -> None:
        if not elements:
            message = "PathResolver() has nowhere to look.  Give a directory or a zip file: PathResolver('plugins/')."
            raise PolicyError(message)
        self._elements = tuple(_element(element) for element in elements)

    @property
    def elements(self) -> tuple[str, ...]:
        """The absolute, real paths of the elements, in order."""
        return tuple(element.root for element in self._elements)

    def find(self, name: str, /) -> Source | None:
        """Return the first module of this name; see the class for the order.

        Raises:
            LimitExceeded: The source is too large.
            PolicyError: The file is a link that leads out of its element, is no regular file, or cannot be read.
        """
        if not is_module_name(name) or name == FUTURE:
            return None
        base = name.replace(".", "/")
        for element in self._elements:
            for suffix, package in _FORMS:
                text = element.read(base + suffix)
                if text is not None:
                    below = base if package else base.rpartition("/")[0]
                    resources = _Below(element, below) if package else None
                    return Source(
                        name, text, f"{element.root}{os.sep}{(base + suffix).replace('/', os.sep)}", package, resources
                    )
        for element in self._elements:
            if element.children(base) is not None:
                return Source(name, b"", f"<namespace {name}>", is_package=True, resources=_Below(element, base))
        return None


@final
class _Below:
    """The resources of one package: an element seen from one of its directories."""

    def __init__(self, element: _Directory | _Archive, base: str) -> None:
        self._element = element
        self._base = base

    def read(self, path: str, /) -> bytes | None:
        return self._element.read(f"{self._base}/{path}")

    def children(self, path: str, /) -> Sequence[tuple[str, bool]] | None:
        return self._element.children(f"{self._base}/{path}" if path else self._base)


def _element(given: str | os.PathLike[str]) -> _Directory | _Archive:
    path = os.fspath(given)
    if type(path) is not str or not path or "\0" in path:
        message = (
            f"not a path: {given!r}.  PathResolver takes directories, zip files and wheels, as text or path objects."
        )
        raise PolicyError(message)
    root = os.path.realpath(path)
    try:
        mode = Path(root).stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(root).close()
            return _Directory(root)
        if stat.S_ISREG(mode) and zipfile.is_zipfile(root):
            return _Archive(root)
    except (OSError, zipfile.BadZipFile) as error:
        message = f"cannot use {path!r} (that is {root!r}) for modules: {error}."
        raise PolicyError(message) from error
    message = f"cannot use {path!r} (that is {root!r}) for modules: neither a directory nor a zip file."
    raise PolicyError(message)


@final
class _Directory:
    """An element that is a directory."""

    def __init__(self, root: str) -> None:
        self.root = root

    def _real(self, path: str) -> str:
        """Return the real path of a file or directory in this element.

        Raises:
            PolicyError: A link leads out of the element.
        """
        real = os.path.realpath(f"{self.root}{os.sep}{path.replace('/', os.sep)}")
        if real != self.root and not real.startswith(self.root.rstrip(os.sep) + os.sep):
            message = (
                f"{path!r} in {self.root!r} is a link that leads out of it, to {real!r}.  "
                "Copy the file, or add its directory."
            )
            raise PolicyError(message)
        return real

    def read(self, path: str) -> bytes | None:
        real = self._real(path)
        # O_NONBLOCK: a FIFO in the directory must not stop the host.  O_NOFOLLOW: the path is real already.
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        flags |= getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(real, flags)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            message = f"cannot read {real!r}: {error.strerror}."
            raise PolicyError(message) from error
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            os.close(descriptor)
            if stat.S_ISDIR(mode):
                return None
            message = f"{real!r} is not a regular file."
            raise PolicyError(message)
        with os.fdopen(descriptor, "rb") as file:
            return bounded(file.read(MAX_SOURCE_BYTES + 1), f"the file {path}")

    def children(self, path: str) -> Sequence[tuple[str, bool]] | None:
        try:
            with os.scandir(self._real(path)) as entries:
                return sorted((entry.name, entry.is_dir()) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"cannot list {path!r} in {self.root!r}: {error.strerror}."
            raise PolicyError(message) from error


@final
class _Archive:
    """An element that is a zip file.  Its table of contents is read once; a file is read from it on demand."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._directories: dict[str, dict[str, bool]] = {"": {}}
        with zipfile.ZipFile(root) as archive:
            self._files = {
                info.filename: info for info in archive.infolist() if not info.is_dir() and _tame(info.filename)
            }
        for name in self._files:
            parts = name.split("/")
            for depth, part in enumerate(parts):
                directory = self._directories.setdefault("/".join(parts[:depth]), {})
                directory[part] = directory.get(part, False) or depth < len(parts) - 1

    def read(self, path: str) -> bytes | None:
        info = self._files.get(path)
        if info is None:
            return None
        try:
            # Opened each time: a descriptor kept open would be inherited and could be closed by others.
            # The declared size is the archive's claim; reading one byte more than allowed is the proof.
            with zipfile.ZipFile(self.root) as archive, archive.open(info) as file:
                content = file.read(MAX_SOURCE_BYTES + 1)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
            message = f"cannot read {path!r} in {self.root!r}: {error}.  Was the file replaced?"
            raise PolicyError(message) from error
        return bounded(content, f"the file {path}")

    def children(self, path: str) -> Sequence[tuple[str, bool]] | None:
        names = self._directories.get(path)
        return None if names is None or (path and not names) else sorted(names.items())


def _tame(name: str) -> bool:
    """Say whether a member's name stays inside the archive (CWE-22); others do not exist for us."""
    return "\\" not in name and all(part not in ("", ".", "..") for part in name.split("/"))
