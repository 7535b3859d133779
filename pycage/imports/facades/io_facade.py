"""``io`` for a sandbox: its own ``open``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    return {"open": tools.open}
