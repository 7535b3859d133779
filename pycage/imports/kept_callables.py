"""Types whose objects keep something to call: which ones, and what they keep when a sandbox makes one.

``language/guards/keepers.c`` has the reasons, and does it, with ``binding.c`` and ``special_methods.c``.  This is the
table.
"""

from __future__ import annotations

import asyncio
import builtins
import decimal
import functools
import itertools
import json
import math
import operator
import re
import types
import typing
import weakref
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final, cast, final

from pycage import _core, access
from pycage.imports.facades.asyncio_work import Steps
from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.domains import ProtectionDomain

__all__ = ["install", "kept_method"]

_STRICT: Final = 1  # no exceptions for what works on data
_DEEP: Final = 2  # code of the host makes it for a sandbox
_CLASSES: Final = 4  # classes stay as they are

# (type, which arguments as bits, keywords, whether __init__ takes them, how)
_TYPES: Final = (
    (map, 0b1, (), False, 0),
    (filter, 0b1, (), False, 0),
    (functools.partial, 0b1, (), False, _STRICT),
    (weakref.ref, 0b10, (), False, 0),
    (property, 0b111, ("fget", "fset", "fdel"), True, 0),
    (staticmethod, 0b1, (), True, 0),
    (classmethod, 0b1, (), True, 0),
    (defaultdict, 0b1, (), True, 0),
    (itertools.accumulate, 0b10, ("func",), False, 0),
    (itertools.dropwhile, 0b1, (), False, 0),
    (itertools.filterfalse, 0b1, (), False, 0),
    (itertools.groupby, 0b10, ("key",), False, 0),
    (itertools.starmap, 0b1, (), False, 0),
    (itertools.takewhile, 0b1, (), False, 0),
    (types.GenericAlias, 0b1, (), False, _STRICT | _CLASSES),
    (types.MethodType, 0b1, (), False, _DEEP),
    (type(functools.lru_cache(len)), 0b1, ("user_function",), False, _DEEP),
    (vars(asyncio.tasks)["_CTask"], 0b1, ("coro",), True, 0),
)

# Of these nothing but the methods of their arguments runs, and no name and no function is among those.
_BUILTINS: Final = """
    abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate float frozenset hash hex id
    int isinstance issubclass len list max min object oct ord pow range repr reversed round set slice str sum tuple zip
"""
_OPERATORS: Final = """
    abs add and_ concat contains eq floordiv ge getitem gt index inv invert is_ is_not le lshift lt mod mul ne neg not_
    or_ pos pow rshift sub truediv truth xor
"""
_ON_DATA: Final = (
    *(getattr(builtins, name) for name in _BUILTINS.split()),
    *(getattr(operator, name) for name in _OPERATORS.split()),
    *(function for name, function in vars(math).items() if not name.startswith("_") and callable(function)),
    *(decimal.Decimal, types.GenericAlias),
)
_DATA_TYPES: Final = (
    *(bool, bytearray, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple),
    *(deque, operator.itemgetter, re.Match, re.Pattern),
)

# What the interpreter, or host code in its place, calls on its own.
_MORE_SPECIAL: Final = """
    __aenter__ __aexit__ __aiter__ __anext__ __bytes__ __ceil__ __class_getitem__ __contains__ __copy__ __deepcopy__
    __del__ __delete__ __enter__ __exit__ __floor__ __fspath__ __getattr__ __ifloordiv__ __ilshift__ __imatmul__
    __imod__ __init_subclass__ __instancecheck__ __ipow__ __irshift__ __iter__ __itruediv__ __length_hint__ __matmul__
    __missing__ __mro_entries__ __next__ __post_init__ __prepare__ __reversed__ __rmatmul__ __set__ __set_name__
    __setstate__ __subclasscheck__ __subclasshook__ __trunc__ _missing_
    __adapt__ __annotate__ __array__ __conform__ __html__ __replace__ __rich__ __rich_repr__ __signature__
    _numeric_repr_ _value_repr_
"""
_KINDS: Final = (*_DATA_TYPES[:13], object, type, types.CoroutineType, types.FunctionType)
_SPECIAL: Final = frozenset(
    {name for kind in _KINDS for name, value in vars(kind).items() if name.startswith("__") and callable(value)}
    | set(_MORE_SPECIAL.split())
) - {"__class__", "__type_params__"}


def _bind(function: Callable[..., object]) -> Callable[..., object]:
    """Return what is kept in place of a function: it, or it bound to the context of the running stack."""
    raw = _core.snapshot()
    if raw is None:
        return function
    context = access.context_of(raw)
    if asyncio.iscoroutine(function):  # of a task, by the type of a bare one
        return cast("Callable[..., object]", Steps(function, context))
    if not callable(function):
        return function
    code = function.__code__ if type(function) is types.FunctionType else None
    domain = None if code is None else _core.code_domain(code)
    if domain is not None and not context.involves_other_than(cast("ProtectionDomain", domain)):
        return function  # its own frame will be on the stack
    return _core.bind(context, function)


def _bind_method(function: Callable[..., object]) -> Callable[..., object]:
    """Return the same for what a class is given as a method."""
    bound = _bind(function)
    if bound is function:
        return function

    @functools.wraps(function)
    def method(*args: object, **kwargs: object) -> object:
        return bound(*args, **kwargs)

    del method.__wrapped__  # the bare function is nobody's business
    return method


# They keep what they were made of, and so does what comes out when they are read.
_KEEP_THEMSELVES: Final = (
    functools.partial,
    functools.partialmethod,
    functools.singledispatchmethod,
    type(functools.lru_cache(len)),
)


@final
@_core.seal
class _KeptSpecial:
    """Stands in a class under the name of a special method for what has a ``__get__`` of its own, or may get one.

    What comes out when it is read is what the interpreter calls, with nobody on the stack: it is bound.
    """

    __slots__ = ("_context", "_value")

    def __init__(self, context: access.AccessControlContext, value: object) -> None:
        self._context = context
        self._value = value

    def __get__(self, instance: object, owner: object = None) -> object:
        read = getattr(type(self._value), "__get__", None)
        found = self._value if read is None else _core.bind(self._context, read)(self._value, instance, owner)
        return _core.bind(self._context, found) if callable(found) else found

    def __set_name__(self, owner: type, name: str) -> None:
        told = getattr(type(self._value), "__set_name__", None)
        if told is not None:
            _core.bind(self._context, told)(self._value, owner, name)

    @property
    def __isabstractmethod__(self) -> bool:
        return bool(getattr(self._value, "__isabstractmethod__", False))


@final
@_core.seal
class _KeptSlot:
    """Stands in a class for a slot with the name of a special method: what is stored there is bound when it is read."""

    __slots__ = ("_context", "_slot")

    def __init__(self, context: access.AccessControlContext, slot: types.MemberDescriptorType) -> None:
        self._context = context
        self._slot = slot

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:
            return self
        found = self._slot.__get__(instance, owner)
        return _core.bind(self._context, found) if callable(found) else found

    def __set__(self, instance: object, value: object) -> None:
        self._slot.__set__(instance, value)

    def __delete__(self, instance: object) -> None:
        self._slot.__delete__(instance)


def behind_special(thing: object) -> object:
    """Return what a class was given under the name of a special method; any other object as it is."""
    return thing._value if type(thing) is _KeptSpecial else thing


def _bind_special(value: object) -> object:
    kind = type(value)
    if kind is _KeptSpecial or kind is _KeptSlot or any(kind is one for one in _KEEP_THEMSELVES):
        return value
    raw = _core.snapshot()
    if raw is None:
        return value
    if type(value) is types.MemberDescriptorType:
        return _KeptSlot(access.context_of(raw), value)
    return _KeptSpecial(access.context_of(raw), value)


def kept_method(function: Callable[..., object]) -> Callable[..., object]:
    """Return what is kept in place of a function that will be bound to an object when it is called."""
    if type(function) is types.FunctionType:
        return _bind_method(function)
    kept = _guards.keep(function)
    return kept if kept is function else staticmethod(kept)


def _keeping_origin(original: Callable[..., None]) -> Callable[..., None]:
    """Return an ``__init__`` for aliases of ``typing``: calling one calls what it was made of."""

    @functools.wraps(original)
    def __init__(self: object, origin: object, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it is that
        if callable(origin) and not issubclass(type(origin), _FORMS):
            origin = _guards.keep(origin)
        original(self, origin, *args, **kwargs)

    return __init__


_FORMS: Final = (type, types.GenericAlias, typing.NewType, typing.TypeVar, vars(typing)["_Final"])


def _keeping(original: Callable[..., None]) -> Callable[..., None]:
    """Return an ``__init__`` of a class in Python whose first argument is kept, or all by position."""

    @functools.wraps(original)
    def __init__(self: object, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it is that
        if any(map(callable, args)) or any(map(callable, kwargs.values())):
            args = tuple(map(_guards.keep, args))
            kwargs = {name: _guards.keep(value) for name, value in kwargs.items()}
        original(self, *args, **kwargs)

    return __init__


@functools.cache
def install() -> None:
    """Put everything in place, once, before the first sandbox is made."""
    for kind in (functools.partialmethod, types.DynamicClassAttribute, json.JSONDecoder, json.JSONEncoder):
        kind.__init__ = _keeping(kind.__init__)  # type: ignore[method-assign]  # the point
    alias: Any = vars(typing)["_BaseGenericAlias"]
    alias.__init__ = _keeping_origin(alias.__init__)
    _guards.set_keepers(
        types=_TYPES,
        bind=_bind,
        bind_method=_bind_method,
        bind_special=_bind_special,
        special=_SPECIAL,
        on_data=_ON_DATA,
        data_types=_DATA_TYPES,
    )
