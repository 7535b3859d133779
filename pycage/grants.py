"""Grants: the lines of a policy, and what those of one code source amount to."""

# Problem.  Some grants hold for a time, some for a number of uses, some for certain principals.  A check must find out
# whether they allow something, and only a check that is allowed, and could not do without it, may use one up.
#
# Things that do not work:
#
# - A timer that removes a grant: it comes late whenever the machine is busy.  The deadline is compared in the check.
# - Counting a use while a permission is looked up: another domain on the stack may still refuse, and whoever only
#   wants to know would use it up.
# - A number that is compared and then lowered: two threads see the same last use.
#
# Idea.  Weighing changes nothing; it says which uses an allowing answer would cost.  When everything on the stack has
# agreed, they are taken, each in one step that cannot be divided (`Uses`); if one is gone by then, all is weighed anew.
#
# What still fails: of two checks that need different sets of uses at the same moment, both may be refused though one
# could have been allowed.  Never more is allowed.

from __future__ import annotations

from operator import length_hint
from typing import TYPE_CHECKING, Final, TypeAlias, final

import attrs

from pycage import _core
from pycage.errors import PolicyError
from pycage.permissions import AllPermission, Permissions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pycage.codesource import CodeSource
    from pycage.domains import Principal, Wanted
    from pycage.permissions import Permission

__all__ = [
    "ALLOWED",
    "NOTHING",
    "Effective",
    "Grant",
    "Rules",
    "Uses",
    "Weight",
    "collection_of",
    "effective_of",
    "refuse_ineffective_revoke",
    "refuse_ineffective_undeny",
    "status",
    "weigh",
    "with_less",
]


@final
@_core.seal
class Uses:
    """How often a grant can still be used.  Each method is one step, whatever other threads do.

    Example:
        >>> uses = Uses(2)
        >>> uses.take(), uses.take(), uses.take()
        (True, True, False)
    """

    __slots__ = ("_fresh", "_returned")

    def __init__(self, number: int) -> None:
        """Allow ``number`` uses."""
        self._fresh: Final[Iterator[int]] = iter(range(number))
        self._returned: Final[list[None]] = []

    def take(self) -> bool:
        """Take one; return whether there was one.  Two threads never get the same."""
        # pop() and next() of built-in types run no other code in between.
        if self._returned:
            try:
                self._returned.pop()
            except IndexError:
                pass
            else:
                return True
        return next(self._fresh, None) is not None

    def give_back(self) -> None:
        """Undo one `take`."""
        self._returned.append(None)

    @property
    def left(self) -> int:
        """How many are left."""
        return length_hint(self._fresh) + len(self._returned)


@final
@_core.seal
@attrs.frozen(eq=False)
class Grant:
    """One line of a policy.  Two grants are never equal: each can be withdrawn on its own.

    Made by `Policy`, which hands it out; may be shared between threads.

    Attributes:
        source: Whom it is made to.
        permission: What is granted or denied.
        principals: It holds only for who runs on behalf of all of them.
        denied: Whether it is a denial.
        tag: A word of the host's own by which it can be taken back.
        expires: When it ends, on the policy's clock; None: never.
        uses: How often it can be used; None: as often as one likes.

    Example:
        >>> policy = pycage.Policy()
        >>> grant, = policy.grant(pycage.CodeSource("pycage://sandbox/a"), pycage.RuntimePermission("x"), tag="demo")
        >>> grant.tag, grant.denied
        ('demo', False)
    """

    source: CodeSource
    permission: Permission
    principals: frozenset[Principal] = frozenset()
    denied: bool = attrs.field(default=False, kw_only=True)
    tag: str | None = attrs.field(default=None, kw_only=True)
    expires: float | None = attrs.field(default=None, kw_only=True)
    uses: Uses | None = attrs.field(default=None, kw_only=True, repr=False)
    # What stays the same when a part of the permission is revoked: by it, what is left can still be withdrawn.
    key: object = attrs.field(factory=object, kw_only=True, repr=False)

    def holds(self, now: float) -> bool:
        """Return whether its time is not over and a use is left."""
        return (self.expires is None or now < self.expires) and (self.uses is None or self.uses.left > 0)

    def without(self, taken: Iterable[Permission]) -> Grant | None:
        """Return what is left of it without these permissions: itself, a smaller one, or None."""
        left: Permission | None = self.permission
        for permission in taken:
            if left is None or type(permission) is AllPermission:
                return None
            left = left.without(permission)
        if left is self.permission:
            return self
        return None if left is None else attrs.evolve(self, permission=left)


# The lines of a policy at one moment; of the host, its default permissions.
Rules: TypeAlias = "Sequence[Grant] | Permissions"


@attrs.frozen(eq=False)
class Effective:
    """What the grants amount to for one code source."""

    granted: Permissions  # for everybody, for ever
    timed: tuple[Grant, ...]  # for certain principals or for a time
    counted: tuple[Grant, ...]  # for a number of uses
    denials: tuple[Permission, ...]

    @property
    def conditional(self) -> tuple[Grant, ...]:
        """What does not hold for everybody and for ever."""
        return self.timed + self.counted

    def allows_outright(self, permission: Permission) -> bool:
        """Return whether neither time, uses nor principals matter: the answer may be remembered."""
        for denied in self.denials:
            if denied.overlaps(permission):
                return False
        return self.granted.implies(permission)

    def held(self, now: float, principals: frozenset[Principal] | None = None) -> Permissions:
        """Return what is granted now, to who runs for these principals; None: to anybody."""
        conditional = [
            grant.permission
            for grant in self.conditional
            if grant.holds(now) and (principals is None or grant.principals <= principals)
        ]
        return collection_of([*self.granted, *conditional]) if conditional else self.granted


@attrs.frozen(eq=False)
class Weight:
    """What the grants to one domain say to a request.

    Attributes:
        allowed: They allow it, if all of ``uses`` can be taken.
        denied: A denial forbids it, so that no grant would help.
        uses: The grants of which a use is needed.
        lacking: The parts of the request that nothing allows, each with its spellings.
    """

    allowed: bool
    denied: bool = False
    uses: tuple[Grant, ...] = ()
    lacking: tuple[Sequence[Permission], ...] = ()


ALLOWED: Final = Weight(allowed=True)
NOTHING: Final = Weight(allowed=False, denied=True)  # of a domain that is closed or has no policy


def collection_of(permissions: Iterable[Permission]) -> Permissions:
    """Return a read-only collection of ``permissions``."""
    collection = Permissions(permissions)  # at once: each `add` makes new tables
    collection.set_read_only()
    return collection


def effective_of(grants: Iterable[Grant], source: CodeSource) -> Effective:
    """Return what ``grants`` amount to for ``source``."""
    plain: list[Permission] = []
    timed: list[Grant] = []
    counted: list[Grant] = []
    denials: list[Permission] = []
    for grant in grants:
        if not grant.source.implies(source):
            continue
        if grant.denied:
            denials.append(grant.permission)
        elif grant.uses is not None:
            counted.append(grant)
        elif grant.principals or grant.expires is not None:
            timed.append(grant)
        else:
            plain.append(grant.permission)
    return Effective(collection_of(plain), tuple(timed), tuple(counted), tuple(denials))


def weigh(effective: Effective, wanted: Wanted, principals: frozenset[Principal], now: float) -> Weight:
    """Say what the grants say to ``wanted``; nothing is used up."""

    def mine(grants: Iterable[Grant]) -> list[Grant]:
        return [grant for grant in grants if grant.holds(now) and grant.principals <= principals]

    timed, counted = mine(effective.timed), mine(effective.counted)
    free = collection_of([*effective.granted, *_permissions(timed)]) if timed else effective.granted
    uses: list[Grant] = []
    lacking: list[Sequence[Permission]] = []
    denied = False
    for part in wanted:
        allowed = [one for one in part if not any(denial.overlaps(one) for denial in effective.denials)]
        needed = _needed(allowed, free, counted, uses)
        if needed is None:
            lacking.append(part)
            denied = denied or len(allowed) < len(part)
        else:
            uses += needed
    return Weight(not lacking, denied, () if lacking else tuple(uses), tuple(lacking))


def _permissions(grants: Iterable[Grant]) -> list[Permission]:
    return [grant.permission for grant in grants]


def _needed(
    spellings: Sequence[Permission], free: Permissions, counted: Sequence[Grant], uses: Sequence[Grant]
) -> list[Grant] | None:
    """Return the further grants of which a use is needed to allow one of the spellings; None: nothing allows any."""
    if any(free.implies(one) for one in spellings):
        return []
    if not counted:
        return None
    if uses:  # one operation takes one use of a grant, however many parts it has
        free = collection_of([*free, *_permissions(uses)])
        if any(free.implies(one) for one in spellings):
            return []
    for one in spellings:
        for grant in counted:
            if grant.permission.implies(one):
                return [grant]
    together = [grant for grant in counted if grant not in uses]
    return next((_fewest(free, together, one) for one in spellings if _imply(free, together, one)), None)


def _imply(free: Permissions, grants: Iterable[Grant], permission: Permission) -> bool:
    return collection_of([*free, *_permissions(grants)]).implies(permission)


def _fewest(free: Permissions, grants: Sequence[Grant], permission: Permission) -> list[Grant]:
    """Return those of ``grants`` that are enough, of which none can be left out; the oldest are used up first."""
    needed = list(grants)
    for grant in reversed(grants):
        fewer = [other for other in needed if other is not grant]
        if _imply(free, fewer, permission):
            needed = fewer
    return needed


def status(effective: Effective, permission: Permission, now: float) -> str:
    """Return ``"granted"``, ``"partial"``, ``"denied"`` or ``"prompt"``; see `Sandbox.query`."""
    held = effective.held(now, frozenset())
    denials = [denied for denied in effective.denials if denied.overlaps(permission)]
    if not denials and held.implies(permission):
        return "granted"
    for part in permission.split():
        # Something of what is asked is granted (held.overlaps) and no denial takes all of it away.
        if not any(denied.implies(part) for denied in denials) and any(
            one.overlaps(part) and not any(denied.implies(one) for denied in denials) for one in held
        ):
            return "partial"
    return "denied" if denials else "prompt"


def with_less(grants: tuple[Grant, ...], less: Mapping[Grant, Grant | None]) -> tuple[Grant, ...]:
    """Return the grants with some of them made smaller or removed."""
    kept = (less.get(grant, grant) for grant in grants)
    return tuple(grant for grant in kept if grant is not None)


def refuse_ineffective_revoke(effective: Effective, taken: tuple[Permission, ...], now: float) -> None:
    """Raise PolicyError if something of ``taken`` is still implied."""
    everything = effective.held(now)
    for permission in taken:
        for part in permission.split():
            if everything.implies(part):
                wider = next((str(held) for held in everything if held.implies(part)), "several grants together")
                message = (
                    f"revoking {permission} would not take it away: {wider} still implies {part}; "
                    f"revoke that grant, or deny {part}, which beats every grant"
                )
                raise PolicyError(message)


def refuse_ineffective_undeny(effective: Effective, taken: tuple[Permission, ...], _now: float) -> None:
    """Raise PolicyError if something of ``taken`` is still denied."""
    for permission in taken:
        for denied in effective.denials:
            if denied.overlaps(permission):
                message = f"{permission} would still be denied: take the denial of {denied} back"
                raise PolicyError(message)
