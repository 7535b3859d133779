"""Explanations: who is asked about a permission, what each answers, and which rules of the policy that comes from.

An explanation asks exactly what a check asks (`AccessControlContext.asked` and `ProtectionDomain.weigh`), so it cannot
come to another answer.  It is for the host: it shows the policy.
"""

# Problem.  "Access denied" is not an answer to "but I granted it".  The grant may be for another name, a denial may
# forbid it, a link may lead elsewhere, or it may be somebody else on the stack who lacks it.
#
# Things that do not work:
#
# - A second implementation that reports more: sooner or later it says something else than the check does.
# - To repeat the failed operation with a debugger's flag: what failed must be told afterwards, too, from its record.
#
# Idea.  `explain` asks now, with the stack that there is and the sandbox on top of it.  `explain_decision` reads a
# record, also one from a file.  Both give the same kind of text.
#
# What still fails.  A grant for a number of uses may be gone when the check comes; who is asked on request answers
# only then.

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from pycage import contexts
from pycage.access import check_permission, require_permissions
from pycage.advice import advise, lender_in
from pycage.contexts import context_of_domain, get_context, merge
from pycage.events import EventRefused, read
from pycage.file_arguments import file
from pycage.paths import Links
from pycage.permissions import FilePermission, Permission, SecurityPermission, parse
from pycage.records import ChainEntry, Decision, Outcome, recorded_chain, short
from pycage.rulings import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pycage.domains import Principal, ProtectionDomain, Wanted
    from pycage.grants import Grant

__all__ = ["Asked", "Consulted", "Explanation", "explain", "explain_decision"]

_READS_POLICY: Final = SecurityPermission("getPolicy")
_MOST_RULES: Final = 20


class _Caged(Protocol):
    """What `explain` needs of a sandbox."""

    @property
    def _domain(self) -> ProtectionDomain: ...


@attrs.frozen
class Consulted:
    """One rule of a policy, and what it had to say.

    Attributes:
        rule: The rule as text, such as ``grant FilePermission("/srv/-", "read")``.
        effect: ``"allows"``, ``"forbids"``, ``"allows a part"``, ``"has ended"`` or ``"does not reach it"``.

    >>> pycage.explanations.Consulted('grant RuntimePermission("x")', "allows")
    Consulted(rule='grant RuntimePermission("x")', effect='allows')
    """

    rule: str
    effect: str


@attrs.frozen
class Asked:
    """One domain that had to agree.

    Attributes:
        domain: Its label.
        outcome: What it answered.
        lacks: What it lacks, in the text form of permissions.
        rules: The rules that were consulted: those that decided, and those that came near.

    >>> pycage.explanations.Asked("host", "granted").lacks
    ()
    """

    domain: str
    outcome: Outcome
    lacks: tuple[str, ...] = ()
    rules: tuple[Consulted, ...] = ()


@attrs.frozen
class Explanation:
    """Why something is granted or denied; ``str()`` is the text for people, `as_dict` the data for programs.

    Attributes:
        permission: What was asked for, in text form.
        outcome: The answer.
        domain: Who does not agree, nearest to the call; None if all do.
        chain: The stack, newest first.
        asked: Who had to agree, in the order in which they are asked; empty if it comes from a record.
        advice: What would allow it; empty if it is allowed.
        reason: Further words of a record.

    >>> with pycage.Sandbox("curious") as sandbox:
    ...     explanation = sandbox.explain(pycage.EnvPermission("HOME", "read"))
    >>> explanation.outcome, explanation.domain, explanation.advice
    ('denied', 'sandbox "curious"', 'to allow it: sandbox.grant(EnvPermission("HOME", "read"))')
    """

    permission: str
    outcome: Outcome
    domain: str | None
    chain: tuple[ChainEntry, ...]
    asked: tuple[Asked, ...] = ()
    advice: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return all of it as plain data."""
        chain = [entry._asdict() for entry in self.chain]
        return {
            **attrs.asdict(self, filter=lambda field, _value: field.name != "chain"),
            "chain": chain,
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        who = "" if self.domain is None else f": {self.domain} lacks it"
        yield f"{self.permission}: {self.outcome}{who}{f' ({self.reason})' if self.reason else ''}"
        if self.chain:
            yield "the stack, newest first:"
            yield from _drawn(self.chain, self.domain)
        if self.asked:
            yield "who was asked:"
        for one in self.asked:
            yield f"  {one.domain}: {one.outcome}{', lacks ' + ' and '.join(one.lacks) if one.lacks else ''}"
            width = max((len(rule.rule) for rule in one.rules), default=0)
            for rule in one.rules:
                yield f"      {rule.rule:{min(width, 90)}}  {rule.effect}"
        if self.advice:
            yield self.advice


def _drawn(chain: tuple[ChainEntry, ...], lacking: str | None) -> Iterator[str]:
    width = max(len(entry.domain) for entry in chain)
    marked = False
    for entry in chain:
        mark = ""
        if entry.domain == lacking and not marked and not entry.file.startswith("<pycage"):
            mark, marked = "  <- lacks it", True
        if entry.privileged:
            mark += "  lends what it may do (do_privileged): callers below it are not asked about that"
        where = f" ({entry.file}:{entry.line})" if entry.file else ""
        yield f"  {entry.domain:{width}}  {entry.function}{where}{mark}"


# ---- Now -------------------------------------------------------------------------------------------------------------


def explain(sandbox: _Caged, permission: Permission) -> Explanation:
    """Explain what a check of ``permission`` would come to, made by code of ``sandbox`` that is called from here.

    Nothing is recorded, nobody is asked on request, and no use of a grant is taken.  A path is followed through links,
    as opening the file would.

    Raises:
        AccessDenied: A caller lacks ``SecurityPermission("getPolicy")``: an explanation shows the policy.
        TypeError: ``permission`` is not of a registered type.

    >>> with pycage.Sandbox("curious", permissions=[pycage.RuntimePermission("x")]) as sandbox:
    ...     explanation = pycage.explanations.explain(sandbox, pycage.RuntimePermission("x"))
    >>> [(one.domain, one.outcome) for one in explanation.asked], explanation.asked[0].rules[0].effect
    ([('sandbox "curious"', 'granted'), ('host', 'granted')], 'allows')
    """
    check_permission(_READS_POLICY)
    require_permissions((permission,))
    domain = sandbox._domain
    wanted = _wanted(permission)
    context = merge(context_of_domain(domain), get_context(), context_of_domain(contexts.HOST))
    chain = (ChainEntry(domain.label, "(code of it that asks)", "", 0), *recorded_chain())
    whom = contexts.principals.get()
    asked = tuple(_answer_of(one, wanted, whom) for one in context._asked(wanted))
    refusing = context._refusing(wanted)
    if refusing is not None:
        weight = refusing.weigh(wanted, whom)
        _, advice = advise(permission, refusing, weight, wanted, context=context, chain=chain)
        if refusing._asker is not None and not weight.denied:
            advice = f"it is asked for on request; {advice}"
        return Explanation(str(permission), "denied", refusing.label, chain, asked, advice)
    passing = any(one.outcome == "would deny" for one in asked)
    return Explanation(str(permission), "would deny" if passing else "granted", None, chain, asked)


def _wanted(permission: Permission) -> Wanted:
    """Return what opening the file would ask for: the name, and where it leads."""
    if type(permission) is not FilePermission or permission.name.endswith(("*", "-", "<<ALL FILES>>")):
        return ((permission,),)
    links = Links.KEEP if {*permission.actions.split(",")} & {"delete", "readlink"} else Links.FOLLOW
    try:
        (request,) = read("explain", file(permission.actions, links), (permission.name,), permission.actions)
    except EventRefused:
        return ((permission,),)
    return [request.alternatives or (request.permission,), *((also,) for also in request.also)]


def _answer_of(domain: ProtectionDomain, wanted: Wanted, whom: frozenset[Principal]) -> Asked:
    weight = domain.weigh(wanted, whom)
    on_trial = domain.on_trial(wanted, whom) if weight.allowed else ()
    lacks = on_trial or weight.lacking
    outcome: Outcome = "granted"
    if not weight.allowed:
        outcome = "would deny" if domain.lets_pass(weight.lacking) else "denied"
    elif on_trial:
        outcome = "would deny"
    return Asked(domain.label, outcome, tuple(str(part[0]) for part in lacks), tuple(_rules_consulted(domain, wanted)))


def _rules_consulted(domain: ProtectionDomain, wanted: Wanted) -> Iterator[Consulted]:
    rules = domain.rules
    if not isinstance(rules, tuple):
        return
    asked = [one for part in wanted for one in part]
    kinds = {type(one) for one in asked}
    mine = [rule for rule in rules if rule.source.implies(domain.code_source)]
    judged = [(rule, _effect(rule, asked, domain)) for rule in mine]
    told = [pair for pair in judged if pair[1] != _BESIDE or type(pair[0].permission) in kinds]
    for rule, effect in sorted(told, key=lambda pair: pair[1] == _BESIDE)[:_MOST_RULES]:
        yield Consulted(short(text_of(rule)), effect)
    if len(told) > _MOST_RULES:
        yield Consulted(f"and {len(told) - _MOST_RULES} more", _BESIDE)


_BESIDE: Final = "does not reach it"


def _effect(rule: Grant, asked: Iterable[Permission], domain: ProtectionDomain) -> str:
    """Say in words what the policy made of a rule; the answer itself is the policy's."""
    if rule.denied:
        return "forbids" if any(rule.permission.overlaps(one) for one in asked) else _BESIDE
    overlapping = [one for one in asked if rule.permission.overlaps(one)]
    if not overlapping:
        return _BESIDE
    if domain._policy is not None and rule not in domain._policy.grants:
        return "has ended"
    return "allows" if any(rule.permission.implies(one) for one in overlapping) else "allows a part"


# ---- From a record ---------------------------------------------------------------------------------------------------

_TEXT_FORM: Final = re.compile(r'\("(?:[^"\\]|\\.)*"(?: "(?:[^"\\]|\\.)*")*\)')


def explain_decision(record: Decision) -> Explanation:
    """Explain a recorded decision, also one that was read from a file.

    >>> with pycage.Sandbox("curious") as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> line = pycage.decisions().denials()[-1].to_json()
    >>> print(str(pycage.explain_decision(pycage.Decision.from_json(line))).splitlines()[-1])
    to allow it: sandbox.grant(EnvPermission("HOME", "read"))
    """
    granted = record.outcome == "granted"
    words = [word for word in (record.rule, record.reason) if word]
    return Explanation(
        record.permission,
        record.outcome,
        None if granted else record.domain,
        record.chain,
        advice="" if granted else _advice_for(record),
        reason="; ".join(words),
    )


def _advice_for(record: Decision) -> str:
    if record.kind == "ImportPermission":
        return f'to allow it: host_policy=rules("allow {record.name}", ...), or let the resolver find it'
    if record.rule is None and record.reason:
        return "no grant would allow it: no policy is asked about this"
    if record.rule is not None and record.rule.startswith("deny "):
        return f"no grant would allow it: a denial forbids it: {record.rule}"
    if record.domain == "host":
        return "to allow it: give it to the host's own code with Sandboxes.get().set_default_permissions(...)"
    if not record.complete:
        return "to allow it: grant a pattern that covers it; its name was too long to be recorded"
    _, _, needed = record.reason.rpartition("needs ")
    exact = _TEXT_FORM.findall(needed) or [record.permission]
    try:
        grants = ", ".join(repr(parse(text)) for text in exact)
    except ValueError:  # of a type that is registered in another program
        grants = ", ".join(exact)
    handle = "library" if record.domain.startswith("library ") else "sandbox"
    lender = lender_in(record.chain, record.domain)
    lend = f", or do_privileged in {lender.domain} function {lender.function}" if lender is not None else ""
    return f"to allow it: {handle}.grant({grants}){lend}"
