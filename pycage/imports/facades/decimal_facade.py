"""``decimal`` for a sandbox."""

from __future__ import annotations

import decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def getcontext() -> decimal.Context:
        """Return a copy of the current context: the real one is the thread's, which belongs to the host too."""
        return decimal.getcontext().copy()

    return {"getcontext": getcontext}
