"""What the runs of this session came to, and the table of it."""

from __future__ import annotations

from corpus.cases import ALLOW, DENY, MANDATORY
from corpus.expectations import HARMLESS, SUBSTITUTED, not_stopped_yet

STOPPED: dict[tuple[str, str], bool] = {}
"""Number of a deny file and policy -> whether it was stopped."""

SHOWN: dict[str, bool] = {}
"""Number of a deny file -> whether it shows its effect without a sandbox."""

RAN: dict[str, bool] = {}
"""Number of an allow file -> whether it gave its value."""

PARTS = (STOPPED, SHOWN, RAN)

_COLUMNS = ("class", "files", "run", "shown plain", "stopped strict", "stopped layer", "judged apart", "not yet")


def table() -> list[str]:
    """Return the lines of the table: one class each, those that must be stopped first."""
    listed = {number for number, _ in not_stopped_yet()}
    rows = []
    for kind in sorted({case.kind for case in DENY}, key=lambda kind: (kind not in MANDATORY, kind)):
        numbers = [case.number for case in DENY if case.kind == kind]
        run = [number for number in numbers if (number, "strict") in STOPPED]
        rows.append(
            (
                kind if kind in MANDATORY else f"({kind})",
                len(numbers),
                len(run),
                sum(SHOWN.get(number, False) for number in numbers),
                *(sum(STOPPED.get((number, policy), False) for number in numbers) for policy in ("strict", "layer")),
                sum(number in HARMLESS or number in SUBSTITUTED for number in numbers),
                len(listed.intersection(numbers)),
            )
        )
    totals = ("all", *(sum(row[column] for row in rows) for column in range(1, len(_COLUMNS))))
    lines = ["  ".join(f"{text:>{_width(text)}}" for text in _COLUMNS)]
    lines += ["  ".join(f"{value:>{_width(name)}}" for value, name in zip(row, _COLUMNS)) for row in (*rows, totals)]
    if RAN:
        lines.append(f"ordinary programs: {sum(RAN.values())} of {len(ALLOW)} give their value")
    return lines


def _width(name: str) -> int:
    return 21 if name == "class" else len(name)
