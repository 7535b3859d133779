"""``sys.modules`` of a sandbox: the modules that it has, as a mapping that it may add its own to."""

# Problem.  Programs look into sys.modules for a module they may have, for their own module, to give a module another
# name, or to replace themselves.  The real table is the process: what stands there is what everybody imports.
#
# Idea.  A mapping of what an import would give this sandbox without loading anything.  What the sandbox stores there is
# kept apart: it decides what the sandbox's own imports give, and neither the host's `load` nor anybody else's import
# ever looks there.
#
# What still fails.  A module that was loaded cannot be taken out, so deleting and importing does not load it again.

from __future__ import annotations

import types
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, NoReturn, final

from pycage.errors import AccessDenied, type_name
from pycage.imports.names import shown

if TYPE_CHECKING:
    from pycage.imports.loader import SandboxLoader

__all__ = ["ModuleTable"]


@final
class ModuleTable(MutableMapping[str, types.ModuleType]):
    """The table of one sandbox.  Stores nothing: the loader does."""

    __slots__ = ("_known", "_names", "_register")

    def __init__(self, loader: SandboxLoader) -> None:
        self._known = loader.known_module
        self._names = loader.known_names
        self._register = loader.register

    def __init_subclass__(cls) -> NoReturn:
        message = "no class can be derived from the type of sys.modules"
        raise TypeError(message)

    def __reduce_ex__(self, protocol: object, /) -> NoReturn:
        message = "sys.modules cannot be copied"
        raise TypeError(message)

    def __getitem__(self, name: str, /) -> types.ModuleType:
        found = self._known(name) if type(name) is str else None
        if found is None:
            raise KeyError(name)
        return found

    def __setitem__(self, name: str, module: types.ModuleType, /) -> None:
        if type(name) is not str or not issubclass(type(module), types.ModuleType):
            message = f"sys.modules of a sandbox holds modules by their names, not {type_name(module)} objects"
            raise AccessDenied(message)
        self._register(name, module)

    def __delitem__(self, name: str, /) -> None:
        if name not in self:
            raise KeyError(name)
        try:
            self._register(name, None)
        except KeyError:
            message = f"access denied: the module {shown(name)} cannot be taken out of sys.modules"
            raise AccessDenied(message) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return f"<sys.modules of a sandbox: {len(self)} modules>"
