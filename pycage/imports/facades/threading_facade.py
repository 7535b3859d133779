"""``threading.Thread`` and ``Timer`` for a sandbox: classes of their own around a thread of the host."""

# Problem.  `Thread.__init__` stores `sys.stderr` and the host's hook for exceptions in the new object, which is the
# sandbox's own if it is of a derived class.
#
# Things that do not work:
#
# - Refuse the name `_stderr`: `vars(thread)` has it.
# - A derived class with slots for the two: a `__setattr__` or a property of the guest's sees what is stored.
# - A derived class whose `__init__` stores something else: `super(Thread, self).__init__()` calls the real one.
#
# Idea.  Not derived from it.  The real thread is made by, and reachable from, these functions only: it is in a slot,
# written and read through its descriptor, and no class of a guest can come between.
#
# What still fails.  `isinstance(thread, threading.Thread)` in the host says no.

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn, cast

from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pycage.imports.tools import Tools

__all__ = ["Thread", "Timer", "make"]


class Thread:
    """``threading.Thread`` as a sandbox has it; see there."""

    __slots__ = ("__dict__", "__weakref__", "_real")

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        if name is not None and type(name) is not str:
            name = str(name)
        # What subclasses that override run() read.
        self._target = target
        self._args = args
        self._kwargs: Mapping[str, object] = {} if kwargs is None else kwargs
        # Not self.run itself: an attribute of a subclass is read when the thread runs, as in the real one.
        _REAL.__set__(self, threading.Thread(group, lambda: self.run(), name, daemon=daemon))  # noqa: PLW0108

    def __repr__(self) -> str:
        return f"<Thread({self.name}, {'alive' if self.is_alive() else 'not alive'})>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse: the state of a copy would contain the slot."""
        message = "cannot copy or pickle a thread"
        raise TypeError(message)

    def start(self) -> None:
        """Start it; once."""
        _real(self).start()

    def run(self) -> None:
        """Call the target; what a subclass may override."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends."""
        _real(self).join(timeout)

    def is_alive(self) -> bool:
        """Say whether it runs."""
        return _real(self).is_alive()

    @property
    def name(self) -> str:
        """A name for messages."""
        return _real(self).name

    @name.setter
    def name(self, name: str) -> None:
        if type(name) is not str:
            name = str(name)
        _real(self).name = name

    @property
    def daemon(self) -> bool:
        """Whether the process may end while it runs."""
        return _real(self).daemon

    @daemon.setter
    def daemon(self, daemon: bool) -> None:
        _real(self).daemon = bool(daemon)

    @property
    def ident(self) -> int | None:
        """The number that ``get_ident()`` gives in it."""
        return _real(self).ident

    @property
    def native_id(self) -> int | None:
        """The system's number."""
        return _real(self).native_id


_REAL = vars(Thread)["_real"]


def _real(thread: Thread) -> threading.Thread:
    try:
        return cast("threading.Thread", _REAL.__get__(thread))
    except AttributeError:
        message = "Thread.__init__() not called"
        raise RuntimeError(message) from None


class Timer(Thread):
    """``threading.Timer`` as a sandbox has it."""

    def __init__(
        self,
        interval: float,
        function: Callable[..., object],
        args: Iterable[object] | None = None,
        kwargs: Mapping[str, object] | None = None,
    ) -> None:
        Thread.__init__(self)
        self.interval = interval
        self.function = function
        self.args: Iterable[object] = [] if args is None else args
        self.kwargs: Mapping[str, object] = {} if kwargs is None else kwargs
        self.finished = threading.Event()

    def cancel(self) -> None:
        """Stop it, if it still waits."""
        self.finished.set()

    def run(self) -> None:
        """Wait, and call the function."""
        self.finished.wait(self.interval)
        if not self.finished.is_set():
            self.function(*self.args, **self.kwargs)
        self.finished.set()


# `thread.daemon = True`.  No sandbox gets hold of a thread that the host or another sandbox made this way.
_guards.add_safe_type(Thread)
_guards.add_safe_type(Timer)


def make(_tools: Tools) -> dict[str, object]:
    """Return the classes."""
    return {"Thread": Thread, "Timer": Timer}
