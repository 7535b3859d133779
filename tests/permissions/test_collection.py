"""Sets of permissions."""

from __future__ import annotations

from typing import Any

import pytest

from pycage.errors import PolicyError
from pycage.permissions import (
    AllPermission,
    FilePermission,
    PermissionCollection,
    Permissions,
    RuntimePermission,
    SecurityPermission,
    SocketPermission,
    UnresolvedPermission,
)

READ = FilePermission("/t/-", "read")
WRITE = FilePermission("/t/x", "write")

Set = PermissionCollection | Permissions


@pytest.fixture(params=["collection", "permissions"])
def empty(request: pytest.FixtureRequest) -> Set:
    return PermissionCollection(FilePermission) if request.param == "collection" else Permissions()


def test_an_empty_set_implies_nothing(empty: Set) -> None:
    assert not empty.implies(READ)
    assert 0 == len(empty)
    assert [] == list(empty)


def test_what_is_added_is_implied_at_once(empty: Set) -> None:
    empty.add(READ)

    assert empty.implies(FilePermission("/t/x", "read"))
    assert not empty.implies(FilePermission("/t/x", "read,write"))


def test_the_actions_of_several_permissions_add_up(empty: Set) -> None:
    empty.add(READ)
    empty.add(WRITE)

    assert empty.implies(FilePermission("/t/x", "read,write"))
    assert not empty.implies(FilePermission("/t/y", "read,write"))
    assert not empty.implies(FilePermission("/t/-", "write"))


def test_actions_of_one_name_are_merged(empty: Set) -> None:
    empty.add(FilePermission("/t", "read"))
    empty.add(FilePermission("/u", "read"))
    empty.add(FilePermission("/t", "write"))
    empty.add(FilePermission("/t/", "write,read"))

    assert [FilePermission("/t", "read,write"), FilePermission("/u", "read")] == list(empty)
    assert 2 == len(empty)


def test_a_read_only_set_refuses_and_does_not_change(empty: Set) -> None:
    empty.add(READ)

    empty.set_read_only()

    assert empty.read_only
    with pytest.raises(PolicyError, match="attempt to add a Permission to a readonly"):
        empty.add(WRITE)
    assert [READ] == list(empty)
    assert not empty.implies(WRITE)


def test_there_is_no_way_back_from_read_only(empty: Set) -> None:
    empty.set_read_only()
    empty.set_read_only()

    with pytest.raises(AttributeError):
        empty.read_only = False  # type: ignore[misc]
    assert empty.read_only


def test_a_read_only_copy_does_not_follow_the_original(empty: Set) -> None:
    empty.add(READ)
    copy = empty.read_only_copy()

    empty.add(WRITE)

    assert not empty.read_only
    assert empty.implies(WRITE)
    assert copy.read_only
    assert not copy.implies(WRITE)
    assert [READ] == list(copy)


def test_a_set_can_grow_while_it_is_read(empty: Set) -> None:
    empty.add(READ)

    for number, _ in enumerate(empty):
        empty.add(FilePermission(f"/{number}", "read"))

    assert 2 == len(empty)


@pytest.mark.parametrize("wrong", [None, "read", 1, object(), FilePermission])
def test_only_permissions_are_added_and_asked_for(empty: Set, wrong: Any) -> None:
    with pytest.raises(TypeError):
        empty.add(wrong)
    with pytest.raises(TypeError):
        empty.implies(wrong)
    assert 0 == len(empty)


def test_only_permissions_are_in_a_set_from_the_beginning() -> None:
    wrong: Any = [READ, None]

    with pytest.raises(TypeError):
        Permissions(wrong)
    with pytest.raises(TypeError):
        PermissionCollection(FilePermission, wrong)


def test_a_collection_is_for_one_type() -> None:
    held = PermissionCollection(FilePermission, [READ])

    assert FilePermission is held.permission_type
    with pytest.raises(ValueError, match="for FilePermission, not for RuntimePermission"):
        held.add(RuntimePermission("x"))
    assert not held.implies(RuntimePermission("x"))


@pytest.mark.parametrize("wrong", [None, int, UnresolvedPermission, READ, "FilePermission"])
def test_a_collection_needs_a_registered_type(wrong: Any) -> None:
    with pytest.raises(TypeError):
        PermissionCollection(wrong)


def test_a_set_answers_by_exact_type() -> None:
    held = Permissions([RuntimePermission("*"), READ])

    assert held.implies(RuntimePermission("x"))
    assert not held.implies(SecurityPermission("x"))
    assert not held.implies(AllPermission())


def test_all_permissions_imply_everything_but_the_order_does_not_matter() -> None:
    for members in ([READ, AllPermission()], [AllPermission(), READ]):
        held = Permissions(members)

        assert held.implies(AllPermission())
        assert held.implies(SocketPermission("h:80", "connect"))


def test_all_permissions_can_be_added_later() -> None:
    held = Permissions([READ])
    copy = held.read_only_copy()

    held.add(AllPermission())

    assert held.implies(RuntimePermission("x"))
    assert not copy.implies(RuntimePermission("x"))


def test_a_collection_of_all_permissions_answers_for_its_own_type_only() -> None:
    """Others are asked for in `Permissions`, which knows what it means."""
    held = PermissionCollection(AllPermission, [AllPermission()])

    assert held.implies(AllPermission())
    assert not held.implies(READ)


def test_sets_cannot_be_subclassed() -> None:
    for kind in (Permissions, PermissionCollection):
        with pytest.raises(TypeError, match="is final"):
            type("Forged", (kind,), {})


def test_place_holders_are_kept_once_and_counted() -> None:
    held = Permissions([UnresolvedPermission("x.Foo", "n"), READ, UnresolvedPermission("x.Foo", "n")])

    assert [READ, UnresolvedPermission("x.Foo", "n")] == list(held)
    assert 2 == len(held)


def test_a_set_shows_what_is_in_it() -> None:
    assert 'Permissions([FilePermission("/t/-", "read")])' == repr(Permissions([READ]))
    assert 'PermissionCollection(FilePermission, [FilePermission("/t/-", "read")])' == repr(
        PermissionCollection(FilePermission, [READ])
    )
