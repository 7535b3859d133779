"""Permissions: immutable values that name something one may do.

`Permission` is what all types share: a name, actions, ``implies``, value equality, and a text form that parses back.
It asks nobody anything: whether the running code *has* a permission is decided by the access controller, far above.
"""

# Problem.  Permissions are compared on every guarded operation, are the keys of the decision cache, and are made from
# what an attacker chose.  In Java, untrusted code may define permission classes whose `implies`, `equals` or
# `hashCode` lie (and the JDK's answer, matching by exact class, is only half of one).
#
# Things that do not work:
#
# - abc.ABC as the base: `Permission.register(Evil)` makes issubclass() say yes to anything.
# - isinstance(): it falls back to the `__class__` attribute of the instance, which a guest can write.
# - Refusing subclasses in __init_subclass__ alone: with a class of its own before ours among the bases, a guest's
#   __init_subclass__ runs in place of ours.
#
# Idea.  A type counts if it is registered, compared by identity of the exact type; nothing is ever called on a value
# of any other type.  Registering is an act of the host (registry.py).  What a permission means is parsed once, when
# it is made, together with its hash; `==` compares those parsed data, after comparing the types.
#
# What still fails.  object.__setattr__ changes any Python object, this one too.  Keeping it from a guest is the
# business of the language layer.

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

import attrs

from pycage.permissions.text import quote, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["Permission", "is_registered"]

# The types that count, each with the name it was registered under.  Written by registry.py only, which replaces no
# entry ever; it is here because `Permission` needs to ask and registry.py needs `Permission`.
registered: Final[dict[type, str]] = {}

set_field: Final = object.__setattr__


def is_registered(kind: type) -> bool:
    """Tell whether permissions of exactly this type count.

    Safe for any type whatsoever: one with a metaclass is refused before that metaclass could be asked for a hash.

    Args:
        kind: The exact type, as ``type(x)`` tells it.
    """
    return type(kind) is type and kind in registered


@attrs.frozen(eq=False, repr=False)
class Permission:
    """Something one may do: a type, a name, and for most types actions.

    An instance is immutable, may be shared between threads, and is equal to another one of the exact same type that
    means the same (``/a/../b`` and ``/b`` are the same file name).  ``a.implies(b)`` says that whoever has ``a`` may
    do ``b``; it is reflexive, transitive and never crosses types, `AllPermission` excepted.

    To define a type of your own, subclass `BasicPermission` or `ActionPermission` and register it: types that are
    not registered can neither be granted nor asked for, and registered ones cannot be subclassed.

    Attributes:
        name: What it is about, as it was given.
        actions: The operations, in their canonical order and spelling, separated by commas; ``""`` if the type has
            none.

    Example:
        >>> permission = pycage.FilePermission("/srv/a/../b", "write,read")
        >>> permission == pycage.FilePermission("/srv/b", "read,write"), permission.actions
        (True, 'read,write')
    """

    name: str
    actions: str
    _identity: Hashable = attrs.field(init=False)
    _hash: int = attrs.field(init=False)

    # Words for error messages; a type says here what its names look like.
    _NAME_HINT: ClassVar[str] = "pass text"

    def __init_subclass__(cls) -> None:
        """Refuse to be the base of a subclass of a finished (registered) type."""
        super().__init_subclass__()
        for base in cls.__mro__[1:]:
            if is_registered(base):
                message = (
                    f"{base.__name__} is final: permissions match by exact type, so a subclass would match nothing; "
                    "subclass BasicPermission or ActionPermission instead"
                )
                raise TypeError(message)

    def __attrs_post_init__(self) -> None:
        """Check the arguments and parse them, once and for all."""
        if type(self.name) is not str:
            message = f"{type_name(self)}: the name must be a str, not {type_name(self.name)}; {self._NAME_HINT}"
            raise TypeError(message)
        if type(self.actions) is not str:
            message = (
                f"{type_name(self)}: the actions must be a str, not {type_name(self.actions)}; "
                'pass words separated by commas, as in "read,write"'
            )
            raise TypeError(message)
        identity = self._prepare()
        set_field(self, "_identity", identity)
        set_field(self, "_hash", hash((type(self), identity)))

    def _prepare(self) -> Hashable:
        """Validate and parse ``name`` and ``actions`` (both exact ``str`` here).

        Returns:
            What this permission means: equal for permissions that are equal.

        Raises:
            ValueError: They are not valid for this type.
        """
        message = f"{type_name(self)} is abstract; use one of the permission types, such as FilePermission"
        raise TypeError(message)

    @staticmethod
    def parse(text: str) -> Permission:
        """Read a permission from its text form; see `pycage.permissions.parse`."""
        from pycage.permissions.parsing import parse  # noqa: PLC0415  # the parser needs the types, which need this

        return parse(text)

    def implies(self, other: Permission) -> bool:
        """Tell whether who has this permission may do ``other``.  Never raises, whatever ``other`` is."""
        raise NotImplementedError

    def split(self) -> tuple[Permission, ...]:
        """Return one permission for each action, in canonical order, or just this one."""
        return (self,)

    def overlaps(self, other: Permission) -> bool:
        """Tell whether this deny rule touches the request ``other`` in any part.

        ``implies`` is the wrong question for a deny rule: a request for ``/-`` is not implied by a denied
        ``/etc/shadow``, and would read it.

        Args:
            other: The request.  (For most types the two can change places; `SocketPermission` tells which is which.)
        """
        if type(other) is type(self):
            return self.implies(other) or other.implies(self)
        return self.implies(other) or (is_registered(type(other)) and other.implies(self))

    def without(self, other: Permission) -> Permission | None:
        """Take ``other`` away from this permission: what is left of it when ``other`` is revoked.

        Args:
            other: What is taken away.  It has an effect only if its name covers the whole of this permission's name:
                a hole in a directory tree cannot be expressed as a permission (use a deny rule).

        Returns:
            This same object if nothing is taken away, a permission with fewer actions, or ``None`` if nothing is left.
        """
        if type(other) is type(self):
            return None if other.implies(self) else self
        return None if is_registered(type(other)) and other.implies(self) else self

    @classmethod
    def _any_implies(cls, held: Iterable[Self], request: Permission) -> bool:
        """Tell whether a homogeneous collection implies ``request``, which has this exact type."""
        return any(permission.implies(request) for permission in held)

    def _merge(self, other: Permission) -> Permission | None:
        """Return one permission that says the same as both, if they differ in their actions only."""
        return self if self == other else None

    def __eq__(self, other: object) -> bool:
        # False and not NotImplemented: a foreign object's __eq__ must not get to answer.
        if self is other:
            return True
        if type(other) is not type(self):
            return False
        if TYPE_CHECKING:
            assert isinstance(other, type(self))
        return self._hash == other._hash and self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        """Return the canonical text form, ``("Type" "name" "actions")``, which `parse` reads back."""
        parts = [quote(type_name(self)), quote(self.name)]
        if self.actions:
            parts.append(quote(self.actions))
        return f"({' '.join(parts)})"

    def __repr__(self) -> str:
        parts = [quote(self.name)]
        if self.actions:
            parts.append(quote(self.actions))
        return f"{type_name(self)}({', '.join(parts)})"

    def __reduce__(self) -> tuple[type[Permission], tuple[str, str]]:
        # Not the fields: the stored hash of a str is worth nothing in another process.
        return type(self), (self.name, self.actions)
