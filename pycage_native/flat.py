"""Calls whose arguments are numbers and objects without pointers: bytes go in and out, and nothing is followed."""

# Problem.  Most arguments by reference are small and flat: a structure of numbers, an int that is filled in, a buffer.
# Laying out a graph for them (placement.py) costs several times what the call costs.
#
# Idea.  For each parameter a table says what to do with an argument by its exact type.  What is not in the table, or
# turns out to have pointers, makes the whole call one of the general way; nothing has happened until then, and no code
# of anybody's has run.  All objects get one piece of the arena, each object once, as there.

from __future__ import annotations

import struct
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pycage_native import _channel
from pycage_native.types.arrays import Array
from pycage_native.types.base import Reference
from pycage_native.types.handles import MASK, Handle
from pycage_native.types.memory import Local, Place
from pycage_native.types.pointers import POINTER, Aimed, Pointer, c_char_p, c_void_p, c_wchar_p
from pycage_native.types.simple import CODES, UNPACK, SimpleType, c_char, c_wchar, single

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pycage_native._channel import Function, Link

# What to do with an argument.
_OBJECT, _REFERENCE, _NUMBER, _NULL, _HANDLE, _POINTER, _BYTES, _TEXT, _DOUBLE, _FLOAT = range(10)
_LINE: Final = 6
_CALL: Final = _channel.CALL << 24
_OK: Final = _channel.OK
_ARENA: Final = _channel.ARENA
_ALIGNMENT: Final = 63
MISS: Final = object()


class Parameter(NamedTuple):
    """What one parameter takes the short way."""

    table: dict[type, int]  # what to do, by the exact type of an argument
    item: Any = None  # type of what a pointer points to; None: anything
    # What a number may be to be its own word; other numbers go the general way.
    least: int = 1
    most: int = 0
    pointer: bool = True  # whether it takes arrays and pointers


_TARGETS: dict[type, int] = {Reference: _REFERENCE, NoneType: _NULL, Handle: _HANDLE}
# Of a function whose parameters are not declared.
_ANY = Parameter({**_TARGETS, int: _NUMBER, bytes: _BYTES}, least=-(1 << 31), most=(1 << 31) - 1)


def _parameter(kind: Any) -> Parameter | None:
    """Return what a parameter of a declared type takes; None: its values go the general way."""
    if kind is c_void_p:
        return Parameter({**_TARGETS, int: _NUMBER, bytes: _BYTES}, least=0, most=MASK)
    if kind is c_char_p:
        return Parameter({**_TARGETS, bytes: _TEXT}, c_char)
    if kind is c_wchar_p:
        return Parameter(dict(_TARGETS), c_wchar)
    if isinstance(kind, SimpleType) and kind._direct_ and kind._type_ not in "?cuzZP":
        code = CODES[kind._type_]
        if code.real:
            return Parameter({float: _DOUBLE if kind._type_ == "d" else _FLOAT}, pointer=False)
        bits = 8 * code.size - code.signed
        return Parameter({int: _NUMBER}, pointer=False, least=-(1 << bits) if code.signed else 0, most=(1 << bits) - 1)
    item = getattr(kind, "_type_", None)
    # One that somebody derived may convert its arguments otherwise.
    if isinstance(kind, type) and issubclass(kind, Pointer) and item is not None and kind is POINTER(item):
        return Parameter({**_TARGETS, item: _OBJECT, kind: _POINTER}, item)
    return None


def _result_of(code: str) -> Callable[[Any], Any]:
    """How the reply becomes what is no integer."""
    if code == "v":
        return lambda _: None
    made = CODES[code]
    mask, unpack, size, word = (1 << 8 * made.size) - 1, UNPACK[code], made.size, 2 if made.real else 1
    return lambda reply: unpack((reply[word] & mask).to_bytes(size, "little"))


class Flat:
    """The short way of one signature.

    Args:
        name: Of the function, for messages.
        kinds: Of its parameters; None: not declared.
        code: ``_type_`` of the result, or ``v``; empty: a pointer.
        pointed: Makes the result of what a pointer points to.
    """

    __slots__ = ("_limit", "_mask", "_name", "_parameters", "_pointed", "_result", "_sign")

    def __init__(
        self, name: str, parameters: tuple[Parameter, ...] | None, code: str, pointed: Callable[[Any], Any]
    ) -> None:
        self._name = name
        self._parameters = parameters
        self._pointed = pointed
        # Of an integer: what is less than the limit is the number already.
        self._mask = self._sign = self._limit = 0
        self._result = None
        if code and code not in "v?cu" and not CODES[code].real:
            bits = 8 * CODES[code].size
            self._mask = (1 << bits) - 1
            self._sign = 1 << bits - 1 if CODES[code].signed else 0
            self._limit = self._sign or 1 << bits
        elif code:
            self._result = _result_of(code)

    def call(self, function: Function, args: tuple[Any, ...]) -> Any:  # noqa: C901, PLR0912, PLR0915  # calls have a price
        """Call it; `MISS` if the arguments need the general way, and nothing has happened."""
        link: Any = function._link
        parameters = self._parameters
        if parameters is None:
            parameters = (_ANY,) * len(args)
            if len(args) > _LINE:
                return MISS
        elif len(args) != len(parameters):
            return MISS
        words: list[int] = []
        # The usual case is one object, and needs no lists.
        first = None
        places: dict[Local, int] | None = None  # of several objects, in the piece of the arena
        inside = []  # words that are offsets in it, but for the first
        size = spot = 0
        for value, (table, item, least, most, pointer) in zip(args, parameters):  # noqa: B905  # it has a price
            kind = type(value)
            at = 0
            how = table.get(kind)
            if how == _REFERENCE:
                at = value.at
                value = value.object  # noqa: PLW2901  # from here on it is as if that had been passed
                kind = type(value)
                if kind is not item and not _refers(item, kind):
                    return MISS
            elif how == _NUMBER:
                if not least <= value <= most:
                    return MISS
                words.append(value)
                continue
            elif how != _OBJECT:
                found = _other(link, how, value, item, pointer=pointer)
                if found is None:
                    return MISS
                if type(found) is int:
                    words.append(found)
                    continue
                value = found  # noqa: PLW2901  # as above
                kind = type(value)
            if kind is Place:
                block = value._block
                at = value.at
            else:
                block = value._memory_
                at += value._start_
                if type(block) is not Local or not kind._flat_:
                    return MISS
            whole = block.kind
            if whole is not kind and whole is not None and not whole._flat_:
                return MISS
            length = len(block.data)
            if block.aims or block.origin is not None or not 0 <= at <= length:
                return MISS
            if first is None:
                first = block
                spot = len(words)
                words.append(at)
                size = length
                continue
            if places is None:
                places = {first: 0}
            place = places.get(block)
            if place is None:
                place = places[block] = (size + _ALIGNMENT) & ~_ALIGNMENT
                size = place + length
            inside.append(len(words))
            words.append(place + at)
        channel = link.acquire()
        try:
            start = link.reserve(channel, size)
        except BaseException:
            link.release(channel)
            raise
        try:
            base = link.remote + start
            windows = None
            if places is not None:
                for position in inside:
                    words[position] += base
                windows = _put(memoryview(link), start, places)
            if first is not None:
                words[spot] += base
                if windows is None:
                    data = first.data
                    window = memoryview(link)[start : start + len(data)]
                    window[:] = data
            try:
                reply = link.call(channel, _CALL | function.index, tuple(words), 0, self._name)
            except BaseException:
                # An exception of a callback: the library has returned nevertheless, and what it wrote counts.
                if link.alive and first is not None:
                    _copy_back({first: window} if windows is None else windows)
                raise
            if windows is not None:
                _copy_back(windows)
            elif first is not None:
                if first.aims or first.frozen:
                    _copy_back({first: window})
                else:
                    data[:] = window
        finally:
            link.mark(channel, start - _ARENA - (channel and channel * link.channel_size))
            link.release(channel)
        if reply[0] != _OK:
            raise RuntimeError(f"{self._name} could not be called: error {reply[3]}")
        word: int = reply[1]
        if word < self._limit:
            return word
        mask = self._mask
        if mask:
            return ((word & mask) ^ self._sign) - self._sign
        if self._result is not None:
            return self._result(reply)
        return self._pointed(_target(link, word, start, places or ({first: 0} if first else {})))


def _put(memory: memoryview, start: int, places: dict[Local, int]) -> dict[Local, memoryview]:
    """Copy objects in; return where they are."""
    windows = {}
    for block, place in places.items():
        data = block.data
        window = windows[block] = memory[start + place : start + place + len(data)]
        window[:] = data
    return windows


def _copy_back(windows: dict[Local, memoryview]) -> None:
    """Copy each byte out once; nothing looks at it where it can still change."""
    for block, window in windows.items():
        if block.aims and not block.frozen:  # somebody made a pointer there meanwhile
            block.write(0, bytes(window))
        elif not block.frozen:
            block.data[:] = window


def _refers(item: Any, kind: Any) -> bool:
    """Whether ``byref()`` of an object of another type than the parameter's is taken."""
    return item is None or (item in {c_char, c_wchar} and issubclass(kind, Array) and kind._type_ is item)


def _other(link: Link, how: int | None, value: Any, item: Any, *, pointer: bool) -> Any:  # noqa: C901  # a table
    """Return the word of an argument, or the object or place that it stands for; None: the general way."""
    if how == _NULL:
        return 0
    if how == _HANDLE:
        return _channel.number(value) if value._link is link else None
    if how == _DOUBLE:
        return int.from_bytes(struct.pack("<d", value), "little")
    if how == _FLOAT:
        return int.from_bytes(single(value), "little")
    if how in {_BYTES, _TEXT}:
        if how == _TEXT and b"\0" in value:
            return None
        return Place(Local(bytearray(value + b"\0"), frozen=True), 0)
    if not pointer:
        return None
    kind: Any = type(value)
    if isinstance(value, Array):
        return value if item is None or kind._type_ is item else None
    if how == _POINTER or (item is None and isinstance(value, Pointer)):
        memory = value._memory_
        aim = memory.aims.get(value._start_) if type(memory) is Local else None
        if type(aim) is Place:
            return aim if kind._type_._flat_ else None
        return _channel.number(aim) if type(aim) is Handle and aim._link is link else None
    return None


def _target(link: Link, number: int, start: int, places: dict[Local, int]) -> Any:
    """Return what a number of the library means: as `Arena.target`."""
    if number == 0:
        return None
    offset = number - link.remote - start
    if 0 <= number - link.remote < link.size:
        for block, place in reversed(places.items()):
            if place <= offset:
                if offset <= place + len(block.data):
                    return Place(block, offset - place)
                break
    return Handle(link, number)


def plan(name: str, kinds: Sequence[Any] | None, result: Any, pointed: Callable[[Any], Any]) -> Flat | None:
    """Return the short way of a signature; None: it has none.

    Args:
        name: Of the function.
        kinds: Our types of its parameters; None: not declared.
        result: Our type of its result.
        pointed: Makes a result of a pointer type.
    """
    parameters: tuple[Parameter, ...] | None = None
    if kinds is not None:
        made = [_parameter(kind) for kind in kinds]
        found = tuple(parameter for parameter in made if parameter is not None)
        if len(found) < len(made) or not any(parameter.pointer for parameter in found):
            return None
        parameters = found
    if result is None:
        return Flat(name, parameters, "v", pointed)
    if isinstance(result, type) and issubclass(result, Aimed):
        return Flat(name, parameters, "", pointed)
    if isinstance(result, SimpleType) and result._direct_ and not (kinds is None and CODES[result._type_].real):
        return Flat(name, parameters, result._type_, pointed)
    return None
