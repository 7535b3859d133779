"""signal in a sandbox: asked for, bound to who set the handler, and nothing of the host's handed out."""

from __future__ import annotations

import itertools
import os
import signal

import pycage
import pytest
from pycage import AccessDenied, ProcessPermission, RuntimePermission, Sandbox, SandboxExited

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    before = signal.getsignal(signal.SIGUSR1)
    with Sandbox(f"signal_{next(_numbers)}") as made:
        yield made
    signal.signal(signal.SIGUSR1, before)


DENIED = {
    "signal.signal(signal.SIGUSR1, print)": "setSignalHandler.SIGUSR1",
    "signal.signal(signal.SIGINT, signal.SIG_IGN)": "setSignalHandler.SIGINT",
    "signal.raise_signal(signal.SIGUSR1)": "ProcessPermission",
    "signal.alarm(1)": "setSignalTimer",
    "signal.setitimer(signal.ITIMER_REAL, 1)": "setSignalTimer",
}


@pytest.mark.parametrize("expression", DENIED)
def test_everything_with_an_effect_asks(sandbox, expression):
    with pytest.raises(AccessDenied, match=DENIED[expression]):
        sandbox.run(f"import signal\n{expression}")


@pytest.mark.parametrize("name", ["set_wakeup_fd", "pthread_kill", "pidfd_send_signal", "pthread_sigmask", "sigwait", "pause", "default_int_handler", "getitimer", "siginterrupt"])  # fmt: skip
def test_what_is_withheld_is_not_there(sandbox, name):
    with pytest.raises(AttributeError):
        sandbox.run(f"import signal\nsignal.{name}")


def test_a_handler_is_set_called_and_put_back(sandbox):
    sandbox.grant(RuntimePermission("setSignalHandler.SIGUSR1"), ProcessPermission(str(os.getpid()), "signal"))
    source = """
import signal
seen = []
def handler(number, frame): seen.append((number == signal.SIGUSR1, frame))
old = signal.signal(signal.SIGUSR1, handler)
mine = signal.getsignal(signal.SIGUSR1) is handler
signal.raise_signal(signal.SIGUSR1)
back = signal.signal(signal.SIGUSR1, old)
mine, back is handler, seen, signal.strsignal(signal.SIGUSR1) is not None, signal.Signals.SIGTERM.name
"""
    assert sandbox.run(source).value == (True, True, [(True, None)], True, "SIGTERM")


def test_a_handler_of_the_hosts_is_neither_called_nor_read_and_can_be_put_back(sandbox):
    calls = []

    def handler(*args):
        calls.append(args)

    signal.signal(signal.SIGUSR1, handler)
    sandbox.grant(RuntimePermission("setSignalHandler.*"))

    old = sandbox.run("import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)").value
    assert not callable(old)
    with pytest.raises(AccessDenied):
        sandbox.run("old._handler", variables={"old": old})

    sandbox.run("import signal\nsignal.signal(signal.SIGUSR1, old)", variables={"old": old})
    assert signal.getsignal(signal.SIGUSR1) is handler


def test_a_handler_has_the_permissions_of_who_set_it(sandbox):
    """The control: the host's own handler, called at the same place, is allowed."""
    outcomes = []

    def act(*_args):
        try:
            pycage.check_permission(RuntimePermission("asked"))
        except AccessDenied:
            outcomes.append("denied")
        else:
            outcomes.append("done")

    signal.signal(signal.SIGUSR1, act)
    signal.raise_signal(signal.SIGUSR1)
    sandbox.grant(RuntimePermission("setSignalHandler.SIGUSR1"))
    sandbox.run("import signal\nsignal.signal(signal.SIGUSR1, act)", variables={"act": act})
    signal.raise_signal(signal.SIGUSR1)

    assert outcomes == ["done", "denied"]


def test_a_handler_does_not_end_the_host(sandbox):
    sandbox.grant(RuntimePermission("setSignalHandler.SIGUSR1"))
    sandbox.run("import signal\ndef leave(*_): raise SystemExit\nsignal.signal(signal.SIGUSR1, leave)")

    with pytest.raises(SandboxExited):
        signal.raise_signal(signal.SIGUSR1)
