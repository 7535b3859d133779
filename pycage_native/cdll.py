"""`CDLL`: a library in the shape of ``ctypes.CDLL``."""

from __future__ import annotations

import operator
import threading
from typing import TYPE_CHECKING, Any, Final, final, overload

from pycage_native.loading import load
from pycage_native.marshalling import Plan
from pycage_native.types import c_int

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from pycage_native import _channel
    from pycage_native.annotations import Direction
    from pycage_native.library import Library
    from pycage_native.types import Handle

__all__ = ["CDLL", "ForeignFunction", "get_errno", "set_errno"]

_PUBLIC: Final = ("restype", "argtypes", "errcheck")
_set: Final = object.__setattr__


# What a function has at first.
_FRESH: Final = {
    "_restype": c_int,
    "_argtypes": None,
    "_sync": None,
    "_names": (),
    "_errno_to": None,
    "errcheck": None,
}
_error: Final = threading.local()


def get_errno() -> int:
    """Return ``errno`` after this thread's last call of a `CDLL` with ``use_errno``.

    Example:
        >>> libc = pycage_native.CDLL("libc.so.6", use_errno=True)
        >>> libc.close(-1), pycage_native.get_errno()  # EBADF
        (-1, 9)
        >>> libc.library.close()
    """
    return int(getattr(_error, "value", 0))


def set_errno(value: int) -> int:
    """Set what `get_errno` returns, and return what it did; libraries begin every call with 0.

    Example:
        >>> before = pycage_native.set_errno(2)
        >>> pycage_native.set_errno(before)
        2
    """
    before = get_errno()
    _error.value = operator.index(value)
    return before


@final
class ForeignFunction:
    """A function of a `CDLL`; its types may be set at any time, as in ctypes.

    Attributes:
        restype: Type of the result; at first `c_int`.
        argtypes: Types of the arguments; None: as the values say.
        errcheck: Called with (result, function, arguments); what it returns is the result.
        sync: As for ``Library.function``.
    """

    __slots__ = (
        "__weakref__",
        "_argtypes",
        "_bound",
        "_errno_to",
        "_library",
        "_names",
        "_restype",
        "_symbol",
        "_sync",
        "errcheck",
    )

    _library: Library
    _symbol: str
    _bound: _channel.Function
    _restype: Any
    _argtypes: tuple[Any, ...] | None
    _sync: Mapping[str | int, Direction] | None
    _names: tuple[str, ...]
    # Where ``errno`` of each call is kept, as ``value``: for ctypes.get_errno() in sandboxes.
    _errno_to: Any
    errcheck: Callable[[Any, ForeignFunction, tuple[Any, ...]], Any] | None

    def __init__(self, library: Library, name: str) -> None:
        """Stand for a symbol; made by `CDLL`."""
        for slot, value in _FRESH.items():
            _set(self, slot, value)
        _set(self, "_library", library)
        _set(self, "_symbol", name)
        _set(self, "_bound", library._bind(self._plan()))

    @property
    def __name__(self) -> str:
        """The symbol."""
        return self._symbol

    def _plan(self) -> Plan:
        return Plan(self._symbol, self._restype, self._argtypes, sync=self._sync, names=self._names)

    def _rebind(self, **changed: Any) -> None:
        before = {name: getattr(self, name) for name in changed}
        for name, value in changed.items():
            _set(self, name, value)
        try:
            _set(self, "_bound", self._library._bind(self._plan()))
        except BaseException:
            for name, value in before.items():
                _set(self, name, value)
            raise

    # In a sandbox everybody who has the object may assign its attributes: those that are meant to be.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if name not in _PUBLIC:
                message = f"a foreign function has no attribute {name!s:.80} to be set; there are {', '.join(_PUBLIC)}"
                raise AttributeError(message)
            _set(self, name, value)

        def __delattr__(self, name: str) -> None:
            raise AttributeError("attributes of a foreign function cannot be deleted")

    def keep_errno(self, place: Any) -> None:
        """Store ``errno`` of each call as ``place.value``."""
        _set(self, "_errno_to", place)

    @property
    def restype(self) -> Any:
        """Type of the result."""
        return self._restype

    @restype.setter
    def restype(self, kind: Any) -> None:
        if kind is not self._restype:
            self._rebind(_restype=kind)

    @property
    def argtypes(self) -> tuple[Any, ...] | None:
        """Types of the arguments."""
        return self._argtypes

    @argtypes.setter
    def argtypes(self, kinds: Sequence[Any] | None) -> None:
        wanted = None if kinds is None else tuple(kinds)
        if wanted != self._argtypes:
            self._rebind(_argtypes=wanted)

    @property
    def _as_parameter_(self) -> Handle:
        """As an argument: a pointer to the function."""
        return self._library._address_of(self._symbol)

    def synchronize(self, names: Sequence[str] = (), **directions: Direction) -> None:
        """Say what arguments point to: ``copy.synchronize(["to", "n"], to=Out(size="n"))``.

        Args:
            names: Of the arguments, in their order.
            directions: By name; see ``Library.function``.
        """
        self._rebind(_names=tuple(names), _sync=dict(directions))

    def __call__(self, *args: Any) -> Any:
        """Call it."""
        result = self._bound(*args)
        if self._errno_to is not None:
            self._errno_to.value = self._library.errno
        return result if self.errcheck is None else self.errcheck(result, self, args)

    @overload
    def map(self, *sequences: Any, out: None = None) -> list[Any]: ...
    @overload
    def map(self, *sequences: Any, out: Any) -> list[Any] | None: ...
    def map(self, *sequences: Any, out: Any = None) -> list[Any] | None:
        """Call it for each item of the sequences, all in one turn."""
        called: list[Any] | None = self._bound.map(*sequences, out=out)
        return called

    def pipeline(self) -> _channel.Pipeline:
        """Call it without waiting."""
        return self._bound.pipeline()

    def __repr__(self) -> str:
        return f"<ForeignFunction {self._symbol} of {self._library.name}>"


@final
class CDLL:
    """A library whose functions are its attributes, as with ``ctypes.CDLL``, but confined.

    Args:
        name: As for `load`.
        mode: Accepted; each library is alone in its process.
        handle: None.
        use_errno: Keep ``errno`` after each call for `get_errno`; ``library.errno`` has it anyway.
        use_last_error: Accepted.
        winmode: Accepted.
        options: As for `load`.

    Raises:
        TypeError: There is no name, or a handle: the program itself is not called.

    Example:
        >>> from pycage_native import CDLL, c_double
        >>> libm = CDLL("libm.so.6")
        >>> libm.cos.restype, libm.cos.argtypes = c_double, [c_double]
        >>> libm.cos(0.0)
        1.0
        >>> libm.library.close()
    """

    def __init__(  # noqa: PLR0917  # as in ctypes
        self,
        name: str | os.PathLike[str],
        mode: int = 0,
        handle: None = None,
        use_errno: bool = False,  # noqa: FBT001, FBT002  # as in ctypes
        use_last_error: bool = False,  # noqa: FBT001, FBT002
        winmode: int | None = None,
        **options: Any,
    ) -> None:
        _ = mode, use_last_error, winmode
        given: Any = name
        if given is None or handle is not None:
            message = "a library is loaded by its name, into a process of its own; this program is not called"
            raise TypeError(message)
        self._library = load(name, **options)
        self._name = str(name)
        self._keeps_errno = bool(use_errno)

    @property
    def library(self) -> Library:
        """The library itself: its limits, layers, permissions, buffers."""
        return self._library

    def __getattr__(self, name: str) -> ForeignFunction:
        if name.startswith("__"):
            raise AttributeError(name)
        function = self[name]
        self.__dict__[name] = function
        return function

    def __getitem__(self, name: str) -> ForeignFunction:
        """Return a function of its own, with types of its own."""
        from pycage_native.errors import LibraryError  # noqa: PLC0415

        try:
            function = ForeignFunction(self._library, name)
        except LibraryError as error:
            raise AttributeError(str(error)) from None
        if self._keeps_errno:
            function.keep_errno(_error)
        return function

    def _address_of_(self, name: str) -> Handle:
        """Return where a symbol is, for ``in_dll`` and function prototypes.

        Raises:
            ValueError: There is none.
        """
        from pycage_native.errors import LibraryError  # noqa: PLC0415

        try:
            return self._library._address_of(name)
        except LibraryError as error:
            raise ValueError(str(error)) from None

    def __repr__(self) -> str:
        return f"<CDLL {self._name!r}>"
