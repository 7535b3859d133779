"""What commands print: plain text, JSON for programs, and tables where a person looks and ``rich`` is there."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

from pycage.records import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Sized

__all__ = ["Console"]

# Styles of rich by what a line is about.
_STYLES: Final = {"error": "bold red", "warning": "yellow", "note": "cyan", "good": "green", "quiet": "dim"}


class Console:
    """Standard output for results, standard error for what is said beside them.

    Text that is not pycage's own is shown without control characters, and never read as markup.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        """Print for people, or JSON."""
        self.as_json = as_json
        self._rich: dict[TextIO, Any] = {}

    # ---- Results ----

    def json(self, value: object, stream: TextIO | None = None) -> None:
        """Print one line of JSON."""
        print(json.dumps(value, ensure_ascii=True), file=stream or sys.stdout, flush=True)

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line of a result."""
        self._print(text, style, sys.stdout)

    def raw(self, text: str) -> None:
        """Print a result as it is: what a program or a file gets."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], styles: Iterable[str] = ()) -> None:
        """Print rows below heads; ``styles`` has one for each row."""
        shown = [[short(cell, 2000) for cell in row] for row in rows]
        rich = self._rich_for(sys.stdout)
        if rich is None:
            _plain_table(heads, shown)
            return
        from rich.table import Table  # noqa: PLC0415  # an extra
        from rich.text import Text  # noqa: PLC0415  # as above

        table = Table(*heads, box=None, pad_edge=False)
        kinds = [*styles, *[""] * len(shown)]
        for row, kind in zip(shown, kinds, strict=False):
            table.add_row(*(Text(cell, style=_STYLES.get(kind, "")) for cell in row))
        rich.print(table)

    # ---- Beside them ----

    def say(self, text: str, style: str = "") -> None:
        """Print a line to standard error."""
        self._print(text, style, sys.stderr)

    def progress(self, items: Iterable[Any], what: str, total: Sized | None = None) -> Iterator[Any]:
        """Iterate, and show how far it is, where somebody looks."""
        # On the terminal that results are printed on, if it is one, so that they stand above it.
        rich = self._rich_for(sys.stdout) or self._rich_for(sys.stderr)
        if rich is None or self.as_json:
            yield from items
            return
        from rich.progress import track  # noqa: PLC0415  # an extra

        count = None if total is None else len(total)
        yield from track(items, what, total=count, console=rich, transient=True)

    # ---- How ----

    def _print(self, text: str, style: str, stream: TextIO) -> None:
        shown = "\n".join(short(line, 4000) for line in text.split("\n"))
        rich = self._rich_for(stream) if style else None
        if rich is None:
            print(shown, file=stream, flush=True)
        else:
            rich.print(shown, style=_STYLES.get(style, ""), markup=False, highlight=False, soft_wrap=True)

    def _rich_for(self, stream: TextIO) -> Any:
        """Return rich's console for a terminal; None for a file, with NO_COLOR, or without rich.

        Source: https://no-color.org
        """
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
            return None
        if stream not in self._rich:
            try:
                from rich.console import Console as RichConsole  # noqa: PLC0415  # an extra
            except ImportError:
                self._rich[stream] = None
            else:
                self._rich[stream] = RichConsole(file=stream)
        return self._rich[stream]


def _plain_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    sys.stdout.flush()
