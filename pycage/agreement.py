"""Agreement: everybody on a stack is asked, and what their agreeing costs is taken.

The slow way of a decision: `access` comes here when something on the stack does not simply hold a permission for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pycage.contexts import principals
from pycage.denials import chain_of_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pycage.contexts import AccessControlContext
    from pycage.domains import ProtectionDomain, Wanted
    from pycage.grants import Grant
    from pycage.permissions import Permission
    from pycage.policy import Policy

__all__ = ["Passed", "agree"]


# A domain that does not agree, and what it lacks; but it is only on trial.
Passed: TypeAlias = "tuple[ProtectionDomain, Wanted, str]"


def agree(wanted: Wanted, context: AccessControlContext, passed: list[Passed]) -> tuple[ProtectionDomain | None, str]:
    """Return the domain that refuses ``wanted``, and why if that is more than a missing permission; or None.

    What is let pass by the mode of a domain is added to ``passed``, with the reason.  Nobody is asked, and no use is
    taken, if another domain refuses anyway.  Answers take time: after each, everything is weighed anew.
    """
    excused: dict[ProtectionDomain, tuple[Sequence[Permission], ...]] = {}
    try:
        while True:
            passed.clear()
            to_ask, refusing, uses = _weigh(wanted, context, excused, passed)
            if refusing is not None:
                return refusing, ""
            if to_ask is not None:
                domain, lacking = to_ask
                refusal = (
                    "nobody is asked" if domain._asker is None else domain._asker.ask(domain, lacking, chain_of_stack)
                )
                if refusal is not None:
                    return domain, refusal
                excused[domain] = lacking
            elif _take(uses):
                return None, ""
    finally:
        for policy in {domain._policy: None for domain in context._asked(wanted)}:
            if policy is not None:
                policy.deliver()


def _weigh(
    wanted: Wanted,
    context: AccessControlContext,
    excused: dict[ProtectionDomain, tuple[Sequence[Permission], ...]],
    passed: list[Passed],
) -> tuple[
    tuple[ProtectionDomain, tuple[Sequence[Permission], ...]] | None,
    ProtectionDomain | None,
    dict[Policy, dict[Grant, None]],
]:
    """Return whom to ask about what, who refuses for good, and the uses that it costs if neither is the case."""
    whom = principals.get()
    to_ask: tuple[ProtectionDomain, tuple[Sequence[Permission], ...]] | None = None
    uses: dict[Policy, dict[Grant, None]] = {}
    for domain in context._asked(wanted):
        weight = domain.weigh(wanted, whom)
        if domain._recorder is not None and domain._recorder.record(domain, wanted, weight, chain_of_stack):
            continue
        if weight.lacking and not weight.denied and domain in excused:
            # What was answered is settled; the other parts may still cost a use.
            weight = domain.weigh([part for part in wanted if part not in excused[domain]], whom)
        if weight.allowed:
            if weight.uses and domain._policy is not None:
                uses.setdefault(domain._policy, {}).update(dict.fromkeys(weight.uses))
            on_trial = domain.on_trial(wanted, whom)
            if on_trial:
                passed.append((domain, on_trial, "the policy on trial does not grant it"))
        elif domain.lets_pass(weight.lacking):
            passed.append((domain, weight.lacking, "in audit mode"))
        elif weight.denied or domain._asker is None or domain in excused:
            return None, domain, {}  # if excused: something was taken away while the question was answered
        else:
            to_ask = to_ask or (domain, weight.lacking)
    return to_ask, None, uses


def _take(uses: dict[Policy, dict[Grant, None]]) -> bool:
    taken: list[Grant] = []
    for policy, grants in uses.items():
        if not policy.take(tuple(grants)):
            for grant in taken:
                if grant.uses is not None:
                    grant.uses.give_back()
            return False
        taken += grants
    return True
