"""State of the host that a sandbox is called in: the exception being handled, contexts of decimal, tasks, file names."""

from __future__ import annotations

import asyncio
import decimal
import pickle
import functools
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pycage
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Secret:
    """An object of the host."""


class HostError(Exception):
    """An exception of the host."""


@pytest.fixture
def sandbox() -> Iterator[pycage.Sandbox]:
    with pycage.Sandbox("in_host_state") as made:
        yield made


# ---- The exception that is handled ---------------------------------------------------------------------------------

READING = {
    "sys.exception": "import sys\ndef look(): return sys.exception()",
    "sys.exc_info": "import sys\ndef look(): return sys.exc_info()[1]",
    "raise": "def look():\n try: raise\n except Exception as error: return error if type(error) is not RuntimeError else None",
    "raise in a finally clause": (
        "def look():\n try:\n  try: pass\n  finally: raise\n"
        " except Exception as error: return error if type(error) is not RuntimeError else None"
    ),
    "raise in a nested function": (
        "def look():\n try: {}[0]\n except KeyError: pass\n def again(): raise\n try: again()\n"
        " except Exception as error: return error if type(error) is not RuntimeError else None"
    ),
    "raise in a generator": (
        "def steps():\n raise\n yield\ndef look():\n try: list(steps())\n"
        " except Exception as error: return error if type(error) is not RuntimeError else None"
    ),
    "exec": (
        "def look():\n try: exec('raise')\n"
        " except Exception as error: return error if type(error) is not RuntimeError else None"
    ),
    "traceback": "import traceback\ndef look():\n text = traceback.format_exc()\n return text if 'host only' in text else None",
    "traceback of a context": (
        "import traceback\ndef look():\n try: {}[0]\n except KeyError: text = traceback.format_exc()\n"
        " return text if 'host only' in text else None"
    ),
    "logging": (
        "import io, logging\ndef look():\n out = io.StringIO()\n log = logging.getLogger('x')\n"
        " log.addHandler(logging.StreamHandler(out))\n log.exception('here')\n"
        " return out.getvalue() if 'host only' in out.getvalue() else None"
    ),
}


@pytest.mark.parametrize("name", READING)
def test_the_exception_that_the_host_handles_is_not_shown(sandbox: pycage.Sandbox, name: str) -> None:
    look = sandbox.run(f"{READING[name]}\nlook").value

    def fail() -> None:
        raise HostError("host only", Secret())

    try:
        fail()
    except HostError as error:
        assert look() is None
        assert error.args[0] == "host only"


@pytest.mark.parametrize("read", ["error.__context__", "getattr(error, '__context__')"])
def test_nor_is_it_the_readable_context_of_another(sandbox: pycage.Sandbox, read: str) -> None:
    look = sandbox.run(f"def look():\n try: {{}}[0]\n except KeyError as error: return {read}\nlook").value

    try:
        raise HostError("host only", Secret())
    except HostError:
        with pytest.raises(pycage.AccessDenied):
            look()


def test_a_sandbox_sees_what_it_handles_itself(sandbox: pycage.Sandbox) -> None:
    assert sandbox.run("""
import sys, traceback
def helper():
    raise
def seen():
    return type(sys.exception()).__name__, sys.exc_info()[1] is sys.exception(), "ZeroDivisionError" in traceback.format_exc()
def work():
    try:
        1 / 0
    except ZeroDivisionError:
        first = seen()
        try:
            helper()
        except ZeroDivisionError as error:
            return first, str(error), sys.exception() is error
work(), sys.exception(), sys.exc_info()
""").value == ((("ZeroDivisionError", True, True), "division by zero", True), None, (None, None, None))


def test_an_exception_that_a_host_function_let_out_is_seen(sandbox: pycage.Sandbox) -> None:
    def fail() -> None:
        raise HostError("let out")

    assert sandbox.run(
        """
import sys
def again(): raise
try: fail()
except Exception:
    found = str(sys.exception())
    try: again()
    except Exception as error: found = found, str(error)
found
""",
        variables={"fail": fail},
    ).value == ("let out", "let out")


def test_raise_without_an_exception_says_so(sandbox: pycage.Sandbox) -> None:
    with pytest.raises(RuntimeError, match="No active exception to reraise"):
        sandbox.run("raise")


# ---- decimal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "import decimal\nkept = decimal.localcontext(prec=3)\ndef f(): kept.__enter__()",
        "import decimal\ndef f():\n for _ in steps(): break\nkept = []\n"
        "def steps():\n with decimal.localcontext(prec=3): yield\nf0 = f\ndef f():\n kept.append(steps())\n next(kept[0])",
        "import decimal, contextlib\nstack = contextlib.ExitStack()\n"
        "def f(): stack.enter_context(decimal.localcontext(prec=3))",
        "import decimal\nkept = []\ndef f():\n with decimal.localcontext(prec=3) as c: kept.append(c)\n kept[0].prec = 2",
        "import decimal\nkept = decimal.localcontext(prec=3)\ndef f():\n with kept: kept.__exit__(None, None, None)",
        "import decimal\nkept = decimal.localcontext(decimal.getcontext())\ndef f(): type(kept).__enter__(kept)",
        "import decimal\nkept = []\ndef f():\n with decimal.localcontext(prec=3): pass\n"
        " [cm for cm in [decimal.localcontext(prec=3)] if list(map(lambda c: c.__enter__(), [cm]))]",
        "import decimal\ndecimal.getcontext().prec = 3\ndef f(): decimal.getcontext().prec = 3",
    ],
)
def test_a_context_of_decimal_does_not_stay_behind_a_direct_call(sandbox: pycage.Sandbox, source: str) -> None:
    before = decimal.getcontext()
    function = sandbox.run(f"{source}\nf").value
    try:
        function()
    except (pycage.AccessDenied, RuntimeError):
        pass

    try:
        assert decimal.getcontext() is before
        assert decimal.getcontext().prec == 28
    finally:
        decimal.setcontext(before)


def test_an_ordinary_use_of_local_contexts_works_in_direct_calls_and_runs(sandbox: pycage.Sandbox) -> None:
    source = """
import decimal, contextlib
def third(digits):
    with decimal.localcontext() as context:
        context.prec = digits
        with decimal.localcontext(prec=2):
            inner = decimal.Decimal(1) / 3
        return inner, decimal.Decimal(1) / 3, decimal.getcontext().prec
async def later():
    with decimal.localcontext(prec=4): return decimal.Decimal(1) / 3
"""
    third, later, inside = sandbox.run(f"""{source}
with contextlib.ExitStack() as stack:
    stack.enter_context(decimal.localcontext(prec=3))
    inside = decimal.Decimal(1) / 3
third, later, inside""").value
    expected = (decimal.Decimal("0.33"), decimal.Decimal("0.33333"), 5)

    assert third(5) == expected
    assert asyncio.run(later()) == decimal.Decimal("0.3333")
    assert inside == decimal.Decimal("0.333")
    assert decimal.getcontext().prec == 28


# ---- Names of files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["<standard x>", "<pycage shim>", "<pycage x", '<sandbox \\"in_host_state\\">', "<frozen importlib._bootstrap>"],
)
def test_code_of_a_sandbox_cannot_pass_for_code_whose_frames_are_not_shown(sandbox: pycage.Sandbox, name: str) -> None:
    found = sandbox.run(f"""
import sys, traceback
names = {{}}
exec(compile("def f(): return 1/0, g()\\ndef frame(): return sys._getframe()", "{name}", "exec"), names)
names["sys"] = sys
try: names["f"]()
except ZeroDivisionError: shown = [row.filename for row in traceback.extract_tb(sys.exc_info()[2])]
shown
""").value

    assert found[-1] == f"<{name}>".replace("\\", "")


@pytest.mark.parametrize("hand", ["a.__exit__(None, None, None)", "b.__exit__(None, None, None)"])
def test_local_contexts_that_are_left_by_hand_do_not_stay_behind(sandbox: pycage.Sandbox, hand: str) -> None:
    before = decimal.getcontext()
    function = sandbox.run(f"""
import decimal
import pickle
a, b = decimal.localcontext(prec=3), decimal.localcontext(prec=2)
def f():
    with a:
        with b: {hand}
    a.__exit__(None, None, None)
    b.__exit__(None, None, None)
f""").value
    try:
        with decimal.localcontext(prec=7) as mine:
            function()
            assert decimal.getcontext() is mine
        assert decimal.getcontext() is before
    finally:
        decimal.setcontext(before)


# ---- Tasks -----------------------------------------------------------------------------------------------------------

ENTERING = {
    "timeout": "t = asyncio.timeout(0.01)\n await t.__aenter__()\n kept.append(t)",
    "timeout, rescheduled": "t = asyncio.timeout(None)\n await t.__aenter__()\n t.reschedule(0)\n kept.append(t)",
    "TaskGroup": "g = asyncio.TaskGroup()\n await g.__aenter__()\n async def fail(): 1 / 0\n g.create_task(fail())\n kept.append(g)",
}


@pytest.mark.parametrize("name", ENTERING)
def test_what_a_guest_enters_by_hand_does_not_cancel_the_task_of_the_host(sandbox: pycage.Sandbox, name: str) -> None:
    enter = sandbox.run(f"import asyncio\nkept = []\nasync def enter():\n {ENTERING[name]}\nenter").value

    async def main() -> str:
        await enter()
        await asyncio.sleep(0.03)
        return "not cancelled"

    assert asyncio.run(main()) == "not cancelled"


def test_timeouts_and_groups_of_a_guest_work_in_the_task_of_the_host(sandbox: pycage.Sandbox) -> None:
    work = sandbox.run("""
import asyncio
async def fail():
    1 / 0
async def work(wait):
    found = []
    try:
        async with asyncio.timeout(0.001): await wait(0.2)
    except TimeoutError: found.append("timeout")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await wait(0.2)
            found.append("waited")
    except ExceptionGroup as errors: found.append(str(errors.exceptions[0]))
    return found
work""").value

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def main() -> object:
        return await work(wait), await work(asyncio.sleep)

    assert asyncio.run(main()) == (["timeout", "division by zero"],) * 2


@pytest.mark.parametrize("keyword", ["", "coro="])
def test_a_task_made_by_the_type_of_a_bare_one_runs_with_the_sandbox(sandbox: pycage.Sandbox, keyword: str) -> None:
    done: list[str] = []
    permission = pycage.RuntimePermission("work")

    async def host_work() -> None:
        pycage.check_permission(permission)
        done.append("worked")

    async def main() -> object:
        bare = asyncio.get_running_loop().create_task(asyncio.sleep(0))
        names = {"bare": bare, "coroutine": host_work(), "loop": asyncio.get_running_loop()}
        made = sandbox.run(f"type(bare)({keyword}coroutine, loop=loop)", variables=names).value
        return (await asyncio.gather(bare, made, return_exceptions=True))[1]

    assert type(asyncio.run(main())) is pycage.AccessDenied
    sandbox.grant(permission)
    assert asyncio.run(main()) is None
    assert done == ["worked"]


@pytest.mark.parametrize("call", ["get_loop()", "run(work)", "close()", "__enter__()"])
def test_methods_of_a_runner_take_runners_only(sandbox: pycage.Sandbox, call: str) -> None:
    class Lookalike:
        _state, _loop, _debug = "open", "the host's loop", None

    thing = Lookalike()
    with pytest.raises(TypeError, match="Runner"):
        sandbox.run(
            f"""
import asyncio
async def waiting(): pass
work = waiting()
try: asyncio.Runner.{call.replace("(", "(thing, ", 1)}
finally: work.close()
""",
            variables={"thing": thing},
        )
    assert vars(thing) == {}


# ---- Denials are recorded --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import ipaddress\nmake = type\nmake('A', (ipaddress.IPv4Address,), {})", "derived from IPv4Address"),
        ("list(map(type, ['M'], [(type,)], [{'mro': lambda cls: []}]))", "a metaclass in a sandbox cannot define mro"),
    ],
)
def test_a_denial_of_a_sealed_base_is_recorded(sandbox: pycage.Sandbox, source: str, message: str) -> None:
    with pytest.raises(pycage.AccessDenied, match=message):
        sandbox.run(source)

    last = [decision for decision in pycage.decisions() if message in decision.permission]
    assert last
    assert (last[-1].granted, last[-1].domain) == (False, 'sandbox "in_host_state"')


# ---- Pickle and cached properties ------------------------------------------------------------------------------------

REDUCING = {
    "a metaclass": "class M(type): pass\nM('C', (), {'__reduce__': reduce})",
    "a metaclass, mapped": "class M(type): pass\nlist(map(M, ['C'], [()], [{'__reduce__': reduce}]))[0]",
    "type under another name": "make = type\nmake('C', (), {'__reduce_ex__': reduce})",
    "ABCMeta": "from abc import ABCMeta\nABCMeta('C', (), {'__reduce__': reduce})",
    "a metaclass that adds it": (
        "class M(type):\n def __new__(cls, name, bases, names):\n  return super().__new__(cls, name, bases, {**names, '__reduce__': reduce})"
        "\nclass C(metaclass=M): pass\nC"
    ),
    "a bound method": "class M(type): pass\nclass R:\n def f(self, *a): return reduce()\nM('C', (), {'__reduce__': R().f})",
    "new_class": "import types\ntypes.new_class('C', (), {}, lambda names: names.update(__reduce__=reduce))",
    "setattr": "class C: pass\nsetattr(C, '__reduce__', reduce)\nC",
    "an assignment": "class C: pass\nC.__reduce__ = reduce\nC",
}


@pytest.mark.parametrize("name", REDUCING)
def test_pickle_of_the_host_does_not_obey_an_object_of_a_sandbox(sandbox: pycage.Sandbox, name: str) -> None:
    source = f"asked = []\ndef reduce(*args):\n asked.append(1)\n return (str, ('made',))\n{REDUCING[name]}"
    try:
        kind: Any = sandbox.run(source).value
    except (pycage.AccessDenied, pycage.RestrictedSyntaxError):
        return
    try:
        data = pickle.dumps(kind())
    except (pickle.PicklingError, AttributeError, TypeError):
        return
    assert pickle.loads(data) != "made"


def test_an_attribute_of_a_cached_property_cannot_be_exchanged(sandbox: pycage.Sandbox) -> None:
    shared = sandbox.run("""
from functools import cached_property
class C:
    @cached_property
    def p(self): "doc"; return "right"
C.p.__doc__ = "other"
C""").value
    for attack in ("C.p.func = lambda self: 'wrong'", "C.p.attrname = 'q'", "C.p._func = 1", "C.p.extra = 1"):
        with pycage.Sandbox("another") as other, pytest.raises((AttributeError, pycage.AccessDenied)):
            other.run(attack, variables={"C": shared})
    made = shared()

    assert (made.p, shared.p.__doc__, shared.p.attrname, vars(made)) == ("right", "other", "p", {"p": "right"})
