"""How the parts of the import system call what runs with the host's privilege."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AsHost"]

_T = TypeVar("_T")


class AsHost(Protocol):
    """Calls a function with the host's privilege and returns its result, such as ``pycage._core.do_privileged``."""

    def __call__(self, action: Callable[[], _T], /) -> _T:
        """Call it."""
        ...
