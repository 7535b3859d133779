"""`SandboxAdminPermission`: jcage's own tests, and what pycage adds."""

from __future__ import annotations

import pytest

from pycage.permissions import PermissionCollection, RuntimePermission, SandboxAdminPermission


def p(name: str, actions: str) -> SandboxAdminPermission:
    return SandboxAdminPermission(name, actions)


class TestJCSandboxAdminPermissionTest:
    """The 14 tests of jcage's JCSandboxAdminPermissionTest, by name."""

    def test_EqualsHashCode(self) -> None:
        """jcage: testEqualsHashCode"""
        zz, zx, xz = p("z", "z"), p("z", "x"), p("x", "z")

        assert zz == zz
        assert zz == p("z", "z")
        assert p("z", "z") == zz
        assert zz != None  # noqa: E711  # the comparison is what is tested
        assert zz != 23
        assert zz != zx
        assert zz != xz
        assert zx != xz
        assert hash(zz) == hash(p("z", "z"))
        assert str(zz) == str(p("z", "z"))
        assert 3 == len({hash(zz), hash(zx), hash(xz)})
        assert 3 == len({str(zz), str(zx), str(xz)})

    def test_ImpliesFalse_0(self) -> None:
        """jcage: testImpliesFalse_0"""
        assert not p("*", "*").implies(RuntimePermission("*"))

    def test_ImpliesFalse_1(self) -> None:
        """jcage: testImpliesFalse_1"""
        assert not p("z", "*").implies(p("*", "*"))

    def test_ImpliesFalse_2(self) -> None:
        """jcage: testImpliesFalse_2"""
        assert not p("*", "z").implies(p("*", "*"))

    def test_ImpliesFalse_3(self) -> None:
        """jcage: testImpliesFalse_3"""
        assert not p("z", "z").implies(p("*", "*"))

    def test_ImpliesFalse_4(self) -> None:
        """jcage: testImpliesFalse_4"""
        assert not p("z", "z").implies(p("z", "x"))

    def test_ImpliesFalse_5(self) -> None:
        """jcage: testImpliesFalse_5"""
        assert not p("z", "z").implies(p("x", "z"))

    def test_ImpliesFalse_6(self) -> None:
        """jcage: testImpliesFalse_6"""
        assert not p("z", "z").implies(p("x", "x"))

    def test_ImpliesTrue_0(self) -> None:
        """jcage: testImpliesTrue_0"""
        assert p("*", "*").implies(p("*", "*"))

    def test_ImpliesTrue_1(self) -> None:
        """jcage: testImpliesTrue_1"""
        assert p("*", "*").implies(p("z", "*"))

    def test_ImpliesTrue_2(self) -> None:
        """jcage: testImpliesTrue_2"""
        assert p("*", "*").implies(p("*", "z"))

    def test_ImpliesTrue_3(self) -> None:
        """jcage: testImpliesTrue_3"""
        assert p("*", "*").implies(p("z", "z"))

    def test_ImpliesTrue_4(self) -> None:
        """jcage: testImpliesTrue_4"""
        assert p("z", "*").implies(p("z", "*"))

    def test_ImpliesTrue_5(self) -> None:
        """jcage: testImpliesTrue_5"""
        assert p("z", "z").implies(p("z", "z"))


def test_actions_are_one_opaque_text_and_no_list() -> None:
    held = p("x", "createSandbox,getSandboxes")

    assert held.implies(p("x", "createSandbox,getSandboxes"))
    assert not held.implies(p("x", "createSandbox"))
    assert not held.implies(p("x", "getSandboxes,createSandbox"))
    assert (held,) == held.split()


def test_there_are_no_prefix_wildcards() -> None:
    assert not p("plug*", "*").implies(p("plugins", "createSandbox"))
    assert not p("*", "create*").implies(p("plugins", "createSandbox"))


def test_a_collection_does_not_combine_actions() -> None:
    held = PermissionCollection(SandboxAdminPermission, [p("x", "a"), p("x", "b")])

    assert not held.implies(p("x", "*"))


def test_a_deny_rule_touches_a_request_that_neither_implies_nor_is_implied() -> None:
    assert p("*", "a").overlaps(p("x", "*"))
    assert p("x", "*").overlaps(p("*", "a"))
    assert not p("x", "*").overlaps(p("z", "*"))
    assert not p("*", "a").overlaps(p("*", "b"))
    assert not p("*", "*").overlaps(RuntimePermission("*"))


@pytest.mark.parametrize(("name", "actions"), [("", "a"), ("a", "")])
def test_empty_texts_are_refused(name: str, actions: str) -> None:
    with pytest.raises(ValueError, match="cannot be empty"):
        p(name, actions)
