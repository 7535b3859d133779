"""Resources of a sandbox's own packages, through ``importlib.resources``: every read asks the sandbox's loader policy.

Source: jcage's J5: ``policyAllowsResource`` existed and nothing ever called it.  Here a resource that the policy does
not allow cannot be read, neither by the sandbox nor by the host through the sandbox's package.
"""

# Problem.  `importlib.resources.files(package)` hands out objects that open files, and the guest keeps them.
#
# Things that do not work:
#
# - Returning paths (importlib's own FileReader): the object leads anywhere, `/ ".."` included.
# - Checking once in files(): the policy is asked about a name, and the name comes later.
#
# Idea.  Objects without a path behind them.  All they hold is a name and two functions, and these ask the policy before
# they ask the resolver, so that a denied resource and a missing one look alike only where reading it is allowed.

from __future__ import annotations

import importlib.resources.abc
import io
from typing import IO, TYPE_CHECKING, NoReturn, cast, final

from pycage.errors import AccessDenied
from pycage.imports.names import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pycage.imports.as_host import AsHost
    from pycage.imports.rules import LoaderPolicy
    from pycage.imports.sources import Resources

__all__ = ["PackageReader", "ResourceNode", "package_reader"]


@final
class ResourceNode(importlib.resources.abc.Traversable):
    """A resource or a directory of resources.  Made by a `PackageReader`; read-only; has no path in the file system."""

    __slots__ = ("_children", "_package", "_path", "_probe", "_read")

    def __init__(
        self,
        package: str,
        path: str,
        read: Callable[[str], bytes],
        children: Callable[[str], Sequence[tuple[str, bool]] | None],
        probe: Callable[[str], bool],
    ) -> None:
        self._package, self._path = package, path
        self._read, self._children, self._probe = read, children, probe

    def __init_subclass__(cls) -> NoReturn:
        message = "the type of a resource cannot be derived from"
        raise TypeError(message)

    @property
    def name(self) -> str:
        """The last part of the path, or the package's name."""
        return self._path.rpartition("/")[2] or self._package.rpartition(".")[2]

    def _at(self, path: str) -> ResourceNode:
        return ResourceNode(self._package, path, self._read, self._children, self._probe)

    def iterdir(self) -> Iterator[ResourceNode]:
        """Return the directories, and the resources that may be read."""
        below = self._path + "/" if self._path else ""
        found = self._children(self._path)
        if found is None:
            message = f"not a directory: {self._package}/{self._path}"
            raise NotADirectoryError(message)
        return iter([self._at(below + name) for name, directory in found if directory or self._probe(below + name)])

    def is_dir(self) -> bool:
        """Say whether this is a directory."""
        return self._children(self._path) is not None

    def is_file(self) -> bool:
        """Say whether this is a resource that may be read."""
        return bool(self._path) and self._probe(self._path)

    def joinpath(self, *descendants: str) -> ResourceNode:  # type: ignore[override]  # no path objects: they run code
        """Return the resource or directory below this one.

        Raises:
            ValueError: A part is absolute, empty or leads upwards.
        """
        path = self._path
        for descendant in descendants:
            if type(descendant) is not str:
                message = f"a resource is named by text, not by a {type(descendant).__name__}"
                raise TypeError(message)
            for part in descendant.split("/"):
                if part in ("", ".", "..") or "\\" in part or "\0" in part:
                    message = f"not the name of a resource: {shown(descendant)}"
                    raise ValueError(message)
                path = f"{path}/{part}" if path else part
        return self._at(path)

    def __truediv__(self, child: str) -> ResourceNode:  # type: ignore[override]  # as joinpath
        return self.joinpath(child)

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises:
            AccessDenied: The sandbox's loader policy does not allow it.
            FileNotFoundError: There is no such resource.
        """
        return self._read(self._path)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the content as text, in UTF-8 unless told otherwise."""
        return cast("IO[str]", self.open("r", encoding=encoding, errors=errors)).read()

    def open(  # type: ignore[override]  # typeshed declares overloads by literal mode
        self,
        mode: str = "r",
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str] | IO[bytes]:
        """Return the content as a file in memory; ``mode`` is ``"r"`` or ``"rb"``."""
        if type(mode) is not str or mode not in ("r", "rt", "rb"):
            message = "a resource is opened with mode 'r' or 'rb'"
            raise ValueError(message)
        content = io.BytesIO(self._read(self._path))
        if mode == "rb":
            return content
        return io.TextIOWrapper(content, encoding=encoding or "utf-8", errors=errors, newline=newline)

    def __str__(self) -> str:
        return f"{self._package}/{self._path}" if self._path else self._package

    def __repr__(self) -> str:
        return f"<resource {self!s}>"


@final
class PackageReader(importlib.resources.abc.TraversableResources):
    """What ``importlib.resources`` asks for a package's resources.  Made by the sandbox's loader."""

    __slots__ = ("_root",)

    def __init__(self, root: ResourceNode) -> None:
        self._root = root

    def __init_subclass__(cls) -> NoReturn:
        message = "the type of a reader cannot be derived from"
        raise TypeError(message)

    def files(self) -> ResourceNode:
        """Return the package's directory."""
        return self._root


def package_reader(
    package: str,
    resources: Callable[[], Resources | None],
    policy: LoaderPolicy,
    as_host: AsHost,
) -> PackageReader:
    """Return the reader for one package of a sandbox.

    Args:
        package: Its dotted name.
        resources: Returns the package's resources, ``None`` if it has none; called with privilege.
        policy: The sandbox's loader policy (SCP); asked with privilege about ``<package>/<path>``, every time.
        as_host: Calls a function with the host's privilege.
    """

    def allowed(path: str) -> bool:
        return as_host(lambda: bool(policy.allows_resource(f"{package}/{path}")))

    def content(path: str) -> bytes | None:
        def find() -> bytes | None:
            found = resources()
            return None if found is None or not path else found.read(path)

        return as_host(find)

    def read(path: str) -> bytes:
        # The policy first: whether a denied resource exists is not told.
        if not allowed(path):
            message = f"resource access denied: {package}/{path}"
            raise AccessDenied(message)
        found = content(path)
        if found is None:
            message = f"no resource {package}/{path}"
            raise FileNotFoundError(message)
        return found

    def children(path: str) -> Sequence[tuple[str, bool]] | None:
        def find() -> Sequence[tuple[str, bool]] | None:
            found = resources()
            return None if found is None else found.children(path)

        return as_host(find)

    def probe(path: str) -> bool:
        return allowed(path) and content(path) is not None

    return PackageReader(ResourceNode(package, "", read, children, probe))
