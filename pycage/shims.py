"""Shims: functions of a sandbox's own domain in place of the host's.

A host function that a sandbox hands on is invisible when it runs later on somebody else's stack.  A shim is not: its
code belongs to the sandbox, so its frame is on the stack however late it is called, and `do_privileged` called through
a shim is called by the sandbox.

A host function that returns a generator or a coroutine has not run yet.  What the shim returns then is a stand-in whose
every step runs with the stack of the call, whoever makes it.
"""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import TYPE_CHECKING, Final, TypeAlias, final

from pycage import _core, access

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.access import AccessControlContext
    from pycage.domains import ProtectionDomain

__all__ = ["SHIM_FILE", "Shims", "carried_by"]


def _function_template(target: Callable[..., object], carried: Callable[[object], object]) -> Callable[..., object]:
    def shim(*args: object, **kwargs: object) -> object:
        return carried(target(*args, **kwargs))

    return shim


def _question_template(target: Callable[..., object], carried: Callable[[object], object]) -> Callable[..., object]:  # noqa: ARG001  # the form of a template
    def shim() -> object:
        return target()

    return shim


def _method_template(target: Callable[..., object], carried: Callable[[object], object]) -> Callable[..., object]:
    # The proxy it is called on stays outside: `target` is bound to the host object already.
    def shim(_proxy: object, /, *args: object, **kwargs: object) -> object:
        return carried(target(*args, **kwargs))

    return shim


@final
@_core.seal
class Shims:
    """Makes the shims of one sandbox, which has its own copies of the templates' code, tagged with its domain."""

    __slots__ = ("_copies", "_domain")

    def __init__(self, domain: ProtectionDomain) -> None:
        """Make shims for ``domain``."""
        self._domain = domain
        # Made when they are first needed: making a sandbox should be cheap.
        self._copies: dict[_Template, _Template] = {}

    def _copy(self, template: _Template) -> _Template:
        made = self._copies.get(template)
        if made is None:
            # Privileged: code is made, perhaps in the middle of what the sandbox does.
            made = self._copies[template] = _core.do_privileged(_tagged_copy, template, self._domain)
        return made

    def function(self, target: Callable[..., object]) -> Callable[..., object]:
        """Return a function that calls ``target``."""
        return _named_like(self._copy(_function_template)(target, carried), target)

    def question(self, target: Callable[[], object]) -> Callable[[], object]:
        """Return a function that calls ``target`` without arguments, as fast as can be; it is asked often."""
        return self._copy(_question_template)(target, carried)

    def method(self, target: Callable[..., object]) -> Callable[..., object]:
        """Return a function for a class body that calls ``target`` without the instance."""
        return _named_like(self._copy(_method_template)(target, carried), target)


_Template: TypeAlias = "Callable[[Callable[..., object], Callable[[object], object]], Callable[..., object]]"

# What tracebacks and chains show for a shim.
SHIM_FILE: Final = "<pycage shim>"
# Shims see no globals of pycage's.
_GLOBALS: Final[dict[str, object]] = {"__builtins__": {}, "__name__": "host"}


def _tagged_copy(template: _Template, domain: ProtectionDomain) -> _Template:
    # Only the inner code is the sandbox's: the template itself runs when the host makes a shim.
    outer: types.CodeType = template.__code__
    constants = []
    for constant in outer.co_consts:
        copied = constant
        if isinstance(constant, types.CodeType):
            copied = constant.replace(co_filename=SHIM_FILE, co_qualname="shim")
            _core.tag(copied, domain)
        constants.append(copied)
    return types.FunctionType(outer.replace(co_consts=tuple(constants)), _GLOBALS)


def _named_like(shim: Callable[..., object], target: Callable[..., object]) -> Callable[..., object]:
    name = getattr(target, "__name__", None)
    if type(name) is str:
        shim.__name__ = shim.__qualname__ = name
    doc = getattr(target, "__doc__", None)
    if type(doc) is str:
        shim.__doc__ = doc
    return shim


# ---- What runs later ------------------------------------------------------------------------------------------------


def carried(result: object) -> object:
    """Return a stand-in for a generator or coroutine of the host, anything else as it is."""
    stand_in = _STAND_INS.get(type(result))
    if stand_in is None:
        return result
    raw = _core.snapshot()
    return result if raw is None else stand_in(result, access.context_of(raw))


class _Steps:
    """The steps of a generator or coroutine, each in the context of the call that made it."""

    __slots__ = ("_close", "_running", "_send", "_throw")

    def __init__(self, running: types.GeneratorType[object, object, object], context: AccessControlContext) -> None:
        self._running = running
        self._send = context.bind(running.send)
        self._throw = context.bind(running.throw)
        self._close = context.bind(running.close)

    def send(self, value: object, /) -> object:
        return self._send(value)

    def throw(self, *error: object) -> object:
        return self._throw(*error)  # type: ignore[call-overload]  # passed through

    def close(self) -> None:
        self._close()


@final
@_core.seal
class _CarriedGenerator(_Steps, Generator[object, object, object]):
    __slots__ = ()


@final
@_core.seal
class _CarriedCoroutine(_Steps, Coroutine[object, object, object]):
    __slots__ = ()

    def __iter__(self) -> _CarriedCoroutine:
        return self

    def __next__(self) -> object:
        return self.send(None)

    def __await__(self) -> Generator[object, object, object]:
        return self  # send, throw and close are all that await needs


@final
@_core.seal
class _CarriedAsyncGenerator(AsyncGenerator[object, object]):
    __slots__ = ("_close", "_context", "_send", "_throw")

    def __init__(self, running: types.AsyncGeneratorType[object, object], context: AccessControlContext) -> None:
        self._context = context
        self._send, self._throw, self._close = running.asend, running.athrow, running.aclose

    def asend(self, value: object, /) -> Coroutine[object, object, object]:
        return _CarriedCoroutine(self._send(value), self._context)  # type: ignore[arg-type]  # an awaitable with steps

    def athrow(self, *error: object) -> Coroutine[object, object, object]:
        return _CarriedCoroutine(self._throw(*error), self._context)  # type: ignore[call-overload]  # as above

    def aclose(self) -> Coroutine[object, object, None]:
        return _CarriedCoroutine(self._close(), self._context)  # type: ignore[arg-type, return-value]  # as above


_STAND_INS: Final[dict[type, Callable[..., object]]] = {
    types.AsyncGeneratorType: _CarriedAsyncGenerator,
    types.CoroutineType: _CarriedCoroutine,
    types.GeneratorType: _CarriedGenerator,
}


def carried_by(stand_in: object) -> object:
    """Return the generator or coroutine behind a stand-in, None for anything else."""
    return stand_in._running if type(stand_in) in (_CarriedCoroutine, _CarriedGenerator) else None  # type: ignore[attr-defined]  # one of these
