"""Addresses of sockets in the facade of ``socket``: made exact once, resolved once, and asked for by name or number."""

# Problem.  CPython resolves the host in an address before it raises the event of connect, and shows the event what the
# program wrote.  So the event takes numeric addresses only (pycage.addresses), and a grant for "api.example.org:443"
# helps nobody.
#
# Things that do not work:
#
# - Resolve, ask for the name, and connect to the name: the second look-up may give another address.
# - Ask for the address only: who grants a name does not know the numbers.
#
# Idea.  The facade resolves the name (which asks for "resolve"), takes the first address, and asks for the name or that
# address; then it connects to the address, with exactly that lent.  A name that leads to this machine, to the link or
# to a group is not believed: who answers for the name would choose. There the address itself must be granted.
#
# What still fails.  Other private networks: an address in 10.0.0.0/8 may be what the name is meant to have.

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pycage.access import do_privileged
from pycage.errors import type_name
from pycage.imports.facades.checks import exact, one_of
from pycage.permissions import SocketPermission

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INTERNET", "Address", "check_peer", "exact_address", "reach", "resolved"]

Address: TypeAlias = "tuple[Any, ...] | str | bytes"

INTERNET: Final = frozenset({int(socket.AF_INET), int(socket.AF_INET6)})
_PLAIN: Final = frozenset({str, bytes, int})


def exact_address(address: object) -> Address:
    """Return an address made of exact built-in types: nothing of what the caller gave is asked a second time.

    Raises:
        TypeError: It cannot be an address.
    """
    plain = exact(address)
    if type(plain) is str or type(plain) is bytes:
        return plain
    if not issubclass(type(address), tuple):
        message = f"an address must be a tuple, str or bytes, not {type_name(address)}"
        raise TypeError(message)
    items = tuple(map(exact, tuple.__iter__(address)))  # type: ignore[arg-type]  # a tuple
    for item in items:
        if type(item) not in _PLAIN:
            message = f"an address must be made of str, bytes and int, not {type_name(item)}"
            raise TypeError(message)
    return items


def _is_number(family: int, host: str) -> bool:
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True


def _name_in(family: int, address: Address) -> str | None:
    """Return the host of an address if it is a name that must be looked up."""
    if family not in INTERNET or type(address) is not tuple or not address:
        return None
    host = address[0]
    if type(host) is not str or host in ("", "localhost", "<broadcast>") or _is_number(family, host):
        return None
    return host


def resolved(real: socket.socket, address: Address) -> tuple[Address, str | None]:
    """Return an address with numbers only, and the name that it was given by, if it was.

    Raises:
        AccessDenied: The name may not be looked up.
        OSError: It has no address.
    """
    name = _name_in(int(real.family), address)
    if name is None or type(address) is not tuple:
        return address, None
    found = socket.getaddrinfo(name, address[1], real.family, real.type)
    return (found[0][4][0], *address[1:]), name


def reach(address: Address, name: str | None, action: Callable[[Address], object]) -> object:
    """Call ``action(address)``, which raises the event of connecting, on behalf of who may reach the name.

    Args:
        address: What will be used.
        name: The name that it was found by; None: the event alone decides.
        action: What reaches it.
    """
    if name is None or type(address) is not tuple:
        return action(address)
    host, port = address[0], address[1]
    where = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(where, "ipv4_mapped", None)
    where = where if mapped is None else mapped
    if where.is_loopback or where.is_unspecified or where.is_link_local or where.is_multicast or where.is_reserved:
        return action(address)
    numeric = SocketPermission(f"{_written(host)}:{port}", "connect")
    one_of(SocketPermission(f"{name}:{port}", "connect"), numeric)
    return do_privileged(action, address, limit=(numeric,))


def check_peer(family: int, peer: object, *, replies: bool = False) -> None:
    """Return if data or a connection from a peer may be taken.

    Args:
        family: Of the socket.
        peer: Its address, as the system gave it.
        replies: Also if the sandbox may connect to the peer: it may be an answer.

    Raises:
        AccessDenied: It may not.

    Source: ``SecurityManager.checkAccept`` (Java SE 17).
    """
    if int(family) not in INTERNET or type(peer) is not tuple:
        return
    name = f"{_written(peer[0])}:{peer[1]}"
    others = (SocketPermission(name, "connect"),) if replies else ()
    one_of(SocketPermission(name, "accept"), *others)


def _written(host: str) -> str:
    host = host.partition("%")[0]
    return f"[{host}]" if ":" in host else host
