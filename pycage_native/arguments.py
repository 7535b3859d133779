"""Single arguments: from a Python value to the word, the pointer or the structure that is passed."""

from __future__ import annotations

import operator
import struct
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from pycage_native.abi import Shape, shape_of
from pycage_native.heap import Buffer
from pycage_native.types import foreign
from pycage_native.types.arrays import Array
from pycage_native.types.base import ArgumentError, Data, Parameter, Reference, target_of
from pycage_native.types.handles import Handle, given_links
from pycage_native.types.memory import Local, Place
from pycage_native.types.pointers import Aimed, Pointer, c_char_p, c_wchar_p
from pycage_native.types.simple import CODES, NO_LONG_DOUBLE, PACK, Simple, SimpleType, c_longdouble, real_of, single
from pycage_native.types.structures import StructType

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage_native.abi import Kind


class Ready(NamedTuple):
    """An argument that needs nothing but a place."""

    kind: Kind
    word: int = 0  # of a number
    target: Any = None  # of a pointer
    item: Any = None  # type of what a pointer points to, if that is known
    value: Any = None  # a structure


_NULL = Ready("i")
_SMALL = 64


def _range_of(code: str) -> tuple[int, int, int, int, int]:
    """Return what fits into a code in either sign (least, most, mask), its sign bit, and the bits before that."""
    found = CODES[code]
    bits = 8 * found.size
    sign = 1 << bits - 1 if found.signed else 0
    return -(1 << bits - 1), (1 << bits) - 1, (1 << bits) - 1, sign, (1 << _SMALL) - (1 << bits)


_RANGES = {code: _range_of(code) for code in CODES}


def integer_word(code: str, value: Any) -> int:
    """Return the word of an integer.

    As in ctypes a number may be given in either sign; unlike there, what does not fit is an error.

    Raises:
        OverflowError: It does not fit.
        TypeError: It is no integer.
    """
    least, most, mask, sign, extension = _RANGES[code]
    number = operator.index(value)
    if not least <= number <= most:
        raise OverflowError(f"{number} does not fit into {mask.bit_length()} bits")
    number &= mask
    return number | extension if number & sign else number


def scalar(code: str, value: Any) -> Ready:
    """Return a number or a character."""
    if code in "fd":
        packed = single(real_of(value)) if code == "f" else struct.pack("<d", real_of(value))
        return Ready("r", int.from_bytes(packed, "little"))
    if code in "?cu":
        return Ready("i", int.from_bytes(PACK[code](value), "little"))
    return Ready("i", integer_word(code, value))


def inferred(value: Any, *, variable: bool = False) -> Ready:
    """Return what is passed for a value without a declared type, or that ``from_param`` gave.

    Args:
        value: The value.
        variable: It is one of a variable number of arguments: C promotes float to double there.

    Raises:
        TypeError: Nobody knows.
    """
    if value is None:
        return _NULL
    if isinstance(value, Data):
        return _of_data(value, variable=variable)
    if isinstance(value, Parameter):
        return scalar(value.code, value.value)
    if isinstance(value, Reference):
        item = type(value.object) if value.at == 0 else None
        return Ready("i", target=target_of(value.object, value.at), item=item)
    if isinstance(value, (Handle, Place)):
        return Ready("i", target=value)
    if isinstance(value, int):
        return Ready("i", integer_word("i", value))
    if isinstance(value, float):
        return scalar("d", value)
    if isinstance(value, bytes):
        return Ready("i", target=c_char_p._aim_of_(value))
    if isinstance(value, str):
        return Ready("i", target=c_wchar_p._aim_of_(value))
    return _of_others(value, variable=variable)


def _of_data(value: Data, *, variable: bool) -> Ready:
    kind = type(value)
    if isinstance(value, Aimed):
        return Ready("i", target=value._aim_, item=value._type_ if isinstance(value, Pointer) else None)
    if isinstance(value, Simple):
        code = "d" if variable and value._type_ == "f" else value._type_
        return scalar(code, value.value)
    if isinstance(value, Array):
        return Ready("i", target=target_of(value), item=value._type_)
    if isinstance(kind, StructType):
        return Ready(_shape_of(kind), value=value)
    raise TypeError(f"a {kind.__name__} cannot be passed")


def _of_others(value: Any, *, variable: bool) -> Ready:
    if type(value) is Buffer:
        return Ready("i", target=Shared(value))
    parameter = getattr(value, "_as_parameter_", None)
    if parameter is not None and parameter is not value:
        return inferred(parameter, variable=variable)
    if foreign.is_real(value):
        return inferred(foreign.argument(value), variable=variable)
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(f"Don't know how to convert a {type(value).__name__}") from None
    if not view.c_contiguous:
        raise TypeError("a buffer must be contiguous")
    return Ready("i", target=Place(Local(view.cast("B"), frozen=view.readonly), 0))


@given_links
class Shared:
    """The target of a pointer into shared memory: a `Buffer`, and nothing else, since it gets the link."""

    __slots__ = ("buffer",)

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer

    def register(self, link: Any, channel: int | None = None) -> int:
        """Its address in an executor."""
        _ = channel
        return self.buffer._address(link)


_shapes: weakref.WeakKeyDictionary[Any, Shape] = weakref.WeakKeyDictionary()


def _shape_of(kind: Any) -> Shape:
    found = _shapes.get(kind)
    if found is None:
        found = _shapes[kind] = shape_of(kind)
    return found


def result_shape(kind: Any) -> Shape | None:
    """Return the shape of a result that is a structure; None: it is something else."""
    return _shape_of(kind) if isinstance(kind, StructType) else None


def converter(kind: Any, *, sized: bool) -> Callable[[Any], Ready]:
    """How values for a parameter of a declared type are passed.

    Args:
        kind: The type, ours or one of ctypes, or anything with ``from_param``.
        sized: An annotation says its size, so a NUL in a string does not end it.

    Raises:
        TypeError: It cannot be a parameter.
    """
    kind = foreign.translated(kind)
    if kind is c_longdouble:
        raise TypeError(NO_LONG_DOUBLE)
    if isinstance(kind, SimpleType) and kind._direct_ and kind._type_ not in "zZP":
        return _simple(kind, kind._type_)
    adapt = getattr(kind, "from_param", None)
    if adapt is None:
        raise TypeError("an item of argtypes has no from_param method")
    if isinstance(kind, SimpleType) and kind._type_ in "zZ" and not sized:
        return _string(adapt)
    item = getattr(kind, "_type_", None) if isinstance(kind, type) and issubclass(kind, Pointer) else None

    if not (isinstance(kind, type) and issubclass(kind, Data)):
        return lambda value: inferred(adapt(value))

    def convert(value: Any) -> Ready:
        if not isinstance(value, (Data, Reference)):
            if foreign.is_real(value):
                value = foreign.argument(value)
            elif item is not None and _is_buffer(value):
                return _of_others(value, variable=False)
        ready = inferred(adapt(value))
        return ready if item is None else Ready("i", ready.word, ready.target, item)

    return convert


def _is_buffer(value: Any) -> bool:
    """Whether it is memory of another kind than ours: a pointer parameter takes it, unlike that of ctypes."""
    return not isinstance(value, (Data, Reference, bytes, str, Handle, Place)) and (
        isinstance(value, (bytearray, memoryview))
        or type(value) is Buffer
        or type(value).__module__ in {"array", "numpy"}
    )


def _simple(kind: Any, code: str) -> Callable[[Any], Ready]:
    def convert(value: Any) -> Ready:
        if type(value) is int or type(value) is float:
            return scalar(code, value)
        if isinstance(value, kind):
            value = value.value
        elif isinstance(value, Data):
            value = kind.from_param(value)
        elif foreign.is_real(value):
            value = foreign.number(value, code)
        elif getattr(value, "_as_parameter_", None) is not None:
            value = value._as_parameter_
        return scalar(code, value)

    return convert


def _string(adapt: Callable[[Any], Any]) -> Callable[[Any], Ready]:
    def convert(value: Any) -> Ready:
        if not isinstance(value, (Data, bytes, str)) and foreign.is_real(value):
            value = foreign.argument(value)
        value = adapt(value)
        if isinstance(value, (bytes, str)) and ("\0" if isinstance(value, str) else b"\0") in value:  # type: ignore[operator]  # both are of one kind
            raise ValueError("embedded null byte; pass a buffer, or say its size, for data that contains zeros")
        return inferred(value)

    return convert


def explained(error: Exception, position: int) -> Exception:
    """Return the error of one argument, saying which."""
    text = (
        f"argument {position + 1}: {error if isinstance(error, ArgumentError) else f'{type(error).__name__}: {error}'}"
    )
    for kind in (OverflowError, ValueError):
        if type(error) is kind:
            return kind(text)
    return ArgumentError(text) if isinstance(error, TypeError) else error
