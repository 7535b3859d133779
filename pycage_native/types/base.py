"""What all C types have in common: a size, an alignment, and objects that are views of memory."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard

from pycage_native.types import own_names
from pycage_native.types.handles import POINTER_SIZE, Handle
from pycage_native.types.memory import Local, Place, adopt, transfer

if TYPE_CHECKING:
    from collections.abc import Callable


class ArgumentError(TypeError):
    """An argument has a type that the function does not take.  ctypes has it as a plain ``Exception``.

    Example:
        >>> from pycage_native import c_double, load
        >>> with load("libm.so.6") as libm:
        ...     libm.function("cos", c_double, [c_double])("half")
        Traceback (most recent call last):
            ...
        pycage_native.types.base.ArgumentError: ...
    """


# By identity: a metaclass of somebody else's has no say.
_plain: dict[int, weakref.ref[type]] = {}


def made_here(kind: type) -> None:
    """Note a type that nobody wrote a class statement for: a simple one, an array, a pointer, a function."""
    key = id(kind)
    _plain[key] = weakref.ref(kind, lambda _: _plain.pop(key, None))


def is_made_here(kind: type) -> bool:
    """Say whether a type is one of those: its objects are data, which whoever has them may change."""
    found = _plain.get(id(kind))
    return found is not None and found() is kind


def put(kind: type, name: str, value: object) -> None:
    """Set an attribute of a class, whatever its name is."""
    type.__setattr__(kind, name, value)


class CType(type):
    """The type of C types: ``T * 3`` is a type, too."""

    # Set by arrays.py, which imports this file.
    array_of: ClassVar[Callable[[Any, int], Any]]

    # In bytes; None: an abstract or incomplete type, of which there are no objects.
    _size_: int | None = None
    _align_bytes_: int = 1
    # Offsets of all pointers in an object.
    _pointers_: tuple[int, ...] = ()
    # Whether there are none.
    _flat_: bool = True

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Make a class; see own_names.py."""
        return super().__new__(cls, name, bases, own_names.checked(name, bases, namespace, CType), **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a sandbox's metaclass."""
        own_names.refuse_metaclass(cls.__name__)
        super().__init_subclass__(**kwargs)

    # What is set here sets it with `put`.
    if not TYPE_CHECKING:

        def __setattr__(cls, name: str, value: object) -> None:
            own_names.refuse_to_set(cls, name)
            type.__setattr__(cls, name, value)

        def __delattr__(cls, name: str) -> None:
            own_names.refuse_to_set(cls, name)
            type.__delattr__(cls, name)

    def __mul__(cls, length: Any) -> Any:
        """Return the type of arrays of ``length`` such objects."""
        return CType.array_of(cls, length)

    __rmul__ = __mul__


def is_ctype(kind: object) -> TypeGuard[CType]:
    """Say whether it is a C type, and does not only claim to be one, as ``isinstance`` would ask it."""
    return issubclass(type(kind), CType)


class Data(metaclass=CType):
    """An object of a C type: a view of some bytes.  Objects in it share them, as in ctypes."""

    # Where the object is.  Not in its dictionary, which programs see and replace.
    __slots__ = ("_memory_", "_start_")

    _memory_: Local | Handle
    _start_: int

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make an object of zeros."""
        _ = args, kwargs
        size = _size_of(cls)
        self = super().__new__(cls)
        _set_memory(self, Local(bytearray(size), cls))
        _set_start(self, 0)
        return self

    @classmethod
    def _view_(cls, block: Local | Handle, at: int) -> Self:
        """Return the object that lives at ``at``; its ``__init__`` does not run."""
        self = object.__new__(cls)
        memory, start = block.moved(at)
        _set_memory(self, memory)
        _set_start(self, start)
        return self

    @classmethod
    def _load_(cls, block: Local | Handle, at: int) -> Any:
        """Return what an attribute or an item of this type gives."""
        return cls._view_(block, at)

    @classmethod
    def _store_(cls, block: Local | Handle, at: int, value: Any) -> None:
        """Set an attribute or an item of this type.

        Raises:
            TypeError: The value is of another type.
        """
        if type(value) is tuple:
            try:
                value = cls(*value)
            except (TypeError, IndexError, ValueError) as error:
                raise RuntimeError(f"({cls.__name__}) {type(error).__name__}: {error}") from error
        if not isinstance(value, cls):
            raise TypeError(f"expected {cls.__name__} instance, got {type(value).__name__}")
        transfer(block, at, value._memory_, value._start_, _size_of(cls))

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """Return what is passed if ``value`` is given for a parameter of this type.

        Raises:
            TypeError: No such value can be.
        """
        if isinstance(value, cls):
            return value
        parameter = getattr(value, "_as_parameter_", None)
        if parameter is not None:
            return cls.from_param(parameter)
        raise TypeError(f"expected {cls.__name__} instance instead of {type(value).__name__}")

    @classmethod
    def from_buffer_copy(cls, source: Any, offset: int = 0) -> Self:
        """Return an object whose bytes are copied from a buffer."""
        size = _size_of(cls)
        view = _bytes_of(source, offset, size)
        return cls._view_(Local(bytearray(view[offset : offset + size]), cls), 0)

    @classmethod
    def from_buffer(cls, source: Any, offset: int = 0) -> Self:
        """Return an object that shares the bytes of a writable buffer."""
        size = _size_of(cls)
        view = _bytes_of(source, offset, size)
        if isinstance(source, Data) and isinstance(source._memory_, Local):
            return cls._view_(source._memory_, source._start_ + offset)  # one object, also for a call
        if view.readonly:
            raise TypeError("underlying buffer is not writable")
        return cls._view_(Local(view[offset : offset + size], cls), 0)

    @classmethod
    def from_address(cls, address: Any) -> Self:
        """Refused: an address says nothing of whose memory it means.  Cast a handle instead."""
        _ = address
        raise TypeError(f"{cls.__name__}.from_address(): addresses are not used here; cast a handle to POINTER(...)")

    @classmethod
    def in_dll(cls, library: Any, name: str) -> Self:
        """Return the variable ``name`` of a library.

        Args:
            library: What has a method ``_address_of_(name)`` that gives a `Handle`.
            name: The symbol.
        """
        return cls._view_(symbol_of(library, name), 0)

    def __bytes__(self) -> bytes:
        return bytes(self._memory_.read(self._start_, _size_of(type(self))))

    def __buffer__(self, flags: int, /) -> memoryview:
        """Return the bytes; from Python 3.12 on.  Pointers cannot be written through it."""
        _ = flags  # a view that is read-only is refused to who wants to write by the caller of this
        block = self._memory_
        if isinstance(block, Handle):
            return memoryview(bytes(self))
        view = memoryview(block.data)[self._start_ : self._start_ + _size_of(type(self))]
        return view.toreadonly() if type(self)._pointers_ or block.frozen else view

    def __copy__(self) -> Self:
        """Return a copy in this process, also of an object in an executor's memory."""
        cls = type(self)
        size = _size_of(cls)
        block = Local(bytearray(size), cls)
        transfer(block, 0, self._memory_, self._start_, size)
        if isinstance(self._memory_, Handle):
            adopt(block, cls._pointers_, self._memory_._running)
        copied = cls._view_(block, 0)
        copied.__dict__.update(self.__dict__)
        return copied

    def __reduce__(self) -> Any:
        raise ValueError("ctypes objects containing pointers cannot be pickled")


# Also where a class of somebody's has a `__setattr__`.
_set_memory: Any = vars(Data)["_memory_"].__set__
_set_start: Any = vars(Data)["_start_"].__set__


class Reference:
    """What ``byref()`` gives: the place of an object, good for one argument."""

    __slots__ = ("at", "object")

    def __init__(self, target: Data, at: int) -> None:
        self.object = target
        self.at = at

    def __repr__(self) -> str:
        return f"<cparam 'P' to {type(self.object).__name__}>"


class Parameter:
    """A value that became that of a simple type: what ``from_param`` gives."""

    __slots__ = ("code", "value")

    def __init__(self, code: str, value: Any) -> None:
        self.code = code
        self.value = value

    def __repr__(self) -> str:
        return f"<cparam '{self.code}' ({self.value!r})>"


def _size_of(kind: Any) -> int:
    size: int | None = kind._size_
    if size is None:
        raise TypeError("abstract class")
    return size


def _bytes_of(source: Any, offset: int, size: int) -> memoryview:
    # Before Python 3.12 objects of Python code have no buffers for others.
    view = Data.__buffer__(source, 0) if isinstance(source, Data) else memoryview(source)
    if offset < 0:
        raise ValueError("offset cannot be negative")
    if not view.c_contiguous:
        raise TypeError("underlying buffer is not C contiguous")
    view = view.cast("B")
    if len(view) < offset + size:
        raise ValueError(f"Buffer size too small ({len(view)} instead of at least {offset + size} bytes)")
    return view


def symbol_of(library: Any, name: str) -> Handle:
    """Return where a symbol of a library is.

    Raises:
        TypeError: It is no library, or the name is no str.
        ValueError: It has no such symbol.
    """
    find = getattr(library, "_address_of_", None)
    found = find(name) if find is not None and type(name) is str else None
    # Whatever else somebody's object answers: targets are trusted with the link.
    if type(found) is not Handle:
        raise TypeError(f"a library and a name are needed, not {type(library).__name__} and {type(name).__name__}")
    return found


def sizeof(thing: Any) -> int:
    """Bytes of a type or an object.

    Raises:
        TypeError: It is neither.

    Example:
        >>> pycage_native.sizeof(pycage_native.c_int), pycage_native.sizeof(pycage_native.c_int * 3)
        (4, 12)
    """
    kind = thing if is_ctype(thing) else type(thing)
    if not is_ctype(kind) or kind._size_ is None:
        raise TypeError("this type has no size")
    return kind._size_


def alignment(thing: Any) -> int:
    """Alignment of a type or an object, in bytes.

    Example:
        >>> pycage_native.alignment(pycage_native.c_double), pycage_native.alignment(pycage_native.c_short * 8)
        (8, 2)
    """
    kind = thing if is_ctype(thing) else type(thing)
    if not is_ctype(kind) or kind._size_ is None:
        raise TypeError("no alignment info")
    return kind._align_bytes_


def byref(thing: Any, offset: int = 0) -> Reference:
    """Return a pointer to ``thing``, ``offset`` bytes behind its start, as an argument.

    Example:
        >>> from pycage_native import POINTER, byref, c_double, c_int, load
        >>> exponent = c_int()
        >>> with load("libm.so.6") as libm:
        ...     libm.function("frexp", c_double, [c_double, POINTER(c_int)])(12.0, byref(exponent)), exponent.value
        (0.75, 4)
    """
    if not isinstance(thing, Data):
        raise TypeError(f"byref() argument must be a ctypes instance, not '{type(thing).__name__}'")
    return Reference(thing, offset)


def addressof(thing: Any) -> Place | Handle:
    """Return the place of an object: an opaque value.  It can be compared, cast and passed, and is no number.

    Example:
        >>> from pycage_native import POINTER, addressof, c_int, cast
        >>> number = c_int(5)
        >>> cast(addressof(number), POINTER(c_int))[0]
        5
    """
    if not isinstance(thing, Data):
        raise TypeError("invalid type")
    block = thing._memory_
    return block if isinstance(block, Handle) else Place(block, thing._start_)


def target_of(thing: Data, offset: int = 0) -> Place | Handle:
    """Return what a pointer to ``thing`` points to."""
    block = thing._memory_
    if isinstance(block, Handle):
        return block.moved(thing._start_ + offset)[0]
    return Place(block, thing._start_ + offset)


WORD = POINTER_SIZE
