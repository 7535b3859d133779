"""Whose a library is: the sandboxes that were on the stack when it was loaded."""

# Problem.  A function of a library is an object of the host's.  A sandbox can hand it to a pool or to `map`, and where
# it is called then, nobody but the host is on the stack.  So it is with a `Library`: whoever gets hold of one could end
# it, and with it what others do with it.
#
# Things that do not work:
#
# - To bind each function to the context of the load: a check with a context is remembered by nobody and costs 12 us.
# - To hand out shims: `lib.f.argtypes = [...]` is an attribute of what is handed out.
#
# Idea.  What is asked before each call is a function of the loader's own domain, a shim.  It is on the stack wherever
# the call is made, and costs 50 ns.  For files and callbacks the context of the load is added to that of the library.
#
# A library of the host may be handed over as well, or a function of it.  When a sandbox's own code calls it, it asks as
# if it were gated; a function of the host that calls it for a sandbox answers for what it does, and is not slower for
# the sandboxes there are.

from __future__ import annotations

import functools
import threading
import weakref
from typing import TYPE_CHECKING, Final, final

from pycage import _core
from pycage.access import check_permission, context_of, get_context
from pycage.errors import LimitExceeded
from pycage.permissions import SandboxAdminPermission
from pycage.shims import Shims
from pycage_native.errors import NativeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.access import AccessControlContext
    from pycage.domains import ProtectionDomain
    from pycage_native.executor import Executor

__all__ = ["MOST_EXECUTORS", "Owner", "Seat"]

_OWN_FILES: Final = __file__.removesuffix("owner.py")
_OWN_FRAMES: Final = 8

MOST_EXECUTORS: Final = 64
"""How many executors that one sandbox loaded may run at the same time."""


class Seat:
    """The place of one executor among those of its owners; taken while it starts, and until it ends."""

    __slots__ = ("_executor", "_starting", "owners")

    def __init__(self, owners: frozenset[ProtectionDomain]) -> None:
        self.owners = owners
        self._starting = True
        self._executor: weakref.ref[Executor] | None = None

    def settle(self, executor: Executor | None) -> None:
        """Say what became of the start; None: nothing."""
        self._executor = None if executor is None else weakref.ref(executor)
        self._starting = False
        # One that was closed meanwhile has not seen this executor.
        if any(domain.closed for domain in self.owners):
            self.end()

    def end(self) -> None:
        """End the executor, if it runs."""
        executor = None if self._executor is None else self._executor()
        if executor is not None:
            executor.close()

    @property
    def taken(self) -> bool:
        """Whether it starts or runs."""
        if self._starting:
            return True
        executor = None if self._executor is None else self._executor()
        return executor is not None and executor.link.alive


_seats: Final[list[Seat]] = []
# A finalizer of a sandbox may load a library while the same thread is in here.
_guard: Final = threading.RLock()


_watched: Final[set[int]] = set()  # numbers of domains


def _end_all(number: int) -> None:
    """End the executors that a closed sandbox loaded."""
    _watched.discard(number)
    with _guard:
        ended = [seat for seat in _seats if any(domain.number == number for domain in seat.owners)]
    for seat in ended:
        seat.end()


@final
@_core.seal
class Owner:
    """Who loaded a library.

    Args:
        context: Of the load; None: the host alone.
    """

    __slots__ = ("_context", "_sandboxes")

    def __init__(self, context: AccessControlContext | None) -> None:
        self._context = context
        self._sandboxes: frozenset[ProtectionDomain] = frozenset() if context is None else context._sandboxes()

    @classmethod
    def running(cls) -> Owner:
        """Return who is on the stack now."""
        raw = _core.snapshot()
        return cls(None if raw is None else context_of(raw))

    @property
    def contexts(self) -> tuple[AccessControlContext, ...]:
        """The context of the load; none: the host alone."""
        return () if self._context is None else (self._context,)

    def on_stack(self, question: Callable[[], object]) -> Callable[[], object]:
        """Return a function without arguments that has the owner on the stack wherever it is called."""
        if self._context is None:
            return question
        if self._context.limited:
            return self._context.bind(question)  # exact, and slow
        for domain in self._sandboxes:
            question = Shims(domain).question(question)
        return question

    def others(self) -> bool:
        """Say whether the code of a sandbox calls that did not load it."""
        for domain, _, filename, _, _ in _core.stack(_OWN_FRAMES):
            if domain is not None or not filename.startswith(_OWN_FILES):
                return domain is not None and domain not in self._sandboxes
        return False

    def administer(self, library: str, act: str) -> None:
        """Return if nobody is on the stack but the host and the owner, or all may administer.

        Args:
            library: The real path.
            act: Such as ``closeLibrary``.

        Raises:
            AccessDenied: Somebody else lacks ``SandboxAdminPermission(library, act)``.
        """
        if _core.snapshot() is not None and not get_context()._sandboxes() <= self._sandboxes:
            check_permission(SandboxAdminPermission(library, act))

    def seat(self, library: str) -> Seat:
        """Take the place of one more executor.

        Raises:
            LimitExceeded: So many of the owner's run already.
        """
        seat = Seat(self._sandboxes)
        if not self._sandboxes:
            return seat
        with _guard:
            for domain in self._sandboxes:
                if domain.closed:
                    raise NativeError(f"{library}: {domain.label}, which loaded it, is closed", library=library)
                if domain.number not in _watched:
                    _watched.add(domain.number)
                    domain._when_closed(functools.partial(_end_all, domain.number))
            for left in [other for other in _seats if not other.taken]:
                _seats.remove(left)
            for domain in self._sandboxes:
                if sum(domain in other.owners for other in _seats) >= MOST_EXECUTORS:
                    message = (
                        f"{library} was not loaded: {MOST_EXECUTORS} libraries of {domain.label} run at the same time, "
                        "and there can be no more; close one"
                    )
                    raise LimitExceeded(message)
            _seats.append(seat)
        return seat
