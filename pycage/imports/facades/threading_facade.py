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
import weakref
from typing import TYPE_CHECKING, Final, NoReturn, cast, final

from pycage import _core, access
from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pycage.imports.tools import Tools

__all__ = ["Thread", "Timer", "make"]


class _ByIdentity:
    """A weak dictionary of threads to text; calls none of their methods."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Thread], str]] = {}

    def __setitem__(self, thread: Thread, label: str) -> None:
        key = id(thread)
        self._entries[key] = weakref.ref(thread, lambda _: self._entries.pop(key, None)), label

    def label(self, thread: Thread) -> str | None:
        """Return the label of a thread."""
        entry = self._entries.get(id(thread))
        return entry[1] if entry is not None and entry[0]() is thread else None

    def of(self, label: str) -> list[Thread]:
        """Return the threads with a label."""
        found = [(reference(), known) for reference, known in list(self._entries.values())]
        return [thread for thread, known in found if thread is not None and known == label]


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
        _REAL.__set__(self, threading.Thread(group, lambda: _run(self), name, daemon=daemon))

    def __repr__(self) -> str:
        return f"<Thread({self.name}, {'alive' if self.is_alive() else 'not alive'})>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse: the state of a copy would contain the slot."""
        message = "cannot copy or pickle a thread"
        raise TypeError(message)

    def start(self) -> None:
        """Start it; once."""
        real = _real(self)
        _started[self] = access.get_context().culprit()
        real.start()

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
# Threads by identity, whatever a subclass says about equality, and the label of who started them.
_started: Final[_ByIdentity] = _ByIdentity()
_here: Final = threading.local()


def _run(thread: Thread) -> None:
    _here.thread = thread
    # An attribute of a subclass is read when the thread runs, as in the real one.
    thread.run()


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


@final
@_core.seal
class HostThread(Thread):
    """What stands for a thread that the sandbox did not start; it cannot be waited for, renamed or started."""

    __slots__ = ("_label", "_number")

    _label: str
    _number: int | None

    def __init__(self) -> None:
        """Refuse: they stand for threads that are there."""
        message = "threads of the host are not made here"
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"<Thread({self._label}, of the host)>"

    def is_alive(self) -> bool:
        """Say yes: it is the one that asks, or the main thread."""
        return True

    @property  # type: ignore[misc]  # read-only
    def name(self) -> str:
        """``MainThread``, or that it is the host's."""
        return self._label

    @property  # type: ignore[misc]  # read-only
    def daemon(self) -> bool:
        """Whether the process may end while it runs."""
        return False

    @property
    def ident(self) -> int | None:
        """The number that ``get_ident()`` gives in it."""
        return self._number

    @property
    def native_id(self) -> int | None:
        """Nothing."""
        return None


def _host_thread(ident: int | None) -> HostThread:
    stand_in = object.__new__(HostThread)
    stand_in._number = ident
    stand_in._label = "MainThread" if ident == threading.main_thread().ident else "HostThread"
    return stand_in


def current_thread() -> Thread:
    """Return the thread that runs."""
    found: Thread | None = getattr(_here, "thread", None)
    if found is not None and _started.label(found) == access.get_context().culprit():
        return found
    # One of the host's, or of another sandbox that called this one.
    stand_in: Thread | None = getattr(_here, "stand_in", None)
    if stand_in is None:
        stand_in = _here.stand_in = _host_thread(threading.get_ident())
    return stand_in


_MAIN: Final = _host_thread(threading.main_thread().ident)


def main_thread() -> Thread:
    """Return the thread that Python was started in."""
    return current_thread() if threading.get_ident() == _MAIN.ident else _MAIN


def _enumerate() -> list[Thread]:
    """Return the threads of the sandbox that are alive, and the one that runs."""
    here = current_thread()
    own = [thread for thread in _started.of(access.get_context().culprit()) if _real(thread).is_alive()]
    return [here, *(thread for thread in own if thread is not here)]


def active_count() -> int:
    """Return how many threads enumerate() would list."""
    return len(_enumerate())


_enumerate.__name__ = _enumerate.__qualname__ = "enumerate"


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    return {
        "Thread": Thread,
        "Timer": Timer,
        "active_count": active_count,
        "current_thread": current_thread,
        "enumerate": _enumerate,
        "main_thread": main_thread,
    }
