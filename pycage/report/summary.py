"""What an audit log amounts to: for each sandbox what it asked for, when, and what was refused where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from pycage.errors import PolicyError
from pycage.needs import smallest
from pycage.policy_files.writer import write_profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pycage.permissions import Permission
    from pycage.records import ChainEntry, Decision, Outcome

__all__ = ["OUTCOMES", "Asked", "Moment", "Refusal", "SandboxSummary", "Summary", "summarize"]

OUTCOMES: Final[tuple[Outcome, ...]] = ("granted", "would deny", "denied")
_MOMENTS: Final = 60


@attrs.define
class Asked:
    """One permission that a sandbox asked for."""

    permission: str
    counts: dict[str, int]
    first: float
    last: float
    rules: dict[str, None]

    @property
    def worst(self) -> str:
        """The outcome that matters most."""
        return next(outcome for outcome in reversed(OUTCOMES) if self.counts[outcome])


@attrs.define
class Refusal:
    """One permission that was refused, or would have been, at one place."""

    permission: str
    outcome: str
    domain: str
    chain: tuple[ChainEntry, ...]
    reason: str
    rule: str | None
    count: int
    first: float
    last: float


@attrs.define
class Moment:
    """A part of the time that the log covers."""

    start: float
    end: float
    counts: dict[str, int]


@attrs.define
class SandboxSummary:
    """What one sandbox asked for.  ``name`` is None for what no sandbox asked."""

    name: str | None
    asked: list[Asked]
    refusals: list[Refusal]
    suggestion: str
    incomplete: int
    """Permissions that no suggestion can name, because a part of their text is missing."""

    def count(self, outcome: str) -> int:
        """Return how many answers of this kind it got."""
        return sum(asked.counts[outcome] for asked in self.asked)


@attrs.frozen
class Summary:
    """What the whole log amounts to."""

    sandboxes: tuple[SandboxSummary, ...]
    moments: tuple[Moment, ...]
    start: float
    end: float

    def count(self, outcome: str) -> int:
        """Return how many answers of this kind there were."""
        return sum(sandbox.count(outcome) for sandbox in self.sandboxes)


def summarize(decisions: Sequence[Decision]) -> Summary:
    """Return what ``decisions``, in the order of time, amount to."""
    of: dict[str | None, list[Decision]] = {}
    for decision in decisions:
        of.setdefault(decision.sandbox, []).append(decision)
    names = sorted(of, key=lambda name: (name is None, name or ""))
    start, end = (decisions[0].time, decisions[-1].time) if decisions else (0.0, 0.0)
    return Summary(tuple(_sandbox(name, of[name]) for name in names), _moments(decisions, start, end), start, end)


def _sandbox(name: str | None, decisions: list[Decision]) -> SandboxSummary:
    asked: dict[str, Asked] = {}
    refusals: dict[tuple[object, ...], Refusal] = {}
    for decision in decisions:
        entry = asked.setdefault(
            decision.permission,
            Asked(decision.permission, dict.fromkeys(OUTCOMES, 0), decision.time, decision.time, {}),
        )
        entry.counts[decision.outcome] += decision.count
        entry.last = decision.time
        if decision.rule:
            entry.rules[decision.rule] = None
        if decision.outcome == "granted":
            continue
        key = (decision.permission, decision.outcome, decision.domain, decision.chain, decision.reason)
        refusal = refusals.setdefault(
            key,
            Refusal(*key, decision.rule, 0, decision.time, decision.time),
        )
        refusal.count += decision.count
        refusal.last = decision.time
    ordered = sorted(asked.values(), key=lambda entry: (-OUTCOMES.index(entry.worst), entry.permission))
    suggestion, incomplete = _suggestion(name, decisions)
    return SandboxSummary(name, ordered, sorted(refusals.values(), key=lambda r: -r.last), suggestion, incomplete)


def _suggestion(name: str | None, decisions: Iterable[Decision]) -> tuple[str, int]:
    """Return a profile that allows all that was asked for, no line of which another one implies."""
    wanted: dict[Permission, None] = {}
    incomplete = set()
    for decision in decisions:
        try:
            asked = decision.asked()
            write_profile("host", [asked])
        except (PolicyError, ValueError, TypeError):  # cut, relative, or of a type that this program does not know
            incomplete.add(decision.permission)
        else:
            wanted[asked] = None
    needed = smallest(((one,),) for one in wanted)
    return (write_profile(name or "host", needed) if needed else ""), len(incomplete)


def _moments(decisions: Sequence[Decision], start: float, end: float) -> tuple[Moment, ...]:
    if not decisions:
        return ()
    width = max((end - start) / _MOMENTS, 0.001)
    moments = [
        Moment(start + width * at, start + width * (at + 1), dict.fromkeys(OUTCOMES, 0)) for at in range(_MOMENTS)
    ]
    for decision in decisions:
        at = min(int((decision.time - start) / width), _MOMENTS - 1)
        moments[at].counts[decision.outcome] += decision.count
    return tuple(moments)
