"""The import rules of a profile as the loader policy of a sandbox, which a reload can replace."""

from __future__ import annotations

from typing import final

from pycage import _core
from pycage.imports.rules import LoaderPolicy, rules
from pycage.imports.vetted import VettedPolicy

__all__ = ["LiveRules", "host_rules", "own_rules"]


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


def host_rules(lines: tuple[str, ...], default: str) -> LoaderPolicy:
    """Return the policy about modules of the host."""
    return _VettedWithRules(lines) if default == "vetted" else rules(*lines, default=default)


def own_rules(lines: tuple[str, ...]) -> LoaderPolicy:
    """Return the policy about the sandbox's own modules: without a rule, all that its resolver finds."""
    return rules(*lines, default="deny" if lines else "allow")


@final
@_core.seal
class LiveRules:
    """A loader policy that stands for another one, which can be replaced; asked on every import."""

    __slots__ = ("_current",)

    def __init__(self, current: LoaderPolicy) -> None:
        """Stand for ``current``."""
        self._current = current

    def replace(self, policy: LoaderPolicy) -> None:
        """Stand for ``policy`` from now on."""
        self._current = policy

    def allows_module(self, name: str, /) -> bool:
        """Say what the policy says that this stands for."""
        return self._current.allows_module(name)

    def allows_resource(self, name: str, /) -> bool:
        """Say what the policy says that this stands for."""
        return self._current.allows_resource(name)

    def explain(self, name: str, /) -> str:
        """Say why, if that policy does."""
        explain = getattr(self._current, "explain", None)
        return str(explain(name)) if explain is not None else "decided by the policy file"
