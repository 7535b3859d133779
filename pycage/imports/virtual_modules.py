"""Virtual modules: what a sandbox imports that is no file of anybody's, such as ``host``."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pycage.errors import PolicyError
from pycage.imports.names import is_module_name, shown
from pycage.imports.views import ModuleView, make_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["VirtualModules"]


@final
class VirtualModules:
    """The virtual modules of one sandbox.

    Args:
        later: Name to a function that returns the names.  Most sandboxes import none of them, and making a sandbox
            should be cheap: it is called when the module is first imported.

    Attributes:
        table: Those that were made, by name.
    """

    __slots__ = ("_later", "table")

    def __init__(self, later: dict[str, Callable[[], Mapping[str, object]]]) -> None:
        self._later = later
        self.table: dict[str, ModuleView] = {}

    def set(self, name: str, names: Mapping[str, object]) -> None:
        """Define a virtual module, or change one: its names are exactly ``names`` from now on, everywhere.

        Raises:
            PolicyError: ``name`` is not the name of a module.
        """
        if not is_module_name(name):
            message = f"not a module name: {shown(name)}"
            raise PolicyError(message)
        self._later.pop(name, None)
        view = self.table.get(name)
        if view is None:
            view = self.table[name] = make_view(name, {})
        attributes = vars(view)
        for key, value in list(attributes.items()):
            if key not in names and key not in ("__name__", "__doc__") and not isinstance(value, ModuleView):
                del attributes[key]
        attributes.update(names)
        attributes["__all__"] = sorted(key for key in names if not key.startswith("_"))

    def get(self, name: str) -> ModuleView | None:
        """Return the module of this name, or ``None``."""
        make = self._later.get(name)
        if make is not None:
            self.set(name, make())
        return self.table.get(name)

    def clear(self) -> None:
        """Forget them all.  Those that somebody holds stay usable."""
        self.table.clear()
        self._later.clear()
