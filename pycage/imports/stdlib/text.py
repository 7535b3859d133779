"""What is offered of the standard modules for text: strings, patterns, difference and layout."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        "_string": Offer("formatter_field_name_split formatter_parser"),
        # The base of html.parser, for copies of that.
        "_markupbase": Offer("ParserBase"),
        "difflib": Offer(
            "Differ HtmlDiff IS_CHARACTER_JUNK IS_LINE_JUNK Match SequenceMatcher context_diff diff_bytes "
            "get_close_matches ndiff restore unified_diff"
        ),
        "fnmatch": Offer(
            "filterfalse",
            made="filter fnmatch fnmatchcase translate",
            why="its patterns are kept in a cache of the process, by what says that it is equal",
        ),
        "pprint": Offer(copied="*", why="prints"),
        "re": Offer(
            "A ASCII DOTALL I IGNORECASE L LOCALE M MULTILINE Match NOFLAG Pattern PatternError RegexFlag S U UNICODE "
            "VERBOSE X error escape Scanner",
            made="compile findall finditer fullmatch match search split sub subn",
            withheld={GLOBAL_STATE: "purge", "deprecated": "template TEMPLATE T"},
            why="its patterns are kept in a cache of the process, by what says that it is equal",
        ),
        "reprlib": Offer("Repr recursive_repr repr", withheld={GLOBAL_STATE: "aRepr"}),
        "shlex": Offer(copied="*", why="opens files"),
        "string": Offer(
            "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable "
            "punctuation whitespace",
            copied="Formatter Template",  # one reads attributes by name, the other compiles for the cache of re
            why="Formatter reads attributes by name, Template compiles patterns with the flags of a guest's class",
        ),
        "stringprep": Offer(copied="*", why="not a name of it is declared"),
        "textwrap": Offer("TextWrapper dedent fill indent shorten wrap"),
        "unicodedata": Offer(
            "UCD bidirectional category combining decimal decomposition digit east_asian_width is_normalized lookup "
            "mirrored name normalize numeric ucd_3_2_0 unidata_version"
        ),
    }
)
