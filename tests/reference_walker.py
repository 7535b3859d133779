"""A plain-Python reference of the stack walk: slow, obvious, and with nothing in common with the C code.

It reads frames through ``sys._getframe`` and recognises privileged frames by the local variable ``lent_here`` that the
functions of `cast.Role` leave in theirs.  What it finds is judged by `decision_model`, the executable model of Java's
decision.
"""

from __future__ import annotations

import sys
import threading

import decision_model as model

_inherited = threading.local()


class _Domain(model.Domain):
    """A domain of the model that asks a real protection domain."""

    def __init__(self, real) -> None:
        super().__init__(real.label)
        self.real = real

    def implies(self, perm) -> bool:
        return self.real.implies(perm)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Domain) and other.real is self.real

    def __hash__(self) -> int:
        return id(self.real)


class _Limited(model.Context):
    """A context of the model whose limits hold real permissions."""

    def check(self, perm) -> None:
        for domain in self.domains:
            if not domain.implies(perm):
                raise model.Denied(str(perm), domain)
        for limit in self.limits:
            if not any(held.implies(perm) for held in limit.perms):
                _Limited(limit.parent.domains, limit.parent.limits).check(perm)


def snapshot(domain_of, frame=None) -> model.Context:
    """Return what a check made in ``frame`` (default: the caller's) would consult; ``domain_of`` gives code its domain."""
    return _walk(frame or sys._getframe(1), domain_of)


def _walk(frame, domain_of) -> model.Context:
    domains: list[_Domain] = []
    while frame is not None:
        real = domain_of(frame.f_code)
        domain = _Domain(real)
        if domain not in domains:
            domains.append(domain)
        if "lent_here" in frame.f_locals:
            limit, context = frame.f_locals["lent_here"]
            found = model.merge(model.Context(tuple(domains)), context or model.Context())
            if limit is None:
                return found
            parent = _walk_below_privilege(frame, domain_of)
            return model.merge(found, model.Context((), (model.Limit(tuple(limit), parent),)))
        frame = frame.f_back
    return model.merge(model.Context(tuple(domains)), getattr(_inherited, "context", model.Context()))


def _walk_below_privilege(frame, domain_of) -> model.Context:
    """The same stack as if this frame had lent nothing."""
    older = (
        _walk(frame.f_back, domain_of) if frame.f_back is not None else getattr(_inherited, "context", model.Context())
    )
    return model.merge(model.Context((_Domain(domain_of(frame.f_code)),)), older)


def allows(context: model.Context, permission) -> bool:
    """Return what the model decides."""
    try:
        _Limited(context.domains, context.limits).check(permission)
    except model.Denied:
        return False
    return True


class inherited:  # noqa: N801
    """Set what threads of the reference inherit, for the running thread."""

    def __init__(self, context: model.Context) -> None:
        self.context = context

    def __enter__(self) -> None:
        _inherited.context = self.context

    def __exit__(self, *exception: object) -> None:
        _inherited.context = model.Context()
