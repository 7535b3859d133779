"""The loader: jcage's algorithm and Python's import semantics."""

from __future__ import annotations

import sys
import types

import pytest
from pycage.errors import AccessDenied, ModuleMissingError, WrongLoaderError
from pycage.imports import CallableResolver, rules
from pycage.permissions import ImportPermission


@pytest.fixture
def host_module():
    """A module of the host, importable, with something to share."""
    module = types.ModuleType("box_hostapi")
    exec("def greet(): return 'hello'\nclass Shared: pass\nLIMIT = 3\nimport os", vars(module))
    module.greet.__module__ = module.Shared.__module__ = "box_hostapi"
    package = types.ModuleType("box_hostpkg")
    package.__path__ = []
    child = types.ModuleType("box_hostpkg.child")
    child.VALUE = 5
    package.child = child
    added = {"box_hostapi": module, "box_hostpkg": package, "box_hostpkg.child": child}
    sys.modules.update(added)
    yield module
    for name in added:
        sys.modules.pop(name, None)


# ---- The algorithm, as jcage's truth table has it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scp", "found", "hcp", "hosted", "outcome"),
    [
        (True, True, True, True, "own"),
        (True, True, False, False, "own"),
        (True, False, True, True, "host"),
        (True, False, True, False, "missing"),
        (True, False, False, True, "denied"),
        (True, False, False, False, "denied"),
        (False, True, True, True, "host"),
        (False, True, True, False, "missing"),
        (False, True, False, True, "denied"),
        (False, False, False, False, "denied"),
    ],
)
def test_the_truth_table(box, host_module, scp, found, hcp, hosted, outcome):
    name = "box_hostapi" if hosted else "box_nowhere"
    sandbox = box(
        {name: "LIMIT = 'own'"} if found else {},
        scp=rules(default="allow" if scp else "deny"),
        hcp=rules(default="allow" if hcp else "deny"),
    )

    def attempt():
        try:
            module = sandbox.loader.import_(name)
        except ModuleNotFoundError:
            return "missing"
        except AccessDenied:
            return "denied"
        return "own" if sandbox.loader.modules.get(name) is module else "host"

    assert attempt() == outcome
    assert attempt() == outcome


def test_the_resolver_is_not_asked_for_what_the_sandbox_policy_denies(box):
    asked = []
    sandbox = box(resolver=CallableResolver(asked.append), scp=rules("allow a"))
    for name in ("a", "b"):
        with pytest.raises(AccessDenied):
            sandbox.loader.import_(name)

    assert asked == ["a"]


def test_only_own_modules_are_cached(box, host_module):
    asked = []

    class Policy:
        def allows_module(self, name):
            asked.append(name)
            return True

        def allows_resource(self, name):
            return True

    sandbox = box({"mine": ""}, hcp=Policy(), scp=Policy())
    for _ in range(2):
        sandbox.loader.import_("mine")
        sandbox.loader.import_("box_hostapi")

    assert asked == ["mine", *["box_hostapi"] * 2, "os", *["box_hostapi"] * 2]  # os: does the view show it?


def test_a_denial_of_the_host_policy_takes_effect_on_the_next_import(box, host_module):
    allowed = {"box_hostapi"}

    class Policy:
        def allows_module(self, name):
            return name in allowed

        def allows_resource(self, name):
            return False

    sandbox = box(hcp=Policy())
    sandbox.loader.import_("box_hostapi")
    allowed.clear()

    with pytest.raises(AccessDenied):
        sandbox.loader.import_("box_hostapi")


def test_a_denial_says_what_refused_and_what_would_allow(box):
    sandbox = box(scp=rules("deny secret.*", default="allow"), hcp=rules("allow a"))
    with pytest.raises(AccessDenied) as caught:
        sandbox.run("import secret.plans")

    assert str(caught.value) == "module access denied: secret"
    assert caught.value.permission == ImportPermission("secret")
    assert caught.value.domain == 'sandbox "box"'
    notes = "\n".join(caught.value.__notes__)
    assert 'denied by rule 1, "deny secret.*"' in notes
    assert "denied by default" in notes
    assert '"allow secret"' in notes


def test_every_denial_is_recorded_before_the_guest_sees_it(box):
    recorded = []
    sandbox = box(record=lambda denial: recorded.append((str(denial), sandbox.depth)))
    sandbox.run("try:\n    import os\nexcept PermissionError:\n    pass")

    assert recorded == [("module access denied: os", 1)]


# ---- load() --------------------------------------------------------------------------------------------------------------


def test_load_twice_gives_the_same_module(box):
    sandbox = box({"pkg.thing": "X = 1"})

    assert sandbox.loader.load("pkg.thing") is sandbox.loader.load("pkg.thing")
    assert sandbox.loader.load("pkg.thing").X == 1
    assert sorted(sandbox.loader.modules) == ["pkg", "pkg.thing"]


def test_two_sandboxes_have_two_modules(box):
    """jcage's M6."""
    one, two = box({"a": "class C: pass"}), box({"a": "class C: pass"})

    assert one.loader.load("a").C is not two.loader.load("a").C
    assert one.loader.load("a") is not two.loader.load("a")


def test_load_of_what_is_nowhere_is_missing(box):
    for sandbox in (box(hcp=rules(default="allow")), box({"absolutely": ""}, hcp=rules(default="allow"))):
        with pytest.raises(ModuleMissingError) as caught:
            sandbox.loader.load("absolutely.does.not_.exist")

        assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize("name", ["box/Box", "../x", "[Lbox.Box;", "a..b", "a\0b", "", "a.__init__", 3])
def test_load_of_what_is_no_name_is_missing(box, name):
    """jcage's J12, M26, M27."""
    with pytest.raises(ModuleMissingError):
        box(hcp=rules(default="allow")).loader.load(name)


@pytest.mark.parametrize("name", ["json", "sys", "box_hostapi", "box_hostpkg.child"])
def test_load_of_what_is_the_hosts_is_the_wrong_loader(box, host_module, name):
    """jcage's M25."""
    with pytest.raises(WrongLoaderError) as caught:
        box(hcp=rules(default="allow")).loader.load(name)

    assert str(caught.value).splitlines() == [
        "Expected a module loaded by the sandbox loader.",
        f"  Module:   {name}",
        "  Expected: [SandboxLoader pycage://sandbox/box]",
        "  Got:      the host's",
    ]


def test_load_of_what_is_denied_is_denied(box):
    """jcage's testSandboxClassDenied_0."""
    with pytest.raises(AccessDenied, match="(?m)^module access denied: a$"):
        box({"a": ""}, scp=rules()).loader.load("a")


def test_an_error_in_the_body_is_raised_as_it_is_and_the_next_load_runs_it_again(box):
    runs = []
    sandbox = box({"a": "count()\nimport missing_thing"}, hcp=rules(default="allow"))
    sandbox.builtins["count"] = lambda: runs.append(1)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="missing_thing"):
            sandbox.loader.load("a")

    assert runs == [1, 1]
    assert sandbox.loader.modules == {}


def test_a_closed_loader_refuses(box):
    sandbox = box({"a": ""}, hcp=rules(default="allow"))
    sandbox.loader.load("a")
    sandbox.loader.close()

    with pytest.raises(AccessDenied):
        sandbox.loader.load("a")
    with pytest.raises(AccessDenied):
        sandbox.run("import json")


# ---- Privilege -----------------------------------------------------------------------------------------------------------


def test_the_loaders_work_is_privileged_and_the_body_is_not(box, host_module):
    depths = {}

    class Policy:
        def allows_module(self, name):
            depths.setdefault("policy", sandbox.depth)
            return True

        def allows_resource(self, name):
            return True

    def find(name):
        depths["resolver"] = sandbox.depth
        return "import json\nnote()" if name == "a" else None

    def host_import(name):
        depths["host import"] = sandbox.depth
        return __import__(name)

    sandbox = box(resolver=CallableResolver(find), scp=Policy(), hcp=Policy(), host_import=host_import)
    sandbox.builtins["note"] = lambda: depths.update(body=sandbox.depth)
    sandbox.loader.load("a")

    assert depths == {"policy": 1, "resolver": 1, "host import": 1, "body": 0}


# ---- Python's semantics --------------------------------------------------------------------------------------------------

PACKAGE = {
    "pkg": "from . import first\nNAME = 'pkg'",
    "pkg.first": "from .second import value",
    "pkg.second": "value = 2",
    "pkg.deep": "",
    "pkg.deep.er": "from ..second import value as v\nfrom .. import first as f",
    "pkg.star": "__all__ = ['a', '_b', 'sub']\na = 1\n_b = 2\nc = 3",
    "pkg.star.sub": "",
    "pkg.plain": "a = 1\n_b = 2\nimport math",
    "pkg.lazy": "def __getattr__(name):\n    if name == 'computed': return 42\n    raise AttributeError(name)",
}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import pkg.second\nr = pkg.second.value", {"r": 2}),
        ("import pkg.second as s\nr = s.value", {"r": 2}),
        ("from pkg.second import value as r", {"r": 2}),
        ("from pkg import second\nr = second.value", {"r": 2}),
        ("from pkg.deep import er\nr = er.v, er.f.value", {"r": (2, 2)}),
        ("from pkg.star import *\nr = a, _b, 'c' in globals(), sub.__name__", {"r": (1, 2, False, "pkg.star.sub")}),
        ("from pkg.plain import *\nr = a, '_b' in globals(), math.pi > 3", {"r": (1, False, True)}),
        ("from pkg.lazy import computed as r", {"r": 42}),
        ("import pkg.deep.er\nr = pkg.deep.er.v, pkg.NAME", {"r": (2, "pkg")}),
        ("r = __import__('pkg.deep').__name__", {"r": "pkg"}),
        ("r = __import__('pkg.deep', fromlist=['er']).er.v", {"r": 2}),
        ("import importlib\nr = importlib.import_module('pkg.second').value", {"r": 2}),
        ("import importlib\nr = importlib.import_module('.second', 'pkg').value", {"r": 2}),
        ("import math as m, json\nfrom json import loads\nr = loads('1') + m.floor(1.5)", {"r": 2}),
        (
            "from collections import abc\nimport collections.abc as b\nr = abc is b, abc.Sized is b.Sized",
            {"r": (True, True)},
        ),
        ("from math import *\nr = floor(2.5)", {"r": 2}),
        ("from __future__ import annotations\nr = 1", {"r": 1}),
    ],
)
def test_import_statements_mean_what_they_mean(box, source, names):
    sandbox = box(PACKAGE, hcp=rules("allow math", "allow json", "allow collections.*"))
    result = sandbox.run(source)

    assert {key: result[key] for key in names} == names


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("from pkg import nothing", ImportError),
        ("import pkg.second.deeper", ModuleNotFoundError),
        ("from . import x", ImportError),
        ("__import__('')", ValueError),
        ("__import__('x', level=-1)", ValueError),
        ("__import__('a', {'__package__': 'p'}, None, (), 3)", ImportError),
        ("from pkg.lazy import other", ImportError),
        ("from pkg.plain import c", ImportError),
        ("import pkg.broken", ZeroDivisionError),
    ],
)
def test_what_is_not_there_is_an_import_error(box, source, error):
    sandbox = box({**PACKAGE, "pkg.broken": "1/0"}, hcp=rules("allow math"))

    with pytest.raises(error):
        sandbox.run(source)


def test_a_circular_import_works_as_in_cpython(box):
    sandbox = box({
        "a": "X = 1\nimport b\nY = b.Z",
        "b": "import a\nfrom a import X\nZ = a.X + 1",
        "p": "from . import q",
        "p.q": "import p.q as me\nfrom p import q\nSAME = me is q",
    })  # fmt: skip

    assert sandbox.loader.load("a").Y == 2
    assert sandbox.loader.load("p.q").SAME is True


def test_a_circular_import_of_a_name_that_is_not_there_yet_fails(box):
    sandbox = box({"a": "import b\nX = 1", "b": "from a import X"})

    with pytest.raises(ImportError, match="cannot import name 'X'"):
        sandbox.loader.load("a")
