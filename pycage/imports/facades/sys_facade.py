"""``sys`` for a sandbox."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    streams = {name: tools.streams.get(name, io.StringIO()) for name in ("stdout", "stderr")}
    return {"argv": [""], **streams}
