"""Hosts and sandboxes call each other at random, over threads, pools and an event loop; a model predicts each answer.

The model knows one thing: for each permission, which sandboxes must agree.  A call into a sandbox adds it, a privileged
call of the host takes all away, one of a sandbox all but its own, a limit does so for some permissions only, and what is
handed to another stack takes along what held where it was handed over.

PYCAGE_STRESS=600 runs it for about so many seconds.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor

import pycage
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pycage import RuntimePermission, ThreadPermission

SECONDS = float(os.environ.get("PYCAGE_STRESS", "0"))
THREADS = 8
ASKED = tuple(RuntimePermission(f"stress.{number}") for number in range(4))
NAMES = ("one", "two", "three")
WAIT = 60.0  # seconds after which it is a deadlock

GUEST = """
import threading
import pycage

def call(run, rest):
    return run(rest)

def ask(run, rest):
    return [run(each) for each in [rest]][0]

def privileged(run, rest, limit):
    return pycage.do_privileged(run, rest, limit=limit)

def in_thread(run, rest):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(run(rest)))
    thread.start()
    thread.join()
    return answers[0]

def lazily(run, rest):
    return next(map(run, [rest]))

def generated(run, rest):
    def steps():
        yield run(rest)
    return next(steps())

async def awaited(run, rest):
    return run(rest)
"""

# ---- Programs: a step is (kind, which sandbox, bits of permissions); the last thing asked is one permission -----------

HOST_STEPS = (
    "call", "privileged", "limited", "thread", "submit", "loop", "task", "bound", "done", "variables", "executor", "finalize",
)  # fmt: skip
GUEST_STEPS = ("call", "privileged", "limited", "thread", "lazily", "generated", "awaited", "submit", "timer")
STEP = st.one_of(
    st.tuples(st.sampled_from(HOST_STEPS), st.none(), st.integers(0, 2 ** len(ASKED) - 1)),
    st.tuples(st.sampled_from(GUEST_STEPS), st.sampled_from(NAMES), st.integers(0, 2 ** len(ASKED) - 1)),
)
PROGRAM = st.tuples(st.lists(STEP, max_size=5), st.integers(0, len(ASKED) - 1))
ON_LOOP = {"loop", "task", "awaited", "executor"}


def predicted(program, granted):
    """Return whether the last step is allowed."""
    steps, asked = program
    needed = {permission: frozenset() for permission in range(len(ASKED))}
    for kind, who, bits in steps:
        if who is not None:
            needed = {permission: domains | {who} for permission, domains in needed.items()}
        if kind in {"privileged", "limited"}:
            own = frozenset() if who is None else frozenset({who})
            lent = {p for p in needed if kind == "privileged" or bits >> p & 1}
            needed = {p: own if p in lent else domains for p, domains in needed.items()}
    return all(asked in granted[who] for who in needed[asked])


class Thing:
    """Something that ends."""


class World:
    """The sandboxes, the pool and the loop of one run."""

    def __init__(self):
        self.granted = {name: set() for name in NAMES}
        resolve = pycage.MappingResolver({"guest": GUEST})
        self.sandboxes = {
            name: pycage.Sandbox(f"stress_{name}", resolver=resolve, permissions=[ThreadPermission("start")])
            for name in NAMES
        }
        self.guests = {name: sandbox.load("guest") for name, sandbox in self.sandboxes.items()}
        self.pool = ThreadPoolExecutor(8 * THREADS)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)
        self.loop.close()
        self.pool.shutdown()
        for sandbox in self.sandboxes.values():
            sandbox.close()

    def run(self, program):
        """Do the first step of a program, which does the rest; return what the last one is answered."""
        steps, asked = program
        if not steps:
            try:
                pycage.check_permission(ASKED[asked])
            except pycage.AccessDenied:
                return False
            return True
        (kind, who, bits), rest = steps[0], (steps[1:], asked)
        if kind in ON_LOOP:  # whose thread nothing may wait for any more
            rest = [("call" if kind in ON_LOOP else kind, *more) for kind, *more in steps[1:]], asked
        limit = None if kind == "privileged" else [p for at, p in enumerate(ASKED) if bits >> at & 1]
        return self.host(kind, limit, rest) if who is None else self.guest(kind, self.guests[who], limit, rest)

    def host(self, kind, limit, rest):
        if kind in {"privileged", "limited"}:
            return pycage.do_privileged(self.run, rest, limit=limit)
        if kind == "thread":
            answers = []
            thread = threading.Thread(target=lambda: answers.append(self.run(rest)))
            thread.start()
            thread.join(WAIT)
            return answers[0]
        if kind == "submit":
            return self.pool.submit(self.run, rest).result(WAIT)
        if kind == "loop":
            return self.in_loop(self.run, rest)
        if kind == "task":
            return asyncio.run_coroutine_threadsafe(self.later(rest), self.loop).result(WAIT)
        if kind == "executor":
            return asyncio.run_coroutine_threadsafe(self.elsewhere(rest), self.loop).result(WAIT)
        if kind == "variables":
            return contextvars.Context().run(self.run, rest)
        if kind == "done":
            future, answers = Future(), []
            future.add_done_callback(lambda _: answers.append(self.run(rest)))
            pycage.do_privileged(self.clean, functools.partial(future.set_result, None))
            return answers[0]
        if kind == "finalize":
            thing, answers = Thing(), []
            weakref.finalize(thing, lambda: answers.append(self.run(rest)))
            things = [thing]
            del thing
            pycage.do_privileged(self.clean, things.clear)
            return answers[0]
        if kind == "bound":
            bound, answers = pycage.get_context().bind(self.run), []
            pycage.do_privileged(self.clean, lambda: answers.append(bound(rest)))
            return answers[0]
        return self.run(rest)

    def guest(self, kind, module, limit, rest):
        if kind in {"privileged", "limited"}:
            return module.privileged(self.run, rest, limit)
        if kind == "thread":
            return module.in_thread(self.run, rest)
        if kind == "awaited":
            return asyncio.run_coroutine_threadsafe(module.awaited(self.run, rest), self.loop).result(WAIT)
        if kind == "submit":  # the sandbox calls the pool's method, which the host handed it
            return module.call(lambda program: self.pool.submit(self.run, program).result(WAIT), rest)
        if kind == "timer":
            return module.call(self.after_a_moment, rest)
        return getattr(module, kind)(self.run, rest)

    def after_a_moment(self, rest):
        answers = []
        timer = threading.Timer(0, lambda: answers.append(self.run(rest)))
        timer.start()
        timer.join(WAIT)
        return answers[0]

    def in_loop(self, function, argument):
        done, answers = threading.Event(), []

        def call():
            try:
                answers.append(function(argument))
            finally:
                done.set()

        self.loop.call_soon_threadsafe(call)
        assert done.wait(WAIT)
        return answers[0]

    @staticmethod
    def clean(function):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join(WAIT)

    async def elsewhere(self, rest):
        return await self.loop.run_in_executor(self.pool, self.run, rest)

    async def later(self, rest):
        await asyncio.sleep(0)
        return self.run(rest)

    def race(self, batches):
        """Run a list of programs in each thread, all at once; return the programs that were answered otherwise."""
        wrong, ready = [], threading.Barrier(len(batches))

        def work(programs):
            ready.wait(WAIT)
            for program in programs:
                try:
                    answer = self.run(program)
                except BaseException as error:  # noqa: BLE001
                    answer = repr(error)
                if answer is not predicted(program, self.granted):
                    wrong.append((program, answer))

        threads = [threading.Thread(target=work, args=(programs,)) for programs in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert not any(thread.is_alive() for thread in threads), "a deadlock"
        return wrong


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


class Stress(RuleBasedStateMachine):
    """Grants change between the races, not during them, so that there is one right answer."""

    world: World

    @initialize()
    def nothing_is_granted(self):
        for name in NAMES:
            self.revoke_all(name)

    def revoke_all(self, name):
        if self.world.granted[name]:
            self.world.sandboxes[name].revoke(*(ASKED[at] for at in sorted(self.world.granted[name])))
        self.world.granted[name] = set()

    @rule(name=st.sampled_from(NAMES), at=st.integers(0, len(ASKED) - 1))
    def grant(self, name, at):
        self.world.sandboxes[name].grant(ASKED[at])
        self.world.granted[name].add(at)

    @rule(name=st.sampled_from(NAMES), at=st.integers(0, len(ASKED) - 1))
    def revoke(self, name, at):
        self.world.sandboxes[name].revoke(ASKED[at])
        self.world.granted[name].discard(at)

    @rule(batches=st.lists(st.lists(PROGRAM, min_size=1, max_size=12), min_size=THREADS, max_size=THREADS))
    def race(self, batches):
        assert self.world.race(batches) == []


def test_no_answer_is_wrong_when_hosts_and_sandboxes_hand_each_other_work(world):
    class Run(Stress):
        pass

    Run.world = world
    end = time.monotonic() + SECONDS
    while True:
        run_state_machine_as_test(
            Run,
            settings=settings(
                max_examples=6 if not SECONDS else 200,
                stateful_step_count=10,
                deadline=None,
                database=None,
                phases=(Phase.generate,) if SECONDS else (Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
        if time.monotonic() >= end:
            break


@pytest.mark.parametrize("name", NAMES)
def test_the_model_denies_a_sandbox_what_it_was_not_granted(world, name):
    world.sandboxes[name].grant(ASKED[0])
    world.granted[name].add(0)

    for kind in (*GUEST_STEPS,):
        for asked in (0, 1):
            program = ([(kind, name, 0)], asked)
            assert world.run(program) is predicted(program, world.granted) is (asked == 0), kind
