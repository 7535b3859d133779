"""Prints what the language layer costs: programs and single constructs, plain, in a sandbox, under RestrictedPython.

Three processes of the same interpreter, one for each, are measured in turns, round by round.  Each program must give
the same value in all three.

    python benchmarks/programs.py [rounds]
"""

from __future__ import annotations

import math
import sys
from typing import Any

from stock import ADAPTED
from worker import Worker

MODES = ("plain", "caged", "stock")

PROGRAMS = """
    nbody fannkuch richards deltablue spectral_norm json_roundtrip regex string_building generators n_queens
""".split()  # noqa: SIM905  names are read more easily without quotes

# What each of these does stands in programs/constructs.py.
CONSTRUCTS = """
    store_self store_self_once store_parameter store_local store_loop store_chain add_local private_read private_call
    super_init super_init_deep super_method match_class_positional match_class_keyword match_class_deep match_builtin
    call_method getattr_call format_call make_object
""".split()  # noqa: SIM905  names are read more easily without quotes

AT_MOST = "geometric mean at most 1.10x, none above 1.5x"


def main(rounds: int) -> None:
    """Measure and print both tables."""
    workers = {mode: Worker("measure_programs.py", mode) for mode in MODES}
    programs = {name: f"{name}:run" for name in PROGRAMS}
    constructs = {name: f"constructs:{name}" for name in CONSTRUCTS}
    table("programs, milliseconds a run", programs, workers, rounds, 1e3)
    print(f"{'at most':24} {'':>9} {'':>9} {AT_MOST}")
    print(f"RestrictedPython refuses all of them as they are. For it: {ADAPTED}.\n")
    workers.pop("stock").close()
    table("constructs, nanoseconds each", constructs, workers, rounds, 1e9 / 50_000)
    for worker in workers.values():
        worker.close()


def table(title: str, items: dict[str, str], workers: dict[str, Worker], rounds: int, unit: float) -> None:
    """Measure some items and print them."""
    answers: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in items}
    for _ in range(rounds):
        for name, item in items.items():
            for mode, worker in workers.items():
                answer = worker.measure(item)
                before = answers[name].get(mode, answer)
                if "refused" in before or ("seconds" in answer and answer["seconds"] > before["seconds"]):
                    answer = before
                answers[name][mode] = answer

    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, best of {rounds} rounds, {title}")
    header = {"plain": f"{'plain':>9}", "caged": f" {'sandbox':>9}   ratio", "stock": f" {'Restricted':>11}   ratio"}
    print(f"{'':24}" + " ".join(header[mode] for mode in workers))
    logarithms: dict[str, list[float]] = {mode: [] for mode in workers if mode != "plain"}
    for name, by_mode in answers.items():
        plain = by_mode["plain"]
        row = f"{name:24}{plain['seconds'] * unit:9.1f}"
        for mode, logs in logarithms.items():
            answer = by_mode[mode]
            if "refused" in answer:
                row += f"  refused: {answer['refused']:.80}"
            elif answer["value"] != plain["value"]:
                row += f"  wrong: {answer['value']:.60}"
            else:
                ratio = answer["seconds"] / plain["seconds"]
                logs.append(math.log(ratio))
                row += f" {answer['seconds'] * unit:{9 if mode == 'caged' else 12}.1f} {ratio:7.2f}x"
        print(row)
    row = f"{'geometric mean':33}"
    for mode, logs in logarithms.items():
        row += f" {'':{9 if mode == 'caged' else 12}} {math.exp(sum(logs) / len(logs)):7.2f}x"
    print(row)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
