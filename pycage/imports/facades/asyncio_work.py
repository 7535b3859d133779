"""Tasks, futures and callbacks of ``asyncio`` for a sandbox: what one of them runs has no more than its maker had."""

# Problem.  What a guest schedules runs later, called by an event loop.  If that is the host's, no sandbox is on the
# stack: `create_task(host_object.delete())` and `call_soon(host_object.delete, path)` would be done by the host.
#
# Things that do not work:
#
# - Schedule only what the sandbox defined itself: gather(host_api(), host_api()) is what asyncio is for.
# - Bind the first step, or loop.call_soon: later steps are called by whoever completes what the task waits for.
# - A facade around a task of the host: `await` on it yields the task behind it, to whoever drives a coroutine by hand.
#
# Idea.  Tasks are real ones of a derived class, sealed, one for each sandbox.  The coroutine of a task is replaced by
# `Steps`, each of which runs in the context of the task's maker; `Callback` does the same for a function.  On a loop
# that the sandbox runs itself, its own frames are below everything that the loop calls, and nothing is replaced.
#
# What `type(t)(coroutine)` makes, where t is a bare task that a coroutine of the host waits for, is bound where all
# tasks are made: see pycage.imports.kept_callables.
#
# What still fails.  KeyboardInterrupt in a task ends the loop, as it may be the user's.

from __future__ import annotations

import asyncio
import contextvars
import types
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast, final

import attrs

from pycage import _core, access
from pycage.errors import SandboxExited
from pycage.handoff import loops
from pycage.imports.facades import contextvars_facade
from pycage.imports.facades.shimmed_class import shimmed
from pycage.shims import carried_by

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pycage.access import AccessControlContext
    from pycage.imports.tools import Tools

__all__ = [
    "Callback",
    "LoopFacade",
    "SandboxLoop",
    "Steps",
    "Work",
    "make_work",
    "real_loop",
    "variables",
    "waits_for_own",
]


@final
@_core.seal
class SandboxLoop(asyncio.SelectorEventLoop):
    """An event loop that a sandbox runs: below everything that it calls is the sandbox's own frame.

    Making one asks for nothing: it takes a pair of connected local sockets, and no signal handler.
    """

    def __init__(self, owner: object, *, is_temporary: bool) -> None:
        """Make a loop for ``owner``; a temporary one ends within the call that made it."""
        super().__init__()
        loops.run_by(self, access.get_context())
        self.owner = owner
        self.is_temporary = is_temporary


class LoopFacade:
    """Base of what sandboxes have as event loops."""

    __slots__ = ("__weakref__", "_real")


_REAL_LOOP: Final = vars(LoopFacade)["_real"]


def real_loop(loop: object = None) -> asyncio.AbstractEventLoop:
    """Return the loop behind what a caller gave as ``loop``; without one, the running loop."""
    if loop is None:
        return asyncio.get_running_loop()
    if issubclass(type(loop), LoopFacade):
        return cast("asyncio.AbstractEventLoop", _REAL_LOOP.__get__(loop))
    if issubclass(type(loop), asyncio.AbstractEventLoop):
        return cast("asyncio.AbstractEventLoop", loop)
    message = "loop must come from asyncio.get_running_loop() or asyncio.new_event_loop()"
    raise TypeError(message)


# ---- What runs later ------------------------------------------------------------------------------------------------


def _exited(error: SystemExit) -> NoReturn:
    # It would end the loop of the host.
    message = "a task or callback of a sandbox raised SystemExit"
    raise SandboxExited(message) from error


@final
@_core.seal
class Steps(Coroutine[object, object, object]):
    """A coroutine whose every step runs in the context of whoever scheduled it."""

    __slots__ = ("_close", "_send", "_throw", "coroutine")

    def __init__(self, coroutine: Coroutine[object, object, object], context: AccessControlContext) -> None:
        self.coroutine = coroutine
        self._send = context.bind(coroutine.send)
        self._throw: Callable[..., object] = context.bind(coroutine.throw)
        self._close = context.bind(coroutine.close)

    def send(self, value: object, /) -> object:
        """Go on."""
        try:
            return self._send(value)
        except SystemExit as error:
            _exited(error)

    def throw(self, *thrown: object) -> object:
        """Go on with an exception."""
        try:
            return self._throw(*thrown)
        except SystemExit as error:
            _exited(error)

    def close(self) -> None:
        """End it."""
        self._close()

    def __next__(self) -> object:
        return self.send(None)

    def __await__(self) -> Generator[object, object, object]:
        return self  # type: ignore[return-value]  # send, throw and close are all that await needs


@final
@_core.seal
class Callback:
    """A function that runs in the context of whoever scheduled it; equal to the function that it stands for."""

    __slots__ = ("_call", "_function")

    def __init__(self, function: Callable[..., object], context: AccessControlContext) -> None:
        if not callable(function):
            message = f"a callable object was expected, got {type(function).__name__}"
            raise TypeError(message)
        self._function = function
        self._call = context.bind(function)

    def __call__(self, *args: object) -> object:
        """Call the function."""
        try:
            return self._call(*args)
        except SystemExit as error:
            _exited(error)

    def __eq__(self, other: object) -> bool:
        return bool(self._function == (other._function if type(other) is Callback else other))

    __hash__ = None  # type: ignore[assignment]  # as a list of callbacks needs none


# What a coroutine waits for, by the type of what waits.
_WAITS: Final[dict[type, str]] = {
    types.CoroutineType: "cr_await",
    types.GeneratorType: "gi_yieldfrom",
    Steps: "coroutine",
}
_CODE: Final[dict[type, str]] = {types.CoroutineType: "cr_code", types.GeneratorType: "gi_code"}


def waits_for_own(tools: Tools, task: asyncio.Task[Any]) -> bool:
    """Say whether a task waits in code of the sandbox, which may then be cancelled together with the task."""
    waiting: object = task.get_coro()
    while waiting is not None:
        code = _CODE.get(type(waiting))
        if code is not None and tools.own_code(getattr(waiting, code)):
            return True
        waiting = getattr(waiting, _WAITS[type(waiting)]) if type(waiting) in _WAITS else carried_by(waiting)
    return False


def variables(given: object, loop: asyncio.AbstractEventLoop) -> contextvars.Context:
    """Return the context of ``contextvars`` for what is scheduled: the one given, or a copy of the current one.

    Principals stay behind, unless the loop ends within the block of ``run_as`` as well.
    """
    if given is not None:
        if type(given) is not contextvars_facade.Context:
            message = "context must come from contextvars.copy_context()"
            raise TypeError(message)
        return contextvars_facade.behind(given)
    copied = contextvars.copy_context()
    return copied if type(loop) is SandboxLoop and loop.is_temporary else access.forget_principals(copied)


# ---- For one sandbox ------------------------------------------------------------------------------------------------


@attrs.frozen
class Work:
    """What one sandbox schedules.

    Attributes:
        task: The class ``asyncio.Task``.
        future: The class ``asyncio.Future``.
        owner: Stands for the sandbox in its loops.
    """

    task: Callable[..., asyncio.Task[Any]]
    future: Callable[..., asyncio.Future[Any]]
    owner: object

    def owns(self, loop: object) -> bool:
        """Return whether this sandbox runs the loop itself."""
        return type(loop) is SandboxLoop and loop.owner is self.owner

    def callback(self, function: Callable[..., object], loop: object) -> Callable[..., object]:
        """Return what a loop calls in place of ``function``."""
        context = _to_add(self.owner, loop)
        return function if context is None else Callback(function, context)

    def steps(self, coroutine: Any, loop: object) -> Any:
        """Return what a loop runs in place of a coroutine."""
        context = _to_add(self.owner, loop)
        return coroutine if context is None or not asyncio.iscoroutine(coroutine) else Steps(coroutine, context)

    def scheduled(self, awaitable: object, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Any]:
        """Return the future of an awaitable; what is no future becomes a task of the sandbox."""
        if issubclass(type(awaitable), asyncio.Future):
            return cast("asyncio.Future[Any]", awaitable)
        if not asyncio.iscoroutine(awaitable):
            if not hasattr(type(awaitable), "__await__"):
                message = "An asyncio.Future, a coroutine or an awaitable is required"
                raise TypeError(message)
            awaitable = _waiting(awaitable)
        return self.task(awaitable, loop=loop)


async def _waiting(awaitable: object) -> object:
    return await cast("Coroutine[object, object, object]", awaitable)


def _to_add(owner: object, loop: object) -> AccessControlContext | None:
    """Return the context that must be added to what is scheduled here; None if it will be on the stack anyway."""
    raw = _core.snapshot()
    if raw is None:
        return None
    context = access.context_of(raw)
    is_own = type(loop) is SandboxLoop and loop.owner is owner
    return None if is_own and context.is_of_one_sandbox() else context


class _Like(type):
    """Metaclass of classes that stand for another one in ``isinstance``."""

    def __instancecheck__(cls, instance: object) -> bool:
        return issubclass(type(instance), _STANDS_FOR.get(cls.__name__, cls))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return type.__subclasscheck__(_STANDS_FOR.get(cls.__name__, cls), subclass)


_STANDS_FOR: Final[dict[str, type]] = {"Future": asyncio.Future, "Task": asyncio.Task}


def make_work(tools: Tools) -> Work:
    """Make the classes of one sandbox."""
    owner = object()

    @shimmed(tools, "asyncio")
    class Future(asyncio.Future[Any], metaclass=_Like):
        """``asyncio.Future`` as a sandbox has it; see there."""

        def __init__(self, *, loop: object = None) -> None:
            _require_new(self)
            super().__init__(loop=real_loop(loop))

    @shimmed(tools, "asyncio")
    class Task(asyncio.Task[Any], metaclass=_Like):
        """``asyncio.Task`` as a sandbox has it; see there."""

        def __init__(self, coro: object, *, loop: object = None, name: object = None, context: object = None) -> None:
            _require_new(self)
            if not asyncio.iscoroutine(coro):
                message = f"a coroutine was expected, got {type(coro).__name__}"
                raise TypeError(message)
            real = real_loop(loop)
            added = _to_add(owner, real)
            running: Any = coro if added is None else Steps(coro, added)
            super().__init__(
                running, loop=real, name=None if name is None else str(name), context=variables(context, real)
            )

    return Work(Task, Future, owner)


def _require_new(future: asyncio.Future[Any]) -> None:
    # CPython would let go of what the running task is made of.
    if getattr(future, "_loop", None) is not None:
        message = "__init__() was called already"
        raise RuntimeError(message)
