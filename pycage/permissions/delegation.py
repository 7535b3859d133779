"""`GrantPermission`: handing on what one may do oneself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self, final

import attrs

from pycage.permissions.base import Permission, set_field
from pycage.permissions.registry import lookup
from pycage.permissions.text import shorten, type_name
from pycage.permissions.universal import AllPermission

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["GrantPermission"]

_ANY: Final = "*"
_DEEPEST: Final = 8


@final
@attrs.frozen(eq=False, repr=False)
class GrantPermission(Permission):
    """Granting permissions to a sandbox below one's own: ``GrantPermission("FilePermission /srv/-", "read")``.

    The name is the type and the name of the permission that may be granted, separated by one blank; the actions are
    its actions.  The type alone stands for all permissions of that type, ``*`` for all permissions.  Who grants
    something needs it besides: see `Sandbox.grant`.

    It implies another `GrantPermission` if the permission in it implies the one in the other: what may be granted may
    be granted in part.  Several add up as the permissions in them do.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: There is no permission type of that name, or it does not accept the rest.

    Source: ``net.jini.security.GrantPermission`` (Apache River), whose name is the text of permissions.

    Example:
        >>> from pycage import FilePermission, GrantPermission
        >>> held = GrantPermission("FilePermission /srv/-", "read")
        >>> held.implies(GrantPermission.of(FilePermission("/srv/a.txt", "read")))
        True
        >>> held.implies(GrantPermission.of(FilePermission("/srv/a.txt", "write")))
        False
    """

    actions: str = ""
    _kind: type[Permission] | None = attrs.field(init=False)  # None: any
    _what: Permission | None = attrs.field(init=False)  # None: all of the type

    _NAME_HINT: ClassVar = 'pass a type and a name, as in "FilePermission /srv/-"'

    @classmethod
    def of(cls, permission: Permission) -> GrantPermission:
        """Return what is needed to grant ``permission``."""
        return cls(f"{type_name(permission)} {permission.name}", permission.actions)

    def _prepare(self) -> Hashable:
        kind_name, blank, name = self.name.partition(" ")
        kind = None if self.name == _ANY else lookup(kind_name)
        if kind is AllPermission:
            kind, blank = None, ""
            set_field(self, "actions", "")
        elif kind is None and self.name != _ANY:
            message = f"GrantPermission: {shorten(kind_name)} is not a permission type; {self._NAME_HINT}"
            raise ValueError(message)
        what = None
        if blank and kind is not None:
            if name.startswith("GrantPermission " * _DEEPEST):  # each is parsed by the one before
                message = f"GrantPermission: granting to grant to grant ... more than {_DEEPEST} deep"
                raise ValueError(message)
            what = kind(name, self.actions)
            set_field(self, "actions", what.actions)
        elif self.actions:
            message = f"GrantPermission: actions need a name, as in {_EXAMPLE}; {shorten(self.name)} has none"
            raise ValueError(message)
        set_field(self, "_kind", kind)
        set_field(self, "_what", what)
        return kind, what

    def implies(self, other: Permission) -> bool:
        """Tell whether ``other`` is a `GrantPermission` for something that ours is for as well."""
        if type(other) is not GrantPermission:
            return False
        if self._kind is None:
            return True
        if self._kind is not other._kind:
            return False
        return self._what is None or (other._what is not None and self._what.implies(other._what))

    def split(self) -> tuple[Permission, ...]:
        """Return one for each action of the permission in it."""
        if self._what is None:
            return (self,)
        parts = self._what.split()
        return tuple(GrantPermission.of(part) for part in parts) if len(parts) > 1 else (self,)

    def overlaps(self, other: Permission) -> bool:
        """Tell whether some permission may be granted with both."""
        if type(other) is not GrantPermission:
            return super().overlaps(other)
        if self._kind is None or other._kind is None:
            return True
        if self._kind is not other._kind:
            return False
        return self._what is None or other._what is None or self._what.overlaps(other._what)

    def without(self, other: Permission) -> Permission | None:
        """Take away what ``other`` is for, as the permission in it would have it taken away."""
        if type(other) is not GrantPermission:
            return super().without(other)
        if self._what is None or other._what is None or self._kind is not other._kind:
            return None if other.implies(self) else self
        left = self._what.without(other._what)
        if left is self._what:
            return self
        return None if left is None else GrantPermission.of(left)

    @classmethod
    def _any_implies(cls, held: Iterable[Self], request: Permission) -> bool:
        if TYPE_CHECKING:
            assert isinstance(request, cls)
        mine = [permission for permission in held if permission._kind in {None, request._kind}]
        if any(permission.implies(request) for permission in mine):
            return True
        if request._kind is None or request._what is None:
            return False
        inner = [permission._what for permission in mine if permission._what is not None]
        return bool(inner) and request._kind._any_implies(inner, request._what)

    def _merge(self, other: Permission) -> Permission | None:
        if type(other) is not GrantPermission or self._kind is not other._kind:
            return super()._merge(other)
        if self._what is None or other._what is None:
            return super()._merge(other)
        merged = self._what._merge(other._what)
        if merged is None:
            return None
        return self if merged is self._what else GrantPermission.of(merged)


_EXAMPLE: Final = 'GrantPermission("FilePermission /srv/-", "read")'
