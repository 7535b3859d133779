"""``python -m pycage_native.selftest``: prints what holds on this machine; exits with 1 if something does not."""

from __future__ import annotations

import sys

from pycage_native import cpus
from pycage_native.errors import NativeError
from pycage_native.loading import load
from pycage_native.selftest import HOSTILE, run


def main() -> int:
    """Run the probes and print a line for each."""
    try:
        with load(HOSTILE) as library:
            active, version = library.layers.active, library.layers.landlock
    except NativeError as error:
        print(error)  # noqa: T201  # a command line's output
        return 1
    print(f"layers: {', '.join(sorted(active))} (Landlock {version}); processors to use: {cpus.usable()}")  # noqa: T201
    failed = 0
    for outcome in run():
        failed += not outcome.holds
        mark = "holds " if outcome.holds else "FAILED"
        print(f"{mark}  {outcome.probe.tries:45} {outcome.text}", flush=True)  # noqa: T201
    print("everything holds" if not failed else f"{failed} probes got through: do not load untrusted libraries here")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
