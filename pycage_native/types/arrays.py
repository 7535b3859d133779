"""Arrays: ``T * n``."""

from __future__ import annotations

import operator
import weakref
from typing import TYPE_CHECKING, Any

from pycage_native.types import base
from pycage_native.types.base import CType, Data, _size_of, is_ctype, put
from pycage_native.types.simple import SimpleType

if TYPE_CHECKING:
    from collections.abc import Iterator


# A type this large is a mistake, and an object of it would be one, too.
_LARGEST = 1 << 47


class ArrayType(CType):
    """The type of array types."""

    _type_: Any
    _length_: int

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Read ``_type_`` and ``_length_``."""
        made: Any = super().__new__(cls, name, bases, namespace, **kwargs)
        if not bases or bases == (Data,):
            return made
        length = getattr(made, "_length_", None)
        if length is None:
            raise AttributeError("class must define a '_length_' attribute")
        if type(length) is not int:
            raise TypeError("The '_length_' attribute must be an integer")
        if length < 0:
            raise ValueError("The '_length_' attribute must not be negative")
        item = getattr(made, "_type_", None)
        if item is None:
            raise AttributeError("class must define a '_type_' attribute")
        if not is_ctype(item) or item._size_ is None:
            raise TypeError("_type_ must have storage info")
        if item._size_ * length > _LARGEST:
            raise OverflowError("array too large")
        put(made, "_size_", item._size_ * length)
        put(made, "_align_bytes_", item._align_bytes_)
        put(made, "_flat_", item._flat_)
        _ACCESS.get(getattr(item, "_type_", "") if isinstance(item, SimpleType) else "", _plain)(made)
        return made

    @property
    def _pointers_(cls) -> tuple[int, ...]:  # type: ignore[override]  # not before it is needed: it may be long
        inside = cls._type_._pointers_
        if not inside:
            return ()
        found: tuple[int, ...] | None = cls.__dict__.get("_pointers_found_")
        if found is None:
            size = cls._type_._size_
            found = tuple(i * size + offset for i in range(cls._length_) for offset in inside)
            put(cls, "_pointers_found_", found)
        return found


def _plain(made: Any) -> None:
    """Return an array of anything but characters has neither ``value`` nor ``raw``."""


class Array(Data, metaclass=ArrayType):
    """A fixed number of objects of one type, one behind the other.

    Example:
        >>> from pycage_native import c_int
        >>> three = (c_int * 3)(1, 2, 3)
        >>> three[1], len(three), three[:2]
        (2, 3, [1, 2])
    """

    _type_: Any
    _length_: int

    def __init__(self, *values: Any, **ignored: Any) -> None:
        _ = ignored
        if len(values) > self._length_:
            raise IndexError("invalid index")
        kind = self._type_
        size = _size_of(kind)
        for index, value in enumerate(values):
            kind._store_(self._memory_, self._start_ + index * size, value)

    def __len__(self) -> int:
        return self._length_

    def _at(self, index: Any) -> int:
        try:
            index = operator.index(index)
        except TypeError:
            raise TypeError("indices must be integers") from None
        length = self._length_
        if index < 0:
            index += length
        if not 0 <= index < length:
            raise IndexError("invalid index")
        return int(self._start_ + index * _size_of(self._type_))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return joined(self._type_, [self[i] for i in range(*index.indices(self._length_))])
        return self._type_._load_(self._memory_, self._at(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            places = range(*index.indices(self._length_))
            if len(places) != len(value):
                raise ValueError("Can only assign sequence of same size")
            for place, item in zip(places, value, strict=True):
                self[place] = item
            return
        self._type_._store_(self._memory_, self._at(index), value)

    def __delitem__(self, index: Any) -> None:
        raise TypeError("Array does not support item deletion")

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self._length_))


def joined(kind: Any, items: list[Any]) -> Any:
    """Return a slice: a list, or the characters as one value."""
    if isinstance(kind, SimpleType) and kind._type_ == "c":
        return b"".join(items)
    if isinstance(kind, SimpleType) and kind._type_ == "u":
        return "".join(items)
    return items


def _bytes_access(made: Any) -> None:
    def get_raw(self: Any) -> bytes:
        return bytes(self)

    def set_raw(self: Any, value: Any) -> None:
        data = bytes(memoryview(value).cast("B"))
        if len(data) > self._size_:
            raise ValueError("byte string too long")
        self._memory_.write(self._start_, data)

    def get_value(self: Any) -> bytes:
        return bytes(self).partition(b"\0")[0]

    def set_value(self: Any, value: Any) -> None:
        if not isinstance(value, bytes):
            raise TypeError(f"bytes expected instead of {type(value).__name__} instance")
        if len(value) > self._size_:
            raise ValueError("byte string too long")
        self._memory_.write(self._start_, value + (b"\0" if len(value) < self._size_ else b""))

    put(made, "raw", property(get_raw, set_raw, None, "All bytes."))
    put(made, "value", property(get_value, set_value, None, "The bytes up to the first NUL."))


def _text_access(made: Any) -> None:
    def get_value(self: Any) -> str:
        units = bytes(self)
        end = next((i for i in range(0, len(units), 4) if units[i : i + 4] == b"\0\0\0\0"), len(units))
        return units[:end].decode("utf-32-le", "surrogatepass")

    def set_value(self: Any, value: Any) -> None:
        if not isinstance(value, str):
            raise TypeError(f"unicode string expected instead of {type(value).__name__} instance")
        if len(value) > self._length_:
            raise ValueError("string too long")
        text = value + ("\0" if len(value) < self._length_ else "")
        self._memory_.write(self._start_, text.encode("utf-32-le", "surrogatepass"))

    put(made, "value", property(get_value, set_value, None, "The characters up to the first NUL."))


_ACCESS = {"c": _bytes_access, "u": _text_access}
# A guest that makes a type for each length does not fill the host's memory.
_made: weakref.WeakValueDictionary[tuple[Any, int], Any] = weakref.WeakValueDictionary()


def array_of(item: Any, length: Any) -> Any:
    """Return the type of arrays of ``length`` objects of the type ``item``; one type for each pair."""
    try:
        length = int(operator.index(length))  # all have one table, so none has a length with a comparison of its own
    except TypeError:
        raise TypeError(f"can't multiply sequence by non-int of type '{type(length).__name__}'") from None
    if length < 0:
        raise ValueError(f"Array length must be >= 0, not {length}")
    found = _made.get((item, length))
    if found is None:
        name = f"{item.__name__}_Array_{length}"
        found = ArrayType(name, (Array,), {"_type_": item, "_length_": length, "__module__": item.__module__})
        _made[item, length] = found
        base.made_here(found)
    return found


CType.array_of = staticmethod(array_of)
