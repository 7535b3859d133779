"""On which line a key of a TOML file stands.  For messages: tomllib does not tell."""

# The text has been read by tomllib already, so it is valid; this reader only finds its way through it.  It recognises
# strings, brackets and comments, and takes everything else as it comes.

from __future__ import annotations

import re
from typing import Final, TypeAlias

__all__ = ["Key", "positions"]

Key: TypeAlias = "tuple[str | int, ...]"

_STRING: Final = re.compile(
    r"""
      "{3}(?:[^\\]|\\.)*?"{3,5}   # multi-line, with escapes
    | '{3}.*?'{3,5}              # multi-line, as it is
    | "(?:[^"\\\n]|\\.)*"
    | '[^'\n]*'
    """,
    re.DOTALL | re.VERBOSE,
)
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN: Final = re.compile(r"[^,\]\}#\n]*")


def positions(text: str) -> dict[Key, int]:
    """Return the line, counted from 1, of every table, key and array element of a valid TOML text."""
    reader = _Reader(text)
    reader.read()
    return reader.lines


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._counted = (0, 1)
        self._arrays: dict[Key, int] = {}
        self.lines: dict[Key, int] = {}

    def read(self) -> None:
        table: Key = ()
        self._skip()
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def _header(self) -> Key:
        is_array = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if is_array else 1
        names = self._names()
        self._at += 2 if is_array else 1
        key: Key = ()
        for number, name in enumerate(names, 1):
            key = (*key, name)
            if is_array and number == len(names):
                self._arrays[key] = self._arrays.get(key, -1) + 1
                self.lines.setdefault(key, line)
            if key in self._arrays:  # a name below an array of tables means the last one of it
                key = (*key, self._arrays[key])
            self.lines.setdefault(key, line)
        return key

    def _pair(self, table: Key) -> None:
        line = self._line()
        key = table
        for name in self._names():
            key = (*key, name)
            self.lines.setdefault(key, line)
        self._at += 1  # the equals sign
        self._value(key)

    def _names(self) -> list[str]:
        """Read a dotted key."""
        names: list[str] = []
        while True:
            self._blanks()
            match = _STRING.match(self._text, self._at) or _BARE.match(self._text, self._at)
            if match is None:
                return names
            names.append(match[0][1:-1] if match[0][0] in "\"'" else match[0])
            self._at = match.end()
            self._blanks()
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, key: Key) -> None:
        self._skip()
        self.lines.setdefault(key, self._line())
        here = self._text[self._at : self._at + 1]
        if here == "[":
            self._sequence(key, "]")
        elif here == "{":
            self._sequence(key, "}")
        else:
            match = _STRING.match(self._text, self._at) or _PLAIN.match(self._text, self._at)
            self._at = len(self._text) if match is None else match.end()

    def _sequence(self, key: Key, end: str) -> None:
        """Read what stands in brackets: elements, or keys with values."""
        self._at += 1
        number = 0
        self._skip()
        while self._at < len(self._text) and self._text[self._at] != end:
            before = self._at
            if end == "]":
                self._value((*key, number))
                number += 1
            else:
                self._pair(key)
            self._skip()
            if self._text.startswith(",", self._at):
                self._at += 1
            self._skip()
            if self._at == before:
                break
        self._at += 1

    def _blanks(self) -> None:
        while self._text.startswith((" ", "\t"), self._at):
            self._at += 1

    def _skip(self) -> None:
        match = _BLANK.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _line(self) -> int:
        position, line = self._counted
        line += self._text.count("\n", position, self._at)
        self._counted = (self._at, line)
        return line
