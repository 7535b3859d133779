"""What comes out of exposed objects, and what a sandbox sends into it: steps, views of dictionaries, functions."""

from __future__ import annotations

import asyncio
import functools
import types
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pycage
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

PREFIX = "from host import api\nclass Text(str): pass\nclass Bad(ValueError): pass\n"


@types.coroutine
def step(wish: object) -> Generator[object, object, object]:
    return (yield wish)


class Api:
    """Takes values in the middle of what it does."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def generator(self) -> Generator[object, object, str]:
        wish = 0
        while wish < 3:
            wish += 1
            try:
                self.got.append((yield wish))
            except Exception as error:
                self.got.append(error)
        return "done"

    async def coroutine(self) -> object:
        try:
            self.got.append(await step("wish"))
        except Exception as error:
            self.got.append(error)
        return len(self.got)

    async def items(self) -> AsyncIterator[object]:
        for wish in (1, 2):
            try:
                self.got.append((yield wish))
            except ValueError as error:
                self.got.append(error)
            self.got.append(await asyncio.sleep(0, "slept"))


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def sandbox(api: Api) -> Iterator[pycage.Sandbox]:
    with pycage.Sandbox("steps") as made:
        made.expose("api", api, methods=["generator", "coroutine", "items"], plain_arguments=True)
        yield made


# ---- Plain data, step by step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        "steps = api.generator()\nnext(steps)\nsteps.send(Text('x'))",
        "steps = api.generator()\nnext(steps)\nsteps.throw(Bad())",
        "steps = api.generator()\nnext(steps)\nsteps.throw(ValueError(Text('x')))",
        "steps = api.coroutine()\nsteps.send(None)\nsteps.send([Text('x')])",
        "steps = api.coroutine()\nsteps.send(None)\nsteps.throw(Bad())",
        "items = api.items()\ntry: items.asend(None).send(None)\nexcept StopIteration: pass\n"
        "items.asend(Text('x')).send(None)",
        "items = api.items()\ntry: items.asend(None).send(None)\nexcept StopIteration: pass\nitems.athrow(Bad()).send(None)",
    ],
)
def test_what_is_sent_is_plain_data_or_refused(sandbox: pycage.Sandbox, api: Api, attack: str) -> None:
    with pytest.raises(pycage.NotPlainError, match="what is "):
        sandbox.run(PREFIX + attack)
    assert api.got == []


def test_plain_data_is_sent_as_a_copy(sandbox: pycage.Sandbox, api: Api) -> None:
    sent, came = sandbox.run("""
from host import api
sent = [1, {"a": 2}]
steps = api.generator()
came = [next(steps), steps.send(sent), steps.throw(KeyError("k"))]
try:
    next(steps)
except StopIteration as stop:
    came.append(stop.value)
sent, came
""").value
    first, error, last = api.got

    assert came == [1, 2, 3, "done"]
    assert first == sent
    assert first is not sent
    assert type(error) is KeyError
    assert error.args == ("k",)
    assert last is None


def test_an_ordinary_loop_awaits_what_the_object_returns(sandbox: pycage.Sandbox, api: Api) -> None:
    main: Any = sandbox.run("""
from host import api
async def main():
    return [item async for item in api.items()]
main
""").value

    assert asyncio.run(main()) == [1, 2]
    assert api.got == [None, "slept", None, "slept"]


def test_a_task_that_waits_for_the_object_can_be_cancelled(sandbox: pycage.Sandbox) -> None:
    ended: list[object] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            ended.append(type(error))
            raise

    sandbox.expose("forever", forever, plain_arguments=True)
    wait: Any = sandbox.run("from host import forever\nasync def wait(): await forever()\nwait").value

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == [asyncio.CancelledError]


# ---- Views of dictionaries -------------------------------------------------------------------------------------------

SPY = """
from host import table
class Spy:
    def __eq__(self, other):
        other["role"] = "admin"
        return True
    __ror__ = __eq__
"""


@pytest.mark.parametrize("view", ["keys", "values", "items"])
@pytest.mark.parametrize(
    "attack", ["view.mapping == Spy()", "view.mapping | Spy()", "getattr(view, 'mapping') == Spy()"]
)
def test_the_view_of_a_dictionary_does_not_lead_to_it(view: str, attack: str) -> None:
    table = {"role": "user"}
    with pycage.Sandbox("views") as sandbox:
        sandbox.expose("table", table, methods=["keys", "values", "items"])
        try:
            sandbox.run(f"{SPY}\nview = table.{view}()\n{attack}")
        except TypeError:
            pass

    assert table == {"role": "user"}


def test_views_are_what_they_are_and_other_mappings_too() -> None:
    table = {"role": "user"}
    with pycage.Sandbox("views") as sandbox:
        sandbox.expose("table", table, methods=["items"])
        value = sandbox.run("""
from host import table
class Own:
    mapping = {"a": 1}
own = Own()
own.mapping |= {"b": 2}
view = table.items()
len(view), ("role", "user") in view, view.mapping["role"], dict(view.mapping), own.mapping, Own.mapping is own.mapping
""").value

    assert value == (1, True, "user", table, {"a": 1, "b": 2}, True)


# ---- Functions that attributes hold ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(len, "abc"),
        functools.lru_cache(lambda: 3),
        (3).__index__,
        pycage.get_context().bind(lambda: 3),
        lambda: 3,
    ],
)
def test_a_function_of_any_kind_is_taken_back_with_its_object(function: Any) -> None:
    holder = types.SimpleNamespace(function=function)
    with pycage.Sandbox("holders") as sandbox:
        sandbox.expose("holder", holder, attributes=["function"])
        sandbox.expose("function", function)
        kept = sandbox.run("from host import holder, function\nkept = [holder.function, function]\nkept").value
        assert [one() for one in kept] == [3, 3]

        sandbox.unexpose("holder")
        sandbox.unexpose("function")
        for one in kept:
            with pytest.raises(pycage.AccessDenied, match="taken this object back"):
                one()


# ---- The object itself -----------------------------------------------------------------------------------------------


class Itself:
    """Returns itself in every way, and has what is not exposed."""

    def __init__(self) -> None:
        self.me = self

    def __enter__(self) -> Itself:
        return self

    def __exit__(self, *_: object) -> None: ...

    async def __aenter__(self) -> Itself:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def add(self) -> Itself:
        return self

    def secret(self) -> str:
        return "secret"


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    "way",
    [
        "with itself as found: pass",
        "found = itself.add().add()",
        "found = itself.me",
        "manager = itself.__aenter__()\ntry: manager.send(None)\nexcept StopIteration as stop: found = stop.value",
    ],
)
def test_where_the_object_itself_comes_out_the_sandbox_gets_the_proxy(way: str, *, plain: bool) -> None:
    methods = ["add", "__enter__", "__exit__", "__aenter__", "__aexit__"]
    with pycage.Sandbox("fluent") as sandbox:
        sandbox.expose("itself", Itself(), methods=methods, attributes=["me"], plain_arguments=plain)
        source = f"from host import itself\n{way}\n"
        assert sandbox.run(f"{source}found is itself, found.add() is itself").value == (True, True)
        with pytest.raises(AttributeError, match="secret"):
            sandbox.run(f"{source}found.secret()")


# ---- Pools -----------------------------------------------------------------------------------------------------------


def test_a_limited_privilege_does_not_end_the_pool_of_another_sandbox() -> None:
    pools: list[ThreadPoolExecutor] = []
    limit = [pycage.RuntimePermission("other")]
    with pycage.Sandbox("owner") as owner, pycage.Sandbox("stranger") as stranger:
        owner.expose("make", lambda: pools.append(ThreadPoolExecutor(1)))
        owner.run("from host import make\nmake()")
        for sandbox in (owner, stranger):
            sandbox.expose("end", lambda: pycage.do_privileged(pools[0].shutdown, limit=limit))

        with pytest.raises(pycage.AccessDenied, match="modify"):
            stranger.run("from host import end\nend()")
        owner.run("from host import end\nend()")
        with pytest.raises(RuntimeError, match="after shutdown"):
            pools[0].submit(len, "")
