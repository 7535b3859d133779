"""One signature: what of it the C side does alone, and how everything else is passed, called and returned."""

# Problem.  Most calls pass numbers and short strings, and must cost what a call costs; the rest passes anything that C
# has.  What comes back is an attacker's: sizes, pointers and strings are what the library likes them to be.
#
# Idea.  A plan is made once for a signature and keeps nothing of an executor, so it outlives restarts.  Arguments are
# converted before a channel is taken, since their conversion may run anybody's code; then everything reachable is laid
# out in the arena (placement.py), registers are filled by the calling convention (abi.py), and after the call every
# byte is read once.

from __future__ import annotations

import functools
import platform
import struct
from typing import TYPE_CHECKING, Any

from pycage_native import _channel, flat
from pycage_native.abi import COUNT, Shape, convention
from pycage_native.annotations import Bound, Direction
from pycage_native.arguments import Ready, converter, explained, inferred, result_shape
from pycage_native.placement import Arena
from pycage_native.types import foreign
from pycage_native.types.base import is_ctype
from pycage_native.types.functions import CFunction
from pycage_native.types.handles import Handle
from pycage_native.types.memory import Local, Place
from pycage_native.types.pointers import Aimed, c_char_p, c_void_p, c_wchar_p
from pycage_native.types.simple import CODES, NO_LONG_DOUBLE, UNPACK, SimpleType, c_int, c_longdouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pycage_native._channel import Function, Link

MACHINE = platform.machine()
_LINE = 6
_WORDS = 18
_MOST_PARAMETERS = 1024  # the limit of ctypes
# Of the reply (see _channel.pyi), by the numbers of abi.Convention.returned.
_RETURNED = (1, 4, 2, 5, 6, 7)


class Plan:
    """How one signature is called.

    Args:
        name: Of the function, for messages.
        restype: Type of the result: ours, one of ctypes, None for void, or a callable that gets an int.
        argtypes: Types of the arguments; None: as the values say.
        sync: Directions by argument name or position.
        names: Of the arguments, for ``sync``.

    Raises:
        TypeError: A type cannot be passed.
        ValueError: ``sync`` names an argument that does not exist.
    """

    __slots__ = (
        "_after",
        "_converters",
        "_flat",
        "_integers_only",
        "_kind",
        "_restore",
        "_shape",
        "_sync",
        "codes",
        "fast",
        "name",
        "result",
        "wrap",
    )

    def __init__(
        self,
        name: str,
        restype: Any = c_int,
        argtypes: Sequence[Any] | None = None,
        *,
        sync: Mapping[str | int, Direction] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._after: Callable[[Any], Any] | None = None
        self._kind, self._restore = self._result_kind(restype)
        self._shape = result_shape(self._kind)
        self._sync = _bound(sync or {}, tuple(names), None if argtypes is None else len(argtypes))
        self._converters: tuple[Callable[[Any], Ready], ...] | None = None
        if argtypes is not None:
            if len(argtypes) > _MOST_PARAMETERS:
                raise TypeError(f"too many arguments ({len(argtypes)}), maximum is {_MOST_PARAMETERS}")
            self._converters = tuple(converter(kind, sized=i in self._sync) for i, kind in enumerate(argtypes))
        self.result = self._result_code()
        self.wrap = self._wrapper()
        kinds = None if argtypes is None else [foreign.translated(kind) for kind in argtypes]
        codes = None if kinds is None else self._codes(kinds)
        self.fast = codes is not None and self.result != "" and self._restore is None
        self.codes = codes if self.fast and codes is not None else b""
        # A slow function is bound as one of integers; what has reals or structures goes by the block.
        real = isinstance(self._kind, SimpleType) and CODES[self._kind._type_].real
        self._integers_only = self._shape is None and not real and not self._has_reals()
        suited = self.fast or (kinds is None and self._after is None)
        short = suited and not self._sync and self._restore is None
        self._flat = flat.plan(name, kinds, self._kind, functools.partial(_pointed, self._kind)) if short else None

    # ---- The signature ------------------------------------------------------------------------------------------

    def _result_kind(self, restype: Any) -> tuple[Any, Callable[[Any], Any] | None]:
        """Our type, and what turns our result into one of ctypes."""
        kind = foreign.translated(restype)
        if kind is c_longdouble:
            raise TypeError(NO_LONG_DOUBLE)
        if kind is None or (is_ctype(kind) and kind._size_ is not None):
            return kind, foreign.restorer(restype) if kind is not restype else None
        if callable(restype) and not is_ctype(restype):
            self._after = restype
            return c_int, None
        raise TypeError("restype must be a type, a callable, or None")

    def _result_code(self) -> str:
        kind = self._kind
        if self._after is not None:
            return ""
        if kind is None:
            return "v"
        if isinstance(kind, SimpleType):
            if kind._type_ in "ZP":
                return "P"
            return CODES[kind._type_].word if kind._direct_ else ""
        return "P" if issubclass(kind, Aimed) else ""

    def _wrapper(self) -> Callable[[Link, int], Any] | None:
        kind = self._kind
        if self.result != "P":
            return None
        if kind is c_void_p:
            return lambda link, number: Handle(link, number) if number else None
        return lambda link, number: _pointed(kind, Handle(link, number) if number else None)

    def _codes(self, kinds: list[Any]) -> bytes | None:
        """Codes of the C side for the arguments; None: it cannot do them."""
        if len(kinds) > _LINE:
            return None
        codes = ""
        for position, kind in enumerate(kinds):
            if not isinstance(kind, type):
                return None
            if isinstance(kind, SimpleType) and kind._direct_ and kind._type_ not in "zZ":
                codes += CODES[kind._type_].word
            elif kind is c_char_p and position not in self._sync and self.result != "P":
                codes += "z"
            elif issubclass(kind, Aimed) and not issubclass(kind, CFunction):
                # NULL and handles only; strings, too, if a pointer into one may come back.
                codes += "p"
            else:
                return None
        return codes.encode()

    def _has_reals(self) -> bool:
        return any(code in b"df" for code in self.codes)

    # ---- A call -------------------------------------------------------------------------------------------------

    def function(
        self,
        index: int,
        gate: Callable[[], object] | None = None,
        renew: Callable[[], object] | None = None,
        when: Callable[[], object] | None = None,
    ) -> Function:
        """Return the callable for it, yet without a link."""
        code = self.result or "v"
        return _channel.Function(self.name, index, code, self.codes, self.fast, self.slow, gate, renew, self.wrap, when)

    def slow(self, function: Function, args: tuple[Any, ...]) -> Any:
        """Call a function in a way that the C side cannot."""
        link = function._link
        if link is None:
            raise RuntimeError(f"{self.name} has no executor")
        if self._flat is not None:
            result = self._flat.call(function, args)
            if result is not flat.MISS:
                return result
        return self.invoke(link, function.index, args)

    def invoke(self, link: Link, index: int, args: tuple[Any, ...]) -> Any:
        """Call what is bound at an index.

        Raises:
            ArgumentError: An argument has a wrong type.
            OverflowError: A number does not fit.
            StaleHandle: A pointer is one of another executor.
            MemoryError: The arguments do not fit into the arena.
        """
        ready = self._ready(args)
        parts = self._parts(args, ready) if self._sync else {}
        channel = link.acquire()
        used = link.mark(channel)
        try:
            result = self._call(Arena(link, channel), index, ready, parts)
        finally:
            link.mark(channel, used)
            link.release(channel)
        if self._after is not None:
            return self._after(result)
        if type(result) is _Text:
            return result.value()
        return result if self._restore is None else self._restore(result)

    def _parts(self, args: tuple[Any, ...], ready: list[Ready]) -> dict[int, tuple[Bound, int | None]]:
        """Return how much of which argument is passed."""
        return {
            position: (bound, bound.bytes_of(args, _item_size(ready[position])))
            for position, bound in self._sync.items()
            if position < len(ready)
        }

    def _ready(self, args: tuple[Any, ...]) -> list[Ready]:
        converters = self._converters
        if converters is not None and len(args) < len(converters):
            checked_arguments(converters, args)
        if len(args) > _MOST_PARAMETERS:
            raise TypeError(f"too many arguments ({len(args)}), maximum is {_MOST_PARAMETERS}")
        declared = 0 if converters is None else len(converters)
        ready = []
        for position, value in enumerate(args):
            try:
                if converters is not None and position < declared:
                    ready.append(converters[position](value))
                else:
                    ready.append(inferred(value, variable=declared > 0))
            except (TypeError, ValueError, OverflowError) as error:
                raise explained(error, position) from error
        return ready

    def _call(self, arena: Arena, index: int, ready: list[Ready], parts: dict[int, tuple[Bound, int | None]]) -> Any:
        words = [_word(arena, argument, parts.get(i)) for i, argument in enumerate(ready)]
        link = arena.link
        if self._integers_only and len(words) <= _LINE and all(argument.kind == "i" for argument in ready):
            operation, line = _channel.CALL << 24 | index, tuple(words)
            hidden = None
        else:
            operation, line = _channel.CALL_BLOCK << 24 | index, ()
            hidden = self._fill_block(arena, ready, words)
        arena.write()
        try:
            reply = link.call(arena.channel, operation, line, 0, self.name)
        except BaseException:
            # An exception of a callback: the library has returned nevertheless, and what it wrote counts.
            if link.alive:
                arena.copy_back()
            raise
        if reply[0] != _channel.OK:
            raise RuntimeError(f"{self.name} could not be called: error {reply[3]}")
        arena.copy_back()
        return self._returned(arena, reply, hidden)

    def _fill_block(self, arena: Arena, ready: list[Ready], words: list[Any]) -> int | None:
        """Put registers and stack words where the executor takes them from; returns where a large result will be."""
        placed = convention(MACHINE, tuple(argument.kind for argument in ready), self._shape)
        if placed.stack > _channel.STACK_WORDS:
            raise TypeError(f"the arguments need {placed.stack} words of stack; {_channel.STACK_WORDS} is the most")
        start = arena.channel * arena.link.channel_size + _channel.BLOCK
        if self._shape is None and all(type(word) is int for word in words):
            line = [0] * (_WORDS + placed.stack)
            for assigned, word in zip(placed.arguments, words, strict=True):
                line[assigned.pieces[0].word] = word
            line[COUNT] = placed.stack
            struct.pack_into(f"<{len(line)}Q", arena.memory, start, *line)
            return None
        block = bytearray(8 * (_WORDS + placed.stack))
        hidden = None
        if placed.hidden is not None and self._shape is not None:
            hidden, number = arena.reserve(self._shape.size)
            struct.pack_into("<Q", block, 8 * placed.hidden, number)
        for assigned, argument, word in zip(placed.arguments, ready, words, strict=True):
            data = word if isinstance(argument.kind, Shape) else word.to_bytes(8, "little")
            if assigned.copied:
                offset, number = arena.reserve(len(data))
                arena.memory[offset : offset + len(data)] = data
                data = number.to_bytes(8, "little")
            for piece in assigned.pieces:
                at = 8 * piece.word
                block[at : at + piece.size] = data[piece.offset : piece.offset + piece.size]
        struct.pack_into("<Q", block, 8 * COUNT, placed.stack)
        arena.memory[start : start + len(block)] = block
        return hidden

    def _returned(self, arena: Arena, reply: tuple[int, ...], hidden: int | None) -> Any:
        kind: Any = self._kind
        if kind is None:
            return None
        if isinstance(kind, SimpleType) and kind._type_ not in "zZP":
            code = CODES[kind._type_]
            word = reply[2] if code.real else reply[1]
            data = bytearray((word & ((1 << 8 * code.size) - 1)).to_bytes(code.size, "little"))
            return UNPACK[kind._type_](data) if kind._direct_ else kind._view_(Local(data, kind), 0)
        if issubclass(kind, Aimed):
            return _pointed(kind, arena.target(reply[1]), later=True)
        size = kind._size_
        if hidden is not None:
            data = bytearray(arena.memory[hidden : hidden + size])
        else:
            data = bytearray(size)
            for piece in convention(MACHINE, (), self._shape).returned:
                register = reply[_RETURNED[piece.word]].to_bytes(8, "little")
                data[piece.offset : piece.offset + piece.size] = register[: piece.size]
        block = Local(data, kind)
        arena.adopt(block, kind._pointers_)
        return kind._view_(block, 0)


class _Text:
    """A string of the library that is read when the channel is free again."""

    __slots__ = ("made",)

    def __init__(self, made: Any) -> None:
        self.made = made

    def value(self) -> Any:
        return self.made.value


def _pointed(kind: Any, target: Any, *, later: bool = False) -> Any:
    """Return a result of a pointer type."""
    if kind is c_void_p:
        return target
    made = kind._pointing_(target)
    if kind in {c_char_p, c_wchar_p}:
        return _Text(made) if later else made.value
    return made


def _word(arena: Arena, argument: Ready, part: tuple[Bound, int | None] | None) -> Any:
    """Return the word of an argument, or the bytes of a structure."""
    if isinstance(argument.kind, Shape):
        value = argument.value
        return arena.bytes_of(value._memory_, value._start_, argument.kind.size)
    target = argument.target
    if target is None:
        return argument.word
    if part is not None and isinstance(target, Place):
        bound, size = part
        direction = bound.direction
        return arena.address_of_part(
            target, size, goes_in=direction.goes_in, goes_out=direction.goes_out, to_zero=bound.to_zero
        )
    return arena.address(target, argument.item)


def _item_size(argument: Ready) -> int:
    """Bytes of one object that a pointer points to."""
    size = getattr(argument.item, "_size_", None)
    return size or 1


def _bound(sync: Mapping[str | int, Direction], names: tuple[str, ...], count: int | None) -> dict[int, Bound]:
    found = {}
    for key, direction in sync.items():
        if not isinstance(direction, Direction):
            raise TypeError(f"sync[{key!r}] must be In(...), Out(...) or InOut(...)")
        if isinstance(key, str) and key not in names:
            raise ValueError(f"there is no argument {key!r}; known are {', '.join(names) or 'none'}")
        position = names.index(key) if isinstance(key, str) else key
        if position < 0 or (count is not None and position >= count):
            raise ValueError(f"there is no argument {key!r}")
        found[position] = direction.bound(names, count)
    return found


def checked_arguments(expected: Sequence[Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments, if they are enough.

    Raises:
        TypeError: They are not.
    """
    if len(args) < len(expected):
        plural = "" if len(expected) == 1 else "s"
        raise TypeError(f"this function takes at least {len(expected)} argument{plural} ({len(args)} given)")
    return args
