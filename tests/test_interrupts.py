"""Ctrl-C means the host; a KeyboardInterrupt that sandboxed code raises does not end it (corpus D073)."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from pycage import MappingResolver, Sandbox, SandboxExited, do_privileged

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def python_handles_ctrl_c() -> Iterator[None]:
    """Whoever started the tests may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def make(**modules: str) -> Sandbox:
    return Sandbox(f"interrupts_{next(_numbers)}", resolver=MappingResolver(modules))


def ctrl_c() -> None:
    do_privileged(os.kill, os.getpid(), signal.SIGINT)


RAISED = [
    "raise KeyboardInterrupt",
    "raise KeyboardInterrupt()",
    "class Mine(KeyboardInterrupt): pass\nraise Mine",
    "def g(): yield\ng().throw(KeyboardInterrupt)",
    "class C:\n    def __eq__(self, other): raise KeyboardInterrupt\n[C()].index(1)",
]


@pytest.mark.parametrize("source", RAISED)
def test_a_keyboard_interrupt_of_the_sandbox_is_an_ordinary_error(source: str) -> None:
    with make(m=source) as sandbox:
        with pytest.raises(SandboxExited):
            sandbox.run(source)
        with pytest.raises(SandboxExited):
            sandbox.load("m")


def test_ctrl_c_passes_through_a_run() -> None:
    with make() as sandbox, pytest.raises(KeyboardInterrupt):
        sandbox.run("stop()\nwhile True: pass", variables={"stop": ctrl_c})


def test_ctrl_c_passes_through_handlers_of_the_sandbox_that_raise_it_again() -> None:
    source = "try:\n    stop()\n    while True: pass\nexcept KeyboardInterrupt as error:\n    raise error"

    with make() as sandbox, pytest.raises(KeyboardInterrupt):
        sandbox.run(source, variables={"stop": ctrl_c})


def test_ctrl_c_passes_through_a_run_inside_of_a_run() -> None:
    with make() as outer, make() as inner, pytest.raises(KeyboardInterrupt):
        source, names = "stop()\nwhile True: pass", {"stop": ctrl_c}
        outer.run("run()", variables={"run": lambda: do_privileged(lambda: inner.run(source, variables=names))})


def test_the_hosts_handler_is_called_and_comes_back() -> None:
    calls = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    try:
        handler = signal.getsignal(signal.SIGINT)
        with make() as sandbox:
            sandbox.run("stop()", variables={"stop": ctrl_c})
        assert handler == signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [signal.SIGINT]


def test_a_handler_that_the_host_sets_during_a_run_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    handler = lambda number, frame: None
    try:
        with make() as sandbox:
            sandbox.run("set()", variables={"set": lambda: signal.signal(signal.SIGINT, handler)})
        assert handler == signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_it_is_the_sandboxs() -> None:
    caught = []

    def work() -> None:
        with make() as sandbox:
            try:
                sandbox.run("raise KeyboardInterrupt")
            except SandboxExited as error:
                caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert len(caught) == 1
