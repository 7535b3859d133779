"""Prints what a host without a sandbox on the stack pays for hand-offs: pools of threads and event loops.

Two processes of the same interpreter, one without pycage and one in which a sandbox exists, are measured in turns,
round by round; which of them begins changes, and so do the processes.  Time of the processor: best of all rounds, and
the median of the ratios of the rounds.

    python benchmarks/handoff.py [rounds]
"""

from __future__ import annotations

import statistics
import sys

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


# How a process happens to lie in memory makes up to a tenth: no pair lives long.
ROUNDS_OF_A_PAIR = 5


def main(rounds: int) -> None:
    """Measure and print the table."""
    seconds: dict[str, list[list[float]]] = {item: [[], []] for _, item, _ in ROWS}
    for number in range(rounds):
        if number % ROUNDS_OF_A_PAIR == 0:
            workers = [Worker("measure_handoff.py", "without"), Worker("measure_handoff.py", "with")]
        for _, item, _ in ROWS:
            for which in (0, 1) if number % 2 else (1, 0):
                seconds[item][which].append(workers[which].measure(item))
        if number % ROUNDS_OF_A_PAIR == ROUNDS_OF_A_PAIR - 1 or number == rounds - 1:
            for worker in workers:
                worker.close()
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, {rounds} rounds, no sandbox on the stack, milliseconds of processor time")
    print(f"{'':44} {'without':>9} {'with':>9} {'ratio':>7} {'median':>7}  at most")
    for name, item, target in ROWS:
        without, with_ = seconds[item]
        a, b = min(without), min(with_)
        median = statistics.median(two / one for one, two in zip(without, with_, strict=True))
        print(f"{name:44} {a * 1e3:9.2f} {b * 1e3:9.2f} {b / a:6.3f}x {median:6.3f}x  {target}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
