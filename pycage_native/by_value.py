"""Callbacks with structures by value: which words of a call they are in, and how one is returned."""

# Problem.  The executor's stub knows of a callback's arguments only which are integers and which reals.  A structure
# takes several registers, or none, by rules of its own (abi.py).
#
# Idea.  Such a callback is registered as one that takes everything: all integer registers, all vector registers, and as
# many words of the stack as its arguments have.  What is in which of them is found here.  A result that is returned in
# memory is written there before the callback returns; any other is the bytes of all registers that it may be in.
#
# What still fails.  On aarch64 the address of a result in memory is in a register that the stubs do not save.

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, Final

from pycage_native.abi import INDIRECT, REALS, STACK, Assigned, Convention, Kind, convention, shape_of
from pycage_native.placement import number_of
from pycage_native.types.handles import POINTER_SIZE, Handle, registered
from pycage_native.types.memory import Local, Place, adopt
from pycage_native.types.simple import CODES, UNPACK, SimpleType
from pycage_native.types.structures import StructType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pycage_native._channel import Link

MACHINE: Final = platform.machine()
_INTEGERS: Final = 6 if MACHINE == "x86_64" else 8  # registers
_VECTORS: Final = 8
_MOST_WORDS: Final = 32
# Word of abi.Convention.returned -> word of a PN_CALLBACK_RETURN (protocol.h).
_ANSWER: Final = (0, 2, 1, 3, 4, 5)


def has_structures(kind: Any) -> bool:
    """Whether a function type takes or returns structures by value."""
    return any(isinstance(each, StructType) for each in (*kind._argtypes_, kind._restype_))


def _abi_kind(kind: Any) -> Kind:
    if isinstance(kind, StructType):
        return shape_of(kind)
    return "r" if isinstance(kind, SimpleType) and CODES[kind._type_].real else "i"


class Frame:
    """The words of one function type's calls.

    Args:
        kind: The function type.

    Raises:
        TypeError: A callback cannot have this signature.
    """

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.result: Any = kind._restype_ if isinstance(kind._restype_, StructType) else None
        shape = None if self.result is None else shape_of(self.result)
        self.placed: Convention = convention(MACHINE, tuple(map(_abi_kind, kind._argtypes_)), shape)
        self.count = _INTEGERS + _VECTORS + self.placed.stack
        if self.count > _MOST_WORDS:
            most = 8 * (_MOST_WORDS - _INTEGERS - _VECTORS)
            raise TypeError(
                f"a callback can take {most} bytes on the stack, not {8 * self.placed.stack}; take a pointer"
            )
        if self.placed.hidden == INDIRECT:
            raise TypeError(
                f"a callback cannot return {kind._restype_.__name__}, which is returned in memory; "
                "return it through a pointer that is an argument"
            )

    @property
    def codes(self) -> str:
        """Of the C side: each word as it is."""
        return "Q" * self.count

    @property
    def reals(self) -> int:
        """Which words are vector registers, by bits."""
        return ((1 << _VECTORS) - 1) << _INTEGERS

    @property
    def code(self) -> str:
        """Of the C side, for a structure as the result."""
        return "v" if not self.result._size_ else "S" if self.placed.hidden is None else "Q"

    def taken(self, words: Sequence[int], link: Link) -> list[Any]:
        """Return the arguments; an object of a simple type is a Python value, and a pointer a number."""
        return [
            self._argument(kind, assigned, words, link)
            for kind, assigned in zip(self.kind._argtypes_, self.placed.arguments, strict=True)
        ]

    def _argument(self, kind: Any, assigned: Assigned, words: Sequence[int], link: Link) -> Any:
        if not isinstance(kind, StructType):
            word = words[_position(assigned.pieces[0].word)]
            if isinstance(kind, SimpleType) and kind._type_ not in "zZP":
                width = CODES[kind._type_].size
                return UNPACK[kind._type_]((word & ((1 << 8 * width) - 1)).to_bytes(width, "little"))
            return word
        size = kind._size_ or 0
        if assigned.copied:
            data = bytearray(Handle(link, words[_position(assigned.pieces[0].word)]).read(size))
        else:
            data = bytearray(size)
            for piece in assigned.pieces:
                whole = words[_position(piece.word)].to_bytes(8, "little")
                data[piece.offset : piece.offset + piece.size] = whole[: piece.size]
        made: Any = kind
        block = Local(data, made)
        adopt(block, made._pointers_, link)
        return made._view_(block, 0)

    def returned(self, value: Any, words: Sequence[int], link: Link) -> Any:
        """Return what the C side takes for a structure.

        Raises:
            TypeError: It is of another type, or points to an object of this process.
        """
        kind = self.result
        if not kind._size_:
            return None
        block = Local(bytearray(kind._size_), kind)
        kind._store_(block, 0, value)
        data = bytearray(block.data)
        for at, aim in block.aims_in(0, len(data)):
            data[at : at + POINTER_SIZE] = address_there(aim, link).to_bytes(POINTER_SIZE, "little")
        if self.placed.hidden is not None:
            where = words[_position(self.placed.hidden)]
            Handle(link, where).write(bytes(data))
            return where
        registers = bytearray(8 * len(_ANSWER))
        for piece in self.placed.returned:
            at = 8 * _ANSWER[piece.word]
            registers[at : at + piece.size] = data[piece.offset : piece.offset + piece.size]
        return bytes(registers)


def _position(word: int) -> int:
    """Return which of a callback's words is one of `abi`."""
    if word >= STACK:
        return _INTEGERS + _VECTORS + word - STACK
    return _INTEGERS + word - REALS if word >= REALS else word


def address_there(aim: Any, link: Link) -> int:
    """Return the number of what a pointer points to, if it is there after the call.

    Raises:
        TypeError: It is an object of this process.
        StaleHandle: It is in another executor.
    """
    if isinstance(aim, Place):
        raise TypeError("a callback cannot return a pointer to an object of this process: it is not there afterwards")
    if isinstance(aim, Handle):
        return number_of(aim, link)
    return 0 if aim is None else aim if type(aim) is int else registered(aim, link)
