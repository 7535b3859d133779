"""``xml.parsers.expat`` for a sandbox."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING
from xml.parsers import expat

from pycage.language import _guards

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]

# `parser.StartElementHandler = f`.  A parser is what a sandbox made with ParserCreate(); handing it one of the host's
# is handing it what the parser reads.  And an error gets its place after it was made.
_guards.add_safe_type(expat.XMLParserType)
_guards.add_safe_type(expat.ExpatError)


def make(_tools: Tools) -> dict[str, object]:
    """Return the constants as namespaces: modules that were not asked for are not handed out."""
    return {name: types.SimpleNamespace(**_constants(name)) for name in ("errors", "model")}


def _constants(name: str) -> dict[str, object]:
    constants = vars(getattr(expat, name)).items()
    return {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in constants
        if type(value) in (int, str, dict) and not key.startswith("__")
    }
