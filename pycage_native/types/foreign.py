"""The types and objects of the real ctypes, where host code declares or passes them."""

# Problem.  Host code that has ctypes types should not have to declare everything again.  But a real ctypes object holds
# addresses of this process, and follows whatever number stands in it.
#
# Idea.  A type is translated by what it declares.  An object is copied in and out as bytes, through the buffer
# protocol, except for its pointers: which of the host's objects one means is found among the objects that it keeps
# alive, by comparing addresses, never by following one; and nothing of the executor is ever written to where a pointer
# stands.
#
# What still fails.  A pointer whose target ctypes does not keep alive is refused.  A library's change to a pointer in
# such an object is lost.  ctypes is not imported here: whoever has such an object has imported it.

from __future__ import annotations

import re
import sys
import weakref
from typing import TYPE_CHECKING, Any

from pycage.access import do_privileged
from pycage_native.types.base import Reference, is_ctype
from pycage_native.types.functions import CFUNCTYPE, Routine
from pycage_native.types.handles import Handle
from pycage_native.types.memory import Local, Place
from pycage_native.types.pointers import POINTER, Aimed, c_char_p, c_void_p, c_wchar_p
from pycage_native.types.simple import (
    SimpleType,
    c_bool,
    c_byte,
    c_char,
    c_double,
    c_float,
    c_int,
    c_long,
    c_longdouble,
    c_short,
    c_ubyte,
    c_uint,
    c_ulong,
    c_ushort,
    c_wchar,
)
from pycage_native.types.structures import StructType, Structure, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIMPLE: dict[str, Any] = {
    "?": c_bool, "c": c_char, "u": c_wchar, "b": c_byte, "B": c_ubyte, "h": c_short, "H": c_ushort, "i": c_int,
    "I": c_uint, "l": c_long, "L": c_ulong, "q": c_long, "Q": c_ulong, "f": c_float, "d": c_double, "g": c_longdouble,
    "z": c_char_p, "Z": c_wchar_p, "P": c_void_p,
}  # fmt: skip
# Numbers that are no addresses in any process: NULL's page, and small negative ones such as SQLITE_TRANSIENT.
_SENTINEL = 4096
_BYTES_HEAD = sys.getsizeof(b"") - 1

_types: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()
# By the identity of the real object, which the block keeps: two arguments that are one object stay one.
_blocks: weakref.WeakValueDictionary[int, Local] = weakref.WeakValueDictionary()
# By identity, since function pointers have no hash; the reference removes the entry.
_routines: dict[int, tuple[weakref.ref[Any], Routine]] = {}


def _real() -> Any:
    """Return the real module, if the host imported it."""
    return sys.modules.get("_ctypes")


_bases: list[Any] = []  # of its objects: one, as soon as it is known


def _base() -> Any:
    if not _bases:
        real = _real()
        if real is None:
            return None
        _bases.append(real._SimpleCData.__base__)
    return _bases[0]


def _is_reference(value: Any) -> bool:
    return type(value).__name__ == "CArgObject" and type(value).__module__ in {"_ctypes", "builtins"}


def is_real(value: Any) -> bool:
    """Whether it is an object of the real ctypes."""
    base = _base()
    return base is not None and (isinstance(value, base) or _is_reference(value))


def translated(kind: Any) -> Any:
    """Our type for one of ctypes; everything else as it is.

    Raises:
        TypeError: There is none: Python objects, long double in a structure, foreign byte order.
    """
    base = _base()
    if base is None or not isinstance(kind, type) or is_ctype(kind) or not issubclass(kind, base):
        return kind
    found = _types.get(kind)
    return _translate(kind) if found is None else found


def _translate(kind: Any) -> Any:
    real = _real()
    if issubclass(kind, real._SimpleCData):
        ours = _SIMPLE.get(kind._type_)
        if ours is None or (hasattr(kind, "__ctype_be__") and kind is kind.__ctype_be__ is not kind.__ctype_le__):
            raise TypeError(f"{kind.__name__} cannot be passed to an executor")
        made = ours if kind.__base__ is real._SimpleCData else SimpleType(kind.__name__, (ours,), {})
    elif issubclass(kind, real._Pointer):
        made = POINTER(translated(kind._type_))
    elif issubclass(kind, real.Array):
        made = translated(kind._type_) * kind._length_
    elif issubclass(kind, real.CFuncPtr):
        made = CFUNCTYPE(translated(kind._restype_), *map(translated, kind._argtypes_))
    elif issubclass(kind, (real.Structure, real.Union)):
        return _translate_compound(kind)
    else:
        raise TypeError(f"{kind.__name__} cannot be passed to an executor")
    _types[kind] = made
    return made


def _translate_compound(kind: Any) -> Any:
    real = _real()
    if hasattr(kind, "_swappedbytes_"):
        raise TypeError(f"{kind.__name__} has a foreign byte order")
    parent = kind.__base__
    bases = (Union if parent is real.Union else Structure if parent is real.Structure else translated(parent),)
    own = {name: kind.__dict__[name] for name in ("_pack_", "_align_", "_anonymous_") if name in kind.__dict__}
    made = StructType(kind.__name__, bases, {**own, "__module__": kind.__module__})
    _types[kind] = made  # before its fields, which may point to it
    try:
        if "_fields_" in kind.__dict__:
            made._fields_ = [(name, translated(inner), *bits) for name, inner, *bits in kind._fields_]
        _compare(kind, made)
    except BaseException:
        _types.pop(kind, None)
        raise
    return made


def _compare(kind: Any, made: Any) -> None:
    """Refuse what ctypes lays out otherwise than the compiler: bytes could not be copied between them."""
    same = len(bytes(kind())) == made._size_
    for field in made._members_:
        theirs = getattr(kind, field.name)
        bit = theirs.size & 0xFFFF if field.bits is not None else 0
        same = same and theirs.offset * 8 + bit == field.offset * 8 + field.bit
    if not same:
        raise TypeError(
            f"ctypes lays out {kind.__name__} in another way than the compiler; declare it with pycage's types"
        )


# ---- Objects ----------------------------------------------------------------------------------------------------


class _Origin:
    """The real object that a block is a copy of."""

    __slots__ = ("kind", "real")

    def __init__(self, real: Any, kind: Any) -> None:
        self.real = real
        self.kind = kind

    def restore(self, block: Local) -> None:
        """Copy the bytes back, except for pointers."""
        size = len(block.data)
        view = _characters(size).from_buffer(self.real)
        old, new = bytes(view), bytearray(block.data)
        for at in self.kind._pointers_:
            new[at : at + 8] = old[at : at + 8]
        if new != old:
            view[:] = bytes(new)


def _characters(size: int) -> Any:
    """Return the real ``c_char * size``."""
    real = _real()
    return next(k for k in real._SimpleCData.__subclasses__() if k._type_ == "c") * size


def _whole(value: Any) -> tuple[Any, int]:
    """Return the object that owns the memory of ``value``, and the offset in it."""
    real = _real()
    start, size = real.addressof(value), real.sizeof(value)
    while True:
        parent = value._b_base_
        if parent is None:
            break
        begin = real.addressof(parent)
        if not begin <= start <= begin + real.sizeof(parent) - size:
            break  # the contents of a pointer: not a part of it
        value = parent
    return value, start - real.addressof(value)


def _kept(thing: Any, depth: int = 0) -> Iterator[Any]:
    """Return the objects that a real object keeps alive."""
    found = thing if isinstance(thing, dict) else getattr(thing, "_objects", None)
    if depth > 32:  # noqa: PLR2004  # a list of the host's, linked to itself
        return
    for item in found.values() if isinstance(found, dict) else () if found is None else (found,):
        if not isinstance(item, dict):
            yield item
        if item is not thing:
            yield from _kept(item, depth + 1)


def _block(whole: Any) -> Local:
    found = _blocks.get(id(whole))
    kind = translated(type(whole))
    if found is not None and found.origin.real is whole:
        block = found
        data = bytearray(bytes(whole))
        block.aims.clear()
    else:
        data = bytearray(bytes(whole))
        block = Local(bytearray(len(data)), kind)
        block.origin = _Origin(whole, kind)
        _blocks[id(whole)] = block
    numbers = {at: int.from_bytes(data[at : at + 8], "little") for at in kind._pointers_}
    for at in numbers:  # an address of this process does not leave it
        data[at : at + 8] = bytes(8)
    block.data[:] = data
    for at, number in numbers.items():
        if number:
            block.set_aim(at, _target(whole, number))
    return block


def _target(whole: Any, number: int) -> Any:
    """Which object of the host an address in a real object means."""
    if number < _SENTINEL or number >= (1 << 64) - _SENTINEL:
        return number
    real = _real()
    base = _base()
    for thing in _kept(whole):
        if type(thing) is bytes and number == id(thing) + _BYTES_HEAD:
            return c_char_p._aim_of_(thing)
        if isinstance(thing, real.CFuncPtr) and int.from_bytes(bytes(thing), "little") == number:
            return _routine(thing)
        if isinstance(thing, base) and 0 <= number - real.addressof(thing) < max(1, real.sizeof(thing)):
            owner, offset = _whole(thing)
            at = offset + number - real.addressof(thing)
            known = _blocks.get(id(owner))
            busy = known is not None and known.origin.real is owner
            return Place(known if busy and known is not None else _block(owner), at)
    raise TypeError(
        "a ctypes object has a pointer whose target is not known: ctypes does not keep it alive; "
        "use pycage's types for it"
    )


def argument(value: Any) -> Any:
    """Our object for a real one: a copy, whose bytes go back after the call.

    Raises:
        TypeError: It points to something that is not known.
    """
    real = _real()
    if _is_reference(value):
        thing = value._obj
        # ctypes does not tell the offset, except in what it shows.
        shown = re.search(r"0x([0-9a-f]+)\)", repr(value))
        if shown is None:
            return value
        return Reference(argument(thing), int(shown[1], 16) - real.addressof(thing))
    kind = translated(type(value))
    if isinstance(value, real.CFuncPtr):
        return kind._pointing_(_routine(value)) if value else None
    if kind is c_wchar_p:
        return None if value._objects is None else c_wchar_p(value.value)
    owner, offset = _whole(value)
    return kind._view_(_block(owner), offset)


def number(value: Any, code: str) -> Any:
    """Return the Python value of a real simple object that is given for a parameter of a code."""
    if getattr(value, "_type_", None) != code and translated(type(value)) is not _SIMPLE[code]:
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as a number")
    return value.value


def _routine(value: Any) -> Routine:
    found = _routines.get(id(value))
    if found is None or found[0]() is not value:
        key = id(value)
        kind = translated(type(value))
        reference = weakref.ref(value, lambda _: _routines.pop(key, None))
        theirs = tuple(type(value)._argtypes_)

        def call(*args: Any) -> Any:
            function = reference()
            if function is None:
                raise RuntimeError("the function pointer is gone")
            # Making real objects is not what the library does, which is on the stack here.
            return function(*[do_privileged(_outward, a, t) for a, t in zip(args, theirs, strict=True)])

        found = _routines[key] = (reference, Routine(call, kind))
    return found[1]


def _outward(value: Any, theirs: Any) -> Any:
    """Return an argument of a callback for a real function type: one object is copied for a pointer to it."""
    if not isinstance(value, Aimed):
        if isinstance(value, Handle):
            raise TypeError("a callback of a real CFUNCTYPE cannot get a void pointer; declare it with pycage's types")
        if isinstance(type(value), StructType):
            if type(value)._pointers_:
                raise TypeError("a callback of a real CFUNCTYPE cannot get pointers; declare it with pycage's types")
            return theirs.from_buffer_copy(bytes(value))
        return value
    ours = translated(theirs)
    if value._aim_ is None:
        return theirs()
    if not hasattr(theirs, "contents") or ours._type_._pointers_:
        raise TypeError("a callback of a real CFUNCTYPE cannot get such a pointer; declare it with pycage's types")
    return theirs(theirs._type_.from_buffer_copy(bytes(value.contents)))  # type: ignore[attr-defined]  # it is a Pointer


def restorer(restype: Any) -> Callable[[Any], Any] | None:
    """Return what makes a real object of a result; None: ours is what it should be.

    Raises:
        TypeError: The type has pointers, which a real object would follow.
    """
    real = _real()
    kind = translated(restype)
    if isinstance(kind, StructType):
        if kind._pointers_:
            raise TypeError(
                f"{restype.__name__} has pointers, so it cannot be a result: ctypes would follow the library's; "
                "declare it with pycage's types"
            )
        return lambda made: restype.from_buffer_copy(bytes(made))
    if (
        issubclass(restype, real._SimpleCData)
        and restype.__base__ is not real._SimpleCData
        and not issubclass(kind, Aimed)
    ):
        return lambda made: restype(made.value)
    return None
