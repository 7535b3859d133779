"""The ways to have something done later, on another stack: none of them does for a sandbox what it may not do itself.

``data/deferred_mechanisms.tsv`` lists 66 of them with what CPython shows on its stack when the effect happens; in 29 no
frame of the sandbox is there.  Each is tried twice: by a sandbox, with the effect as the host shows it (a shim), and,
with the same source, by the host alone, where it must work.  What the host's own functions store is in `test_places`.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import codecs
import contextlib
import contextvars
import copy
import functools
import gc
import importlib
import json
import logging
import operator
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import types
import typing
import unittest.mock
import warnings
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from deferral import Deferral
from pycage import FilePermission, do_privileged

TABLE = [
    line.split("\t")
    for line in (Path(__file__).parent.parent / "data" / "deferred_mechanisms.tsv").read_text().splitlines()[1:]
]
# mechanism: source in which hand(thing) gives something to the host, and what the host does with it there and then;
# that returns what the host does later.
WAYS: dict[str, tuple[str, object]] = {}
HANDS_OVER = "hand(effect)"


def way(mechanism: str, source: str = HANDS_OVER):
    """Add a way; the decorated function is what the host does."""

    def add(store):
        WAYS[mechanism] = (textwrap.dedent(source), store)
        return store

    return add


def later(operation):
    """Return what the host does there and then: nothing but keep the thing for ``operation``."""
    return lambda thing: functools.partial(operation, thing)


def call(thing):
    return thing()


def once(thing):
    for _ in thing:
        break


# ---- Objects that call ----------------------------------------------------------------------------------------------

way("a raw effectful builtin handed back and called by the host")(later(call))
way("functools.partial over an effectful builtin", "import functools\nhand(functools.partial(effect))")(later(call))
way("types.MethodType binds a path to a builtin")(lambda thing: types.MethodType(thing, "x"))
way("lazy map(builtin) iterated by trusted code", "hand(map(effect, [0]))")(later(list))
way("lazy filter(builtin) iterated by trusted code", "hand(filter(effect, [0]))")(later(list))
way("itertools.starmap(builtin)", "import itertools\nhand(itertools.starmap(effect, [()]))")(later(list))
way("itertools.accumulate with an effectful function", "import itertools\nhand(itertools.accumulate([0, 1], effect))")(
    later(list)
)
way("iter(callable, sentinel)", "hand(iter(effect, 0))")(later(once))
way(
    "object whose __iter__ returns map(builtin)",
    """
    class Lazy:
        def __iter__(self):
            return map(effect, [0])
    hand(Lazy())
    """,
)(later(list))
way(
    "generator body executes when the host iterates",
    """
    def generate():
        yield effect()
    hand(generate())
    """,
)(later(list))
way(
    "generator finally clause executed by garbage collection in a trusted frame",
    """
    def generate():
        try:
            yield
        finally:
            effect()
    kept = [generate()]
    kept.append(kept)
    next(kept[0])
    hand()
    del kept
    """,
)(lambda thing: gc.collect)
way("builtin as key= in a trusted sorted()")(later(lambda thing: sorted([0], key=thing)))
way(
    "defaultdict default_factory triggered by trusted lookup",
    "from collections import defaultdict\nhand(defaultdict(effect))",
)(later(lambda thing: thing[0]))
way(
    "property(fget=builtin) on a str subclass",
    """
    class Text(str):
        upper = property(effect)
    hand(Text("x"))
    """,
)(later(lambda thing: thing.upper))
way(
    "functools.cached_property / __getattr__ evaluated by trusted attribute access",
    """
    class Lazy:
        def __getattr__(self, name):
            return effect()
    hand(Lazy())
    """,
)(later(lambda thing: thing.name))


# ---- Threads, pools, loops ------------------------------------------------------------------------------------------


@way("threading.Thread(target=builtin)")
@way("threading.Thread with a sandbox function", "def function():\n    effect()\nhand(function)")
def _(thing):
    return threading.Thread(target=thing).start


@way("_thread.start_new_thread(builtin): empty Python stack")
def _(thing):
    _thread.start_new_thread(thing, ())
    return int


@way("threading.Timer fires later")
def _(thing):
    return threading.Timer(0, thing).start


POOL = ThreadPoolExecutor(1)


@way("ThreadPoolExecutor.submit(builtin) on a shared host executor")
def _(thing):
    return POOL.submit(thing).result


@way("future.add_done_callback run by the host resolving the future", "hand(lambda future: effect())")
def _(thing):
    future = Future()
    future.add_done_callback(thing)
    return lambda: future.set_result(None)


def turns(loop):
    """Return what runs a loop until nothing is left, and closes it."""

    async def work():
        for _ in range(5):
            await asyncio.sleep(0)

    def run():
        loop.set_exception_handler(lambda *_: None)
        loop.run_until_complete(work())
        loop.close()

    return run


@way("loop.call_soon(builtin) run by the event loop")
def _(thing):
    loop = asyncio.new_event_loop()
    loop.call_soon(thing)
    return turns(loop)


@way("call_soon with an explicitly empty contextvars.Context", "hand(lambda: effect())")
def _(thing):
    loop = asyncio.new_event_loop()
    loop.call_soon(thing, context=contextvars.Context())
    return turns(loop)


way("contextvars.Context().run drops inherited restrictions")(later(lambda thing: contextvars.Context().run(thing)))


@way("task created in a shared loop outlives the sandbox call", "async def work():\n    effect()\nhand(work())")
def _(thing):
    loop = asyncio.new_event_loop()
    task = loop.create_task(thing)
    task.add_done_callback(lambda task: task.exception())
    return turns(loop)


way("coroutine awaited by the host", "async def work():\n    effect()\nhand(work())")(
    later(lambda thing: thing.send(None))
)


@way(
    "__await__ returning map(builtin)",
    """
    class Lazy:
        def __await__(self):
            return map(effect, [0])
    hand(Lazy())
    """,
)
def _(thing):
    async def wait():
        await thing

    return lambda: wait().send(None)


# ---- At the end of something ----------------------------------------------------------------------------------------


@way("weakref.finalize(obj, builtin)")
def _(thing):
    referent = type("Referent", (), {})()
    weakref.finalize(referent, thing)
    return [referent].clear


@way("weakref.ref callback", "hand(lambda reference: effect())")
def _(thing):
    referent = {type("Referent", (), {})()}
    kept = weakref.ref(next(iter(referent)), thing)
    return lambda: (kept, referent.clear())


FINALIZED = """
    class Ending:
        def __del__(self):
            effect()
    {}
"""


@way("__del__ runs in a trusted frame", FINALIZED.format("hand(Ending())"))
def _(thing):
    return [thing].clear


@way(
    "__del__ through the cycle collector",
    FINALIZED.format("one = Ending()\n    one.same = one\n    hand()\n    del one"),
)
def _(thing):
    return gc.collect


@way("__del__ triggered while the host is inside do_privileged", FINALIZED.format("hand(Ending())"))
def _(thing):
    return functools.partial(do_privileged, [thing].clear)


def handling(thing, run=call):
    """Set a handler; return what sends the signal."""
    signal.signal(signal.SIGUSR1, thing)

    def send():
        try:
            run(lambda: signal.raise_signal(signal.SIGUSR1))
        finally:
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)

    return send


way("builtin bound as a signal handler")(handling)
way("signal handler interrupts a privileged host block", "def handle(*_):\n    effect()\nhand(handle)")(
    functools.partial(handling, run=do_privileged)
)


@way("ExitStack.callback(builtin) closed by the host")
def _(thing):
    stack = contextlib.ExitStack()
    stack.callback(thing)
    return stack.close


@way(
    "@contextmanager exit part runs in host with-statement",
    """
    import contextlib
    @contextlib.contextmanager
    def manage():
        yield
        effect()
    hand(manage())
    """,
)
def _(thing):
    def block():
        with thing:
            pass

    return block


# ---- What the host does to an object --------------------------------------------------------------------------------

way(
    "string annotation evaluated by host typing.get_type_hints",
    'def function(x: "effect()"):\n    pass\nhand(function)',
)(later(typing.get_type_hints))
way(
    "dataclass default_factory executed when the host instantiates",
    """
    import dataclasses
    @dataclasses.dataclass
    class Record:
        value: object = dataclasses.field(default_factory=effect)
    hand(Record)
    """,
)(later(call))
way("re.sub replacement callback run by the host")(later(lambda thing: re.sub("x", thing, "x")))
way("json.dumps(default=...) callback run by the host")(later(lambda thing: json.dumps(object(), default=thing)))
way("unittest.mock side_effect=builtin")(lambda thing: unittest.mock.Mock(side_effect=thing))

SPECIAL = """
    class Special({bases}):
        def {method}(self, *args):
            effect()
            return {result}
    hand(Special())
"""
for mechanism, method, result, bases, operation in (
    ("__eq__ run by host comparison", "__eq__", "True", "", lambda thing: thing == 1),
    ("__str__/__repr__/__format__ run by host logging or error reporting", "__repr__", "''", "", repr),
    ("__bool__/__len__/__hash__ run by the host", "__bool__", "True", "", bool),
    ("exception whose __str__ has effects, formatted by the host", "__str__", "''", "Exception", str),
    ("dict subclass whose items()/keys() act when the host serialises it", "items", "[]", "dict", json.dumps),
    ("__fspath__ with side effects evaluated in the host", "__fspath__", "''", "", os.fspath),
    ("overriding a method of a host base class called internally by the host", "step", "1", "Base", lambda t: t.run()),
):
    way(mechanism, SPECIAL.format(method=method, result=result, bases=bases))(later(operation))
WAYS["dict subclass whose items()/keys() act when the host serialises it"] = (
    WAYS["dict subclass whose items()/keys() act when the host serialises it"][0].replace(
        "Special())", "Special(a=1))"
    ),
    later(json.dumps),
)
way(
    "__instancecheck__ / __class__ property run by host isinstance()",
    """
    class Special:
        @property
        def __class__(self):
            effect()
            return int
    hand(Special())
    """,
)(later(lambda thing: isinstance(thing, str)))


class Base:
    """A class of the host."""

    def run(self):
        return self.step()


class Remover:
    """An object of the host, of which a sandbox is shown a method."""

    def __init__(self, effect) -> None:
        self.effect = effect

    def remove(self):
        return self.effect()


way("trusted bound method used as the callback so that only trusted frames are on the stack", "hand(remove)")(
    later(call)
)


# ---- State of the process -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def replaced(owner, name, value):
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def with_replaced(owner, name, operation):
    """Return what has the thing put in place of an attribute, while an operation of the host runs."""

    def operate(thing):
        with replaced(owner, name, thing):
            operation()

    return later(operate)


way("shared module function replaced by partial(builtin) and called by the host")(
    with_replaced(operator, "truth", lambda: operator.truth(1))
)
way("sys.displayhook / breakpointhook replacement")(with_replaced(sys, "displayhook", lambda: sys.displayhook(1)))
way("warnings.showwarning replacement run by host warnings")(
    with_replaced(warnings, "showwarning", lambda: warnings.showwarning("x", UserWarning, "x", 1))
)


@way("gc.callbacks entry runs inside any allocation of the host")
@later
def _(thing):
    gc.callbacks.append(thing)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(thing)


@way(
    "meta_path finder runs when the host imports",
    """
    class Finder:
        def find_spec(self, *args):
            effect()
    hand(Finder())
    """,
)
@later
def _(thing):
    sys.meta_path.append(thing)
    try:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("no_such_module_at_all")
    finally:
        sys.meta_path.remove(thing)


@way(
    "logging handler installed on a host logger",
    """
    class Handler:
        level = 0
        def handle(self, record):
            effect()
    hand(Handler())
    """,
)
def _(thing):
    logger = logging.Logger("one")
    logger.addHandler(thing)
    return functools.partial(logger.error, "x")


@way("logger filter callable")
def _(thing):
    logger = logging.Logger("one")
    logger.addHandler(logging.NullHandler())
    logger.addFilter(thing)
    return functools.partial(logger.error, "x")


@way("codecs error handler run by host encode()")
def _(thing):
    codecs.register_error("pycage_mechanism", thing)
    return lambda: "\xff".encode("ascii", "pycage_mechanism")


@way("sqlite3 create_function(builtin) on a shared connection")
def _(thing):
    connection = sqlite3.connect(":memory:")
    connection.create_function("effect", 0, thing)

    def select():
        with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(connection):
            connection.execute("select effect()").fetchall()

    return select


way("open(opener=...) and other callback parameters of allowed shims", "open(granted, opener=effect)")(later(int))


@way("sys.settrace/threading.settrace callback runs in trusted frames")
def _(thing):
    before = sys.gettrace()
    sys.settrace(thing)
    once([0])
    sys.settrace(before)
    return int


@way("sys.monitoring callbacks observe trusted code")
def _(thing):
    monitoring = sys.monitoring
    monitoring.use_tool_id(4, "pycage")
    try:
        monitoring.register_callback(4, monitoring.events.PY_START, thing)
        monitoring.set_events(4, monitoring.events.PY_START)
        once([0])
        monitoring.set_events(4, 0)
        monitoring.register_callback(4, monitoring.events.PY_START, None)
    finally:
        monitoring.free_tool_id(4)
    return int


# ---- The tests ------------------------------------------------------------------------------------------------------

# Judged by tests of their own, below.
APART = {
    "atexit.register(builtin) runs at interpreter shutdown",
    "atexit with a sandbox function",
    "__reduce__ executed by copy.deepcopy in the host",
    "__reduce__ executed by the host unpickling a returned value",
}
# What a sandbox must not set at all is refused as soon as it tries.
REFUSED = {
    "sys.settrace/threading.settrace callback runs in trusted frames",
    "sys.monitoring callbacks observe trusted code",
}


def test_all_mechanisms_are_here() -> None:
    assert len(TABLE) == 66
    assert {mechanism for mechanism, _ in TABLE} == WAYS.keys() | APART


@pytest.mark.parametrize("mechanism", [mechanism for mechanism, _ in TABLE if mechanism not in APART])
def test_a_sandbox_cannot_have_it_done_later_and_the_host_can(mechanism: str, tmp_path, monkeypatch) -> None:
    if "monitoring" in mechanism and sys.version_info < (3, 12):
        pytest.skip("since 3.12")
    for hook in ("unraisablehook", "excepthook"):
        monkeypatch.setattr(sys, hook, lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    source, store = WAYS[mechanism]
    granted = tmp_path / "granted"
    granted.write_text("text")
    outcomes = []
    for number, by in enumerate((Deferral.by_sandbox, Deferral.by_host)):
        deferral = Deferral(tmp_path, number)
        deferral.sandbox.grant(FilePermission(str(granted), "read"))

        def effect(*_args, path=deferral.path, **_more):
            os.mkdir(path)

        remover = Remover(effect)
        deferral.sandbox.expose("remover", remover, methods=["remove"])
        before = "from host import remover\nremove = remover.remove\n" if by is Deferral.by_sandbox else ""
        shown = {"Base": Base, "granted": str(granted)} | ({} if before else {"remove": remover.remove})
        outcomes.append(by(deferral, before + source, effect, store, **shown))

    assert outcomes == ["refused" if mechanism in REFUSED else "denied", "done"]


def test_what_a_sandbox_registers_for_the_end_of_the_process_or_for_a_fork(tmp_path) -> None:
    """A process of its own; nobody is on the stack at the end."""
    program = """
        import atexit, functools, os
        import pycage

        def hand(function, *args):
            atexit.register(function, *args)

        removed = functools.partial(os.mkdir, "kept")
        with pycage.Sandbox("guest") as sandbox:
            sandbox.expose("hand", hand)
            sandbox.expose("hand_own", lambda: hand(os.mkdir, "raw"))
            sandbox.expose("hand_fork", lambda: os.register_at_fork(before=functools.partial(os.mkdir, "fork")))
            sandbox.expose("hand_removed", lambda: hand(removed))
            sandbox.expose("effect", lambda: os.mkdir("shim"))
            sandbox.run("from host import *\\nhand(effect)\\nhand(lambda: effect())\\nhand_own()\\nhand_removed()\\nhand_fork()")
        hand(os.mkdir, "by the host")
        hand(functools.partial(os.mkdir, "by the host, too"))
        removed_by_host = functools.partial(os.mkdir, "kept")
        hand(removed_by_host)
        atexit.unregister(removed)
        atexit.unregister(removed_by_host)
        os.register_at_fork(before=functools.partial(os.mkdir, "fork by the host"))
        if os.fork() == 0:
            os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )

    assert sorted(os.listdir(tmp_path)) == ["by the host", "by the host, too", "fork by the host"]
    assert done.stderr.count("pycage.errors.AccessDenied: access denied") == 4, done.stderr
    assert "kept" not in done.stderr


REDUCED = """
class Reduced:
    def __reduce__(self):
        return effect, ()
hand(Reduced())
"""


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_the_host_does_not_ask_a_sandbox_how_to_copy_an_object(copied, tmp_path) -> None:
    """Classes of a sandbox have no __reduce__ that the host would follow."""
    made, effects = [], []
    deferral = Deferral(tmp_path)
    deferral.sandbox.expose("effect", lambda: effects.append(1))
    deferral.sandbox.run("from host import effect\n" + REDUCED, variables={"hand": made.append})

    with contextlib.suppress(pickle.PicklingError):
        copied(made[0])
    assert effects == []


def test_the_host_follows_its_own_objects() -> None:
    made, effects = [], []
    exec(REDUCED, {"effect": lambda: effects.append(1), "hand": made.append, "__name__": "host"})

    copy.deepcopy(made[0])
    assert effects == [1]
