"""How permissions are written as text: escaping, quoting, and names of types.

The text form ``("FilePermission" "/x" "read,write")`` is read by people, written to logs and parsed back.
The names in it are often chosen by the code that is being judged.
"""

# Problem.  A guest picks the file name that a denial shows.  With a quote in it, it could forge the rest of the text;
# with a newline, a line of a log; with an escape sequence or a bidirectional mark, what a terminal displays; with a
# lone surrogate (a file name that is not UTF-8), it makes the log's encoder fail.
#
# Idea.  Everything that is not printable is written as an escape, and so are the quote and the backslash.  The
# escapes are Python's, a fixed few of them, so that the text parses back to the very same name.
#
# What this does not do: cut long texts.  A cut text does not parse back; whoever puts it in front of a person cuts it.

from __future__ import annotations

import re
from typing import Final

__all__ = ["escape", "quote", "shorten", "type_name", "unescape"]

_LONGEST_IN_MESSAGE: Final = 120

_ESCAPE: Final = re.compile(
    r"""\\(?: ([\\"]) | x([0-9a-f]{2}) | u([0-9a-f]{4}) | U([0-9a-f]{8}) | (.?) )""", re.VERBOSE | re.DOTALL
)

# Read through the descriptor of `type` itself: `cls.__name__` would ask the metaclass, which may be a guest's.
_name_of_type: Final = type.__dict__["__name__"].__get__


def escape(text: str) -> str:
    r"""Write ``text`` without control characters, quotes or lone surrogates.

    Args:
        text: Any exact ``str``.

    Returns:
        ``text`` itself where that is possible; otherwise with ``\"``, ``\\``, ``\xNN``, ``\uNNNN`` and ``\UNNNNNNNN``
        in place of the characters that need it.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join([_escape_character(character) for character in text])


def quote(text: str) -> str:
    """Write ``text`` escaped and between double quotes."""
    return f'"{escape(text)}"'


def unescape(text: str) -> str:
    """Undo `escape`.

    Args:
        text: What stood between the quotes.

    Raises:
        ValueError: A backslash is followed by something that `escape` does not write.
    """
    return _ESCAPE.sub(_unescape_match, text) if "\\" in text else text


def shorten(text: str) -> str:
    """Quote ``text`` for an error message: escaped, and cut where it is long.  Does not parse back."""
    if len(text) > _LONGEST_IN_MESSAGE:
        return quote(text[:_LONGEST_IN_MESSAGE]) + "..."
    return quote(text)


def type_name(value: object) -> str:
    """Name the type of ``value`` without running any code of it or of its metaclass."""
    name: str = _name_of_type(type(value))
    return escape(name[:_LONGEST_IN_MESSAGE])


def _escape_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004  # two hexadecimal digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  # four of them


def _unescape_match(match: re.Match[str]) -> str:
    plain, *codes, bad = match.groups()
    if plain is not None:
        return str(plain)
    for code in codes:
        if code is not None:
            return chr(int(code, 16))
    message = (
        f"unknown escape, a backslash and {shorten(str(bad))}; "
        "write a backslash, a quote, xNN, uNNNN or UNNNNNNNN behind a backslash"
    )
    raise ValueError(message)
