"""Permissions of types that do not exist yet."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycage.permissions import (
    AllPermission,
    BasicPermission,
    FilePermission,
    Permissions,
    RuntimePermission,
    UnresolvedPermission,
    parse,
)
from pycage.permissions.registry import register_unchecked


def test_a_place_holder_implies_nothing_not_even_itself() -> None:
    permission = UnresolvedPermission("RuntimePermission", "x")

    assert not permission.implies(permission)
    assert not permission.implies(RuntimePermission("x"))
    assert not Permissions([permission]).implies(permission)


def test_a_place_holder_is_written_as_in_java() -> None:
    permission = UnresolvedPermission("x.Foo", "n", "act")

    assert "(unresolved x.Foo n act)" == str(permission)
    assert ("x.Foo", "x.Foo", "", "n", "act") == (
        permission.name,
        permission.type_name,
        permission.actions,
        permission.unresolved_name,
        permission.unresolved_actions,
    )


@given(st.text(min_size=1, max_size=8), st.text(max_size=8), st.text(' ")(\\a', max_size=8))
def test_the_text_form_of_a_place_holder_parses_back(type_name: str, name: str, actions: str) -> None:
    permission = UnresolvedPermission(type_name, name, actions)

    assert permission == parse(str(permission))
    assert str(permission).isprintable()


def test_a_place_holder_shows_how_it_is_made() -> None:
    assert 'UnresolvedPermission("x.Foo", "n", "act")' == repr(UnresolvedPermission("x.Foo", "n", "act"))


def test_copies_of_a_place_holder_are_equal() -> None:
    permission = UnresolvedPermission("x.Foo", "n", "act")

    assert permission == pickle.loads(pickle.dumps(permission))
    assert hash(permission) == hash(UnresolvedPermission("x.Foo", "n", "act"))
    assert permission != UnresolvedPermission("x.Foo", "n", "other")


def test_a_place_holder_counts_as_soon_as_its_type_is_registered() -> None:
    held = Permissions([UnresolvedPermission("ScannerPermission", "flat.*")])
    held.set_read_only()

    @register_unchecked
    class ScannerPermission(BasicPermission):
        pass

    assert held.implies(ScannerPermission("flat.1"))
    assert not held.implies(ScannerPermission("drum.1"))
    assert ScannerPermission("flat.*") == UnresolvedPermission("ScannerPermission", "flat.*").resolve()


def test_a_resolved_permission_adds_up_with_the_others() -> None:
    held = Permissions([FilePermission("/t/-", "read"), UnresolvedPermission("FilePermission", "/t/x", "write")])

    assert held.implies(FilePermission("/t/x", "read,write"))
    assert not held.implies(FilePermission("/t/y", "read,write"))


def test_a_place_holder_that_its_type_refuses_has_no_effect() -> None:
    permission = UnresolvedPermission("FilePermission", "/x", "list")

    assert permission.resolve() is None
    assert not Permissions([permission]).implies(FilePermission("/x", "read"))


def test_a_place_holder_for_all_permissions_grants_no_other_type() -> None:
    held = Permissions([UnresolvedPermission("AllPermission")])

    assert not held.implies(RuntimePermission("x"))


def test_resolving_imports_nothing() -> None:
    sys.modules.pop("this", None)

    assert UnresolvedPermission("this", "x").resolve() is None
    assert not Permissions([UnresolvedPermission("this.Zen", "x")]).implies(RuntimePermission("x"))
    assert "this" not in sys.modules


def test_a_deny_rule_for_a_type_that_shows_up_later_takes_effect() -> None:
    rule = UnresolvedPermission("FilePermission", "/etc/-", "read")

    assert rule.overlaps(FilePermission("/etc/shadow", "read"))
    assert rule.overlaps(AllPermission())
    assert not rule.overlaps(FilePermission("/srv/x", "read"))
    assert not rule.overlaps(RuntimePermission("x"))


def test_a_deny_rule_that_its_type_refuses_denies_the_whole_type() -> None:
    rule = UnresolvedPermission("FilePermission", "/etc/-", "list")

    assert rule.overlaps(FilePermission("/srv/x", "read"))
    assert rule.overlaps(AllPermission())
    assert not rule.overlaps(RuntimePermission("x"))


def test_a_deny_rule_for_an_unknown_type_touches_nothing() -> None:
    rule = UnresolvedPermission("x.Foo", "n")

    assert not rule.overlaps(FilePermission("/x", "read"))
    assert not rule.overlaps(AllPermission())


def test_a_place_holder_can_be_taken_away() -> None:
    held = UnresolvedPermission("FilePermission", "/x", "read")

    assert held.without(UnresolvedPermission("FilePermission", "/x", "read")) is None
    assert held.without(FilePermission("/-", "read,write")) is None
    assert held.without(FilePermission("/y", "read")) is held
    assert held.without(UnresolvedPermission("x.Foo", "n")) is held


@pytest.mark.parametrize("arguments", [(None,), ("T", None), ("T", "n", None), (b"T", "n", "a"), ("T", 1, "a")])
def test_arguments_must_be_str(arguments: Any) -> None:
    with pytest.raises(TypeError, match="must be"):
        UnresolvedPermission(*arguments)


def test_the_name_of_the_type_cannot_be_empty() -> None:
    with pytest.raises(ValueError, match="empty"):
        UnresolvedPermission("", "n")
