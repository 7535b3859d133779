"""`NativePermission`: libraries."""

from __future__ import annotations

import pytest

from pycage.permissions import NativePermission, Permissions


def load(name: str) -> NativePermission:
    return NativePermission(name, "load")


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("/opt/codecs/-", "/opt/codecs/x/libx.so"),
        ("/opt/codecs/*", "/opt/codecs/libx.so"),
        ("libm.so.6", "libm.so.6"),
        ("<main program>", "<main program>"),
        ("*", "libm.so.6"),
        ("*", "/opt/x.so"),
        ("<<ALL FILES>>", "libm.so.6"),
        ("./libx.so", "a/../libx.so"),
    ],
)
def test_a_library_is_granted_by_path_or_by_name(grant: str, request_name: str) -> None:
    assert load(grant).implies(load(request_name))


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("/opt/codecs/-", "/opt/codecs/../evil.so"),
        ("/opt/codecs/-", "libx.so"),
        ("/-", "libm.so.6"),
        ("/-", "<main program>"),
        ("libm.so.6", "./libm.so.6"),
        ("./libm.so.6", "libm.so.6"),
        ("libm.so.6", "LIBM.so.6"),
        ("lib*", "libm.so.6"),
        ("libm.so.6", "libm.so.6/x"),
        ("-", "libm.so.6"),
        ("libm.so.6", "*"),
    ],
)
def test_a_name_for_the_linker_is_not_a_path(grant: str, request_name: str) -> None:
    assert not load(grant).implies(load(request_name))


def test_everything_has_two_names() -> None:
    assert load("*") == load("<<ALL FILES>>")


def test_loading_is_not_calling() -> None:
    assert not load("libm.so.6").implies(NativePermission("libm.so.6", "call"))
    assert Permissions([load("*"), NativePermission("libm.so.6", "call")]).implies(
        NativePermission("libm.so.6", "load,call")
    )


@pytest.mark.parametrize("name", ["", "lib\0m", "/x\0"])
def test_a_name_that_no_library_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a library"):
        load(name)
