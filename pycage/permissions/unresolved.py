"""`UnresolvedPermission`: a permission of a type that does not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs

from pycage.permissions.base import Permission, set_field
from pycage.permissions.registry import lookup
from pycage.permissions.text import quote, type_name
from pycage.permissions.universal import AllPermission

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["UnresolvedPermission"]


@final
@attrs.frozen(eq=False, repr=False, init=False)
class UnresolvedPermission(Permission):
    """A place-holder for a permission whose type is not registered (yet), as a policy file may name it.

    It implies nothing, not even itself.  A `Permissions` that holds one finds the real permission as soon as a type
    of that name is registered; nothing is imported for that.  If the type then refuses the name or the actions, the
    place-holder stays without effect: whoever reads policies should warn when it makes one.

    Attributes:
        name: The name of the missing type.
        actions: Always ``""``; a place-holder has none of its own.
        type_name: The same as ``name``.
        unresolved_name: The name that the real permission will have.
        unresolved_actions: The actions that it will have.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name of the type is empty.

    Source: ``java.security.UnresolvedPermission`` (Java SE 17).

    Example:
        >>> placeholder = pycage.UnresolvedPermission("MissingPermission", "x", "read")
        >>> placeholder.type_name, placeholder.unresolved_name, placeholder.implies(placeholder)
        ('MissingPermission', 'x', False)
    """

    unresolved_name: str
    unresolved_actions: str

    def __init__(self, type_name: str, name: str = "", actions: str = "") -> None:
        set_field(self, "unresolved_name", name)
        set_field(self, "unresolved_actions", actions)
        set_field(self, "name", type_name)
        set_field(self, "actions", "")
        self.__attrs_post_init__()

    def __init_subclass__(cls) -> None:
        message = "UnresolvedPermission is final"
        raise TypeError(message)

    def _prepare(self) -> Hashable:
        for value in (self.unresolved_name, self.unresolved_actions):
            if type(value) is not str:
                message = f"UnresolvedPermission: name and actions must be str, not {type_name(value)}"
                raise TypeError(message)
        if not self.name:
            message = "UnresolvedPermission: the name of the type is empty"
            raise ValueError(message)
        return self.name, self.unresolved_name, self.unresolved_actions

    @property
    def type_name(self) -> str:
        """The name of the type that is missing."""
        return self.name

    def resolve(self) -> Permission | None:
        """Return the real permission, or ``None`` if its type is not registered or refuses the arguments."""
        kind = lookup(self.name)
        if kind is None:
            return None
        try:
            return kind(self.unresolved_name, self.unresolved_actions)
        except (TypeError, ValueError):
            return None

    def implies(self, other: Permission) -> bool:  # noqa: ARG002  # nothing to ask it
        """Return ``False``."""
        return False

    def overlaps(self, other: Permission) -> bool:
        """Tell what the real permission says.

        If the type exists but refuses the arguments, a deny rule cannot say what it means, so it touches every request
        of that type.
        """
        resolved = self.resolve()
        if resolved is not None:
            return resolved.overlaps(other)
        kind = lookup(self.name)
        return kind is not None and (type(other) is kind or type(other) is AllPermission)

    def without(self, other: Permission) -> Permission | None:
        """Return ``None`` if ``other`` is equal or implies the real permission, otherwise this."""
        if self == other:
            return None
        resolved = self.resolve()
        return None if resolved is not None and resolved.without(other) is None else self

    def __str__(self) -> str:
        """Return the text form, ``(unresolved x.Foo name actions)``; a part is quoted if it needs it."""
        parts = (self.name, self.unresolved_name, self.unresolved_actions)
        return f"(unresolved {' '.join([_bare(part) for part in parts])})"

    def __repr__(self) -> str:
        parts = (self.name, self.unresolved_name, self.unresolved_actions)
        return f"UnresolvedPermission({', '.join([quote(part) for part in parts])})"

    def __reduce__(self) -> tuple[type[Permission], tuple[str, ...]]:  # type: ignore[override]  # one argument more
        return UnresolvedPermission, (self.name, self.unresolved_name, self.unresolved_actions)


def _bare(text: str) -> str:
    quoted = quote(text)
    plain = quoted[1:-1] == text and text != "" and not set(text) & set(' "()')
    return text if plain else quoted
