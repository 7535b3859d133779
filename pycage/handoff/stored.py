"""What is stored in place of a callable, a coroutine or an object with methods: the same, bound to a captured context.

Programs take out of a register what they put in: ``atexit.unregister(f)``, ``logger.removeHandler(handler)``,
``future.remove_done_callback(f)``.  All of these compare with ``==``, so what is stored here equals what it stands for.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, final

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pycage.access import AccessControlContext

__all__ = ["BoundCallable", "BoundCoroutine", "BoundParts", "bound_factory", "bound_suspending", "original_of"]

# What a register shows, or a library reads to give something a name, is that of the original.
_SHOWN: Final = frozenset({"__doc__", "__module__", "__name__", "__qualname__"})


def _equal(one: object, other: object) -> bool:
    """Compare as ``one == other`` does, but never show ``one`` to a method of ``other``.

    What is stored may be a function of the host's that nobody else should get hold of.
    """
    if one is other:
        return True
    if type(one) is types.MethodType:
        # Its comparison would show the function to the other method's: MethodType(anything, self).
        return type(other) is types.MethodType and one.__func__ is other.__func__ and one.__self__ is other.__self__
    answer = type(one).__eq__(one, other)
    return answer is True


@final
@_core.seal
class BoundCallable:
    """A callable that runs with the context of whoever stored it, on top of what runs it.

    Its call has a frame of the host's, so that the stack is not empty where a function of C is all that runs.
    """

    __slots__ = ("__weakref__", "_call", "_original")

    def __init__(self, context: AccessControlContext | None, original: Callable[..., object]) -> None:
        """Stand for ``original``; None: the host alone stored it."""
        self._original = original
        self._call = original if context is None else _core.bind(context, original)

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the original."""
        return self._call(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return _equal(self._original, original_of(other))

    def __hash__(self) -> int:
        return hash(self._original)

    def __getattr__(self, name: str) -> object:
        if name in _SHOWN:
            return getattr(self._original, name)
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"<bound {self._original!r}>"


@final
@_core.seal
class BoundCoroutine(Coroutine[object, object, Any]):
    """A coroutine whose every step runs with the context of whoever made a task of it."""

    __slots__ = ("_close", "_original", "_send", "_throw")

    def __init__(self, context: AccessControlContext, original: Coroutine[object, object, Any]) -> None:
        self._original = original
        self._send = _core.bind(context, original.send)
        self._throw: Callable[..., object] = _core.bind(context, original.throw)
        self._close = _core.bind(context, original.close)

    def send(self, value: object, /) -> object:
        """Go on."""
        return self._send(value)

    def throw(self, *thrown: object) -> object:
        """Go on with an exception."""
        return self._throw(*thrown)

    def close(self) -> None:
        """End it."""
        self._close()

    def __next__(self) -> object:
        return self._send(None)

    def __iter__(self) -> BoundCoroutine:
        return self

    def __await__(self) -> Generator[object, object, Any]:
        return self  # send, throw and close are all that await needs

    def __getattr__(self, name: str) -> object:
        # What asyncio shows of a task.
        if name in _SHOWN or name.startswith("cr_"):
            return getattr(self._original, name)
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message)


@final
@_core.seal
class BoundParts:
    """An object of which a register calls methods, such as a handler of ``logging``; its methods are bound."""

    __slots__ = ("__weakref__", "_context", "_original")

    _context: AccessControlContext
    _original: object

    def __init__(self, context: AccessControlContext, original: object) -> None:
        object.__setattr__(self, "_context", context)
        object.__setattr__(self, "_original", original)

    @property  # type: ignore[misc]  # so that isinstance() says what it says of the original
    def __class__(self) -> type:
        return type(self._original)

    def __getattr__(self, name: str) -> object:
        value = getattr(self._original, name)
        return BoundCallable(self._context, value) if callable(value) and not isinstance(value, type) else value

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._original, name, value)

    def __eq__(self, other: object) -> bool:
        return _equal(self._original, original_of(other))

    def __hash__(self) -> int:
        return hash(self._original)

    def __repr__(self) -> str:
        return f"<bound {self._original!r}>"


_BOUND: Final = (BoundCallable, BoundCoroutine, BoundParts)


def original_of(stored: object) -> Any:
    """Return what a stored object stands for; any other object as it is."""
    return stored._original if type(stored) in _BOUND else stored  # type: ignore[attr-defined]  # all three have it


def bound_factory(context: AccessControlContext, make: Callable[..., object]) -> Callable[..., object]:
    """Return what makes the objects that ``make`` makes, with bound methods: an aggregate function of SQL."""
    call = _core.bind(context, make)
    return lambda *args: BoundParts(context, call(*args))


def bound_suspending(context: AccessControlContext, function: Callable[..., object]) -> Callable[..., object]:
    """Return what calls a coroutine function; every step of the coroutine is bound as well."""
    call = _core.bind(context, function)

    def stored(*args: object, **kwargs: object) -> object:
        made = call(*args, **kwargs)
        return BoundCoroutine(context, made) if isinstance(made, Coroutine) else made

    return stored
