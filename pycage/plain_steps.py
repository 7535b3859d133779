"""Steps with plain data: what a sandbox sends and throws into a generator or coroutine of an exposed object.

With plain arguments an object of the host gets copies of data only.  What ``send`` passes into its generator while that
runs is an argument as well, and so is what an ``await`` in its coroutine comes to, if the sandbox takes the steps.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Final, final

from pycage import _core
from pycage.errors import NotPlainError, type_name
from pycage.host_errors import remade
from pycage.plain import plain_argument

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

__all__ = ["with_plain_steps"]

_SENT: Final = "what is sent"
_THROWN: Final = "what is thrown"


def with_plain_steps(result: object, owns: Callable[[object], bool]) -> object:
    """Return a generator or coroutine that gets plain data only, in place of one; anything else as it is.

    Args:
        result: What a function of the host returned.
        owns: Whether an object is of a class of the sandbox.
    """
    kind = type(result)
    if kind is types.GeneratorType:
        return _drive(result, owns)
    if kind is types.CoroutineType:
        return _coroutine(result, owns)
    if kind is types.AsyncGeneratorType:
        return _async_generator(result, owns)
    return result


def _drive(running: Any, owns: Callable[[object], bool]) -> Generator[object, object, object]:
    try:
        item = running.send(None)
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                raise
            except BaseException as thrown:  # noqa: BLE001  # passed on
                item = running.throw(_plain_error(thrown, owns))
            else:
                item = running.send(_plain(sent))
    except StopIteration as stop:
        return stop.value
    finally:
        running.close()


@final
@_core.seal
class _Steps:
    """An awaitable that takes the steps of another one, with plain data."""

    __slots__ = ("_owns", "_running")

    def __init__(self, running: object, owns: Callable[[object], bool]) -> None:
        self._owns = owns
        self._running = running

    def __await__(self) -> Generator[object, object, Any]:
        return _drive(self._running, self._owns)


async def _coroutine(running: object, owns: Callable[[object], bool]) -> object:
    return await _Steps(running, owns)


async def _async_generator(running: Any, owns: Callable[[object], bool]) -> AsyncGenerator[object, object]:
    try:
        item = await _Steps(running.asend(None), owns)
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                raise
            except BaseException as thrown:  # noqa: BLE001  # passed on
                item = await _Steps(running.athrow(_plain_error(thrown, owns)), owns)
            else:
                item = await _Steps(running.asend(_plain(sent)), owns)
    except StopAsyncIteration:
        return
    finally:
        await running.aclose()


def _plain(sent: object) -> object:
    return None if sent is None else plain_argument(sent, _SENT)


def _plain_error(thrown: BaseException, owns: Callable[[object], bool]) -> BaseException:
    """Return an exception of the same type, with copies of the arguments and nothing else."""
    if owns(thrown):
        raise NotPlainError(_THROWN, f"a {ascii(type_name(thrown))[1:-1]} object is no plain data")
    arguments: Any = BaseException.args.__get__(thrown)  # type: ignore[attr-defined]  # the real ones
    return remade(type(thrown), tuple(plain_argument(one, _THROWN) for one in arguments), {})
