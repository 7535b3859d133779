"""Calling conventions: which register or stack word each argument goes to, as a pure function."""

# Sources: System V ABI, AMD64 Architecture Processor Supplement, 3.2.3; Procedure Call Standard for the Arm 64-bit
# Architecture (AAPCS64), 6.8.2 and 6.9.  Both name registers by kind, not by position: all integers go to the integer
# registers in order, all reals to the vector registers in order.

from __future__ import annotations

import functools
from typing import Any, Literal, NamedTuple, TypeAlias

from pycage_native.types.arrays import Array
from pycage_native.types.simple import CODES, NO_LONG_DOUBLE, SimpleType, c_longdouble
from pycage_native.types.structures import StructType

# Words of pn_block (protocol.h).
INTEGERS, REALS, INDIRECT, COUNT, STACK = 0, 8, 16, 17, 18
_WORD = 8
_TWO_WORDS = 16
_VECTOR_REGISTERS = 8
_HFA_MEMBERS = 4


class Scalar(NamedTuple):
    """A number in a structure."""

    offset: int
    size: int
    real: bool


class Shape(NamedTuple):
    """A structure or union that is passed by value."""

    size: int
    align: int
    scalars: tuple[Scalar, ...]


Kind: TypeAlias = Literal["i", "r"] | Shape


class Piece(NamedTuple):
    """``size`` bytes at ``offset`` of an argument go to (or come from) a word."""

    word: int
    offset: int
    size: int


class Assigned(NamedTuple):
    """Where one argument goes.  ``copied``: it lies in memory, and its address goes to the one piece."""

    pieces: tuple[Piece, ...]
    copied: bool = False


class Convention(NamedTuple):
    """Where all arguments go, and where a structure that is the result is.

    ``hidden`` is the word for the address of the result's memory; None: it is in ``returned``, whose words number the
    reply's registers: 0 and 1 the integer ones, 2 to 5 the vector ones.
    """

    arguments: tuple[Assigned, ...]
    stack: int
    returned: tuple[Piece, ...]
    hidden: int | None


def shape_of(kind: Any) -> Shape:
    """Return the shape of a structure or union type."""
    size = kind._size_
    # What is larger goes by memory on both machines, whatever is in it.
    return Shape(size, kind._align_bytes_, () if size > _HFA_MEMBERS * _WORD else tuple(_scalars(kind, 0)))


def _scalars(kind: Any, at: int) -> list[Scalar]:
    if isinstance(kind, StructType):
        found = []
        for field in kind._members_:
            if field.bits is not None:
                # Whatever words it touches, it is an integer there.
                first, last = at + field.offset, at + field.offset + (field.bit + field.bits - 1) // 8
                found += [Scalar(byte, 1, real=False) for byte in sorted({first, last})]
            else:
                found += _scalars(field.kind, at + field.offset)
        return found
    if issubclass(kind, Array):
        size = kind._type_._size_
        return [scalar for i in range(kind._length_) for scalar in _scalars(kind._type_, at + i * size)]
    if kind is c_longdouble:  # in memory on one machine, in a vector register on the other
        raise TypeError(NO_LONG_DOUBLE)
    real = isinstance(kind, SimpleType) and CODES[kind._type_].real
    return [Scalar(at, kind._size_, real)]


def _words_of(shape: Shape) -> list[Piece]:
    """Return the structure in eight-byte pieces, not yet placed."""
    return [Piece(0, at, min(_WORD, shape.size - at)) for at in range(0, shape.size, _WORD)]


# ---- x86-64 -----------------------------------------------------------------------------------------------------


def _classes(shape: Shape) -> list[bool] | None:
    """Of each eightbyte, whether it is SSE; None: the whole is passed in memory."""
    if shape.size > _TWO_WORDS or any(scalar.offset % scalar.size for scalar in shape.scalars):
        return None
    return [
        all(scalar.real for scalar in shape.scalars if scalar.offset // _WORD == i)
        for i in range(-(-shape.size // _WORD))
    ]


class _Registers:
    """What is still free."""

    def __init__(self, integers: int) -> None:
        self.integer_limit = integers
        self.integers = self.reals = self.stack = 0

    def integer(self) -> int | None:
        if self.integers == self.integer_limit:
            return None
        self.integers += 1
        return INTEGERS + self.integers - 1

    def real(self) -> int | None:
        if self.reals == _VECTOR_REGISTERS:
            return None
        self.reals += 1
        return REALS + self.reals - 1

    def pushed(self) -> int:
        self.stack += 1
        return STACK + self.stack - 1

    def scalar(self, kind: Kind) -> int:
        word = self.real() if kind == "r" else self.integer()
        return self.pushed() if word is None else word


def _x86_64(arguments: tuple[Kind, ...], result: Shape | None) -> Convention:
    registers = _Registers(6)
    returned: list[Piece] = []
    hidden = None
    if result is not None and result.size:
        classes = _classes(result)
        if classes is None:
            hidden = registers.integer()
        else:
            free = {False: iter((0, 1)), True: iter((2, 3))}
            for piece, sse in zip(_words_of(result), classes, strict=True):
                returned.append(piece._replace(word=next(free[sse])))
    assigned = []
    for kind in arguments:
        if not isinstance(kind, Shape):
            assigned.append(Assigned((Piece(registers.scalar(kind), 0, _WORD),)))
            continue
        pieces, classes = _words_of(kind), _classes(kind)
        fits = (
            classes is not None
            and registers.integers + classes.count(False) <= registers.integer_limit
            and registers.reals + classes.count(True) <= _VECTOR_REGISTERS
        )
        if fits and classes is not None:
            words = [registers.scalar("r" if sse else "i") for sse in classes]
        else:
            words = [registers.pushed() for _ in pieces]
        assigned.append(Assigned(tuple(p._replace(word=w) for p, w in zip(pieces, words, strict=True))))
    return Convention(tuple(assigned), registers.stack, tuple(returned), hidden)


# ---- aarch64 ----------------------------------------------------------------------------------------------------


def _homogeneous(shape: Shape) -> bool:
    """Whether it is a homogeneous floating-point aggregate: one to four reals of one size, without gaps."""
    places = sorted(set(shape.scalars))
    return (
        0 < len(places) <= _HFA_MEMBERS
        and all(scalar.real and scalar.size == places[0].size for scalar in places)
        and shape.size == len(places) * places[0].size
    )


def _members(shape: Shape) -> list[Piece]:
    return [Piece(0, scalar.offset, scalar.size) for scalar in sorted(set(shape.scalars))]


def _aarch64_structure(shape: Shape, registers: _Registers) -> Assigned:
    if _homogeneous(shape):
        members = _members(shape)
        if registers.reals + len(members) <= _VECTOR_REGISTERS:
            return Assigned(tuple(p._replace(word=registers.scalar("r")) for p in members))
        registers.reals = _VECTOR_REGISTERS
        return Assigned(tuple(p._replace(word=registers.pushed()) for p in _words_of(shape)))
    if shape.size > _TWO_WORDS:
        return Assigned((Piece(registers.scalar("i"), 0, _WORD),), copied=True)
    pieces = _words_of(shape)
    if registers.integers + len(pieces) <= registers.integer_limit:
        return Assigned(tuple(p._replace(word=registers.scalar("i")) for p in pieces))
    registers.integers = registers.integer_limit
    return Assigned(tuple(p._replace(word=registers.pushed()) for p in pieces))


def _aarch64(arguments: tuple[Kind, ...], result: Shape | None) -> Convention:
    registers = _Registers(8)
    returned: list[Piece] = []
    hidden = None
    if result is not None and result.size:
        if _homogeneous(result):
            returned = [piece._replace(word=2 + i) for i, piece in enumerate(_members(result))]
        elif result.size > _TWO_WORDS:
            hidden = INDIRECT
        else:
            returned = [piece._replace(word=i) for i, piece in enumerate(_words_of(result))]
    assigned = []
    for kind in arguments:
        if isinstance(kind, Shape):
            assigned.append(_aarch64_structure(kind, registers))
        else:
            assigned.append(Assigned((Piece(registers.scalar(kind), 0, _WORD),)))
    return Convention(tuple(assigned), registers.stack, tuple(returned), hidden)


_MACHINES = {"x86_64": _x86_64, "aarch64": _aarch64}


@functools.lru_cache(maxsize=1024)
def convention(machine: str, arguments: tuple[Kind, ...], result: Shape | None = None) -> Convention:
    """Where arguments of these kinds go on a machine.

    Args:
        machine: As ``platform.machine()`` names it.
        arguments: ``"i"`` for integers and pointers, ``"r"`` for float and double, or the shape of a structure.
        result: The shape of a structure that is returned by value.

    Raises:
        NotImplementedError: The machine is another one.
    """
    rules = _MACHINES.get(machine)
    if rules is None:
        raise NotImplementedError(f"calls with structures or many arguments are not known for {machine}")
    return rules(arguments, result)
