"""``pycage explain``: why something was denied, or would be: the stack, who lacked it, every rule consulted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from pycage.cli.denials import denial_of
from pycage.cli.exits import FAILED, OK, Mistake
from pycage.cli.flags import flags_for
from pycage.cli.sandboxes import add_policy_options, free_name, policy_and_profile
from pycage.explanations import explain_decision
from pycage.permissions.text import shorten
from pycage.policy_files.notation import Refused, read_entry
from pycage.report.reading import read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pycage.cli.console import Console
    from pycage.explanations import Explanation
    from pycage.records import Decision

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "tell why something was denied, from an audit log; or what a policy says to a permission"
SYNOPSIS = (
    "pycage explain [options] audit.jsonl\n       pycage explain --permission PERMISSION --policy FILE [--profile NAME]"
)
EXAMPLE = 'pycage explain --permission \'FilePermission "/srv/a.txt" "read"\' --policy policy.toml --profile reader'


_ANSWERS: Final = {
    "granted": "granted",
    "partial": "only a part of it is granted",
    "denied": "a denial forbids it, whatever is allowed",
    "prompt": "nothing grants it",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("log", metavar="audit.jsonl", nargs="?", help="what pycage run --audit-log wrote")
    parser.add_argument(
        "--number", type=int, metavar="N", help="which denial of the log, from 1; the last if not given"
    )
    parser.add_argument("--list", action="store_true", help="list the denials of the log")
    parser.add_argument("--permission", metavar="PERMISSION", help="ask a policy file about this permission")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    add_policy_options(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code."""
    if (options.log is None) == (options.permission is None):
        message = "say either an audit log, or --permission with --policy"
        raise Mistake(message)
    return _from_policy(options, console) if options.log is None else _from_log(options, console)


# ---- From a log -----------------------------------------------------------------------------------------------------


def _from_log(options: argparse.Namespace, console: Console) -> int:
    try:
        with Path(options.log).open(encoding="utf-8", errors="replace") as lines:
            log = read(lines)
    except OSError as error:
        message = f"{shorten(options.log)} cannot be read: {error.strerror}"
        raise Mistake(message) from None
    denials = [decision for decision in log.decisions if decision.outcome != "granted"]
    if options.list:
        return _list(denials, console)
    if not denials:
        message = f"{options.log} has no denials ({len(log.decisions)} decisions, {log.unread} lines that are none)"
        raise Mistake(message)
    number = len(denials) if options.number is None else options.number
    if not 0 < number <= len(denials):
        message = f"--number {number}: {options.log} has denials 1 to {len(denials)}"
        raise Mistake(message)
    decision = denials[number - 1]
    if console.as_json:
        console.json({"number": number, **decision.as_dict(), "flags": list(denial_of(decision).flags)})
    else:
        _draw(decision, number, console)
    return OK


def _list(denials: Sequence[Decision], console: Console) -> int:
    if console.as_json:
        console.json([{"number": number, **decision.as_dict()} for number, decision in enumerate(denials, 1)])
        return OK
    rows = [
        (str(number), _time(decision), decision.outcome, decision.sandbox or "", decision.permission)
        for number, decision in enumerate(denials, 1)
    ]
    console.table(("", "time", "outcome", "sandbox", "permission"), rows)
    return OK


def _draw(decision: Decision, number: int, console: Console) -> None:
    times = f", {decision.count} times" if decision.count > 1 else ""
    console.line(f"{number}: {_time(decision)}{times}", "quiet")
    flags = denial_of(decision).flags
    _explained(explain_decision(decision), flags, console)


def _explained(explanation: Explanation, flags: Sequence[str], console: Console) -> None:
    """Print an explanation; on the command line, what allows it is a flag."""
    first, *rest = str(explanation).splitlines()
    console.line(first, "good" if explanation.outcome == "granted" else "error")
    for line in rest:
        console.line(line, "error" if line.endswith("<- lacks it") else "")
    if flags:
        console.line(f"with pycage run: {' '.join(flags)}", "good")


def _time(decision: Decision) -> str:
    return dt.datetime.fromtimestamp(decision.time, dt.UTC).isoformat(" ", "milliseconds")


# ---- From a policy --------------------------------------------------------------------------------------------------


def _from_policy(options: argparse.Namespace, console: Console) -> int:
    try:
        wanted = read_entry(options.permission).permission()
    except Refused as refused:
        message = f"--permission: {refused}{f'; {refused.fix}' if refused.fix else ''}"
        raise Mistake(message) from None
    policy, profile = policy_and_profile(options)
    # A sandbox as `run` makes it is asked: the very code that decides, links included.
    with policy.sandbox(profile, sandbox_name=free_name("explain")) as sandbox:
        explanation = sandbox.explain(wanted)
        status = sandbox.query(wanted)
    granted = explanation.outcome == "granted"
    flags = () if granted or status == "denied" else flags_for(wanted)
    if console.as_json:
        told = attrs.evolve(explanation, chain=(), advice="").as_dict()
        console.json({**told, "profile": profile, "status": status, "flags": list(flags)})
    else:
        console.line(f"profile {shorten(profile)}: {_ANSWERS[status]}", "quiet")
        _explained(attrs.evolve(explanation, chain=(), advice=""), flags, console)
    return OK if granted else FAILED
