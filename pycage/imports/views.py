"""Views: a sandbox's read-only sight of a host module.

A view is a snapshot, taken when the sandbox first imports the module and kept for as long as the sandbox lives.  It is
a real module object, so that ``import a.b as c``, star imports and ``isinstance(m, ModuleType)`` work, but its
``__dict__`` holds only what the sandbox may see.
"""

# Problem.  A module object is a door: `json.codecs.builtins`, `hostapi.subprocess`, `json.__loader__.get_data`.
#
# Things that do not work:
#
# - A proxy that filters names in __getattr__: the module stays behind it, in an attribute, a closure or a slot.
# - The module itself plus an attribute guard: C code (import star, from-imports, match) reads __dict__ without asking.
# - A deny-list of names: every `import` statement in a host module is a public name.
#
# Idea.  Copy what may be seen into a new module object, and nothing else.  What a host module *declares* in __all__ is
# shown as it stands; without __all__ only what it defines itself is, and what it imported is judged as if the sandbox
# imported it from there.  Functions are replaced by shims, so that the sandbox is on the stack when they run.  Types
# stay the same types: that is what sharing is for.
#
# What still fails.  Objects of the host are handed out as they are: their methods run unshimmed.  A snapshot does not
# follow a host that rebinds its globals.

from __future__ import annotations

import collections.abc
import datetime as dt
import decimal
import enum
import fractions
import functools
import re
import sys
import threading
import types
import uuid
from typing import TYPE_CHECKING, Final, NoReturn, final

import attrs

from pycage.imports import facades
from pycage.imports.facades.shared_caches import PREPARATIONS
from pycage.imports.stdlib import OFFERS, is_standard, refusal
from pycage.imports.tools import Tools, owned
from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.imports.copies import Copies

__all__ = ["ModuleView", "NoViewError", "Views", "view_of"]


class NoViewError(Exception):
    """A sandbox can have no view of this module.  Never leaves the loader; the message is the reason."""


@final
class ModuleView(types.ModuleType):
    """What a sandbox sees of a host module.  Made by `Views`; can be neither changed nor derived from."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = "a sandbox cannot change a module of the host"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = "a sandbox cannot change a module of the host"
        raise AttributeError(message)

    def __init_subclass__(cls) -> NoReturn:
        message = "the type of a view cannot be derived from"
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"<module {vars(self).get('__name__')!r} (view)>"


# What is in the dictionary of a view was judged when it was put there.  So the guards let it be read, private names
# too: `x._y` and `from x import _y` are one rule, and few names that begin with an underscore are in a view.
_guards.set_view_type(ModuleView)


def make_view(name: str, names: dict[str, object]) -> ModuleView:
    """Return a view with these names.  ``__loader__``, ``__spec__`` and ``__package__`` do not exist on it."""
    view = ModuleView(name)
    attributes = vars(view)
    attributes.clear()
    attributes["__name__"] = name
    attributes["__doc__"] = None
    attributes.update(names)
    return view


@final
class Views:
    """The views of one sandbox, cached by the name of the module.

    Args:
        allowed: Whether the sandbox may have a host module of this name; asked while a view is made, for modules that
            the module leads to.
        shim: Makes the sandbox's stand-in for a function of the host.
        tools: The sandbox's guards, for ``pycage.imports.facades``.
        copies: The sandbox's copies of standard modules; without them, what is copied is missing.
    """

    def __init__(
        self,
        allowed: Callable[[str], bool],
        shim: Callable[[Callable[..., object]], Callable[..., object]],
        tools: Tools | None = None,
        copies: Copies | None = None,
    ) -> None:
        self._allowed = allowed
        self._shim = shim
        self._copies = copies
        given = tools if tools is not None else Tools()
        self._tools = given if given.shim is shim else attrs.evolve(given, shim=shim)
        self._views: dict[str, ModuleView] = {}
        self._lock = threading.RLock()

    def of(self, name: str, module: types.ModuleType) -> ModuleView:
        """Return the view of a host module.

        Args:
            name: What the sandbox imports it as.  It decides, not ``module.__name__``: ``os.path`` is ``posixpath``.
            module: The host's module.

        Raises:
            NoViewError: There is no view of this module, whatever the host allows.
        """
        reason = refusal(name) or _alias_refusal(name, module.__name__)
        if reason is not None:
            raise NoViewError(reason)
        # No code of the sandbox runs in here, so the lock cannot be held for long.
        with self._lock:
            view = self._views.get(name)
            if view is None:
                # Filled after it is in the cache: modules that lead to each other are common.
                view = self._views[name] = make_view(name, _about(module))
                try:
                    vars(view).update(self._standard(name, module) if name in OFFERS else self._declared(module))
                except BaseException:
                    del self._views[name]
                    raise
            return view

    def names(self) -> list[str]:
        """Return the names of the views that there are already."""
        return list(self._views)

    def get(self, name: str) -> ModuleView | None:
        """Return the view of this name if there is one already."""
        return self._views.get(name)

    def _standard(self, name: str, module: types.ModuleType) -> dict[str, object]:  # noqa: C901  # one step for each kind
        """Return what the table offers of a standard module."""
        offer = OFFERS[name]
        if name in PREPARATIONS:
            PREPARATIONS[name]()
        names: dict[str, object] = {}
        if offer.copied and self._copies is not None:
            names.update(self._copies.shown(name))
        for shown in offer.shown if not offer.is_copied else ():
            if hasattr(module, shown):
                names[shown] = private(getattr(module, shown))
        for written in filter(functools.partial(hasattr, module), offer.owned):
            names[written] = owned(getattr(module, written), f"{name}.{written}", self._tools)
        made = facades.make(name, self._tools) if offer.is_facade else {}
        names.update({key: value for key, value in made.items() if key not in offer.effects})
        for effectful in offer.effects:
            function = made.get(effectful, getattr(module, effectful, None))
            if callable(function):
                names[effectful] = self._shim(function)
        for attribute, value in _submodules(module):
            if (
                attribute not in offer.withheld
                and f"{name}.{attribute}" in OFFERS
                and (f"{name}.{attribute}" in _PARTS or self._allowed(f"{name}.{attribute}"))
            ):
                names[attribute] = self.of(f"{name}.{attribute}", value)
        declared = getattr(module, "__all__", None)
        if declared is not None:
            names["__all__"] = sorted(set(map(str, declared)) & set(names))
        return names

    def _declared(self, module: types.ModuleType) -> dict[str, object]:
        """Return what a host module that is not standard shows."""
        names: dict[str, object] = {}
        declared = getattr(module, "__all__", None)
        candidates = list(vars(module)) if declared is None else [str(name) for name in declared]
        for name in candidates:
            if name.startswith("_") or not hasattr(module, name):
                continue
            value = getattr(module, name)
            if isinstance(value, types.ModuleType):
                if self._allowed(value.__name__) and refusal(value.__name__) is None:
                    names[name] = self.of(value.__name__, value)
            elif declared is not None or self._defined_here(module, name, value):
                names[name] = self._stand_in(value)
        if declared is not None:
            names["__all__"] = [name for name in candidates if name in names]
        return names

    def _defined_here(self, module: types.ModuleType, name: str, value: object) -> bool:
        """Say whether a public name that no ``__all__`` declares belongs to the module, not to what it imported."""
        kind = type(value)
        if kind in _PLAIN or kind in _COPIED:
            return True
        described = value if isinstance(value, (*_FUNCTIONS, type)) else kind
        origin = getattr(described, "__module__", None)
        if type(origin) is not str:
            return False
        if origin.partition(".")[0] == module.__name__.partition(".")[0]:
            return True
        if described is not value:  # an object: of a pure value type, or not shown
            return origin == "typing" or kind in _VALUES or isinstance(value, enum.Enum)
        if not self._allowed(origin):
            return False
        if is_standard(origin):
            # What the host imported from a standard module: as far as the sandbox could import it from there itself.
            offer = OFFERS.get(origin)
            return offer is not None and name in offer.shown and getattr(sys.modules.get(origin), name, None) is value
        return refusal(origin) is None

    def _stand_in(self, value: object) -> object:
        """Return what a sandbox gets for an object that it may see."""
        if isinstance(value, _FUNCTIONS) and not isinstance(value, type):
            return self._shim(value)
        return private(value)


def view_of(
    module: types.ModuleType,
    allowed: Callable[[str], bool],
    shim: Callable[[Callable[..., object]], Callable[..., object]],
    tools: Tools | None = None,
) -> ModuleView:
    """Return a view of one module, with no cache behind it.

    Args:
        module: The host's module.
        allowed: Whether a module that this one leads to may be seen, by name.
        shim: Makes the stand-in for a function.
        tools: The guards for facades; without them whatever needs one refuses.

    Raises:
        NoViewError: There is no view of this module.
    """
    return Views(allowed, shim, tools).of(module.__name__, module)


def _alias_refusal(name: str, real: str) -> str | None:
    """Return why a module cannot be seen under another name than its own."""
    if real == name or (is_standard(real) and OFFERS.get(name) is OFFERS.get(real)):  # os.path is posixpath
        return refusal(real)
    return refusal(real) or (f"it is the standard module {real} under another name" if is_standard(real) else None)


# Every kind of callable that is not a class and has no state worth seeing.
_FUNCTIONS: Final = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    functools.partial,
    type(functools.lru_cache(len)),
)

# Modules that belong to the one above: who may import os has os.path.
_PARTS: Final = frozenset({"os.path"})

# Constants, shown wherever they come from.
_PLAIN: Final = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        range,
        slice,
        object,
        type(Ellipsis),
        type(NotImplemented),
        types.GenericAlias,
        types.UnionType,
    }
)
_COPIED: Final = frozenset(
    {list, dict, set, bytearray, tuple, frozenset, types.MappingProxyType, types.SimpleNamespace}
)
_VALUES: Final = frozenset(
    {
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        dt.timezone,
        decimal.Decimal,
        fractions.Fraction,
        uuid.UUID,
        re.Pattern,
    }
)


def private(value: object) -> object:
    """Return a container of an exact built-in type as a copy, all the way down, and anything else as it is.

    Storing to items is not guarded, so a list that two sandboxes see is a way to write to the other.  The same goes for
    objects that a sandbox may write to although they are not its own.
    A read-only proxy is copied as well: ``proxy | mine`` hands the dictionary behind it to ``mine.__ror__``.
    """
    return _private(value, {})


def _private(value: object, seen: dict[int, object]) -> object:  # noqa: C901  # one branch for each type
    kind = type(value)
    if isinstance(value, decimal.Context) and kind is decimal.Context:
        return value.copy()
    if kind not in _COPIED:
        return value
    if id(value) in seen:
        return seen[id(value)]
    result: object
    if isinstance(value, dict):
        mapping: dict[object, object] = {}
        result = seen[id(value)] = mapping
        mapping.update({key: _private(item, seen) for key, item in value.items()})
    elif isinstance(value, list):
        items: list[object] = []
        result = seen[id(value)] = items
        items.extend(_private(item, seen) for item in value)
    elif isinstance(value, types.MappingProxyType):
        result = types.MappingProxyType({key: _private(item, seen) for key, item in value.items()})
    elif isinstance(value, types.SimpleNamespace):
        result = seen[id(value)] = types.SimpleNamespace()
        vars(result).update({key: _private(item, seen) for key, item in vars(value).items()})
    elif isinstance(value, tuple):
        result = tuple(_private(item, seen) for item in value)
    elif isinstance(value, bytearray):
        result = bytearray(value)
    elif isinstance(value, collections.abc.Set):
        result = kind(value)  # type: ignore[call-arg]  # set or frozenset; their items are hashable, so not mutable
    else:
        result = value
    return result


def _about(module: types.ModuleType) -> dict[str, object]:
    """Return the few underscore names that a view has."""
    names: dict[str, object] = {"__doc__": module.__doc__ if type(module.__doc__) is str else None}
    version = getattr(module, "__version__", None)
    if type(version) is str:
        names["__version__"] = version
    return names


def _submodules(module: types.ModuleType) -> Iterator[tuple[str, types.ModuleType]]:
    """Yield the attributes that are modules below this one."""
    for attribute, value in list(vars(module).items()):
        whole = f"{module.__name__}.{attribute}"
        # os.path has another name of its own, and sys.modules knows it by both.
        if isinstance(value, types.ModuleType) and (value.__name__ == whole or sys.modules.get(whole) is value):
            yield attribute, value
