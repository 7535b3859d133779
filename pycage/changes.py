"""Changes of a policy, and who is told about them."""

# Problem.  Who watches a policy runs code of the program's own: it may be slow, fail, or change the policy itself.
#
# Idea.  A change is written down while the policy's lock is held, and told when the lock is free again and the change
# holds.  One thread at a time tells, oldest first, so that everybody sees one order; a change that is made by a
# subscriber is told by the loop that called it.
#
# What still fails: while a subscriber hangs, nothing is told; the newest `MOST_PENDING` changes are kept.

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import attrs

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from pycage.codesource import CodeSource
    from pycage.grants import Grant
    from pycage.permissions import Permission

__all__ = ["Kind", "PolicyChange", "Subscribers", "Subscription", "Teller", "added", "plainly", "removed", "told"]

Kind = Literal["granted", "revoked", "denied", "undenied", "expired", "used up", "default"]
MOST_PENDING: Final = 4096


@final
@_core.seal
@attrs.frozen
class PolicyChange:
    """Something about a policy that is different now.

    Attributes:
        kind: ``"granted"``, ``"revoked"``, ``"denied"``, ``"undenied"`` (a denial was taken back), ``"expired"`` (the
            time of a grant is over; told when it is noticed), ``"used up"`` or ``"default"``.
        source: Whose permissions changed; None for the default permissions.
        permissions: Which.
        tag: The tag of the grants, if they have one.

    Example:
        >>> policy = pycage.Policy()
        >>> with policy.subscribe(lambda change: print(change.kind, *change.permissions)):
        ...     _ = policy.grant(pycage.CodeSource("pycage://sandbox/a"), pycage.RuntimePermission("x"))
        granted ("RuntimePermission" "x")
    """

    kind: Kind
    source: CodeSource | None
    permissions: tuple[Permission, ...]
    tag: str | None = None


# Calls a subscriber, in the context of contextvars that it subscribed in; raises nothing.
Teller: TypeAlias = "Callable[[contextvars.Context, Callable[[PolicyChange], object], PolicyChange], None]"


def plainly(context: contextvars.Context, callback: Callable[[PolicyChange], object], change: PolicyChange) -> None:
    """Call a subscriber; what it raises is its own business."""
    # The algebra reports to nobody; the manager gives a teller that does.
    with contextlib.suppress(Exception):
        context.run(callback, change)


@final
@_core.seal
class Subscription:
    """A callback that is told of changes until `unsubscribe`; also a context manager.

    Example:
        >>> subscription = pycage.Policy().subscribe(print)
        >>> subscription.unsubscribe()
    """

    __slots__ = ("_callback", "_context", "_subscribers")

    def __init__(self, subscribers: Subscribers, callback: Callable[[PolicyChange], object]) -> None:
        """Made by `Policy.subscribe`."""
        self._subscribers = subscribers
        self._callback = callback
        self._context = contextvars.copy_context()

    @property
    def active(self) -> bool:
        """Whether it is still told."""
        return self in self._subscribers._whom

    def unsubscribe(self) -> None:
        """Tell it nothing any more; a call that is under way in another thread goes on."""
        self._subscribers.remove(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.unsubscribe()


@final
@_core.seal
class Subscribers:
    """Who is told of changes, and the changes that have not been told yet.  May be used from any thread."""

    __slots__ = ("_lock", "_pending", "_tell", "_telling", "_whom")

    def __init__(self, tell: Teller) -> None:
        """``tell``: calls one of them."""
        self._tell = tell
        self._whom: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()
        self._pending: deque[PolicyChange] = deque(maxlen=MOST_PENDING)
        self._telling = threading.Lock()

    def add(self, callback: Callable[[PolicyChange], object]) -> Subscription:
        """Tell ``callback`` of every change from now on."""
        if not callable(callback):
            message = "subscribe() needs a callable that takes a PolicyChange"
            raise TypeError(message)
        subscription = Subscription(self, callback)
        with self._lock:
            self._whom = (*self._whom, subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Tell it nothing any more."""
        with self._lock:
            self._whom = tuple(one for one in self._whom if one is not subscription)

    def note(self, changes: Iterable[PolicyChange]) -> None:
        """Write down what is to be told; may be called with a lock held."""
        if self._whom:
            self._pending.extend(changes)

    def deliver(self) -> None:
        """Tell what was written down.  Call it without a lock."""
        # Once more after the lock is free: another thread may have written something down and found us telling.
        while self._pending:
            if not self._telling.acquire(blocking=False):
                return
            try:
                self._tell_pending()
            finally:
                self._telling.release()

    def _tell_pending(self) -> None:
        while True:
            try:
                change = self._pending.popleft()
            except IndexError:
                return
            for subscription in self._whom:
                # A copy: one context cannot be entered twice, and what a callback sets in it is not for the next.
                self._tell(subscription._context.copy(), subscription._callback, change)


def added(grants: Iterable[Grant]) -> Iterable[tuple[Kind, Grant, Grant | None]]:
    """Return what `told` takes, for grants and denials that were made."""
    return (("denied" if grant.denied else "granted", grant, None) for grant in grants)


def removed(less: Mapping[Grant, Grant | None]) -> Iterable[tuple[Kind, Grant, Grant | None]]:
    """Return what `told` takes, for grants and denials of which a part is left, or nothing."""
    return (("undenied" if grant.denied else "revoked", grant, left) for grant, left in less.items())


def told(less: Iterable[tuple[Kind, Grant, Grant | None]]) -> list[PolicyChange]:
    """Return what subscribers are told: one change for each kind, code source and tag."""
    told: dict[tuple[Kind, CodeSource, str | None], list[Permission]] = {}
    for kind, grant, left in less:
        parts = [grant.permission]
        if left is not None:
            parts = [part for part in grant.permission.split() if not left.permission.implies(part)]
        told.setdefault((kind, grant.source, grant.tag), []).extend(parts)
    return [PolicyChange(kind, source, tuple(parts), tag) for (kind, source, tag), parts in told.items()]
