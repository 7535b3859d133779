"""What is offered of the standard modules for text: strings, patterns, difference and layout."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, OPENS_FILES, READS_ATTRIBUTES, STANDARD_OUTPUT, Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        "difflib": Offer(
            "Differ HtmlDiff IS_CHARACTER_JUNK IS_LINE_JUNK Match SequenceMatcher context_diff diff_bytes "
            "get_close_matches ndiff restore unified_diff"
        ),
        "fnmatch": Offer("filterfalse", made="filter fnmatch fnmatchcase translate"),
        "pprint": Offer(
            "isreadable isrecursive pformat saferepr",
            withheld={STANDARD_OUTPUT: "pp pprint", "holds the host's standard output": "PrettyPrinter"},
        ),
        "re": Offer(
            "A ASCII DOTALL I IGNORECASE L LOCALE M MULTILINE Match NOFLAG Pattern PatternError RegexFlag S U UNICODE "
            "VERBOSE X error escape",
            made="compile findall finditer fullmatch match search split sub subn",
            withheld={GLOBAL_STATE: "purge", "deprecated": "template TEMPLATE T"},
        ),
        "reprlib": Offer("Repr recursive_repr repr", withheld={GLOBAL_STATE: "aRepr"}),
        "shlex": Offer("join quote split", withheld={OPENS_FILES: "shlex"}),
        "string": Offer(
            "Template ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable "
            "punctuation whitespace",
            withheld={READS_ATTRIBUTES: "Formatter"},
        ),
        "textwrap": Offer("TextWrapper dedent fill indent shorten wrap"),
        "unicodedata": Offer(
            "UCD bidirectional category combining decimal decomposition digit east_asian_width is_normalized lookup "
            "mirrored name normalize numeric ucd_3_2_0 unidata_version"
        ),
    }
)
