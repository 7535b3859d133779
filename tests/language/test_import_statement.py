"""Import statements read attributes of modules."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import pytest

from pycage.errors import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cage


def test_import_statements_mean_what_they_mean(honest: Callable[..., None]) -> None:
    honest(
        """
import math, collections.abc as cabc, os.path
import collections.abc
from math import pi, sqrt as root
from string import *
from __future__ import annotations
result = math.floor(2.5), cabc.Sized.__name__, root(4), pi, digits, collections.abc.Sized is cabc.Sized, __import__('math').tau
""".replace("from __future__ import annotations\n", "")
    )


def test_future_statements_work(honest: Callable[..., None]) -> None:
    honest("from __future__ import annotations\ndef f(x: missing): pass\nresult = f.__annotations__")


def test_private_names_of_own_modules_can_be_imported_and_those_of_others_cannot(cage: Cage) -> None:
    cage.module("mine", "_x = 1\n__all__ = ['_x']")

    assert cage.run("from mine import _x\nresult = _x")["result"] == 1
    assert cage.run("from mine import *\nresult = _x")["result"] == 1
    with pytest.raises(AccessDenied):
        cage.run("from sys import _getframe")


def test_a_missing_name_is_an_import_error(cage: Cage) -> None:
    with pytest.raises(ImportError, match="cannot import name 'missing' from 'math'"):
        cage.run("from math import missing")


@pytest.mark.parametrize("statement", ["from mine import path as p", "import mine.path as p"])
def test_an_own_module_with_the_name_of_a_host_package_does_not_open_sys_modules(cage: Cage, statement: str) -> None:
    """For a missing name the interpreter itself takes sys.modules[module.__name__ + "." + name]."""
    module = cage.module("mine", "__name__ = 'os'")
    cage.modules["mine.path"] = module
    control = types.ModuleType("os")
    namespace: dict[str, object] = {"__builtins__": {"__import__": lambda *a: control}}
    exec("from mine import path as p", namespace)
    assert "posixpath" in repr(namespace["p"])

    with pytest.raises(ImportError):
        cage.run(statement)


@pytest.mark.parametrize("name", ["__dict__", "__builtins__", "__loader__", "__spec__"])
def test_a_star_import_does_not_read_what_all_says_but_nobody_may(cage: Cage, name: str) -> None:
    module = cage.module("mine", f"__all__ = ['{name}']\nx = 1")
    try:
        namespace = cage.run("from mine import *", mine=module)
    except AccessDenied:
        return

    assert namespace.get(name) is not vars(module)
    assert namespace["__builtins__"] is cage.builtins


def test_the_list_of_names_of_a_shared_module_cannot_be_extended(cage: Cage) -> None:
    shared = types.ModuleType("shared")
    vars(shared).update(__all__=["x"], x=1)
    cage.modules["shared"] = shared

    with pytest.raises(AccessDenied):
        cage.run("from shared import *\nimport shared\nshared.__all__.append('__dict__')\nfrom shared import __dict__")

    assert vars(shared)["__all__"] == ["x"]
