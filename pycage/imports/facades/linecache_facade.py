"""``linecache`` for a sandbox: lines that it put there itself.  The real one reads any file, for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]

_LINES = 2  # an entry is (size, time of change, lines, full name)


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    cache: dict[object, object] = {}

    def getlines(filename: object, _module_globals: object = None) -> list[str]:
        """Return the lines that the sandbox stored for a name."""
        entry = cache.get(filename)
        if type(entry) is tuple and len(entry) > _LINES and type(entry[_LINES]) is list:
            return [line for line in entry[_LINES] if type(line) is str]
        return []

    def getline(filename: object, lineno: int, _module_globals: object = None) -> str:
        """Return one of these lines, or an empty text."""
        lines = getlines(filename)
        return lines[lineno - 1] if type(lineno) is int and 0 < lineno <= len(lines) else ""

    def clearcache() -> None:
        """Forget them."""
        cache.clear()

    def checkcache(_filename: object = None) -> None:
        """Do nothing: there are no files behind the lines."""

    def lazycache(_filename: object, _module_globals: object) -> bool:
        """Say that there is nothing to read."""
        return False

    return {
        "cache": cache,
        "checkcache": checkcache,
        "clearcache": clearcache,
        "getline": getline,
        "getlines": getlines,
        "lazycache": lazycache,
    }
