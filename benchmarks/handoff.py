"""Prints what a host without a sandbox on the stack pays for hand-offs: pools of threads and event loops.

Pairs of processes of the same interpreter, one without pycage and one in which a sandbox exists, are measured in turns;
which of them begins changes.  How a process happens to lie in memory makes up to a tenth, so every pair is new, and the
median of the ratios of all pairs counts.  Behind it stands how sure that is: with 95 % certainty it lies within.

    python benchmarks/handoff.py [pairs]
    python benchmarks/handoff.py instructions

The second way counts instructions instead, by valgrind: far steadier than time, and takes some minutes.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

from worker import Worker

# row: (item of measure_handoff.py, target in words)
ROWS = [
    ("pool of threads: 2,000 pieces of work", "thread_pool", "1.02x"),
    ("asyncio: server, 400 requests", "server", "1.02x"),
    ("asyncio: 1,000 items through a queue", "queue", "1.02x"),
    ("asyncio: 1,000 tasks, gathered", "tasks", "1.02x"),
    ("asyncio: 2,000 empty tasks, one by one", "empty_tasks", ""),
    ("asyncio: 2,000 empty callbacks", "callbacks", ""),
]


TURNS = 7  # of a pair; the best counts, and the first ones are slower because the interpreter adapts


def compare(item: str, workers: list[Worker], begins: int) -> list[float]:
    """Return how long each process of a pair takes: seconds of the processor."""
    best = [math.inf, math.inf]
    for turn in range(TURNS):
        for which in (0, 1) if (turn + begins) % 2 else (1, 0):
            best[which] = min(best[which], workers[which].measure(item))
    return best


def main(pairs: int) -> None:
    """Measure and print the table."""
    seconds: dict[str, list[list[float]]] = {item: [] for _, item, _ in ROWS}
    for number in range(pairs):
        workers = [Worker("measure_handoff.py", "without"), Worker("measure_handoff.py", "with")]
        for _, item, _ in ROWS:
            seconds[item].append(compare(item, workers, number))
        for worker in workers:
            worker.close()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, {pairs} pairs of processes, no sandbox on the stack, milliseconds of processor time")
    print(f"{'':44} {'without':>9} {'with':>9} {'ratio':>7} {'':>7}  at most")
    for name, item, target in ROWS:
        without, with_ = (statistics.median(times) for times in zip(*seconds[item], strict=True))
        ratios = [two / one for one, two in seconds[item]]
        lower, median, upper = statistics.quantiles(ratios, n=4)
        # Source: McGill, Tukey and Larsen, "Variations of Box Plots" (1978): the notch around a median.
        unsure = 1.57 * (upper - lower) / math.sqrt(pairs)
        print(f"{name:44} {without * 1e3:9.2f} {with_ * 1e3:9.2f} {median:6.3f}x ±{unsure:5.3f}  {target}")


FEW, MANY = 4, 14  # runs of a program: the difference has neither start nor warm-up in it


def instructions(item: str, mode: str) -> float:
    """Return how many instructions a program takes."""
    totals = []
    for runs in (FEW, MANY):
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = subprocess.run(
            [*tool, sys.executable, Path(__file__).with_name("measure_handoff.py"), mode],
            input=f"{item}\n" * runs,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        totals.append(int(done.stderr.rpartition("refs:")[2].split()[0].replace(",", "")))
    return (totals[1] - totals[0]) / (MANY - FEW)


def count() -> None:
    """Count and print the table."""
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, no sandbox on the stack, millions of instructions")
    print(f"{'':44} {'without':>9} {'with':>9} {'ratio':>7}  at most")
    for name, item, target in ROWS:
        without, with_ = instructions(item, "without"), instructions(item, "with")
        print(f"{name:44} {without / 1e6:9.2f} {with_ / 1e6:9.2f} {with_ / without:6.3f}x  {target}")


if __name__ == "__main__":
    if sys.argv[1:] == ["instructions"]:
        count()
        sys.exit()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
