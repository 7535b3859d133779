"""What a sandbox sees of ``importlib``, and what stands as ``__loader__`` in its modules."""

# Problem.  `find_spec` tells what the host has, `spec.loader` reads any file, `exec_module` runs a source a second time
# as whoever calls it, `importlib.metadata` lists what is installed and loads it.
#
# Idea.  find_spec() finds what the sandbox may load itself, and a few standard modules that programs load a second time
# to change the copy (PRIVATE_COPIES): both are source, which runs as the sandbox's own.  For what an import would give
# it says that it is there, and nothing more.  Nothing is installed in a sandbox: every distribution is missing.
#
# What still fails.  Loaders of a guest's own are kept in its specs and never asked.

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING, Final, NoReturn, final

from pycage.imports.names import absolute_name, is_module_name, shown
from pycage.imports.sources import Source

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from pycage.imports.loader import SandboxLoader
    from pycage.imports.resources import PackageReader

__all__ = ["PRIVATE_COPIES", "Handle", "importlib_views"]

PRIVATE_COPIES: Final = frozenset({"html.parser"})
"""Standard modules, written in Python and pure, whose source a sandbox may run as a module of its own."""


@final
class Handle:
    """``__loader__`` of a sandbox's modules: leads to the package's resources, and to nothing else.

    It holds one function; what that returns asks the policy itself.
    """

    __slots__ = ("_reader",)

    def __init__(self, reader: Callable[[str], PackageReader | None]) -> None:
        self._reader = reader

    def __init_subclass__(cls) -> NoReturn:
        message = "the loader of a sandbox's modules cannot be derived from"
        raise TypeError(message)

    def get_resource_reader(self, fullname: str) -> PackageReader | None:
        """Return the reader that ``importlib.resources`` asks for."""
        return self._reader(fullname) if type(fullname) is str else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> NoReturn:
        """Refuse: ``importlib`` cannot load a sandbox's module a second time."""
        message = f"{spec.name} belongs to a sandbox; load it through the sandbox"
        raise ImportError(message)

    def exec_module(self, module: types.ModuleType) -> NoReturn:
        """Refuse: ``importlib.reload`` would run the module's code as the host's."""
        message = f"{module.__name__} belongs to a sandbox; load it through the sandbox"
        raise ImportError(message)


@final
class Again:
    """The loader of a spec from ``find_spec``: runs the source in the module that ``module_from_spec`` made for it."""

    __slots__ = ("_execute", "_made")

    _execute: Callable[[dict[str, object]], None]
    _made: list[tuple[types.ModuleType, dict[str, object]]]

    def __init__(self) -> None:
        # It hands out the globals of modules, and guests reach the class.
        message = "only find_spec() makes these"
        raise TypeError(message)

    @classmethod
    def _of(cls, execute: Callable[[dict[str, object]], None]) -> Again:
        made = object.__new__(cls)
        made._execute, made._made = execute, []
        return made

    def __init_subclass__(cls) -> NoReturn:
        message = "the loader of a sandbox's modules cannot be derived from"
        raise TypeError(message)

    def __reduce_ex__(self, protocol: object, /) -> NoReturn:
        message = "a loader cannot be copied"
        raise TypeError(message)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the source in a module that was made for this spec; once."""
        for position, (made, attributes) in enumerate(self._made):
            if made is module:
                del self._made[position]
                self._execute(attributes)
                return
        message = "exec_module() needs the module that module_from_spec() made for this spec"
        raise ImportError(message)


def importlib_views(  # noqa: C901, PLR0915  # a list of small functions
    loader: SandboxLoader, shim: Callable[[Callable[..., object]], Callable[..., object]]
) -> dict[str, Callable[[], dict[str, object]]]:
    """Return the makers of ``importlib`` and ``importlib.resources``.  They reach nothing but what imports do."""

    def import_module(name: str, package: str | None = None) -> types.ModuleType | None:
        if type(name) is not str or not (package is None or type(package) is str):
            message = "import_module() needs names of the exact type str"
            raise TypeError(message)
        level = len(name) - len(name.lstrip("."))
        if level and not package:
            message = f"the 'package' argument is required to perform a relative import for {shown(name)}"
            raise TypeError(message)
        absolute = absolute_name(name[level:], {"__package__": package}, level)
        loader.import_(absolute)  # raises what __import__ raises
        return loader._chain(absolute)  # the innermost; all of it is loaded now

    def files(anchor: object) -> object:
        name = (
            anchor if type(anchor) is str else next((key for key, own in loader.modules.items() if own is anchor), None)
        )
        if type(name) is not str:
            message = "files() needs one of the sandbox's own packages, or its name"
            raise TypeError(message)
        loader.import_(name)
        reader = loader.own.reader(name)
        if reader is None:
            message = f"{shown(name)} is not a package of the sandbox"
            raise TypeError(message)
        return reader.files()

    def read_text(anchor: object, *path: str, encoding: str = "utf-8", errors: str = "strict") -> object:
        return files(anchor).joinpath(*path).read_text(encoding, errors)  # type: ignore[attr-defined]  # a ResourceNode

    def read_binary(anchor: object, *path: str) -> object:
        return files(anchor).joinpath(*path).read_bytes()  # type: ignore[attr-defined]  # a ResourceNode

    def is_resource(anchor: object, *path: str) -> object:
        return files(anchor).joinpath(*path).is_file()  # type: ignore[attr-defined]  # a ResourceNode

    def find_spec(name: str, package: str | None = None) -> importlib.machinery.ModuleSpec | None:
        if type(name) is not str or not (package is None or type(package) is str):
            message = "find_spec() needs names of the exact type str"
            raise TypeError(message)
        level = len(name) - len(name.lstrip("."))
        absolute = absolute_name(name[level:], {"__package__": package}, level)
        if not is_module_name(absolute):
            return None
        parent = absolute.rpartition(".")[0]
        if parent:
            loader.import_(parent)
        source = loader.own.source(absolute)
        if source is None and absolute in PRIVATE_COPIES and loader.host.allows(absolute):
            source = loader._as_host(lambda: _standard_source(absolute))
        if source is not None:
            found = source
            again = Again._of(lambda attributes: loader.own.execute(found, attributes))
            return importlib.machinery.ModuleSpec(
                absolute,
                again,  # type: ignore[arg-type]  # typeshed asks for a whole loader
                origin=found.filename,
                is_package=found.is_package,
            )
        return importlib.machinery.ModuleSpec(absolute, None) if loader.would_share(absolute) else None

    def module_from_spec(spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        again: object = spec.loader if type(spec) is importlib.machinery.ModuleSpec else None
        if type(again) is not Again:
            message = "module_from_spec() in a sandbox needs what find_spec() returned, of a module of its own"
            raise ImportError(message)
        source = Source(spec.name, b"", spec.origin or "<unknown>", spec.submodule_search_locations is not None)
        module = loader.own.new_module(spec.name, source)
        again._made.append((module, vars(module)))
        return module

    def not_installed(name: str = "", /) -> NoReturn:
        raise importlib.metadata.PackageNotFoundError(name if type(name) is str else "")

    def entry_points(**_selected: object) -> importlib.metadata.EntryPoints:
        return importlib.metadata.EntryPoints()

    functions = {"files": files, "read_text": read_text, "read_binary": read_binary, "is_resource": is_resource}
    return {
        "importlib": lambda: {"import_module": shim(import_module), "invalidate_caches": shim(_nothing)},
        "importlib.machinery": lambda: {
            "ModuleSpec": importlib.machinery.ModuleSpec,
            "SOURCE_SUFFIXES": [".py"],
            "BYTECODE_SUFFIXES": [],
            "EXTENSION_SUFFIXES": [],
        },
        "importlib.metadata": lambda: {
            "PackageNotFoundError": importlib.metadata.PackageNotFoundError,
            "entry_points": shim(entry_points),
            "distributions": shim(list),
            "packages_distributions": shim(dict),
            **{name: shim(not_installed) for name in ("distribution", "files", "metadata", "requires", "version")},
        },
        "importlib.util": lambda: {
            "find_spec": shim(find_spec),
            "module_from_spec": shim(module_from_spec),
            "spec_from_loader": importlib.machinery.ModuleSpec,
        },
        "importlib.resources": lambda: {name: shim(function) for name, function in functions.items()},
    }


def _nothing() -> None:
    return


def _standard_source(name: str) -> Source | None:
    spec = importlib.util.find_spec(name)
    text = getattr(spec.loader, "get_source", _no_source)(name) if spec is not None else None
    return None if text is None else Source(name, text.encode(), f"<copy of {name}>", is_package=False)


def _no_source(_name: str) -> None:
    return
