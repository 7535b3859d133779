"""Every row of docs/language.md holds."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from pycage import MappingResolver, Sandbox

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "language.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (`.*?`) \| (`[^`]*`) \| (`[^`]*`) \| (.*?) ?\|$", re.MULTILINE)
_numbers = itertools.count()


def _rows(text):
    """Return program, outcome outside, outcome inside and the last cell of each row."""
    for program, outside, inside, last in _ROW.findall(text):
        yield "\n".join(re.findall(r"`([^`]*)`", program)), outside.strip("`"), inside.strip("`"), last.strip("`")


ROWS = list(_rows(PAGE))
LATE = list(_rows(PAGE.split("## Names that lead out")[1].split("\n## ")[0]))


def _outcome(action):
    try:
        return repr(action())
    except BaseException as error:  # SystemExit among them
        return type(error).__name__


def _plainly(source):
    body, _, last = source.rpartition("\n")
    names = {"__name__": "__main__", "__spec__": None}
    exec(compile(body, "<plain>", "exec", dont_inherit=True), names)
    try:
        return eval(compile(last, "<plain>", "eval", dont_inherit=True), names)
    except SyntaxError:
        exec(compile(last, "<plain>", "exec", dont_inherit=True), names)
        return None


def test_no_row_is_overlooked():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]

    assert len(ROWS) == len(rows) > 40
    assert len(LATE) > 10


@pytest.mark.parametrize(("source", "outside", "inside", "_more"), ROWS, ids=[row[0].split("\n")[-1] for row in ROWS])
def test_a_row_of_the_page_holds(source, outside, inside, _more):
    with Sandbox(f"page_{next(_numbers)}") as sandbox:
        assert (outside, inside) == (_outcome(lambda: _plainly(source)), _outcome(lambda: sandbox.run(source).value))


@pytest.mark.parametrize(("source", "_o", "_i", "loaded"), LATE, ids=[row[0].split("\n")[-1] for row in LATE])
def test_a_loaded_module_does_what_the_page_says(source, _o, _i, loaded):
    body, newline, last = source.rpartition("\n")
    modules = {"m": f"{body}{newline}result = {last}\n"}
    with Sandbox(f"page_{next(_numbers)}", resolver=MappingResolver(modules)) as sandbox:
        assert loaded == _outcome(lambda: sandbox.load("m").result)
