"""The policy: live grants and denials for each code source.

Readers take no lock: a policy is one reference to an immutable state, replaced as a whole by every change.  A change
is complete when the method that made it returns; a check that begins later sees it, in every thread.  The one order
that matters for remembered answers: the state is replaced first, then ``on_change`` makes them void (a check takes its
place in memory before it evaluates, so an answer from the old state is void already when it is stored).
Source of that rule: the decision cache of JGDMS's CombinerSecurityManager.

A grant whose time is over or that is used up counts for nothing from that moment, whether it is still in the state or
not; the next check, question or change that notices removes it.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage import _core
from pycage.changes import PolicyChange, Subscribers, Subscription, added, plainly, removed, told
from pycage.codesource import CodeSource
from pycage.domains import Principal
from pycage.errors import PolicyError, type_name
from pycage.grants import (
    ALLOWED,
    Effective,
    Grant,
    Uses,
    Weight,
    collection_of,
    effective_of,
    refuse_ineffective_revoke,
    refuse_ineffective_undeny,
    status,
    weigh,
    with_less,
)
from pycage.permissions import AllPermission, Permission, Permissions, SandboxAdminPermission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pycage.changes import Teller
    from pycage.domains import Wanted

__all__ = ["Grant", "Policy"]

# Whoever restricts the host must keep these, or nobody could undo it (jcage's J14).
_MUST_KEEP = (SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("*", "setDefaultPermissions"))
_MOST_USES: Final = 1_000_000_000


@attrs.frozen(eq=False)
class _State:
    grants: tuple[Grant, ...]
    default: Permissions
    epoch: int
    # Filled as code sources are asked for; belongs to this state alone, so it cannot outlive a change.
    effective: dict[CodeSource, Effective] = attrs.field(factory=dict)

    def of(self, source: CodeSource) -> Effective:
        known = self.effective.get(source)
        if known is None:
            known = self.effective[source] = effective_of(self.grants, source)
        return known


@final
@_core.seal
class Policy:
    """Grants and denials per code source, and the default permissions of code in no sandbox.

    Denials beat grants.  All methods may be called from any thread, but not from a finalizer that runs in the middle
    of a change.  A policy asks nobody for permission: what a program hands to others (`Sandbox`, `Sandboxes`) checks
    who calls.

    Example:
        >>> policy = pycage.Policy()
        >>> code = pycage.CodeSource("pycage://sandbox/a")
        >>> _ = policy.grant(code, pycage.FilePermission("/srv/-", "read"))
        >>> policy.implies(code, pycage.FilePermission("/srv/a.txt", "read"))
        True
    """

    def __init__(
        self,
        on_change: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], float] | None = None,
        tell: Teller = plainly,
    ) -> None:
        """Make an empty policy.

        Args:
            on_change: Called after each change, before the changing method returns.
            clock: Seconds that never run backwards, such as ``time.monotonic``; None: nothing can be granted for a
                time.
            tell: Calls a subscriber, and lets nothing that it raises out.
        """
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.RLock()  # not to be entered twice: it knows which thread holds it
        self._subscribers = Subscribers(tell)
        self._state = _State((), collection_of([AllPermission()]), 0)

    # ---- What holds ----

    @property
    def epoch(self) -> int:
        """How many changes there have been."""
        return self._state.epoch

    @property
    def default(self) -> Permissions:
        """The permissions of code in no sandbox, read-only."""
        return self._state.default

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All grants and denials, oldest first."""
        now = self._now()
        return tuple(grant for grant in self._state.grants if grant.holds(now))

    @property
    def rules(self) -> tuple[Grant, ...]:
        """The lines of this moment, those that hold no more included: a value that does not change."""
        return self._state.grants

    def permissions(self, source: CodeSource) -> Permissions:
        """Return what is granted to ``source`` now, read-only; denials are not subtracted.

        Grants for certain principals are not among it, those for a time or a number of uses are.
        """
        effective = self._state.of(source)
        self._sweep(effective.conditional)
        return effective.held(self._now(), frozenset())

    def denials(self, source: CodeSource) -> tuple[Permission, ...]:
        """Return what ``source`` is denied."""
        return self._state.of(source).denials

    def is_conditional(self, source: CodeSource) -> bool:
        """Return whether some grant to ``source`` holds for certain principals, for a time or for some uses only."""
        return bool(self._state.of(source).conditional)

    def implies(
        self, source: CodeSource, permission: Permission, principals: frozenset[Principal] = frozenset()
    ) -> bool:
        """Return whether code of ``source``, running for ``principals``, may do what ``permission`` names.

        A denial refuses every request that it has a part in common with, be it one action of several or one file
        below a requested directory.  Nothing is used up.
        """
        return self.weigh(source, ((permission,),), principals).allowed

    def status(self, source: CodeSource, permission: Permission) -> str:
        """Return ``"granted"``, ``"partial"``, ``"denied"`` or ``"prompt"``; see `Sandbox.query`."""
        effective = self._state.of(source)
        self._sweep(effective.conditional)
        return status(effective, permission, self._now())

    # ---- What a check asks ----

    def allows_outright(self, source: CodeSource, permission: Permission) -> bool:
        """Return whether ``permission`` is granted to everybody and for ever, so that the answer may be remembered."""
        return self._state.of(source).allows_outright(permission)

    def weigh(self, source: CodeSource, wanted: Wanted, principals: frozenset[Principal]) -> Weight:
        """Say what the grants to ``source`` say to ``wanted``, of every part one spelling; nothing is used up."""
        effective = self._state.of(source)
        if all(any(effective.allows_outright(one) for one in part) for part in wanted):
            return ALLOWED
        self._sweep(effective.conditional, deliver=False)
        return weigh(effective, wanted, principals, self._now())

    def take(self, grants: Sequence[Grant]) -> bool:
        """Take one use of each of ``grants``, or of none; return whether all had one."""
        taken: list[Uses] = []
        for grant in grants:
            if grant.uses is None:
                continue
            if not grant.uses.take():
                for other in taken:
                    other.give_back()
                return False
            taken.append(grant.uses)
        self._sweep(grants, deliver=False)
        return True

    @property
    def is_changing_here(self) -> bool:
        """Whether this very thread is in the middle of a change: a finalizer runs inside of it."""
        return self._lock._is_owned()  # type: ignore[attr-defined, no-any-return]  # what Condition asks it, too

    # ---- Changes ----

    def grant(
        self,
        source: CodeSource,
        *permissions: Permission,
        principals: Iterable[Principal] = (),
        ttl: float | None = None,
        uses: int | None = None,
        tag: str | None = None,
        unless: Callable[[], bool] | None = None,
    ) -> tuple[Grant, ...]:
        """Grant ``permissions`` to ``source``.

        Args:
            source: To whom.
            permissions: What.
            principals: For those only, if any are given.
            ttl: For so many seconds; None: until it is revoked.
            uses: For so many checks, each permission by itself.  Only a check that is allowed and needed it counts.
            tag: By which it can be revoked.
            unless: Nothing is granted if it is true when the change is made.

        Returns:
            The grants, to be handed to `withdraw`.

        Raises:
            PolicyError: ``ttl`` or ``uses`` is not a positive number, or this policy has no clock.
        """
        who = _principals(principals)
        _require(source, permissions, tag)
        expires = None if ttl is None else self._deadline(ttl)
        _require_uses(uses)
        return self._add(
            (
                Grant(source, permission, who, tag=tag, expires=expires, uses=None if uses is None else Uses(uses))
                for permission in permissions
            ),
            unless,
        )

    def deny(
        self,
        source: CodeSource,
        *permissions: Permission,
        tag: str | None = None,
        unless: Callable[[], bool] | None = None,
    ) -> tuple[Grant, ...]:
        """Deny ``permissions`` to ``source``, whatever is granted now or later; `withdraw` and `undeny` end it.

        ``unless`` is as for `grant`.
        """
        _require(source, permissions, tag)
        return self._add((Grant(source, permission, denied=True, tag=tag) for permission in permissions), unless)

    def withdraw(self, grants: Iterable[Grant]) -> None:
        """Remove exactly these grants or denials; those that are gone already are passed over."""
        gone = {grant.key for grant in grants}
        self._refuse_nested_change()
        with self._lock:
            self._replace({grant: None for grant in self._state.grants if grant.key in gone})
        self._subscribers.deliver()

    def exchange(
        self, gone: Iterable[Grant], grants: Iterable[Grant], *, unless: Callable[[Grant], bool] | None = None
    ) -> None:
        """Remove exactly the grants and denials ``gone`` and add ``grants``, all in one change.

        A check sees all of the old ones or all of the new ones, whatever code sources they are about.  Those of the new
        ones for which ``unless`` says yes, in the middle of the change, are left out.
        """
        new = tuple(grants)
        for grant in new:
            _require(grant.source, (grant.permission,), grant.tag)
        old = {grant.key for grant in gone}
        self._refuse_nested_change()
        with self._lock:
            state = self._state
            if unless is not None:
                new = tuple(grant for grant in new if not unless(grant))
            less: dict[Grant, Grant | None] = {grant: None for grant in state.grants if grant.key in old}
            self._set((*with_less(state.grants, less), *new))
            self._subscribers.note(told((*removed(less), *added(new))))
        self._subscribers.deliver()

    def revoke(self, source: CodeSource, *permissions: Permission, tag: str | None = None) -> bool:
        """Take ``permissions`` away from ``source``; effective on the next check, everywhere.

        Grants that lie within ``permissions`` are removed, of a grant with more actions the others stay.  With a tag,
        only grants with that tag are touched: all of them, or what of them lies within ``permissions``.

        Returns:
            Whether anything was taken away.

        Raises:
            PolicyError: A wider grant would still imply one of them.  Nothing is changed: revoke the wider grant, or
                use `deny`.  With a tag, this is not asked.
        """
        _require(source, permissions, tag)
        return self._take_away(source, permissions, tag, denied=False)

    def revoke_all(self, source: CodeSource) -> bool:
        """Remove every grant that was made to exactly this code source; denials stay.

        Returns:
            Whether there was any.
        """
        _require(source, (), None)
        return self._take_away(source, (), None, denied=False)

    def undeny(self, source: CodeSource, *permissions: Permission, tag: str | None = None) -> bool:
        """Take denials back: those within ``permissions``, with this tag if one is given.

        Returns:
            Whether there was any.

        Raises:
            PolicyError: Another denial would still forbid one of the permissions; nothing is changed.
        """
        _require(source, permissions, tag)
        return self._take_away(source, permissions, tag, denied=True)

    def clear(self, source: CodeSource) -> None:
        """Remove all grants and denials that were made to exactly this code source."""
        self._refuse_nested_change()
        with self._lock:
            self._replace({grant: None for grant in self._state.grants if grant.source == source})
        self._subscribers.deliver()

    def set_default(self, permissions: Iterable[Permission]) -> None:
        """Replace the permissions of code that is in no sandbox.

        Raises:
            PolicyError: The host could not undo it: ``SandboxAdminPermission`` of ``"*"`` with the actions
                ``"getSandboxes"`` and ``"setDefaultPermissions"`` are not among them.  Nothing is changed.
        """
        default = collection_of(permissions)
        for kept in _MUST_KEEP:
            if not default.implies(kept):
                message = (
                    f"these default permissions would lock the host out: nobody could change them again; add {kept}"
                )
                raise PolicyError(message)
        self._refuse_nested_change()
        with self._lock:
            self._set(self._state.grants, default)
            self._subscribers.note([PolicyChange("default", None, tuple(default))])
        self._subscribers.deliver()

    def subscribe(self, callback: Callable[[PolicyChange], object]) -> Subscription:
        """Call ``callback`` after every change from now on, in the order of the changes.

        It is called by the thread that made the change or noticed it, when the change holds and no lock is held; what
        it raises stops neither the others nor the change.  It may change the policy.

        Returns:
            A handle to end it with; also a context manager.
        """
        return self._subscribers.add(callback)

    def deliver(self) -> None:
        """Tell subscribers what a check noticed (a grant expired, was used up); for those who check."""
        if not self.is_changing_here:
            self._subscribers.deliver()

    # ---- How ----

    def _now(self) -> float:
        return 0.0 if self._clock is None else self._clock()

    def _deadline(self, ttl: float) -> float:
        if self._clock is None:
            message = "this policy has no clock, so nothing can be granted for a time: Policy(clock=time.monotonic)"
            raise PolicyError(message)
        if type(ttl) not in {int, float} or not 0 < ttl < math.inf:
            message = f"ttl must be a positive number of seconds, got {ttl!r}"
            raise PolicyError(message)
        return self._clock() + ttl

    def _refuse_nested_change(self) -> None:
        if self.is_changing_here:
            message = "a finalizer cannot change a policy in the middle of another change of it"
            raise PolicyError(message)

    def _add(self, grants: Iterable[Grant], unless: Callable[[], bool] | None) -> tuple[Grant, ...]:
        new = tuple(grants)
        if not new:
            return ()
        self._refuse_nested_change()
        with self._lock:
            if unless is not None and unless():
                return ()
            self._set(self._state.grants + new)
            self._subscribers.note(told(added(new)))
        self._subscribers.deliver()
        return new

    def _take_away(self, source: CodeSource, taken: tuple[Permission, ...], tag: str | None, *, denied: bool) -> bool:
        self._refuse_nested_change()
        with self._lock:
            state = self._state
            less: dict[Grant, Grant | None] = {}
            for grant in state.grants:
                if grant.denied is denied and grant.source == source and (tag is None or grant.tag == tag):
                    left = grant.without(taken) if taken else None
                    if left is not grant:
                        less[grant] = left
            if taken and tag is None:
                after = effective_of(with_less(state.grants, less), source)
                (refuse_ineffective_undeny if denied else refuse_ineffective_revoke)(after, taken, self._now())
            if less:
                self._replace(less)
        self._subscribers.deliver()
        return bool(less)

    def _replace(self, less: dict[Grant, Grant | None]) -> None:
        self._set(with_less(self._state.grants, less))
        self._subscribers.note(told(removed(less)))

    def _sweep(self, grants: Iterable[Grant], *, deliver: bool = True) -> None:
        """Remove what holds no more, if one of these does not, unless the policy is being changed: then it can wait."""
        now = self._now()
        if all(grant.holds(now) for grant in grants) or self.is_changing_here:
            return
        try:
            if not self._lock.acquire(blocking=False):
                return
            over = {grant: None for grant in self._state.grants if not grant.holds(now)}
            self._set(with_less(self._state.grants, over))
            self._subscribers.note(
                told(
                    ("used up" if one.uses is not None and not one.uses.left else "expired", one, None) for one in over
                )
            )
        finally:
            if self.is_changing_here:  # also if an interrupt came between the two lines above
                self._lock.release()
        if deliver:
            self._subscribers.deliver()

    def _set(self, grants: tuple[Grant, ...], default: Permissions | None = None) -> None:
        state = self._state
        try:
            self._state = _State(grants, state.default if default is None else default, state.epoch + 1)
        finally:
            # Even if an interrupt comes in between: no answer of the old state may be remembered for ever.
            self._on_change()


def _require(source: CodeSource, permissions: tuple[Permission, ...], tag: str | None) -> None:
    if type(source) is not CodeSource:  # its implies() decides whom a grant reaches
        message = f"expected a CodeSource, got {type(source).__name__}"
        raise TypeError(message)
    for permission in permissions:
        if not isinstance(permission, Permission):
            message = f"expected permissions such as FilePermission('/srv/-', 'read'), got {type(permission).__name__}"
            raise TypeError(message)
    if tag is not None and type(tag) is not str:
        message = f"a tag must be a str, got {type(tag).__name__}"
        raise TypeError(message)


def _principals(principals: Iterable[Principal]) -> frozenset[Principal]:
    # Exact before they are put into a set: whatever else a sandbox gave would be asked for hash and name in checks and
    # by who reads the log.
    listed = tuple(principals)
    for principal in listed:
        if type(principal) is not Principal:
            message = f"grants are made for Principal objects, got {type_name(principal)}"
            raise TypeError(message)
    return frozenset(listed)


def _require_uses(uses: int | None) -> None:
    if uses is not None and (type(uses) is not int or not 0 < uses <= _MOST_USES):
        message = f"uses must be a positive whole number of checks, got {uses!r}"
        raise PolicyError(message)
