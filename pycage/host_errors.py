"""Host errors: what exceptions of an exposed object carry into a sandbox is data, and no object of the host."""

# Problem.  `raise ValueError(self._connection)` hands the connection out: its public methods are the sandbox's to call
# (D068).  Nobody who writes a host API thinks of an error message as part of it.
#
# Things that do not work:
#
# - A guard on names: `args` is an ordinary attribute of an ordinary exception.
# - To clean the exception itself: the host may keep it, log it and raise it again.
# - To raise something else instead: `except KeyError` around a call of the host's API would stop working.
#
# Idea.  Data and what is the sandbox's own pass, and an exception that carries nothing else passes as it is.  Any other
# is raised as a copy of the same type, in which text stands for the objects.  The host still finds the original as its
# cause; sandboxed code cannot read that.
#
# What still fails.  What a method or a property of the host's own exception class returns.  A copy of an exception
# whose class computes its fields in __init__ lacks them.

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import types
import uuid
from typing import TYPE_CHECKING, Final, final

from pycage.errors import PycageError, type_name

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

__all__ = ["HostErrors", "remade"]

_DATA: Final = frozenset(
    {
        *(bool, bytes, complex, float, int, str, type(None), range, slice),
        *(dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone, decimal.Decimal, fractions.Fraction, uuid.UUID),
    }
)
_BUILTIN: Final = frozenset(kind for kind in vars(__import__("builtins")).values() if isinstance(kind, type))
_FIELDS: Final = (types.MemberDescriptorType, types.GetSetDescriptorType)
# These the guards keep from a sandbox, or they are looked at on their own.
_ELSEWHERE: Final = frozenset({"args", "obj", "exceptions"})
_DEEPEST: Final = 20


@final
class HostErrors:
    """Cleans the exceptions that leave one sandbox's exposed objects.

    Args:
        owns: Whether an object is the sandbox's own.
    """

    __slots__ = ("_owns",)

    def __init__(self, owns: Callable[[object], bool]) -> None:
        self._owns = owns

    def owns(self, value: object) -> bool:
        """Return whether an object is the sandbox's own."""
        return self._owns(value)

    def call(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Call ``function``; what its result raises later, step by step, is cleaned as well."""
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # SystemExit and its like carry things, too
            cleaned = self.clean(error)
            if cleaned is error:
                raise
            raise cleaned from error
        if type(result) is types.GeneratorType:
            return self._generator(result)
        if type(result) is types.CoroutineType:
            return self._coroutine(result)
        if type(result) is types.AsyncGeneratorType:
            return self._async_generator(result)
        return result

    def clean(self, error: BaseException) -> BaseException:
        """Return the exception if it carries data only, else a copy that does."""
        cleaned = self._clean(error, 0)
        return cleaned if isinstance(cleaned, BaseException) else RuntimeError(type_name(error))

    # ---- Values ----

    def _clean(self, value: object, depth: int) -> object:
        """Return the value itself if it may pass, else what stands for it."""
        kind = type(value)
        if kind in _DATA or self._owns(value):
            return value
        if depth > _DEEPEST:
            return f"<{type_name(value)}>"
        if isinstance(value, BaseException):
            return value if isinstance(value, PycageError) else self._error(value, depth + 1)
        if isinstance(value, type):
            return value if value in _BUILTIN else f"<class {type.__dict__['__name__'].__get__(value)}>"
        if kind is tuple or kind is frozenset:
            items: list[object] = list(value)  # type: ignore[call-overload]  # it is one of the two
            cleaned = [self._clean(item, depth + 1) for item in items]
            same = all(new is old for new, old in zip(cleaned, items, strict=True))
            return value if same else kind(cleaned)
        # Lists and their like are copied in any case: the host goes on using its own.
        if kind is list or kind is set:
            return kind(self._clean(item, depth + 1) for item in value)  # type: ignore[attr-defined]
        if kind is dict:
            pairs: list[tuple[object, object]] = list(value.items())  # type: ignore[attr-defined]
            return {self._clean(key, depth + 1): self._clean(item, depth + 1) for key, item in pairs}
        if kind is bytearray:
            return bytes(value)  # type: ignore[call-overload]
        return f"<{type_name(value)}>"

    # ---- Exceptions ----

    def _error(self, error: BaseException, depth: int) -> BaseException:
        args = tuple(self._clean(one, depth) for one in error.args)
        own = {name: self._clean(value, depth) for name, value in vars(error).items()}
        same = all(new is old for new, old in zip(args, error.args, strict=True)) and all(
            own[name] is value for name, value in vars(error).items()
        )
        parts: tuple[BaseException, ...] = ()
        if isinstance(error, BaseExceptionGroup):
            parts = tuple(self._part(part, depth) for part in error.exceptions)
            same = same and all(new is old for new, old in zip(parts, error.exceptions, strict=True))
            args = (args[0], parts)
        if same and all(self._clean(value, depth) is value for value in _fields(error)):
            return error
        return remade(type(error), args, own)

    def _part(self, part: BaseException, depth: int) -> BaseException:
        cleaned = self._clean(part, depth)
        return cleaned if isinstance(cleaned, BaseException) else RuntimeError(cleaned)

    # ---- What runs step by step ----

    def _generator(self, running: types.GeneratorType[object, object, object]) -> Generator[object, object, object]:
        try:
            return (yield from running)
        except BaseException as error:
            cleaned = self.clean(error)
            if cleaned is error:
                raise
            raise cleaned from error

    async def _coroutine(self, running: Coroutine[object, object, object]) -> object:
        try:
            return await running
        except BaseException as error:
            cleaned = self.clean(error)
            if cleaned is error:
                raise
            raise cleaned from error

    async def _async_generator(self, running: AsyncGenerator[object, object]) -> AsyncGenerator[object, object]:
        try:
            item = await anext(running)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    await running.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001  # passed on
                    item = await running.athrow(thrown)
                else:
                    item = await running.asend(sent)
        except StopAsyncIteration:
            return
        except BaseException as error:
            cleaned = self.clean(error)
            if cleaned is error:
                raise
            raise cleaned from error


def _fields(error: BaseException) -> list[object]:
    """Return what the fields of an exception hold that are neither in its dictionary nor in its arguments."""
    values = []
    for kind in type(error).__mro__:
        for name, field in vars(kind).items():
            if isinstance(field, _FIELDS) and name not in _ELSEWHERE and not name.startswith("__"):
                try:
                    values.append(field.__get__(error))
                except AttributeError:
                    continue
    return values


def remade(kind: type[BaseException], args: tuple[object, ...], own: dict[str, object]) -> BaseException:
    """Return an exception of this type without its ``__init__`` having run, which may want other arguments."""
    made: BaseException
    base = next(one for one in kind.__mro__ if one in _BUILTIN and issubclass(one, BaseException))
    try:
        made = base.__new__(kind, *args)
        base.__init__(made, *args)
    except Exception:  # noqa: BLE001  # text where the type wants something else
        made = (Exception if issubclass(kind, Exception) else BaseException)(*args)
    made.__dict__.update(own)
    return made
