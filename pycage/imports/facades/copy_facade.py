"""``copy`` for a sandbox: what it writes to is a new object of the right type."""

from __future__ import annotations

import copy as host_copy
import functools
import importlib.util
import threading
import types
from typing import TYPE_CHECKING

from pycage.imports.tools import CLASS_DICT, MRO, Tools, is_module, refuse
from pycage.language.names import INERT
from pycage.language.stand_ins import REFUSED_REDUCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["copy_module", "make"]


# Problem.  `copy` writes to whatever a guest's `__new__` returned, and a copy of an object of the host is made of what
# the memo says: `deepcopy(token, {id(token.user): "admin"})` would be a token of another user's.
#
# Idea.  The real code with other parts: what is written to is a new object of the type that is copied, strings and
# their like are never looked up in the memo, and what is not the sandbox's own is copied to something of its own type.
#
# A class of the sandbox that defines `__reduce__` has it under another name (pycage.language.names); it is asked here.
#
# What still fails.  A memo can still exchange one mutable object inside of a copied one for another of the same type.


def copy_module(tools: Tools) -> types.ModuleType:  # noqa: C901  # one function and the three that it exchanges
    """Return a second instance of the module ``copy`` whose reconstruction checks what it writes to.

    A second instance and not a twin: ``copy``'s own functions hold each other as defaults and in a table.

    Args:
        tools: The sandbox's guards.
    """
    spec = importlib.util.find_spec("copy")
    if spec is None or spec.loader is None:
        message = "the standard module copy has no source"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = vars(module)
    names["Error"] = names["error"] = host_copy.Error
    reconstruct = names["_reconstruct"]

    def _reconstruct(
        x: object,
        memo: object,
        func: Callable[..., object],
        args: Iterable[object],
        state: object = None,
        *rest: object,
        **keywords: object,
    ) -> object:
        # A module of a guest's class would give its variables, the built-ins among them, to that class's __setstate__.
        if is_module(x):
            refuse("copy", x)

        def make(*arguments: object) -> object:
            made = func(*arguments)
            # __new__ and __reduce__ are the guest's: what they return is about to be written to.
            if type(made) is not type(x):
                refuse("copy", made)
            return made

        if type(state) is tuple and len(state) == 2 and state[1] is not None:  # noqa: PLR2004  # (dict, slots), PEP 307
            slots = state[1]
            # These go through setattr: __class__ among them would turn the copy into an object of the host.
            if type(slots) is not dict or any(type(key) is not str or key.startswith("__") for key in slots):
                refuse("copy", x)
        return reconstruct(x, memo, make, args, state, *rest, **keywords)

    names["_reconstruct"] = _reconstruct

    names["getattr"] = _getattr

    original = names["deepcopy"]
    unchanged = frozenset(
        names.get("_atomic_types")
        or {kind for kind, copier in names["_deepcopy_dispatch"].items() if copier is names["_deepcopy_atomic"]}
    )

    # The memo is the guest's to read; the originals that must live as long as the copying, their dictionaries among
    # them, are kept here instead.
    kept = threading.local()

    def _keep_alive(x: object, _memo: object) -> None:
        kept.alive.append(x)

    names["_keep_alive"] = _keep_alive

    def deepcopy(x: object, memo: dict[int, object] | None = None) -> object:
        kind = type(x)
        if kind in unchanged or issubclass(kind, type):
            return x
        outermost = not hasattr(kept, "alive")
        if outermost:
            kept.alive = []
        try:
            made = original(x, memo)
        finally:
            if outermost:
                del kept.alive
        if type(made) is not kind and not tools.owns(x):
            refuse("copy.deepcopy", made)
        return made

    deepcopy.__doc__ = original.__doc__
    names["deepcopy"] = deepcopy
    for function in list(names.values()):
        if type(function) is types.FunctionType and function.__module__ == "copy":
            function.__defaults__ = _exchanged(function.__defaults__, original, deepcopy)
            keywords = function.__kwdefaults__ or {}
            function.__kwdefaults__ = {key: deepcopy if value is original else value for key, value in keywords.items()}
    reconstruct.__kwdefaults__ = {
        key: deepcopy if value is original else value for key, value in (reconstruct.__kwdefaults__ or {}).items()
    }
    return module


def _getattr(thing: object, name: str, *default: object) -> object:
    """``getattr`` for this code: what a class of the sandbox defines as ``__reduce__`` has another name."""
    own = _own_reduction(type(thing)) if name == "__reduce_ex__" else None
    return getattr(thing, name, *default) if own is None else functools.partial(own, thing)


def _own_reduction(cls: object) -> Callable[..., object] | None:
    """Return what reduces an object, and takes a protocol, if a class of a sandbox defines it."""
    for base in MRO(cls):
        names = CLASS_DICT(base)
        if INERT["__reduce_ex__"] in names:
            return _reducing(names[INERT["__reduce_ex__"]], lambda function, thing, protocol: function(thing, protocol))
        if INERT["__reduce__"] in names:
            return _reducing(names[INERT["__reduce__"]], lambda function, thing, _protocol: function(thing))
    return None


def _reducing(function: object, call: Callable[..., object]) -> Callable[..., object]:
    if function is REFUSED_REDUCE:  # `__reduce__ = object.__reduce__`
        return object.__reduce_ex__
    return lambda thing, protocol: call(function, thing, protocol)


def _exchanged(values: tuple[object, ...] | None, old: object, new: object) -> tuple[object, ...] | None:
    return None if values is None else tuple(new if value is old else value for value in values)


def make(tools: Tools) -> dict[str, object]:
    """Return the functions that ``stdlib.py`` says are made anew."""
    names = vars(copy_module(tools))
    return {name: names[name] for name in ("copy", "deepcopy", "replace") if name in names}
