"""Puts the stand-ins of the table in place: now, or when their module is imported."""

from __future__ import annotations

import functools
import importlib.abc
import signal
import sys
import types
from typing import TYPE_CHECKING, Any, Final

from pycage import _core
from pycage.access import check_permission, context_of
from pycage.handoff import loops
from pycage.handoff.places import PLACES, How
from pycage.handoff.stored import (
    BoundCallable,
    BoundCoroutine,
    BoundParts,
    bound_factory,
    bound_suspending,
)
from pycage.handoff.threads import submit_as_maker
from pycage.permissions import RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec

    from pycage.access import AccessControlContext
    from pycage.handoff.places import Place

__all__ = ["install"]


def install() -> None:
    """Replace what is there, and prepare to replace what comes later."""
    for place in PLACES:
        if place.module in sys.modules:
            _replace(place)
        else:
            _later.setdefault(place.module, []).append(place)
    sys.meta_path.insert(0, _AfterImport())


def _replace(place: Place) -> None:
    module, _, class_name = place.owner.partition(":")
    owner: Any = vars(sys.modules[module])[class_name] if class_name else sys.modules[module]
    original = vars(owner)[place.name]
    is_classmethod = type(original) is classmethod
    if is_classmethod:
        original = original.__func__
    make = _MADE_OTHERWISE.get((place.owner, place.name))
    if make is not None:
        stand_in: Any = make(original)
    else:
        slow = _SLOW.get((place.owner, place.name), _storing)(place, original)
        position = min(position for position, _ in place.stored)
        stand_in = _core.hand_off(original, slow, position=position, method=bool(class_name), passes=place.passes)
    if is_classmethod:
        stand_in = classmethod(stand_in)
    if not class_name:
        for other in list(sys.modules.values()):
            if type(other) is types.ModuleType and vars(other).get(place.name) is original:
                setattr(other, place.name, stand_in)
    elif owner.__flags__ & _IMMUTABLE:
        _core.replace_method(owner, place.name, stand_in)
    else:
        setattr(owner, place.name, stand_in)


_IMMUTABLE: Final = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE


# ---- With a sandbox on the stack ------------------------------------------------------------------------------------


def _call_or_parts(context: AccessControlContext, value: Any) -> object:
    # The order of logging: an object with a method `filter` is no function.
    return BoundParts(context, value) if hasattr(value, "filter") else BoundCallable(context, value)


_BOUND_BY: Final[dict[How, Callable[[AccessControlContext, Any], object]]] = {
    How.CALL: BoundCallable,
    How.STEPS: BoundCoroutine,
    How.PARTS: BoundParts,
    How.FACTORY: bound_factory,
    How.CALL_OR_PARTS: _call_or_parts,
    How.SUSPENDING: bound_suspending,
}
_NEEDS_NO_CALL: Final = frozenset({How.PARTS, How.CALL_OR_PARTS})


def _bound(context: AccessControlContext, how: How, value: Any) -> Any:
    """Return what is stored in place of ``value``; what cannot be called is left for the original to refuse.

    A function of the only sandbox in the context is stored as it is: whenever it runs, its frame is on the stack.
    """
    domain = _core.function_domain(value)
    if domain is not None and context.is_only(domain):
        return value  # its own frame says as much
    if how is How.STEPS:
        fits = loops.is_coroutine(value)
    else:
        fits = value is not None and (how in _NEEDS_NO_CALL or callable(value))
    return _BOUND_BY[how](context, value) if fits else value


def _storing(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    """Return what is called in place of ``original`` when not only the host is on the stack."""
    if place.how is How.ASK:
        return _asking(place, original)

    def store(*args: object, **kwargs: object) -> object:
        raw = _core.snapshot()
        if raw is None:
            return original(*args, **kwargs)
        return _store(place, original, context_of(raw), args, kwargs)

    return store


def _store(
    place: Place,
    original: Callable[..., object],
    context: AccessControlContext,
    args: Sequence[object],
    kwargs: dict[str, object],
) -> object:
    changed, stored = list(args), []
    for position, name in place.stored:
        if position < len(changed):
            stored.append((changed[position], _bound(context, place.how, changed[position])))
            changed[position] = stored[-1][1]
        elif name in kwargs:
            stored.append((kwargs[name], _bound(context, place.how, kwargs[name])))
            kwargs[name] = stored[-1][1]
    result = original(*changed, **kwargs)
    # Used as a decorator: what was decorated stays what it is.
    return next((value for value, bound in stored if result is bound), result)


def _asking(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    permission = RuntimePermission(place.permission or "")

    def ask(*args: object, **kwargs: object) -> object:
        check_permission(permission)
        return original(*args, **kwargs)

    return ask


# ---- Those that need more -------------------------------------------------------------------------------------------


def _elsewhere(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    """In another process nobody is on the stack: the sandbox needs to be trusted with what the pool may do."""
    permission = RuntimePermission(place.permission or "")

    def submit(*args: object, **kwargs: object) -> object:
        check_permission(permission)
        return _core.call_privileged(original, args, kwargs, None, None)

    return submit


def _to_pool(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    """Tell pools of threads from pools of processes."""
    bind = _storing(place, original)

    def submit(pool: object, *args: object, **kwargs: object) -> object:
        thread_pool = vars(sys.modules["multiprocessing.pool"])["ThreadPool"]
        if not issubclass(type(pool), thread_pool):
            check_permission(_OTHER_PROCESS)
            return _core.call_privileged(original, (pool, *args), kwargs, None, None)
        return bind(pool, *args, **kwargs)

    return submit


_OTHER_PROCESS: Final = RuntimePermission("otherProcess")


def _signal(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    """Who sets a handler for a while puts the old one back: it is the host's again, and not bound."""
    displaced: dict[int, object] = {}

    def set_handler(signalnum: Any, handler: Any, /) -> object:
        raw = _core.snapshot()
        is_back = type(signalnum) is int and signalnum in displaced and displaced[signalnum] is handler
        if raw is None or is_back or handler is signal.default_int_handler:
            before = original(signalnum, handler)
        else:
            before = _store(place, original, context_of(raw), (signalnum, handler), {})
            if type(signalnum) is int and type(before) is not BoundCallable:
                displaced[signalnum] = before
        return before

    return set_handler


def _to_threads(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    """Bind the work, and start what worker it needs as the pool's."""

    def submit(pool: object, /, *args: object, **kwargs: object) -> object:
        raw = _core.snapshot()
        if raw is None or not args:
            return original(pool, *args, **kwargs)
        bound = _bound(context_of(raw), place.how, args[0])
        return submit_as_maker(original, pool, (bound, *args[1:]), kwargs)

    return submit


def _in_loop(place: Place, original: Callable[..., object]) -> Callable[..., object]:
    """Leave out loops that the sandbox runs itself: its own frame is below everything that they call."""

    def store(loop: object, *args: object, **kwargs: object) -> object:
        raw = _core.snapshot()
        context = None if raw is None else context_of(raw)
        if context is None or loops.runs_within(loop, context):
            return original(loop, *args, **kwargs)
        if place.name == "run_in_executor":
            loops.make_default_executor(loop, args)
        return _store(place, original, context, (loop, *args), kwargs)

    return store


def _exit_register(original: Callable[..., object]) -> Callable[..., object]:
    """At exit the stack is empty: a function of C that the host registers needs a frame of the host's."""

    @functools.wraps(original)
    def register(func: Any, /, *args: object, **kwargs: object) -> object:
        raw = _core.snapshot()
        if raw is None and (type(func) is types.FunctionType or not callable(func)):
            return original(func, *args, **kwargs)
        original(BoundCallable(None if raw is None else context_of(raw), func), *args, **kwargs)
        return func

    return register


def _bound_function(context: AccessControlContext, function: Any) -> Any:
    """Return a function: one can be a method, and has annotations."""
    if type(function) in {classmethod, staticmethod}:
        return type(function)(_bound_function(context, function.__func__))
    bound = _bound(context, How.CALL, function)
    if bound is function:
        return function

    @functools.wraps(function)
    def stored(*args: object, **kwargs: object) -> object:
        return bound(*args, **kwargs)

    return stored


def _singledispatch(original: Callable[..., Any]) -> Callable[..., object]:
    """Every generic function has a register() of its own."""

    @functools.wraps(original)
    def singledispatch(func: Any) -> object:
        generic = original(func)
        registering = generic.register

        def register(cls: Any, func: Any = None) -> object:
            raw = _core.snapshot()
            if raw is None:
                return registering(cls, func)
            context = context_of(raw)
            if func is not None:
                registering(cls, _bound_function(context, func))
                return func
            if type(cls) is types.FunctionType:  # its annotation says what it is for
                registering(_bound_function(context, cls))
                return cls
            registering(cls)  # says what is wrong
            return lambda func: generic.register(cls, func)

        generic.register = _core.hand_off(registering, register, position=0, method=False)
        return generic

    return singledispatch


_LOOP_CLASSES: Final = (
    "asyncio.base_events:BaseEventLoop",
    "asyncio.selector_events:BaseSelectorEventLoop",
    "asyncio.unix_events:_UnixSelectorEventLoop",
)
_SLOW: Final[dict[tuple[str, str], Callable[[Place, Callable[..., object]], Callable[..., object]]]] = {
    ("_signal", "signal"): _signal,
    ("concurrent.futures.process:ProcessPoolExecutor", "submit"): _elsewhere,
    ("concurrent.futures.thread:ThreadPoolExecutor", "submit"): _to_threads,
    **{(place.owner, place.name): _in_loop for place in PLACES if place.owner in _LOOP_CLASSES},
    **{(place.owner, place.name): _to_pool for place in PLACES if place.owner == "multiprocessing.pool:Pool"},
}
_MADE_OTHERWISE: Final[dict[tuple[str, str], Callable[[Callable[..., Any]], Callable[..., object]]]] = {
    ("atexit", "register"): _exit_register,
    ("functools", "singledispatch"): _singledispatch,
}


# ---- Modules that are imported later --------------------------------------------------------------------------------

_later: Final[dict[str, list[Place]]] = {}


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds the modules of the table as the other finders do, and replaces their functions when they are there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _later:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, which it gets back afterwards."""

    def __init__(self, own: importlib.abc.Loader) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._own
        module.__loader__ = self._own
        self._own.exec_module(module)
        for place in _later.pop(module.__name__, ()):
            _replace(place)
