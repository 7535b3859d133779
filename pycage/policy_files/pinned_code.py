"""The code of a plugin: read once, judged by its hash, and run from the very bytes that were judged."""

# Problem.  A file that is hashed and then loaded by its name can be another file by then.
#
# Idea.  The bytes are read once into memory.  What is hashed is what the sandbox compiles; the disk is not looked at
# again, for modules that the plugin imports later neither.  So all of a package is read, and hashed, at the beginning.
#
# The hash of a file is that of its bytes.  The hash of a directory is that of the list which this prints:
#
#     find . -type f ! -path '*/__pycache__/*' | LC_ALL=C sort | xargs -d '\n' sha256sum
#
# Links are refused: the hash would be about a text, and the code somewhere else.  A file is opened so that no link is
# followed, and looked at when it is open: what its name leads to may be exchanged in between.
#
# What still fails.  A directory on the way that is exchanged for a link is followed; only the hash tells.

from __future__ import annotations

import hashlib
import os
import sysconfig
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.errors import AccessDenied, PolicyError
from pycage.imports import ChainResolver, MappingResolver, PathResolver
from pycage.imports.names import is_module_name
from pycage.permissions.text import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycage.imports import Resolver, Source
    from pycage.policy_files.document import Document, Plugin

__all__ = ["PluginCode", "digest_of", "judged_code", "read_code", "resolver_of"]

MOST_FILES: Final = 4096
MOST_BYTES: Final = 64 << 20
_SKIPPED: Final = "__pycache__"
# With a line break, the name of one file could be written so that the list names two; `sha256sum` escapes these.
_AMBIGUOUS: Final = "\n\r\\"


@final
@attrs.frozen
class PluginCode:
    """What a plugin is made of.

    Attributes:
        sha256: Its hash, in lower-case hexadecimal.
        resolver: Finds its modules and resources, all of them in memory.
    """

    sha256: str
    resolver: MappingResolver


def digest_of(path: str | os.PathLike[str]) -> str:
    """Return the hash of a plugin's code, as ``sha256 = "..."`` pins it.

    >>> import pathlib
    >>> _ = pathlib.Path("plugin.py").write_text("size = 64")
    >>> digest_of("plugin.py")[:16]
    'c6e20f732b05b88f'

    Args:
        path: A file, or the directory of a package.

    Raises:
        PolicyError: It cannot be read, contains links, or is too large.
    """
    return _digest(_contents(os.path.abspath(path)))  # noqa: PTH100  # text, as everywhere here


def read_code(path: str, module: str) -> PluginCode:
    """Read the code at ``path``, to be loaded as ``module``.

    Raises:
        PolicyError: As for `digest_of`, or a file could not be a module.
    """
    contents = _contents(path)
    if "" in contents:
        return PluginCode(_digest(contents), MappingResolver({module: contents[""]}))
    modules: dict[str, str | bytes] = {}
    resources: dict[str, str | bytes] = {}
    for name, content in contents.items():
        directory, _, last = name.rpartition("/")
        package = ".".join([module, *directory.split("/")]) if directory else module
        own = package if last == "__init__.py" else f"{package}.{last.removesuffix('.py')}"
        if last.endswith(".py") and is_module_name(own):
            modules[own] = content
        else:
            holder, rest = _package_of(name, contents, module)
            resources[f"{holder}/{rest}"] = content
    return PluginCode(_digest(contents), MappingResolver(modules, resources=resources))


def judged_code(document: Document, name: str) -> PluginCode | None:
    """Return the code of a plugin; None for a profile, or a plugin whose code is not in the file.

    Raises:
        PolicyError: It cannot be read, or is not the code that is pinned.
    """
    plugin = document.plugins.get(name)
    if plugin is None or plugin.path is None:
        return None
    code = read_code(plugin.path, plugin.module)
    if plugin.sha256 is not None and code.sha256 != plugin.sha256:
        message = (
            f"{plugin.profile.where}: {plugin.path} is not the code that is pinned: it has sha256 {code.sha256}, the "
            f'file says {plugin.sha256}; look at what changed, then write sha256 = "{code.sha256}"'
        )
        raise PolicyError(message)
    return code


def resolver_of(plugin: Plugin | None, code: PluginCode | None, other: Resolver | None) -> Resolver | None:
    """Return where the modules of a sandbox come from: the plugin's code, its packages, what the caller has."""
    found: list[Resolver] = [] if code is None else [code.resolver]
    if plugin is not None and plugin.packages:
        found.append(_Packages(plugin.packages))
    if other is not None:
        found.append(other)
    return ChainResolver(*found) if found else None


@final
class _Packages:
    """Finds some of the installed packages, and nothing else that is installed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = frozenset(names)
        self._installed = PathResolver(sysconfig.get_paths()["purelib"])

    def find(self, name: str, /) -> Source | None:
        """Return the module, if it is of one of the packages."""
        return self._installed.find(name) if name.partition(".")[0] in self._names else None


def _package_of(name: str, contents: dict[str, bytes], module: str) -> tuple[str, str]:
    """Return the package that a resource belongs to, the deepest with an ``__init__.py``, and the way from there."""
    parts = name.split("/")
    for depth in range(len(parts) - 1, 0, -1):
        directory = parts[:depth]
        if "/".join([*directory, "__init__.py"]) in contents:
            return ".".join([module, *directory]), "/".join(parts[depth:])
    return module, name


def _contents(path: str) -> dict[str, bytes]:
    """Return the content of each file by its name below ``path``; ``""`` if that is a file itself."""
    contents: dict[str, bytes] = {}
    total = 0
    try:
        for name in _files(path):
            contents[name] = _content(os.path.join(path, name) if name else path)  # noqa: PTH118  # as above
            total += len(contents[name])
            if total > MOST_BYTES or len(contents) > MOST_FILES:
                message = f"{shorten(path)} is too large for a plugin: at most {MOST_FILES} files, {MOST_BYTES} bytes"
                raise PolicyError(message)
    except AccessDenied:
        raise
    except OSError as error:
        message = f"the code of the plugin cannot be read: {error}"
        raise PolicyError(message) from error
    return contents


def _content(path: str) -> bytes:
    with open(path, "rb", opener=_opened) as file:  # as above
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _refused(path)
        return file.read(MOST_BYTES + 1)


def _opened(path: str, flags: int) -> int:
    # Without waiting: a pipe opens when somebody writes to it.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _refused(path: str) -> PolicyError:
    return PolicyError(f"{shorten(path)} is neither a file nor a directory; take it out of the plugin")


def _files(path: str) -> Iterator[str]:
    mode = os.lstat(path).st_mode
    if S_ISREG(mode):
        yield ""
        return
    if not S_ISDIR(mode):
        message = f"{shorten(path)} is neither a file nor a directory; a link is written as what it leads to"
        raise PolicyError(message)
    for directory, below, names in os.walk(path, onerror=_raise):
        below[:] = sorted(set(below) - {_SKIPPED})
        for name in sorted(names) + below:
            full = os.path.join(directory, name)  # noqa: PTH118  # as above
            if any(character in name for character in _AMBIGUOUS):
                message = f"{shorten(full)} has a line break or a backslash in its name; take it out of the plugin"
                raise PolicyError(message)
            mode = os.lstat(full).st_mode
            if S_ISREG(mode):
                yield os.path.relpath(full, path)
            elif not S_ISDIR(mode):
                raise _refused(full)


def _raise(error: OSError) -> None:
    raise error


def _digest(contents: dict[str, bytes]) -> str:
    if "" in contents:
        return hashlib.sha256(contents[""]).hexdigest()
    listed = b"".join(
        f"{hashlib.sha256(content).hexdigest()}  ".encode() + os.fsencode(f"./{name}") + b"\n"
        for name, content in sorted(contents.items(), key=lambda item: os.fsencode(item[0]))
    )
    return hashlib.sha256(listed).hexdigest()
