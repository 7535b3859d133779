"""docs/threat-model.md and SECURITY.md claim nothing without a test."""

from __future__ import annotations

import ast
import csv
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [name for name in ("docs/threat-model.md", "SECURITY.md") if (ROOT / name).exists()]
HEADINGS = (
    "Two tiers",
    "What the in-process tier stops",
    "Effects without an event",
    "Names and races",
    "Work that runs later",
    "Objects handed out",
    "What only a process of its own stops",
    "What is not stopped at all",
)
_REFERENCE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def claims(page: str):
    """Yield section, row and last cell of each row of the tables whose last column is called Test."""
    section, header = "", None
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        if not line.startswith("|"):
            header = None
        elif header is None:
            header = cells(line)
        elif set(line) - set("|-: "):
            yield section, header, cells(line)


CLAIMS = [(page, *claim) for page in PAGES for claim in claims(page)]
# What the two tiers are is told once more, row by row, by the other sections.
PROVED = [claim for claim in CLAIMS if claim[1] != "Two tiers"]


@functools.cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_page_has_its_sections() -> None:
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")

    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == HEADINGS


def test_claims_are_read() -> None:
    assert len(PROVED) > 0


@pytest.mark.parametrize(("page", "section", "header", "row"), PROVED, ids=lambda value: str(value)[:60])
def test_every_claim_names_a_test_that_exists(page: str, section: str, header: list[str], row: list[str]) -> None:
    assert header[-1] == "Test", f"{page}, {section}: the last column names the tests"
    assert len(row) == len(header)
    references = _REFERENCE.findall(row[-1])
    assert references, row
    assert not _REFERENCE.sub("", row[-1]).replace(",", "").strip(), row[-1]
    for file, name in references:
        assert (ROOT / file).is_file(), file
        assert not name or name in functions_of(ROOT / file), f"{file}::{name}"
        assert not name or name.startswith("test_")


def test_the_programs_of_each_class_are_counted() -> None:
    with open(ROOT / "tests/corpus/MANIFEST.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    stopped = {row["id"] for row in rows if row["stoppable_in_process"] == "yes"} | {"D295", "D318"}
    classes = {
        kind: (str(len(numbers)), str(len(stopped & numbers)))
        for kind in {row["class"] for row in rows}
        for numbers in [{row["id"] for row in rows if row["class"] == kind}]
    }
    section = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8").split("## What the in-process tier stops")[1]

    counted = re.findall(r"^\| ([\w-]+) \| (\d+) \| (\d+) \|", section.split("\n## ")[0], re.MULTILINE)

    assert classes == {kind: tuple(numbers) for kind, *numbers in counted}


def test_security_md_says_where_to_report() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

    for heading in ("Supported versions", "How to report", "What is a vulnerability", "What is none"):
        assert f"\n## {heading}\n" in text
    assert "@" not in text
