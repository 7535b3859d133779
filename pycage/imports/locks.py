"""Module locks: one thread at a time loads a module, and no import waits for itself."""

# Problem.  Two threads import the same module: its body must run once (jcage's J11).  The body may call the host, which
# loads a module of another sandbox, whose body calls back.
#
# Things that do not work:
#
# - One lock for each sandbox, held while a body runs: a body that starts a thread and joins it hangs if the thread
#   imports anything (Python 2's import lock), and two sandboxes that load through each other hang for ever.
# - One lock for each module, without more: a imports b while b imports a, in two threads (gh-53494).
#
# Idea.  importlib's: a lock for each module, and who would complete a circle of waiting threads does not wait but goes
# on with the half-initialised module, as it would within one thread.  The circle is looked for across all sandboxes.

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ModuleLock"]

# Guards the fields of all locks and _WAITING.  Never held while foreign code runs.
_STATE: Final = threading.Condition(threading.RLock())
_WAITING: Final[dict[int, ModuleLock]] = {}


@final
class ModuleLock:
    """A re-entrant lock of one module of one loader."""

    __slots__ = ("__weakref__", "_depth", "_owner")

    def __init__(self) -> None:
        self._owner: int | None = None
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the lock; yield ``False``, without holding it, if waiting would never end."""
        if not self._acquire():
            yield False
            return
        try:
            yield True
        finally:
            with _STATE:
                self._depth -= 1
                if not self._depth:
                    self._owner = None
                    _STATE.notify_all()

    def _acquire(self) -> bool:
        me = threading.get_ident()
        with _STATE:
            while self._owner not in (None, me):
                if self._circular(me):
                    return False
                _WAITING[me] = self
                try:
                    _STATE.wait()
                finally:
                    _WAITING.pop(me, None)
            self._owner = me
            self._depth += 1
            return True

    def _circular(self, me: int) -> bool:
        """Say whether the owner waits, over any number of threads, for a lock that this thread owns."""
        lock: ModuleLock | None = self
        seen: set[int] = set()
        while lock is not None and lock._owner is not None:
            if lock._owner == me:
                return True
            if lock._owner in seen:
                return False
            seen.add(lock._owner)
            lock = _WAITING.get(lock._owner)
        return False
