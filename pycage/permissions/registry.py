"""Which permission types exist.

The built-in types are registered when `pycage.permissions` is imported; a host may add its own.
"""

# Problem.  A permission type decides what its permissions imply.  Whoever can introduce a type, or replace one, can
# answer questions of the manager: a guest's `FilePermission` that implies everything must never be asked.
#
# Idea.  One table from name to type that only grows.  One function writes it, `register_unchecked`; it validates the
# type, but it does not ask *who is calling*, because that question belongs to a layer far above.  The access layer
# offers the checked form to hosts, and nothing that a sandbox can reach offers this one.
#
# Types are found again by name when text is parsed and when an UnresolvedPermission resolves.  Nothing is ever
# imported for that.

from __future__ import annotations

from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from pycage.permissions.base import Permission, is_registered, registered
from pycage.permissions.text import shorten, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_registered", "lookup", "register_unchecked", "registered_types"]

P = TypeVar("P", bound=Permission)

# Bases for types, and names that mean something else in the text form.
_ABSTRACT: Final = frozenset({"Permission", "BasicPermission", "ActionPermission"})
_RESERVED: Final = frozenset({"UnresolvedPermission", "unresolved"})

_by_name: dict[str, type[Permission]] = {}
_lock: Final = Lock()


def register_unchecked(kind: type[P]) -> type[P]:
    """Make ``kind`` a permission type that can be granted and asked for.  Usable as a class decorator.

    Does not check whether the caller may do this; the access layer does, and this function is not for sandboxes.
    Registering the same class again changes nothing.

    Args:
        kind: A subclass of `BasicPermission`, `ActionPermission` or `Permission` that is made as
            ``kind(name, actions)``.  From now on it cannot be subclassed.

    Returns:
        ``kind``.

    Raises:
        TypeError: It is not a class of that sort, or it defines ``__eq__`` or ``__hash__`` of its own (decisions are
            cached by permission, so equality is not for a type to choose; with attrs, say ``eq=False``).
        ValueError: Its name is taken by another type, is reserved, or is not an identifier.
    """
    if type(kind) is not type:
        message = f"a permission type must be a plain class without a metaclass, not {type_name(kind)}"
        raise TypeError(message)
    name = kind.__name__
    if Permission not in kind.__mro__ or (name in _ABSTRACT and kind.__module__.startswith("pycage.permissions.")):
        message = f"{shorten(name)} is not a permission type; subclass BasicPermission or ActionPermission"
        raise TypeError(message)
    if kind.implies is Permission.implies:
        message = f"{name} does not define implies(); subclass BasicPermission for the usual rules"
        raise TypeError(message)
    if kind.__eq__ is not Permission.__eq__ or kind.__hash__ is not Permission.__hash__:
        message = f"{name} defines its own __eq__ or __hash__; inherit them (with attrs: @attrs.frozen(eq=False))"
        raise TypeError(message)
    if not name.isidentifier() or name in _RESERVED or name in _ABSTRACT:
        message = f"{shorten(name)} cannot be the name of a permission type; choose another identifier"
        raise ValueError(message)
    with _lock:
        _store(name, kind)
    return kind


def registered_types() -> Mapping[str, type[Permission]]:
    """Return the permission types by name, in the order of registration: a read-only snapshot."""
    return MappingProxyType(_by_name)


def lookup(name: str) -> type[Permission] | None:
    """Return the permission type registered under exactly this name, or ``None``.  Imports nothing."""
    return _by_name.get(name)


def _store(name: str, kind: type[Permission]) -> None:
    global _by_name  # noqa: PLW0603  # replaced and not changed, so that readers need no lock and snapshots stay
    holder = _by_name.get(name)
    if holder is kind:
        return
    if holder is not None:
        message = f"a permission type named {name} is registered already; choose another name"
        raise ValueError(message)
    if type.__subclasses__(kind):
        message = f"{name} has subclasses, but permissions match by exact type; register the subclasses instead"
        raise TypeError(message)
    registered[kind] = name
    _by_name = {**_by_name, name: kind}
