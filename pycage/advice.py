"""Advice: what would allow a request that was refused, in one line.

Two lines, in fact: one for who asked, which speaks only of what was asked for, and one for the host, which is exact.
They differ where a path leads elsewhere, or where a host name stands for addresses.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pycage import contexts
from pycage.records import LONGEST
from pycage.rulings import denying

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pycage.contexts import AccessControlContext
    from pycage.domains import ProtectionDomain, Wanted
    from pycage.grants import Weight
    from pycage.permissions import Permission
    from pycage.records import ChainEntry

__all__ = ["advise", "grant_of", "lender_in"]

# Functions of the interpreter's own library lend nothing, nor do those of pycage_native: nobody edits them.
_LIBRARY: Final = (os.path.dirname(os.__file__) + os.sep, "<frozen ")  # noqa: PTH120  text, as in a code object
_NATIVE: Final = __file__.removesuffix(f"{os.sep}advice.py") + "_native" + os.sep
_PACKAGES: Final = os.sep + "site-packages" + os.sep


def advise(
    shown: Permission,
    refusing: ProtectionDomain,
    weight: Weight,
    wanted: Wanted,
    *,
    context: AccessControlContext,
    chain: Sequence[ChainEntry],
) -> tuple[str, str]:
    """Return what would allow it, for who asked and for the host.

    Args:
        shown: What was asked for, as it was asked.
        refusing: Who does not agree.
        weight: Why not.
        wanted: What was asked for, as it is judged.
        context: All who were asked.
        chain: The stack, newest first.
    """
    if refusing is contexts.HOST:
        text = "to allow it: give it to the host's own code with Sandboxes.get().set_default_permissions(...)"
        return text, text
    if refusing._policy is None:
        text = "nobody asks: work that runs later is allowed what its context is, get_context().bind(...)"
        return text, text
    if refusing.closed:
        text = f"nothing would allow it: {refusing.label} is closed"
        return text, text
    lacking = weight.lacking or wanted
    lend = _lending(refusing, wanted, context, chain)
    if weight.denied:
        rule = denying(refusing.rules, refusing.code_source, [one for part in lacking for one in part])
        text = "no grant would allow it: a denial forbids it"
        return text + lend, f"{text}: {rule}{lend}"
    helps = any(shown in part for part in lacking)
    told = grant_of(refusing, [shown]) if helps else "to allow it: grant what the name leads to, which the host is told"
    return told + lend, grant_of(refusing, [part[0] for part in lacking]) + lend


def grant_of(domain: ProtectionDomain, permissions: Iterable[Permission]) -> str:
    """Return the call that grants ``permissions`` to a domain."""
    wanted = list(permissions)
    if any(len(one.name) > LONGEST for one in wanted):
        return f"to allow it: {domain.handle}.grant(error.permission)"
    return f"to allow it: {domain.handle}.grant({', '.join(map(repr, wanted))})"


def lender_in(chain: Sequence[ChainEntry], label: str) -> ChainEntry | None:
    """Return the function that code of a domain called, and that then did what was refused; None: it did it itself.

    Args:
        chain: The stack, newest first.
        label: The domain that refuses.
    """
    called: ChainEntry | None = None
    for entry in chain:
        if entry.domain == label:
            break
        called = entry
    else:
        return None
    if (
        called is None
        or called.file.startswith(_NATIVE)
        or (called.file.startswith(_LIBRARY) and _PACKAGES not in called.file)
    ):
        return None
    return called


def _lending(
    refusing: ProtectionDomain, wanted: Wanted, context: AccessControlContext, chain: Sequence[ChainEntry]
) -> str:
    """Return that a missing `do_privileged` is the reason, if it is: whoever was called could lend it."""
    lender = lender_in(chain, refusing.label)
    if lender is None:
        return ""
    whom = contexts.principals.get()
    domains = [domain for domain in (*context._asked(wanted), contexts.HOST) if domain.label == lender.domain]
    if not any(domain.weigh(wanted, whom).allowed for domain in domains):
        return ""
    if lender.privileged:
        return f", or to what {lender.function} lends with do_privileged, whose limit does not cover it"
    return f", or do_privileged in {lender.domain} function {lender.function}, which does it for {refusing.label}"
