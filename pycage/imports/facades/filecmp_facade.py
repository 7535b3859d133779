"""``filecmp`` for a sandbox: the real code with the sandbox's ``os`` and ``open``, and a cache of its own."""

from __future__ import annotations

import filecmp
from typing import TYPE_CHECKING

from pycage.imports.facades import os_facade
from pycage.imports.tools import twin

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    system = tools.part("os.for_twins", os_facade.for_twins)
    names = twin(filecmp, {"os": system, "open": tools.open, "_cache": {}})
    return {name: names[name] for name in ("clear_cache", "cmp", "cmpfiles")}
