"""How many processors there are to spin on: what the affinity mask and the control groups leave."""

# A container that was started with one processor still shows all of them; two spinning processes use up its quota and
# are stopped for the rest of the period.  So quotas count, of the process's own group and of all above it.
#
# Source: sched(7), cgroups(7); Documentation/admin-guide/cgroup-v2.rst (cpu.max), cgroup-v1 (cpu.cfs_quota_us).

from __future__ import annotations

import functools
import math
import os
import time
from pathlib import Path
from typing import Final

__all__ = ["SPIN_NANOSECONDS", "quota", "spin_nanoseconds", "usable"]

SPIN_NANOSECONDS: Final = 40_000
"""How long a side spins at most before it sleeps."""

_KEPT: Final = 10
"""For how many seconds a quota is believed."""

_ROOT: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")


def _v2(text: str) -> float:
    allowed, period = text.split()
    return math.inf if allowed == "max" else int(allowed) / int(period)


def _v1(allowed: str, period: str) -> float:
    return math.inf if int(allowed) < 0 else int(allowed) / int(period)


def _of_group(group: Path) -> float:
    try:
        if (group / "cpu.max").exists():
            return _v2((group / "cpu.max").read_text())
        if (group / "cpu.cfs_quota_us").exists():
            return _v1((group / "cpu.cfs_quota_us").read_text(), (group / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError, ZeroDivisionError):
        pass  # not readable from here: the affinity mask has to do
    return math.inf


def quota(own: Path = _OWN, root: Path = _ROOT) -> float:
    """Return how many processors the control groups allow; infinity if they do not say.

    Args:
        own: The list of the groups of this process.
        root: Where the groups are mounted.
    """
    found = math.inf
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root if controllers == "" else root / "cpu"
        if controllers not in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            continue
        group = base / path.lstrip("/")
        for place in (group, *group.parents):
            found = min(found, _of_group(place))
            if place == base:
                break
    return found


def usable() -> int:
    """Return how many processors this process can use at a time, at least 1."""
    # The files take as long to read as an eighth of an executor's start.
    return max(1, math.floor(min(len(os.sched_getaffinity(0)), _quota_of(int(time.monotonic() / _KEPT)))))


@functools.lru_cache(maxsize=1)
def _quota_of(_period: int) -> float:
    return quota()


def spin_nanoseconds() -> int:
    """Return how long to spin: nothing with one processor, where the other side could not run meanwhile."""
    return SPIN_NANOSECONDS if usable() > 1 else 0
