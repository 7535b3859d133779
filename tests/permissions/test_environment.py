"""`EnvPermission`; `PropertyPermission` is covered by the tables that come from Java."""

from __future__ import annotations

import pytest

from pycage.permissions import EnvPermission, Permissions, PropertyPermission


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [("*", "HOME"), ("*", "LC_*"), ("LC_*", "LC_ALL"), ("LC_*", "LC_"), ("LC_*", "LC_A*"), ("HOME", "HOME")],
)
def test_a_variable_a_prefix_or_all_can_be_granted(grant: str, request_name: str) -> None:
    assert EnvPermission(grant, "read").implies(EnvPermission(request_name, "read"))


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("LC_*", "LANG"),
        ("LC_*", "*"),
        ("LC_*", "L*"),
        ("LC_*", "lc_all"),
        ("HOME", "HOME*"),
        ("HOME", "HOMEDRIVE"),
        ("*_KEY", "AWS_KEY"),
        ("A*B", "AXB"),
    ],
)
def test_nothing_else_is(grant: str, request_name: str) -> None:
    assert not EnvPermission(grant, "read").implies(EnvPermission(request_name, "read"))


def test_reading_is_not_writing() -> None:
    assert not EnvPermission("PATH", "read").implies(EnvPermission("PATH", "write"))
    assert EnvPermission("PATH", "write,read").implies(EnvPermission("PATH", "write"))


def test_a_set_adds_up_actions() -> None:
    held = Permissions([EnvPermission("LC_*", "read"), EnvPermission("LC_ALL", "write")])

    assert held.implies(EnvPermission("LC_ALL", "read,write"))
    assert not held.implies(EnvPermission("LC_NAME", "read,write"))


@pytest.mark.parametrize("name", ["", "A=B", "=", "A\0B"])
def test_a_name_that_no_variable_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a variable"):
        EnvPermission(name, "read")


def test_a_property_is_no_variable() -> None:
    assert not PropertyPermission("*", "read").implies(EnvPermission("HOME", "read"))


@pytest.mark.parametrize(("name", "actions"), [("", "read"), ("a", ""), ("a", "execute")])
def test_malformed_properties_are_refused(name: str, actions: str) -> None:
    with pytest.raises(ValueError, match="PropertyPermission"):
        PropertyPermission(name, actions)


def test_a_deny_rule_touches_a_wider_request() -> None:
    rule = EnvPermission("AWS_SECRET", "read")

    assert rule.overlaps(EnvPermission("AWS_*", "read,write"))
    assert not rule.overlaps(EnvPermission("AWS_*", "write"))
    assert not rule.overlaps(EnvPermission("AWS_REGION", "read"))
