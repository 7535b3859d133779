"""`SocketPermission`: connecting, listening, accepting and resolving."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self, final

import attrs

from pycage.permissions.actions import ActionPermission, ActionTable
from pycage.permissions.base import set_field
from pycage.permissions.hosts import HostPattern, parse_ports, split_host
from pycage.permissions.text import type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pycage.permissions.base import Permission

__all__ = ["SocketPermission"]

_RESOLVE: Final = 8
_ALL_PORTS: Final = (0, 65535)


@final
@attrs.frozen(eq=False, repr=False)
class SocketPermission(ActionPermission):
    """The network: ``SocketPermission("10.0.0.1:80-90", "connect")``.

    The name is ``host[:ports]``.  A host is a name (any case), ``*.example.com`` (names below it), ``*`` (everything),
    an address (``10.0.0.1``, ``[::1]``) or a network (``10.0.0.0/8``, ``[2001:db8::]/32``).  Ports are ``80``,
    ``80-90``, ``1024-``, ``-1023`` or ``*``; none means all.

    The actions are ``connect``, ``listen``, ``accept`` and ``resolve``; each of the first three includes ``resolve``.
    Ports do not matter for ``resolve``.

    Nothing is ever resolved here.  A name and an address never imply each other, but ``localhost`` and the empty host
    also stand for 127.0.0.1 and ::1, and an IPv4-mapped IPv6 address is the IPv4 address.

    Raises:
        TypeError: An argument is not exactly a ``str``.
        ValueError: The host or the ports are malformed (short, octal and hexadecimal IPv4 addresses too), or the
            actions are.

    Source: ``java.net.SocketPermission`` (Java SE 17), without its look-ups and its special port 0; networks are an
    addition.

    Example:
        >>> held = pycage.SocketPermission("10.0.0.0/8:80-90", "connect")
        >>> held.implies(pycage.SocketPermission("10.1.2.3:80", "connect"))
        True
        >>> held.implies(pycage.SocketPermission("10.1.2.3:443", "connect"))
        False
    """

    ACTIONS: ClassVar = ActionTable("connect", "listen", "accept", "resolve")
    _NAME_HINT: ClassVar = 'pass host:ports as text, as in f"{host}:{port}"'

    _host: HostPattern = attrs.field(init=False)
    _ports: tuple[int, int] = attrs.field(init=False)

    @staticmethod
    def _widen(mask: int) -> int:
        return mask | _RESOLVE

    def _prepare_name(self) -> Hashable:
        try:
            name, host, ports = split_host(self.name)
            set_field(self, "_host", HostPattern.parse(host))
            set_field(self, "_ports", parse_ports(ports))
        except ValueError as error:
            message = f"{type_name(self)}: {error}"
            raise ValueError(message) from None
        set_field(self, "name", name)
        return self._host, _ALL_PORTS if self._mask == _RESOLVE else self._ports

    def _covers_name(self, other: Self) -> bool:
        if other._mask != _RESOLVE and not (self._ports[0] <= other._ports[0] and other._ports[1] <= self._ports[1]):
            return False
        return self._host.covers(other._host)

    def split(self) -> tuple[Permission, ...]:
        """Return one permission for each action; a ``resolve`` that another action includes is not one of them."""
        words = [word for word in self.actions.split(",") if word != "resolve"]
        return tuple(SocketPermission(self.name, word) for word in words) if len(words) > 1 else (self,)

    def overlaps(self, other: Permission) -> bool:
        """Tell whether this deny rule touches the request ``other``: in an action, a host and a port.

        A rule means the actions that it names: denying to connect to port 25 leaves names resolvable, although
        ``connect`` includes ``resolve``.  A request means all that it includes: who may not resolve a name may not
        connect to it by name either.

        Args:
            other: The request.
        """
        if type(other) is not SocketPermission:
            return super().overlaps(other)
        if not self._host.touches(other._host):
            return False
        denied = self._meant
        if denied == _RESOLVE:
            return True
        return bool(denied & other._mask) and self._ports[0] <= other._ports[1] and other._ports[0] <= self._ports[1]

    def without(self, other: Permission) -> Permission | None:
        """Take away the actions that ``other`` names, if its hosts and ports cover ours.

        A ``resolve`` that ``other`` only includes is not taken away; taking away ``resolve`` itself leaves nothing,
        since there is no way to connect without it.
        """
        if type(other) is not SocketPermission:
            return super().without(other)
        if not other._covers_name(self):
            return self
        if other._mask == _RESOLVE:
            return None
        left = self._meant & ~other._meant
        if left == self._meant:
            return self
        return SocketPermission(self.name, self.ACTIONS.text(left)) if left else None

    @property
    def _meant(self) -> int:
        """The actions without a ``resolve`` that is only there because another action includes it."""
        return self._mask & ~_RESOLVE or _RESOLVE
