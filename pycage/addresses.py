"""Which network addresses an audit event is about: exact, numeric, and never looked up.

For `pycage.event_arguments` only.  What cannot be told for certain raises `AddressRefused`.
"""

# Problem.  CPython resolves the host *before* it raises socket.connect, socket.bind or socket.sendto, and then shows
# the text that the program passed, not the address that it is about to use.
#
# Things that do not work:
#
#  - Look the name up again: DNS may answer differently the second time, and a check may not wait for the network.
#  - Compare text: 127.1, 0x7f000001, 2130706433, 0, "" and full-width digits all reach the loopback interface.
#  - Trust the address object: the host may be a bytearray that changes later, the tuple a subclass that lies.
#
# Idea.  At the point where a packet leaves, accept only what is an address by itself: IPv4 in its canonical form and
# IPv6 as inet_pton() reads it.  A program resolves first (socket.getaddrinfo asks for "resolve") and connects to what
# it got; socket.create_connection() and asyncio do that anyway.  The family is read from the C object, not from
# attributes that a subclass can replace.
#
# Addresses that mean others as well are judged as all that they mean: 0.0.0.0 and :: connect to this machine,
# ::ffff:a.b.c.d is a.b.c.d, a listener on :: takes IPv4 too, "localhost" is 127.0.0.1 and ::1.
#
# What still fails.  Data on a connected socket raises no event; interfaces (scope ids) are not distinguished;
# translation in the network (NAT64 and the like) is out of sight.

# the reason of a refusal stands where it is refused

from __future__ import annotations

import _socket
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AddressRefused",
    "Endpoint",
    "family_name",
    "family_of",
    "host_names",
    "internet_endpoint",
    "is_ordinary_socket",
    "unix_path",
]

AF_INET: Final = int(_socket.AF_INET)
AF_INET6: Final = int(_socket.AF_INET6)
AF_UNIX: Final = int(getattr(_socket, "AF_UNIX", -2))

_ANY: Final = {AF_INET: "0.0.0.0", AF_INET6: "::"}  # noqa: S104  # compared with, not bound to
_FAMILY_NAMES: Final = {
    int(getattr(_socket, name)): name for name in sorted(dir(_socket), reverse=True) if name[:3] == "AF_"
}
_STREAM: Final = int(_socket.SOCK_STREAM)
_DGRAM: Final = int(_socket.SOCK_DGRAM)
_TYPE_FLAGS: Final = int(getattr(_socket, "SOCK_NONBLOCK", 0)) | int(getattr(_socket, "SOCK_CLOEXEC", 0))
# (type, protocol) of ordinary sockets: 0 lets the kernel choose between exactly these.
_ORDINARY: Final = frozenset(
    {(_STREAM, 0), (_STREAM, int(_socket.IPPROTO_TCP)), (_DGRAM, 0), (_DGRAM, int(_socket.IPPROTO_UDP))}
)
_ORDINARY_LOCAL: Final = frozenset({(_STREAM, 0), (_DGRAM, 0)})

_LAST_PORT: Final = 65535
_LONGEST_NAME: Final = 255  # RFC 1035, section 2.3.4
_LONGEST_ADDRESS: Final = 64
_IPV4_BYTES: Final = 4
_IPV6_BYTES: Final = 16
_MAPPED: Final = bytes(10) + b"\xff\xff"  # RFC 4291, section 2.5.5.2

# The member of the C type, not the property of socket.socket: a subclass cannot stand in between.
_read_family: Final[Callable[[object], int]] = _socket.socket.__dict__["family"].__get__
_inet_pton = _socket.inet_pton
_inet_ntop = _socket.inet_ntop

_RESOLVE_FIRST: Final = (
    "the host is not a numeric address, and what it was resolved to is not known: "
    "resolve it with socket.getaddrinfo() and pass the address"
)


class AddressRefused(Exception):
    """It cannot be told which address is meant, so the operation must be denied.

    Attributes:
        reason: One line for the person who reads the denial: why, and what to do instead.
        given: The host (and port) as the program wrote it, if that much is known.
    """

    def __init__(self, reason: str, given: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.given = given


@attrs.frozen
class Endpoint:
    """An address as named, and what must be allowed for it; all as names of a `SocketPermission`."""

    shown: str
    demanded: tuple[str, ...]


def family_of(sock: object) -> int:
    """Return the address family of a socket.

    Raises:
        AddressRefused: It is not a socket.
    """
    if sock is not None:
        try:
            return _read_family(sock)
        except TypeError:
            pass
    raise AddressRefused("not a socket")


def family_name(family: int) -> str:
    """Return ``"AF_NETLINK"`` and the like, or the number as text."""
    return _FAMILY_NAMES.get(family) or str(family)


def is_ordinary_socket(family: object, kind: object, protocol: object) -> bool:
    """Return whether this is TCP or UDP over IP, or a local socket: what is judged when it is connected or bound.

    -1 (an adopted descriptor, or a default of ``_socket.socket``) is not.

    Raises:
        AddressRefused: An argument is not a plain int.
    """
    if type(family) is not int or type(kind) is not int or type(protocol) is not int:
        raise AddressRefused("the arguments are not plain integers")
    if kind < 0:
        return False
    asked = (kind & ~_TYPE_FLAGS, protocol)
    return asked in _ORDINARY if family in (AF_INET, AF_INET6) else family == AF_UNIX and asked in _ORDINARY_LOCAL


def internet_endpoint(family: int, address: object, *, listening: bool) -> Endpoint:
    """Return what connecting to, sending to or listening on an address means.

    Args:
        family: ``AF_INET`` or ``AF_INET6``, from `family_of`.
        address: ``(host, port)``, for IPv6 also with flow information and scope.
        listening: Whether the address is the socket's own; an empty host is every interface then.

    Raises:
        AddressRefused: Not a plain tuple of plain values, or the host is not a numeric address or ``"localhost"``.
    """
    if type(address) is not tuple or len(address) not in ((2,) if family == AF_INET else (2, 3, 4)):
        raise AddressRefused("the address is not a plain tuple (host, port)")
    host, port, *rest = address
    if type(host) is not str or type(port) is not int or any(type(item) is not int for item in rest):
        raise AddressRefused("the address is not made of a plain str and plain integers")
    if not 0 <= port <= _LAST_PORT:
        raise AddressRefused("the port is not between 0 and 65535")
    if host == "localhost":
        return Endpoint(f"localhost:{port}", (f"127.0.0.1:{port}", f"[::1]:{port}"))
    if host == "" and listening:
        host = _ANY[family]
    packed = _packed(family, host)
    if packed is None:
        raise AddressRefused(_RESOLVE_FIRST, f"{host[:256]}:{port}")
    meant = (packed[12:], packed) if packed[:12] == _MAPPED else (packed,)
    demanded = [_written(meant[0])]
    if not any(meant[0]):  # 0.0.0.0 or ::
        if listening:
            demanded += ["0.0.0.0"] if family == AF_INET6 and len(meant[0]) == _IPV6_BYTES else []  # noqa: S104
        else:
            demanded += ["127.0.0.1" if len(meant[0]) == _IPV4_BYTES else "[::1]"]
    return Endpoint(f"{_written(packed)}:{port}", tuple(f"{name}:{port}" for name in demanded))


def unix_path(address: object) -> str | bytes:
    """Return the path in the address of a local socket.

    Raises:
        AddressRefused: It is not a plain ``str`` or ``bytes``, or a name without a file (empty or abstract).
    """
    if type(address) is str:
        if address != "" and address[0] != "\0":
            return address
    elif type(address) is bytes:
        if address != b"" and address[0] != 0:
            return address
    else:
        raise AddressRefused("the address of a local socket is not a plain str or bytes")
    raise AddressRefused("a local socket without a path in the file system cannot be granted: use a path")


def host_names(host: object) -> Endpoint:
    """Return what looking up a host means, as names without a port.

    Args:
        host: ``str``, ``bytes``, or None (this machine).

    Raises:
        AddressRefused: It is anything else, or not ASCII.
    """
    if type(host) is bytes:
        host = host.decode("latin-1")
    if host is None:
        host = ""
    if type(host) is not str:
        raise AddressRefused("the host is not a plain str or bytes")
    if len(host) > _LONGEST_NAME:
        raise AddressRefused("the host is longer than any name", host[:256])
    if not host.isascii() or "\0" in host:
        # Python would encode it (IDNA), which turns full-width digits into ordinary ones, for example.
        raise AddressRefused('the host is not ASCII: pass its encoded form ("xn--...")', host)
    if host in ("", "localhost"):
        return Endpoint("localhost", ("127.0.0.1", "[::1]"))
    for family in (AF_INET, AF_INET6):
        packed = _packed(family, host)
        if packed is not None:
            meant = packed[12:] if packed[:12] == _MAPPED else packed
            return Endpoint(_written(packed), (_written(meant),))
    if ":" in host or "/" in host:
        raise AddressRefused("the host is neither a name nor an address", host)
    return Endpoint(host, (host,))


def _packed(family: int, host: str) -> bytes | None:
    if not host.isascii() or len(host) > _LONGEST_ADDRESS or "\0" in host:
        return None
    try:
        packed = _inet_pton(family, host)
    except (OSError, ValueError):
        return None
    # Some C libraries read leading zeros as octal and others do not: only the one canonical spelling of IPv4.
    return packed if family == AF_INET6 or _inet_ntop(family, packed) == host else None


def _written(packed: bytes) -> str:
    if len(packed) == _IPV4_BYTES:
        return _inet_ntop(AF_INET, packed)
    return f"[{_inet_ntop(AF_INET6, packed)}]"
