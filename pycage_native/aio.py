"""Calls from asyncio: in threads, so that a long call does not stop the loop.

A call that takes a microsecond is better made directly.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["asynchronous"]

_THREADS: Final = 16

_pool: ThreadPoolExecutor | None = None


def asynchronous(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return an async version of a native function.

    A call that is cancelled goes on in its thread until it ends or its library's ``Limits.wall`` stops it.

    Args:
        function: What ``Library.function`` gave.

    Example:
        >>> import asyncio
        >>> with pycage_native.load("libc.so.6") as libc:
        ...     asyncio.run(pycage_native.asynchronous(libc.function("abs"))(-1))
        1
    """

    @functools.wraps(function, assigned=(), updated=())
    async def call(*args: Any) -> Any:
        global _pool  # noqa: PLW0603  # made when it is first needed
        if _pool is None:
            _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="pycage-native")
        return await asyncio.get_running_loop().run_in_executor(_pool, functools.partial(function, *args))

    return call
