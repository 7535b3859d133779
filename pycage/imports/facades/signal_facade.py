"""``signal`` for a sandbox: handlers that run with the permissions of who set them, and see nobody's frame."""

# Problem.  A handler runs in the main thread, between any two instructions of the host, and is given the frame that it
# interrupted.  What signal.signal() and getsignal() return is the host's handler, a function of the host's.  No event
# is raised for any of it.
#
# Idea.  All that changes something asks first: RuntimePermission("setSignalHandler.SIGTERM") and the like, and for a
# timer "setSignalTimer".  The function that the system calls adds the context of who set the handler, gives it no
# frame, and lets no SystemExit out.  A handler of the host's is shown as an object that can only be put back.
#
# What still fails.  A handler that raises an error raises it in whatever the host is doing: that is what the permission
# permits.

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Final, final

from pycage import _core
from pycage.access import check_permission, get_context
from pycage.errors import SandboxExited
from pycage.handoff.stored import original_of
from pycage.imports.facades.checks import check_runtime
from pycage.imports.facades.exact_numbers import exact_integer, exact_seconds
from pycage.permissions import ProcessPermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.access import AccessControlContext
    from pycage.imports.tools import Tools

__all__ = ["make"]

_PLAIN: Final = (signal.SIG_DFL, signal.SIG_IGN)


@final
@_core.seal
class HostHandler:
    """A handler that is not the sandbox's own: it can be given back to ``signal.signal()``, and nothing else."""

    __slots__ = ("_handler",)


_HANDLER: Final = vars(HostHandler)["_handler"]


class _Handler:
    """A handler of a sandbox."""

    __slots__ = ("call", "function", "owner")

    def __init__(self, function: Callable[..., object], context: AccessControlContext, owner: object) -> None:
        self.function = function
        self.owner = owner
        self.call = context.bind(function)

    def __call__(self, number: int, _frame: object) -> None:
        try:
            self.call(number, None)
        except SystemExit as error:
            message = "a signal handler of a sandbox raised SystemExit"
            raise SandboxExited(message) from error


def make(_tools: Tools) -> dict[str, object]:  # noqa: C901  # a list of small functions
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    owner = object()

    def shown(stored: object) -> object:
        handler = original_of(stored)  # what is set with a sandbox on the stack is bound (pycage.handoff)
        if handler is None or handler in _PLAIN:
            return handler
        if type(handler) is _Handler and handler.owner is owner:
            return handler.function
        stand_in = object.__new__(HostHandler)
        _HANDLER.__set__(stand_in, stored)
        return stand_in

    def set_handler(signalnum: object, handler: object) -> object:
        """Set a handler; asks for RuntimePermission("setSignalHandler.<signal>")."""
        number = signal.Signals(exact_integer(signalnum, "signalnum"))
        check_runtime(f"setSignalHandler.{number.name}")
        real: Any = handler
        if type(handler) is HostHandler:
            real = _HANDLER.__get__(handler)
        elif type(handler) is signal.Handlers or type(handler) is int:
            real = signal.Handlers(handler)
        elif callable(handler):
            real = _Handler(handler, get_context(), owner)
        return shown(signal.signal(number, real))

    def getsignal(signalnum: object) -> object:
        """Return the handler of a signal, if it is the sandbox's own."""
        return shown(signal.getsignal(exact_integer(signalnum, "signalnum")))

    def raise_signal(signum: object) -> None:
        """Send a signal to this process; asks for ProcessPermission(<its number>, "signal")."""
        number = exact_integer(signum, "signum")
        check_permission(ProcessPermission(str(os.getpid()), "signal"))
        signal.raise_signal(number)

    def alarm(seconds: object) -> int:
        """Have SIGALRM sent to this process; asks for RuntimePermission("setSignalTimer")."""
        number = exact_integer(seconds, "seconds")
        check_runtime("setSignalTimer")
        return signal.alarm(number)

    def setitimer(which: object, seconds: object, interval: object = 0.0) -> tuple[float, float]:
        """Have a signal sent to this process; asks for RuntimePermission("setSignalTimer")."""
        numbers = exact_integer(which, "which"), exact_seconds(seconds), exact_seconds(interval)
        check_runtime("setSignalTimer")
        return signal.setitimer(*numbers)

    set_handler.__name__ = set_handler.__qualname__ = "signal"
    return {
        "alarm": alarm,
        "getsignal": getsignal,
        "raise_signal": raise_signal,
        "setitimer": setitimer,
        "signal": set_handler,
    }
