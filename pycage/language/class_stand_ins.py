"""What stands in for classes: their bases and what reading a name of one gives, and what may be stored in one."""

from __future__ import annotations

import abc
import builtins
import types
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from pycage.errors import AccessDenied
from pycage.language.names import PLAIN, classify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycage.language.stand_ins import StandIns

__all__ = ["CLASS_READERS", "CLASS_WRITERS"]

_MRO: Final = type.__dict__["__mro__"].__get__
_CLASS_DICT: Final = type.__dict__["__dict__"].__get__
_BASES: Final = type.__dict__["__bases__"].__get__

_BUILTIN_TYPES: Final = frozenset(id(kind) for kind in vars(builtins).values() if isinstance(kind, type))


def _seen_classes(stand_ins: StandIns, thing: type) -> tuple[type, ...]:
    """Return the MRO without the classes of the host that the sandbox did not name itself."""
    mro: tuple[type, ...] = _MRO(thing)
    named = {id(thing), *_BUILTIN_TYPES}  # by address: a class can have a metaclass that compares
    for kind in mro:
        if stand_ins.own(kind):
            named.update(map(id, (kind, *_BASES(kind))))
    return tuple([kind for kind in mro if id(kind) in named])


def _mro(stand_ins: StandIns, thing: object) -> object:
    return _seen_classes(stand_ins, cast("type", thing)) if issubclass(type(thing), type) else NotImplemented


def _bases(stand_ins: StandIns, thing: object) -> object:
    if not issubclass(type(thing), type):
        return NotImplemented
    kind = cast("type", thing)
    if stand_ins.guards is not None and stand_ins.own(kind):
        return stand_ins.guards.own_bases(kind)
    return tuple([base for base in _BASES(kind) if id(base) in _BUILTIN_TYPES])


def _base(stand_ins: StandIns, thing: object) -> object:
    bases = _bases(stand_ins, thing)
    if not isinstance(bases, tuple):
        return NotImplemented
    base = type.__dict__["__base__"].__get__(thing)
    return base if base is None or any(base is seen for seen in bases) else object


def _names_of_class(stand_ins: StandIns, thing: object) -> object:
    """Return the names of a class of the host with what reading each gives: what anybody may read."""
    if not issubclass(type(thing), type) or stand_ins.guards is None:
        return NotImplemented
    missing = object()
    names = [name for name in _CLASS_DICT(thing) if type(name) is str and classify(name) == PLAIN]
    values = {name: stand_ins.guards.getattr(thing, name, missing) for name in names}
    return {name: value for name, value in values.items() if value is not missing}


def _subclasses(stand_ins: StandIns, thing: object) -> object:
    if not issubclass(type(thing), type) or not stand_ins.own(thing):
        return NotImplemented
    kind = cast("type", thing)
    own = stand_ins.own

    def __subclasses__() -> list[type]:  # noqa: N807  # the name it stands for
        found: list[type] = type.__subclasses__(kind)
        return [derived for derived in found if own(derived)]

    return __subclasses__


def _register(stand_ins: StandIns, thing: object) -> object:
    """Return ``register`` of an abstract class of the host, for classes of the sandbox."""
    if not issubclass(type(thing), abc.ABCMeta):
        return NotImplemented
    own, kind = stand_ins.own, cast("abc.ABCMeta", thing)

    def register(subclass: type) -> type:
        if not issubclass(type(subclass), type) or not own(subclass):
            message = "access denied: only classes of the sandbox can be registered with a class of the host"
            raise AccessDenied(message)
        return abc.ABCMeta.register(kind, subclass)

    return register


def _weakref(stand_ins: StandIns, thing: object) -> object:
    """Say that there is no weak reference: attrs asks for the attribute of each slot."""
    return None if stand_ins.own(thing) else NotImplemented


def _store_module_class(stand_ins: StandIns, thing: object, value: object) -> bool:
    if (
        type(thing) is not types.ModuleType
        or not stand_ins.own(thing)
        or not issubclass(type(value), type)
        or not stand_ins.own(value)
    ):
        return False
    object.__setattr__(thing, "__class__", value)
    return True


def _store_match_args(stand_ins: StandIns, thing: object, value: object) -> bool:
    """Store names for class patterns: a pattern judges each tuple of them before it uses it."""
    if not issubclass(type(thing), type) or not stand_ins.own(thing) or type(value) is not tuple:
        return False
    if any(type(name) is not str for name in value):
        return False
    type.__setattr__(cast("type", thing), "__match_args__", value)
    return True


# Decorators ask for the name of what they decorate, or of its class.
_CALLED_BY_NAME: Final = frozenset(
    {type, staticmethod, classmethod, types.BuiltinFunctionType, types.MethodDescriptorType, types.MethodType}
)

CLASS_READERS: Final[Mapping[str, Callable[[StandIns, object], object]]] = MappingProxyType(
    {
        "__mro__": _mro,
        "__bases__": _bases,
        "__base__": _base,
        "__class__": lambda _stand_ins, thing: type(thing) if type(thing) in _CALLED_BY_NAME else NotImplemented,
        "__subclasses__": _subclasses,
        "__dict__": _names_of_class,
        "__weakref__": _weakref,
        "register": _register,
    }
)

CLASS_WRITERS: Final[Mapping[str, Callable[[StandIns, object, object], bool]]] = MappingProxyType(
    {"__class__": _store_module_class, "__match_args__": _store_match_args}
)
