"""Pointers: `POINTER`, `pointer`, and the simple types that are pointers."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from pycage_native.heap import Buffer
from pycage_native.types import base
from pycage_native.types.arrays import Array, joined
from pycage_native.types.base import (
    CType,
    Data,
    Parameter,
    Reference,
    _size_of,
    is_ctype,
    put,
    target_of,
)
from pycage_native.types.handles import Handle
from pycage_native.types.memory import Local, Place, local_string, locate
from pycage_native.types.simple import Simple, SimpleType

if TYPE_CHECKING:
    from typing import Self


class Aimed(Data):
    """What every pointer object has: eight bytes that point somewhere."""

    @property
    def _aim_(self) -> Any:
        return self._memory_.aim(self._start_)

    @classmethod
    def _pointing_(cls, target: Any) -> Self:
        """Return a new pointer to a target."""
        self = cls._view_(Local(bytearray(8), cls), 0)
        self._memory_.set_aim(0, target)
        return self


class PointerType(CType):
    """The type of pointer types."""

    _type_: Any

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Every pointer has the same size."""
        made: Any = super().__new__(cls, name, bases, namespace, **kwargs)
        kind = namespace.get("_type_")
        if kind is not None and not is_ctype(kind):
            raise TypeError("_type_ must have storage info")
        if getattr(made, "_type_", None) is not None or name.startswith("LP_"):
            put(made, "_size_", 8)
            put(made, "_align_bytes_", 8)
            put(made, "_pointers_", (0,))
            put(made, "_flat_", value=False)
        return made

    def set_type(cls, kind: Any) -> None:
        """Complete a pointer type that was made by name only."""
        if not is_ctype(kind):
            raise TypeError("_type_ must have storage info")
        if getattr(cls, "_type_", None) is not None:  # everybody has it, and what it points to
            raise TypeError(f"{cls.__name__} is complete")
        put(cls, "_type_", kind)


class Pointer(Aimed, metaclass=PointerType):
    """A pointer to objects of one type.

    Example:
        >>> from pycage_native import c_int, pointer
        >>> number = c_int(5)
        >>> place = pointer(number)
        >>> place[0] = 6
        >>> number.value, bool(place)
        (6, True)
    """

    _type_: Any

    def __init__(self, *values: Any) -> None:
        if len(values) > 1:
            raise TypeError(f"Pointer expected at most 1 argument, got {len(values)}")
        if values:
            self.contents = values[0]

    @property
    def contents(self) -> Any:
        """The object pointed to, in whichever memory it is.

        Raises:
            ValueError: The pointer is NULL, or of unknown origin.
        """
        block, at = locate(self._aim_)
        return self._type_._view_(block, at)

    @contents.setter
    def contents(self, thing: Any) -> None:
        if not isinstance(thing, self._type_) and getattr(thing, "_type_", thing) is not getattr(
            self._type_, "_type_", None
        ):
            raise TypeError(f"expected {self._type_.__name__} instead of {type(thing).__name__}")
        self._memory_.set_aim(self._start_, target_of(thing))

    def _place(self, index: Any) -> tuple[Local | Handle, int]:
        try:
            index = operator.index(index)
        except TypeError:
            raise TypeError("Pointer indices must be integer") from None
        block, at = locate(self._aim_)
        return block, at + index * _size_of(self._type_)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        return self._type_._load_(*self._place(index))

    def _slice(self, index: slice) -> Any:
        step = 1 if index.step is None else operator.index(index.step)
        if index.start is None and step < 0:
            raise ValueError("slice start is required for step < 0")
        if index.stop is None:
            raise ValueError("slice stop is required")
        start = 0 if index.start is None else operator.index(index.start)
        places = range(start, operator.index(index.stop), step)
        block, _ = self._place(0)
        if not isinstance(block, Handle) or not places:
            return joined(self._type_, [self[i] for i in places])
        # One copy instead of a turn for each item.
        size = _size_of(self._type_)
        low, high = min(places), max(places) + 1
        copied = Local(bytearray(block.read(low * size, (high - low) * size)), self._type_ * (high - low))
        for offset in copied.kind._pointers_:
            number = copied.aim(offset)
            if number:
                copied.set_aim(offset, Handle(block._running, number))
        return joined(self._type_, [self._type_._load_(copied, (i - low) * size) for i in places])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._type_._store_(*self._place(index), value)

    def __bool__(self) -> bool:
        return self._aim_ is not None and bool(self._aim_)

    @classmethod
    def _accepts_(cls, thing: Any) -> bool:
        """Whether an object of this kind of data may stand where this pointer points."""
        return isinstance(thing, cls._type_)

    @classmethod
    def _store_(cls, block: Local | Handle, at: int, value: Any) -> None:
        if value is None:
            block.set_aim(at, None)
        elif isinstance(value, cls):
            block.set_aim(at, value._aim_)
        elif isinstance(value, Array) and issubclass(value._type_, cls._type_):
            block.set_aim(at, target_of(value))
        elif isinstance(value, (Handle, Place)):
            block.set_aim(at, value)
        elif isinstance(value, Data):
            raise TypeError(f"incompatible types, {type(value).__name__} instance instead of {cls.__name__} instance")
        else:
            raise TypeError(f"expected {cls.__name__} instance, got {type(value).__name__}")

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """See `Data.from_param`; ``None``, objects, ``byref()`` and arrays of the type are passed by their address."""
        if value is None or isinstance(value, cls):
            return value
        kind = cls._type_
        if isinstance(value, kind):
            return Reference(value, 0)
        if isinstance(value, Reference):
            if isinstance(value.object, kind):
                return value
            raise TypeError(f"expected {cls.__name__} instance instead of pointer to {type(value.object).__name__}")
        if isinstance(value, (Array, Pointer)) and issubclass(value._type_, kind):
            return value
        if isinstance(value, (Handle, Place)):
            return value
        code = "c" if isinstance(value, bytes) else "u" if isinstance(value, str) else ""
        if code and isinstance(kind, SimpleType) and kind._type_ == code:
            return value
        parameter = getattr(value, "_as_parameter_", None)
        if parameter is not None:
            return cls.from_param(parameter)
        raise TypeError(f"expected {cls.__name__} instance instead of {type(value).__name__}")


def POINTER(kind: Any) -> Any:  # noqa: N802  # the name is that of ctypes
    """Return the type of pointers to ``kind``; one type for each.

    A name gives an incomplete type, and ``None`` `c_void_p`.

    Example:
        >>> from pycage_native import POINTER, c_int
        >>> POINTER(c_int)(c_int(5)).contents
        c_int(5)
        >>> POINTER(c_int) is POINTER(c_int)
        True
    """
    if kind is None:
        return c_void_p
    if isinstance(kind, str):
        return PointerType(f"LP_{kind}", (Pointer,), {})
    if not is_ctype(kind):
        raise TypeError("must be a ctypes type")
    found = kind.__dict__.get("_pointer_type_")
    if found is None:
        namespace = {"_type_": kind, "__module__": kind.__module__}
        found = PointerType(f"LP_{kind.__name__}", (Pointer,), namespace)
        put(kind, "_pointer_type_", found)  # there, so that both can go together
        base.made_here(found)
    return found


def pointer(thing: Any) -> Any:
    """Return a pointer object that points to ``thing``, and keeps it.

    Example:
        >>> pycage_native.pointer(pycage_native.c_int(5)).contents.value
        5
    """
    if not isinstance(thing, Data):
        raise TypeError("_type_ must have storage info")
    return POINTER(type(thing))(thing)


class PointerValue(Simple, Aimed):
    """The simple types whose value is a pointer."""

    _abstract_ = True

    def __bool__(self) -> bool:
        return self._aim_ is not None

    @classmethod
    def _store_(cls, block: Local | Handle, at: int, value: Any) -> None:
        if isinstance(value, Aimed) and isinstance(value, cls):
            block.set_aim(at, value._aim_)
        else:
            cls._set_(block, at, value)

    @classmethod
    def _aim_of_(cls, value: Any) -> Any:
        """Return the target that a Python value stands for."""
        if value is None or isinstance(value, (Handle, Place)):
            return value
        if isinstance(value, int):
            return int(value) & ((1 << 64) - 1) or None
        raise TypeError("cannot be converted to pointer")

    @classmethod
    def _set_(cls, block: Local | Handle, at: int, value: Any) -> None:
        block.set_aim(at, cls._aim_of_(value))

    @classmethod
    def _wrong_(cls, value: Any) -> TypeError:
        return TypeError(f"'{type(value).__name__}' object cannot be interpreted as ctypes.{cls.__name__}")


class c_void_p(PointerValue):  # noqa: N801
    """A pointer to anything.  Its value is opaque, unless it is a number that the host gave.

    Example:
        >>> pycage_native.c_void_p().value is None, bool(pycage_native.c_void_p(1))
        (True, True)
    """

    _type_ = "P"

    @classmethod
    def _get_(cls, block: Local | Handle, at: int) -> Any:
        return block.aim(at)

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """See `Data.from_param`; every kind of pointer, array and string is accepted, and buffers."""
        if value is None or isinstance(value, (int, Handle, Place, Reference, Aimed, Array, bytes, str)):
            return Parameter("P", value) if isinstance(value, int) else value
        parameter = getattr(value, "_as_parameter_", None)
        if parameter is not None:
            return cls.from_param(parameter)
        if not isinstance(value, Data) and passes_as_memory(value):
            return value
        raise cls._wrong_(value)


class String(PointerValue):
    """A pointer to a string that ends with a NUL: subclasses say of what characters."""

    _abstract_ = True
    _text_: type
    _character_: str  # code of one
    _width_: int
    _name_: str

    @classmethod
    def _encoded_(cls, value: Any) -> bytes:
        return bytes(value)

    @classmethod
    def _decoded_(cls, data: bytes) -> Any:
        return data

    @classmethod
    def _get_(cls, block: Local | Handle, at: int) -> Any:
        aim = block.aim(at)
        return None if aim is None else cls._decoded_(local_string(*locate(aim), cls._width_))

    @classmethod
    def _aim_of_(cls, value: Any) -> Any:
        if isinstance(value, cls._text_):
            return Place(Local(bytearray(cls._encoded_(value) + bytes(cls._width_)), frozen=True), 0)
        if value is None or isinstance(value, (int, Handle, Place)):
            return super()._aim_of_(value)
        raise TypeError(f"{cls._name_} or integer address expected instead of {type(value).__name__} instance")

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """See `Data.from_param`; strings, buffers of such characters and handles are accepted."""
        if value is None or isinstance(value, (cls, cls._text_, Handle, Place)):
            return value
        if _points_to(value, cls._character_):
            return value
        parameter = getattr(value, "_as_parameter_", None)
        if parameter is not None:
            return cls.from_param(parameter)
        raise cls._wrong_(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._aim_!r})"


class c_char_p(String):  # noqa: N801
    """A pointer to a string of bytes that ends with a NUL.

    Example:
        >>> pycage_native.c_char_p(b"hello").value
        b'hello'
    """

    _type_ = "z"
    _text_ = bytes
    _character_ = "c"
    _width_ = 1
    _name_ = "bytes"


class c_wchar_p(String):  # noqa: N801
    """A pointer to a string of wide characters that ends with a NUL.

    Example:
        >>> pycage_native.c_wchar_p("hello").value
        'hello'
    """

    _type_ = "Z"
    _text_ = str
    _character_ = "u"
    _width_ = 4
    _name_ = "unicode string"

    @classmethod
    def _encoded_(cls, value: Any) -> bytes:
        return str(value).encode("utf-32-le", "surrogatepass")

    @classmethod
    def _decoded_(cls, data: bytes) -> Any:
        return data.decode("utf-32-le", "surrogatepass")


def _points_to(value: Any, code: str) -> bool:
    """Whether an array, a pointer or a reference is one to characters of the code."""
    kind: Any = type(value.object) if isinstance(value, Reference) else getattr(value, "_type_", None)
    if isinstance(value, Reference) and isinstance(value.object, Array):
        kind = value.object._type_
    return isinstance(value, (Array, Pointer, Reference)) and isinstance(kind, SimpleType) and kind._type_ == code


def passes_as_memory(value: Any) -> bool:
    """Whether a value that is none of our objects can be passed as a pointer to its bytes."""
    if type(value) is Buffer:
        return True
    try:
        memoryview(value)
    except TypeError:
        return False
    return True
