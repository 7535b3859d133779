"""Futures and tasks that no facade made: what a sandbox may read of them."""

# Problem.  Whoever drives a coroutine by hand gets the future that it waits for: `asyncio.sleep(1).send(None)`.  That
# future is bare, made by the event loop, and leads to it: `get_loop()`, and from there to everything.  A task of the
# host leads to its coroutine and frames.  `add_done_callback(host_function)` has the loop call a function of the host
# with no sandbox on the stack.
#
# Things that do not work:
#
# - Facades for all futures: a coroutine must yield a real one, or no event loop takes it.
# - Derived classes that override the methods: bare ones are made in C, by everybody.
#
# Idea.  The guard that reads these few names by rule (pycage.language.names) asks here what to hand out.  In place of
# add_done_callback it is a function with the context of the read, which binds the callback; the others are refused.
# That no class of a sandbox is derived from these types is a rule in pycage.language.standard.
#
# What still fails.  A bare future may be cancelled or completed by whoever has it: that is a matter of the coroutine
# which waits for it.  The rule about derived classes holds for class statements and written-out calls of `type`: what
# `type` makes under another name (`t = type`) is not the sandbox's own, but a task that waits for an object of such a
# class calls its add_done_callback with the context of `contextvars`, which lists the host's variables.

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any, Final

from pycage import _core, access
from pycage.imports.facades.asyncio_work import Callback, variables
from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []

_FUTURES: Final = (asyncio.Future, vars(asyncio.futures)["_PyFuture"])
_JUDGED: Final = (*_FUTURES, asyncio.AbstractServer, asyncio.BaseTransport, asyncio.Handle, asyncio.Runner)
_BOUND: Final = (types.BuiltinMethodType, types.MethodType)


def _is_judged(thing: object, value: object) -> bool:
    kinds = [type(thing)]
    if issubclass(type(thing), type):
        kinds.append(thing)  # type: ignore[arg-type]  # a class
    if issubclass(type(value), _BOUND):  # super() shows nothing of what is behind it
        kinds.append(type(value.__self__))  # type: ignore[attr-defined]  # both have it
    return any(type.__subclasscheck__(judged, kind) for kind in kinds for judged in _JUDGED)


def _refused(thing: object, value: object) -> object:
    return None if _is_judged(thing, value) else value


def _adding(thing: object, value: object) -> object:
    if not _is_judged(thing, value):
        return value
    if not issubclass(type(value), _BOUND):
        return None
    add: Callable[..., object] = value  # type: ignore[assignment]  # a bound method
    future: asyncio.Future[Any] = value.__self__  # type: ignore[attr-defined]  # as above

    def add_done_callback(fn: Callable[..., object], /, *, context: object = None) -> None:
        """Call ``fn(future)`` when it is done, with the permissions of who asked for it."""
        add(Callback(fn, access.get_context()), context=variables(context, future.get_loop()))

    # Whoever calls it later, the sandbox that read it is part of the context.
    return access.context_of(_core.snapshot()).bind(add_done_callback)


for _name in ("get_context", "get_coro", "get_loop", "get_stack", "print_stack"):
    _guards.set_stand_in(_name, _refused)
_guards.set_stand_in("add_done_callback", _adding)
