"""``weakref`` for a sandbox: a callback runs with the context of who gave it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def proxy(object: Any, callback: Callable[..., object] | None = None, /) -> object:  # noqa: A002  # the real name
        """Create a proxy object that weakly references another object."""
        return weakref.proxy(object, None if callback is None else _guards.keep(callback))

    return {"proxy": proxy}
