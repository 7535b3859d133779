"""Hand-off: threads and pools carry the context of those who made, started or filled them."""

from __future__ import annotations

import _thread
import functools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cast import Role
from pycage import manager
from pycage.access import check_permission, do_privileged
from pycage.errors import AccessDenied
from pycage.permissions import RuntimePermission, ThreadPermission

ASKED = RuntimePermission("x.y")
START = ThreadPermission("start")
HOST = Role(None)


@pytest.fixture
def box() -> Role:
    return Role("box", START)


def outcome_of(make) -> str:
    """Return what a host check says in the thread that make(target) makes and starts."""
    found = []

    def target() -> None:
        try:
            check_permission(ASKED)
            found.append("allowed")
        except AccessDenied:
            found.append("denied")
        finally:
            done.set()

    done = threading.Event()
    make(target)
    assert done.wait(30)
    return found[0]


def start(target) -> None:
    threading.Thread(target=target).start()


def test_a_thread_that_a_sandbox_starts_carries_the_sandbox(box: Role) -> None:
    assert outcome_of(start) == "allowed"
    assert outcome_of(lambda target: box.call(start, target)) == "denied"


def test_a_thread_that_a_sandbox_made_and_the_host_starts_carries_the_sandbox(box: Role) -> None:
    assert outcome_of(lambda target: box.call(functools.partial(threading.Thread, target=target)).start()) == "denied"


def test_a_low_level_thread_carries_the_sandbox(box: Role) -> None:
    low_level = _thread.start_new_thread

    assert outcome_of(lambda target: low_level(target, ())) == "allowed"
    assert outcome_of(lambda target: box.call(low_level, target, ())) == "denied"


def test_a_timer_carries_the_sandbox(box: Role) -> None:
    assert outcome_of(lambda target: box.call(lambda: threading.Timer(0, target).start())) == "denied"


def test_what_a_thread_of_a_sandbox_starts_carries_the_sandbox(box: Role) -> None:
    assert outcome_of(lambda target: box.call(start, lambda: start(target))) == "denied"


def test_a_host_function_in_a_thread_of_a_sandbox_can_lend(box: Role) -> None:
    found = []
    thread = box.call(lambda: threading.Thread(target=lambda: found.append(do_privileged(check_permission, ASKED))))
    thread.start()
    thread.join()

    assert found == [None]


@pytest.mark.parametrize("trick", ["descriptor", "setattr", "hash", "run"])
def test_a_subclass_cannot_shake_off_the_context(trick: str, tmp_path, monkeypatch) -> None:
    """Whatever a sandbox overrides: a C function as the target leaves no frame of the sandbox on the stack."""
    box = Role("box", START)
    target = tmp_path / "made"

    def attack() -> threading.Thread:
        if trick == "descriptor":

            class Guest(threading.Thread):
                @property
                def _bootstrap(self):
                    self._started.set()  # or start() would wait for ever
                    return functools.partial(os.mkdir, target)

        elif trick == "setattr":

            class Guest(threading.Thread):
                def __setattr__(self, name: str, value: object) -> None:
                    if name != "_bootstrap":
                        super().__setattr__(name, value)

        elif trick == "hash":

            class Guest(threading.Thread):
                def __hash__(self) -> int:
                    return 1

                def __eq__(self, other: object) -> bool:
                    return False

        else:

            class Guest(threading.Thread):
                def run(self) -> None:
                    os.mkdir(target)

        return Guest(target=os.mkdir, args=(target,))

    refused = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: refused.set())
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: refused.set())
    thread = box.call(attack)

    thread.start()

    assert refused.wait(30)
    assert not target.exists()


def test_starting_a_thread_needs_the_permission() -> None:
    box = Role("unable")

    with pytest.raises(AccessDenied, match='"ThreadPermission" "start"'):
        box.call(start, lambda: None)
    with pytest.raises(AccessDenied, match='"ThreadPermission" "start"'):
        box.call(_thread.start_new_thread, lambda: None, ())


def test_a_pool_that_a_sandbox_made_starts_threads_with_the_sandboxs_permission_only() -> None:
    """Otherwise submitting to a pool of one's own would start threads for nothing."""
    box = Role("unable")

    def attack() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()

    with pytest.raises(AccessDenied, match='"ThreadPermission" "start"'):
        box.call(attack)


def test_work_submitted_by_a_sandbox_is_judged_with_it_and_the_next_work_is_not(box: Role) -> None:
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(AccessDenied):
            box.call(lambda: pool.submit(check_permission, ASKED)).result()
        with pytest.raises(AccessDenied):
            box.call(lambda: list(pool.map(check_permission, [ASKED])))
        assert pool.submit(check_permission, ASKED).result() is None


def test_a_sandbox_may_use_a_pool_of_the_host_without_permission_to_start_threads() -> None:
    box = Role("unable")

    with ThreadPoolExecutor(1) as pool:
        assert box.call(lambda: pool.submit(divmod, 7, 2)).result() == (3, 1)


def test_a_granted_permission_holds_in_the_sandboxs_threads(box: Role) -> None:
    manager.POLICY.grant(box.source, ASKED)

    assert outcome_of(lambda target: box.call(start, target)) == "allowed"
