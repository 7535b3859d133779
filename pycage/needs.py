"""Needs: what code asked for while everything was allowed, and the smallest set of permissions that answers it."""

# Problem.  Nobody knows what permissions code needs until it is refused them, one after the other.
#
# Things that do not work:
#
# - Grant AllPermission and read the log of decisions: it has what a check showed, and not what it asked.  A file behind
#   a link is two parts that must both be granted; a relative path is one part that may be granted in either spelling.
# - Allow really everything: code that is being looked at would take the chance to administer pycage, and be allowed to.
#
# Idea.  While a domain has a recorder, nothing is remembered for it, and each check that it takes part in hands the
# whole request to the recorder and goes on as if it were granted.  Denials hold all the same, and so do the checks that
# audit mode never lets pass (`modes`).  Which permissions answer all of it is computed afterwards.
#
# What still fails.  Code that catches a refusal and does something else needs less than it asks for.  What it does on
# other days, it did not ask for today.

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias, final

from pycage import _core
from pycage.errors import PolicyError
from pycage.modes import may_pass
from pycage.permissions import (
    EnvPermission,
    FilePermission,
    Permission,
    Permissions,
    PropertyPermission,
    RuntimePermission,
    SecurityPermission,
)
from pycage.permissions.paths import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pycage.domains import ProtectionDomain, Wanted
    from pycage.errors import StackEntry
    from pycage.grants import Weight

__all__ = ["Need", "Needs", "smallest"]

# What a check asked: of every part, one of the spellings.
Need: TypeAlias = "tuple[tuple[Permission, ...], ...]"

MOST: Final = 65_536


@final
@_core.seal
class Needs:
    """What the code of a sandbox asked for, during a ``with sandbox.learn() as needs:``.

    May be read at any time, from any thread.

    Example:
        >>> with pycage.Sandbox("learner") as sandbox, sandbox.learn() as needs:
        ...     _ = sandbox.run("import os; os.environ.get('TZ')")
        >>> needs.permissions
        (EnvPermission("TZ", "read"),)
    """

    __slots__ = ("_asked", "_refused")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._asked: dict[Need, tuple[StackEntry, ...]] = {}
        self._refused: dict[Permission, None] = {}

    def record(
        self, domain: ProtectionDomain, wanted: Wanted, weight: Weight, chain: Callable[[], Sequence[StackEntry]]
    ) -> bool:
        """Take down a request in the middle of a check; return whether to allow it although it is not granted."""
        need = tuple([tuple(part) for part in wanted])
        known = need in self._asked
        if not known and len(self._asked) + len(self._refused) >= MOST:
            return False
        if not weight.allowed and (weight.denied or not may_pass(weight.lacking)):
            self._refused.update(dict.fromkeys(part[0] for part in weight.lacking or need))
            return False
        if not known:
            label = domain.label
            self._asked[need] = tuple([entry for entry in chain() if entry.domain == label])
        return not weight.allowed

    @property
    def asked(self) -> tuple[Need, ...]:
        """Everything that was asked for and allowed, in order, each once."""
        return tuple(self._asked)

    @property
    def refused(self) -> tuple[Permission, ...]:
        """What was refused even so: what is denied, and what reaches around every check (`modes.NEVER_LET_PASS`)."""
        return tuple(self._refused)

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The fewest permissions that answer all of it: without any one of them, something would be refused."""
        return smallest(self._asked)

    def function(self, permission: Permission) -> str:
        """Return the function of the sandbox that first asked for something that ``permission`` answers, or ``""``."""
        for need, chain in tuple(self._asked.items()):
            if any(permission.implies(atom) for part in need for one in part for atom in one.split()):
                return next((entry.function for entry in chain if not entry.function.startswith("shim ")), "")
        return ""

    def __len__(self) -> int:
        return len(self._asked)

    def __repr__(self) -> str:
        return f"<Needs: {len(self._asked)} requests>"


@final
@_core.seal
class Learning:
    """What `Sandbox.learn` returns: a ``with`` block in which a domain's requests are recorded and allowed."""

    __slots__ = ("_domain", "_needs", "_watch")

    _lock: Final = Lock()

    def __init__(self, domain: ProtectionDomain, watch: Callable[[int], None]) -> None:
        """``watch`` is called with 1 and -1: from then on, or no more, every check of the domain comes to Python."""
        self._domain = domain
        self._watch = watch
        self._needs = Needs()

    def __enter__(self) -> Needs:
        with self._lock:
            if self._domain._recorder is not None:
                message = f"{self._domain.label} is being learnt from already; one at a time"
                raise PolicyError(message)
            self._domain._recorder = self._needs
        self._watch(1)
        return self._needs

    def __exit__(self, *_: object) -> None:
        self._domain._recorder = None
        self._watch(-1)


def smallest(needs: Iterable[Need]) -> tuple[Permission, ...]:
    """Return permissions that answer all of ``needs``, none of which, and no action of which, could be left out.

    Where a request can be answered in several ways, one is chosen: one that is needed anyway, or the first.  Nothing is
    generalised: a permission is exactly as wide as what was asked.
    """
    parts = list(dict.fromkeys(part for need in needs for part in need))
    chosen: dict[Permission, None] = {}
    for part in parts:
        if len(part) == 1:
            chosen.update(dict.fromkeys(part[0].split()))
    open_parts = [part for part in parts if len(part) > 1]
    for part in open_parts:
        if not _answered(part, chosen):
            chosen.update(dict.fromkeys(part[0].split()))
    kept = _without_implied(list(chosen))
    if open_parts:  # what was chosen for one part may have been made superfluous by what was chosen for a later one
        for atom in list(kept):
            others = dict.fromkeys(other for other in kept if other != atom)
            if all(_answered(part, others) for part in parts):
                kept = list(others)
    return tuple(Permissions(kept))


def _answered(part: Sequence[Permission], atoms: dict[Permission, None]) -> bool:
    """Return whether one of the spellings is implied, action by action."""
    return any(all(atom in atoms or any(held.implies(atom) for held in atoms) for atom in one.split()) for one in part)


# Of these, a name without a star is one name.
_PLAIN_NAMES: Final = frozenset({EnvPermission, PropertyPermission, RuntimePermission, SecurityPermission})


def _is_exact(atom: Permission) -> bool:
    if type(atom) is FilePermission:
        return atom._path.kind == EXACT
    return type(atom) in _PLAIN_NAMES and "*" not in atom.name


def _without_implied(atoms: list[Permission]) -> list[Permission]:
    """Return the atoms that no other one implies; of two that imply each other, the first."""
    kept: list[Permission] = []
    # Code that reads ten thousand files would take a minute here: names without a wildcard imply only themselves.
    exact = {atom for atom in atoms if _is_exact(atom)}
    others = [atom for atom in atoms if atom not in exact]
    for position, atom in enumerate(atoms):
        wider = others if atom in exact else [*kept, *atoms[position + 1 :]]
        if not any(
            other.implies(atom) and (other in kept or not atom.implies(other)) for other in wider if other is not atom
        ):
            kept.append(atom)
    return kept
