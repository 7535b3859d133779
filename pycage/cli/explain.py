"""``pycage explain``: why something was denied, or would be: the stack, who lacked it, every rule consulted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pycage.cli.denials import denial_of
from pycage.cli.exits import FAILED, OK, Mistake
from pycage.cli.flags import flags_for
from pycage.cli.sandboxes import add_policy_options, policy_and_profile
from pycage.codesource import CodeSource
from pycage.permissions.text import shorten
from pycage.policy import Policy
from pycage.policy_files.notation import Refused, read_entry
from pycage.report.reading import read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pycage.cli.console import Console
    from pycage.permissions import Permission
    from pycage.policy_files.document import Effective
    from pycage.records import Decision

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "tell why something was denied, from an audit log; or what a policy says to a permission"
SYNOPSIS = (
    "pycage explain [options] audit.jsonl\n       pycage explain --permission PERMISSION --policy FILE [--profile NAME]"
)
EXAMPLE = 'pycage explain --permission \'FilePermission "/srv/a.txt" "read"\' --policy policy.toml --profile reader'

_NOBODY: Final = CodeSource("pycage://explain")
_ANSWERS: Final = {
    "granted": "granted",
    "partial": "denied: only a part of it is granted",
    "denied": "denied: a denial forbids it, whatever is allowed",
    "prompt": "denied: nothing grants it",
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
    denial = denial_of(decision)
    console.line(f"{number}: {decision.outcome} {decision.permission}", "error")
    console.line(f"at {_time(decision)}, by {decision.domain}{f', {decision.count} times' * (decision.count > 1)}")
    console.line(f"decided by: {decision.rule or 'no rule: no permission allows it'}")
    if decision.reason:
        console.line(f"because: {decision.reason}")
    console.line("the stack, newest first:")
    past = False
    for entry in decision.chain:
        lacks = entry.domain == decision.domain
        mark, style = ("lacks it", "error") if lacks and not past else ("", "quiet" if past else "")
        console.line(f"  {mark:9} {entry.domain:24} {entry.function} ({entry.file}:{entry.line})", style)
        if entry.privileged and not past:
            console.line("            privileged: what is below was not asked", "note")
            past = True
    if denial.flags:
        console.line(f"to allow it: {' '.join(denial.flags)}", "good")
    elif denial.instead:
        console.line(denial.instead, "note")


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
    effective = policy.effective(profile)
    # The very code that decides for a sandbox.
    asked = Policy()
    asked.grant(_NOBODY, *effective.permissions)
    asked.deny(_NOBODY, *effective.denials)
    status = asked.status(_NOBODY, wanted)
    code = OK if status == "granted" else FAILED
    consulted = list(_consulted(effective, wanted))
    flags = () if status in {"granted", "denied"} else flags_for(wanted)
    if console.as_json:
        rules = [dict(zip(("says", "permission", "where"), row, strict=True)) for row in consulted]
        console.json({"permission": str(wanted), "profile": profile, "status": status, "rules": rules, "flags": flags})
        return code
    console.line(f"{profile}: {wanted}: {_ANSWERS[status]}", "good" if code == OK else "error")
    if consulted:
        console.table(("rule", "permission", "where"), consulted)
    others = len(effective.allow) + len(effective.deny) - len(consulted)
    console.line(f"{others} other rules have nothing to do with it", "quiet")
    if flags:
        console.line(f"to allow it: {' '.join(flags)}", "good")
    return code


def _consulted(effective: Effective, wanted: Permission) -> Iterator[tuple[str, str, str]]:
    for rule in effective.deny:
        if rule.permission.overlaps(wanted):
            yield "denies", str(rule.permission), rule.where
    for rule in effective.allow:
        if rule.permission.implies(wanted):
            yield "allows", str(rule.permission), rule.where
        elif rule.permission.overlaps(wanted) or any(rule.permission.implies(part) for part in wanted.split()):
            yield "allows a part", str(rule.permission), rule.where
