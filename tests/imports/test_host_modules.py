"""What a sandbox gets of the host's modules, what C code imports for itself, and what is not told."""

from __future__ import annotations

import builtins
import sys

import pytest
from pycage.errors import AccessDenied
from pycage.imports import C_IMPORTS, rules


def test_a_hosts_own_imports_do_not_consult_the_sandbox(box):
    """jcage's J19: json imports json.decoder, re and more for itself."""
    sandbox = box(hcp=rules("allow json"))
    result = sandbox.run("import json\nr = json.loads('[1]')")

    assert result["r"] == [1]


def test_the_builtin_import_of_the_host_is_untouched(box):
    before = builtins.__import__
    box({"a": "import b", "b": ""}).loader.load("a")

    assert builtins.__import__ is before


def test_a_view_is_not_taken_for_an_own_module(box):
    told = []
    sandbox = box(hcp=rules("allow math"), own_module=told.append)
    sandbox.run("import math\nfrom math import pi\nfrom math import *")

    assert told == []


@pytest.mark.parametrize("name", ["nt", "posix", "_io", "builtins", "_posixsubprocess", "importlib.abc", "resource",
                                  "importlib._bootstrap", "_testcapi", "_ctypes", "gc", "__main__", "_pickle", "encodings"])  # fmt: skip
def test_a_powerful_module_is_denied_even_if_the_host_policy_allows_everything(box, name):
    sandbox = box(hcp=rules(default="allow"))

    with pytest.raises((AccessDenied, ModuleNotFoundError)):
        sandbox.run(f"import {name}")


def test_what_the_host_could_not_import_is_not_told(box):
    def host_import(name):
        raise RuntimeError("/etc/secret/path")

    with pytest.raises(ImportError) as caught:
        box(hcp=rules("allow thing"), host_import=host_import).run("import thing")

    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


# ---- C code -------------------------------------------------------------------------------------------------------------


def test_c_code_imports_what_it_needs_on_the_hosts_account(box):
    sandbox = box(hcp=rules("allow time", "allow datetime", "allow re", "allow typing"))
    result = sandbox.run(
        "import time, datetime, re\n"
        "a = time.strptime('2020', '%Y').tm_year\n"
        "b = datetime.datetime.strptime('2021', '%Y').year\n"
        "c = re.compile('a(b)').sub(r'\\1x', 'ab')\n"
        "d = datetime.date(2020, 1, 1).strftime('%Y')"
    )

    assert [result[name] for name in "abcd"] == [2020, 2021, "bx", "2020"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
def test_type_parameters_need_no_import_of_typing(box):
    result = box().run("class C[T]: pass\ntype X[T] = list[T]\ndef f[T: int](x: T) -> T: return x\nr = f(1)\nC[int]")

    assert result["r"] == 1


@pytest.mark.parametrize("name", sorted(C_IMPORTS))
def test_a_guest_that_imitates_c_code_gets_nothing(box, name):
    assert box(hcp=rules(default="allow")).run(f"r = __import__({name!r}, {{}}, {{}}, ['__doc__'], 0)")["r"] is None


def test_a_list_is_no_way_to_a_module_that_c_code_does_not_need(box):
    with pytest.raises(AccessDenied):
        box().run("__import__('os', {}, {}, ['path'], 0)")
