"""``contextlib`` for a sandbox."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, final

from pycage.errors import ImportDenied
from pycage.language import _guards

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def contextmanager(func: Callable[..., Iterator[object]]) -> object:
        """Make a context manager of a generator function."""
        return contextlib.contextmanager(_guards.keep(func))

    def asynccontextmanager(func: Callable[..., AsyncIterator[object]]) -> object:
        """Make an asynchronous context manager of an asynchronous generator function."""
        return contextlib.asynccontextmanager(_guards.keep(func))

    return {"asynccontextmanager": asynccontextmanager, "contextmanager": contextmanager, "suppress": suppress}


@final
class suppress(contextlib.suppress):  # noqa: N801  # the name it stands for
    """``contextlib.suppress``, to which a denied import is an ImportError, as it is to an except clause."""

    def __init__(self, *exceptions: type[BaseException]) -> None:
        import_error = any(one is ImportError or one is ModuleNotFoundError for one in exceptions)
        super().__init__(*exceptions, *([ImportDenied] if import_error else []))
