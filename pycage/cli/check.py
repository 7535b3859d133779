"""``pycage check``: what is wrong with a policy file, or gives away more than it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pycage.cli.exits import FAILED, OK
from pycage.policy_files import check

if TYPE_CHECKING:
    import argparse

    from pycage.cli.console import Console

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "look through a policy file: mistakes, grants that defeat the policy, rules that say nothing"
SYNOPSIS = "pycage check [options] policy.toml"
EXAMPLE = "pycage check --strict policy.toml"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("policy", metavar="policy.toml", help="the file")
    parser.add_argument("--strict", action="store_true", help="fail for warnings, too")
    parser.add_argument("--json", action="store_true", help="print findings as one line of JSON")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code."""
    findings = check(options.policy)
    worst = {"error", "warning"} if options.strict else {"error"}
    code = FAILED if any(finding.severity in worst for finding in findings) else OK
    if console.as_json:
        console.json({"policy": options.policy, "findings": [attrs.asdict(finding) for finding in findings]})
        return code
    for finding in findings:
        console.line(f"{finding.severity}: {finding}", finding.severity)
    if not findings:
        console.line(f"{options.policy}: nothing to say", "good")
    return code
