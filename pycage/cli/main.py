"""The command line: ``pycage <command>``.

One module for each command; a table of them here.  `main` can be called from a program: it returns the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pycage.cli import exits
from pycage.cli.console import Console
from pycage.cli.exits import EXITS, INTERRUPTED, USAGE, Mistake
from pycage.cli.flags import require_value_attached, with_bare_flags
from pycage.cli.programs import split
from pycage.errors import PolicyError
from pycage.permissions.text import shorten
from pycage.policy_files.findings import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main", "parser_of"]

# A command is the module of its name, with HELP, SYNOPSIS, EXAMPLE, add_options() and run().  True: what follows the
# options is a program with arguments of its own.
COMMANDS: Final = {
    "run": True,
    "repl": False,
    "learn": True,
    "check": False,
    "diff": False,
    "explain": False,
    "report": False,
    "selftest": False,
}

_DESCRIPTION: Final = """\
Run Python code that may do what you say, and nothing else.

This contains buggy and semi-trusted code.  It is no boundary against hostile code: see docs/threat-model.md.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        text = f"{self._plainly(message)}; see {self.prog} --help"
        raise Mistake(text)

    def _plainly(self, message: str) -> str:
        """Return a message of argparse's, with what was meant."""
        head, colon, unknown = message.partition("unrecognized arguments: ")
        if colon and not head:
            near = suggestion(unknown.split()[0].partition("=")[0], self._option_string_actions)
            return f"unknown option: {unknown}{f'; {near}' if near else ''}"
        return message.replace("ignored explicit argument", "it takes no value, and was given")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: Without the program's name; None: that of the process.

    Returns:
        The exit code; see `pycage.cli.exits`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _command(arguments)
    except (Mistake, PolicyError) as error:
        for line in str(error).splitlines():
            Console().say(f"pycage: {line}", "error")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough.  Python would complain once more when it ends, unless there is no output.
        sys.stdout = None
        return exits.OK
    except SystemExit as end:  # of --help and --version
        return end.code if type(end.code) is int else exits.OK


def _command(arguments: list[str]) -> int:
    name = arguments[0] if arguments else "--help"
    if name.startswith("-"):
        _top().parse_args([name])
    if name not in COMMANDS:
        near = f"to run it, say pycage run {shorten(name)}" if os.path.isfile(name) else suggestion(name, COMMANDS)
        message = f"there is no command {shorten(name)}; {f'{near}  C' if near else 'c'}ommands: {', '.join(COMMANDS)}"
        raise Mistake(message)
    command = _module(name)
    parser = parser_of(name)
    rest = with_bare_flags(arguments[1:])
    options, words = split(parser, rest) if COMMANDS[name] else (rest, [])
    words = words and arguments[len(arguments) - len(words) :]
    require_value_attached(options, words)
    parsed = parser.parse_args(options)
    console = Console(as_json=getattr(parsed, "json", False))
    return int(command.run(parsed, words, console) if COMMANDS[name] else command.run(parsed, console))


def _module(name: str) -> Any:
    return importlib.import_module(f"pycage.cli.{name}")


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    command = _module(name)
    parser = _Parser(
        prog=f"pycage {name}",
        usage=command.SYNOPSIS,
        description=command.HELP[0].upper() + command.HELP[1:] + ".",
        epilog=f"example:\n  {command.EXAMPLE}\n\n{_exit_codes()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_options(parser)
    return parser


def _top() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:10} {_module(name).HELP}" for name in COMMANDS)
    parser = _Parser(
        prog="pycage",
        usage="pycage <command> [options]",
        description=_DESCRIPTION,
        epilog=f"commands:\n{listed}\n\nexample:\n  {_module('run').EXAMPLE}\n\npycage <command> --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    return parser


def _exit_codes() -> str:
    return "exit codes: " + ", ".join(map(str, EXITS)) + "; see docs/cli.md"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # slow, and rarely needed

    try:
        return f"pycage {version('pycage')}"
    except PackageNotFoundError:
        return "pycage (not installed)"
