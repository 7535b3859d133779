"""Structures and unions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycage_native.types import own_names
from pycage_native.types.arrays import Array
from pycage_native.types.base import CType, Data, _size_of, is_ctype, put
from pycage_native.types.layout import Member, lay_out
from pycage_native.types.simple import CODES, SimpleType

if TYPE_CHECKING:
    from pycage_native.types.handles import Handle
    from pycage_native.types.memory import Local


class Field:
    """A member of a structure or union: a descriptor in its class."""

    __slots__ = ("bit", "bits", "kind", "name", "offset")

    def __init__(self, name: str, kind: Any, offset: int, bit: int = 0, bits: int | None = None) -> None:
        self.name = name
        self.kind = kind
        self.offset = offset
        self.bit = bit
        self.bits = bits

    @property
    def size(self) -> int:
        """Bytes; of a bit field, as ctypes has it: its width and, in the low half, its first bit."""
        return _size_of(self.kind) if self.bits is None else self.bits << 16 | self.bit

    def __get__(self, thing: Any, owner: Any = None) -> Any:
        if thing is None:
            return self
        block, at = thing._memory_, thing._start_ + self.offset
        if self.bits is not None:
            return self._get_bits(block, at)
        if _characters(self.kind):
            return self.kind._view_(block, at).value
        return self.kind._load_(block, at)

    def __set__(self, thing: Any, value: Any) -> None:
        block, at = thing._memory_, thing._start_ + self.offset
        if self.bits is not None:
            self._set_bits(block, at, value)
        elif code := _characters(self.kind):
            _set_characters(self.kind, code, block, at, value)
        else:
            self.kind._store_(block, at, value)

    def __delete__(self, thing: Any) -> None:
        raise TypeError("can't delete attribute")

    def _get_bits(self, block: Local | Handle, at: int) -> Any:
        bits = self.bits or 0
        whole = int.from_bytes(block.read(at, (self.bit + bits + 7) // 8), "little")
        value = whole >> self.bit & ((1 << bits) - 1)
        code = self.kind._type_
        if code == "?":
            return bool(value)
        return value - (1 << bits) if CODES[code].signed and value >> bits - 1 else value

    def _set_bits(self, block: Local | Handle, at: int, value: Any) -> None:
        bits = self.bits or 0
        if isinstance(value, self.kind):
            value = value.value
        # Through the type of the field, for its errors.
        whole = self.kind(value).value
        mask = (1 << bits) - 1
        size = (self.bit + bits + 7) // 8
        old = int.from_bytes(block.read(at, size), "little")
        block.write(at, (old & ~(mask << self.bit) | (int(whole) & mask) << self.bit).to_bytes(size, "little"))

    def __repr__(self) -> str:
        if self.bits is None:
            return f"<Field type={self.kind.__name__}, ofs={self.offset}, size={self.size}>"
        return f"<Field type={self.kind.__name__}, ofs={self.offset}:{self.bit}, bits={self.bits}>"


def _characters(kind: Any) -> str:
    """Return the code of an array of characters: as an attribute it is a string."""
    if issubclass(kind, Array) and isinstance(kind._type_, SimpleType) and kind._type_._type_ in "cu":
        return str(kind._type_._type_)
    return ""


def _set_characters(kind: Any, code: str, block: Local | Handle, at: int, value: Any) -> None:
    length = kind._length_
    if isinstance(value, kind):
        kind._store_(block, at, value)
    elif code == "c":
        if not isinstance(value, bytes):
            raise TypeError(f"expected bytes, {type(value).__name__} found")
        value = value.partition(b"\0")[0]  # as ctypes
        if len(value) > length:
            raise ValueError(f"bytes too long ({len(value)}, maximum length {length})")
        # As ctypes: a NUL behind it only if there is room for one.
        block.write(at, value + b"\0" * (len(value) < length))
    else:
        if not isinstance(value, str):
            raise TypeError(f"unicode string expected instead of {type(value).__name__} instance")
        if len(value) > length:
            raise ValueError(f"string too long ({len(value)}, maximum length {length})")
        block.write(at, (value + "\0" * (len(value) < length)).encode("utf-32-le", "surrogatepass"))


class StructType(CType):
    """The type of structures and unions."""

    _final_: bool = False
    _union_: bool = False
    _members_: tuple[Field, ...] = ()

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Place the fields, if they are given already."""
        made: Any = super().__new__(cls, name, bases, namespace, **kwargs)
        if namespace.get("_abstract_"):
            return made
        if made._size_ is None:
            put(made, "_size_", 0)
        put(made, "_final_", value=False)
        if "_fields_" in namespace:
            cls._complete(made, namespace["_fields_"])
        return made

    def __setattr__(cls, name: str, value: Any) -> None:
        """Return setting ``_fields_`` completes the type, once."""
        if name != "_fields_":
            super().__setattr__(name, value)
            return
        if cls._final_:
            raise AttributeError("_fields_ is final")
        StructType._complete(cls, value)
        put(cls, name, value)

    def _complete(cls: Any, fields: Any) -> None:
        try:
            items = list(fields)
        except TypeError:
            raise TypeError("_fields_ must be a sequence of pairs") from None
        base = next((b for b in cls.__mro__[1:] if isinstance(b, StructType) and "_abstract_" not in b.__dict__), None)
        pack = getattr(cls, "_pack_", 0)
        if type(pack) is not int or pack < 0:
            raise ValueError("_pack_ must be a non-negative integer")
        least = getattr(cls, "_align_", 1)
        if type(least) is not int or least < 0:
            raise ValueError("_align_ must be a non-negative integer")
        wanted = [_member(index, item) for index, item in enumerate(items)]
        layout = lay_out(
            [member for member, _ in wanted],
            union=cls._union_,
            pack=pack,
            base_size=base._size_ or 0 if base else 0,
            base_align=base._align_bytes_ if base else 1,
            least_align=max(1, least),
        )
        made = [
            Field(member.name, kind, place.offset, place.bit, member.bits)
            for (member, kind), place in zip(wanted, layout.members, strict=True)
        ]
        for field in made:
            if isinstance(field.kind, StructType):
                put(field.kind, "_final_", value=True)
            put(cls, field.name, field)
        inherited = base._pointers_ if base else ()
        inside = [field.offset + offset for field in made if field.bits is None for offset in field.kind._pointers_]
        put(cls, "_pointers_", tuple(sorted({*inherited, *inside})))
        put(cls, "_flat_", not cls._pointers_)
        put(cls, "_size_", layout.size)
        put(cls, "_align_bytes_", layout.align)
        put(cls, "_members_", (*(base._members_ if base else ()), *made))
        put(cls, "_final_", value=True)
        _promote(cls, made)


def _member(index: int, item: Any) -> tuple[Member, Any]:
    if not isinstance(item, (tuple, list)) or len(item) not in {2, 3} or type(item[0]) is not str:
        raise TypeError("_fields_ must be a sequence of (name, C type) pairs")
    name, kind, *width = item
    if not own_names.free(name):
        raise TypeError(f"a field cannot be named {name!s:.40}: that belongs to the implementation of C types")
    if not is_ctype(kind) or kind._size_ is None:
        raise TypeError(f"second item in _fields_ tuple (index {index}) must be a C type")
    bits = None
    if width:
        bits = width[0]
        code = getattr(kind, "_type_", "") if isinstance(kind, SimpleType) else ""
        if not code or code not in "?bBhHiIlLqQ":
            raise TypeError(f"bit fields not allowed for type {kind.__name__}")
        # A bool has one bit that counts, whatever its size.
        if type(bits) is not int or not 0 < bits <= (1 if code == "?" else kind._size_ * 8):
            raise ValueError("number of bits invalid for bit field")
    return Member(name, kind._size_, kind._align_bytes_, bits), kind


def _promote(cls: Any, fields: list[Field]) -> None:
    """Make the members of anonymous members members of the whole."""
    names = cls.__dict__.get("_anonymous_", ())
    by_name = {field.name: field for field in fields}
    for name in names:
        field = by_name.get(name)
        if field is None:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        if not isinstance(field.kind, StructType):
            raise TypeError("_anonymous_ fields must be structures or unions")
        for inner in dict.fromkeys([f.name for f in field.kind._members_] + list(_promoted(field.kind))):
            found = getattr(field.kind, inner)
            put(cls, inner, Field(inner, found.kind, field.offset + found.offset, found.bit, found.bits))
        put(cls, "_promoted_", (*_promoted(cls), *(f.name for f in field.kind._members_)))


def _promoted(cls: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(cls, "_promoted_", ())
    return found


class _Compound(Data, metaclass=StructType):
    """What structures and unions share."""

    _abstract_ = True

    def __init__(self, *values: Any, **named: Any) -> None:
        members = type(self)._members_
        if len(values) > len(members):
            raise TypeError("too many initializers")
        for member, value in zip(members, values, strict=False):
            if member.name in named:
                raise TypeError(f"duplicate values for field {member.name!r}")
            setattr(self, member.name, value)
        for name, value in named.items():
            setattr(self, name, value)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an object of zeros; from now on the fields are final."""
        self = super().__new__(cls, *args, **kwargs)
        put(cls, "_final_", value=True)
        return self

    if TYPE_CHECKING:  # type checkers do not read ``_fields_``

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


class Structure(_Compound):
    """A C structure: subclasses say its ``_fields_``.

    Example:
        >>> from pycage_native import Structure, c_byte, c_int, sizeof
        >>> class Point(Structure):
        ...     _fields_ = [("kind", c_byte), ("x", c_int)]
        >>> Point(1, x=-5).x, sizeof(Point), Point.x.offset
        (-5, 8, 4)
    """

    _abstract_ = True


LittleEndianStructure = Structure


class Union(_Compound):
    """A C union: subclasses say its ``_fields_``.

    Example:
        >>> from pycage_native import Union, c_float, c_uint
        >>> class Bits(Union):
        ...     _fields_ = [("real", c_float), ("bits", c_uint)]
        >>> hex(Bits(real=1.0).bits)
        '0x3f800000'
    """

    _abstract_ = True
    _union_ = True


LittleEndianUnion = Union
