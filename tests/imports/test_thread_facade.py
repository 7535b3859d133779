"""Threads of a sandbox: they work, and what the host's Thread keeps in itself stays there."""

from __future__ import annotations

import itertools
import sys
import threading

import pytest
from pycage import Sandbox, ThreadPermission
from pycage.errors import AccessDenied

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    with Sandbox(f"thread_{next(_numbers)}", permissions=[ThreadPermission("start")]) as made:
        yield made


def test_threads_and_timers_work(sandbox):
    source = """
import threading
from threading import Thread, Timer
found = []
class Worker(Thread):
    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self._result = None
    def run(self): self._result = self.name
worker = Worker('w')
worker.start()
worker.join()
plain = Thread(target=lambda a, b=2: found.append((a, b)), args=(1,), kwargs={'b': 5})
plain.start()
plain.join()
class Reading(Thread):
    def run(self): found.append(self._target(*self._args))
reading = Reading(target=abs, args=(-3,))
reading.start()
reading.join()
timer = Timer(0, found.append, ['timer'])
timer.start()
timer.join()
late = Timer(3600, found.append, ['late'])
late.daemon = True
late.start()
late.cancel()
late.join()
found, worker._result, worker.daemon, worker.is_alive(), worker.ident is not None
"""
    assert sandbox.run(source).value == ([(1, 5), 3, "timer"], "w", True, False, True)


def test_a_thread_needs_the_permission():
    with Sandbox(f"thread_{next(_numbers)}") as made, pytest.raises(AccessDenied, match="ThreadPermission"):
        made.run("from threading import Thread\nThread(target=print).start()")


def test_starting_twice_or_before_init_is_an_error(sandbox):
    with pytest.raises(RuntimeError):
        sandbox.run("from threading import Thread\nt = Thread()\nt.start()\nt.join()\nt.start()")
    with pytest.raises(RuntimeError, match="not called"):
        sandbox.run("from threading import Thread\nclass T(Thread):\n    def __init__(self): pass\nT().start()")


@pytest.mark.parametrize(
    "source",
    [
        "class T(Thread): pass\nseen = list(vars(T()).values())",
        "class T(Thread):\n    def __init__(self): super(Thread, self).__init__()\nseen = list(vars(T()).values())",
        "class T(Thread):\n    def __setattr__(self, name, value): seen.append(value)\nT()",
        "class T(Thread):\n    _stderr = property(lambda self: 1, lambda self, value: seen.append(value))\nT()",
        "import copy\nclass T(Thread):\n    def __setstate__(self, state): seen.extend(state[1].values() if type(state) is tuple else state.values())\ncopy.copy(T())",
    ],
)  # fmt: skip
def test_the_hosts_stderr_is_not_in_a_thread(sandbox, source):
    plain = {"Thread": threading.Thread, "seen": []}
    exec(source, plain)
    if "super(Thread" not in source:  # outside that is object.__init__
        assert any(value is sys.stderr for value in plain["seen"])

    seen = []
    try:
        sandbox.run(f"from threading import Thread\n{source}", variables={"seen": seen})
    except TypeError:
        assert "copy" in source

    assert not [value for value in seen if value is sys.stderr or isinstance(value, threading.Thread)]


def test_the_thread_behind_is_out_of_reach(sandbox):
    for source in ("T()._real", "class U(T): pass\nU()._real", "class U(T): pass\nU().__getstate__()"):
        with pytest.raises(AccessDenied):
            sandbox.run(f"from threading import Thread as T\n{source}")
