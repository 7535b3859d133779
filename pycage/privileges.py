"""Privileged functions: `@privileged`, for functions of the host that lend what they may do to who calls them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar, overload

from pycage import _core
from pycage.contexts import context_of, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from pycage.contexts import AccessControlContext
    from pycage.permissions import Permission

__all__ = ["privileged"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


@overload
def privileged(function: Callable[_P, _T], /) -> Callable[_P, _T]: ...
@overload
def privileged(
    *, limit: Sequence[Permission] | None = None, context: AccessControlContext | None = None
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]: ...
def privileged(
    function: Callable[_P, _T] | None = None,
    /,
    *,
    limit: Sequence[Permission] | None = None,
    context: AccessControlContext | None = None,
) -> Callable[_P, _T] | Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Make a function run privileged: what it does is not refused because of who called it.

    For functions and coroutine functions, of which every step runs privileged.  Give a ``limit``: a request outside of
    it is still judged with all callers.  A sandbox that decorates gains nothing: who is on the stack when the decorator
    runs stays in the context of every call.

    Args:
        function: What to decorate.
        limit: Permissions that are lent, judged one by one; None lends all.
        context: A context whose domains must agree as well.

    Raises:
        TypeError: ``function`` is a generator function, whose body would run later and unprivileged.

    Example:
        >>> @pycage.privileged(limit=[pycage.EnvPermission("LANG", "read")])
        ... def language():
        ...     pycage.check_permission(pycage.EnvPermission("LANG", "read"))
        ...     return "fr"
        >>> with pycage.Sandbox("translated") as sandbox:  # which may not read it
        ...     sandbox.expose("language", language)
        ...     sandbox.run("from host import language; language()").value
        'fr'
    """
    context = _with_running_stack(context)
    if function is None:
        # The decorator may be applied elsewhere: who asked for it here stays in its context.
        return lambda decorated: _privileged(decorated, limit, context)
    return _privileged(function, limit, context)


def _with_running_stack(context: AccessControlContext | None) -> AccessControlContext | None:
    raw = _core.snapshot()
    if raw is None:
        return context
    return context_of(raw) if context is None else merge(context_of(raw), context)


def _privileged(
    function: Callable[_P, _T], limit: Sequence[Permission] | None, context: AccessControlContext | None
) -> Callable[_P, _T]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = (
            "a generator function cannot be privileged: its body runs later, in whoever iterates it; "
            "call do_privileged(...) around the single step that needs it"
        )
        raise TypeError(message)
    limit = None if limit is None else tuple(limit)
    context = _with_running_stack(context)

    if inspect.iscoroutinefunction(function):

        async def step_by_step(*args: _P.args, **kwargs: _P.kwargs) -> object:
            return await _PrivilegedSteps(function(*args, **kwargs), context, limit)

        wrapper: Callable[..., object] = step_by_step
    else:

        def in_one_call(*args: _P.args, **kwargs: _P.kwargs) -> object:
            return _core.call_privileged(function, args, kwargs, context, limit)

        wrapper = in_one_call
    functools.update_wrapper(wrapper, function)
    del wrapper.__wrapped__  # type: ignore[attr-defined]  # the bare function is nobody's business
    return wrapper  # type: ignore[return-value]  # same parameters, same result


class _PrivilegedSteps(Coroutine[object, object, _T], Generic[_T]):
    """Runs each step of a coroutine in a privileged call of its own, so that nothing stays behind when it suspends."""

    __slots__ = ("_context", "_coroutine", "_limit")

    def __init__(
        self, coroutine: object, context: AccessControlContext | None, limit: tuple[Permission, ...] | None
    ) -> None:
        self._coroutine: Coroutine[object, object, _T] = coroutine  # type: ignore[assignment]  # iscoroutinefunction
        self._context = context
        self._limit = limit

    def send(self, value: object, /) -> object:
        return _core.do_privileged(self._coroutine.send, value, context=self._context, limit=self._limit)

    def throw(self, *exception: object) -> object:
        return _core.do_privileged(self._coroutine.throw, *exception, context=self._context, limit=self._limit)

    def close(self) -> None:
        _core.do_privileged(self._coroutine.close, context=self._context, limit=self._limit)

    def __next__(self) -> object:
        return self.send(None)

    def __iter__(self) -> _PrivilegedSteps[_T]:
        return self

    def __await__(self) -> Generator[object, object, _T]:
        return self  # send, throw and close are all that await needs
