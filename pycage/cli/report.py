"""``pycage report``: an audit log as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pycage.report
from pycage.cli.exits import OK, Mistake
from pycage.permissions.text import shorten

if TYPE_CHECKING:
    import argparse

    from pycage.cli.console import Console

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "make one self-contained page of an audit log: who asked for what, what was denied where, a policy"
SYNOPSIS = "pycage report [options] audit.jsonl -o report.html"
EXAMPLE = "pycage report audit.jsonl -o report.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("log", metavar="audit.jsonl", help="what pycage run --audit-log wrote")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the page; one that is there is replaced")
    parser.add_argument("--json", action="store_true", help="tell what was done as a line of JSON")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code."""
    try:
        with Path(options.log).open(encoding="utf-8", errors="replace") as lines:
            unread = pycage.report.write(lines, options.output, title=Path(options.log).name)
    except OSError as error:
        message = f"{shorten(str(error.filename or options.output))}: {error.strerror}; name a log, and where to write"
        raise Mistake(message) from None
    if console.as_json:
        console.json({"report": options.output, "unread": unread})
        return OK
    console.line(f"wrote {options.output}", "good")
    if unread:
        console.line(f"{unread} lines of {options.log} are no decisions; the page says so, too", "warning")
    return OK
