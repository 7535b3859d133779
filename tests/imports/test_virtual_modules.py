"""Virtual modules: what they show, and what comes before them."""

from __future__ import annotations

import pytest
from pycage.errors import AccessDenied
from pycage.imports import rules


def test_virtual_modules_come_before_the_hosts(box):
    sandbox = box(
        hcp=rules(),
        extra={
            "pycage": lambda: {"check_permission": len, "AccessDenied": AccessDenied},
            "host": lambda: {"listener": 5},
        },
    )
    result = sandbox.run(
        "import pycage\nfrom host import listener\nfrom pycage import *\nr = check_permission('ab'), listener"
    )

    assert result["r"] == (2, 5)
    assert not hasattr(result["pycage"], "errors")
    with pytest.raises(AccessDenied):
        sandbox.run("import pycage.errors")
    with pytest.raises(ImportError):
        sandbox.run("from pycage import errors")
    with pytest.raises(AttributeError):
        sandbox.run("import host\nhost.listener = 1")


def test_a_virtual_module_can_be_changed_while_it_is_in_use(box):
    sandbox = box(extra={"host": lambda: {"a": 1}})
    names = sandbox.run("import host")
    sandbox.loader.virtual.set("host", {"b": 2})

    assert names["host"].b == 2
    assert not hasattr(names["host"], "a")


def test_a_module_of_the_sandbox_takes_precedence_over_a_virtual_one_that_is_not_reserved(box):
    sandbox = box({"tools": "X = 'own'"}, extra={"tools": lambda: {"X": "virtual"}})

    assert sandbox.run("import tools")["tools"].X == "own"
