"""A tokenizer and a log reader: matches, groups and replacements."""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(Enum):
    """What a token is."""

    NUMBER = r"\d+(?:\.\d*)?"
    NAME = r"[A-Za-z_]\w*"
    OPERATOR = r"==|<=|>=|!=|[-+*/%<>=(){};,]"
    NEWLINE = r"\n"
    SPACE = r"[ \t]+|\#[^\n]*"


class Token(NamedTuple):
    """A piece of source."""

    kind: Kind
    text: str
    line: int


class Tokenizer:
    """Cuts text into tokens."""

    pattern = re.compile("|".join(f"(?P<{kind.name}>{kind.value})" for kind in Kind))

    def __init__(self, text: str) -> None:
        self.text = text
        self.line = 1

    def __iter__(self) -> Iterator[Token]:
        for match in self.pattern.finditer(self.text):
            kind = Kind[match.lastgroup]
            if kind is Kind.NEWLINE:
                self.line += 1
            elif kind is not Kind.SPACE:
                yield Token(kind, match.group(), self.line)


LOG_LINE = re.compile(
    r"^(?P<host>\S+) \[(?P<day>\d{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4})\] "
    r'"(?P<method>[A-Z]+) (?P<path>\S+)" (?P<status>\d{3}) (?P<size>\d+|-)$',
    re.MULTILINE,
)


def program(size: int) -> str:
    """Make source to cut up."""
    return "".join(
        f"def f_{i}(a, b) {{ # {i} times\n    return (a + {i}.5) * b_{i} <= {i * 7} ;\n}}\n" for i in range(size)
    )


def log(size: int) -> str:
    """Make a log to read."""
    return "".join(
        f'10.0.{i % 7}.{i % 256} [{i % 28 + 1:02d}/Mar/2024] "{"GET" if i % 5 else "POST"} /page/{i % 13}.html?q={i}" '
        f"{200 + i % 3 * 102} {i * 37 if i % 4 else '-'}\n"
        for i in range(size)
    )


def run() -> tuple[object, ...]:
    """Return counts of what was found."""
    tokens = list(Tokenizer(program(1200)))
    kinds = Counter(token.kind.name for token in tokens)
    sizes: Counter[str] = Counter()
    for match in LOG_LINE.finditer(log(12_000)):
        if match["size"] != "-":
            sizes[match["path"].partition("?")[0]] += int(match["size"])
    hidden, number = re.subn(r"\b(\d+)\.(\d+)\.\d+\.\d+\b", lambda match: f"{match[1]}.{match[2]}.*.*", log(12_000))
    return sorted(kinds.items()), tokens[-1].line, sizes.most_common(2), number, len(hidden)
