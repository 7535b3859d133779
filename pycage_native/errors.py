"""What can go wrong with a native library.  The host goes on after each of these, and so do its other libraries."""

from __future__ import annotations

import contextlib
import signal as signals
from typing import TYPE_CHECKING

from pycage.errors import PycageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ChannelError",
    "ConfinementUnavailable",
    "LibraryError",
    "NativeCrash",
    "NativeError",
    "NativeTimeout",
]


class NativeError(PycageError):
    """Base of the errors of `pycage_native`.

    Attributes:
        library: The library, as it was given to `load`; None if none was concerned.
        function: The function that was called; None outside of calls.

    Example:
        >>> with pycage_native.load("libc.so.6") as libc:
        ...     try:
        ...         libc.function("no_such_function")
        ...     except pycage_native.NativeError as error:
        ...         print(type(error).__name__, error.function)
        LibraryError no_such_function
    """

    def __init__(self, message: str, *, library: str | None = None, function: str | None = None) -> None:
        super().__init__(message)
        self.library = library
        self.function = function


class ConfinementUnavailable(NativeError):
    """A layer that is required cannot be had here.  No byte of the library has been mapped.

    Attributes:
        missing: Names of the layers that are missing.
        active: Names of those that can be had.
        hint: What can be done about it.

    Example:
        >>> error = pycage_native.ConfinementUnavailable(["landlock"], ["seccomp"], "use a newer kernel")
        >>> print(error)
        cannot confine a library: no landlock (available: seccomp); use a newer kernel
    """

    def __init__(self, missing: Sequence[str], active: Sequence[str], hint: str, *, library: str | None = None) -> None:
        super().__init__(
            f"cannot confine a library: no {', '.join(missing)} (available: {', '.join(active) or 'nothing'}); {hint}",
            library=library,
        )
        self.missing = tuple(missing)
        self.active = tuple(active)
        self.hint = hint


class LibraryError(NativeError, OSError):
    """The library could not be loaded, or has no such function.  As with ctypes, an `OSError`.

    Example:
        >>> pycage_native.load("libmissing.so.1")
        Traceback (most recent call last):
            ...
        pycage_native.errors.LibraryError: ...
    """


class NativeCrash(NativeError):
    """The executor ended during a call.

    Attributes:
        signal: The signal that killed it, a plain number if Python has no name for it; None if it exited.
        exit_status: What it exited with; None if a signal killed it.

    Example:
        >>> with pycage_native.load("libc.so.6") as libc:
        ...     try:
        ...         libc.function("abort", None, [])()
        ...     except pycage_native.NativeCrash as crash:
        ...         print(crash.signal.name, libc.function("abs")(-1))  # the next call works
        SIGABRT 1
    """

    def __init__(
        self, *, library: str, function: str, signal: int | None = None, exit_status: int | None = None
    ) -> None:
        if signal is not None:
            with contextlib.suppress(ValueError):  # real-time signals
                signal = signals.Signals(signal)
            how = f"was killed by {signal.name if isinstance(signal, signals.Signals) else signal}"
            if signal == signals.SIGSYS:
                how += " (a system call that no program of this kind makes)"
        elif exit_status is not None:
            how = f"exited with status {exit_status}"
        else:
            how = "ended"
        super().__init__(
            f"{library} {how} in {function}(); the next call starts it anew", library=library, function=function
        )
        self.signal: signals.Signals | int | None = signal
        self.exit_status = exit_status


class NativeTimeout(NativeError, TimeoutError):
    """A call took longer than ``Limits.wall``, callbacks and opened files included; the executor was killed.

    Or loading it took longer than ``Limits.load``.

    Example:
        >>> with pycage_native.load("libc.so.6", limits=pycage_native.Limits(wall=0.02)) as libc:
        ...     libc.function("sleep")(60)
        Traceback (most recent call last):
            ...
        pycage_native.errors.NativeTimeout: ...
    """


class ChannelError(NativeError):
    """The executor answered what no executor answers, so it was killed.  The library writes to its own channel.

    Example:
        >>> try:  # as pycage raises it
        ...     raise pycage_native.ChannelError("an answer of 3 bytes", library="libodd.so", function="f")
        ... except pycage_native.NativeError as error:
        ...     print(error.library, error.function)
        libodd.so f
    """
