"""``pycage repl``: an interactive console whose code runs in a sandbox."""

from __future__ import annotations

import codeop
import sys
import warnings
from typing import TYPE_CHECKING

from pycage.cli.endings import ending_of
from pycage.cli.exits import DENIED, OK
from pycage.cli.sandboxes import add_sandbox_options, listed, opened
from pycage.imports import Source
from pycage.main_module import MainModule

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from pycage.cli.console import Console
    from pycage.cli.endings import Ending

__all__ = ["EXAMPLE", "HELP", "SYNOPSIS", "add_options", "run"]

HELP = "an interactive console in a sandbox, with the flags of run"
SYNOPSIS = "pycage repl [options]"
EXAMPLE = "pycage repl --allow-read=data"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--prompt", action="store_true", help="ask at the terminal: once, for an hour, always, or no")
    parser.add_argument("--audit-log", metavar="FILE", help="append every decision to a file, as lines of JSON")
    add_sandbox_options(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command; return the exit code: that of ``exit()``, or of the last denial if input is no terminal."""
    on_terminal = sys.stdin is not None and sys.stdin.isatty()
    if on_terminal:
        _edit_lines()
        console.say("A sandbox: it may do what its flags say, and nothing else.  Ctrl-D or exit() ends it.", "quiet")
    with opened(options, "repl", path=listed(options.path)) as sandbox:
        main = MainModule(sandbox, Source("__main__", b"", "<console>"), ("",))
        main.run()
        return _Session(main, sandbox.name, console, on_terminal=on_terminal).run()


class _Session:
    """One conversation."""

    def __init__(self, main: MainModule, sandbox: str, console: Console, *, on_terminal: bool) -> None:
        self._main = main
        self._sandbox = sandbox
        self._console = console
        self._on_terminal = on_terminal
        self._is_complete = _completeness()

    def run(self) -> int:
        """Read and run statements until there are no more."""
        lines: list[str] = []
        code = OK
        while True:
            try:
                lines.append(self._line("... " if lines else ">>> "))
            except EOFError:
                if lines:
                    code = self._statement("\n".join(lines) + "\n", code)[1]
                break
            except KeyboardInterrupt:
                self._console.say("KeyboardInterrupt")
                lines = []
                continue
            text = "\n".join(lines)
            if not self._is_complete(text):
                continue
            lines = []
            ended, code = self._statement(text, code)
            if ended:
                return code
        if self._on_terminal:
            self._console.line()
        return code

    def _line(self, prompt: str) -> str:
        if self._on_terminal:
            return input(prompt)
        line = "" if sys.stdin is None else sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")

    def _statement(self, text: str, code: int) -> tuple[bool, int]:
        """Run one statement; return whether it was the last one, and the exit code so far."""
        try:
            shown = self._main.run_more(text)
        except KeyboardInterrupt:
            self._console.say("KeyboardInterrupt")
            return False, code
        except Exception as error:  # noqa: BLE001  whatever it is, it is the code's
            ending = ending_of(error, self._sandbox)
            self._show(ending)
            return ending.outcome == "exited", _after(ending, code, on_terminal=self._on_terminal)
        if shown is not None:
            self._console.raw(shown + "\n")
        return False, code

    def _show(self, ending: Ending) -> None:
        if ending.denial is None:
            if ending.text:
                print(ending.text, file=sys.stderr)
            return
        for line, style in zip(ending.lines(), ("error", "", "good"), strict=False):
            self._console.say(line, style)


def _after(ending: Ending, code: int, *, on_terminal: bool) -> int:
    if ending.outcome == "exited":
        return ending.code
    # A person saw it; a program that pipes statements in has the exit code only.
    return code if on_terminal else DENIED if DENIED in {ending.code, code} else ending.code


def _completeness() -> Callable[[str], bool]:
    """Return what says whether a text is a whole statement, or wrong anyhow."""
    compiler = codeop.CommandCompiler()

    def is_complete(text: str) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they come when it runs
                return compiler(text, "<console>", "single") is not None
        except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError):
            return True

    return is_complete


def _edit_lines() -> None:
    """Let lines be edited, and found again, if this Python can."""
    try:
        import readline  # noqa: F401, PLC0415  # input() uses it once it is imported
    except ImportError:
        return
