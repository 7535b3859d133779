"""Function types: `CFUNCTYPE`, for callbacks and for pointers to functions of a library."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from pycage_native.types import base
from pycage_native.types.base import CType, is_ctype, put
from pycage_native.types.casting import aim_of_argument
from pycage_native.types.handles import Handle, given_links
from pycage_native.types.pointers import Aimed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage_native._channel import Callback, Link
    from pycage_native.types.memory import Local


@given_links
class Routine:
    """A Python function that a library may call, in the shape of one function type.

    It is registered with an executor when it is first passed there, and stays so while this object lives: until no
    `CFUNCTYPE` object and no structure refers to it any more.
    """

    __slots__ = ("__weakref__", "function", "kind", "registered")

    def __init__(self, function: Callable[..., Any], kind: Any) -> None:
        self.function = function
        self.kind = kind
        # Weak, since a link is another one after each restart.
        self.registered: weakref.WeakKeyDictionary[Link, tuple[Callback, int]] = weakref.WeakKeyDictionary()

    def register(self, link: Link, channel: int | None = None) -> int:
        """Return the address of this function in an executor."""
        found = self.registered.get(link)
        if found is None:
            from pycage_native.callbacks import register  # noqa: PLC0415  # it builds on the types

            # Two threads may come here; the second one's callback goes, and its address is not used.
            found = self.registered.setdefault(link, register(link, self.function, self.kind, channel))
        return found[1]


class FunctionType(CType):
    """The type of function types."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Check the signature."""
        made: Any = super().__new__(cls, name, bases, namespace, **kwargs)
        if "_argtypes_" not in namespace:
            return made
        put(made, "_size_", 8)
        put(made, "_align_bytes_", 8)
        put(made, "_pointers_", (0,))
        put(made, "_flat_", value=False)
        for index, kind in enumerate(namespace["_argtypes_"], 1):
            if not hasattr(kind, "from_param"):
                raise TypeError(f"item {index} in _argtypes_ has no from_param method")
        restype = namespace.get("_restype_")
        if restype is not None and not is_ctype(restype) and not callable(restype):
            raise TypeError("_restype_ must be a type, a callable, or None")
        return made


class CFunction(Aimed, metaclass=FunctionType):
    """A pointer to a function: one of Python, or one in an executor.

    Args:
        source: A callable; a handle or another pointer; the name of a function and its library; nothing for NULL.
        flags: Not supported: of the parameters, in ctypes.

    Raises:
        TypeError: There are flags, or the source is something else.
        AttributeError: The library has no such function.
    """

    _restype_: Any
    _argtypes_: tuple[Any, ...]

    def __init__(self, source: Any = None, flags: Any = None) -> None:
        if flags is not None:
            raise TypeError("paramflags are not supported; write a Python function that passes byref() for results")
        if source is None:
            return
        if type(source) is tuple and len(source) == 2 and type(source[0]) is str:  # noqa: PLR2004  # name and library
            name, library = source
            try:
                self._memory_.set_aim(self._start_, base.symbol_of(library, name))
            except ValueError as error:
                raise AttributeError(str(error)) from None
            return
        if isinstance(source, (Handle, CFunction)):
            self._memory_.set_aim(self._start_, aim_of_argument(source))
        elif callable(source):
            self._memory_.set_aim(self._start_, Routine(source, type(self)))
        elif isinstance(source, int):
            self._memory_.set_aim(self._start_, source)
        else:
            raise TypeError("argument must be callable or integer function address")

    def __call__(self, *args: Any) -> Any:
        """Call what is pointed to.

        Raises:
            ValueError: The pointer is NULL, or of unknown origin.
        """
        from pycage_native.callbacks import call_handle, call_here  # noqa: PLC0415  # it builds on the types

        aim = self._aim_
        if isinstance(aim, Routine):
            return call_here(aim, args)
        if isinstance(aim, Handle):
            return call_handle(self, aim, args)
        raise ValueError("NULL pointer access" if aim is None else "a function pointer of unknown origin is not called")

    @property
    def restype(self) -> Any:
        """Type of the result; another one needs another function type."""
        return self._restype_

    @property
    def argtypes(self) -> tuple[Any, ...]:
        """Types of the arguments."""
        return self._argtypes_

    def __bool__(self) -> bool:
        return self._aim_ is not None

    @classmethod
    def _store_(cls, block: Local | Handle, at: int, value: Any) -> None:
        if value is None:
            block.set_aim(at, None)
        elif isinstance(value, cls):
            block.set_aim(at, value._aim_)
        else:
            super()._store_(block, at, value)

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """See `Data.from_param`; ``None`` is a NULL pointer, which ctypes does not allow."""
        return value if value is None or isinstance(value, Handle) else super().from_param(value)


_made: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()


def CFUNCTYPE(restype: Any, *argtypes: Any, **flags: Any) -> Any:  # noqa: N802  # the name is that of ctypes
    """Return the type of pointers to functions with this signature; one type for each.

    Args:
        restype: Type of the result, None for void.
        argtypes: Types of the arguments.
        flags: ``use_errno``, ``use_last_error``: accepted; errno is kept for each call anyway.

    Example:
        >>> from pycage_native import CFUNCTYPE, c_int
        >>> doubled = CFUNCTYPE(c_int, c_int)(lambda number: 2 * number)
        >>> doubled(21)
        42
    """
    if unknown := set(flags) - {"use_errno", "use_last_error"}:
        raise ValueError(f"unexpected keyword argument(s) {unknown}")
    key = (restype, argtypes)
    # All have one table, so what has a comparison of its own is not looked up there.
    shared = all(kind is None or is_ctype(kind) or type(kind) is type for kind in (restype, *argtypes))
    found = _made.get(key) if shared else None
    if found is None:
        namespace = {"_restype_": restype, "_argtypes_": argtypes, "__module__": "ctypes"}
        found = FunctionType("CFunctionType", (CFunction,), namespace)
        base.made_here(found)
        if shared:
            _made[key] = found
    return found
