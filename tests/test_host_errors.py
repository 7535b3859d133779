"""Exceptions of exposed objects: data comes out, objects of the host do not (corpus D068)."""

from __future__ import annotations

import asyncio
import itertools
import types

import pytest
from pycage import AccessDenied, Sandbox

_numbers = itertools.count()


class Internal:
    def token(self):
        return "internal"


class HostError(Exception):
    def __init__(self, text, more):
        super().__init__(text)
        self.more = more


class SlottedError(Exception):
    __slots__ = ("held",)

    def __init__(self, held):
        super().__init__("slotted")
        self.held = held


KEPT = Internal()


class Api:
    def __init__(self):
        self.raised = None

    def fail(self, how):
        self.raised = HOW[how]()
        raise self.raised

    def call(self, function):
        return function()

    def steps(self):
        yield 1
        raise ValueError(KEPT)

    async def wait(self):
        await asyncio.sleep(0)
        raise ValueError(KEPT)

    async def stream(self):
        yield 1
        raise ValueError(KEPT)

    def echo(self):
        got = yield 1
        yield got


class Stateful:
    broken = False

    @property
    def state(self):
        if self.broken:
            raise ValueError(KEPT)


def with_field(error, **fields):
    for name, value in fields.items():
        setattr(error, name, value)
    return error


HOW = {
    "args": lambda: ValueError(KEPT),
    "nested": lambda: ValueError("text", (1, (KEPT,))),
    "list": lambda: ValueError([KEPT]),
    "dict": lambda: KeyError({"key": KEPT}),
    "cause in args": lambda: ValueError(LookupError(KEPT)),
    "value": lambda: with_field(StopIteration(1), value=KEPT),
    "filename": lambda: OSError(2, "text", KEPT),
    "attribute": lambda: with_field(ValueError("text"), response=KEPT),
    "own class": lambda: HostError("text", KEPT),
    "slot": lambda: SlottedError(KEPT),
    "group": lambda: ExceptionGroup("text", [ValueError(KEPT)]),
    "class": lambda: TypeError(Internal),
    "module": lambda: TypeError(types),
    "bound method": lambda: TypeError(KEPT.token),
}

SEARCH = """
from host import api
def inside(thing, depth=0):
    if depth > 6:
        return []
    found = [thing]
    if isinstance(thing, BaseException):
        names = ['args', 'value', 'filename', 'response', 'more', 'held', 'exceptions', 'errno', 'strerror']
        found += [part for name in names for part in inside(getattr(thing, name, None), depth + 1)]
    if isinstance(thing, (list, tuple)):
        found += [part for item in thing for part in inside(item, depth + 1)]
    if isinstance(thing, dict):
        found += [part for item in thing.values() for part in inside(item, depth + 1)]
    return found
try:
    api.fail(how)
except Exception as error:
    caught = error
caught, inside(caught)
"""


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def sandbox(api):
    with Sandbox(f"host_errors_{next(_numbers)}") as made:
        made.expose("api", api, methods=["fail", "call", "steps", "wait", "stream", "echo"])
        stateful = Stateful()
        made.expose("stateful", stateful, attributes=["state"])
        stateful.broken = True
        yield made


@pytest.mark.parametrize("how", HOW)
def test_no_object_of_the_host_is_in_an_exception(sandbox: Sandbox, api: Api, how: str) -> None:
    error, found = sandbox.run(SEARCH, variables={"how": how}).value

    assert len(found) > 1
    allowed = (str, int, list, tuple, dict, type(None), BaseException)
    assert [thing for thing in found if not isinstance(thing, allowed)] == []
    # It is of the same type, and the host finds its own.
    assert type(error) is type(api.raised)
    assert error.__cause__ is api.raised


@pytest.mark.parametrize("how", ["args", "attribute"])
def test_the_hosts_own_exception_is_not_changed(sandbox: Sandbox, api: Api, how: str) -> None:
    sandbox.run(SEARCH, variables={"how": how})

    raised = api.raised
    assert KEPT in (*raised.args, *vars(raised).values())


def test_an_exception_with_data_only_passes_as_it_is(sandbox: Sandbox, api: Api) -> None:
    HOW["data"] = lambda: with_field(HostError("text", (1, 2.5, b"x", None)), code=404)

    error, _ = sandbox.run(SEARCH, variables={"how": "data"}).value

    assert error is api.raised


def test_an_exception_of_the_sandbox_passes_through_the_host_as_it_is(sandbox: Sandbox) -> None:
    source = """
from host import api
class Mine(Exception):
    pass
thing = Mine([1], print)
def fail():
    raise thing
def fail_plainly():
    raise KeyError(thing)
try:
    api.call(fail)
except Mine as error:
    first = error is thing
try:
    api.call(fail_plainly)
except KeyError as error:
    second = error.args[0] is thing
first, second
"""
    assert sandbox.run(source).value == (True, True)


def test_a_denial_passes_as_it_is(sandbox: Sandbox) -> None:
    with pytest.raises(AccessDenied) as denied:
        sandbox.run("from host import api\napi.call(lambda: open('/etc/hostname'))")

    assert denied.value.permission is not None


LATER = [
    "list(api.steps())",
    "w = api.wait()\nw.send(None)\nw.send(None)",
    "s = api.stream()\ntry:\n    s.asend(None).send(None)\nexcept StopIteration:\n    s.asend(None).send(None)",
    "from host import stateful\nstateful.state",
]


@pytest.mark.parametrize("source", LATER)
def test_what_is_raised_later_is_cleaned_as_well(sandbox: Sandbox, source: str) -> None:
    with pytest.raises(ValueError) as raised:
        sandbox.run("from host import api\n" + source)

    assert raised.value.args == ("<Internal>",)


def test_a_generator_still_gets_what_is_sent_to_it(sandbox: Sandbox) -> None:
    assert sandbox.run("from host import api\ng = api.echo()\nnext(g)\ng.send('x')").value == "x"
