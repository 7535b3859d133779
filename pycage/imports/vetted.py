"""The host loader policy of a sandbox that was given none: the part of the standard library that has a view.

And the same with rules on top, for who wants one module more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pycage import _core
from pycage.imports.rules import rules
from pycage.imports.stdlib import OFFERS

if TYPE_CHECKING:
    from pycage.imports.rules import LoaderPolicy

__all__ = ["VettedPolicy", "vetted"]


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
        return f"{name} {listed} in the vetted part of the standard library; allow others with host_policy=vetted(...)"


def vetted(*lines: str) -> LoaderPolicy:
    """Return the host loader policy of a sandbox that is given none, with rules on top: the last that matches decides.

    `rules` alone starts from nothing: ``rules("allow numpy.*")`` is numpy, and no ``json``.

    Args:
        lines: As for `rules`.  A module of the host that is no part of the vetted ones is shared as it is, and trusted:
            a package that is to run inside the sandbox comes from its resolver.

    Raises:
        PolicyError: A line is not of the form of a rule.

    Example:
        >>> policy = pycage.vetted("allow tomli_w", "deny socket")
        >>> [policy.allows_module(name) for name in ("json", "tomli_w", "socket", "gc")]
        [True, True, False, False]
    """
    return _VettedWithRules(lines)


@final
@_core.seal
class _VettedWithRules:
    """The vetted part of the standard library, where no rule says otherwise."""

    __slots__ = ("_if_allowed", "_if_denied", "_vetted")

    def __init__(self, lines: tuple[str, ...]) -> None:
        # Where the default does not matter, a rule has decided.
        self._if_denied = rules(*lines, default="deny")
        self._if_allowed = rules(*lines, default="allow")
        self._vetted = VettedPolicy()

    def allows_module(self, name: str, /) -> bool:
        """Say what the rules say, or else whether the module is vetted."""
        decided = self._if_denied.allows_module(name)
        return decided if decided == self._if_allowed.allows_module(name) else self._vetted.allows_module(name)

    def allows_resource(self, name: str, /) -> bool:
        """Say what the rules say; nothing is vetted."""
        return self._if_denied.allows_resource(name)

    def explain(self, name: str, /) -> str:
        """Say which of the two decides, and why."""
        by_rule = self._if_denied.allows_module(name) == self._if_allowed.allows_module(name)
        return self._if_denied.explain(name) if by_rule else self._vetted.explain(name)
