"""``pycage selftest``: does what confines native libraries hold on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycage.cli.exits import FAILED, OK

if TYPE_CHECKING:
    import argparse

    from pycage.cli.console import Console

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "run a hostile native library on this machine, and tell what held"
SYNOPSIS = "pycage selftest [options]"
EXAMPLE = "pycage selftest"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="print outcomes as one line of JSON")


def run(_options: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code."""
    # Late: it starts what others do not need.
    from pycage_native import cpus, load  # noqa: PLC0415
    from pycage_native.errors import NativeError  # noqa: PLC0415
    from pycage_native.selftest import HOSTILE, run  # noqa: PLC0415
    from pycage_native.selftest.probes import PROBES  # noqa: PLC0415

    try:
        with load(HOSTILE) as library:
            active, version = sorted(library.layers.active), library.layers.landlock
    except NativeError as error:
        if console.as_json:
            console.json({"confines": False, "why": str(error), "outcomes": []})
        else:
            console.line(str(error), "error")
        return FAILED
    outcomes = []
    if not console.as_json:
        console.line(f"layers: {', '.join(active)} (Landlock {version}); processors to use: {cpus.usable()}", "quiet")
    for outcome in console.progress(run(), "attacking", PROBES):
        outcomes.append(outcome)
        if not console.as_json:
            mark, style = ("holds ", "good") if outcome.holds else ("FAILED", "error")
            console.line(f"{mark}  {outcome.probe.tries:45} {outcome.text}", style)
    failed = [outcome for outcome in outcomes if not outcome.holds]
    if console.as_json:
        told = [{"tries": each.probe.tries, "holds": each.holds, "came_of_it": each.text} for each in outcomes]
        console.json({"confines": not failed, "layers": active, "landlock": version, "outcomes": told})
    elif failed:
        console.line(f"{len(failed)} probes got through: do not load untrusted libraries here", "error")
    else:
        console.line("everything holds", "good")
    return FAILED if failed else OK
