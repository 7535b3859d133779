"""Prints what pycage costs, as ratios within one run.

Two processes of the same interpreter, one without pycage and one with it, are measured in turns, round by round, so
that whatever else the machine does hits both.  For each row: the best time of each, and their ratio (or, for rows that
exist only with pycage, the ratio to what is named in the row).  Then what handoff.py, programs.py and native.py print.

    python benchmarks/run.py [rounds]
"""

import subprocess
import sys
from pathlib import Path

import handoff
import programs
from worker import Worker

# row: (item measured without pycage, item measured with it, what the ratio is to, target in words)
ROWS = [
    ("audit event, depth 1", "event@1", "event@1", ""),
    ("audit event, depth 20", "event@20", "event@20", "+0.6 us"),
    ("audit event, depth 50", "event@50", "event@50", ""),
    ("audit event, depth 200", "event@200", "event@200", ""),
    ("open + close, depth 20", "open", "open", "1.25x"),
    ("check_permission by the host, depth 20", "event@20", "check_host", ""),
    ("check_permission, sandbox calls host, depth 20, granted, warm", "event@20", "check_sandbox", "1.8 us"),
    ("  the same, grants not recorded", "event@20", "check_sandbox_unrecorded", ""),
    ("  the same, not remembered", "event@20", "check_decided", ""),
    ("  what recording adds to one that is not remembered", "event@1", "record", "1 us"),
    ("do_privileged of an empty function", "empty_call", "do_privileged", ""),
    ("do_privileged with a limit", "empty_call", "do_privileged_limited", ""),
    ("call of a sandboxed function", "call_plain", "call_sandboxed", "1.05x"),
    ("create a sandbox, run '1 + 2', close it", "compile_and_eval", "create_and_run", "100 us"),
    ("open + close by a sandbox, granted", "open", "open_sandboxed", ""),
]


def main() -> None:
    """Measure and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    bare, caged = Worker("measure.py", "without"), Worker("measure.py", "with")
    best: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for _, without, with_, _ in ROWS:
            for worker, mode, item in ((bare, "without", without), (caged, "with", with_)):
                best[mode, item] = min(best.get((mode, item), 1e9), worker.measure(item))
    bare.close()
    caged.close()

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, best of {rounds} rounds, microseconds")
    print(f"{'':64} {'without':>9} {'with':>9} {'ratio':>7} {'added':>8}  at most")
    for name, without, with_, target in ROWS:
        a, b = best["without", without] * 1e6, best["with", with_] * 1e6
        print(f"{name:64} {a:9.3f} {b:9.3f} {b / a:6.2f}x {b - a:+8.3f}  {target}")
    print()
    handoff.main(2 * rounds)
    print()
    programs.main(max(rounds // 2, 3))
    print(flush=True)
    # In a process that has measured nothing else.
    subprocess.run([sys.executable, Path(__file__).with_name("native.py"), str(max(rounds // 3, 3))], check=True)


if __name__ == "__main__":
    main()
