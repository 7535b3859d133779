"""Permissions that are just a name, beyond the tables that come from Java."""

from __future__ import annotations

from typing import Any

import pytest

from pycage.permissions import (
    ImportPermission,
    LinkPermission,
    PermissionCollection,
    Permissions,
    RuntimePermission,
    SecurityPermission,
    ThreadPermission,
)


@pytest.mark.parametrize("kind", [RuntimePermission, SecurityPermission, ImportPermission, ThreadPermission])
def test_a_wildcard_stands_for_what_is_below(kind: Any) -> None:
    assert kind("xml.*").implies(kind("xml.sax"))
    assert kind("xml.*").implies(kind("xml.sax.handler"))
    assert kind("*").implies(kind("xml"))
    assert not kind("xml.*").implies(kind("xml"))
    assert not kind("xml.*").implies(kind("xmlrpc"))
    assert not kind("xml").implies(kind("xml.sax"))
    assert not kind("xml.sax").implies(kind("xml.*"))
    assert not kind("x*").implies(kind("xml"))
    assert not kind("xml").implies(kind("XML"))


def test_all_names_of_one_type_are_no_name_of_another() -> None:
    assert not RuntimePermission("*").implies(SecurityPermission("getPolicy"))
    assert not Permissions([RuntimePermission("*")]).implies(ImportPermission("os"))


def test_only_the_runtime_permission_has_the_old_spelling_of_exit() -> None:
    assert RuntimePermission("exitVM").implies(RuntimePermission("exitVM.1"))
    assert RuntimePermission("exitVM") != RuntimePermission("exitVM.*")
    assert not ImportPermission("exitVM").implies(ImportPermission("exitVM.secret"))


@pytest.mark.parametrize("kind", [RuntimePermission, SecurityPermission, ImportPermission, ThreadPermission])
def test_the_name_cannot_be_empty(kind: Any) -> None:
    with pytest.raises(ValueError, match="name is empty"):
        kind("")


def test_a_kind_of_link_is_hard_or_symbolic() -> None:
    assert LinkPermission("hard").implies(LinkPermission("hard"))
    assert not LinkPermission("hard").implies(LinkPermission("symbolic"))
    for name in ("*", "hard.*", "Hard", "soft"):
        with pytest.raises(ValueError, match="not a kind of link"):
            LinkPermission(name)


def test_a_deny_rule_touches_a_request_for_more_than_it_denies() -> None:
    rule = ImportPermission("os.path")

    assert rule.overlaps(ImportPermission("os.*"))
    assert rule.overlaps(ImportPermission("*"))
    assert not rule.overlaps(ImportPermission("os"))


def test_there_is_nothing_to_split_or_to_take_away_in_part() -> None:
    held = ImportPermission("xml.*")

    assert (held,) == held.split()
    assert held.without(ImportPermission("xml.sax")) is held
    assert held.without(ImportPermission("*")) is None
    assert held.without(RuntimePermission("*")) is held


def test_equal_names_are_kept_once() -> None:
    held = PermissionCollection(ImportPermission, [ImportPermission("a"), ImportPermission("b"), ImportPermission("a")])

    assert [ImportPermission("a"), ImportPermission("b")] == list(held)
