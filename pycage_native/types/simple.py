"""Numbers and characters."""

from __future__ import annotations

import math
import operator
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from pycage_native.types.base import CType, Data, Parameter, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage_native.types.handles import Handle
    from pycage_native.types.memory import Local


class Code(NamedTuple):
    """One letter of ``_type_``, as ctypes and struct use it."""

    word: str  # how the C side calls it
    size: int
    signed: bool = False
    real: bool = False
    packed: str = ""  # format of struct; empty: an integer


# Of x86-64 and aarch64 Linux, which agree: LP64, little endian.  wchar_t counts as an integer of 4 bytes.
CODES: dict[str, Code] = {
    "?": Code("?", 1),
    "c": Code("c", 1),
    "u": Code("u", 4),
    "b": Code("b", 1, signed=True),
    "B": Code("B", 1),
    "h": Code("h", 2, signed=True),
    "H": Code("H", 2),
    "i": Code("i", 4, signed=True),
    "I": Code("I", 4),
    "l": Code("q", 8, signed=True),
    "L": Code("Q", 8),
    "q": Code("q", 8, signed=True),
    "Q": Code("Q", 8),
    "f": Code("f", 4, real=True, packed="<f"),
    "d": Code("d", 8, real=True, packed="<d"),
    # Pointers; see pointers.py.
    "z": Code("z", 8),
    "Z": Code("P", 8),
    "P": Code("P", 8),
}
_LONG_DOUBLE = 16


def real_of(value: Any) -> float:
    """Return the value as a float, with the error of ctypes for what is none."""
    return value if type(value) is float else math.ldexp(value, 0)


def single(value: float) -> bytes:
    """Return the four bytes of a C float; too large is infinite, as in C."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def _character(value: Any) -> bytes:
    if type(value) is int and 0 <= value < 256:  # noqa: PLR2004  # values of a byte
        return bytes((value,))
    if isinstance(value, (bytes, bytearray)) and len(value) == 1:
        return bytes(value)
    raise TypeError("one character bytes, bytearray or integer expected")


def _wide(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"unicode string expected instead of {type(value).__name__} instance")
    if len(value) != 1:
        raise TypeError("one character unicode string expected")
    return ord(value).to_bytes(4, "little")


def _pack_with(code: str) -> Callable[[Any], bytes]:
    """Value -> bytes, as ctypes sets it: numbers are cut to their width."""
    made = CODES[code]
    mask, size = (1 << 8 * made.size) - 1, made.size
    match code:
        case "?":
            return lambda value: b"\1" if value else b"\0"
        case "c":
            return _character
        case "u":
            return _wide
        case "f":
            return lambda value: single(real_of(value))
        case "d":
            return lambda value: struct.pack("<d", real_of(value))
        case _:
            return lambda value: (operator.index(value) & mask).to_bytes(size, "little")


def _unpack_with(code: str) -> Callable[[Any], Any]:
    made = CODES[code]
    match code:
        case "?":
            return lambda data: data[0] != 0
        case "c":
            return bytes
        case "u":
            return lambda data: bytes(data).decode("utf-32-le", "surrogatepass")
        case _:
            form = struct.Struct(made.packed or "<" + {1: "b", 2: "h", 4: "i", 8: "q"}[made.size])
            if not made.real and not made.signed:
                form = struct.Struct(form.format.upper())
            unpack = form.unpack
            return lambda data: unpack(data)[0]


PACK = {code: _pack_with(code) for code in CODES if code not in "zZP"}
UNPACK = {code: _unpack_with(code) for code in CODES if code not in "zZP"}


class SimpleType(CType):
    """The type of simple types."""

    _type_: str
    _view_: Callable[..., Any]
    # What attributes, items and results of this type give: a Python value, or an object of a subclass.
    _direct_: bool = False

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Read ``_type_`` and set size and alignment by it."""
        made: Any = super().__new__(cls, name, bases, namespace, **kwargs)
        code = getattr(made, "_type_", None)
        if code is None:
            if namespace.get("_abstract_"):
                return made
            raise AttributeError("class must define a '_type_' attribute")
        if type(code) is not str or code not in CODES:
            raise AttributeError(f"class must define a '_type_' attribute which must be one of {''.join(CODES)!r}")
        put(made, "_size_", CODES[code].size)
        put(made, "_align_bytes_", CODES[code].size)
        put(made, "_pointers_", (0,) if code in "zZP" else ())
        put(made, "_flat_", code not in "zZP")
        put(made, "_direct_", bases[0].__dict__.get("_abstract_", False))
        return made


class Simple(Data, metaclass=SimpleType):
    """An object of a simple type: it has a ``value``.

    Example:
        >>> number = pycage_native.c_ubyte(300)  # cut to its width
        >>> number.value
        44
        >>> issubclass(pycage_native.c_ubyte, pycage_native.Simple)
        True
    """

    _abstract_ = True
    _type_: str

    def __init__(self, *values: Any, **ignored: Any) -> None:
        _ = ignored
        if len(values) > 1:
            raise TypeError(f"__init__ expected at most 1 argument, got {len(values)}")
        if values:
            self.value = values[0]

    @property
    def value(self) -> Any:
        """The Python value."""
        return type(self)._get_(self._memory_, self._start_)

    @value.setter
    def value(self, value: Any) -> None:
        type(self)._set_(self._memory_, self._start_, value)

    @classmethod
    def _get_(cls, block: Local | Handle, at: int) -> Any:
        return UNPACK[cls._type_](block.read(at, CODES[cls._type_].size))

    @classmethod
    def _set_(cls, block: Local | Handle, at: int, value: Any) -> None:
        block.write(at, PACK[cls._type_](value))

    @classmethod
    def _load_(cls, block: Local | Handle, at: int) -> Any:
        return cls._get_(block, at) if cls._direct_ else cls._view_(block, at)

    @classmethod
    def _store_(cls, block: Local | Handle, at: int, value: Any) -> None:
        if isinstance(value, cls):
            value = value.value
        cls._set_(block, at, value)

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """See `Data.from_param`; a Python value becomes one of this type."""
        if isinstance(value, cls):
            return value
        parameter = getattr(value, "_as_parameter_", None)
        if parameter is not None:
            return cls.from_param(parameter)
        PACK[cls._type_](value)
        return Parameter(cls._type_, value)

    def __bool__(self) -> bool:
        return any(self._memory_.read(self._start_, CODES[self._type_].size))

    def __repr__(self) -> str:
        if not type(self)._direct_:
            return f"<{type(self).__name__} object at {id(self):#x}>"
        return f"{type(self).__name__}({self.value!r})"


class c_bool(Simple):  # noqa: D101, N801  # the names are those of ctypes; explained below
    _type_ = "?"


class c_char(Simple):  # noqa: D101, N801
    _type_ = "c"


class c_wchar(Simple):  # noqa: D101, N801
    _type_ = "u"


class c_byte(Simple):  # noqa: D101, N801
    _type_ = "b"


class c_ubyte(Simple):  # noqa: D101, N801
    _type_ = "B"


class c_short(Simple):  # noqa: D101, N801
    _type_ = "h"


class c_ushort(Simple):  # noqa: D101, N801
    _type_ = "H"


class c_int(Simple):  # noqa: D101, N801
    _type_ = "i"


class c_uint(Simple):  # noqa: D101, N801
    _type_ = "I"


class c_long(Simple):  # noqa: D101, N801
    _type_ = "l"


class c_ulong(Simple):  # noqa: D101, N801
    _type_ = "L"


class c_float(Simple):  # noqa: D101, N801
    _type_ = "f"


class c_double(Simple):  # noqa: D101, N801
    _type_ = "d"


# What C calls each type, and an example: given to it, what its ``value`` is.
_EXPLAINED: tuple[tuple[type[Simple], str, str, str], ...] = (
    (c_bool, "_Bool", "2", "True"),
    (c_char, "char", "b'a'", "b'a'"),
    (c_wchar, "wchar_t", "'a'", "'a'"),
    (c_byte, "signed char", "200", "-56"),
    (c_ubyte, "unsigned char", "300", "44"),
    (c_short, "short", "40000", "-25536"),
    (c_ushort, "unsigned short", "-1", "65535"),
    (c_int, "int", "2**31", "-2147483648"),
    (c_uint, "unsigned int", "-1", "4294967295"),
    (c_long, "long", "2**63", "-9223372036854775808"),
    (c_ulong, "unsigned long", "-1", "18446744073709551615"),
    (c_float, "float", "0.1", "0.10000000149011612"),
    (c_double, "double", "0.1", "0.1"),
)
for _kind, _called, _given, _value in _EXPLAINED:
    _name = _kind.__name__
    _cut = "" if CODES[_kind._type_].real or _kind in {c_bool, c_char, c_wchar} else "; larger values are cut to them"
    put(
        _kind,
        "__doc__",
        f"""C's ``{_called}``, in {CODES[_kind._type_].size} bytes{_cut}.

    Example:
        >>> pycage_native.{_name}({_given}).value
        {_value}
    """,
    )

c_longlong, c_ulonglong = c_long, c_ulong
c_int8, c_int16, c_int32, c_int64 = c_byte, c_short, c_int, c_long
c_uint8, c_uint16, c_uint32, c_uint64 = c_ubyte, c_ushort, c_uint, c_ulong
c_ssize_t, c_size_t, c_time_t = c_long, c_ulong, c_long


NO_LONG_DOUBLE = (
    "long double is not supported, since Python has no such number; use a function of the library that takes double, "
    "such as pow instead of powl, or pass a pointer to its 16 bytes"
)


class c_longdouble(Data):  # noqa: N801
    """Not supported: Python has no such number, and what ctypes does is to lose half of it.

    Example:
        >>> pycage_native.sizeof(pycage_native.c_longdouble)
        16
        >>> pycage_native.c_longdouble(1.0)
        Traceback (most recent call last):
            ...
        TypeError: long double is not supported, ...
    """

    _size_ = _LONG_DOUBLE
    _align_bytes_ = _LONG_DOUBLE

    def __new__(cls, *args: Any) -> Any:  # noqa: D102
        _ = args
        raise TypeError(NO_LONG_DOUBLE)

    @classmethod
    def _load_(cls, block: Local | Handle, at: int) -> Any:
        _ = block, at
        raise TypeError(NO_LONG_DOUBLE)

    @classmethod
    def _store_(cls, block: Local | Handle, at: int, value: Any) -> None:
        _ = block, at, value
        raise TypeError(NO_LONG_DOUBLE)
