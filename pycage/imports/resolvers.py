"""Resolvers without a file system: a mapping, a function of the host, several resolvers in order."""

from __future__ import annotations

import io
import tokenize
from typing import TYPE_CHECKING, Final, final

from pycage.errors import PolicyError
from pycage.imports.names import FUTURE, is_module_name, parents, shown
from pycage.imports.sources import Resolver, Source, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pycage.imports.sources import Resources

__all__ = ["CallableResolver", "ChainResolver", "MappingResolver"]

_NAME: Final = (
    "Use dotted identifiers, such as 'plugins.thumb'; a package's own code goes under its plain name, 'plugins'."
)


@final
class MappingResolver:
    """Modules from memory: ``MappingResolver({"plugins": "", "plugins.thumb": "SIZE = 64"})``.

    A module is a package if another name begins with its name and a dot; a package that has no entry of its own is an
    empty module.  The mapping is copied.

    Args:
        modules: Dotted name to source, as text or as encoded bytes (PEP 263).
        resources: ``<package>/<path>`` to content, such as ``{"plugins/data/logo.svg": b"..."}``.

    Raises:
        PolicyError: A name is no module name, or text cannot be encoded as its coding line says.
        LimitExceeded: A source or resource is too large.

    Example:
        >>> resolver = pycage.MappingResolver({"plugins.thumb": "SIZE = 64"})
        >>> with pycage.Sandbox("thumbs", resolver=resolver) as sandbox:
        ...     sandbox.load("plugins.thumb").SIZE
        64
    """

    def __init__(
        self, modules: Mapping[str, str | bytes], *, resources: Mapping[str, str | bytes] | None = None
    ) -> None:
        self._texts: dict[str, bytes] = {}
        self._packages: set[str] = set()
        for name, text in dict(modules).items():
            if not is_module_name(name) or name == FUTURE:
                message = f"not a module name: {shown(name)}.  {_NAME}"
                raise PolicyError(message)
            self._texts[name] = bounded(_encoded(name, text), f"the source of {name}")
            self._packages.update(parents(name)[:-1])
        files: dict[str, dict[str, bytes]] = {}
        for key, content in dict(resources or {}).items():
            package, path = _resource_key(key)
            data = content.encode() if type(content) is str else content
            if type(data) is not bytes:
                message = f"the resource {shown(key)} is a {type(content).__name__}.  Give str or bytes."
                raise PolicyError(message)
            files.setdefault(package, {})[path] = bounded(data, f"the resource {key}")
            # A package of nothing but resources is a package too.
            self._packages.update(parents(package))
        self._resources: dict[str, Resources] = {package: _Files(tree) for package, tree in files.items()}

    def find(self, name: str, /) -> Source | None:
        """Return the module of this name, or ``None``."""
        if not is_module_name(name):
            return None
        text = self._texts.get(name)
        package = name in self._packages
        if text is None and not package:
            return None
        return Source(name, text or b"", f"<{name}>", package, self._resources.get(name))


@final
class CallableResolver:
    """Asks a function of the host: ``CallableResolver(lambda name: database.get(name))``.

    Args:
        find: Called with a valid module name.  Returns a `Source`, source text (``str`` or ``bytes``, a module that is
            no package), or ``None`` if there is no such module.

    Example:
        >>> stored = {"greeting": "def greet(name): return f'hello {name}'"}
        >>> with pycage.Sandbox("greeter", resolver=pycage.CallableResolver(stored.get)) as sandbox:
        ...     sandbox.load("greeting").greet("Ann")
        'hello Ann'
    """

    def __init__(self, find: Callable[[str], Source | str | bytes | None]) -> None:
        if not callable(find):
            message = f"CallableResolver takes a function from name to source, not a {type(find).__name__}"
            raise TypeError(message)
        self._find = find

    def find(self, name: str, /) -> Source | None:
        """Return what the function returns.

        Raises:
            PolicyError: It returned something else than a source.
        """
        if not is_module_name(name):
            return None
        found = self._find(name)
        if found is None:
            return None
        if isinstance(found, Source):
            bounded(found.text, f"the source of {name}")
            return found
        return Source(name, bounded(_encoded(name, found), f"the source of {name}"), f"<{name}>")


@final
class ChainResolver:
    """Asks several resolvers in order; the first that finds a module wins, resources included.

    Example:
        >>> own = pycage.MappingResolver({"settings": "SIZE = 128"})
        >>> defaults = pycage.MappingResolver({"settings": "SIZE = 64", "other": "A = 1"})
        >>> resolver = pycage.ChainResolver(own, defaults)
        >>> resolver.find("settings").text, resolver.find("other").text
        (b'SIZE = 128', b'A = 1')
    """

    def __init__(self, *resolvers: Resolver) -> None:
        for resolver in resolvers:
            if not isinstance(resolver, Resolver):
                message = f"a resolver has a method find(name), a {type(resolver).__name__} has none"
                raise TypeError(message)
        self._resolvers = tuple(resolvers)

    def find(self, name: str, /) -> Source | None:
        """Return the first answer that is not ``None``."""
        for resolver in self._resolvers:
            source = resolver.find(name)
            if source is not None:
                return source
        return None


@final
class _Files:
    """Resources in memory: path to content."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    def read(self, path: str, /) -> bytes | None:
        return self._files.get(path)

    def children(self, path: str, /) -> Sequence[tuple[str, bool]] | None:
        prefix = path + "/" if path else ""
        found: dict[str, bool] = {}
        for name in self._files:
            if name.startswith(prefix):
                first, slash, _ = name[len(prefix) :].partition("/")
                found[first] = found.get(first, False) or bool(slash)
        return sorted(found.items()) if found or not path else None


def _encoded(name: str, text: str | bytes) -> bytes:
    """Return source text as bytes that decode to the same text again."""
    if type(text) is bytes:
        return text
    if type(text) is not str:
        message = f"the source of {shown(name)} is a {type(text).__name__}.  Give str or bytes."
        raise PolicyError(message)
    try:
        # A coding line inside text that was decoded already must not decode it a second time, differently.
        encoding = tokenize.detect_encoding(io.BytesIO(text.encode()).readline)[0]
        return text.encode(encoding)
    except (SyntaxError, UnicodeError) as error:
        message = f"the source of {name} cannot be encoded: {error}.  Change its coding line, or give bytes."
        raise PolicyError(message) from error


def _resource_key(key: object) -> tuple[str, str]:
    if type(key) is str:
        package, slash, path = key.partition("/")
        parts = path.split("/")
        if (
            is_module_name(package)
            and slash
            and all(part not in ("", ".", "..") and "\0" not in part for part in parts)
        ):
            return package, path
    message = f"not the name of a resource: {shown(key)}.  Use '<package>/<path>', such as 'plugins/data/logo.svg'."
    raise PolicyError(message)
