"""The policy: live grants and denials for each code source.

Readers take no lock: a policy is one reference to an immutable state, replaced as a whole by every change.  A change
is complete when the method that made it returns; a check that begins later sees it, in every thread.  The one order
that matters for remembered answers: the state is replaced first, then ``on_change`` makes them void (a check takes its
place in memory before it evaluates, so an answer from the old state is void already when it is stored).
Source of that rule: the decision cache of JGDMS's CombinerSecurityManager.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, final

import attrs

from pycage import _core
from pycage.codesource import CodeSource
from pycage.errors import PolicyError
from pycage.permissions import AllPermission, Permission, Permissions, SandboxAdminPermission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycage.domains import Principal

__all__ = ["Grant", "Policy"]

# Whoever restricts the host must keep these, or nobody could undo it (jcage's J14).
_MUST_KEEP = (SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("*", "setDefaultPermissions"))


@final
@_core.seal
@attrs.frozen(eq=False)
class Grant:
    """One line of a policy.  Two grants are never equal: each can be withdrawn on its own."""

    source: CodeSource
    permission: Permission
    principals: frozenset[Principal] = frozenset()
    denied: bool = attrs.field(default=False, kw_only=True)
    # What stays the same when a part of the permission is revoked: by it, what is left can still be withdrawn.
    key: object = attrs.field(factory=object, kw_only=True, repr=False)


@attrs.frozen(eq=False)
class _Effective:
    """What the grants amount to for one code source."""

    granted: Permissions
    conditional: tuple[Grant, ...]
    denials: tuple[Permission, ...]


@attrs.frozen(eq=False)
class _State:
    grants: tuple[Grant, ...]
    default: Permissions
    epoch: int
    # Filled as code sources are asked for; belongs to this state alone, so it cannot outlive a change.
    effective: dict[CodeSource, _Effective] = attrs.field(factory=dict)

    def of(self, source: CodeSource) -> _Effective:
        known = self.effective.get(source)
        if known is None:
            mine = [grant for grant in self.grants if grant.source.implies(source)]
            granted = collection_of(grant.permission for grant in mine if not grant.denied and not grant.principals)
            known = _Effective(
                granted,
                tuple(grant for grant in mine if grant.principals and not grant.denied),
                tuple(grant.permission for grant in mine if grant.denied),
            )
            self.effective[source] = known
        return known


def collection_of(permissions: Iterable[Permission]) -> Permissions:
    """Return a read-only collection of ``permissions``."""
    collection = Permissions()
    for permission in permissions:
        collection.add(permission)
    collection.set_read_only()
    return collection


@final
@_core.seal
class Policy:
    """Grants and denials per code source, and the default permissions of code in no sandbox.

    Denials beat grants.  All methods may be called from any thread.  A policy asks nobody for permission: what a
    program hands to others (`Sandbox`, `Sandboxes`) checks who calls.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Make an empty policy; ``on_change`` is called after each change, before the changing method returns."""
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = _State((), collection_of([AllPermission()]), 0)

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
        return self._state.grants

    def permissions(self, source: CodeSource) -> Permissions:
        """Return what is granted to ``source`` whoever it runs for, read-only; denials are not subtracted."""
        return self._state.of(source).granted

    def denials(self, source: CodeSource) -> tuple[Permission, ...]:
        """Return what ``source`` is denied."""
        return self._state.of(source).denials

    def is_conditional(self, source: CodeSource) -> bool:
        """Return whether some grant to ``source`` holds for certain principals only."""
        return bool(self._state.of(source).conditional)

    def implies(
        self, source: CodeSource, permission: Permission, principals: frozenset[Principal] = frozenset()
    ) -> bool:
        """Return whether code of ``source``, running for ``principals``, may do what ``permission`` names.

        A denial refuses every request that it has a part in common with, be it one action of several or one file
        below a requested directory.
        """
        effective = self._state.of(source)
        if any(denied.overlaps(permission) for denied in effective.denials):
            return False
        if effective.granted.implies(permission):
            return True
        held = [grant.permission for grant in effective.conditional if grant.principals <= principals]
        return bool(held) and collection_of([*effective.granted, *held]).implies(permission)

    def grant(
        self, source: CodeSource, *permissions: Permission, principals: Iterable[Principal] = ()
    ) -> tuple[Grant, ...]:
        """Grant ``permissions`` to ``source``, for ``principals`` only if any are given.

        Returns:
            The grants, to be handed to `withdraw`.
        """
        who = frozenset(principals)
        _require(source, permissions)
        return self._add(tuple(Grant(source, permission, who) for permission in permissions))

    def deny(self, source: CodeSource, *permissions: Permission) -> tuple[Grant, ...]:
        """Deny ``permissions`` to ``source``, whatever is granted now or later; `withdraw` ends it."""
        _require(source, permissions)
        return self._add(tuple(Grant(source, permission, denied=True) for permission in permissions))

    def withdraw(self, grants: Iterable[Grant]) -> None:
        """Remove exactly these grants or denials; those that are gone already are passed over."""
        gone = {grant.key for grant in grants}
        with self._lock:
            self._replace(tuple(grant for grant in self._state.grants if grant.key not in gone))

    def exchange(self, gone: Iterable[Grant], grants: Iterable[Grant]) -> None:
        """Remove exactly the grants and denials ``gone`` and add ``grants``, all in one change.

        A check sees all of the old ones or all of the new ones, whatever code sources they are about.
        """
        new = tuple(grants)
        for grant in new:
            _require(grant.source, (grant.permission,))
        old = {grant.key for grant in gone}
        with self._lock:
            self._replace((*(grant for grant in self._state.grants if grant.key not in old), *new))

    def revoke(self, source: CodeSource, *permissions: Permission) -> bool:
        """Take ``permissions`` away from ``source``; effective on the next check, everywhere.

        Grants that lie within ``permissions`` are removed, of a grant with more actions the others stay.

        Returns:
            Whether anything was taken away.

        Raises:
            PolicyError: A wider grant would still imply one of them.  Nothing is changed: revoke the wider grant, or
                use `deny`.
        """
        _require(source, permissions)
        with self._lock:
            kept: list[Grant] = []
            changed = False
            for grant in self._state.grants:
                left = grant if grant.denied or grant.source != source else _what_is_left(grant, permissions)
                changed = changed or left is not grant
                if left is not None:
                    kept.append(left)
            after = _State(tuple(kept), self._state.default, 0)
            _refuse_ineffective_revoke(after.of(source), permissions)
            if changed:
                self._replace(tuple(kept))
        return changed

    def clear(self, source: CodeSource) -> None:
        """Remove all grants and denials that were made to exactly this code source."""
        with self._lock:
            self._replace(tuple(grant for grant in self._state.grants if grant.source != source))

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
        with self._lock:
            self._state = _State(self._state.grants, default, self._state.epoch + 1)
            self._on_change()

    def _add(self, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        with self._lock:
            self._replace(self._state.grants + grants)
        return grants

    def _replace(self, grants: tuple[Grant, ...]) -> None:
        self._state = _State(grants, self._state.default, self._state.epoch + 1)
        self._on_change()


def _require(source: CodeSource, permissions: tuple[Permission, ...]) -> None:
    if type(source) is not CodeSource:  # its implies() decides whom a grant reaches
        message = f"expected a CodeSource, got {type(source).__name__}"
        raise TypeError(message)
    for permission in permissions:
        if not isinstance(permission, Permission):
            message = f"expected permissions such as FilePermission('/srv/-', 'read'), got {type(permission).__name__}"
            raise TypeError(message)


def _what_is_left(grant: Grant, taken: tuple[Permission, ...]) -> Grant | None:
    left: Permission | None = grant.permission
    for permission in taken:
        if left is None or type(permission) is AllPermission:
            return None
        left = left.without(permission)
    if left is grant.permission:
        return grant
    return None if left is None else attrs.evolve(grant, permission=left)


def _refuse_ineffective_revoke(effective: _Effective, taken: tuple[Permission, ...]) -> None:
    everything = collection_of([*effective.granted, *(grant.permission for grant in effective.conditional)])
    for permission in taken:
        for part in permission.split():
            if everything.implies(part):
                wider = next((str(held) for held in everything if held.implies(part)), "several grants together")
                message = (
                    f"revoking {permission} would not take it away: {wider} still implies {part}; "
                    f"revoke that grant, or deny {part}, which beats every grant"
                )
                raise PolicyError(message)
