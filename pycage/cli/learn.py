"""``pycage learn``: run a script with everything allowed, and write the smallest policy under which it would run."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pycage.cli.endings import Ending, ran
from pycage.cli.exits import OK, Mistake
from pycage.cli.flags import add_flags, allowed
from pycage.cli.programs import own_modules, program_of
from pycage.cli.run import own_arguments, run_main
from pycage.cli.sandboxes import add_module_options, listed
from pycage.permissions.text import shorten
from pycage.policy_files import learn, write_profile
from pycage.policy_files.import_rules import host_rules

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pycage.cli.console import Console
    from pycage.cli.programs import Program
    from pycage.policy_files import Learned
    from pycage.sandbox import Sandbox

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "run a script with everything allowed, and write the smallest policy under which it would have run"
SYNOPSIS = (
    "pycage learn [options] script.py [argument ...] [-o policy.toml]\n"
    "       pycage learn [options] -m module | -c text | - [argument ...] [-o policy.toml]"
)
EXAMPLE = "pycage learn plugin.py input.csv -o policy.toml"

_OUTPUT = ("-o", "--output")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        *_OUTPUT,
        metavar="FILE",
        help="where to write it; also at the very end of the line; standard output if not given",
    )
    parser.add_argument("--name", default="learned", help="of the profile (default: learned)")
    parser.add_argument("--files", type=int, metavar="N", help="write dir/* for N files of a directory or more")
    parser.add_argument("--comments", action="store_true", help="say which function asked first")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--json", action="store_true", help="tell what was learnt as a line of JSON on standard error")
    add_module_options(parser)
    add_flags(parser)


def run(options: argparse.Namespace, words: Sequence[str], console: Console) -> int:
    """Run the command; return the exit code of the script."""
    words, output = _with_output(words, options.output)
    options.output = output
    if output is not None and os.path.lexists(output) and not options.force:
        message = f"{shorten(output)} is there already; name another file, or say --force"
        raise Mistake(message)
    flags = allowed(options)
    program = program_of(own_arguments(words), listed(options.path), listed(options.package))
    endings: list[Ending] = []
    if not console.as_json:
        console.say(f"running {program.shown}: everything is allowed, and written down", "quiet")

    def run_in(sandbox: Sandbox) -> None:
        endings.append(ran(lambda: run_main(sandbox, program), sandbox.name))

    learned = learn(
        run_in,
        name=program.sandbox_name,
        resolver=own_modules(program.path, listed(options.package)),
        host_policy=host_rules(flags.imports, "vetted"),
        deny=flags.deny,
    )
    if learned.error is not None:
        raise learned.error
    if options.files is not None:
        learned = learned.generalised(options.files)
    text = write_profile(
        options.name,
        learned.permissions,
        imports=flags.imports,
        description=f"learnt from {program.shown}",
        comments=learned.comments if options.comments else None,
    )
    _write(text, output, console)
    _tell(learned, endings[0], program, options, console)
    return endings[0].code


def _with_output(words: Sequence[str], output: str | None) -> tuple[Sequence[str], str | None]:
    """Take ``-o FILE`` off the end of the line, unless it was given before the script, or ``--`` is before it."""
    if output is None and len(words) > 2 and words[-2] in _OUTPUT and "--" not in words:  # noqa: PLR2004  # script, -o, FILE
        return words[:-2], words[-1]
    return words, output


def _write(text: str, output: str | None, console: Console) -> None:
    if output is None:
        console.raw(text)
        return
    target = Path(output)
    try:
        # Whole or not at all: a policy that ends in the middle is another policy.
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError as error:
        message = f"{shorten(output)} cannot be written: {error.strerror}"
        raise Mistake(message) from None


def _tell(learned: Learned, ending: Ending, program: Program, options: argparse.Namespace, console: Console) -> None:
    if console.as_json:
        told = {
            **ending.as_dict(),
            "policy": options.output,
            "permissions": [str(permission) for permission in learned.permissions],
            "refused": [str(permission) for permission in learned.refused],
            "modules": list(learned.modules),
            "refused_modules": list(learned.refused_modules),
        }
        console.json(told, sys.stderr)
        return
    for line in ending.lines():
        console.say(line, "error")
    if ending.code != OK:
        console.say("the script did not come to its end: what it would have asked for then is missing", "warning")
    loaded = {*listed(options.package), *(name.partition(".")[0] for name in learned.modules)}
    for permission in learned.refused:
        console.say(f"refused even so: {permission}", "warning")
    for module in dict.fromkeys(name.partition(".")[0] for name in learned.refused_modules):
        if module in loaded:
            continue  # a part of it that it can do without
        console.say(f"not imported: {module}; --package={module} or --allow-import={module} lets it in", "note")
    count = len(learned.permissions)
    console.say(f"{program.shown} needs {count} permission{'s' * (count != 1)}", "good")
    if options.output is not None:
        more = [f"--{word}={','.join(listed(getattr(options, word)))}" for word in ("path", "package")]
        words = ["pycage", "run", "--policy", options.output, *(word for word in more if not word.endswith("="))]
        console.say(f"now run: {shlex.join([*words, program.shown])}", "good")
