"""The host loader policy of a sandbox that was given none: the part of the standard library that has a view."""

from __future__ import annotations

from typing import final

from pycage.imports.stdlib import OFFERS

__all__ = ["VettedPolicy"]


@final
class VettedPolicy:
    """Allows exactly the standard modules that ``stdlib.OFFERS`` lists, and no resources."""

    __slots__ = ()

    def allows_module(self, name: str, /) -> bool:
        """Say whether the module has a view."""
        return name in OFFERS

    def allows_resource(self, _name: str, /) -> bool:
        """Refuse."""
        return False

    def explain(self, name: str, /) -> str:
        """Say why."""
        listed = "is" if name in OFFERS else "is not"
        return f"{name} {listed} in the vetted part of the standard library; allow others with host_policy=rules(...)"
