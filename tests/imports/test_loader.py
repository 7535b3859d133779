"""The loader: jcage's algorithm, Python's import semantics, and what a guest may try with `__import__`."""

from __future__ import annotations

import builtins
import sys
import threading
import types

import pytest
from pycage.errors import AccessDenied, LimitExceeded, ModuleMissingError, WrongLoaderError
from pycage.imports import C_IMPORTS, CallableResolver, MappingResolver, ModuleView, rules
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
        return "own" if sandbox.loader.is_own(module) else "host"

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
    assert one.loader.is_own(two.loader.load("a")) is False


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


def test_module_attributes_are_as_in_cpython(box):
    sandbox = box({"pkg": "'''doc'''", "pkg.mod": "names = __name__, __package__, __file__, __doc__"})
    package, module = sandbox.loader.load("pkg"), sandbox.loader.load("pkg.mod")

    assert module.names == ("pkg.mod", "pkg", "<pkg.mod>", None)
    assert (package.__doc__, package.__package__, package.__path__) == ("doc", "pkg", [])
    assert hasattr(module, "__path__") is False
    assert type(module) is types.ModuleType


def test_own_modules_are_not_the_hosts(box):
    box({"box_private_thing": ""}).loader.load("box_private_thing")

    assert "box_private_thing" not in sys.modules


def test_a_hosts_own_imports_do_not_consult_the_sandbox(box):
    """jcage's J19: json imports json.decoder, re and more for itself."""
    sandbox = box(hcp=rules("allow json"))
    result = sandbox.run("import json\nr = json.loads('[1]')")

    assert result["r"] == [1]


# ---- What a guest may try ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nt", "posix", "_io", "builtins", "_posixsubprocess", "importlib.abc", "resource",
                                  "importlib._bootstrap", "_testcapi", "_ctypes", "gc", "__main__", "_pickle", "encodings"])  # fmt: skip
def test_a_powerful_module_is_denied_even_if_the_host_policy_allows_everything(box, name):
    sandbox = box(hcp=rules(default="allow"))

    with pytest.raises((AccessDenied, ModuleNotFoundError)):
        sandbox.run(f"import {name}")


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


def test_an_attribute_of_a_module_does_not_lead_to_the_loader(box):
    """Beyond forbidden attribute names: what is public on the objects a module refers to."""
    module = box({"pkg": ""}).loader.load("pkg")
    public = {name for name in dir(module.__loader__) if not name.startswith("_")}

    assert public == {"create_module", "exec_module", "get_resource_reader"}
    with pytest.raises(ImportError):
        module.__loader__.exec_module(module)
    with pytest.raises(ImportError):
        module.__loader__.create_module(module.__spec__)


@pytest.mark.parametrize(
    "name", ["pycage", "pycage.errors", "pycage.imports.loader", "pycage_native", "host", "host.x"]
)
def test_a_sandbox_never_gets_its_own_copy_of_pycage(box, name):
    """jcage 2.5: an unrestricted policy on the class path re-defined jcage itself inside the sandbox."""
    asked = []
    sandbox = box(resolver=CallableResolver(asked.append), hcp=rules(default="allow"))

    with pytest.raises(AccessDenied):
        sandbox.run(f"import {name}")
    assert asked == []


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


def test_what_the_host_could_not_import_is_not_told(box):
    def host_import(name):
        raise RuntimeError("/etc/secret/path")

    with pytest.raises(ImportError) as caught:
        box(hcp=rules("allow thing"), host_import=host_import).run("import thing")

    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_what_the_resolver_said_is_told_to_the_host_only(box):
    def find(name):
        raise OSError("/etc/secret/path")

    sandbox = box(resolver=CallableResolver(find))
    with pytest.raises(ImportError) as caught:
        sandbox.run("import thing")
    with pytest.raises(ImportError) as for_host:
        sandbox.loader.load("thing")

    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert isinstance(for_host.value.__cause__, OSError)


def test_a_source_that_is_too_large_is_a_limit(box):
    def find(name):
        raise LimitExceeded("too large")

    with pytest.raises(LimitExceeded):
        box(resolver=CallableResolver(find)).run("import thing")


def test_names_that_are_nowhere_leave_nothing_behind(box):
    sandbox = box()
    for number in range(100):
        with pytest.raises(AccessDenied):
            sandbox.loader.import_(f"nothing{number}")

    assert len(sandbox.loader.own._locks) == 0


# ---- C code --------------------------------------------------------------------------------------------------------------


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


# ---- Threads -------------------------------------------------------------------------------------------------------------


def test_a_module_imported_by_many_threads_runs_once(box):
    """jcage's J11."""
    runs, results = [], []
    entered, go = threading.Event(), threading.Event()

    def body():
        runs.append(1)
        entered.set()
        assert go.wait(30)

    sandbox = box({"a": "wait()\nX = 1"})
    sandbox.builtins["wait"] = body
    threads = [threading.Thread(target=lambda: results.append(sandbox.loader.load("a").X)) for _ in range(4)]
    threads[0].start()
    assert entered.wait(30)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(30)

    assert (runs, results) == ([1], [1, 1, 1, 1])


def test_a_failure_in_one_thread_lets_the_next_try_again(box):
    entered, go = threading.Event(), threading.Event()
    runs, results = [], []

    def body():
        runs.append(1)
        if len(runs) == 1:
            entered.set()
            assert go.wait(30)
            raise ZeroDivisionError

    sandbox = box({"a": "wait()\nX = 1"})
    sandbox.builtins["wait"] = body

    def attempt():
        try:
            results.append(sandbox.loader.load("a").X)
        except ZeroDivisionError:
            results.append("failed")

    first, second = threading.Thread(target=attempt), threading.Thread(target=attempt)
    first.start()
    assert entered.wait(30)
    second.start()
    go.set()
    first.join(30)
    second.join(30)

    assert (len(runs), sorted(map(str, results))) == (2, ["1", "failed"])


@pytest.mark.parametrize("sandboxes", [1, 2])
def test_a_circle_of_imports_in_two_threads_does_not_hang(box, sandboxes):
    """gh-53494, and the same across two sandboxes that load through each other."""
    barrier = threading.Barrier(2)
    modules = {"a": "meet()\nload_b()\nDONE = 1", "b": "meet()\nload_a()\nDONE = 1"}
    first = box(modules)
    second = first if sandboxes == 1 else box(modules)
    for sandbox in (first, second):
        sandbox.builtins.update(
            meet=lambda: barrier.wait(30),
            load_a=lambda: first.loader.load("a"),
            load_b=lambda: second.loader.load("b"),
        )
    threads = [
        threading.Thread(target=first.loader.load, args=("a",), daemon=True),
        threading.Thread(target=second.loader.load, args=("b",), daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [thread.is_alive() for thread in threads] == [False, False]
    assert (first.loader.load("a").DONE, second.loader.load("b").DONE) == (1, 1)


def test_a_thread_that_a_body_waits_for_may_import(box):
    sandbox = box({"a": "import_b_in_a_thread()\nX = 1", "b": "Y = 2"})

    def import_b():
        thread = threading.Thread(target=sandbox.loader.load, args=("b",), daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()

    sandbox.builtins["import_b_in_a_thread"] = import_b

    assert sandbox.loader.load("a").X == 1


def test_the_builtin_import_of_the_host_is_untouched(box):
    before = builtins.__import__
    box({"a": "import b", "b": ""}).loader.load("a")

    assert builtins.__import__ is before


def test_a_resolver_in_memory_satisfies_the_loader(box):
    assert box(resolver=MappingResolver({"a": "X = 1"})).loader.load("a").X == 1


def test_the_guards_are_told_of_own_modules_before_their_bodies_run(box):
    order = []
    sandbox = box(
        {"pkg": "note()\n_private = 1"}, own_module=lambda module: (order.append(module.__name__), own(module))
    )
    own = sandbox.guards.own_module
    sandbox.builtins["note"] = lambda: order.append("body")
    sandbox.run("from pkg import _private")

    assert order == ["pkg", "body"]


def test_a_view_is_not_taken_for_an_own_module(box):
    told = []
    sandbox = box(hcp=rules("allow math"), own_module=told.append)
    sandbox.run("import math\nfrom math import pi\nfrom math import *")

    assert told == []
