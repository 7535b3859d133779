"""Reading an audit log: lines of JSON to decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pycage.records import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Log", "read"]


@attrs.frozen
class Log:
    """What was in an audit log.

    Attributes:
        decisions: In the order of time.
        unread: Lines that are no decision: the last one of a log that was cut off, for example.
    """

    decisions: tuple[Decision, ...]
    unread: int


def read(lines: Iterable[str]) -> Log:
    """Return what is in the lines of an audit log; empty lines are passed over."""
    decisions, unread = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            decisions.append(Decision.from_json(line))
        except (ValueError, RecursionError):
            unread += 1
    return Log(tuple(sorted(decisions, key=lambda decision: decision.time)), unread)
