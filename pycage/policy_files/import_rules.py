"""The import rules of a profile as the loader policy of a sandbox, which a reload can replace."""

from __future__ import annotations

from typing import final

from pycage import _core
from pycage.imports.rules import LoaderPolicy, rules
from pycage.imports.vetted import vetted

__all__ = ["LiveRules", "host_rules", "own_rules"]


def host_rules(lines: tuple[str, ...], default: str) -> LoaderPolicy:
    """Return the policy about modules of the host."""
    return vetted(*lines) if default == "vetted" else rules(*lines, default=default)


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
