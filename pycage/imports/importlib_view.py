"""What a sandbox sees of ``importlib``, and what stands as ``__loader__`` in its modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, final

from pycage.imports.names import absolute_name, shown

if TYPE_CHECKING:
    import importlib.machinery
    import types
    from collections.abc import Callable

    from pycage.imports.loader import SandboxLoader
    from pycage.imports.resources import PackageReader

__all__ = ["Handle", "importlib_views"]


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


def importlib_views(
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
        reader = loader._reader(name)
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

    functions = {"files": files, "read_text": read_text, "read_binary": read_binary, "is_resource": is_resource}
    return {
        "importlib": lambda: {"import_module": shim(import_module)},
        "importlib.resources": lambda: {name: shim(function) for name, function in functions.items()},
    }
