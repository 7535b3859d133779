"""``sysconfig`` for a sandbox: how this Python was built is not told, as if nobody knew."""

from __future__ import annotations

import sys
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycage.imports.tools import Tools

__all__ = ["make"]


def make(_tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    def get_config_var(_name: object) -> None:
        """Return ``None``: not known."""
        return

    def get_config_vars(*names: object) -> object:
        """Return nothing known, as the real one does for names that it does not have."""
        return [None for _ in names] if names else {}

    def get_platform() -> str:
        """Return the name of the system, which ``sys.platform`` says too."""
        return sys.platform

    return {
        "get_config_var": get_config_var,
        "get_config_vars": get_config_vars,
        "get_platform": get_platform,
        "get_python_version": sysconfig.get_python_version,
    }
