"""`CodeSource`, beyond the table that comes from Java."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import permissions

from pycage.codesource import CodeSource

URLS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(("http:", "https:", "HTTP:", "file:", "pycage:")),
        st.sampled_from(("", "//", "//h", "//H", "//h:80", "//h:8080", "//*.h", "//a.h", "//localhost")),
        st.sampled_from(
            ("", "/", "/a", "/a/", "/a/b", "/a/./b", "/a/c/../b", "/a/%62", "/*", "/-", "/a/*", "/a/-", "/a/%2D")
        ),
        st.sampled_from(("", "", "", "#r", "?q")),
    ),
)


def implies(grant: str | None, request: str | None) -> bool:
    return CodeSource(grant).implies(CodeSource(request))


@given(URLS)
def test_a_code_source_implies_itself(url: str) -> None:
    assert implies(url, url)
    assert implies(None, url)
    assert not implies(url, None)


@given(URLS, URLS, URLS)
def test_implication_is_transitive(first: str, second: str, third: str) -> None:
    """One rule of Java's is excepted: a path implies the same path with a slash behind it."""
    if implies(first, second) and implies(second, third):
        assert implies(first, third)


def test_a_sandbox_is_an_opaque_url() -> None:
    assert implies("pycage://sandbox/plugins", "pycage://sandbox/plugins")
    assert implies("pycage://sandbox/-", "pycage://sandbox/plugins")
    assert not implies("pycage://sandbox/plugins", "pycage://sandbox/plugins2")
    assert not implies("pycage://sandbox/plugins", "pycage://sandbox/Plugins")
    assert not implies("pycage://sandbox/plugins", "pycage://other/plugins")
    assert not implies("pycage://sandbox/plugins", "http://sandbox/plugins")


@pytest.mark.parametrize(
    ("grant", "request_url"),
    [
        ("http://h/x", "http://h:8080/x"),
        ("http://h/-", "http://h:8080/x"),
        ("http://h:443/x", "http://h/x"),
        ("https://h/x", "https://h:80/x"),
        ("pycage://h/x", "pycage://h:1/x"),
    ],
)
def test_a_grant_without_a_port_is_for_the_default_port_only(grant: str, request_url: str) -> None:
    """V7 of the deviations from Java."""
    assert not implies(grant, request_url)


def test_the_default_port_may_be_written() -> None:
    assert implies("http://h/x", "http://h:80/x")
    assert implies("https://h:443/x", "https://h/x")


@pytest.mark.parametrize(
    ("grant", "request_url"),
    [
        ("file:/a/b/*", "file:/a/b/-"),
        ("file:/a/b/*", "file:/a/-"),
        ("file:/a/b/x", "file:/a/b/*"),
        ("file:/a/b/-", "file:/a/-"),
    ],
)
def test_a_pattern_does_not_imply_a_wider_one(grant: str, request_url: str) -> None:
    """V8 of the deviations from Java."""
    assert not implies(grant, request_url)


def test_a_pattern_implies_a_narrower_one() -> None:
    assert implies("file:/a/-", "file:/a/b/-")
    assert implies("file:/a/-", "file:/a/*")
    assert implies("file:/a/*", "file:/a/*")


@pytest.mark.parametrize(
    "request_url",
    [
        "file:/a/b/../c.jar",
        "file:/a/b/%2e%2e/c.jar",
        "file:/a/b/.%2E/c.jar",
        "file:/a/b/..%2fc.jar",
        "file:/a/b/./../c.jar",
    ],
)
def test_dots_do_not_lead_out_of_a_directory(request_url: str) -> None:
    """V10 of the deviations from Java, where file:/a/b/- implies file:/a/b/../c.jar."""
    assert not implies("file:/a/b/-", request_url)
    assert not implies("file:/a/b/*", request_url)
    assert implies("file:/a/-", request_url)
    assert implies("file:/a/c.jar", request_url)


@pytest.mark.parametrize(
    "url",
    [
        "file:/../x",
        "file:/a/../../x",
        "file:/a/%2e%2e/%2e%2e/x",
        "file:../x",
        "file:/a/%252e%252e/x",
        "file:/a/%00",
        "file:/a/%0ax",
        "file:/a/%",
        "file:/a/%zz",
        "file:/a/%ff",
        "file:/a b",
        "file:/a\nb",
        "file:/a\0",
        "http://user@h/x",
        "http://trusted:80@evil/x",
        "http://h:99999/x",
        "http://h:x/x",
        "http://h\\x/",
        "http://[::1/x",
        "/a/b",
        "",
        ":x",
        "1http://h",
    ],
)
def test_a_url_that_can_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^\""):
        CodeSource(url)


def test_an_escaped_wildcard_is_a_file_name() -> None:
    assert implies("file:/a/%2D", "file:/a/%2d")
    assert not implies("file:/a/%2D", "file:/a/x")
    assert not implies("file:/a/%2A", "file:/a/x")
    assert implies("file:/a/*", "file:/a/%2D")


def test_hosts_compare_as_text() -> None:
    """V9 of the deviations from Java; no name is looked up."""
    assert implies("http://H.example/x", "http://h.EXAMPLE/x")
    assert implies("http://*.example/x", "http://a.b.example/x")
    assert implies("file:/x", "file://localhost/x")
    assert implies("http://[::1]/x", "http://[::1]:80/x")
    assert not implies("http://*.example/x", "http://example/x")
    assert not implies("http://*.example/x", "http://evilexample/x")
    assert not implies("http://localhost/x", "http://127.0.0.1/x")
    assert not implies("http://a.example/x", "http://*.example/x")


def test_a_query_belongs_to_an_exact_path() -> None:
    assert implies("http://h/x?v=1", "http://h/x?v=1")
    assert implies("http://h/-", "http://h/x?v=1")
    assert not implies("http://h/x", "http://h/x?v=1")
    assert not implies("http://h/x?v=1", "http://h/x")
    assert not implies("http://h/-?v=1", "http://h/x?v=1")


def test_a_grant_with_a_fragment_is_for_that_fragment() -> None:
    assert implies("http://h/x", "http://h/x#r")
    assert implies("http://h/x#r", "http://h/x#r")
    assert not implies("http://h/x#r", "http://h/x")
    assert not implies("http://h/x#r", "http://h/x#s")


def test_a_digest_pins_the_code() -> None:
    pinned = CodeSource("file:/a/-", "sha256:1")

    assert pinned.implies(CodeSource("file:/a/x", "sha256:1"))
    assert CodeSource("file:/a/-").implies(CodeSource("file:/a/x", "sha256:1"))
    assert CodeSource(None, "sha256:1").implies(CodeSource("http://h/x", "sha256:1"))
    assert not pinned.implies(CodeSource("file:/a/x", "sha256:2"))
    assert not pinned.implies(CodeSource("file:/a/x"))
    assert not pinned.implies(CodeSource("file:/b/x", "sha256:1"))


def test_equality_is_of_the_text() -> None:
    assert CodeSource("http://h/x") == CodeSource("http://h/x")
    assert CodeSource("http://h/x") != CodeSource("http://h:80/x")
    assert CodeSource("http://h/x") != CodeSource("http://h/x", "sha256:1")
    assert 1 == len({CodeSource("http://h/x"), CodeSource("http://h/x")})


def test_copies_are_equal_and_answer_alike() -> None:
    source = CodeSource("http://h/-", "sha256:1")

    again = pickle.loads(pickle.dumps(source))

    assert source == again
    assert hash(source) == hash(again)
    assert again.implies(CodeSource("http://h/x", "sha256:1"))


def test_a_code_source_cannot_be_changed() -> None:
    source = CodeSource("http://h/x")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        source.url = None  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        source._location = None  # type: ignore[misc]


class Text(str):
    """Not exactly a str."""

    __slots__ = ()


@pytest.mark.parametrize("wrong", [1, b"file:/x", Text("file:/x"), object()])
def test_arguments_must_be_exactly_str(wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be a str or None"):
        CodeSource(wrong)
    with pytest.raises(TypeError, match="must be a str or None"):
        CodeSource(None, wrong)


def test_an_empty_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="digest is empty"):
        CodeSource(None, "")


@given(permissions() | st.none() | st.text())
def test_nothing_else_is_implied(other: Any) -> None:
    assert not CodeSource(None).implies(other)
