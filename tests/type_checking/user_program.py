"""A program that uses what is public, as a type checker sees it: `mypy --strict` must find nothing in it.

It is checked and never run.  ``assert_type`` says what a checker must infer; an ignored error is one that it must find,
because under ``--strict`` an ignore that is not needed is an error, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import pycage
import pycage.report
import pycage_native as native
from pycage import (
    AccessDenied,
    Answer,
    BasicPermission,
    Decision,
    EnvPermission,
    FilePermission,
    MappingResolver,
    Permission,
    Permissions,
    PolicyChange,
    Principal,
    Question,
    Result,
    RuntimePermission,
    Sandbox,
    Sandboxes,
    SocketPermission,
    Source,
    policy_files,
)
from pycage.testing import assert_permissions, denied


@pycage.register_permission_type
class DoorPermission(BasicPermission):
    """A permission type of the host's own."""


assert_type(pycage.register_permission_type(DoorPermission), type[DoorPermission])


# ---- What the host lends and hands in ----


@pycage.privileged(limit=[EnvPermission("LANG", "read")])
def language(default: str, *, upper: bool = False) -> str:
    """Return the language of the user."""
    pycage.check_permission(EnvPermission("LANG", "read"))
    return default.upper() if upper else default


@pycage.privileged
def plainly(number: int) -> int:
    """Return it."""
    return number


@pycage.privileged(limit=())
async def later(number: int) -> list[int]:
    """Return it later."""
    return [number]


assert_type(language("fr", upper=True), str)
assert_type(plainly(1), int)
language(1)  # type: ignore[arg-type]
assert_type(pycage.do_privileged(plainly, 1, limit=[RuntimePermission("x")]), int)
assert_type(pycage.get_context().bind(language)("fr"), str)
pycage.do_privileged(plainly, 1, limit=["x"])  # type: ignore[list-item]
pycage.check_permission("RuntimePermission x")  # type: ignore[arg-type]


async def in_a_loop() -> None:
    """Await what was decorated."""
    assert_type(await later(1), list[int])


class Store:
    """What a sandbox gets a narrow view of."""

    version = 1

    def get(self, name: str) -> str:
        """Return what is stored."""
        return name


# ---- Sandboxes ----


class Database:
    """A resolver, and a loader policy, of the host's own."""

    def find(self, name: str, /) -> Source | None:
        """Return a module."""
        return Source(name, b"SIZE = 64", f"<{name}>")

    def allows_module(self, name: str, /) -> bool:
        """Say whether a module may be loaded."""
        return name.startswith("plugins.")

    def allows_resource(self, name: str, /) -> bool:
        """Say whether a resource may be read."""
        return bool(name)


def ask(question: Question) -> Answer | bool:
    """Decide what is neither granted nor denied."""
    if isinstance(question.permission, SocketPermission):
        return Answer.for_seconds(3600)
    return question.sandbox == "trusted"


def sandboxes(directory: Path) -> None:
    """Use all of a sandbox."""
    resolver = pycage.ChainResolver(pycage.PathResolver(directory), MappingResolver({"a": "A = 1"}), Database())
    with Sandbox(
        "plugins",
        resolver=resolver,
        sandbox_policy=Database(),
        host_policy=pycage.rules("allow json", default="deny"),
        permissions=[FilePermission("/srv/-", "read"), DoorPermission("cellar")],
        mode="audit",
    ) as sandbox:
        assert_type(sandbox, Sandbox)
        result = sandbox.run("1 + 1", variables={"a": 1})
        assert_type(result, Result)
        assert_type(result.stdout, str)
        size: int = sandbox.load("a").A
        data: dict[str, int] = result.plain(max_depth=3)
        sandbox.expose("store", Store(), methods=["get"], attributes=["version"])
        sandbox.expose("language", language)

        sandbox.grant(FilePermission("/srv/a", "write"), ttl=60, uses=3, tag="visit", principals=[Principal("ann")])
        assert_type(sandbox.revoke(tag="visit"), bool)
        sandbox.deny(FilePermission("/srv/private/-", "read"))
        assert_type(sandbox.permissions, Permissions)
        with sandbox.granted(RuntimePermission("x")), pycage.run_as(Principal("ann")):
            assert_type(sandbox.query(RuntimePermission("x")) == "granted", bool)
        sandbox.grant("FilePermission /srv/-")  # type: ignore[arg-type]
        sandbox.set_mode("tolerant")  # type: ignore[arg-type]

        sandbox.on_request(ask, timeout=10)
        assert_type(
            ask(Question(sandbox="a", permission=DoorPermission("a"), permissions=(), text="", chain=(), reason="")),
            Answer | bool,
        )

        @sandbox.on_request
        def decide(question: Question) -> Answer:
            return Answer.deny(question.reason)

        @sandbox.on_request
        async def decide_later(question: Question) -> bool:
            return question.sandbox == "a"

        sandbox.on_request(None)
        _ = decide(question_of(sandbox)).allows, decide_later(question_of(sandbox))

        def changed(change: PolicyChange) -> None:
            print(change.kind, change.tag, *change.permissions)

        with sandbox.subscribe(changed) as subscription:
            assert_type(subscription, pycage.Subscription)
        child = sandbox.create_child("child")
        assert_type(child, Sandbox)
        with sandbox.learn() as needs:
            sandbox.run("2")
        assert_type(needs.permissions, tuple[Permission, ...])
        print(size, data, [one.name for one in Sandboxes.get()])
    try:
        Sandboxes.get().create("again", resolver=resolver).close()
    except AccessDenied as error:
        print(error.domain, error.chain, *(entry.function for entry in error.chain))


def question_of(sandbox: Sandbox) -> Question:
    """Return a question."""
    asked = DoorPermission("cellar")
    return Question(sandbox=sandbox.name, permission=asked, permissions=(asked,), text="", chain=(), reason="")


# ---- Decisions, policies, files of policies, reports ----


def show(decision: Decision) -> None:
    """Show a decision."""
    print(decision.outcome, decision.sandbox, decision.to_json(), pycage.explain_decision(decision))


def log_of_decisions(path: Path) -> None:
    """Use the log."""
    log = pycage.decisions()
    with log.add_sink(show, grants=False), log.to_json_lines(path / "audit.jsonl"), log.to_logging():
        assert_type([decision.count for decision in log], list[int])
        assert_type(log.denials(), list[Decision])
    pycage.report.write([decision.to_json() for decision in log], path / "report.html", title="today")
    policy = pycage.get_policy()
    source = pycage.CodeSource("pycage://sandbox/a")
    (grant,) = policy.grant(source, RuntimePermission("x"))
    assert_type(grant, pycage.Grant)
    assert_type(pycage.parse('("RuntimePermission" "x")'), Permission)


def files_of_policies(path: Path) -> None:
    """Use policy files."""
    policy = pycage.load_policy(path, variables={"data": "/srv"})
    assert_type(policy, pycage.PolicyFile)
    with policy.sandbox("reader", allow=[RuntimePermission("x")]) as sandbox, policy.watch(interval=2.0):
        policy.reload()
        assert_type(sandbox, Sandbox)
    try:
        other = pycage.read_policy("default.allow = []")
    except pycage.PolicyFileError as error:
        assert_type(error.problems, tuple[str, ...])
    else:
        for change in policy_files.diff(policy, other):
            print(change.direction, change.text)
    for finding in policy_files.check(policy):
        print(finding.severity, finding.fix)
    learned = policy_files.learn(lambda sandbox: sandbox.run("1"))
    print(policy_files.write_profile("a", learned.permissions))


def tests(sandbox: Sandbox) -> None:
    """Use what is there for tests."""
    with denied('RuntimePermission "x"', DoorPermission("cellar")):
        sandbox.run("1")
    assert_permissions(sandbox, minimal=["RuntimePermission x"])


# ---- Native libraries ----


class Point(native.Structure):
    """A structure of C."""

    _fields_ = [("x", native.c_int), ("y", native.c_int)]


def libraries() -> None:
    """Call native libraries."""
    limits = native.Limits(wall=2.0, memory=256 << 20)
    with native.load("libm.so.6", limits=limits, permissions=[FilePermission("/srv/-", "read")]) as libm:
        assert_type(libm, native.Library)
        power = libm.function("pow", native.c_double, [native.c_double, native.c_double])
        value: float = power(2.0, 10.0)
        values: list[float] = power.map([1.0], [2.0])
        libm.function("frexp", native.c_double, sync={"to": native.Out(size=4)}, names=["value", "to"])
        with libm.buffer(16) as buffer:
            assert_type(buffer.snapshot(), bytes)
        print(value, values, libm.layers, libm.denials)
    libc = native.CDLL("libc.so.6", use_errno=True)
    libc.abs.argtypes, libc.abs.restype = [native.c_int], native.c_int
    compare = native.CFUNCTYPE(native.c_int, native.POINTER(native.c_int), native.POINTER(native.c_int))
    numbers = (native.c_int * 3)(3, 1, 2)
    libc.qsort(numbers, len(numbers), native.sizeof(native.c_int), compare(lambda a, b: int(a[0] - b[0])))
    point = Point(1, 2)
    point.x = 3
    libc.f(native.byref(point), native.create_string_buffer(8), native.cast(native.pointer(point), native.c_void_p))
    with native.Pool("libm.so.6", 2, reuse=10) as pool, pool.library(timeout=1.0) as lent:
        assert_type(lent, native.Library)
    try:
        native.load("libmissing.so", limits={"wall": 1})  # type: ignore[arg-type]
    except native.NativeCrash as crash:
        print(crash.signal, crash.exit_status)
    except (native.NativeTimeout, native.LibraryError) as error:
        print(error.library, error.function)


async def calls() -> Any:
    """Call from a loop."""
    with native.load("libm.so.6") as libm:
        return await native.asynchronous(libm.function("abs"))(1)
