"""``pycage diff``: what another version of a policy file changes, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycage.cli.exits import FAILED, OK
from pycage.policy_files import diff

if TYPE_CHECKING:
    import argparse

    from pycage.cli.console import Console

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "tell in words what a new version of a policy file changes"
SYNOPSIS = "pycage diff [options] old.toml new.toml"
EXAMPLE = "pycage diff policy.toml policy.new.toml"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("old", metavar="old.toml", help="the file as it is")
    parser.add_argument("new", metavar="new.toml", help="the file as it will be")
    parser.add_argument("--json", action="store_true", help="print changes as one line of JSON")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code: as diff does, 1 if there is a difference."""
    changes = diff(options.old, options.new)
    if console.as_json:
        told = [{"name": each.name, "direction": each.direction, "text": each.text} for each in changes]
        console.json({"changes": told})
    else:
        for change in changes:
            console.line(str(change), "note")
        if not changes:
            console.line("both allow the same", "good")
    return FAILED if changes else OK
