"""``zipimport`` for a sandbox: a type that nothing is of."""

from __future__ import annotations

import zipimport
from typing import TYPE_CHECKING, NoReturn, final

from pycage.errors import AccessDenied

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


@final
class zipimporter:  # noqa: N801  # the name it stands for
    """Programs ask whether their loader is one.  It never is."""

    __slots__ = ()

    def __init__(self, *_arguments: object) -> None:
        message = "access denied: archives are not imported from in a sandbox; they are a matter of its resolver"
        raise AccessDenied(message)

    def __init_subclass__(cls) -> NoReturn:
        message = "no class can be derived from zipimporter"
        raise TypeError(message)


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""
    return {"zipimporter": zipimporter, "ZipImportError": zipimport.ZipImportError}
