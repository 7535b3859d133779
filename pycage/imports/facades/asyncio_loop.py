"""Event loops of ``asyncio`` as a sandbox has them: the host's, narrowed, and its own."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, Self, cast

import attrs

from pycage.access import check_permission, do_privileged, get_context
from pycage.imports.facades.asyncio_work import LoopFacade, SandboxLoop, Work, real_loop, variables
from pycage.imports.facades.exact_numbers import exact_seconds
from pycage.imports.facades.futures_facade import pool_behind
from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.permissions import ThreadPermission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import ThreadPoolExecutor as RealPool

    from pycage.imports.tools import Tools

__all__ = ["Loops", "in_thread", "make_loops"]

_START: Final = ThreadPermission("start")
_REAL: Final = vars(LoopFacade)["_real"]


@attrs.frozen
class Loops:
    """The event loops of one sandbox.

    Attributes:
        loop: The class of what the sandbox has.
        runner: ``asyncio.Runner``.
        run: ``asyncio.run``.
        facade: Returns what stands for a loop, always the same.
        new: Makes a loop of the sandbox's own; a shim, because `Runner` takes it as its factory.
        current: Returns the loop that runs or was set, as ``asyncio.get_event_loop`` does.
        set_current: What ``asyncio.set_event_loop`` does, for this sandbox only.
    """

    loop: type[LoopFacade]
    runner: type[object]
    run: Callable[..., object]
    facade: Callable[[asyncio.AbstractEventLoop], LoopFacade]
    new: Callable[[], LoopFacade]
    current: Callable[[], LoopFacade]
    set_current: Callable[[object], None]


def in_thread(
    loop: asyncio.AbstractEventLoop, work: Work, function: Callable[..., object], pool: RealPool | None = None
) -> asyncio.Future[Any]:
    """Call a function in a thread of a pool, or of the loop's default executor, with the context of this call.

    The host's executor belongs to the host: what the sandbox needs is the permission, and its pool is not made, or
    enlarged, as the sandbox's.
    """
    if pool is not None:
        return asyncio.wrap_future(pool.submit(function), loop=loop)
    if work.owns(loop):
        return loop.run_in_executor(None, function)
    check_permission(_START)
    bound = get_context().bind(function)
    return do_privileged(lambda: loop.run_in_executor(None, bound))


def _require_own(work: Work, loop: asyncio.AbstractEventLoop, what: str) -> SandboxLoop:
    if not work.owns(loop):
        message = f"{what} is for event loops that the sandbox made itself"
        raise RuntimeError(message)
    return cast("SandboxLoop", loop)


def make_loops(tools: Tools, work: Work) -> Loops:  # noqa: C901, PLR0915  # a list of small methods
    """Make the classes of one sandbox."""
    facades: weakref.WeakValueDictionary[int, LoopFacade] = weakref.WeakValueDictionary()
    state = threading.local()

    @shimmed(tools, "asyncio")
    class EventLoop(LoopFacade):
        """An event loop.  Of the host's it shows what schedules; one that the sandbox made runs and ends as well."""

        __slots__ = ()

        def __repr__(self) -> str:
            real = real_loop(self)
            return f"<EventLoop running={real.is_running()} closed={real.is_closed()}>"

        # ---- Of any loop ----

        def time(self) -> float:
            """Return the loop's clock."""
            return real_loop(self).time()

        def is_running(self) -> bool:
            """Say whether it runs."""
            return real_loop(self).is_running()

        def is_closed(self) -> bool:
            """Say whether it was closed."""
            return real_loop(self).is_closed()

        def get_debug(self) -> bool:
            """Say whether it is in debug mode."""
            return real_loop(self).get_debug()

        def call_soon(self, callback: Callable[..., object], *args: object, context: object = None) -> asyncio.Handle:
            """Call a function in the next iteration."""
            real = real_loop(self)
            return real.call_soon(work.callback(callback, real), *args, context=variables(context, real))

        def call_soon_threadsafe(
            self, callback: Callable[..., object], *args: object, context: object = None
        ) -> asyncio.Handle:
            """Call a function in the next iteration; for other threads."""
            real = real_loop(self)
            return real.call_soon_threadsafe(work.callback(callback, real), *args, context=variables(context, real))

        def call_later(
            self, delay: float, callback: Callable[..., object], *args: object, context: object = None
        ) -> asyncio.TimerHandle:
            """Call a function after some seconds."""
            real = real_loop(self)
            seconds = exact_seconds(delay)
            return real.call_later(seconds, work.callback(callback, real), *args, context=variables(context, real))

        def call_at(
            self, when: float, callback: Callable[..., object], *args: object, context: object = None
        ) -> asyncio.TimerHandle:
            """Call a function at a time of the loop's clock."""
            real = real_loop(self)
            at = exact_seconds(when)
            return real.call_at(at, work.callback(callback, real), *args, context=variables(context, real))

        def create_future(self) -> asyncio.Future[Any]:
            """Make a future."""
            return work.future(loop=real_loop(self))

        def create_task(self, coro: object, *, name: object = None, context: object = None) -> asyncio.Task[Any]:
            """Schedule a coroutine."""
            return work.task(coro, loop=real_loop(self), name=name, context=context)

        def run_in_executor(self, executor: object, func: Callable[..., object], *args: object) -> asyncio.Future[Any]:
            """Call a function in a thread of an executor; None is the default one."""
            pool = None if executor is None else pool_behind(tools, executor)
            return in_thread(real_loop(self), work, lambda: func(*args), pool)

        # ---- Of the sandbox's own ----

        def run_until_complete(self, future: Awaitable[object]) -> object:
            """Run until a future is done, and return its result."""
            real = _require_own(work, real_loop(self), "run_until_complete()")
            return real.run_until_complete(work.scheduled(future, real))

        def run_forever(self) -> None:
            """Run until stop() is called."""
            _require_own(work, real_loop(self), "run_forever()").run_forever()

        def stop(self) -> None:
            """Stop it after this iteration."""
            _require_own(work, real_loop(self), "stop()").stop()

        def close(self) -> None:
            """Close it."""
            _require_own(work, real_loop(self), "close()").close()

        def set_debug(self, enabled: bool) -> None:  # noqa: FBT001  # asyncio's signature
            """Set debug mode."""
            _require_own(work, real_loop(self), "set_debug()").set_debug(bool(enabled))

        async def shutdown_asyncgens(self) -> None:
            """Close asynchronous generators that are still open."""
            await _require_own(work, real_loop(self), "shutdown_asyncgens()").shutdown_asyncgens()

        async def shutdown_default_executor(self) -> None:
            """Wait for the threads of the default executor."""
            await _require_own(work, real_loop(self), "shutdown_default_executor()").shutdown_default_executor()

        def set_exception_handler(self, handler: Callable[[object, dict[str, object]], object] | None) -> None:
            """Have errors that nobody else hears of given to ``handler(loop, context)``."""
            real = _require_own(work, real_loop(self), "set_exception_handler()")
            if handler is None:
                real.set_exception_handler(None)
                return

            def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
                handler(self, {key: context[key] for key in ("message", "exception") if key in context})

            real.set_exception_handler(handle)

    def facade(real: asyncio.AbstractEventLoop) -> LoopFacade:
        found = facades.get(id(real))
        if found is None:
            found = EventLoop()
            _REAL.__set__(found, real)
            facades[id(real)] = found
        return found

    def new() -> LoopFacade:
        """Make an event loop of the sandbox's own."""
        return facade(SandboxLoop(work.owner, is_temporary=False))

    def current() -> LoopFacade:
        """Return the loop that runs, or the one that was set in this thread."""
        try:
            return facade(asyncio.get_running_loop())
        except RuntimeError:
            chosen = getattr(state, "loop", None)
        if chosen is None:
            message = "There is no current event loop in this thread; call asyncio.run() or new_event_loop()"
            raise RuntimeError(message)
        return cast("LoopFacade", chosen)

    def set_current(loop: object) -> None:
        """Set what get_event_loop() returns in this thread, for this sandbox."""
        if loop is not None and type(loop) is not EventLoop:
            message = "set_event_loop() in a sandbox takes a loop that new_event_loop() made"
            raise TypeError(message)
        state.loop = loop

    @shimmed(tools, "asyncio")
    class Runner:
        """``asyncio.Runner`` as a sandbox has it: no signal handler, and only loops of the sandbox's own."""

        __slots__ = ("_debug", "_loop", "_state")

        def __init__(self, *, debug: bool | None = None, loop_factory: object = None) -> None:
            if loop_factory is not None and loop_factory is not new_shim:
                message = "loop_factory in a sandbox can only be asyncio.new_event_loop"
                raise TypeError(message)
            set_debug(self, debug)
            set_loop(self, None)
            set_state(self, "new")

        def __enter__(self) -> Self:
            start(self)
            return self

        def __exit__(self, *_error: object) -> None:
            end(self)

        def get_loop(self) -> LoopFacade:
            """Return its loop."""
            return facade(start(self))

        def run(self, coro: Coroutine[object, object, object], *, context: object = None) -> object:
            """Run a coroutine to its end and return what it returns."""
            _require_startable(coro)
            real = start(self)
            return real.run_until_complete(work.task(coro, loop=real, context=context))

        def close(self) -> None:
            """Cancel what is left, and close the loop."""
            end(self)

    # Methods are called on whatever their caller likes; a slot is read off runners only.
    get_debug, set_debug = slot(Runner, "_debug")
    get_loop, set_loop = slot(Runner, "_loop")
    get_state, set_state = slot(Runner, "_state")

    def start(runner: Runner) -> SandboxLoop:
        if get_state(runner) == "closed":
            message = "Runner is closed"
            raise RuntimeError(message)
        real = cast("SandboxLoop | None", get_loop(runner))
        if real is None:
            real = SandboxLoop(work.owner, is_temporary=False)
            set_loop(runner, real)
            if get_debug(runner) is not None:
                real.set_debug(bool(get_debug(runner)))
            set_state(runner, "open")
        return real

    def end(runner: Runner) -> None:
        real = get_loop(runner)
        set_loop(runner, None)
        set_state(runner, "closed")
        if real is not None:
            _end(real)

    def run(coro: Coroutine[object, object, object], *, debug: bool | None = None) -> object:
        """Run a coroutine in an event loop of its own to its end and return what it returns."""
        _require_startable(coro)
        real = SandboxLoop(work.owner, is_temporary=True)
        try:
            if debug is not None:
                real.set_debug(bool(debug))
            return real.run_until_complete(work.task(coro, loop=real))
        finally:
            _end(real)

    new_shim = cast("Callable[[], LoopFacade]", tools.shim(new))
    return Loops(EventLoop, Runner, run, facade, new_shim, current, set_current)


def _require_startable(coro: object) -> None:
    if not asyncio.iscoroutine(coro):
        message = f"a coroutine was expected, got {type(coro).__name__}"
        raise ValueError(message)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    coro.close()
    message = "asyncio.run() cannot be called from a running event loop"
    raise RuntimeError(message)


def _end(loop: SandboxLoop) -> None:
    """Cancel what is left in a loop, and close it."""
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        for task in left:
            if not task.cancelled() and task.exception() is not None:
                about = {"message": "unhandled exception while an event loop ended", "exception": task.exception()}
                loop.call_exception_handler(about)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
