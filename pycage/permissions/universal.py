"""`AllPermission`: everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.permissions.base import Permission, is_registered, set_field

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["AllPermission"]

_NAME: Final = "<all permissions>"
_ACTIONS: Final = "<all actions>"


@final
@attrs.frozen(eq=False, repr=False)
class AllPermission(Permission):
    """Implies every permission of a registered type; nothing but itself implies it.

    Name and actions are fixed, whatever the arguments.

    Source: ``java.security.AllPermission`` (Java SE 17).

    Example:
        >>> pycage.AllPermission().implies(pycage.FilePermission("/srv/a.txt", "write"))
        True
    """

    name: str = _NAME
    actions: str = _ACTIONS

    def _prepare(self) -> Hashable:
        set_field(self, "name", _NAME)
        set_field(self, "actions", _ACTIONS)
        return _NAME

    def implies(self, other: Permission) -> bool:
        """Tell whether ``other`` is a permission of a registered type.

        Unregistered types are left out on purpose: their values may be a sandbox's own objects.
        """
        return is_registered(type(other))

    def __repr__(self) -> str:
        return "AllPermission()"
