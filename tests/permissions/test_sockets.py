"""`SocketPermission`, beyond the tables that come from Java."""

from __future__ import annotations

import itertools
import socket

import pytest

from pycage.permissions import PermissionCollection, Permissions, SocketPermission
from pycage.permissions.hosts import HostPattern, parse_ports


def connect(name: str) -> SocketPermission:
    return SocketPermission(name, "connect")


def resolve(name: str) -> SocketPermission:
    return SocketPermission(name, "resolve")


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("10.0.0.0/8", "10.1.2.3:80"),
        ("10.0.0.0/8:80-90", "10.1.2.3:85"),
        ("10.0.0.0/8", "10.128.0.0/9:80"),
        ("0.0.0.0/0", "8.8.8.8:53"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("[2001:db8::]/32:443", "[2001:db8:1::7]:443"),
        ("[2001:db8::]/32", "[2001:db8:1::]/48:443"),
        ("[::ffff:0:0]/96", "10.0.0.1:80"),
        ("10.0.0.0/8", "[::ffff:10.0.0.1]:80"),
        ("*", "10.0.0.0/8:80"),
        ("[fe80::]/10", "[fe80::1%eth0]:80"),
        ("[fe80::1]", "[fe80::1%eth0]:80"),
    ],
)
def test_a_network_implies_its_addresses(grant: str, request_name: str) -> None:
    assert connect(grant).implies(connect(request_name))


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("10.0.0.0/8", "11.0.0.1:80"),
        ("10.0.0.0/8:80-90", "10.1.2.3:91"),
        ("10.0.0.0/8", "10.1.2.3.example.com:80"),
        ("10.0.0.0/9", "10.0.0.0/8"),
        ("10.0.0.1", "10.0.0.0/31"),
        ("0.0.0.0/0", "example.com"),
        ("0.0.0.0/0", "[2001:db8::1]:80"),
        ("0.0.0.0/0", "*"),
        ("[::]/0", "10.0.0.1:80"),
        ("[2001:db8::]/32", "[2001:db9::1]:443"),
        ("[fe80::1%eth0]", "[fe80::1]:80"),
        ("[fe80::1%eth0]", "[fe80::1%eth1]:80"),
        ("example.com", "93.184.215.14"),
        ("*.com", "127.0.0.1"),
    ],
)
def test_a_network_implies_nothing_else(grant: str, request_name: str) -> None:
    assert not connect(grant).implies(connect(request_name))


@pytest.mark.parametrize(
    "name", ["127.1", "0x7f000001", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "127.0.0.01", "1.2.3.4."]
)
def test_odd_spellings_of_addresses_are_refused(name: str) -> None:
    """A C library reads them as addresses, or may; V6 of the deviations from Java."""
    with pytest.raises(ValueError, match="not a complete IPv4 address"):
        connect(name)


@pytest.mark.parametrize(
    "name",
    [
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/-8",
        "[2001:db8::]/129",
        "[2001:db8::1]/32",
        "[::1%lo]/128",
        "2001:db8::/32",
        "[10.0.0.0]/8",
        "127.0/16",
        "example.com/8",
        "*/8",
    ],
)
def test_malformed_networks_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^SocketPermission: "):
        connect(name)


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "a/b",
        "user@host",
        "http://host",
        "ex\u00e4mple.com",
        "e\uff58ample.com",
        "127\u30020.0.1",
        "\u212aelvin",
        ".example.com",
        "a..b",
        "*.",
        "**",
        "*.*",
        "a\0b",
        "a\nb",
        "[::1]x:80",
        "[::]x0:80",
        "[::]x0",
        "[::]]",
        "[::]/0/0",
        "[::]/",
        "[::1",
        "[]",
        "[10.0.0.1]",
        "[::1%]",
        "[::1%a b]",
        "[::1]80",
        "a" * 255,
    ],
)
def test_malformed_hosts_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^SocketPermission: "):
        connect(name)


@pytest.mark.parametrize(
    "ports", ["65536", "100000", "80-70", "1-2-3", "--", "+1", "1_0", "٨٠", " 80", "a", "80-65536"]
)
def test_malformed_ports_are_refused(ports: str) -> None:
    with pytest.raises(ValueError, match="is not a port or a range of ports"):
        connect(f"h:{ports}")


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", (0, 65535)),
        ("*", (0, 65535)),
        ("-", (0, 65535)),
        ("0", (0, 0)),
        ("80", (80, 80)),
        ("80-90", (80, 90)),
        ("1024-", (1024, 65535)),
        ("-1023", (1, 1023)),
        ("0-", (0, 65535)),
    ],
)
def test_ports_are_plain_numbers(text: str, ports: tuple[int, int]) -> None:
    """V4 of the deviations from Java, where 0 stands for 32768-60999."""
    assert ports == parse_ports(text)


def test_the_loopback_has_three_names() -> None:
    for name in ("localhost", "LOCALHOST", ""):
        assert connect(name).implies(connect("127.0.0.1:80"))
        assert connect(name).implies(connect("[::1]:80"))
        assert connect(name).implies(connect("localhost:80"))
        assert connect(name) == connect("localhost")
    for request in ("127.0.0.2", "127.0.0.0/8", "localhost.example.com", "0.0.0.0", "[::]", "localhost."):
        assert not connect("localhost").implies(connect(request))


def test_one_address_of_the_loopback_is_not_the_name() -> None:
    """The name stands for two addresses, and who may use one may not use the other."""
    assert not connect("127.0.0.1").implies(connect("localhost"))
    assert not connect("[::1]").implies(connect("localhost"))


def test_nothing_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        pytest.fail("a name was looked up")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo", "getfqdn"):
        monkeypatch.setattr(socket, name, fail)

    assert connect("example.com").implies(connect("EXAMPLE.com:80"))
    assert connect("example.com") != connect("www.example.com")
    assert hash(connect("example.com")) == hash(connect("Example.com"))
    assert not connect("localhost").overlaps(connect("example.com"))


def test_port_ranges_are_not_joined() -> None:
    held = PermissionCollection(SocketPermission, [connect("h:1-50"), connect("h:51-100")])

    assert held.implies(connect("h:40-50"))
    assert not held.implies(connect("h:40-60"))


def test_actions_add_up_where_the_ports_overlap() -> None:
    held = Permissions([connect("h:1-100"), SocketPermission("h:50-200", "listen")])

    assert held.implies(SocketPermission("h:60-70", "connect,listen"))
    assert not held.implies(SocketPermission("h:20", "connect,listen"))


HOSTS = [
    "*",
    "*.example.com",
    "a.example.com",
    "b.example.com",
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.0/30",
    "localhost",
    "127.0.0.1",
]
MEMBERS = {
    "*": {
        "a.example.com",
        "b.example.com",
        "other",
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "127.0.0.1",
        "::1",
        "localhost",
    },
    "*.example.com": {"a.example.com", "b.example.com"},
    "10.0.0.0/30": {"10.0.0.1", "10.0.0.2", "10.0.0.3"},
    "localhost": {"127.0.0.1", "::1", "localhost"},
}
PORTS = {"80": {80}, "80-90": set(range(80, 91)), "85-100": set(range(85, 101)), "443": {443}}


@pytest.mark.parametrize(("rule", "request_host"), list(itertools.product(HOSTS, HOSTS)))
def test_a_deny_rule_touches_a_request_if_they_share_a_host_and_a_port(rule: str, request_host: str) -> None:
    shared_hosts = MEMBERS.get(rule, {rule}) & MEMBERS.get(request_host, {request_host})

    for rule_ports, request_ports in itertools.product(PORTS, PORTS):
        expected = bool(shared_hosts) and bool(PORTS[rule_ports] & PORTS[request_ports])
        assert expected is connect(f"{rule}:{rule_ports}").overlaps(connect(f"{request_host}:{request_ports}"))


def test_a_denied_port_leaves_other_ports_and_names_alone() -> None:
    rule = connect("*:25")

    assert rule.overlaps(connect("10.0.0.1:25"))
    assert rule.overlaps(connect("mail.example.com:1-1023"))
    assert not rule.overlaps(connect("10.0.0.1:80"))
    assert not rule.overlaps(resolve("mail.example.com"))
    assert not rule.overlaps(SocketPermission("10.0.0.1:25", "listen"))


def test_who_may_not_resolve_a_name_may_not_connect_by_it() -> None:
    rule = resolve("evil.example.com")

    assert rule.overlaps(resolve("evil.example.com"))
    assert rule.overlaps(connect("evil.example.com:80"))
    assert rule.overlaps(connect("*:80"))
    assert not rule.overlaps(connect("10.0.0.1:80"))


def test_a_deny_rule_is_not_evaded_by_another_spelling() -> None:
    assert connect("evil.com").overlaps(connect("EVIL.com.:80"))
    assert connect("*.evil.com").overlaps(connect("www.evil.com.:80"))
    assert connect("localhost").overlaps(connect("localhost.:80"))
    assert connect("10.0.0.1").overlaps(connect("[::ffff:10.0.0.1]:80"))
    assert connect("[fe80::1]").overlaps(connect("[fe80::1%eth0]:80"))
    assert connect("[fe80::1%eth0]").overlaps(connect("[fe80::1]:80"))
    assert not connect("[fe80::1%eth0]").overlaps(connect("[fe80::1%eth1]:80"))
    assert not connect("[2001:db8::1]").overlaps(connect("[2001:db8::2]:80"))


@pytest.mark.parametrize("unspecified", ["0.0.0.0", "[::]"])
def test_the_unspecified_address_is_every_address_of_the_machine(unspecified: str) -> None:
    """On Linux, connecting to it reaches the loopback, and listening on it listens everywhere."""
    assert connect("127.0.0.1").overlaps(connect(f"{unspecified}:80"))
    assert connect("localhost").overlaps(connect(f"{unspecified}:80"))
    assert SocketPermission("10.0.0.0/8", "listen").overlaps(SocketPermission(f"{unspecified}:80", "listen"))
    assert not connect(unspecified).overlaps(connect("10.0.0.1:80"))
    assert not connect("127.0.0.1:81").overlaps(connect(f"{unspecified}:80"))


def test_taking_away_an_action_leaves_the_others() -> None:
    held = SocketPermission("h:80", "connect,listen")

    assert SocketPermission("h:80", "listen") == held.without(connect("*"))
    assert held.without(SocketPermission("h:80", "connect,listen")) is None
    assert held.without(connect("h:81")) is held
    assert held.without(connect("other:80")) is held
    assert held.without(SocketPermission("h:80", "accept")) is held


def test_taking_away_resolve_leaves_nothing() -> None:
    """Every other action includes it."""
    assert connect("h:80").without(resolve("h")) is None
    assert resolve("h").without(resolve("*")) is None


def test_taking_away_connect_leaves_resolve_where_it_was_granted_by_itself() -> None:
    held = resolve("h")

    assert held.without(connect("h:80")) is held
    assert connect("h:80").without(connect("h:80")) is None


def test_a_permission_splits_without_the_resolve_that_is_included() -> None:
    assert (connect("h:80"), SocketPermission("h:80", "listen")) == SocketPermission("h:80", "listen,connect").split()
    assert (connect("h:80"),) == connect("h:80").split()
    assert (resolve("h"),) == resolve("h").split()


def test_ports_do_not_matter_for_resolve() -> None:
    assert resolve("h:80") == resolve("h:90")
    assert resolve("h:80").implies(resolve("h"))
    assert not resolve("h:80").implies(connect("h:80"))


@pytest.mark.parametrize(
    ("given", "name"), [("", "localhost"), ("1:2:3:4:5:6:7:8:80", "[1:2:3:4:5:6:7:8]:80"), ("H:80", "H:80"), (":", ":")]
)
def test_the_name_is_completed_where_java_completes_it(given: str, name: str) -> None:
    assert name == connect(given).name


def test_a_pattern_says_what_it_is() -> None:
    assert HostPattern.parse("A.example.com") == HostPattern.parse("a.EXAMPLE.com")
    assert HostPattern.parse("10.0.0.1") == HostPattern.parse("[::ffff:a00:1]")
    assert HostPattern.parse("10.0.0.1") == HostPattern.parse("10.0.0.1/32")
