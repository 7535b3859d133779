"""Rulings: which lines of a policy decided, in words, found when somebody wants to read it.

Nothing here decides: the policy has given the answer already.  This finds the lines that it can be put down to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pycage.records import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pycage.codesource import CodeSource
    from pycage.grants import Grant, Rules
    from pycage.permissions import Permission

__all__ = ["NO_GRANT", "denying", "granting", "text_of"]

_MOST: Final = 16  # of those that only allow something together
NO_GRANT: Final = "no grant"
DEFAULT: Final = "default permissions of the host"


def text_of(rule: Grant) -> str:
    """Return a line of a policy in words, such as ``grant FilePermission("/srv/-", "read")``, and its tag."""
    whom = (
        f" for {short(', '.join(sorted(principal.name for principal in rule.principals)))}" if rule.principals else ""
    )
    # Sandboxed code chooses the tags of what it hands on.
    tag = f" ({short(rule.tag)})" if rule.tag else ""
    return f"{'deny' if rule.denied else 'grant'} {short(repr(rule.permission))}{whom}{tag}"


def granting(rules: Rules, source: CodeSource, spellings: Sequence[Permission]) -> str | None:
    """Return the grant to ``source`` that allows one of ``spellings``, or those that do together, or None."""
    if not isinstance(rules, tuple):
        return DEFAULT
    mine = [rule for rule in rules if not rule.denied and rule.source.implies(source)]
    for one in spellings:
        for rule in mine:
            if rule.permission.implies(one):
                return text_of(rule)
    together = [rule for rule in mine if any(rule.permission.overlaps(one) for one in spellings)]
    more = [f"and {len(together) - _MOST} more"] if len(together) > _MOST else []
    return "; ".join([*map(text_of, together[:_MOST]), *more]) or None


def denying(rules: Rules, source: CodeSource, spellings: Sequence[Permission]) -> str:
    """Return the denial that forbids one of ``spellings`` to ``source``, or that there is no grant."""
    if not isinstance(rules, tuple):
        return DEFAULT
    for rule in rules:
        if rule.denied and rule.source.implies(source) and any(rule.permission.overlaps(one) for one in spellings):
            return text_of(rule)
    return NO_GRANT
