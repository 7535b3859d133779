"""Hosts and ports, as text and numbers: what `SocketPermission` means by a name.  Nothing here resolves anything."""

# Problem.  Java compares host names by asking DNS, inside `implies`, `equals` and even `hashCode`.  That blocks, can
# be spoofed, and answers differently when the connection is made (DNS rebinding).
#
# Idea.  Addresses are numbers and compare by value, names are text and compare by text, and neither stands for the
# other.  Who opens a connection resolves the name once and asks about the address that is really used.
#
# C libraries read 127.1, 0x7f000001 and 0177.0.0.1 as addresses where people see names.  A last label that looks like
# a number must therefore be a complete dotted IPv4 address (the rule of the WHATWG URL standard, "ends in a number").
#
# What still fails.  A deny rule for a name does not stop a connection to its address, nor the other way round: deny
# what the enforcing side asks about, which for connections is always an address.

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, NamedTuple

from pycage.permissions.text import shorten

__all__ = ["ADDRESS", "ANY", "LOOPBACK", "NAME", "SUFFIX", "HostPattern", "parse_ports", "split_host"]

# Kinds of host.
NAME: Final = 0  # a host name; `text` is its lower-case spelling
SUFFIX: Final = 1  # *.example.com; `text` is ".example.com"
LOOPBACK: Final = 2  # "localhost" or nothing: the name, 127.0.0.1 and ::1
ADDRESS: Final = 3  # the addresses from `low` to `high` of IP version `version`; `text` is the zone, if any
ANY: Final = 4  # *

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?")
_ZONE: Final = re.compile(r"[A-Za-z0-9_.-]+")
_BRACKETS: Final = re.compile(r"\[([^\]]*)\](?:/(.*))?", re.DOTALL)
_PREFIX: Final = re.compile(r"[0-9]{1,3}")
_PORTS: Final = re.compile(r"([0-9]{0,5})(-?)([0-9]{0,5})")

_LAST_PORT: Final = 65535
_FULL_IPV6: Final = 8

_LOOPBACKS: Final = frozenset({(4, int(IPv4Address("127.0.0.1"))), (6, 1)})


class HostPattern(NamedTuple):
    """A set of hosts; see the constants of this module for its kinds."""

    kind: int
    text: str = ""
    version: int = 0
    low: int = 0
    high: int = 0

    @classmethod
    def parse(cls, host: str) -> HostPattern:
        """Read a host as `split_host` returns it.

        Raises:
            ValueError: It is neither a name, nor a wildcard ``*`` or ``*.x``, nor a complete address or network.
        """
        if host.startswith("["):
            return _parse_ipv6(host)
        if host == "*":
            return cls(ANY)
        lowered = host.lower()
        if lowered in {"", "localhost"}:
            return cls(LOOPBACK)
        address, slash, prefix = host.partition("/")
        if _ENDS_IN_NUMBER.fullmatch(address):
            return _parse_ipv4(address, prefix if slash else None)
        name = lowered.removeprefix("*.")
        if len(name) > 254 or not host.isascii() or not _NAME.fullmatch(name):  # noqa: PLR2004  # RFC 1035, and a dot
            message = (
                f"{shorten(host)} is not a host: pass a name in ASCII (xn-- for others), an address such as 10.0.0.1 "
                "or [::1], a network such as 10.0.0.0/8, or a wildcard * or *.example.com"
            )
            raise ValueError(message)
        return cls(NAME, lowered) if name == lowered else cls(SUFFIX, lowered[1:])

    def covers(self, other: HostPattern) -> bool:
        """Tell whether every host that ``other`` stands for is one of this."""
        if self.kind == ANY:
            return True
        if self.kind == SUFFIX:
            return other.kind in {NAME, SUFFIX} and other.text.endswith(self.text)
        if self.kind == ADDRESS:
            return (
                other.kind == ADDRESS
                and self.version == other.version
                and self.low <= other.low
                and other.high <= self.high
                and (not self.text or self.text == other.text)
            )
        if self.kind == LOOPBACK and other.kind == ADDRESS:
            return other.low == other.high and (other.version, other.low) in _LOOPBACKS and not other.text
        return self == other

    def touches(self, request: HostPattern) -> bool:
        """Tell whether a rule for this host concerns any host that ``request`` stands for.

        More than `covers` either way round: the final dot of a name does not matter, nor the zone of an address if
        only one side has one, and the unspecified address (``0.0.0.0``, ``::``) stands for every address of the
        machine when it is listened on, and for the loopback when it is connected to (Linux).
        """
        if self.kind == ADDRESS and request.kind == ADDRESS:
            if request.low == request.high == 0:
                return True
            zones = {self.text, request.text} - {""}
            return (
                self.version == request.version
                and self.low <= request.high
                and request.low <= self.high
                and len(zones) <= 1
            )
        rule, asked = self._without_final_dot(), request._without_final_dot()
        if LOOPBACK in {rule.kind, asked.kind} and ADDRESS in {rule.kind, asked.kind}:
            address = rule if rule.kind == ADDRESS else asked
            if asked is address and address.low == address.high == 0:
                return True
            return any(version == address.version and address.low <= n <= address.high for version, n in _LOOPBACKS)
        return rule.covers(asked) or asked.covers(rule)

    def _without_final_dot(self) -> HostPattern:
        if self.kind not in {NAME, SUFFIX} or not self.text.endswith("."):
            return self
        text = self.text[:-1]
        return HostPattern(LOOPBACK) if (self.kind, text) == (NAME, "localhost") else self._replace(text=text)


def split_host(name: str) -> tuple[str, str, str]:
    """Split ``host[:ports]``.

    A bare IPv6 address is put in brackets if it is complete (eight groups, or nine with the port as the last);
    anything shorter could be read in two ways.

    Returns:
        The name, with brackets added where they were missing and ``localhost`` for nothing; the host (in brackets if
        it is IPv6); the ports (``""`` if none are named).

    Raises:
        ValueError: The host cannot be told from the ports.

    Source: ``java.net.SocketPermission.getHost`` (Java SE 17).
    """
    if name == "":
        return "localhost", "", ""
    if "://" in name:
        message = f"{shorten(name)} is a URL; write the host and the port, as in example.com:443"
        raise ValueError(message)
    if not name.startswith("[") and name.count(":") > 1:
        groups = sum(1 for group in name.split(":") if group)
        if groups == _FULL_IPV6 and "::" not in name:
            name = f"[{name}]"
        elif groups == _FULL_IPV6 + 1:
            host, _, ports = name.rpartition(":")
            name = f"[{host}]:{ports}"
        else:
            message = f"{shorten(name)} is ambiguous; put an IPv6 address in brackets, as in [::1]:80"
            raise ValueError(message)
    if name.startswith("["):
        # What is before the bracket, and whether there is one at all, is for HostPattern to judge.
        inside, bracket, behind = name.partition("]")
        prefix, _, ports = behind.partition(":")
        return name, inside + bracket + prefix, ports
    host, _, ports = name.partition(":")
    return name, host, ports


def parse_ports(text: str) -> tuple[int, int]:
    """Read ports: ``""``, ``*`` and ``-`` are all of them, else ``N``, ``N-M``, ``N-`` or ``-N`` (which is ``1-N``).

    Returns:
        The first and the last port.  Ports are plain numbers: 0 ("the kernel picks") is in a range only if the range
        says so, and it stands for no other port.

    Raises:
        ValueError: It is none of these, a number is above 65535, or the range is empty.
    """
    if text in {"", "*", "-"}:
        return 0, _LAST_PORT
    match = _PORTS.fullmatch(text)
    if match is not None:
        first, dash, last = match.groups()
        low = int(first or (1 if dash else 0))
        high = int(last or _LAST_PORT) if dash else low
        if low <= high <= _LAST_PORT and not (last and not dash):
            return low, high
    message = f"{shorten(text)} is not a port or a range of ports from 0 to 65535; write 80, 80-90, 1024-, -1023 or *"
    raise ValueError(message)


def _parse_ipv4(address: str, prefix: str | None) -> HostPattern:
    try:
        if prefix is not None:
            return _parse_network(IPv4Network, address, prefix)
        value = int(IPv4Address(address))
    except AddressValueError:
        message = f"{shorten(address)} is not a complete IPv4 address; write four decimal numbers, as in 127.0.0.1"
        raise ValueError(message) from None
    return HostPattern(ADDRESS, "", 4, value, value)


def _parse_ipv6(host: str) -> HostPattern:
    match = _BRACKETS.fullmatch(host)
    if match is None:
        message = f"{shorten(host)}: write an IPv6 address in brackets, with nothing but /prefix and :ports behind"
        raise ValueError(message)
    inside, prefix = match.groups()
    text, percent, zone = inside.partition("%")
    try:
        if prefix is not None:
            if percent:
                message = f"{shorten(host)}: a network has no zone"
                raise ValueError(message)
            return _parse_network(IPv6Network, text, prefix)
        address = IPv6Address(text)
    except AddressValueError:
        message = f"{shorten(host)} is not an IPv6 address"
        raise ValueError(message) from None
    if percent and not _ZONE.fullmatch(zone):
        message = f"{shorten(host)}: {shorten(zone)} is not the zone of an address"
        raise ValueError(message)
    if address.ipv4_mapped is not None:
        # The kernel makes an IPv4 connection of it, so it is the IPv4 address.
        value = int(address.ipv4_mapped)
        return HostPattern(ADDRESS, zone, 4, value, value)
    return HostPattern(ADDRESS, zone, 6, int(address), int(address))


def _parse_network(kind: type[IPv4Network | IPv6Network], address: str, prefix: str) -> HostPattern:
    """Read a network in CIDR form, an addition to Java's names."""
    if not _PREFIX.fullmatch(prefix):
        message = f"{shorten(prefix)} is not a prefix length; write a network as 10.0.0.0/8 or [2001:db8::]/32"
        raise ValueError(message)
    try:
        network = kind(f"{address}/{prefix}", strict=True)
    except ValueError:
        message = (
            f"{shorten(address)}/{prefix} is not a network: the address must be complete, and all its bits behind the "
            "prefix zero"
        )
        raise ValueError(message) from None
    low, high = int(network.network_address), int(network.broadcast_address)
    mapped = int(IPv6Address("::ffff:0:0"))
    if network.version == 6 and mapped <= low and high <= mapped + 0xFFFFFFFF:  # noqa: PLR2004  # IPv6, IPv4's size
        return HostPattern(ADDRESS, "", 4, low - mapped, high - mapped)
    return HostPattern(ADDRESS, "", network.version, low, high)
