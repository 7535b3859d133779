"""`EnvPermission` and `PropertyPermission`: environment variables, and named properties as in Java."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

import attrs

from pycage.permissions.actions import ActionPermission, ActionTable
from pycage.permissions.base import set_field
from pycage.permissions.names import DottedName, PrefixName
from pycage.permissions.text import shorten, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["EnvPermission", "PropertyPermission"]


@final
@attrs.frozen(eq=False, repr=False)
class EnvPermission(ActionPermission):
    """Environment variables: ``EnvPermission("LC_*", "read")``.

    The name is a variable, a prefix followed by ``*``, or ``*`` for all; case matters.  The actions are ``read`` and
    ``write`` (setting and deleting).

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name is empty or contains ``=`` or NUL, or the actions are malformed.

    Example:
        >>> pycage.EnvPermission("LC_*", "read").implies(pycage.EnvPermission("LC_ALL", "read"))
        True
    """

    ACTIONS: ClassVar = ActionTable("read", "write")
    _NAME_HINT: ClassVar = "pass the name of the variable"

    _variable: PrefixName = attrs.field(init=False)

    def _prepare_name(self) -> Hashable:
        if not self.name or "=" in self.name or "\0" in self.name:
            message = f"{type_name(self)}: {shorten(self.name)} cannot be the name of a variable"
            raise ValueError(message)
        variable = PrefixName.parse(self.name)
        set_field(self, "_variable", variable)
        return variable

    def _covers_name(self, other: Self) -> bool:
        return self._variable.covers(other._variable)


@final
@attrs.frozen(eq=False, repr=False)
class PropertyPermission(ActionPermission):
    """Named properties: ``PropertyPermission("app.*", "read")``; the name follows the rules of `BasicPermission`.

    Python has no system properties; a host can guard settings of its own with it, and policies written for Java keep
    their meaning.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name is empty, or the actions are malformed.

    Source: ``java.util.PropertyPermission`` (Java SE 17).

    Example:
        >>> pycage.PropertyPermission("app.*", "read").implies(pycage.PropertyPermission("app.theme", "read"))
        True
    """

    ACTIONS: ClassVar = ActionTable("read", "write")

    _dotted: DottedName = attrs.field(init=False)

    def _prepare_name(self) -> Hashable:
        if not self.name:
            message = f"{type_name(self)}: the name is empty; pass a dotted name, or * for all"
            raise ValueError(message)
        dotted = DottedName.parse(self.name)
        set_field(self, "_dotted", dotted)
        return dotted

    def _covers_name(self, other: Self) -> bool:
        return self._dotted.covers(other._dotted)
