"""Module names are judged before anything else sees them."""

from __future__ import annotations

import pytest
from pycage.imports.names import is_module_name, parents, shown


@pytest.mark.parametrize(
    "name",
    ["a", "a.b.c", "_a", "a._b", "a1", "é", "中.文", "__future__", "A_1", "a__", "a.b__c__", "a.__meta__", "a.__b__.c"],
)
def test_a_dotted_name_is_a_module_name(name):
    assert is_module_name(name) is True


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "a.", ".a", "a..b", "a/b", "../a", "a\\b", "a\0", "a b", "a\n", "a-b", "1a", "/etc/passwd", "a:b",
        "ﬁle", "e\u0301", "__init__", "a.__init__", "__main__", "a.__future__", "__pycache__", "a" * 513, "²",
        "a.__", "a.____", "a.__b", "__meta__", "a.__main__", "a.__builtins__", "[Lbox.Box;", "box/Box",
    ],
)  # fmt: skip
def test_anything_else_is_none(name):
    """jcage's J12, M26, M27."""
    assert is_module_name(name) is False


def test_only_an_exact_string_is_a_name():
    """D190: a subclass can be one name for the policy and another for the importer."""

    class Name(str):
        __slots__ = ()

    assert is_module_name(Name("math")) is False
    assert is_module_name(b"math") is False
    assert is_module_name(None) is False


def test_parents_are_listed_outermost_first():
    assert parents("a.b.c") == ["a", "a.b", "a.b.c"]


def test_what_a_guest_wrote_is_escaped_and_cut_and_never_called():
    class Evil:
        def __repr__(self):
            raise AssertionError

    assert shown("\x1b[31m") == r"'\x1b[31m'"
    assert len(shown("a" * 1000)) < 100
    assert shown(Evil()) == "a Evil"
