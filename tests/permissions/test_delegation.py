"""`GrantPermission`: what may be granted."""

from __future__ import annotations

import pytest
import strategies
from hypothesis import given
from pycage.permissions import (
    AllPermission,
    FilePermission,
    GrantPermission,
    Permission,
    Permissions,
    RuntimePermission,
    SocketPermission,
    UnresolvedPermission,
    parse,
)

READ = FilePermission("/srv/a b", "read")


def test_the_name_is_the_type_and_the_name_of_what_may_be_granted() -> None:
    assert GrantPermission.of(READ) == GrantPermission("FilePermission /srv/a b", "read")
    assert str(GrantPermission.of(READ)) == '("GrantPermission" "FilePermission /srv/a b" "read")'
    assert parse(str(GrantPermission.of(READ))) == GrantPermission.of(READ)


@given(strategies.permissions(), strategies.permissions())
def test_it_implies_what_the_permission_in_it_implies(held: Permission, asked: Permission) -> None:
    assert GrantPermission.of(held).implies(GrantPermission.of(asked)) == held.implies(asked)


@given(strategies.permissions(), strategies.permissions())
def test_it_overlaps_as_the_permission_in_it_overlaps(denied: Permission, asked: Permission) -> None:
    assert GrantPermission.of(denied).overlaps(GrantPermission.of(asked)) == denied.overlaps(asked)


@given(strategies.permissions(), strategies.permissions(), strategies.permissions())
def test_several_add_up_as_the_permissions_in_them_do(one: Permission, two: Permission, asked: Permission) -> None:
    together = Permissions([GrantPermission.of(one), GrantPermission.of(two)])

    assert together.implies(GrantPermission.of(asked)) == Permissions([one, two]).implies(asked)


def test_a_type_alone_stands_for_all_of_its_permissions() -> None:
    held = GrantPermission("FilePermission")

    assert held.implies(GrantPermission.of(READ))
    assert held.implies(GrantPermission("FilePermission"))
    assert not held.implies(GrantPermission.of(RuntimePermission("x")))
    assert not held.implies(GrantPermission("*"))
    assert not GrantPermission("FilePermission <<ALL FILES>>", "read").implies(held)


@pytest.mark.parametrize("name", ["*", "AllPermission", "AllPermission x"])
def test_an_asterisk_and_all_permission_stand_for_everything(name: str) -> None:
    held = GrantPermission(name)

    assert held == GrantPermission("*") == GrantPermission.of(AllPermission())
    assert held.implies(GrantPermission("FilePermission"))
    assert held.implies(GrantPermission.of(GrantPermission.of(READ)))


def test_to_grant_is_not_to_have_and_not_to_let_grant() -> None:
    held = GrantPermission("*")

    assert not held.implies(READ)
    assert not READ.implies(held)
    assert not GrantPermission.of(READ).implies(GrantPermission.of(GrantPermission.of(READ)))


def test_parts_of_it_can_be_taken_away() -> None:
    held = GrantPermission("FilePermission /srv/-", "read,write")

    assert held.without(GrantPermission("FilePermission /srv/-", "write")) == GrantPermission(
        "FilePermission /srv/-", "read"
    )
    assert held.without(GrantPermission("FilePermission")) is None
    assert held.without(GrantPermission("SocketPermission")) is held
    assert [part.actions for part in held.split()] == ["read", "write"]


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("", ""),
        ("Nothing", ""),
        ("Nothing /x", "read"),
        ("filePermission /x", "read"),
        ("FilePermission /x", "fly"),
        ("FilePermission /x", ""),
        ("FilePermission", "read"),
        ("*", "read"),
        ("SocketPermission no:port:", "connect"),
        ("GrantPermission " * 2000 + "FilePermission", ""),
        ("UnresolvedPermission x", ""),
    ],
)
def test_what_names_no_permission_is_refused(name: str, actions: str) -> None:
    with pytest.raises(ValueError, match="."):
        GrantPermission(name, actions)


def test_what_has_no_type_yet_cannot_be_granted_on() -> None:
    with pytest.raises(ValueError, match="not a permission type"):
        GrantPermission.of(UnresolvedPermission("later.Permission", "x"))


def test_a_denial_of_some_hosts_touches_the_grant_of_one() -> None:
    denied = GrantPermission("SocketPermission *.example.com:80", "connect")

    assert denied.overlaps(GrantPermission.of(SocketPermission("a.example.com:80", "connect")))
    assert not denied.overlaps(GrantPermission.of(SocketPermission("a.example.org:80", "connect")))
