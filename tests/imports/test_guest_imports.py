"""What a guest may try with `__import__`, with import statements, and with modules that it has."""

from __future__ import annotations

import sys
import types

import pytest
from pycage.errors import AccessDenied
from pycage.imports import ModuleView, rules


def test_a_name_must_be_an_exact_string(box):
    """D190."""
    source = """
class N(str):
    def __eq__(s, o): return o == 'math' or str.__eq__(s, o)
    __hash__ = str.__hash__
m = __import__(N('os'))
"""
    exec(source.replace("__import__", "str"), {})  # control: the class works
    with pytest.raises(TypeError, match="exact type str"):
        box(hcp=rules("allow math")).run(source)


@pytest.mark.parametrize(
    "call",
    [
        "__import__('math', fromlist=type('T', (tuple,), {})(('pi',)))",
        "__import__('math', fromlist='pi')",
        "__import__('math', fromlist=(1,))",
        "__import__('math', level=True)",
        "__import__('math', level=0.0)",
        "__import__(b'math')",
        "__import__('math', fromlist=(type('S', (str,), {})('pi'),))",
    ],
)
def test_arguments_of_other_types_are_refused(box, call):
    with pytest.raises(TypeError):
        box(hcp=rules("allow math")).run(call)


def test_globals_that_lie_only_choose_a_name_that_is_decided(box):
    sandbox = box(hcp=rules("allow math"))

    with pytest.raises(AccessDenied, match="(?m)^module access denied: os$"):
        sandbox.run("__import__('path', {'__package__': 'os', '__name__': 'os'}, None, ('join',), 1)")
    with pytest.raises(ImportError, match="no known parent"):
        sandbox.run("class D(dict):\n    def get(s, k, d=None): return 'os'\n__import__('path', D(), None, (), 1)")


def test_the_fallback_to_sys_modules_cannot_be_reached_through_a_view(box):
    """`from json import decoder` reads sys.modules["json.decoder"] if json has no attribute decoder."""
    import json.decoder  # noqa: F401  # it must be loaded for the attack

    view = ModuleView("json")
    control = {"__builtins__": {"__import__": lambda *_: view}}
    exec("from json import decoder", control)
    assert control["decoder"] is sys.modules["json.decoder"]

    with pytest.raises(AccessDenied, match=r"(?m)^module access denied: json\.decoder$"):
        box(hcp=rules("allow json")).run("from json import decoder")


def test_the_fallback_to_sys_modules_cannot_be_reached_through_an_own_module(box):
    """A guest module that calls itself os, and has a moody __getattr__: the interpreter would find os.path."""
    body = "__name__ = 'os'\nseen = []\ndef __getattr__(n):\n    seen.append(n)\n    if n == 'path' and seen.count(n) == 1: return 1\n    raise AttributeError(n)"
    control_module = types.ModuleType("m")
    exec(body, vars(control_module))
    control_module.seen.append("path")
    control = {"__builtins__": {"__import__": lambda *_: control_module}}
    exec("from m import path", control)
    assert control["path"] is sys.modules["os.path"]

    result = box({"m": body}).run("from m import path")

    assert result["path"] == 1
    with pytest.raises(ImportError):
        box({"m": "__name__ = 'os'"}).run("from m import path")


def test_a_deleted_submodule_is_bound_again_before_the_interpreter_reads_it(box):
    sandbox = box({"os_": "__name__ = 'os'", "os_.path": "MINE = 1"})
    result = sandbox.run("import os_.path\ndel os_.path\nimport os_.path as p\nr = p.MINE")

    assert result["r"] == 1


@pytest.mark.parametrize(
    "source",
    [
        "from m import __dict__ as d",
        "from m import __builtins__ as d",
        "from m import __loader__ as d",
        "from m import __class__ as d",
        "from evil_all import *",
        "from evil_type import *",
        "from lazy_all import *",
    ],
)
def test_from_imports_do_not_read_special_attributes(box, source):
    sandbox = box({
        "m": "",
        "evil_all": "__all__ = ['__dict__', '__builtins__']",
        "evil_type": "class L(list):\n    def __getitem__(s, i): return '__dict__'\n__all__ = L(['x'])\nx = 1",
        "lazy_all": "def __getattr__(n):\n    return ['__dict__'] if n == '__all__' else None",
    })  # fmt: skip
    with pytest.raises(AccessDenied):
        sandbox.run(source)
