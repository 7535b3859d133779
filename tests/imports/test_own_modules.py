"""The sandbox's own modules: what they have, where they come from, and one thread at a time."""

from __future__ import annotations

import sys
import threading
import types

import pytest
from pycage.errors import AccessDenied, LimitExceeded
from pycage.imports import CallableResolver, MappingResolver, rules


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


def test_an_attribute_of_a_module_does_not_lead_to_the_loader(box):
    """Beyond forbidden attribute names: what is public on the objects a module refers to."""
    module = box({"pkg": ""}).loader.load("pkg")
    public = {name for name in dir(module.__loader__) if not name.startswith("_")}

    assert public == {"create_module", "exec_module", "get_resource_reader"}
    with pytest.raises(ImportError):
        module.__loader__.exec_module(module)
    with pytest.raises(ImportError):
        module.__loader__.create_module(module.__spec__)


def test_the_guards_are_told_of_own_modules_before_their_bodies_run(box):
    order = []
    sandbox = box(
        {"pkg": "note()\n_private = 1"}, own_module=lambda module: (order.append(module.__name__), own(module))
    )
    own = sandbox.guards.own_module
    sandbox.builtins["note"] = lambda: order.append("body")
    sandbox.run("from pkg import _private")

    assert order == ["pkg", "body"]


def test_a_resolver_in_memory_satisfies_the_loader(box):
    assert box(resolver=MappingResolver({"a": "X = 1"})).loader.load("a").X == 1


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


# ---- Threads ------------------------------------------------------------------------------------------------------------


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
