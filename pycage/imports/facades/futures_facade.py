"""``concurrent.futures`` for a sandbox: pools of threads around one of the host."""

# Problem.  A real pool keeps its threads in itself, and the class of a real thread is a way to the host's standard
# error; see `threading_facade`.
#
# Idea.  The pool is in a slot.  What it needs is asked when its threads start: they belong to the sandbox that made
# the pool, and work runs in the context of whoever submits it (pycage.handoff).  Futures are the real ones: their
# callbacks are bound there, too.
#
# What still fails.  Any number of threads: limits are kept from outside.

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor as RealPool
from typing import TYPE_CHECKING, Any, Self

from pycage.errors import type_name
from pycage.imports.facades.checks import exact
from pycage.imports.facades.exact_numbers import exact_integer, exact_seconds
from pycage.imports.facades.shimmed_class import shimmed, slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycage.imports.tools import Tools

__all__ = ["make", "pool_behind"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    return {"ThreadPoolExecutor": tools.part("concurrent.futures", _make_pool)[0]}


def pool_behind(tools: Tools, pool: object) -> RealPool:
    """Return the pool of threads behind one of this sandbox's.

    Raises:
        TypeError: It is none.
    """
    found: RealPool = tools.part("concurrent.futures", _make_pool)[1](pool)
    return found


def _make_pool(tools: Tools) -> tuple[type, Callable[[object], RealPool]]:
    @shimmed(tools, "concurrent.futures")
    class ThreadPoolExecutor:
        """A pool of threads; see ``concurrent.futures.ThreadPoolExecutor``."""

        __slots__ = ("__weakref__", "_real")

        def __init__(
            self,
            max_workers: object = None,
            thread_name_prefix: object = "",
            initializer: Callable[..., object] | None = None,
            initargs: Iterable[object] = (),
        ) -> None:
            prefix = exact(thread_name_prefix)
            if type(prefix) is not str:
                message = f"thread_name_prefix must be a str, not {type_name(thread_name_prefix)}"
                raise TypeError(message)
            workers = None if max_workers is None else exact_integer(max_workers, "max_workers")
            write(self, RealPool(workers, prefix, initializer, tuple(initargs)))  # type: ignore[arg-type]  # whatever it takes

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None:
            read(self).shutdown()

        def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: object) -> Future[Any]:
            """Call a function in a thread; starting one asks for ThreadPermission("start")."""
            return read(self).submit(fn, *args, **kwargs)

        def map(
            self,
            fn: Callable[..., object],
            *iterables: Iterable[object],
            timeout: object = None,
            chunksize: object = 1,  # noqa: ARG002  # as in the real one: for pools of processes
        ) -> object:
            """Call a function for each item, and return an iterator of the results in order."""
            return read(self).map(fn, *iterables, timeout=None if timeout is None else exact_seconds(timeout))

        def shutdown(self, wait: object = True, *, cancel_futures: object = False) -> None:  # noqa: FBT002  # the real one's
            """End its threads when there is no work left."""
            read(self).shutdown(bool(wait), cancel_futures=bool(cancel_futures))

    read, write = slot(ThreadPoolExecutor, "_real", RealPool)
    return ThreadPoolExecutor, read
