"""asyncio in a sandbox: ordinary programs run, and nothing scheduled has more than who scheduled it."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading

import pycage
import pytest
from pycage import AccessDenied, FilePermission, RuntimePermission, Sandbox, SandboxExited, ThreadPermission

_numbers = itertools.count()
ASKED = RuntimePermission("asked")


@pytest.fixture
def sandbox():
    with Sandbox(f"asyncio_{next(_numbers)}") as made:
        yield made


class Host:
    """What a careless host hands out bare: its methods are no shims."""

    def __init__(self):
        self.outcomes = []

    def act(self, *_args):
        try:
            pycage.check_permission(ASKED)
        except AccessDenied:
            self.outcomes.append("denied")
        else:
            self.outcomes.append("done")

    async def act_later(self):
        await asyncio.sleep(0)
        self.act()


HONEST = {
    "run returns": ("async def main(): return 5\nr = asyncio.run(main())", 5),
    "gather": (
        "async def f(n):\n    await asyncio.sleep(0)\n    return n\n"
        "async def main(): return await asyncio.gather(f(1), f(2), return_exceptions=True)\nr = asyncio.run(main())",
        [1, 2],
    ),
    "gather of one twice": (
        "async def f(): return 1\n"
        "async def main():\n    c = f()\n    return await asyncio.gather(c, c)\nr = asyncio.run(main())",
        [1, 1],
    ),
    "task group": (
        "async def f(n): return n\n"
        "async def main():\n    async with asyncio.TaskGroup() as g: t = [g.create_task(f(n)) for n in range(3)]\n"
        "    return [x.result() for x in t]\nr = asyncio.run(main())",
        [0, 1, 2],
    ),
    "a failing task group": (
        "async def f(): raise ValueError\n"
        "async def main():\n"
        "    try:\n        async with asyncio.TaskGroup() as g:\n            g.create_task(f())\n"
        "            await asyncio.sleep(100)\n"
        "    except ExceptionGroup as e: return type(e.exceptions[0]).__name__\nr = asyncio.run(main())",
        "ValueError",
    ),
    "timeout": (
        "async def main():\n    try:\n        async with asyncio.timeout(0.001): await asyncio.sleep(100)\n"
        "    except TimeoutError: return 'late'\nr = asyncio.run(main())",
        "late",
    ),
    "wait_for": (
        "async def main():\n    try: await asyncio.wait_for(asyncio.sleep(100), 0.001)\n"
        "    except TimeoutError: pass\n    return await asyncio.wait_for(asyncio.sleep(0, 'x'), 10)\n"
        "r = asyncio.run(main())",
        "x",
    ),
    "as_completed": (
        "async def main():\n    return sorted([await f for f in asyncio.as_completed([asyncio.sleep(0, n) for n in (2, 1)])])\n"
        "r = asyncio.run(main())",
        [1, 2],
    ),
    "wait": (
        "async def main():\n    tasks = [asyncio.create_task(asyncio.sleep(d, d)) for d in (0, 100)]\n"
        "    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)\n"
        "    for t in pending: t.cancel()\n    return [t.result() for t in done], len(pending)\nr = asyncio.run(main())",
        ([0], 1),
    ),
    "shield": (
        "async def main():\n    t = asyncio.create_task(asyncio.sleep(0.01, 'kept'))\n"
        "    try: await asyncio.wait_for(asyncio.shield(t), 0)\n    except TimeoutError: return await t\n"
        "r = asyncio.run(main())",
        "kept",
    ),
    "callbacks of tasks": (
        "seen = []\n"
        "async def main():\n    t = asyncio.create_task(asyncio.sleep(0, 7), name='n')\n    other = seen.clear\n"
        "    t.add_done_callback(lambda t: seen.append((t.get_name(), t.result())))\n    t.add_done_callback(other)\n"
        "    removed = t.remove_done_callback(other)\n    await t\n    await asyncio.sleep(0)\n    return removed, seen\n"
        "r = asyncio.run(main())",
        (1, [("n", 7)]),
    ),
    "queues, locks, events": (
        "async def main():\n    q = asyncio.PriorityQueue()\n    lock, ready = asyncio.Lock(), asyncio.Event()\n"
        "    out = []\n"
        "    async def take():\n        async with lock: out.append(await q.get())\n        ready.set()\n"
        "    t = asyncio.create_task(take())\n    await q.put(3)\n    await ready.wait()\n    await t\n"
        "    async with asyncio.Condition() as c: pass\n    async with asyncio.Semaphore(2): pass\n    return out\n"
        "r = asyncio.run(main())",
        [3],
    ),
    "futures and the loop": (
        "async def main():\n    loop = asyncio.get_running_loop()\n    f = loop.create_future()\n"
        "    loop.call_later(0, f.set_result, 4)\n    g = asyncio.Future()\n    loop.call_soon(g.set_result, 5)\n"
        "    return await f, await g, loop is asyncio.get_event_loop(), loop.time() > 0, isinstance(f, asyncio.Future)\n"
        "r = asyncio.run(main())",
        (4, 5, True, True, True),
    ),
    "isinstance": (
        "async def main():\n    t = asyncio.current_task()\n"
        "    return isinstance(t, asyncio.Task), isinstance(t, asyncio.Future), issubclass(asyncio.Task, asyncio.Future),"
        " isinstance(5, asyncio.Task), t in asyncio.all_tasks(), asyncio.iscoroutinefunction(main)\n"
        "r = asyncio.run(main())",
        (True, True, True, False, True, True),
    ),
    "loop by hand": (
        "loop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\n"
        "r = asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, 'by hand'))\nloop.close()\n"
        "r = r, loop.is_closed()",
        ("by hand", True),
    ),
    "runner": (
        "with asyncio.Runner() as runner:\n    r = runner.run(asyncio.sleep(0, 1)), runner.run(asyncio.sleep(0, 2))",
        (1, 2),
    ),
    "async generators": (
        "async def g():\n    for n in range(3):\n        await asyncio.sleep(0)\n        yield n\n"
        "async def main(): return [n async for n in g()]\nr = asyncio.run(main())",
        [0, 1, 2],
    ),
    "context variables": (
        "import contextvars\nv = contextvars.ContextVar('v', default=0)\n"
        "async def f():\n    v.set(v.get() + 1)\n    return v.get()\n"
        "async def main():\n    v.set(5)\n    c = contextvars.copy_context()\n"
        "    return await asyncio.create_task(f()), v.get(), await asyncio.create_task(f(), context=c), c.get(v)\n"
        "r = asyncio.run(main())",
        (6, 5, 6, 6),
    ),
    "errors of the loop": (
        "seen = []\n"
        "async def main():\n    loop = asyncio.get_running_loop()\n"
        "    loop.set_exception_handler(lambda l, c: seen.append((l is loop, type(c['exception']).__name__)))\n"
        "    loop.call_soon(lambda: 1 / 0)\n    await asyncio.sleep(0.001)\n    return seen\nr = asyncio.run(main())",
        [(True, "ZeroDivisionError")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_ordinary_program_needs_no_permission(sandbox, name):
    source, expected = HONEST[name]

    assert sandbox.run(f"import asyncio\n{source}\nr").value == expected


@pytest.mark.parametrize("name", ["gather", "task group", "timeout", "wait_for", "as_completed", "wait", "futures and the loop", "callbacks of tasks", "queues, locks, events", "async generators"])  # fmt: skip
def test_a_host_that_is_asynchronous_awaits_a_coroutine_of_the_sandbox(sandbox, name):
    source, expected = HONEST[name]
    main = sandbox.run(f"import asyncio\n{source.rpartition('r = ')[0]}\nmain").value

    async def host():
        return await main()

    assert asyncio.run(host()) == expected


def test_a_host_awaits_a_task_of_the_sandbox_with_its_own_permissions(sandbox):
    """What waits for the task is the host's: its next step must not be the sandbox's."""
    host = Host()
    start = sandbox.run("import asyncio\nlambda: asyncio.create_task(asyncio.sleep(0, 3))").value

    async def main():
        task = start()
        task.add_done_callback(host.act)
        value = await task
        host.act()
        return value

    assert asyncio.run(main()) == 3
    assert host.outcomes == ["done", "done"]


SCHEDULES = {
    "create_task": "asyncio.create_task(host.act_later())",
    "ensure_future": "asyncio.ensure_future(host.act_later())",
    "Task": "asyncio.Task(host.act_later())",
    "the type of a task": "type(asyncio.create_task(asyncio.sleep(0)))(host.act_later())",
    "gather": "asyncio.gather(host.act_later())",
    "shield": "asyncio.shield(host.act_later())",
    "an awaitable": "asyncio.gather(Later())",
    "TaskGroup": "g = asyncio.TaskGroup()\n    await g.__aenter__()\n    g.create_task(host.act_later())",
    "as_completed": "[await f for f in asyncio.as_completed([host.act_later()])]",
    "loop.create_task": "asyncio.get_running_loop().create_task(host.act_later())",
    "call_soon": "asyncio.get_running_loop().call_soon(host.act)",
    "call_later": "asyncio.get_running_loop().call_later(0, host.act)",
    "call_at": "asyncio.get_running_loop().call_at(0, host.act)",
    "call_soon_threadsafe": "asyncio.get_running_loop().call_soon_threadsafe(host.act)",
    "call_soon in another context": "import contextvars\n    asyncio.get_running_loop().call_soon(host.act, context=contextvars.copy_context())",
    "add_done_callback of a task": "asyncio.create_task(asyncio.sleep(0)).add_done_callback(host.act)",
    "add_done_callback of a future": "f = asyncio.Future()\n    f.add_done_callback(host.act)\n    f.set_result(1)",
    "add_done_callback of gather": "asyncio.gather(asyncio.sleep(0)).add_done_callback(host.act)",
    "add_done_callback by getattr": "getattr(asyncio.create_task(asyncio.sleep(0)), 'add_done_callback')(host.act)",
    "add_done_callback of a bare future": "f = asyncio.Event().wait().send(None)\n    f.add_done_callback(host.act)\n    f.set_result(1)",
    "a bare future of sleep": "global kept\n    kept = asyncio.sleep(0.001)\n    kept.send(None).add_done_callback(host.act)",
    "an asynchronous generator": "global kept\n    kept = host.act_later()\n    asyncio.create_task(kept)",
}  # fmt: skip

GUEST = """
import asyncio
class Later:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return (yield from host.act_later().__await__())
async def main():
    {}
"""


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_a_sandbox_schedules_on_the_hosts_loop_has_the_sandboxs_permissions(sandbox, name):
    """The control: the same program of the host's, scheduled without a sandbox, is allowed."""
    source = GUEST.format(SCHEDULES[name])
    free, caged = Host(), Host()
    plain = {"host": free}
    exec(source, plain)

    async def host(main):
        await main()
        await asyncio.sleep(0.01)

    asyncio.run(host(plain["main"]))
    asyncio.run(host(sandbox.run(f"{source}\nmain", variables={"host": caged}).value))

    assert free.outcomes == ["done"]
    assert caged.outcomes == ["denied"]


@pytest.mark.parametrize("method", ["create_task", "get_running_loop().call_soon", "Task", "gather"])
def test_a_function_that_the_host_calls_later_still_has_the_sandbox_in_it(sandbox, method):
    """map(create_task, ...) is iterated by the host, with no frame of the sandbox but the shim's."""
    host = Host()
    what = "host.act" if "call_soon" in method else "host.act_later()"
    source = f"import asyncio\ndef make(): return map(asyncio.{method}, [{what}])\nmake"
    make = sandbox.run(source, variables={"host": host}).value

    async def main():
        list(make())
        await asyncio.sleep(0.01)

    asyncio.run(main())

    assert host.outcomes == ["denied"]


def test_a_bound_method_that_was_kept_binds_what_it_is_given(sandbox):
    host = Host()
    source = (
        "import asyncio\nasync def main():\n    return asyncio.create_task(asyncio.sleep(0)).add_done_callback\nmain"
    )
    main = sandbox.run(source).value

    async def run():
        add = await main()
        list(map(add, [host.act]))
        await asyncio.sleep(0.01)

    asyncio.run(run())

    assert host.outcomes == ["denied"]


def test_what_is_left_behind_ends_with_run(sandbox):
    host = Host()
    source = """
import asyncio
ended = []
async def forever():
    try:
        await asyncio.sleep(3600)
    finally:
        ended.append('cancelled')
async def main():
    asyncio.create_task(forever())
    asyncio.get_running_loop().call_later(3600, host.act)
    await asyncio.sleep(0)
asyncio.run(main())
ended
"""
    assert sandbox.run(source, variables={"host": host}).value == ["cancelled"]

    asyncio.run(asyncio.sleep(0.001))

    assert host.outcomes == []


REACHES = [
    "asyncio.create_task(asyncio.sleep(0)).get_loop()",
    "asyncio.create_task(asyncio.sleep(0))._loop",
    "asyncio.create_task(asyncio.sleep(0)).get_coro()",
    "asyncio.create_task(asyncio.sleep(0)).get_stack()",
    "asyncio.create_task(asyncio.sleep(0)).print_stack()",
    "asyncio.create_task(asyncio.sleep(0)).get_context()",
    "super(type(asyncio.Future()), asyncio.Future()).get_loop()",
    "type(asyncio.Future()).get_loop(asyncio.Future())",
    "getattr(asyncio.Future(), 'get_loop')()",
    "asyncio.sleep(1).send(None).get_loop()",
    "type(asyncio.sleep(1).send(None)).get_loop(asyncio.Future())",
    "asyncio.gather(asyncio.sleep(0))._children",
    "asyncio.get_running_loop()._real",
    "asyncio.get_running_loop().call_later(1, print)._loop",
    "asyncio.get_running_loop().call_later(1, print).get_context()",
    "type(asyncio.Future())._loop",
]


@pytest.mark.parametrize("expression", REACHES)
def test_nothing_leads_to_the_loop_or_to_other_tasks(sandbox, expression):
    main = sandbox.run(f"import asyncio\nasync def main(): return {expression}\nmain").value

    with pytest.raises((AccessDenied, AttributeError, pycage.RestrictedSyntaxError)):
        asyncio.run(main())


@pytest.mark.parametrize("base", ["asyncio.Queue", "asyncio.Lock", "asyncio.Event", "asyncio.Future", "asyncio.Task", "asyncio.TaskGroup", "asyncio.Runner", "asyncio.Timeout", "type(asyncio.get_running_loop())", "type(asyncio.get_running_loop().call_soon(print))", "type(asyncio.sleep(1).send(None))"])  # fmt: skip
def test_no_class_is_derived_from_what_keeps_the_loop(sandbox, base):
    main = sandbox.run(f"import asyncio\nasync def main():\n    class Mine({base}): pass\nmain").value

    with pytest.raises((AccessDenied, TypeError)):
        asyncio.run(main())


def test_a_future_of_the_sandboxs_own_kind_is_not_given_the_hosts_context(sandbox):
    """add_done_callback(step, context=...) of what a task waits for is given the context that lists all variables."""
    source = """
import asyncio
seen = []
class Fake:
    _asyncio_future_blocking = True
    def get_loop(self): return asyncio.get_running_loop()
    def add_done_callback(self, step, *, context=None): seen.append(context)
    def __await__(self): yield self
async def main():
    try:
        await Fake()
    except RuntimeError:
        return seen
main
"""
    assert asyncio.run(sandbox.run(source).value()) == []


def test_run_sets_no_handler_for_signals_and_no_loop_for_the_thread(sandbox):
    source = "import asyncio\nasync def main(): probe()\nprobe()\nasyncio.run(main())"
    seen = []

    sandbox.run(source, variables={"probe": lambda: seen.append(signal.getsignal(signal.SIGINT))})

    assert seen[1] == seen[0]
    assert asyncio.get_event_loop_policy()._local._loop is None


def test_run_inside_a_running_loop_is_an_error(sandbox):
    main = sandbox.run("import asyncio\nasync def main(): asyncio.run(asyncio.sleep(0))\nmain").value

    with pytest.raises(RuntimeError, match="running event loop"):
        asyncio.run(main())


@pytest.mark.parametrize("method", ["run_forever()", "stop()", "close()", "set_debug(True)", "set_exception_handler(print)", "run_until_complete(asyncio.Future())"])  # fmt: skip
def test_the_hosts_loop_is_not_run_stopped_or_changed(sandbox, method):
    main = sandbox.run(f"import asyncio\nasync def main(): asyncio.get_running_loop().{method}\nmain").value

    with pytest.raises(RuntimeError, match="made itself"):
        asyncio.run(main())


def test_system_exit_in_a_task_or_callback_does_not_end_the_hosts_loop(sandbox):
    source = """
import asyncio
def leave(*_): raise SystemExit
async def leaving(): leave()
async def main():
    asyncio.get_running_loop().call_soon(leave)
    return asyncio.create_task(leaving())
main
"""
    main = sandbox.run(source).value
    problems = []

    async def host():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))
        task = await main()
        with pytest.raises(SandboxExited):
            await task
        return "alive"

    assert asyncio.run(host()) == "alive"
    assert [type(problem) for problem in problems] == [SandboxExited]


@pytest.mark.parametrize("number", ["float('nan')", "'1'", "Odd()"])
def test_a_delay_is_a_plain_number_before_the_loop_has_it(sandbox, number):
    """Timers are compared with those of the host, by the host's loop."""
    source = f"import asyncio\nclass Odd:\n    def __radd__(self, other): return self\n    def __lt__(self, other): 1 / 0\nasync def main(): asyncio.get_running_loop().call_later({number}, print)\nmain"
    with pytest.raises((TypeError, ValueError)):
        asyncio.run(sandbox.run(source).value())


def test_threads_need_the_permission(sandbox):
    source = "import asyncio\nasync def main(): return await asyncio.to_thread(max, 1, 2)\nmain"
    main = sandbox.run(source).value
    with pytest.raises(AccessDenied, match="ThreadPermission"):
        asyncio.run(main())
    with pytest.raises(AccessDenied, match="ThreadPermission"):
        sandbox.run("import asyncio\nasyncio.run(asyncio.to_thread(max, 1, 2))")

    sandbox.grant(ThreadPermission("start"))

    assert asyncio.run(main()) == 2
    assert sandbox.run("import asyncio\nasyncio.run(asyncio.to_thread(max, 1, 2))").value == 2


def test_a_thread_for_the_sandbox_has_its_permissions_and_the_hosts_pool_stays_the_hosts(sandbox, tmp_path):
    sandbox.grant(ThreadPermission("start"))
    host = Host()
    main = sandbox.run("import asyncio\nasync def main(): await asyncio.to_thread(host.act)\nmain", variables={"host": host}).value  # fmt: skip

    async def run():
        await main()
        await asyncio.to_thread(host.act)

    asyncio.run(run())

    assert host.outcomes == ["denied", "done"]


def test_principals_stay_in_their_block(sandbox):
    from pycage import Principal, run_as

    path = FilePermission("/etc/hostname", "read")
    sandbox.grant(path, principals=[Principal("ann")])
    source = """
import asyncio, pycage
async def may():
    await asyncio.sleep(0)
    try:
        pycage.check_permission(pycage.FilePermission('/etc/hostname', 'read'))
    except PermissionError:
        return False
    return True
async def main(): return asyncio.create_task(may())
def whole():
    async def inner(): return await asyncio.gather(may())
    return asyncio.run(inner())
main, whole
"""
    main, whole = sandbox.run(source).value

    async def host():
        with run_as(Principal("ann")):
            task = await main()
        return await task

    assert asyncio.run(host()) is False
    with run_as(Principal("ann")):
        assert whole() == [True]


def test_loops_of_two_threads_do_not_meet(sandbox):
    sandbox.grant(ThreadPermission("start"))
    source = """
import asyncio, threading
found = []
def work(n): found.append(asyncio.run(asyncio.sleep(0, n)))
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for t in threads: t.start()
for t in threads: t.join()
sorted(found)
"""
    assert sandbox.run(source).value == [0, 1, 2]
    assert threading.active_count() >= 1
