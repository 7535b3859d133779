"""``collections`` for a sandbox."""

from __future__ import annotations

import collections
import sys
from typing import TYPE_CHECKING

from pycage.errors import AccessDenied
from pycage.imports.tools import exact_name
from pycage.language.names import NEVER, classify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def namedtuple(
        typename: str,
        field_names: str | Iterable[str],
        *,
        rename: bool = False,
        defaults: Iterable[object] | None = None,
        module: str | None = None,
    ) -> type:
        """``collections.namedtuple``, without fields named like attributes of frames and generators."""
        if module is None:
            module = exact_name(sys._getframe(1).f_globals.get("__name__")) or "sandbox"  # as the real one
        made = collections.namedtuple(typename, field_names, rename=rename, defaults=defaults, module=module)  # type: ignore[misc, arg-type]  # noqa: PYI024
        fields: tuple[str, ...] = made._fields
        if any(classify(field) == NEVER for field in fields):
            message = "a field of a named tuple cannot have the name of an attribute of frames or generators"
            raise AccessDenied(message)
        return made

    return {"namedtuple": namedtuple}
