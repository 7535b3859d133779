"""Decisions: what was asked, what was answered, and why.

Every denial is recorded before it is raised, because sandboxed code can catch it.  Records are text: they keep no
frame, domain or object of a sandbox alive.  Nothing here does I/O; the record is a bounded ring in memory.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycage.errors import StackEntry
    from pycage.permissions import Permission

__all__ = ["Decision", "DecisionLog", "PermissionRequest"]


@attrs.frozen
class PermissionRequest:
    """One thing that sandboxed code asked for during a `Sandbox.run`, and whether it got it."""

    permission: Permission
    granted: bool


@attrs.frozen
class Decision:
    """One answer.

    Attributes:
        time: Seconds since the epoch.
        permission: What was asked for, in text form.
        granted: The answer.
        domain: The domain nearest to the call that lacks the permission; for a grant, the nearest sandbox.
        chain: What was on the stack, newest first; empty for a grant.
        reason: Why, in words, where it is not simply a missing permission.
    """

    time: float
    permission: str
    granted: bool
    domain: str
    chain: tuple[StackEntry, ...] = ()
    reason: str = ""


@final
@_core.seal
class DecisionLog:
    """The newest decisions, in bounded memory.  May be used from any thread."""

    def __init__(self, size: int = 4096) -> None:
        """Keep at most ``size`` decisions; older ones are forgotten."""
        self._ring: deque[Decision] = deque(maxlen=size)

    def record(
        self, permission: str, *, granted: bool, domain: str, chain: tuple[StackEntry, ...] = (), reason: str = ""
    ) -> None:
        """Add a decision made now."""
        self._ring.append(
            Decision(time.time(), _short(permission), granted, domain, chain, _short(reason)),
        )

    def denials(self) -> list[Decision]:
        """Return the refusals among them, oldest first."""
        return [decision for decision in self if not decision.granted]

    def clear(self) -> None:
        """Forget all of them."""
        self._ring.clear()

    def __iter__(self) -> Iterator[Decision]:
        return iter(tuple(self._ring))

    def __len__(self) -> int:
        return len(self._ring)


# A sandbox chooses what it asks for, and the ring keeps thousands.
_LONGEST: Final = 400


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"
