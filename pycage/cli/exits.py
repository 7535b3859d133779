"""How a command ends: exit codes, and mistakes of the person who types."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["DENIED", "EXITS", "FAILED", "INTERRUPTED", "OK", "USAGE", "Mistake"]

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
DENIED: Final = 77  # EX_NOPERM of sysexits.h
INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell shows it

# The page docs/cli.md has these rows; a test compares.
EXITS: Final = MappingProxyType(
    {
        OK: "done; the script ended by itself or with `sys.exit()`",
        FAILED: "the script raised an error, or uses what no sandbox runs; `check` found errors, `diff` differences, "
        "`selftest` a hole; `explain`: no",
        USAGE: "pycage was called wrongly, or a script, policy or log cannot be read",
        DENIED: "the script was refused something and did not catch it",
        INTERRUPTED: "Ctrl-C",
    }
)


class Mistake(Exception):
    """Somebody typed what cannot be done.  The message is one line: what, why, how."""
