"""Contexts: who is on a stack, to be asked now or later.

An `AccessControlContext` holds domains and limits, and `AccessControlContext._refusing` and `agree`
(`agreement.py`) ask them through `AccessControlContext._asked`: every decision, and every explanation of one, does.
"""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar, final

from pycage import _core
from pycage.domains import Principal, ProtectionDomain, Wanted, limit_allows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pycage._core import Raw
    from pycage.permissions import Permission

__all__ = [
    "AccessControlContext",
    "attach",
    "context_of",
    "context_of_domain",
    "forget_principals",
    "get_context",
    "merge",
    "principals",
    "set_host_domain",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

# On whose behalf the code runs; see `run_as`.
principals: Final[ContextVar[frozenset[Principal]]] = ContextVar("pycage.principals", default=frozenset())


@final
@_core.seal
class AccessControlContext:
    """A snapshot of who is on a stack, to be asked later or to be added to another stack.

    It holds domains, not permissions: what is granted or revoked later counts (jcage's J20).  Made by `get_context`.

    Source: java.security.AccessControlContext (Java SE 17).

    Example:
        >>> context = pycage.get_context()
        >>> context.check_permission(pycage.RuntimePermission("x"))  # only the host is in it: nothing is raised
        >>> later = context.bind(print)  # for a queue of your own
        >>> later("done")
        done
    """

    __slots__ = ("_domains", "_limits")

    _domains: tuple[ProtectionDomain, ...]
    # For each limited privileged call on the way: its permissions, and who is asked when none covers a request.
    _limits: tuple[tuple[tuple[Permission, ...], AccessControlContext], ...]

    def __init__(self) -> None:
        """Refuse: contexts are made by `get_context`."""
        message = "an AccessControlContext is a snapshot of a real stack: call get_context()"
        raise TypeError(message)

    def check_permission(self, permission: Permission, /) -> None:
        """Return if every domain in the snapshot implies ``permission``; the running stack is not asked.

        Raises:
            AccessDenied: One does not.
            TypeError: ``permission`` is not of a registered type.
        """
        _check(permission, self)

    def bind(self, callable: Callable[_P, _T], /) -> Callable[_P, _T]:  # noqa: A002  the word for it
        """Return a callable that calls ``callable`` with this context added to whatever stack it runs on."""
        return _core.bind(self, callable)

    def involves_other_than(self, domain: ProtectionDomain) -> bool:
        """Return whether a sandbox other than ``domain`` is in this context, behind a limit included."""
        return bool({*self._domains} - {HOST, domain}) or any(
            parent.involves_other_than(domain) for _, parent in self._limits
        )

    # Sandboxes have contexts, and call what has no underscore: a domain is not theirs to have.

    def _sandboxes(self) -> frozenset[ProtectionDomain]:
        """Return all sandboxes of this context, those behind a limit included."""
        behind = (parent._sandboxes() for _, parent in self._limits)
        return frozenset({*self._domains} - {HOST}).union(*behind)

    @property
    def limited(self) -> bool:
        """Whether a limited privileged call is part of it, so that its domains are not all of it."""
        return bool(self._limits)

    def is_of_one_sandbox(self) -> bool:
        """Return whether there is exactly one sandbox in this context, and no limit."""
        return len({*self._domains} - {HOST}) == 1 and not self._limits

    def is_only(self, domain: object) -> bool:
        """Return whether ``domain`` is the only sandbox in this context, and there is no limit."""
        return not self._limits and {*self._domains} - {HOST} == {domain}

    def is_within(self, other: AccessControlContext) -> bool:
        """Return whether every sandbox of this context, behind a limit included, is in ``other`` without one."""
        return self._sandboxes() <= {*other._domains}

    def _asked(self, wanted: Wanted) -> Iterator[ProtectionDomain]:
        """Return the domains that must all agree to ``wanted``, nearest to the call first, each before its parents."""
        for domain in self._domains:
            yield domain
            yield from domain.ancestors
        for limit, parent in self._limits:
            if not limit_allows(limit, wanted):
                yield from parent._asked(wanted)

    def _refusing(self, wanted: Wanted) -> ProtectionDomain | None:
        """Return the domain nearest to the call that does not agree, or None; nothing is used up, nobody is asked."""
        whom = principals.get()
        for domain in self._asked(wanted):
            weight = domain.weigh(wanted, whom)
            if not weight.allowed and not domain.lets_pass(weight.lacking):
                return domain
        return None

    def _nearest_sandbox(self) -> ProtectionDomain | None:
        for domain in self._domains:
            if domain is not HOST:
                return domain
        for _, parent in self._limits:
            nearest = parent._nearest_sandbox()
            if nearest is not None:
                return nearest
        return None

    def _nearest(self) -> ProtectionDomain:
        """Return the domain of the nearest sandbox, or the host's."""
        return self._nearest_sandbox() or HOST

    def culprit(self) -> str:
        """Return the label of the nearest sandbox, or the host's."""
        return self._nearest().label

    def __repr__(self) -> str:
        limits = f", {len(self._limits)} limits" if self._limits else ""
        return f"<AccessControlContext {', '.join(domain.label for domain in self._domains) or 'host'}{limits}>"


def _make_context(
    domains: tuple[ProtectionDomain, ...], limits: tuple[tuple[tuple[Permission, ...], AccessControlContext], ...]
) -> AccessControlContext:
    context = object.__new__(AccessControlContext)
    context._domains = domains
    context._limits = limits
    return context


def context_of_domain(domain: ProtectionDomain) -> AccessControlContext:
    """Return the context of a domain that acts without frames of its own: a native library's."""
    return _make_context((domain,), ())


def context_of(raw: Raw | None) -> AccessControlContext:
    """Return the context that the core's raw chain stands for."""
    if raw is None:
        return _EMPTY
    domains, contexts, limit, rest = raw
    if not contexts and limit is None:
        return _make_context(domains, ())  # type: ignore[arg-type]  # every domain is a ProtectionDomain
    merged = merge(_make_context(domains, ()), *contexts)  # type: ignore[arg-type]  # the core checked the types
    if limit is None:
        return merged
    return _make_context(merged._domains, (*merged._limits, (limit, context_of(rest))))  # type: ignore[arg-type]  # read_limit


def merge(*contexts: AccessControlContext) -> AccessControlContext:
    """Return the intersection of authority: all domains and all limits, without duplicates."""
    domains: dict[ProtectionDomain, None] = {}
    limits: list[tuple[tuple[Permission, ...], AccessControlContext]] = []
    for context in contexts:
        domains.update(dict.fromkeys(context._domains))
        limits += [limit for limit in context._limits if limit not in limits]
    return _make_context(tuple(domains), tuple(limits))


_EMPTY: Final = _make_context((), ())


def get_context() -> AccessControlContext:
    """Return a snapshot of what a check made here would consult: stack, inherited context, limits.

    Source: java.security.AccessController.getContext (Java SE 17).

    Example:
        >>> with pycage.Sandbox("bound") as sandbox:
        ...     sandbox.expose("context", pycage.get_context)
        ...     context = sandbox.run("from host import context; context()").value
        ...     context.check_permission(pycage.RuntimePermission("x"))
        Traceback (most recent call last):
            ...
        pycage.errors.AccessDenied: ...
    """
    return context_of(_core.snapshot())


def forget_principals(context: Context) -> Context:
    """Take the principals of `run_as` out of a context of ``contextvars``, for work that outlives their block."""
    context.run(principals.set, frozenset())
    return context


def attach(check: Callable[[Permission, AccessControlContext], None]) -> None:
    """Say what checks a permission against a context; once, by `access`, which stands above."""
    global _check  # noqa: PLW0603  the one name that is filled in from above
    _check = check


_check: Callable[[Permission, AccessControlContext], None]  # missing until then


def set_host_domain(host: ProtectionDomain) -> None:
    """Say which domain stands for host code; once, by the manager."""
    global HOST  # noqa: PLW0603  the one name that the manager fills in
    HOST = host


HOST: ProtectionDomain = ProtectionDomain(None, "host", None)  # type: ignore[arg-type]  # replaced by the manager
