"""The code blocks of a page, and running them.

A page is run from top to bottom in an empty directory, in one process:

* ``python``: executed, all of a page with the same variables; one that begins with ``>>>`` is a session, compared.
* ``toml``: must be a policy file without errors.
* ``console``: lines that begin with ``$`` are run by a shell, and what follows must be what they print; ``...`` in it
  stands for anything.  ``$ pycage`` is this package.
* ``text``, ``java``, ``c``, ``ini``, ``makefile``, and nothing: not run.

``<!-- file: name -->`` before a block writes it to a file instead; a ``toml`` block is still read.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import traceback
import types
from typing import TYPE_CHECKING, NamedTuple

from pycage import PolicyError
from pycage.policy_files import read_policy

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n+)?(?P<indent> *)```(?P<kind>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```",
    re.DOTALL | re.MULTILINE,
)
_NOT_RUN = {"", "text", "java", "c", "ini", "makefile", "mermaid", "json", "html"}
_EXAMPLES = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE


def _message_only(kind: type[BaseException], value: BaseException) -> list[str]:
    shown = traceback.format_exception_only(kind, value)
    return [line for line in shown if kind.__name__ in line.partition(":")[0]][-1:] or shown


if sys.version_info < (3, 12):  # takes the last line, which is a note if there are any
    doctest.traceback = types.SimpleNamespace(**{**vars(traceback), "format_exception_only": _message_only})


class Block(NamedTuple):
    """One block of a page."""

    kind: str
    file: str | None
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, from top to bottom."""
    found = []
    for match in _BLOCK.finditer(page):
        indent = len(match["indent"])
        text = "".join(line[indent:] if line.strip() else "\n" for line in match["text"].splitlines(keepends=True))
        found.append(
            Block(
                match["kind"].split()[0] if match["kind"].strip() else "",
                match["file"],
                text,
                page[: match.start()].count("\n") + 1,
            )
        )
    return found


def run_page(name: str, page: str, directory: Path) -> int:
    """Run all blocks of a page in ``directory``, which must be the current one; return how many were run."""
    variables: dict[str, object] = {"__name__": "__main__"}
    ran = 0
    for block in blocks_of(page):
        where = f"{name}, line {block.line}"
        if block.file is not None:
            target = directory / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.kind == "toml":
            read_toml(block.text, where)
        elif block.file is None and block.kind in {"python", "pycon"}:
            run_python(block.text, variables, where)
        elif block.file is None and block.kind == "console":
            run_console(block.text, directory, where)
        else:
            assert block.file is not None or block.kind in _NOT_RUN, f"{where}: nobody runs {block.kind!r}"
            continue
        ran += 1
    return ran


def read_toml(text: str, where: str) -> None:
    """Read a policy file."""
    try:
        read_policy(text)
    except PolicyError as error:
        raise AssertionError(f"{where}: {error}") from error


def run_python(text: str, variables: dict[str, object], where: str) -> None:
    """Execute a program, or compare a session."""
    if not text.lstrip().startswith(">>>"):
        exec(compile(text, where, "exec"), variables)
        return
    report: list[str] = []
    examples = doctest.DocTestParser().get_doctest(text, variables, where, where, 0)
    runner = doctest.DocTestRunner(optionflags=_EXAMPLES)
    runner.run(examples, out=report.append, clear_globs=False)
    assert runner.failures == 0, "".join(report)


def run_console(text: str, directory: Path, where: str) -> None:
    """Run the commands of a session in a shell and compare what they print."""
    tools = directory / ".tools"
    if not tools.exists():
        tools.mkdir()
        (tools / "pycage").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m pycage "$@"\n')
        (tools / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        for tool in tools.iterdir():
            tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "100"}
    for command, expected in re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        )  # fmt: skip
        same = doctest.OutputChecker().check_output(expected, done.stdout, _EXAMPLES)
        assert same, f"{where}: {command}\nprints\n{done.stdout}\nand not\n{expected}"
