"""concurrent.futures and the rest of threading in a sandbox."""

from __future__ import annotations

import asyncio
import itertools
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pycage
import pytest
from pycage import AccessDenied, RuntimePermission, Sandbox, ThreadPermission

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    with Sandbox(f"futures_{next(_numbers)}", permissions=[ThreadPermission("start")]) as made:
        yield made


class Host:
    def __init__(self):
        self.outcomes = []

    def act(self, *_args):
        try:
            pycage.check_permission(RuntimePermission("asked"))
        except AccessDenied:
            self.outcomes.append("denied")
        else:
            self.outcomes.append("done")


def test_pools_and_futures_work(sandbox):
    source = """
from concurrent.futures import ThreadPoolExecutor, as_completed, wait, Future, TimeoutError
import concurrent.futures
seen = []
with ThreadPoolExecutor(max_workers=2, thread_name_prefix='p', initializer=seen.append, initargs=('up',)) as pool:
    one = pool.submit(pow, 2, 5)
    one.add_done_callback(lambda f: seen.append(f.result()))
    many = [pool.submit(abs, n) for n in (-1, -2)]
    r = [one.result(), sorted(f.result() for f in as_completed(many)), list(pool.map(max, (1, 5), (3, 2), timeout=5))]
    done, left = wait(many)
    r += [len(done), len(left), isinstance(one, Future), concurrent.futures.Future is Future]
    failed = pool.submit(lambda: 1 / 0)
    r.append(type(failed.exception()).__name__)
r, 32 in seen, 'up' in seen
"""
    assert sandbox.run(source).value == ([32, [1, 2], [3, 5], 2, 0, True, True, "ZeroDivisionError"], True, True)


def test_a_pool_needs_the_permission_when_its_threads_start():
    with Sandbox(f"futures_{next(_numbers)}") as bare, pytest.raises(AccessDenied, match="ThreadPermission"):
        bare.run("from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(print)")


@pytest.mark.parametrize(
    "source",
    [
        "pool.submit(host.act).result()",
        "list(pool.map(host.act, [1]))",
        "pool.submit(abs, 1).add_done_callback(host.act)",
        "ThreadPoolExecutor(1, initializer=host.act).submit(abs, 1).result()",
    ],  # fmt: skip
)
def test_what_a_pool_calls_has_the_permissions_of_the_sandbox(sandbox, source):
    """The control: the same with a pool of the host's is allowed."""
    free, caged = Host(), Host()
    exec(source, {"host": free, "pool": ThreadPoolExecutor(1), "ThreadPoolExecutor": ThreadPoolExecutor})
    sandbox.run(
        f"from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n{source}\npool.shutdown()",
        variables={"host": caged},
    )

    assert free.outcomes == ["done"]
    assert caged.outcomes == ["denied"]


@pytest.mark.parametrize("name", ["_real", "_threads", "_work_queue", "_initializer"])
def test_the_pool_behind_and_its_threads_are_out_of_reach(sandbox, name):
    with pytest.raises((AccessDenied, AttributeError)):
        sandbox.run(f"from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().{name}")


def test_processes_are_withheld(sandbox):
    with pytest.raises(ImportError):
        sandbox.run("from concurrent.futures import ProcessPoolExecutor")


def test_asyncio_and_pools_meet(sandbox):
    source = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
async def main():
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        first = await loop.run_in_executor(pool, pow, 2, 3)
        second = await asyncio.wrap_future(pool.submit(pow, 2, 4))
        third = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, 5), loop)
        return first, second, await asyncio.wrap_future(third)
main
"""
    main = sandbox.run(source).value
    assert asyncio.run(main()) == (8, 16, 5)
    assert sandbox.run(f"{source}\nasyncio.run(main())").value == (8, 16, 5)


def test_a_coroutine_handed_to_another_threads_loop_is_bound(sandbox):
    host = Host()

    async def act():
        await asyncio.sleep(0)
        host.act()

    host.later = act
    main = sandbox.run("import asyncio\nasync def main():\n    asyncio.run_coroutine_threadsafe(host.later(), asyncio.get_running_loop())\nmain", variables={"host": host}).value  # fmt: skip

    async def run():
        await main()
        await asyncio.sleep(0.01)

    asyncio.run(run())

    assert host.outcomes == ["denied"]


def test_a_future_of_the_host_completed_later_calls_back_with_the_sandboxs_permissions(sandbox):
    host, future = Host(), Future()
    sandbox.run("future.add_done_callback(host.act)", variables={"host": host, "future": future})
    future.set_result(1)

    assert host.outcomes == ["denied"]


def test_threads_know_their_own(sandbox):
    source = """
import threading
go, seen = threading.Event(), []
def work():
    seen.append(threading.current_thread())
    go.wait(5)
t = threading.Thread(target=work, name='worker')
before = threading.active_count()
t.start()
while not seen: pass
during = threading.active_count(), t in threading.enumerate(), seen[0] is t, threading.current_thread() is t
go.set()
t.join()
main = threading.main_thread()
(before, during, threading.active_count(), main.name, main is threading.current_thread(), main.is_alive(),
 isinstance(main, threading.Thread), main.ident == threading.get_ident(), main.daemon)
"""
    assert sandbox.run(source).value == (1, (2, True, True, False), 1, "MainThread", True, True, True, True, False)


def test_other_threads_are_not_listed(sandbox):
    stop = threading.Event()
    others = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        with Sandbox(f"futures_{next(_numbers)}", permissions=[ThreadPermission("start")]) as neighbour:
            neighbour.run("import threading\nthreading.Thread(target=stop.wait).start()", variables={"stop": stop})
            assert sandbox.run("import threading\nlen(threading.enumerate())").value == 1
            assert neighbour.run("import threading\nlen(threading.enumerate())").value == 2
    finally:
        stop.set()
        for thread in others:
            thread.join()


def test_a_thread_of_another_sandbox_is_not_handed_out(sandbox):
    ask = sandbox.run("import threading\nlambda: type(threading.current_thread()).__name__").value
    with Sandbox(f"futures_{next(_numbers)}", permissions=[ThreadPermission("start")]) as neighbour:
        source = """
import threading
seen = []
class Mine(threading.Thread):
    def run(self): seen.extend([ask(), type(threading.current_thread()).__name__])
t = Mine()
t.start()
t.join()
seen
"""
        assert neighbour.run(source, variables={"ask": ask}).value == ["HostThread", "Mine"]


@pytest.mark.parametrize("source", ["t.start()", "t.join()", "t.name = 'x'", "t.daemon = True", "threading.Thread.join(t)", "threading.Thread.start(t)", "type(t)()", "class X(type(t)): pass", "t._stderr", "t._real"])  # fmt: skip
def test_a_thread_of_the_host_is_only_looked_at(sandbox, source):
    with pytest.raises((RuntimeError, TypeError, AccessDenied, AttributeError)):
        sandbox.run(f"import threading\nt = threading.current_thread()\n{source}")
