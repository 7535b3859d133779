"""Interrupts: telling the user's Ctrl-C from a ``KeyboardInterrupt`` that sandboxed code raises."""

# Problem.  Sandboxed code can `raise KeyboardInterrupt`, and a host that lets it pass ends (D073).  But a user who
# presses Ctrl-C while a sandbox runs means the host.
#
# Things that do not work:
#
# - To make an ordinary error of every one: `except Exception: continue` around a run would swallow Ctrl-C.
# - To look at the traceback: a signal shows the instruction that it interrupted, and that can be any.
# - A KeyboardInterrupt of the sandbox's own: `except KeyboardInterrupt` in its libraries would not catch the real one.
#
# Idea.  While a sandbox runs, the handler of SIGINT is one that takes a note and calls the host's.  A KeyboardInterrupt
# passes if there is a note.
#
# What still fails.  Only runs and loads are watched: a host that calls a function of a sandbox directly gets what it
# raises.  A host whose signal handler was set in C, or that interrupts a thread by PyThreadState_SetAsyncExc, gets
# SandboxExited.

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final, final

from pycage import _core

if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["Interrupts"]

_SIGINT: Final = signal.SIGINT


@final
class Interrupts:
    """Watches for Ctrl-C during a ``with`` block.  Used once, by one thread.

    Attributes:
        seen: Whether the user interrupted.  Only ever in the main thread: signals arrive there.
    """

    __slots__ = ("_host", "seen")

    def __init__(self) -> None:
        self.seen = False
        self._host: signal._HANDLER = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        if callable(self._host):
            self._host(number, frame)

    def __enter__(self) -> Interrupts:
        if threading.get_ident() == threading.main_thread().ident:
            host = signal.getsignal(_SIGINT)
            if callable(host):
                self._host = host
                try:
                    # Privileged: what is set for another sandbox that called this one would be bound to it.
                    _core.do_privileged(signal.signal, _SIGINT, self._note)
                except ValueError:  # a sub-interpreter
                    self._host = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # What the host set meanwhile stays.
        if self._host is not None and signal.getsignal(_SIGINT) == self._note:
            _core.do_privileged(signal.signal, _SIGINT, self._host)
