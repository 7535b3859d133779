"""``pycage run``: run a script in a sandbox."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pycage
from pycage.cli.denials import denial_of
from pycage.cli.endings import Ending, ran
from pycage.cli.exits import Mistake
from pycage.cli.flags import FLAGS
from pycage.cli.programs import program_of
from pycage.cli.sandboxes import add_sandbox_options, listed, opened
from pycage.main_module import MainModule

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pycage.cli.console import Console
    from pycage.cli.denials import Denial
    from pycage.cli.programs import Program
    from pycage.records import Decision
    from pycage.sandbox import Sandbox

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "own_arguments", "run", "run_main"]

HELP = "run a script in a sandbox, without any permission but those that flags or a policy give it"
SYNOPSIS = (
    "pycage run [options] script.py [argument ...]\n       pycage run [options] -m module | -c text | - [argument ...]"
)
EXAMPLE = "pycage run --allow-read=data --allow-connect=api.example.com:443 fetch.py --verbose"


_MOST_SHOWN: Final = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="tell how it ended as a line of JSON on standard error")
    modes = parser.add_argument_group("what happens with what is not allowed")
    modes.add_argument("--prompt", action="store_true", help="ask at the terminal: once, for an hour, always, or no")
    modes.add_argument(
        "--prompt-timeout", type=float, metavar="SECONDS", help="how long --prompt waits for an answer; then it is no"
    )
    modes.add_argument("--audit", action="store_true", help="let it pass, and list it at the end; for trusted code")
    modes.add_argument("--audit-log", metavar="FILE", help="append every decision to a file, as lines of JSON")
    add_sandbox_options(parser)


def run(options: argparse.Namespace, words: Sequence[str], console: Console) -> int:
    """Run the command; return the exit code."""
    program = program_of(own_arguments(words), listed(options.path), listed(options.package))
    made = opened(options, program.sandbox_name, path=program.path, program=program.source, audit=options.audit)
    with made as sandbox:
        ending = ran(lambda: run_main(sandbox, program), sandbox.name)
        passed = _let_pass(sandbox.name) if options.audit else []
        # An error that is no denial often comes of one: a variable that may not be read is not set.
        caught = _refused(sandbox.name) if ending.outcome == "raised" else []
    _show(ending, passed, console, caught)
    return ending.code


def run_main(sandbox: Sandbox, program: Program) -> None:
    """Run a program as ``__main__`` of a sandbox; the package that it is in, too, is its code."""
    MainModule(sandbox, program.source, program.argv, package=program.package).run()


def own_arguments(words: Sequence[str]) -> list[str]:
    """Return what to run and its arguments, without the ``--`` that may stand between the two.

    Raises:
        Mistake: A permission flag stands behind the script: surely meant for pycage, it would silently be the script's.
    """
    place = 2 if words[:1] and words[0] in {"-m", "-c"} else 1
    arguments = list(words[place:])
    if arguments[:1] == ["--"]:
        return [*words[:place], *arguments[1:]]
    own = {f"--{verb}-{flag.word}" for verb in ("allow", "deny") for flag in FLAGS} | {"--allow-all"}
    for argument in arguments:
        if argument.partition("=")[0] in own:
            script = " ".join(words[:place])
            message = (
                f"{argument[:80]} stands behind {script[:80]}, where it would be an argument of the script; "
                "write it in front, or put -- between the script and its arguments"
            )
            raise Mistake(message)
    return list(words)


def _let_pass(sandbox: str) -> list[Decision]:
    return [each for each in pycage.decisions() if each.outcome == "would deny" and each.sandbox == sandbox]


def _refused(sandbox: str) -> list[Decision]:
    """Return what a sandbox was refused last, each once, oldest first."""
    found = {each.permission: each for each in pycage.decisions().denials() if each.sandbox == sandbox}
    return list(found.values())[-_MOST_SHOWN:]


def _show(ending: Ending, passed: Sequence[Decision], console: Console, caught: Sequence[Decision] = ()) -> None:
    sys.stdout.flush()
    denials: list[Denial] = [denial_of(each) for each in passed]
    if console.as_json:
        would = [{**denial.as_dict(), "count": each.count} for each, denial in zip(passed, denials, strict=True)]
        console.json({**ending.as_dict(), "would_deny": would}, sys.stderr)
        return
    if ending.denial is not None:
        for line, style in zip(ending.lines(), ("error", "", "good"), strict=False):
            console.say(line, style)
    elif ending.text:
        print(ending.text, file=sys.stderr)
    if caught:
        console.say("refused before that, and caught by the program:", "warning")
        for each in caught:
            denial = denial_of(each)
            console.say(f"  {each.permission}  {' '.join(denial.flags) or denial.instead}")
    if passed:
        console.say("audit: without --audit, this would have been denied:", "warning")
        for each, denial in zip(passed, denials, strict=True):
            times = f" ({each.count} times)" if each.count > 1 else ""
            console.say(f"  {each.permission}{times}  {' '.join(denial.flags) or denial.instead}")
