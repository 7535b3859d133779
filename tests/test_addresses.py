"""Addresses: what a socket address means, and what is refused because that cannot be told."""

from __future__ import annotations

import socket

import pytest

from pycage.addresses import (
    AF_INET,
    AF_INET6,
    AddressRefused,
    family_name,
    family_of,
    host_names,
    internet_endpoint,
    is_ordinary_socket,
    unix_path,
)


class Liar(tuple[object, ...]):
    __class__ = tuple  # type: ignore[assignment]


class Name(str):
    __class__ = str  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("family", "address", "shown"),
    [
        (AF_INET, ("127.0.0.1", 80), "127.0.0.1:80"),
        (AF_INET, ("192.0.2.1", 65535), "192.0.2.1:65535"),
        (AF_INET6, ("::1", 80), "[::1]:80"),
        (AF_INET6, ("2001:DB8:0::1", 80, 0, 3), "[2001:db8::1]:80"),
    ],
)
def test_a_numeric_address_is_taken(family: int, address: object, shown: str) -> None:
    endpoint = internet_endpoint(family, address, listening=False)

    assert (shown, (shown,)) == (endpoint.shown, endpoint.demanded)


@pytest.mark.parametrize(
    "host",
    [
        "127.1", "127.0.0.01", "0x7f000001", "2130706433", "0177.0.0.1", "0", "", " 127.0.0.1", "127.0.0.1 ",
        "127.0.0.1\0", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "example.com", "localhost.", "LOCALHOST",
        "<broadcast>", "::1",
    ],
)  # fmt: skip
def test_a_name_or_an_odd_spelling_of_an_address_is_refused(host: str) -> None:
    """What the kernel was given is not known any more when the event is raised."""
    with pytest.raises(AddressRefused, match="resolve it with socket.getaddrinfo"):
        internet_endpoint(AF_INET, (host, 80), listening=False)


@pytest.mark.parametrize("host", ["1.2.3.4", "::1%lo", "[::1]", ":::1", "1::2::3", "localhost6"])
def test_other_spellings_are_refused_for_ipv6(host: str) -> None:
    with pytest.raises(AddressRefused):
        internet_endpoint(AF_INET6, (host, 80, 0, 0), listening=False)


@pytest.mark.parametrize(
    "address",
    [
        Liar(("127.0.0.1", 80)),
        ["127.0.0.1", 80],
        (Name("127.0.0.1"), 80),
        (bytearray(b"127.0.0.1"), 80),
        (b"127.0.0.1", 80),
        ("127.0.0.1", True),
        ("127.0.0.1", "80"),
        ("127.0.0.1", -1),
        ("127.0.0.1", 65536),
        ("127.0.0.1",),
        ("127.0.0.1", 80, 0),
        "127.0.0.1:80",
        None,
    ],
    ids=repr,
)
def test_an_address_of_anything_but_plain_values_is_refused(address: object) -> None:
    with pytest.raises(AddressRefused):
        internet_endpoint(AF_INET, address, listening=False)


def test_localhost_means_both_of_its_addresses() -> None:
    endpoint = internet_endpoint(AF_INET, ("localhost", 80), listening=False)

    assert ("localhost:80", ("127.0.0.1:80", "[::1]:80")) == (endpoint.shown, endpoint.demanded)


def test_connecting_to_the_unspecified_address_is_connecting_to_this_machine() -> None:
    assert ("0.0.0.0:80", "127.0.0.1:80") == internet_endpoint(AF_INET, ("0.0.0.0", 80), listening=False).demanded
    assert ("[::]:80", "[::1]:80") == internet_endpoint(AF_INET6, ("::", 80), listening=False).demanded


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert ("192.0.2.1:80",) == internet_endpoint(AF_INET6, ("::ffff:192.0.2.1", 80), listening=False).demanded
    mapped = internet_endpoint(AF_INET6, ("::ffff:0.0.0.0", 80), listening=False)
    assert ("0.0.0.0:80", "127.0.0.1:80") == mapped.demanded


def test_listening_on_nothing_is_listening_on_every_interface() -> None:
    assert ("0.0.0.0:80",) == internet_endpoint(AF_INET, ("", 80), listening=True).demanded
    assert ("[::]:80", "0.0.0.0:80") == internet_endpoint(AF_INET6, ("", 80), listening=True).demanded


def test_the_family_is_read_from_the_socket_whatever_its_class_says() -> None:
    class Disguised(socket.socket):
        family = property(lambda _self: socket.AF_UNIX)  # type: ignore[assignment]

        def __getattribute__(self, name: str) -> object:
            if name == "family":
                raise AssertionError("asked")
            return super().__getattribute__(name)

    with Disguised(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        assert AF_INET6 == family_of(sock)


@pytest.mark.parametrize("value", [None, object(), 3, type("S", (), {"family": 2})()], ids=lambda v: type(v).__name__)
def test_what_is_not_a_socket_has_no_family(value: object) -> None:
    with pytest.raises(AddressRefused, match="not a socket"):
        family_of(value)


def test_families_have_their_names() -> None:
    assert ("AF_INET", "AF_UNIX", "12345") == (family_name(AF_INET), family_name(socket.AF_UNIX), family_name(12345))


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, 0),
        (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP),
        (socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.IPPROTO_UDP),
        (socket.AF_UNIX, socket.SOCK_STREAM, 0),
    ],
)
def test_tcp_udp_and_local_sockets_are_ordinary(family: int, kind: int, protocol: int) -> None:
    assert is_ordinary_socket(int(family), int(kind), int(protocol))


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [
        (AF_INET, int(socket.SOCK_RAW), 1),
        (AF_INET, int(socket.SOCK_DGRAM), 1),  # ICMP
        (AF_INET, int(socket.SOCK_STREAM), 262),  # MPTCP
        (16, int(socket.SOCK_DGRAM), 0),  # netlink
        (17, int(socket.SOCK_RAW), 0),  # packets
        (-1, -1, -1),  # an adopted descriptor
        (AF_INET, -1, -1),
    ],
)
def test_other_sockets_are_not(family: int, kind: int, protocol: int) -> None:
    assert not is_ordinary_socket(family, kind, protocol)


def test_a_family_that_is_not_a_plain_number_is_refused() -> None:
    with pytest.raises(AddressRefused):
        is_ordinary_socket(socket.AF_INET, int(socket.SOCK_STREAM), 0)


def test_a_local_socket_has_a_path() -> None:
    assert ("/run/a", b"/run/a") == (unix_path("/run/a"), unix_path(b"/run/a"))


@pytest.mark.parametrize("address", ["", b"", "\0abstract", b"\0abstract", bytearray(b"/a"), Name("/a"), ("/a",), None])
def test_a_local_socket_without_a_path_is_refused(address: object) -> None:
    with pytest.raises(AddressRefused):
        unix_path(address)


@pytest.mark.parametrize(
    ("host", "shown", "demanded"),
    [
        ("example.com", "example.com", ("example.com",)),
        (b"example.com", "example.com", ("example.com",)),
        ("127.0.0.1", "127.0.0.1", ("127.0.0.1",)),
        ("::1", "[::1]", ("[::1]",)),
        ("::ffff:192.0.2.1", "[::ffff:192.0.2.1]", ("192.0.2.1",)),
        (None, "localhost", ("127.0.0.1", "[::1]")),
        ("", "localhost", ("127.0.0.1", "[::1]")),
    ],
)
def test_a_host_is_looked_up_by_its_name(host: object, shown: str, demanded: tuple[str, ...]) -> None:
    endpoint = host_names(host)

    assert (shown, demanded) == (endpoint.shown, endpoint.demanded)


@pytest.mark.parametrize(
    "host",
    [
        "b\u00fccher.example",
        "\uff11\uff12\uff17.0.0.1",
        "a\0b",
        "a:80",
        "a/8",
        "x" * 300,
        bytearray(b"a"),
        Name("a"),
        1,
    ],
)
def test_a_host_that_could_mean_something_else_is_refused(host: object) -> None:
    with pytest.raises(AddressRefused):
        host_names(host)
