"""The functions that store a callable: with a sandbox on the stack, what they store has no more than the sandbox.

The worst case: the host API that the sandbox calls stores a function of the host's own, of which nothing is on the stack
when it runs.  The same by the host alone works, and so does taking out again what was put in, in both cases.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import copy
import copyreg
import functools
import inspect
import json
import logging
import multiprocessing.pool
import multiprocessing.util
import os
import pickle
import pty
import queue
import sched
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
import weakref
import xmlrpc.server
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from authority import stored_in_objects
from deferral import Deferral
from pycage import Sandbox, check_permission, do_privileged, get_context
from pycage.errors import AccessDenied
from pycage.handoff.places import PLACES, How
from pycage.permissions import RuntimePermission, ThreadPermission

# (owner, name): what stores a function and returns what makes it run later.
STORES: dict[tuple[str, str], object] = {**stored_in_objects.STORES}


def place(owner: str, name: str):
    """Add a store; the decorated function is given the effect."""

    def add(store):
        STORES[owner, name] = store
        return store

    return add


class Referent:
    """Something that ends."""


# ---- Event loops ----------------------------------------------------------------------------------------------------

LOOP = "asyncio.base_events:BaseEventLoop"
SELECTOR = "asyncio.selector_events:BaseSelectorEventLoop"


def in_loop(store):
    """Let a store have a loop of the host, which then runs until nothing is left."""

    def stored(effect):
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)
        before = store(loop, effect)

        async def work():
            for _ in range(8):
                await asyncio.sleep(0)
            if loop._default_executor is not None:
                await loop.shutdown_default_executor()

        def run():
            if before is not None:
                before()
            loop.run_until_complete(work())
            loop.close()

        return run

    return stored


place(LOOP, "call_soon")(in_loop(lambda loop, effect: loop.call_soon(effect) and None))
place(LOOP, "call_soon_threadsafe")(in_loop(lambda loop, effect: loop.call_soon_threadsafe(effect) and None))
place(LOOP, "call_at")(in_loop(lambda loop, effect: loop.call_later(0, effect) and None))
place(LOOP, "run_in_executor")(in_loop(lambda loop, effect: silently(loop.run_in_executor(None, effect))))


def silently(future) -> None:
    """Fetch the exception, so that nobody is told of it."""
    future.add_done_callback(lambda future: future.exception())


@place(LOOP, "create_task")
@in_loop
def _(loop, effect):
    future = loop.create_future()

    async def work():
        await asyncio.sleep(0)
        await future
        effect()

    silently(loop.create_task(work()))
    return lambda: future.set_result(None)


@place(LOOP, "set_exception_handler")
@in_loop
def _(loop, effect):
    loop.set_exception_handler(effect)
    return lambda: loop.call_exception_handler({"message": "x"})


@place(LOOP, "set_task_factory")
@in_loop
def _(loop, effect):
    loop.set_task_factory(effect)

    async def work():
        pass

    def make():
        coroutine = work()
        try:
            loop.create_task(coroutine)
        except Exception:
            coroutine.close()
        loop.set_task_factory(None)

    return make


def ready(name):
    def store(loop, effect):
        ends = os.pipe()
        end = ends[name == "add_writer"]
        os.write(ends[1], b"x")

        def run(*args):
            getattr(loop, name.replace("add", "remove"))(end)
            for one in ends:
                os.close(one)
            effect(*args)

        getattr(loop, name)(end, run)

    return in_loop(store)


place(SELECTOR, "_add_reader")(ready("add_reader"))
place(SELECTOR, "_add_writer")(ready("add_writer"))


@place("asyncio.unix_events:_UnixSelectorEventLoop", "add_signal_handler")
@in_loop
def _(loop, effect):
    loop.add_signal_handler(signal.SIGUSR2, effect)
    return lambda: loop.call_soon(signal.raise_signal, signal.SIGUSR2)


def future_of(make):
    def store(loop, effect):
        future = make(loop)
        future.add_done_callback(effect)
        return lambda: future.done() or future.set_result(None)

    return in_loop(store)


place("_asyncio:Future", "add_done_callback")(future_of(lambda loop: asyncio.Future(loop=loop)))
place("asyncio.futures:_PyFuture", "add_done_callback")(future_of(lambda loop: asyncio.futures._PyFuture(loop=loop)))


@place("_asyncio:Task", "add_done_callback")
@in_loop
def _(loop, effect):
    async def work():
        pass

    loop.create_task(work()).add_done_callback(effect)


# ---- Threads and pools ----------------------------------------------------------------------------------------------


@place("concurrent.futures:Future", "add_done_callback")
def _(effect):
    future = Future()
    future.add_done_callback(effect)
    return lambda: future.set_result(None)


@place("concurrent.futures.thread:ThreadPoolExecutor", "submit")
def _(effect):
    pool = ThreadPoolExecutor(1)
    pool.submit(effect)
    return pool.shutdown


@place("concurrent.futures.process:ProcessPoolExecutor", "submit")
def _(effect):
    # The answer is enough: a process takes long to start.
    with contextlib.suppress(RuntimeError):
        ProcessPoolExecutor.submit(Unstarted(effect), effect)
    return int


class Unstarted:
    """Stands for a pool of processes."""

    def __init__(self, effect) -> None:
        self.effect = effect

    def __getattr__(self, name):
        self.effect()
        raise RuntimeError


@place("threading:Barrier", "__init__")
def _(effect):
    return threading.Barrier(1, effect).wait


@place("threading", "_register_atexit")
def _(effect):
    threading._register_atexit(effect)
    return lambda: threading._threading_atexits.pop()()


def tracing(name):
    def store(effect):
        getattr(threading, name)(effect)

        def run():
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
            getattr(threading, name)(None)

        return run

    return store


place("threading", "setprofile")(tracing("setprofile"))
place("threading", "settrace")(tracing("settrace"))


def in_pool(store):
    def stored(effect):
        pool = multiprocessing.pool.ThreadPool(1)
        result = store(pool, effect)

        def run():
            with contextlib.suppress(AccessDenied):
                result()
            pool.terminate()
            pool.join()

        return run

    return stored


POOL = "multiprocessing.pool:Pool"
place(POOL, "apply_async")(in_pool(lambda pool, effect: pool.apply_async(effect).get))
place(POOL, "_map_async")(in_pool(lambda pool, effect: pool.map_async(effect, [0]).get))
place(POOL, "imap")(in_pool(lambda pool, effect: pool.imap(effect, [0]).next))
place(POOL, "imap_unordered")(in_pool(lambda pool, effect: pool.imap_unordered(effect, [0]).next))


@place("multiprocessing.util:Finalize", "__init__")
def _(effect):
    referent = [Referent()]
    multiprocessing.util.Finalize(referent[0], effect)
    return referent.clear


@place("multiprocessing.util", "register_after_fork")
def _(effect):
    kept = Referent()
    multiprocessing.util.register_after_fork(kept, effect)

    def run():
        with contextlib.suppress(AccessDenied):
            forked = [item for item in multiprocessing.util._afterfork_registry.items() if item[1] is kept]
            forked[0][0][2](kept)  # what a child does
        kept.__dict__.clear()

    return run


# ---- Ends -----------------------------------------------------------------------------------------------------------


@place("weakref:finalize", "__init__")
def _(effect):
    referent = [Referent()]
    weakref.finalize(referent[0], effect)
    return referent.clear


@place("_weakref", "proxy")
def _(effect):
    referent = [Referent()]
    kept = weakref.proxy(referent[0], effect)
    return lambda kept=kept: referent.clear()


@place("contextlib:_BaseExitStack", "_push_exit_callback")
def _(effect):
    stack = contextlib.ExitStack()
    stack.callback(effect)
    return stack.close


@place("_signal", "signal")
def _(effect):
    before = signal.signal(signal.SIGUSR1, effect)

    def run():
        try:
            signal.raise_signal(signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)

    return run


@place("sched:scheduler", "enterabs")
def _(effect):
    scheduler = sched.scheduler(time.monotonic, time.sleep)
    scheduler.enter(0, 1, effect)
    return scheduler.run


# ---- Registers ------------------------------------------------------------------------------------------------------


class Handler(logging.Handler):
    """Has an effect of the host's."""

    def __init__(self, effect) -> None:
        super().__init__()
        self.emit = effect


@place("logging:Logger", "addHandler")
def _(effect):
    logger = logging.Logger("one")
    logger.addHandler(Handler(effect))
    return functools.partial(logger.error, "x")


@place("logging:Filterer", "addFilter")
def _(effect):
    logger = logging.Logger("one")
    logger.addHandler(logging.NullHandler())
    logger.addFilter(effect)
    return functools.partial(logger.error, "x")


@place("logging", "setLogRecordFactory")
def _(effect):
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(effect)

    def run():
        try:
            with contextlib.suppress(AttributeError):  # what is made is no record
                logging.Logger("one").error("x")
        finally:
            logging.setLogRecordFactory(before)

    return run


@place("_codecs", "register")
def _(effect):
    codecs.register(effect)

    def run():
        with contextlib.suppress(LookupError):
            codecs.lookup("no such codec")
        codecs.unregister(effect)

    return run


@place("_codecs", "register_error")
def _(effect):
    codecs.register_error("pycage_place", effect)
    return lambda: "\xff".encode("ascii", "pycage_place")


@place("copyreg", "pickle")
def _(effect):
    copyreg.pickle(Referent, effect)

    def run():
        try:
            copy.copy(Referent())
        finally:
            del copyreg.dispatch_table[Referent]

    return run


@place("functools", "singledispatch")
def _(effect):
    generic = functools.singledispatch(lambda x: None)
    generic.register(int)(effect)
    return lambda: generic(1)


@place("shutil", "register_archive_format")
def _(effect):
    shutil.register_archive_format("pycage", effect)

    def run():
        try:
            shutil.make_archive("x", "pycage")
        finally:
            shutil.unregister_archive_format("pycage")

    return run


@place("shutil", "register_unpack_format")
def _(effect):
    shutil.register_unpack_format("pycage", [".pycage"], effect)

    def run():
        try:
            shutil.unpack_archive("x", ".", "pycage")
        finally:
            shutil.unregister_unpack_format("pycage")

    return run


class Opener:
    """Has an effect of the host's."""

    def __init__(self, effect) -> None:
        self.open = effect


@place("urllib.request", "install_opener")
def _(effect):
    urllib.request.install_opener(Opener(effect))

    def run():
        try:
            urllib.request.urlopen("http://localhost/")
        finally:
            urllib.request.install_opener(None)

    return run


DISPATCHER = "xmlrpc.server:SimpleXMLRPCDispatcher"


@place(DISPATCHER, "register_function")
def _(effect):
    dispatcher = xmlrpc.server.SimpleXMLRPCDispatcher(allow_none=True)
    dispatcher.register_function(effect, "effect")
    return lambda: dispatcher._dispatch("effect", ())


@place(DISPATCHER, "register_instance")
def _(effect):
    dispatcher = xmlrpc.server.SimpleXMLRPCDispatcher(allow_none=True)
    dispatcher.register_instance(Opener(effect))
    return lambda: dispatcher._dispatch("open", ())


def completing(name):
    def store(effect):
        readline = pytest.importorskip("readline")
        getattr(readline, name)(effect)
        # Nobody types here.  What is stored can be read of the completer only; the others go the same way.
        stored = readline.get_completer() if name == "set_completer" else None

        def run():
            getattr(readline, name)(None)
            if stored is None:
                return effect()
            return stored()

        return run

    return store


# Of these nothing can be read back, and nobody types here; but see `test_what_readline_calls_...` below.
UNSEEN = {
    ("readline", "set_completion_display_matches_hook"),
    ("readline", "set_pre_input_hook"),
    ("readline", "set_startup_hook"),
}
place("readline", "set_completer")(completing("set_completer"))


# ---- Functions of SQL -----------------------------------------------------------------------------------------------

CONNECTION = "sqlite3:Connection"


def in_sql(statement):
    """Return what lets a store have a connection, of which a statement is executed later."""

    def having(store):
        def stored(effect):
            connection = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
            connection.execute("create table t (x registered)")
            connection.execute("insert into t values (2), (1)")
            store(connection, effect)

            def run():
                with contextlib.closing(connection), contextlib.suppress(sqlite3.Error):
                    connection.execute(*statement).fetchall()

            return run

        return stored

    return having


class Aggregate:
    """An aggregate function of the host's."""

    def __init__(self, effect) -> None:
        self.step = self.value = self.inverse = self.finalize = effect


SUM = ("select effect(x) from t",)
WINDOW = ("select effect(x) over (order by x rows between 1 preceding and 1 following) from t",)
place(CONNECTION, "create_function")(
    in_sql(SUM)(lambda connection, effect: connection.create_function("effect", 1, effect))
)
place(CONNECTION, "create_aggregate")(
    in_sql(SUM)(
        lambda connection, effect: connection.create_aggregate("effect", 1, functools.partial(Aggregate, effect)),
    )
)
if sqlite3.sqlite_version_info >= (3, 25):
    place(CONNECTION, "create_window_function")(
        in_sql(WINDOW)(
            lambda connection, effect: connection.create_window_function(
                "effect", 1, functools.partial(Aggregate, effect)
            ),
        )
    )
place(CONNECTION, "create_collation")(
    in_sql(("select x from t order by cast(x as text) collate effect",))(
        lambda connection, effect: connection.create_collation("effect", effect)
    )
)
place(CONNECTION, "set_authorizer")(in_sql(("select 1",))(lambda connection, effect: connection.set_authorizer(effect)))
place(CONNECTION, "set_progress_handler")(
    in_sql(("select x from t order by x",))(lambda connection, effect: connection.set_progress_handler(effect, 1))
)
place(CONNECTION, "set_trace_callback")(
    in_sql(("select 1",))(lambda connection, effect: connection.set_trace_callback(effect))
)
place("_sqlite3", "register_adapter")(
    in_sql(("select ?", (Referent(),)))(lambda _, effect: sqlite3.register_adapter(Referent, effect))
)
place("_sqlite3", "register_converter")(
    in_sql(("select x from t",))(lambda _, effect: sqlite3.register_converter("registered", effect))
)


# ---- The tests ------------------------------------------------------------------------------------------------------

KEYS = {(place.owner, place.name) for place in PLACES}
REFUSED = {(place.owner, place.name) for place in PLACES if place.how is How.ASK}
# In `test_mechanisms`, in a process of its own.
APART = {("atexit", "register"), ("posix", "register_at_fork")}


def test_every_place_is_here() -> None:
    assert STORES.keys() | UNSEEN | APART == KEYS


@pytest.mark.parametrize(("owner", "name"), sorted(STORES))
def test_what_is_stored_for_a_sandbox_has_no_more_than_the_sandbox(owner, name, tmp_path, monkeypatch) -> None:
    for hook in ("unraisablehook", "excepthook"):
        monkeypatch.setattr(sys, hook, lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    if (owner, name) in stored_in_objects.OPTIONAL:
        pytest.importorskip(stored_in_objects.OPTIONAL[owner, name])
    store = STORES[owner, name]
    outcomes = []
    for number, by in enumerate((Deferral.by_sandbox, Deferral.by_host)):
        deferral = Deferral(tmp_path, number)

        def effect(*_args, path=deferral.path, **_more):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)

        outcomes.append(by(deferral, "hand()", effect, lambda _, effect=effect: store(effect)))

    assert outcomes == ["refused" if (owner, name) in REFUSED else "denied", "done"]


# What readline calls while somebody types: each notes whether it may do what the host may.
TYPED_AT = """
import json, readline, sys
import pycage

X = pycage.RuntimePermission("x")
NAMES = [name for name in dir(readline) if name.startswith("set_") and "hook" in name] + ["set_completer"]
answers = {}

def function_of_the_host(who, name):
    def function(*arguments):
        try:
            pycage.check_permission(X)
            answers[who, name] = "may"
        except pycage.AccessDenied:
            answers[who, name] = "may not"
        if name == "set_completer":
            return [*["aa", "ab"], None][arguments[1]]
    return function

def store(who):
    for name in NAMES:
        getattr(readline, name)(function_of_the_host(who, name))

readline.parse_and_bind("set show-all-if-ambiguous on")
readline.parse_and_bind("tab: complete")
with pycage.Sandbox("typing") as sandbox:
    sandbox.expose("store", lambda: store("sandbox"))
    sandbox.run("from host import store\\nstore()")
    input("first> ")
    store("host")
    input("second> ")
print(json.dumps([sorted(f"{who} {name}: {said}" for (who, name), said in answers.items()), NAMES]), file=sys.stderr)
"""


def test_what_readline_calls_for_a_sandbox_has_no_more_than_the_sandbox(tmp_path) -> None:
    readline = pytest.importorskip("readline")
    if "libedit" in (readline.__doc__ or ""):
        pytest.skip("another library, with other words for keys")
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-P", "-c", TYPED_AT], cwd=tmp_path, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "dumb", "INPUTRC": "/dev/null"},
    ) as process:  # fmt: skip
        os.close(terminal)
        shown = b""
        for prompt in (b"first> ", b"second> "):
            while prompt not in shown and select.select([ours], [], [], 30)[0]:
                shown += os.read(ours, 1024)
            os.write(ours, b"a\t\n")
        _, errors = process.communicate(timeout=30)
    os.close(ours)

    answers, names = json.loads(errors)
    assert {"set_completer", *(name for _, name in UNSEEN)} == set(names)
    assert sorted([f"host {name}: may" for name in names] + [f"sandbox {name}: may not" for name in names]) == answers


# ---- Taking out what was put in -------------------------------------------------------------------------------------


def future_callback(effect):
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.add_done_callback(effect)
    removed = future.remove_done_callback(effect)
    loop.close()
    return removed == 1


def handler(effect):
    logger, one = logging.Logger("one"), Handler(effect)
    logger.addHandler(one)
    is_there = one in logger.handlers and isinstance(logger.handlers[0], Handler)
    logger.removeHandler(one)
    return is_there and not logger.handlers


def log_filter(effect):
    logger = logging.Logger("one")
    logger.addFilter(effect)
    is_there = effect in logger.filters
    logger.removeFilter(effect)
    return is_there and not logger.filters


def signal_handler(effect):
    before = signal.signal(signal.SIGUSR1, effect)
    is_there = signal.getsignal(signal.SIGUSR1) == effect
    return signal.signal(signal.SIGUSR1, before) == effect and is_there


def reader(effect):
    loop, ends = asyncio.new_event_loop(), os.pipe()
    loop.add_reader(ends[0], effect)
    removed = loop.remove_reader(ends[0])
    loop.close()
    for end in ends:
        os.close(end)
    return removed


def timetable(effect):
    scheduler = sched.scheduler()
    scheduler.cancel(scheduler.enter(0, 1, effect))
    return scheduler.empty()


def finalizer(effect):
    referent = Referent()
    ending = weakref.finalize(referent, effect)
    return ending.peek()[1] == effect and ending.detach()[1] == effect


def decorator(effect):
    dispatcher = xmlrpc.server.SimpleXMLRPCDispatcher()
    is_same = dispatcher.register_function(effect) is effect and "effect" in dispatcher.funcs
    with contextlib.ExitStack() as stack:
        is_same = is_same and stack.callback(effect) is effect and bool(stack.pop_all())
    return is_same


REMOVALS = [future_callback, handler, log_filter, signal_handler, reader, timetable, finalizer, decorator]


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("who", ["host", "sandbox"])
def test_what_was_put_in_is_taken_out_by_the_original(removal, who) -> None:
    answers = []

    def effect(*_args):
        """Do nothing."""

    with Sandbox(f"remover_{removal.__name__}_{who}") as sandbox:
        sandbox.expose("remove", lambda: answers.append(removal(effect)))
        if who == "sandbox":
            sandbox.run("from host import remove\nremove()")
        else:
            answers.append(removal(effect))

    assert answers == [True]


def test_the_handler_of_the_host_is_the_hosts_again_when_it_was_put_back(tmp_path) -> None:
    """A host API that sets a handler for a while must not leave the host's own bound to the sandbox."""
    deferral = Deferral(tmp_path)

    def for_a_while():
        before = signal.signal(signal.SIGUSR1, print)
        signal.signal(signal.SIGUSR1, before)

    before = signal.signal(signal.SIGUSR1, lambda *_: os.mkdir(deferral.path))
    try:
        deferral.sandbox.expose("for_a_while", for_a_while)
        deferral.sandbox.run("from host import for_a_while\nfor_a_while()")
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert os.path.exists(deferral.path)


# ---- What is stored, and what it adds to ----------------------------------------------------------------------------


def test_a_stored_function_of_two_sandboxes_needs_both(tmp_path) -> None:
    """The captured context is added to the stack that runs it."""
    stored = []
    asked = RuntimePermission("stored.effect")
    with (
        Sandbox("storing_may", permissions=[asked]) as may,
        Sandbox("storing_may_too", permissions=[asked]) as may_too,
        Sandbox("storing_may_not") as may_not,
    ):
        for sandbox in (may, may_too, may_not):
            sandbox.expose("store", lambda: stored.append(Future()) or stored[-1].add_done_callback(effect))
            sandbox.expose("run", lambda: stored[-1].set_result(None))
        answers = []

        def effect(_future):
            try:
                check_permission(asked)
                answers.append(True)
            except AccessDenied:
                answers.append(False)

        for storing, running in ((may, may_too), (may, may_not), (may_not, may)):
            storing.run("from host import store\nstore()")
            running.run("from host import run\nrun()")

    assert answers == [True, False, False]


def test_a_function_of_the_only_sandbox_is_stored_as_it_is(tmp_path) -> None:
    """Its own frame is on the stack when it runs, so nothing is added, and it stays itself."""
    futures = []
    with Sandbox("storing_itself") as sandbox:
        sandbox.expose("store", lambda function: futures.append(Future()) or futures[-1].add_done_callback(function))
        sandbox.run("from host import store\ndef f(x): pass\nstore(f)\nstore(print)")

    assert type(futures[0]._done_callbacks[0]).__name__ == "function"
    assert type(futures[1]._done_callbacks[0]).__name__ == "BoundCallable"


def test_what_a_stored_function_is_compared_with_does_not_get_hold_of_it() -> None:
    seen = []

    class Curious:
        def __eq__(self, other):
            seen.append(other)
            return True

    future = Future()
    with Sandbox("storing_secret") as sandbox:
        sandbox.expose("store", lambda: future.add_done_callback(print))
        sandbox.run("from host import store\nstore()")
    assert (future._done_callbacks[0] == Curious()) is False
    assert seen == []


# ---- Workers --------------------------------------------------------------------------------------------------------


def outcome_of(asked):
    try:
        check_permission(asked)
    except AccessDenied:
        return "denied"
    return "done"


def in_default_executor():
    loop = asyncio.new_event_loop()

    async def work():
        return await loop.run_in_executor(None, outcome_of, RuntimePermission("worker.effect"))

    return loop, work


@pytest.mark.parametrize("first", ["sandbox", "host"])
def test_workers_of_the_default_executor_are_the_hosts(first) -> None:
    """The first call makes the executor and its first thread: whoever that is, the next has nothing of it."""
    loop, work = in_default_executor()
    answers = []

    def hand():
        asyncio.get_running_loop().run_in_executor(
            None, lambda: answers.append(outcome_of(RuntimePermission("worker.effect")))
        )

    with Sandbox(f"first_{first}") as sandbox:
        sandbox.expose("hand", hand)

        async def both():
            if first == "sandbox":
                sandbox.run("from host import hand\nhand()")
            by_host = await work()
            if first == "host":
                sandbox.run("from host import hand\nhand()")
            await loop.shutdown_default_executor()
            return by_host

        assert loop.run_until_complete(both()) == "done"
    loop.close()
    assert answers == ["denied"]


def test_workers_of_a_pool_of_threads_are_the_hosts() -> None:
    answers = []
    asked = RuntimePermission("worker.effect")
    with multiprocessing.pool.ThreadPool(1) as pool, Sandbox("first_in_pool") as sandbox:
        sandbox.expose("hand", lambda: answers.append(pool.apply(outcome_of, (asked,))))
        sandbox.run("from host import hand\nhand()")
        answers.append(pool.apply(outcome_of, (asked,)))

    assert answers == ["denied", "done"]


def test_a_pool_of_processes_needs_a_permission() -> None:
    """In another process nobody is on the stack."""
    submitted = []

    class Unstarted(ProcessPoolExecutor):
        def __init__(self):
            pass

    # What the pool itself does is cut short by the missing constructor.
    with Sandbox("to_processes") as sandbox:
        sandbox.expose("hand", lambda: submitted.append(1) or Unstarted().submit(outcome_of, 1))
        with pytest.raises(AccessDenied, match="otherProcess"):
            sandbox.run("from host import hand\nhand()")
        sandbox.grant(RuntimePermission("otherProcess"))
        with pytest.raises(AttributeError):
            sandbox.run("from host import hand\nhand()")

    assert submitted == [1, 1]


def test_a_task_of_a_sandbox_is_bound_at_every_step_and_can_be_cancelled() -> None:
    answers = []
    asked = RuntimePermission("task.effect")
    loop = asyncio.new_event_loop()

    async def work(future):
        answers.append(outcome_of(asked))
        try:
            await future
        except asyncio.CancelledError:
            answers.append(outcome_of(asked))
            raise

    with Sandbox("tasks") as sandbox:
        future = loop.create_future()
        sandbox.expose("hand", lambda: kept.append(loop.create_task(work(future), name="one")))
        kept = []
        sandbox.run("from host import hand\nhand()")
        task = kept[0]
        assert "work" in repr(task)
        loop.call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        future = loop.create_future()
        future.set_result(None)
        loop.run_until_complete(loop.create_task(work(future)))
    loop.close()

    assert answers == ["denied", "denied", "done"]


def test_stand_ins_look_like_what_they_stand_for() -> None:
    names = list(inspect.signature(asyncio.BaseEventLoop.call_soon).parameters)
    assert names == ["self", "callback", "args", "context"]
    assert asyncio.BaseEventLoop.call_soon.__qualname__ == "BaseEventLoop.call_soon"
    assert "called as soon as possible" in asyncio.BaseEventLoop.call_soon.__doc__
    assert pickle.loads(pickle.dumps(codecs.register_error)) is codecs.register_error
    assert copy.deepcopy(weakref.proxy) is weakref.proxy
    with pytest.raises(TypeError):
        type(codecs.register_error)()


def test_a_module_that_is_imported_later_gets_its_stand_ins(tmp_path) -> None:
    program = """
        import sys
        import pycage
        pycage.Sandbox("guest")
        assert not {"sqlite3", "_sqlite3", "sched", "xmlrpc.server"} & sys.modules.keys()
        import sched, sqlite3
        for one in (sched.scheduler.enterabs, sqlite3.Connection.create_function, sqlite3.register_adapter):
            assert "HandOff" in type(one).__name__, one
        for module in (sched, sqlite3):
            assert "SourceFileLoader" in type(module.__loader__).__name__, module
            assert module.__spec__.loader is module.__loader__
        print(sched.__spec__.origin == sched.__file__)
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )

    assert done.stdout.strip() == "True", done.stderr


# ---- What is not bound, and how a host binds it ---------------------------------------------------------------------


def both_ways(asked, store):
    """Let a sandbox call a host API that stores a function of the host's, bare and bound; return what they answer."""
    answers = []

    def effect(*_args):
        answers.append(outcome_of(asked))

    with Sandbox("by_hand") as sandbox:
        sandbox.expose("hand", lambda: store(effect))
        sandbox.expose("hand_bound", lambda: store(get_context().bind(effect)))
        later = []
        for name in ("hand", "hand_bound"):
            sandbox.run(f"from host import {name} as hand\nhand()")
            later.append(store.later())
    for operation in later:
        operation()
    return answers


def test_what_the_host_keeps_in_a_list_of_its_own_is_bound_by_hand() -> None:
    kept = []

    def store(function):
        kept.append(function)

    store.later = lambda: kept[-1]

    assert both_ways(RuntimePermission("kept.effect"), store) == ["done", "denied"]


def test_a_callback_of_a_weak_reference_is_bound_by_hand() -> None:
    kept = []

    def store(function):
        referent = [Referent()]
        kept.append((weakref.ref(referent[0], function), referent))

    store.later = lambda: kept[-1][1].clear

    assert both_ways(RuntimePermission("kept.effect"), store) == ["done", "denied"]


def test_a_task_made_by_its_constructor_is_bound_by_hand() -> None:
    kept = []

    def store(function):
        loop = asyncio.new_event_loop()

        async def work():
            await asyncio.sleep(0)
            function()

        kept.append((loop, asyncio.Task(work(), loop=loop)))

    def run(loop, task):
        loop.run_until_complete(task)
        loop.close()

    store.later = lambda: functools.partial(run, *kept[-1])

    assert both_ways(RuntimePermission("kept.effect"), store) == ["done", "denied"]


@pytest.mark.parametrize(
    ("start", "outcome"),
    [
        (lambda run: threading.Thread(target=run).start(), "denied"),
        # What is privileged must include the making of the thread.
        (lambda run: do_privileged(threading.Thread(target=run).start), "denied"),
        (lambda run: do_privileged(lambda: threading.Thread(target=run).start()), "done"),
    ],
)
def test_a_worker_that_is_started_for_a_sandbox_carries_it(start, outcome) -> None:
    """It can do too little, never too much."""
    work, answers = queue.SimpleQueue(), queue.SimpleQueue()

    def run():
        while (one := work.get()) is not None:
            answers.put(one(RuntimePermission("worker.effect")))

    with Sandbox("starts_a_worker", permissions=[ThreadPermission("start")]) as sandbox:
        sandbox.expose("start", lambda: start(run))
        sandbox.run("from host import start\nstart()")
    work.put(outcome_of)
    found = answers.get(timeout=30)
    work.put(None)

    assert found == outcome


def test_the_page_names_every_place() -> None:
    page = (Path(__file__).parents[2] / "docs" / "threat-model.md").read_text(encoding="utf-8")
    section = page.split("## Work that runs later")[1].split("\n## ")[0]

    for one in PLACES:
        owner = one.owner.rpartition(":")[2] or one.owner
        assert f"`{owner}.{one.name}`" in section, one
