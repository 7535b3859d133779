"""The walk in C and the plain-Python reference walker give the same answer on every stack hypothesis can build."""

from __future__ import annotations

import threading
from types import CodeType

import pytest
import reference_walker
from cast import Role
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycage import _core, manager
from pycage.access import check_permission, get_context
from pycage.errors import AccessDenied
from pycage.permissions import RuntimePermission, ThreadPermission

ASKED = [RuntimePermission(name) for name in ("file.r", "file.w", "net.c", "other")]
START = ThreadPermission("start")  # what is asked about is elsewhere; here every role may start threads
ROLES = [
    Role(None),
    Role("none", START),
    Role("reader", START, RuntimePermission("file.r")),
    Role("files", START, RuntimePermission("file.*")),
    Role("most", START, RuntimePermission("file.*"), RuntimePermission("net.*")),
]
LIMITS = [None, (), (RuntimePermission("file.r"),), (RuntimePermission("file.*"), RuntimePermission("net.c"))]


def domain_of(code: CodeType):
    return _core.code_domain(code) or manager.HOST


class Captured:
    """A context captured by both walkers at once."""

    def __init__(self) -> None:
        self.real = get_context()
        self.model = reference_walker.snapshot(domain_of)


def run(steps, found: list) -> None:
    """Perform the steps, each inside the one before, and ask both walkers at the innermost point."""
    if not steps:
        expected_context = reference_walker.snapshot(domain_of)
        for permission in ASKED:
            try:
                check_permission(permission)
                got = True
            except AccessDenied:
                got = False
            found.append((permission, got, reference_walker.allows(expected_context, permission)))
        return
    (kind, role, limit), rest = steps[0], steps[1:]

    def further() -> None:
        run(rest, found)

    if kind == "call":
        role.call(further)
    elif kind == "generator":
        next(role.generate(further))
    elif kind == "suspended generator":
        generator = role.generate(further)
        ROLES[0].call(lambda: list(generator))
    elif kind == "coroutine":
        with pytest.raises(StopIteration):
            role.suspend(further).send(None)
    elif kind == "sort":
        role.sort(further)
    elif kind == "comprehension":
        role.comprehend(further)
    elif kind == "map":
        list(map(role.call, [further]))
    elif kind == "privileged":
        role.privileged(further, limit=limit)
    elif kind == "context":
        captured = role.call(Captured)
        role.privileged(further, limit=limit, context=captured)
    elif kind == "thread":
        errors = []

        def body() -> None:
            try:
                with reference_walker.inherited(inherited):
                    further()
            except BaseException as error:
                errors.append(error)

        inherited = role.call(reference_walker.snapshot, domain_of)
        thread = role.call(lambda: threading.Thread(target=body))
        thread.start()
        thread.join()
        if errors:
            raise errors[0]


KINDS = [
    "call",
    "generator",
    "suspended generator",
    "coroutine",
    "sort",
    "comprehension",
    "map",
    "privileged",
    "context",
    "thread",
]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(ROLES), st.sampled_from(LIMITS)), max_size=7)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_the_walk_in_c_agrees_with_the_reference_walker(steps) -> None:
    found: list = []
    run(steps, found)

    assert len(found) == len(ASKED)
    for permission, got, expected in found:
        assert got == expected, (permission, steps)
