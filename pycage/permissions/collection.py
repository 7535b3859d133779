"""Sets of permissions: what somebody has.

`PermissionCollection` holds permissions of one type, `Permissions` of any.  Both only grow; taking away is the
policy's business, which builds a new set.
"""

# Sets are read far more often than written, and from every thread at once, inside checks.  So a reader takes no lock:
# a writer builds a new table and stores it in one assignment, and a reader that has just taken the old one has an
# answer that was true a moment ago.  Writers do take a lock, against each other.
#
# A request is looked up by its exact type, which must be registered (see base.py): nothing is ever called on an object
# of any other type, not even its hash.  An equal permission in the table is found at once; otherwise the permissions of
# that type are asked one after the other.  Sets are small; an index by name would cost more than it saves.

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NoReturn, final

from pycage.errors import PolicyError
from pycage.permissions.base import Permission, is_registered, registered
from pycage.permissions.registry import lookup
from pycage.permissions.text import type_name
from pycage.permissions.universal import AllPermission
from pycage.permissions.unresolved import UnresolvedPermission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["PermissionCollection", "Permissions"]

# The keys, in the order in which they came; a dict because equal permissions are to be found at once.
_Entries = dict[Permission, None]

_NONE: Final[_Entries] = {}


@final
class PermissionCollection:
    """Permissions of one type, which may imply together what none of them implies alone.

    For types with actions the actions add up: read on ``/t/-`` and write on ``/t/x`` are read and write on ``/t/x``.
    Port ranges of a `SocketPermission` do not: ``1-50`` and ``51-100`` are not ``40-60``.  Types without actions do
    not combine.

    Safe to use from several threads.

    Source: ``newPermissionCollection`` of the types in Java SE 17.

    Example:
        >>> held = pycage.PermissionCollection(
        ...     pycage.FilePermission, [pycage.FilePermission("/t/-", "read"), pycage.FilePermission("/t/x", "write")]
        ... )
        >>> held.implies(pycage.FilePermission("/t/x", "read,write"))
        True
    """

    __slots__ = ("_entries", "_lock", "_read_only", "_type")

    def __init__(self, permission_type: type[Permission], permissions: Iterable[Permission] = ()) -> None:
        """Make a collection.

        Args:
            permission_type: The exact type of everything in it; registered.
            permissions: What is in it at first.

        Raises:
            TypeError: ``permission_type`` is not a registered permission type, or something else is no permission.
            ValueError: A permission has another type.
        """
        if not is_registered(permission_type):
            message = "a collection needs a registered permission type; host-defined types are registered first"
            raise TypeError(message)
        self._type: Final = permission_type
        self._lock: Final = Lock()
        self._read_only = False
        self._entries = _extended(_NONE, [self._checked(permission) for permission in permissions])

    @property
    def permission_type(self) -> type[Permission]:
        """The exact type of everything in here."""
        return self._type

    @property
    def read_only(self) -> bool:
        """Whether `add` is refused."""
        return self._read_only

    def add(self, permission: Permission) -> None:
        """Add a permission; one that differs from an earlier one in its actions only is merged with it.

        Raises:
            TypeError: It is not a permission (``None``, for example).
            ValueError: It has another type.
            PolicyError: The collection is read-only.
        """
        self._checked(permission)
        with self._lock:
            if self._read_only:
                _refuse_to_add(self)
            self._entries = _extended(self._entries, (permission,))

    def implies(self, permission: Permission) -> bool:
        """Tell whether the permissions in here, taken together, imply ``permission``.

        Raises:
            TypeError: It is not a permission of a registered type.
        """
        _check_request(permission)
        return type(permission) is self._type and _implied(self._entries, permission)

    def set_read_only(self) -> None:
        """Refuse every `add` from now on.  There is no way back; see `read_only_copy` for the other side of that."""
        with self._lock:
            self._read_only = True

    def read_only_copy(self) -> PermissionCollection:
        """Return a read-only collection of what is in here now."""
        copy = PermissionCollection(self._type)
        copy._entries = self._entries
        copy._read_only = True
        return copy

    def __iter__(self) -> Iterator[Permission]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"PermissionCollection({self._type.__name__}, {list(self)!r})"

    def __init_subclass__(cls) -> None:
        message = "PermissionCollection is final"
        raise TypeError(message)

    def _checked(self, permission: Permission) -> Permission:
        _check_member(permission)
        if type(permission) is not self._type:
            message = f"this collection is for {self._type.__name__}, not for {type_name(permission)}; use Permissions"
            raise ValueError(message)
        return permission


@final
class Permissions:
    """Permissions of any types; what a code source is granted.

    A request is answered by the permissions of its exact type, which add up as in a `PermissionCollection`, by an
    `AllPermission`, and by those `UnresolvedPermission` whose type has been registered in the meantime.

    Safe to use from several threads.

    Source: ``java.security.Permissions`` (Java SE 17).

    Example:
        >>> held = pycage.Permissions([pycage.EnvPermission("LANG", "read"), pycage.RuntimePermission("a.*")])
        >>> held.implies(pycage.RuntimePermission("a.b")), held.implies(pycage.EnvPermission("HOME", "read"))
        (True, False)
    """

    __slots__ = ("_all", "_groups", "_lock", "_read_only", "_unresolved")

    def __init__(self, permissions: Iterable[Permission] = ()) -> None:
        """Make a set.

        Args:
            permissions: What is in it at first.

        Raises:
            TypeError: Something is not a permission of a registered type.
        """
        self._lock: Final = Lock()
        self._read_only = False
        self._all = False
        self._groups: dict[type[Permission], _Entries] = {}
        self._unresolved: tuple[UnresolvedPermission, ...] = ()
        self._extend([_check_member(permission) for permission in permissions])

    @property
    def read_only(self) -> bool:
        """Whether `add` is refused."""
        return self._read_only

    def add(self, permission: Permission) -> None:
        """Add a permission; one that differs from an earlier one in its actions only is merged with it.

        Raises:
            TypeError: It is not a permission of a registered type (nor an `UnresolvedPermission`).
            PolicyError: The set is read-only.
        """
        _check_member(permission)
        with self._lock:
            if self._read_only:
                _refuse_to_add(self)
            self._extend((permission,))

    def implies(self, permission: Permission) -> bool:
        """Tell whether the permissions in here, taken together, imply ``permission``.

        Raises:
            TypeError: It is not a permission of a registered type (``None``, for example).
        """
        # is_registered, written out: this is the hottest place of the algebra.
        kind = type(permission)
        if type(kind) is not type or kind not in registered:
            _check_request(permission)
        if self._all:
            return True
        held = self._groups.get(kind)
        if held is not None and _implied(held, permission):
            return True
        return bool(self._unresolved) and self._implied_when_resolved(permission)

    def set_read_only(self) -> None:
        """Refuse every `add` from now on.  There is no way back; see `read_only_copy` for the other side of that."""
        with self._lock:
            self._read_only = True

    def read_only_copy(self) -> Permissions:
        """Return a read-only set of what is in here now."""
        copy = Permissions()
        with self._lock:
            copy._all, copy._groups, copy._unresolved = self._all, self._groups, self._unresolved
        copy._read_only = True
        return copy

    def __iter__(self) -> Iterator[Permission]:
        groups, unresolved = self._groups, self._unresolved
        for entries in groups.values():
            yield from entries
        yield from unresolved

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._groups.values()) + len(self._unresolved)

    def __repr__(self) -> str:
        return f"Permissions({list(self)!r})"

    def __init_subclass__(cls) -> None:
        message = "Permissions is final"
        raise TypeError(message)

    def _extend(self, permissions: Iterable[Permission]) -> None:
        """Take in checked permissions, by new tables in place of the old ones."""
        new: dict[type[Permission], list[Permission]] = {}
        unresolved = dict.fromkeys(self._unresolved)
        for permission in permissions:
            if type(permission) is UnresolvedPermission:
                unresolved[permission] = None
            else:
                new.setdefault(type(permission), []).append(permission)
        self._groups = self._groups | {
            kind: _extended(self._groups.get(kind, _NONE), members) for kind, members in new.items()
        }
        self._unresolved = tuple(unresolved)
        self._all = self._all or AllPermission in new

    def _implied_when_resolved(self, permission: Permission) -> bool:
        """Ask again, together with the place-holders for the type of ``permission``."""
        kind = type(permission)
        candidates = [entry.resolve() for entry in self._unresolved if lookup(entry.type_name) is kind]
        resolved = [candidate for candidate in candidates if candidate is not None]
        return bool(resolved) and _implied(_extended(self._groups.get(kind, _NONE), resolved), permission)


def _implied(entries: _Entries, request: Permission) -> bool:
    """Ask permissions that all have the exact type of ``request``."""
    return request in entries or type(request)._any_implies(entries, request)


def _extended(entries: _Entries, permissions: Iterable[Permission]) -> _Entries:
    """Return a new table with ``permissions`` added to ``entries``; all have one type."""
    # Only permissions of the same name merge, so one look-up finds the partner: a policy may have thousands of files.
    table = list(entries)
    known = set(table)
    places = {held.name: place for place, held in enumerate(table)}
    for permission in permissions:
        if permission in known:
            continue
        place = places.get(permission.name)
        merged = None if place is None else table[place]._merge(permission)
        if place is None or merged is None:
            merged = permission
            places[permission.name] = len(table)
            table.append(permission)
        else:
            table[place] = merged
        known.add(merged)
    return dict.fromkeys(table)


def _check_request(permission: Permission) -> None:
    if not is_registered(type(permission)) and type(permission) is not UnresolvedPermission:
        message = f"not a permission of a registered type: {type_name(permission)}"
        raise TypeError(message)


def _check_member(permission: Permission) -> Permission:
    if not is_registered(type(permission)) and type(permission) is not UnresolvedPermission:
        message = (
            f"only permissions of registered types can be added, not {type_name(permission)}; "
            "a type of your own is registered first"
        )
        raise TypeError(message)
    return permission


def _refuse_to_add(holder: PermissionCollection | Permissions) -> NoReturn:
    message = (
        f"attempt to add a Permission to a readonly {type_name(holder)} object; build a new one from list(permissions)"
    )
    raise PolicyError(message)
