"""``random`` for a sandbox: a generator of its own."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from pycage.imports.stdlib import OFFERS

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    source = random.Random()  # noqa: S311  # it stands for the module random
    # networkx takes it for the module: it is the generator that these are the methods of.
    methods = {name: getattr(source, name) for name in OFFERS["random"].made if hasattr(source, name)}
    return {**methods, "_inst": source}
