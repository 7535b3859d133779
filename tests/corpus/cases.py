"""What the corpus consists of: one case per file, read from the two manifests."""

from __future__ import annotations

import ast
import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent

# The classes that have to be stopped entirely.  The others are run as well; what is not stopped there yet is listed in
# NOT_STOPPED_YET.tsv.
MANDATORY: Final = frozenset(
    "attr-walk format frames exception-attr guard-shadow syntax write-guard import introspection-module serialisation "
    "environment".split()
)


@dataclass(frozen=True)
class Deny:
    """One program whose effect has to be prevented; the fields are the manifest's."""

    number: str
    path: Path
    kind: str
    layer: str
    evidence: str
    action: str
    imports: tuple[str, ...]
    needs: str
    stoppable: bool

    @property
    def applies(self) -> bool:
        """Whether the effect can show on this Python: it is new enough, or old enough."""
        if self.number == "D070" and sys.version_info >= (3, 13, 2):
            return False
        match = re.fullmatch(r"py>=3\.(\d+)", self.needs)
        return match is None or sys.version_info[1] >= int(match[1])


@dataclass(frozen=True)
class Allow:
    """One ordinary program, and the ``repr`` of what its ``main()`` returns."""

    number: str
    path: Path
    expected: str
    imports: tuple[str, ...]


def _rows(name: str) -> list[dict[str, str]]:
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _imported(path: Path) -> tuple[str, ...]:
    """Return the modules that a program imports, wherever the statement stands."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found[node.module] = None
    return tuple(found)


def _expected(path: Path) -> str:
    match = re.search(r"^# expected: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert match is not None, path
    return match[1].strip()


DENY: Final = tuple(
    Deny(
        number=row["id"],
        path=CORPUS / "deny" / row["file"],
        kind=row["class"],
        layer=row["layer"],
        evidence=row["evidence"],
        action=row["host_action"],
        imports=() if row["imports"] == "-" else tuple(row["imports"].split(",")),
        needs=row["needs"],
        stoppable=row["stoppable_in_process"] == "yes",
    )
    for row in _rows("MANIFEST.tsv")
)

ALLOW: Final = tuple(
    Allow(row["id"], path := CORPUS / "allow" / row["file"], _expected(path), _imported(path))
    for row in _rows("ALLOW_MANIFEST.tsv")
)


def packages_of(name: str) -> list[str]:
    """Return a dotted name and the packages above it, outermost first."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
