"""Reports from templates: f-strings, str.format, join, translate, and objects with __str__."""

from __future__ import annotations

import io
import string
import textwrap


class Element:
    """Something that is written as markup."""

    def __init__(self, name: str, *children: object, **attributes: object) -> None:
        self.name = name
        self.children = list(children)
        self.attributes = attributes

    def add(self, *children: object) -> Element:
        """Put more into it."""
        self.children.extend(children)
        return self

    def __str__(self) -> str:
        attributes = "".join(f' {name}="{escape(str(value))}"' for name, value in self.attributes.items())
        inside = "".join(str(child) if isinstance(child, Element) else escape(str(child)) for child in self.children)
        return f"<{self.name}{attributes}>{inside}</{self.name}>"


class Row(Element):
    """A row of a table."""

    def __init__(self, *cells: object, odd: bool) -> None:
        super().__init__("tr", shade="dark" if odd else "light")
        for cell in cells:
            self.add(Element("td", cell))


class Writer:
    """Collects lines, and counts what it was given."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._lines = 0
        self._characters = 0

    def line(self, text: str) -> None:
        """Write one."""
        self._buffer.write(text)
        self._buffer.write("\n")
        self._lines += 1
        self._characters += len(text) + 1

    def result(self) -> str:
        """Return all of it."""
        if len(self._buffer.getvalue()) != self._characters:
            raise ValueError("miscounted")
        return self._buffer.getvalue()


ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
CIPHER = str.maketrans(string.ascii_lowercase, string.ascii_lowercase[13:] + string.ascii_lowercase[:13])


def escape(text: str) -> str:
    """Make text safe to stand in markup."""
    return text.translate(ESCAPES)


def table(size: int) -> str:
    """Write a table."""
    rows = [Row(i, f"{i / 7:.3f}", f"<{i:x}>", "a & b", odd=bool(i % 2)) for i in range(size)]
    return str(Element("table", *rows, width=100))


def report(size: int) -> str:
    """Write lines of all kinds."""
    writer = Writer()
    for i in range(size):
        writer.line("{:>6d} | {name:<12} | {share:7.2%}".format(i, name=f"item {i}", share=i / size))
        writer.line("%-10s=%5d" % ("value", i * i))  # noqa: UP031  it is measured
        writer.line(" ".join(word.capitalize() for word in f"the quick brown fox {i} jumps".split()))
        writer.line(("plain text " + str(i)).translate(CIPHER).upper().center(40, "."))
    return writer.result()


def run() -> tuple[int, int, int, str]:
    """Return lengths and a piece of the text."""
    markup = table(2500)
    lines = report(9000)
    filled = textwrap.fill(lines[:6000], width=60)
    return len(markup), len(lines), len(filled), lines[-60:].strip()
