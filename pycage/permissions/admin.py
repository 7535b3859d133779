"""`SandboxAdminPermission`: administering sandboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs

from pycage.permissions.base import Permission
from pycage.permissions.text import type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["SandboxAdminPermission"]

_ANY: Final = "*"


@final
@attrs.frozen(eq=False, repr=False)
class SandboxAdminPermission(Permission):
    """An act of administration on a sandbox: ``SandboxAdminPermission("plugins", "createSandbox")``.

    Name and actions are one opaque text each: ``*``, which implies any, or exactly what it says.  There are no lists
    and no other wildcards.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: An argument is empty.

    Source: jcage, ``JCSandboxAdminPermission``.

    Example:
        >>> held = pycage.SandboxAdminPermission("*", "createSandbox")
        >>> held.implies(pycage.SandboxAdminPermission("plugins", "createSandbox"))
        True
    """

    _NAME_HINT: ClassVar = "pass the name of the sandbox, or *"

    def _prepare(self) -> Hashable:
        if not self.name or not self.actions:
            message = f"{type_name(self)}: name and actions cannot be empty; pass * for any"
            raise ValueError(message)
        return self.name, self.actions

    def implies(self, other: Permission) -> bool:
        """Tell whether our name and our actions are ``*`` or equal to those of ``other``, each for itself."""
        return (
            type(other) is SandboxAdminPermission
            and self.name in {_ANY, other.name}
            and self.actions in {_ANY, other.actions}
        )

    def overlaps(self, other: Permission) -> bool:
        """Tell whether some act on some sandbox is meant by both."""
        if type(other) is not SandboxAdminPermission:
            return super().overlaps(other)
        # ("*", "a") and ("b", "*") have ("b", "a") in common, though neither implies the other.
        return (self.name == other.name or _ANY in {self.name, other.name}) and (
            self.actions == other.actions or _ANY in {self.actions, other.actions}
        )
