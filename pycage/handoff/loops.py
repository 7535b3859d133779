"""Event loops: which of them a sandbox runs itself, what the next step of a task looks like, the default executor."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from pycage import _core
from pycage.handoff.threads import maker_of, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage.access import AccessControlContext

__all__ = ["install", "is_coroutine", "make_default_executor", "run_by", "runs_within"]


def install() -> None:
    """Tell the core what asyncio stores for itself."""
    if type(asyncio.Task.add_done_callback).__name__ != "function":  # tasks are made in C
        _core.pass_steps(*_what_a_loop_is_given(), tuple(_passing_on()))


class _Probe:
    """What a task asks of its loop."""

    def __init__(self) -> None:
        self.given: list[Callable[..., object]] = []

    def call_soon(self, callback: Callable[..., object], *_args: object, **_more: object) -> None:
        self.given.append(callback)

    def get_debug(self) -> bool:
        return False


def _what_a_loop_is_given() -> tuple[type, Callable[..., object]]:
    """Return the type of a next step and the function that goes on when a future is done: C shows neither by name."""
    probe: Any = _Probe()
    future: asyncio.Future[None] = asyncio.Future(loop=probe)
    asyncio.Task(_wait(future), loop=probe, name="pycage")
    step = probe.given.pop()
    step()
    future.set_result(None)
    wakeup = probe.given.pop()
    wakeup(future)
    return type(step), wakeup


# Functions of asyncio that change the state of a future or task and call nothing that they were given.  A name after a
# dot: a function that is defined inside.
_PASSING_ON: Final = (
    (asyncio.base_events, "_run_until_complete_cb"),
    (asyncio.futures, "_chain_future._call_check_cancel"),
    (asyncio.futures, "_chain_future._call_set_state"),
    (asyncio.futures, "_chain_future._set_state"),
    (asyncio.futures, "_set_result_unless_cancelled"),
    (asyncio.tasks, "_release_waiter"),
    (asyncio.tasks, "_wait._on_completion"),
    (asyncio.tasks, "gather._done_callback"),
    (asyncio.tasks, "shield._inner_done_callback"),
    (asyncio.tasks, "shield._outer_done_callback"),
    (asyncio.TaskGroup, "_on_task_done"),
    (asyncio.Timeout, "_on_timeout"),
)


def _passing_on() -> Iterator[types.CodeType]:
    for owner, path in _PASSING_ON:
        name, *inner = path.split(".")
        function = vars(owner).get(name)
        if type(function) is not types.FunctionType:
            continue  # not in this Python
        if not inner:
            yield function.__code__
        yield from (
            constant
            for constant in function.__code__.co_consts
            if type(constant) is types.CodeType and constant.co_name in inner
        )


async def _wait(future: asyncio.Future[None]) -> None:
    await future


def is_coroutine(value: object) -> bool:
    """Return whether a task can be made of it."""
    return isinstance(value, Coroutine)


# ---- Loops of sandboxes ---------------------------------------------------------------------------------------------


def run_by(loop: object, context: AccessControlContext) -> None:
    """Say that a loop will only ever be run by the sandbox that is in ``context``."""
    remember(loop, context)


def runs_within(loop: object, context: AccessControlContext) -> bool:
    """Return whether all that ``context`` stands for is on the stack whenever the loop runs."""
    _, runner = maker_of(loop)
    return (
        runner is not None and runner.is_of_one_sandbox() and context.is_of_one_sandbox() and context.is_within(runner)
    )


# ---- The default executor -------------------------------------------------------------------------------------------


def make_default_executor(loop: Any, args: tuple[object, ...]) -> None:
    """Make the executor that the loop would make now, as the host's: its workers will work for everybody."""
    if args and args[0] is None and getattr(loop, "_default_executor", None) is None:
        _core.call_privileged(_make_default_executor, (loop,), {}, None, None)


def _make_default_executor(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
