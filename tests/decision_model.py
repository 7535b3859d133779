"""Executable reference model of the access-control decision procedure.

A model to check an implementation against, not production code.

The call stack is explicit: a list of ``Frame`` objects, innermost last.  A frame whose
domain is ``None`` is system code and is skipped.  Permissions are plain strings with a
toy algebra: ``"a.*"`` implies ``"a.b"``, and ``"*"`` is AllPermission.

``python decision_model.py`` runs the 26 scenarios.  Every expected outcome is what JDK 17 does
with the same stack.  The scenarios are those of the Java security model: 26 stacks and what each may do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Denied(Exception):
    """A permission was refused; ``domain`` is the first domain that lacks it."""

    def __init__(self, perm: str, domain: Domain) -> None:
        super().__init__(f"access denied {perm}")
        self.perm = perm
        self.domain = domain


def implies(granted: str, requested: str) -> bool:
    """Toy permission algebra."""
    return granted == "*" or granted == requested or (granted.endswith(".*") and requested.startswith(granted[:-1]))


class Domain:
    """A protection domain: a name and a live set of permissions."""

    def __init__(self, name: str, *perms: str) -> None:
        self.name = name
        self.perms = set(perms)

    def implies(self, perm: str) -> bool:
        return any(implies(granted, perm) for granted in self.perms)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Limit:
    """The limited scope that one ``do_privileged(..., perms=...)`` call opens."""

    perms: tuple[str, ...]
    parent: Context  # consulted when no limiting permission implies the request


@dataclass(frozen=True)
class Context:
    """A snapshot: ALL domains must imply, then EVERY limit must be satisfied."""

    domains: tuple[Domain, ...] = ()
    limits: tuple[Limit, ...] = ()

    def check(self, perm: str) -> None:
        for domain in self.domains:
            if not domain.implies(perm):
                raise Denied(perm, domain)
        for limit in self.limits:
            # Limiting permissions are judged one by one; they are never unioned.
            if not any(implies(granted, perm) for granted in limit.perms):
                limit.parent.check(perm)


def merge(*contexts: Context) -> Context:
    """Intersection of authority: the union of domains and of limits, without duplicates."""
    domains: list[Domain] = []
    limits: list[Limit] = []
    for context in contexts:
        domains += [d for d in context.domains if d not in domains]
        limits += [lim for lim in context.limits if lim not in limits]
    return Context(tuple(domains), tuple(limits))


@dataclass
class Frame:
    """One call.  ``privileged`` marks the frame that called ``do_privileged``."""

    domain: Domain | None
    privileged: bool = False
    context: Context | None = None
    limit: tuple[str, ...] | None = None
    parent: Context | None = None


class Thread:
    """A call stack plus the context inherited when the thread was constructed."""

    def __init__(self, inherited: Context = Context()) -> None:
        self.stack: list[Frame] = []
        self.inherited = inherited

    def snapshot(self) -> Context:
        """``AccessController.getContext()``: what a check made here would consult."""
        seen: list[Domain] = []
        for frame in reversed(self.stack):
            if frame.domain is not None and frame.domain not in seen:
                seen.append(frame.domain)  # the caller of do_privileged IS included
            if frame.privileged:
                context = merge(Context(tuple(seen)), frame.context or Context())
                if frame.limit is not None:
                    assert frame.parent is not None
                    context = merge(context, Context((), (Limit(frame.limit, frame.parent),)))
                return context  # older frames and the inherited context are not consulted
        return merge(Context(tuple(seen)), self.inherited)

    def check(self, perm: str) -> None:
        self.snapshot().check(perm)

    def call(self, domain: Domain | None, fn: Callable):
        """Call ``fn`` as code of ``domain``."""
        self.stack.append(Frame(domain))
        try:
            return fn()
        finally:
            self.stack.pop()

    def do_privileged(self, fn: Callable, context: Context | None = None, perms=None):
        """Call ``fn`` with the privileges of the calling frame's domain.

        ``context`` adds restrictions.  ``perms`` limits the privilege: requests outside
        it continue past this frame to the older callers.
        """
        if perms is not None and "*" in perms:
            perms = None  # a limit of AllPermission is no limit
        parent = self.snapshot() if perms is not None else None
        limit = None if perms is None else tuple(perms)
        self.stack.append(Frame(self.stack[-1].domain, True, context, limit, parent))
        try:
            return fn()
        finally:
            self.stack.pop()

    def spawn(self) -> Thread:
        """Construct a thread: its inherited context is taken now, not when it starts."""
        return Thread(self.snapshot())


def scenarios() -> list[tuple[str, bool, bool]]:
    """Run all scenarios; return (name, allowed, expected) rows."""
    host = Domain("host", "*")
    box = Domain("box")
    none = Domain("none")
    t = Thread()
    rows: list[tuple[str, bool, bool]] = []

    def allowed(perm: str, thread: Thread = t) -> bool:
        try:
            thread.check(perm)
        except Denied:
            return False
        return True

    def case(name: str, got: bool, expected: bool) -> None:
        rows.append((name, got, expected))

    # S01..S07: who is on the stack.
    case("S01 sandbox calls host", t.call(box, lambda: t.call(host, lambda: allowed("w"))), False)
    case("S02 host calls sandbox", t.call(host, lambda: t.call(box, lambda: allowed("w"))), False)
    case("S03 host alone", t.call(host, lambda: allowed("w")), True)
    case(
        "S04 sandbox calls privileged host",
        t.call(box, lambda: t.call(host, lambda: t.do_privileged(lambda: allowed("w")))),
        True,
    )
    case(
        "S05 sandbox's own privileged block",
        t.call(host, lambda: t.call(box, lambda: t.do_privileged(lambda: allowed("w")))),
        False,
    )
    case(
        "S06 privileged sandbox calls host",
        t.call(box, lambda: t.do_privileged(lambda: t.call(host, lambda: allowed("w")))),
        False,
    )
    case(
        "S07 privileged host calls sandbox back",
        t.call(host, lambda: t.do_privileged(lambda: t.call(box, lambda: allowed("w")))),
        False,
    )

    # S08..S12: limits.
    def limited(perm: str, *limit: str) -> bool:
        return t.call(
            box,
            lambda: t.call(host, lambda: t.do_privileged(lambda: allowed(perm), None, limit)),
        )

    case("S08 request inside the limit", limited("f.r", "f.r"), True)
    case("S09 request outside the limit", limited("f.w", "f.r"), False)
    case("S10 limit is AllPermission", limited("f.w", "*"), True)
    case("S11 empty limit, sandbox below", limited("f.r"), False)
    case(
        "S12 empty limit, host only",
        t.call(host, lambda: t.do_privileged(lambda: allowed("x"), None, ())),
        True,
    )

    # S13: a context argument restricts.
    case(
        "S13 context captured in sandbox",
        t.call(host, lambda: t.do_privileged(lambda: allowed("x"), t.call(box, t.snapshot))),
        False,
    )

    # S14..S21: everything below runs in host code inside do_privileged(context={none}).
    def outer() -> None:
        path = ("path.*",)

        def with_own_snapshot(perm: str) -> bool:
            return t.do_privileged(lambda: allowed(perm), t.snapshot())

        case("S14 restricted by context", allowed("path.s"), False)
        case(
            "S15 limited block drops the outer context",
            t.do_privileged(lambda: allowed("path.s"), None, path),
            True,
        )
        case(
            "S16 outside the limit the outer context applies",
            t.do_privileged(lambda: allowed("file.s"), None, path),
            False,
        )
        captured = t.snapshot()
        case(
            "S17 limit plus captured context",
            t.do_privileged(lambda: allowed("path.s"), captured, path),
            False,
        )
        case(
            "S18 plain block drops the outer context",
            t.do_privileged(lambda: allowed("path.s")),
            True,
        )
        case(
            "S19 plain block plus captured context",
            t.do_privileged(lambda: allowed("path.s"), captured),
            False,
        )
        case(
            "S20 snapshot carries the limit, inside it",
            t.do_privileged(lambda: with_own_snapshot("path.s"), None, path),
            True,
        )
        case(
            "S21 snapshot carries the limit, outside it",
            t.do_privileged(lambda: with_own_snapshot("file.s"), None, path),
            False,
        )

    t.call(host, lambda: t.do_privileged(outer, Context((none,))))

    # S22..S26: threads.
    child = t.call(box, lambda: t.call(host, t.spawn))
    case(
        "S22 child thread of a sandbox call",
        child.call(host, lambda: allowed("x", child)),
        False,
    )
    case(
        "S23 child thread, privileged host",
        child.call(host, lambda: child.do_privileged(lambda: allowed("x", child))),
        True,
    )
    worker = Thread()
    case(
        "S24 hand-off to a pre-existing worker",
        worker.call(host, lambda: allowed("x", worker)),
        True,
    )
    scoped = t.call(box, lambda: t.call(host, lambda: t.do_privileged(t.spawn, None, ("path.*",))))
    case(
        "S25 thread born in a limited scope, inside it",
        scoped.call(host, lambda: allowed("path.x", scoped)),
        True,
    )
    case(
        "S26 thread born in a limited scope, outside it",
        scoped.call(host, lambda: allowed("file.x", scoped)),
        False,
    )
    return rows


if __name__ == "__main__":
    table = scenarios()
    for row in table:
        assert row[1] == row[2], row
    print(f"{len(table)} scenarios agree")
