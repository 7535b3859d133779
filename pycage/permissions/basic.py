"""Permissions that are just a name: `RuntimePermission` and its relatives, and the base for types of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs

from pycage.permissions.base import Permission, set_field
from pycage.permissions.names import DottedName
from pycage.permissions.text import shorten, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = [
    "BasicPermission",
    "ImportPermission",
    "LinkPermission",
    "RuntimePermission",
    "SecurityPermission",
    "ThreadPermission",
]

_LINKS: Final = ("hard", "symbolic")


@attrs.frozen(eq=False, repr=False)
class BasicPermission(Permission):
    """Base of the permissions that have a dotted name and no actions.

    ``*`` implies every name and ``a.*`` implies ``a.b`` and ``a.b.c``, but not ``a``; elsewhere in a name the
    asterisk is an ordinary character.  Case matters.  Actions are accepted, so that all types are made alike, and
    ignored.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The name is empty.

    Source: ``java.security.BasicPermission`` (Java SE 17).

    Example:
        >>> held = pycage.RuntimePermission("a.*")
        >>> [held.implies(pycage.RuntimePermission(name)) for name in ("a", "a.b", "a.b.c")]
        [False, True, True]
    """

    actions: str = ""
    _dotted: DottedName = attrs.field(init=False)

    def _prepare(self) -> Hashable:
        if type(self) is BasicPermission:
            return super()._prepare()
        if not self.name:
            message = f"{type_name(self)}: the name is empty; pass a dotted name, or * for all"
            raise ValueError(message)
        set_field(self, "actions", "")
        set_field(self, "_dotted", self._parse_dotted())
        # The name and not what it parses to: RuntimePermission("exitVM") and ("exitVM.*") are different permissions.
        return self.name

    def _parse_dotted(self) -> DottedName:
        return DottedName.parse(self.name)

    def implies(self, other: Permission) -> bool:
        """Tell whether ``other`` has this exact type and a name that ours covers."""
        if type(other) is not type(self):
            return False
        if TYPE_CHECKING:
            assert isinstance(other, type(self))
        return self._dotted.covers(other._dotted)


@final
@attrs.frozen(eq=False, repr=False)
class RuntimePermission(BasicPermission):
    """An operation of the interpreter, such as ``createClassLoader`` or ``exitVM.1``; names as in Java.

    ``exitVM`` is an old spelling of ``exitVM.*``: they imply each other, but are not equal.

    Example:
        >>> pycage.RuntimePermission("exitVM").implies(pycage.RuntimePermission("exitVM.1"))
        True
    """

    def _parse_dotted(self) -> DottedName:
        return DottedName.parse("exitVM.*" if self.name == "exitVM" else self.name)


@final
@attrs.frozen(eq=False, repr=False)
class SecurityPermission(BasicPermission):
    """An operation on pycage itself.

    ``getDecisions`` reads the log; ``setPolicy`` changes policies.  ``getPolicy`` explains answers, and is what
    `get_policy` asks for, which returns the live policy: whoever has that can grant itself anything.  So grant
    ``getPolicy`` as ``setPolicy``: to code that may have all permissions.

    Example:
        >>> pycage.SecurityPermission("*").implies(pycage.SecurityPermission("getPolicy"))
        True
    """


@final
@attrs.frozen(eq=False, repr=False)
class ImportPermission(BasicPermission):
    """Importing a module: ``json``, or ``xml.*`` for everything below ``xml`` (but not ``xml``).

    Example:
        >>> pycage.ImportPermission("xml.*").implies(pycage.ImportPermission("xml.etree"))
        True
    """

    _NAME_HINT: ClassVar = "pass the dotted name of the module"


@final
@attrs.frozen(eq=False, repr=False)
class ThreadPermission(BasicPermission):
    """Threads, tasks and timers: ``start``, ``modify``, ...

    Example:
        >>> pycage.ThreadPermission("*").implies(pycage.ThreadPermission("start"))
        True
    """


@final
@attrs.frozen(eq=False, repr=False)
class LinkPermission(BasicPermission):
    """Making links: ``hard`` or ``symbolic``, no wildcard.  What is linked needs a `FilePermission` besides.

    Source: ``java.nio.file.LinkPermission`` (Java SE 17).

    Example:
        >>> pycage.LinkPermission("symbolic").implies(pycage.LinkPermission("hard"))
        False
    """

    _NAME_HINT: ClassVar = 'pass "hard" or "symbolic"'

    def _parse_dotted(self) -> DottedName:
        if self.name not in _LINKS:
            message = f"LinkPermission: {shorten(self.name)} is not a kind of link; pass hard or symbolic"
            raise ValueError(message)
        return DottedName.parse(self.name)
