"""Runs a hostile library on this machine, and says what holds: ``python -m pycage_native.selftest``."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pycage_native.errors import NativeCrash, NativeTimeout
from pycage_native.limits import Limits
from pycage_native.loading import load
from pycage_native.selftest.probes import PROBES, Killed, Probe
from pycage_native.types import c_longlong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pycage_native.library import Library

__all__ = ["HOSTILE", "Outcome", "run"]

HOSTILE: Final = Path(__file__).parent.parent / "libpycage-hostile.so"
"""The library, which is built with the package."""

# The number of threads counts for all that the user runs, so it is not a small one, and smaller than what others get by
# default: else whatever starts an executor while the probe floods would be refused.
_LIMITS: Final = Limits(wall=3.0, memory=1 << 30, threads=3072)


class Outcome(NamedTuple):
    """What came of one probe.

    Attributes:
        probe: Which one.
        holds: Whether that is what must come of it.
        text: What came of it, in words.
    """

    probe: Probe
    holds: bool
    text: str


def run(path: Path = HOSTILE, *, limits: Limits = _LIMITS) -> Iterator[Outcome]:
    """Run all probes, each in an executor of its own.

    Args:
        path: The library.
        limits: For each executor.

    Raises:
        ConfinementUnavailable: This machine cannot confine a library.
    """
    with load(path, limits=limits) as library:
        for probe in PROBES:
            yield _try(library, probe)


def _try(library: Library, probe: Probe) -> Outcome:
    library.restart()
    before = len(library.denials) if probe.name != "constructor_open" else -1
    try:
        value = library.function(probe.name, c_longlong, [])()
    except NativeCrash as crash:
        ended = isinstance(probe.expected, Killed) and (
            crash.signal in probe.expected.signals
            if crash.signal is not None
            else crash.exit_status == probe.expected.exit_status
        )
        return Outcome(probe, ended, str(crash).partition(";")[0].partition(" ")[2])
    except NativeTimeout:
        return Outcome(probe, probe.expected == "timeout", "was stopped after the time limit")
    holds = isinstance(probe.expected, tuple) and not isinstance(probe.expected, Killed) and value in probe.expected
    if probe.asked:
        holds = holds and len(library.denials) > before
    number = -value if isinstance(value, int) else 0
    return Outcome(probe, holds, errno.errorcode.get(number, f"returned {value}"))
