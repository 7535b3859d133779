"""Measures one item after the other, as asked on standard input; see run.py."""

import json
import sys
import tempfile
import time
from pathlib import Path

WITH = sys.argv[1] == "with"
GUEST = """
from host import check

def check_at(depth, measure):
    return check(depth, measure)

def empty():
    pass

def open_and_close(measure, path):
    return measure(lambda: open(path).close(), 300)
"""


def measure(operation, number):
    """Return the seconds one call takes, on average over ``number`` calls."""
    started = time.perf_counter()
    for _ in range(number):
        operation()
    return (time.perf_counter() - started) / number


def at_depth(depth, operation):
    """Call ``operation`` with ``depth`` frames below it."""
    return operation() if depth <= 1 else at_depth(depth - 1, operation)


def event():
    """Raise an event that pycage maps to a permission."""
    sys.audit("open", "/x", "r", 0)


def empty():
    """Do nothing."""


def call_in_loop(function):
    """Return the seconds one call takes, without the loop of `measure`."""
    numbers = range(20000)
    started = time.perf_counter()
    for _ in numbers:
        function()
    return (time.perf_counter() - started) / len(numbers)


file = Path(tempfile.mkdtemp()) / "file"
file.write_text("text")
path = str(file)

ITEMS = {
    **{f"event@{depth}": lambda d=depth: at_depth(d, lambda: measure(event, 5000)) for depth in (1, 20, 50, 200)},
    "open": lambda: at_depth(20, lambda: measure(lambda: open(path).close(), 300)),
    "empty_call": lambda: measure(empty, 20000),
    "call_plain": lambda: call_in_loop(empty),
    "compile_and_eval": lambda: measure(lambda: eval(compile("1 + 2", "<text>", "eval")), 500),
}

if WITH:
    import pycage

    ASKED = pycage.RuntimePermission("benchmark.check")

    def ask():
        """Check what everybody here is granted."""
        pycage.check_permission(ASKED)

    def check(depth, host_measure):
        """Check at a depth, on behalf of whoever calls."""
        return at_depth(depth, lambda: host_measure(ask, 5000))

    def unrecorded(operation):
        """Do something while grants are not recorded; the first time, which decides anew, is not for the clock."""
        pycage.decisions().configure(grants=False)
        try:
            operation()
            return operation()
        finally:
            pycage.decisions().configure()
            operation()

    def decided(operation):
        """Do something while no answer is remembered."""
        sandbox._domain.recording = True
        try:
            return operation()
        finally:
            sandbox._domain.recording = False

    def record():
        """Return what recording a grant takes: of a file, with permissions that are equal but not the same."""
        permissions = iter([pycage.FilePermission.exact(path, "read") for _ in range(5000)])
        granted, domain = pycage.decisions().granted, sandbox._domain
        return measure(lambda: granted(permission := next(permissions), domain, (permission,)), 5000)

    def create_and_run():
        """Create a sandbox, run a little, close it."""
        with pycage.Sandbox("short") as short:
            assert short.run("1 + 2").value == 3

    sandbox = pycage.Sandbox(
        "benchmark",
        resolver=pycage.MappingResolver({"guest": GUEST}),
        permissions=[ASKED, pycage.FilePermission(path, "read")],
    )
    sandbox.expose("check", check)
    guest = sandbox.load("guest")
    LIMIT = [ASKED]
    ITEMS |= {
        "check_host": lambda: at_depth(20, lambda: measure(ask, 5000)),
        "check_sandbox": lambda: guest.check_at(17, measure),
        "check_sandbox_unrecorded": lambda: unrecorded(lambda: guest.check_at(17, measure)),
        "check_decided": lambda: decided(lambda: guest.check_at(17, measure)),
        "record": record,
        "do_privileged": lambda: measure(lambda: pycage.do_privileged(empty), 20000),
        "do_privileged_limited": lambda: measure(lambda: pycage.do_privileged(empty, limit=LIMIT), 20000),
        "call_sandboxed": lambda: call_in_loop(guest.empty),
        "create_and_run": lambda: measure(create_and_run, 200),
        "open_sandboxed": lambda: guest.open_and_close(measure, path),
    }

for line in sys.stdin:
    print(json.dumps(ITEMS[line.strip()]()), flush=True)
