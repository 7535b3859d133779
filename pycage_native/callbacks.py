"""Functions across the border: Python functions that a library calls, and function pointers that it gives."""

# A callback's arguments are an attacker's: numbers are cut to their types by the C side, pointers are handles.  Its
# exceptions come out of the outer call.
#
# A library decides when a callback runs and with what, so it must not borrow the authority of the function that it
# calls: its own domain is on the stack below that.  What a callback may do by itself it does with do_privileged.

from __future__ import annotations

import copy
import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any

from pycage_native import _channel
from pycage_native.by_value import Frame, address_there, has_structures
from pycage_native.placement import number_of
from pycage_native.types.casting import aim_of_argument
from pycage_native.types.handles import Handle
from pycage_native.types.pointers import Aimed
from pycage_native.types.simple import CODES, NO_LONG_DOUBLE, Simple, SimpleType, c_longdouble
from pycage_native.types.structures import StructType

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage_native._channel import Callback, Link
    from pycage_native.marshalling import Plan
    from pycage_native.types.functions import Routine

# Link -> what makes a function one that is called by the library's domain.  Kept by `Executor`.
callers: weakref.WeakKeyDictionary[Link, Callable[[Callable[..., Any]], Callable[..., Any]]] = (
    weakref.WeakKeyDictionary()
)

# Link -> what is called before each call, if anything.  Function pointers have no other way to it.
gates: weakref.WeakKeyDictionary[Link, Callable[[], object] | None] = weakref.WeakKeyDictionary()

# Functions that are bound by their address have the upper part of the executor's table; a library's own the lower.
FIRST_ADDRESSED = 49152
_MOST_ADDRESSED = 8192
_MOST_ARGUMENTS = 32


def _word_code(kind: Any) -> str:
    """Return the code of the C side for a parameter.

    Raises:
        TypeError: Functions of this shape cannot be callbacks.
    """
    if isinstance(kind, SimpleType):
        return CODES[kind._type_].word if kind._type_ not in "zZP" else "P"
    if isinstance(kind, type) and issubclass(kind, Aimed):
        return "P"
    if kind is c_longdouble:
        raise TypeError(NO_LONG_DOUBLE)
    raise TypeError(f"a callback cannot take or return {getattr(kind, '__name__', kind)}")


def _incoming(kind: Any) -> Callable[[Any, Link], Any] | None:
    """How an argument of the C side becomes what the Python function gets; None: it is that already."""
    if isinstance(kind, StructType):
        return None
    if isinstance(kind, SimpleType) and kind._type_ not in "zZP":
        return None if kind._direct_ else lambda value, _: kind(value)

    def pointing(number: Any, link: Link) -> Any:
        made = kind._pointing_(Handle(link, number) if number else None)
        return made.value if isinstance(made, Simple) and type(made)._direct_ else made

    return pointing


def _outgoing(kind: Any) -> Callable[[Any, Link], Any] | None:
    """How a result of the Python function becomes what the C side takes."""
    if isinstance(kind, SimpleType) and kind._type_ not in "zZP":
        return lambda value, _: value.value if isinstance(value, Simple) else value

    def address(value: Any, link: Link) -> int:
        return address_there(aim_of_argument(value), link)

    return address


def _adapted(function: Callable[..., Any], kind: Any, link: Link, frame: Frame | None) -> Callable[..., Any]:
    """Return the function with its arguments and its result converted, or itself if nothing needs to be."""
    incoming = [_incoming(argument) for argument in kind._argtypes_]
    outgoing = None if kind._restype_ is None or isinstance(kind._restype_, StructType) else _outgoing(kind._restype_)
    if frame is None and not any(incoming) and (outgoing is None or kind._restype_._type_ not in "zZP"):
        return function
    # A callback lives as long as its function type's object, which may be longer than an executor.
    reference = weakref.ref(link)

    def call(*words: Any) -> Any:
        current = reference()
        if current is None:  # it is the one that calls
            raise RuntimeError("the executor has ended")
        result = function(
            *(
                word if convert is None else convert(word, current)
                for word, convert in zip(words if frame is None else frame.taken(words, current), incoming, strict=True)
            )
        )
        if frame is not None and frame.result is not None:
            return frame.returned(result, words, current)
        return result if outgoing is None else outgoing(result, current)

    return call


def register(link: Link, function: Callable[..., Any], kind: Any, channel: int | None = None) -> tuple[Callback, int]:
    """Give a Python function an address in an executor, for as long as the returned callback lives.

    Args:
        link: Of the executor.
        function: What is called.
        kind: Its `CFUNCTYPE`.
        channel: One that the caller has acquired; None: acquire one.

    Raises:
        TypeError: It has too many arguments, or types that cannot be passed so.
        ValueError: The executor has 64 callbacks already.
    """
    frame = Frame(kind) if has_structures(kind) else None
    if frame is None:
        codes = "".join(map(_word_code, kind._argtypes_))
        if len(codes) > _MOST_ARGUMENTS:
            raise TypeError(f"a callback can have {_MOST_ARGUMENTS} arguments, not {len(codes)}")
        reals = sum(1 << i for i, code in enumerate(codes) if code in "df")
    else:
        codes, reals = frame.codes, frame.reals
    result = "v" if kind._restype_ is None else frame.code if frame and frame.result else _word_code(kind._restype_)
    called = _adapted(callers[link](function), kind, link, frame)
    callback = _channel.Callback(link, called, result, codes.encode())
    own = link.acquire() if channel is None else channel
    try:
        operation = (_channel.CALLBACK_SHAPE << 24) | callback.slot
        reply = link.call(own, operation, (len(codes), reals), 0, "registering a callback")
    finally:
        if channel is None:
            link.release(own)
    if reply[0] != _channel.OK or not reply[1]:
        raise RuntimeError("the executor has no place for another callback")
    return callback, reply[1]


def call_here(routine: Routine, args: tuple[Any, ...]) -> Any:
    """Call a Python function through its `CFUNCTYPE` object: arguments and result go through their types."""
    from pycage_native.arguments import explained  # noqa: PLC0415  # it builds on this
    from pycage_native.marshalling import checked_arguments  # noqa: PLC0415  # it, too

    kind = routine.kind
    values = []
    for position, (expected, value) in enumerate(
        zip(kind._argtypes_, checked_arguments(kind._argtypes_, args), strict=False)
    ):
        try:
            values.append(_through(expected, value))
        except (TypeError, ValueError) as error:
            raise explained(error, position) from error
    result = routine.function(*values)
    return None if kind._restype_ is None else _through(kind._restype_, result)


def _through(kind: Any, value: Any) -> Any:
    if isinstance(kind, SimpleType):
        made = kind(value.value if isinstance(value, Simple) else value)
        return made.value if kind._direct_ else made
    if isinstance(kind, type) and issubclass(kind, Aimed):
        return kind._pointing_(aim_of_argument(value))
    given: Any = kind  # mypy does not see what objects of a metaclass inherit
    return copy.copy(given.from_param(value)) if isinstance(kind, StructType) else value


class _Addressed:
    """What is bound by its address in one executor."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.indices: dict[int, int] = {}
        self.next = itertools.count(FIRST_ADDRESSED)

    def take(self) -> int:
        """Return an index that is free, or that of the oldest."""
        if len(self.indices) >= _MOST_ADDRESSED:
            return self.indices.pop(next(iter(self.indices)))
        return next(self.next)


_addressed: weakref.WeakKeyDictionary[Link, _Addressed] = weakref.WeakKeyDictionary()
_plans: weakref.WeakKeyDictionary[Any, Plan] = weakref.WeakKeyDictionary()


def call_handle(pointer: Any, handle: Handle, args: tuple[Any, ...]) -> Any:
    """Call a function of a library by the pointer that the library gave.

    Raises:
        StaleHandle: Its executor has ended.
    """
    from pycage_native.marshalling import Plan  # noqa: PLC0415  # it builds on this

    kind = type(pointer)
    plan = _plans.get(kind)
    if plan is None:
        plan = _plans[kind] = Plan("a function pointer", kind._restype_, kind._argtypes_)
    link = handle._running
    gate = gates[link]
    if gate is not None:
        gate()
    return plan.invoke(link, _index_of(link, number_of(handle, link)), args)


def _index_of(link: Link, number: int) -> int:
    found = _addressed.setdefault(link, _Addressed())
    channel = link.acquire()  # before the lock: who has a channel may wait for the lock
    try:
        with found.lock:
            index = found.indices.get(number)
            if index is not None:
                return index
            index = found.take()
            operation = (_channel.BIND_ADDRESS << 24) | index
            reply = link.call(channel, operation, (0, 0, number), 0, "binding a function pointer")
            if reply[0] != _channel.OK:
                raise RuntimeError("the executor did not bind the function pointer")
            found.indices[number] = index
            return index
    finally:
        link.release(channel)
