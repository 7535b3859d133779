"""The copies of standard modules that one sandbox has."""

from __future__ import annotations

import importlib
import threading
import types
from typing import TYPE_CHECKING, NoReturn, final

from pycage.imports.copies.edits import PRIVATE
from pycage.imports.copies.inside import ALIASES, INSIDE, STAND_INS
from pycage.imports.copies.sources import judged
from pycage.imports.names import absolute_name, parents, wanted_names
from pycage.imports.stdlib import OFFERS
from pycage.imports.views import ModuleView, Views, make_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.imports.as_host import AsHost
    from pycage.imports.tools import Tools
    from pycage.language import Unbound

__all__ = ["Copies"]


@final
class Copies:
    """Runs the source of standard modules for one sandbox, each when it is first asked for.

    Args:
        bind: Judged source to a code object of the sandbox's domain.
        module_globals: Makes the first globals of a copy, given the import that its statements are to call.
        own_module: Told of every copy, before its body runs.
        shim: Makes the sandbox's stand-in for a function of the host.
        privileged: Calls a function with the host's privilege and returns its result.
        tools: The sandbox's guards, for facades that copies import.

    Attributes:
        as_host: What was given as ``privileged``.
    """

    def __init__(
        self,
        *,
        bind: Callable[[Unbound], types.CodeType],
        module_globals: Callable[[Callable[..., object]], dict[str, object]],
        own_module: Callable[[types.ModuleType], object],
        shim: Callable[[Callable[..., object]], Callable[..., object]],
        privileged: AsHost,
        tools: Tools,
    ) -> None:
        self._bind = bind
        self._module_globals = module_globals
        self._own_module = own_module
        self.as_host = privileged
        self._tools = tools
        self._shim = shim
        # Views that no guest holds: submodules are bound in them whatever the host loader policy says.
        self._views: Views | None = None
        self._copies: dict[str, types.ModuleType] = {}
        self._inside: dict[str, ModuleView] = {}
        # One for all, and always taken before that of the views: copies import each other.
        self._lock = threading.RLock()

    def shown(self, name: str) -> dict[str, object]:
        """Return what a standard module's copy defines, and what it says is public; no modules."""
        offer = OFFERS[name]
        attributes = vars(self.module(name))
        declared = attributes.get("__all__", ())
        chosen = judged(name).defines | offer.shown | set(declared) if offer.is_copied else offer.copied
        return {
            key: attributes[key]
            for key in chosen
            if key in attributes
            and key not in offer.withheld
            and not isinstance(attributes[key], types.ModuleType)
            and not (key.startswith("__") and key != "__version__")
        }

    def module(self, name: str) -> types.ModuleType:
        """Return the copy itself, for the host and for other copies; never for a guest.

        Args:
            name: A module of which ``pycage.imports.stdlib`` says that something is copied.
        """
        with self._lock:
            copy = self._copies.get(name)
            return self._run(name) if copy is None else copy

    def _run(self, name: str) -> types.ModuleType:
        source, code = self.as_host(lambda: (source := judged(name), self._bind(source.unbound)))
        copy = types.ModuleType(name)
        attributes = vars(copy)
        attributes.update(self._module_globals(self.import_))
        # `globals().update(...)` in the module's own source.  What guests call globals() is another function.
        attributes["__builtins__"]["globals"] = lambda: attributes
        attributes.update({"__name__": name, "__package__": name if source.is_package else name.rpartition(".")[0]})
        if source.is_package:
            attributes["__path__"] = []
        offer = OFFERS.get(name)
        if offer is not None and not offer.is_copied:
            # What is copied in part finds the rest as the sandbox has it.
            rest = self.as_host(
                lambda: Views(_everything, self._shim, self._tools).of(name, importlib.import_module(name))
            )
            attributes.update({key: value for key, value in vars(rest).items() if not key.startswith("__")})
        self._own_module(copy)
        self._copies[name] = copy
        try:
            exec(code, attributes)  # noqa: S102  # the module's body, in the sandbox's domain
        except BaseException:
            del self._copies[name]
            raise
        return copy

    # ---- For the import statements of copies -------------------------------------------------------------------------

    def import_(
        self,
        name: str,
        globals: object = None,  # noqa: A002  # the signature of __import__
        locals: object = None,  # noqa: A002, ARG002  # as above
        fromlist: object = (),
        level: int = 0,
    ) -> types.ModuleType:
        """Import as ``__import__`` does, for the statements of copies.

        Raises:
            ModuleNotFoundError: A copy has no such module, as on a platform that lacks it.
        """
        absolute = absolute_name(name, globals, level)
        with self._lock:
            module = self._chain(absolute)
            names = wanted_names(fromlist)
            if not names:
                return module if level else self._chain(name.partition(".")[0])
            for item in names:
                below = f"{absolute}.{item}"
                if item not in vars(module) and (below in OFFERS or below in PRIVATE or below in INSIDE):
                    self._chain(below)
            return module

    def _chain(self, name: str) -> types.ModuleType:
        holder = module = None
        for part in parents(name):
            module = self._find(part)
            if holder is not None:
                vars(holder)[part.rpartition(".")[2]] = module
            holder = module
        if module is None:  # parents() is never empty
            raise AssertionError
        return module

    def _find(self, name: str) -> types.ModuleType:
        name = ALIASES.get(name, name)
        offer = OFFERS.get(name)
        if name in INSIDE or (name in STAND_INS and offer is None):
            inside = self._inside.get(name)
            if inside is None:
                names = STAND_INS[name](self._tools, self) if name in STAND_INS else {}
                if offer is not None:
                    names.update(vars(self._view(name)))
                if name in INSIDE:
                    names.update(INSIDE[name](self._tools, self))
                inside = self._inside[name] = make_view(name, names)
            return inside
        if name in PRIVATE or (offer is not None and offer.is_copied):
            return self.module(name)
        if offer is None:
            _missing(name)
        return self._view(name)

    def _view(self, name: str) -> ModuleView:
        views = self._views
        if views is None:
            views = self._views = Views(_everything, self._shim, self._tools, self)
        return self.as_host(lambda: views.of(name, importlib.import_module(name)))

    @property
    def modules(self) -> Mapping[str, types.ModuleType]:
        """The copies by name: ``sys.modules`` of their code."""
        return self._copies

    @property
    def builtins(self) -> dict[str, object]:
        """The built-ins of copies."""
        return self._module_globals(self.import_)["__builtins__"]  # type: ignore[return-value]  # always a dict there


def _everything(_name: str) -> bool:
    return True


def _missing(name: str) -> NoReturn:
    message = f"No module named {name!r}"
    raise ModuleNotFoundError(message, name=name)
