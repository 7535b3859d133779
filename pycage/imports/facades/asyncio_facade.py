"""``asyncio`` for a sandbox: tasks, locks, queues and timeouts, on the host's event loop or on one of its own."""

# Problem.  An event loop is the whole network, processes, threads and signals in one object, and nearly every object of
# asyncio leads to it.  It also calls what it was given later, with nobody on the stack.
#
# Things that do not work:
#
# - The real module as a view: asyncio.run() sets a handler for SIGINT, sets and unsets the loop of the host's thread,
#   and asks the host's policy for a loop; Task.get_loop() hands out the loop.
# - A loop of the sandbox's own only: then no coroutine of a sandbox can be awaited by a host that is asynchronous
#   itself, or sleep there.
#
# Idea.  Three parts.  What is scheduled is bound to who scheduled it (`asyncio_work`).  Loops are facades: narrow ones
# for the host's, and real selector loops behind the sandbox's own, whose run is a call of the sandbox like any other:
# no privilege is needed and none is lent (`asyncio_loop`).  What only waits is the real thing: locks, queues and sleep
# are shown as they are; the functions that make tasks out of their arguments are given tasks.
#
# A guest's coroutine that the host awaits is a part of the host's task.  A timeout or a group that it entered by hand
# and never left would cancel that task later: they cancel it only while it waits for code of the sandbox.
#
# What still fails.  current_task() is None there.

from __future__ import annotations

import asyncio
import contextvars
import functools
from typing import TYPE_CHECKING, Any, Self, cast

from pycage import access
from pycage.imports.facades.asyncio_loop import in_thread, make_loops
from pycage.imports.facades.asyncio_work import make_work, real_loop, waits_for_own
from pycage.imports.facades.exact_numbers import exact_seconds
from pycage.imports.facades.shimmed_class import shimmed

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Awaitable, Callable, Iterable

    from pycage.imports.facades.asyncio_work import Work
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    work = make_work(tools)
    loops = make_loops(tools, work)

    def futures(awaitables: Iterable[object]) -> list[asyncio.Future[Any]]:
        loop = asyncio.get_running_loop()
        return [work.scheduled(one, loop) for one in awaitables]

    def get_running_loop() -> object:
        """Return the event loop that runs."""
        return loops.facade(asyncio.get_running_loop())

    def create_task(coro: object, *, name: object = None, context: object = None) -> asyncio.Task[Any]:
        """Schedule a coroutine in the running event loop."""
        return work.task(coro, loop=None, name=name, context=context)

    def ensure_future(coro_or_future: object, *, loop: object = None) -> asyncio.Future[Any]:
        """Make a task of a coroutine or awaitable; a future is returned as it is."""
        if issubclass(type(coro_or_future), asyncio.Future):
            return cast("asyncio.Future[Any]", coro_or_future)
        return work.scheduled(coro_or_future, real_loop(loop))

    def gather(*coros_or_futures: object, return_exceptions: bool = False) -> asyncio.Future[list[Any]]:
        """Wait for all, and return their results in order."""
        distinct = {id(one): one for one in coros_or_futures}  # the same awaitable twice is one task
        tasks = dict(zip(distinct, futures(distinct.values()), strict=True))
        return asyncio.gather(*[tasks[id(one)] for one in coros_or_futures], return_exceptions=bool(return_exceptions))

    def shield(arg: object) -> asyncio.Future[Any]:
        """Wait without passing on a cancellation."""
        return asyncio.shield(work.scheduled(arg, asyncio.get_running_loop()))

    async def sleep(delay: float, result: object = None) -> object:
        """Return the result after some seconds."""
        return await asyncio.sleep(exact_seconds(delay), result)

    async def wait(
        fs: Iterable[Any],
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # asyncio's signature
        return_when: str = asyncio.ALL_COMPLETED,
    ) -> object:
        """Wait, and return the set of what is done and of what is not."""
        return await asyncio.wait(
            fs, timeout=None if timeout is None else exact_seconds(timeout), return_when=return_when
        )

    async def wait_for(fut: Awaitable[Any], timeout: float | None) -> object:  # noqa: ASYNC109  # asyncio's signature
        """Wait, no longer than this."""
        seconds = None if timeout is None else exact_seconds(timeout)
        return await asyncio.wait_for(work.scheduled(fut, asyncio.get_running_loop()), seconds)

    def as_completed(fs: Iterable[object], *, timeout: float | None = None) -> object:
        """Return an iterator of awaitables, in the order in which they are done."""
        if asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
            message = f"expect an iterable of futures, not {type(fs).__name__}"
            raise TypeError(message)
        return asyncio.as_completed(futures(set(fs)), timeout=None if timeout is None else exact_seconds(timeout))

    def current_task(loop: object = None) -> asyncio.Task[Any] | None:
        """Return the task that runs, if it is the sandbox's own."""
        task = asyncio.current_task(real_loop(loop))
        return task if type(task) is work.task else None

    def all_tasks(loop: object = None) -> set[asyncio.Task[Any]]:
        """Return the tasks of the sandbox that are not done yet."""
        return {task for task in asyncio.all_tasks(real_loop(loop)) if type(task) is work.task}

    async def to_thread(func: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        """Call a function in another thread; asks for ThreadPermission("start")."""
        variables = access.forget_principals(contextvars.copy_context())
        call = functools.partial(variables.run, func, *args, **kwargs)
        return await in_thread(asyncio.get_running_loop(), work, call)

    def run_coroutine_threadsafe(coro: Any, loop: object) -> concurrent.futures.Future[Any]:
        """Schedule a coroutine in a loop of another thread."""
        real = real_loop(loop)
        return asyncio.run_coroutine_threadsafe(work.steps(coro, real), real)

    def wrap_future(future: Any, *, loop: object = None) -> asyncio.Future[Any]:
        """Return a future of asyncio for one of concurrent.futures."""
        return asyncio.wrap_future(future, loop=real_loop(loop))

    timeout_class = _timeout(tools, work)

    def timeout(delay: float | None) -> object:
        """Return a context manager that cancels its block after some seconds."""
        when = None if delay is None else asyncio.get_running_loop().time() + exact_seconds(delay)
        return timeout_class(when)

    def timeout_at(when: float | None) -> object:
        """Return a context manager that cancels its block at a time of the loop's clock."""
        return timeout_class(when)

    return {
        "Future": work.future,
        "Runner": loops.runner,
        "Task": work.task,
        "TaskGroup": _task_group(tools, work),
        "Timeout": timeout_class,
        "all_tasks": all_tasks,
        "as_completed": as_completed,
        "create_task": create_task,
        "current_task": current_task,
        "ensure_future": ensure_future,
        "gather": gather,
        "get_event_loop": loops.current,
        "get_running_loop": get_running_loop,
        "new_event_loop": loops.new,
        "run": loops.run,
        "run_coroutine_threadsafe": run_coroutine_threadsafe,
        "set_event_loop": loops.set_current,
        "shield": shield,
        "sleep": sleep,
        "timeout": timeout,
        "timeout_at": timeout_at,
        "to_thread": to_thread,
        "wait": wait,
        "wait_for": wait_for,
        "wrap_future": wrap_future,
    }


def _timeout(tools: Tools, work: Work) -> type[asyncio.Timeout]:
    @shimmed(tools, "asyncio")
    class Timeout(asyncio.Timeout):  # type: ignore[misc]  # final for type checkers only
        """``asyncio.Timeout``, of which no class can be derived: it keeps the task that it may cancel."""

        def __init__(self, when: float | None) -> None:
            super().__init__(None if when is None else exact_seconds(when))

        def reschedule(self, when: float | None) -> None:
            """Change the time."""
            super().reschedule(None if when is None else exact_seconds(when))

        def _on_timeout(self) -> None:
            task = vars(self)["_task"]
            if type(task) is work.task or waits_for_own(tools, task):
                super()._on_timeout()  # type: ignore[misc]  # asyncio's own

    return Timeout


class _Parent:
    """What a group asks of the task that it is in, if that is not the sandbox's."""

    def __init__(self, tools: Tools, real: asyncio.Task[Any]) -> None:
        self._tools = tools
        self._real = real

    def cancel(self) -> bool:
        return waits_for_own(self._tools, self._real) and self._real.cancel()

    def uncancel(self) -> int:
        return self._real.uncancel()

    def cancelling(self) -> int:
        return self._real.cancelling()

    def done(self) -> bool:
        return self._real.done()


def _task_group(tools: Tools, work: Work) -> type[asyncio.TaskGroup]:
    class _Loop:
        """What a group asks of its loop; makes tasks of the sandbox."""

        def __init__(self, real: asyncio.AbstractEventLoop) -> None:
            self._real = real

        def create_task(self, coro: object, **more: object) -> asyncio.Task[Any]:
            return work.task(coro, loop=self._real, **more)

        def create_future(self) -> asyncio.Future[Any]:
            return self._real.create_future()

        def call_exception_handler(self, context: dict[str, Any]) -> None:
            self._real.call_exception_handler(context)

    @shimmed(tools, "asyncio")
    class TaskGroup(asyncio.TaskGroup):
        """``asyncio.TaskGroup`` as a sandbox has it: its tasks are the sandbox's."""

        async def __aenter__(self) -> Self:
            await super().__aenter__()
            self._loop = _Loop(asyncio.get_running_loop())  # type: ignore[assignment]  # all that a group asks of it
            own: dict[str, Any] = vars(self)
            if type(own["_parent_task"]) is not work.task:
                own["_parent_task"] = _Parent(tools, own["_parent_task"])
            return self

        def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> asyncio.Task[Any]:
            """Schedule a coroutine in this group."""
            return super().create_task(coro, name=name, context=context)

    return TaskGroup
