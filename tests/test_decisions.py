"""Decisions: what is recorded, how much of it, and that it is text."""

from __future__ import annotations

import gc
import json
import threading
import weakref

import pytest
from cast import Role
from pycage import (
    AccessDenied,
    Decision,
    EnvPermission,
    FilePermission,
    RuntimePermission,
    Sandbox,
    _core,
    access,
    check_permission,
    decisions,
    manager,
    parse,
)
from pycage.decisions import DecisionLog

ASKED = RuntimePermission("decided.x")
OTHER = RuntimePermission("decided.y")
HOST = Role(None)


@pytest.fixture
def box() -> Role:
    return Role("box", ASKED)


@pytest.fixture(autouse=True)
def _as_configured():
    yield
    access.LOG.configure()
    access.LOG.clear()


def ask(permission=ASKED) -> None:
    check_permission(permission)


def refused(permission=OTHER) -> None:
    with pytest.raises(AccessDenied):
        check_permission(permission)


def found(name: str) -> list[Decision]:
    return [decision for decision in decisions() if decision.name == name]


# ---- What is granted -------------------------------------------------------------------------------------------------


def test_every_grant_is_counted_also_those_that_the_core_remembers(box: Role) -> None:
    for _ in range(1000):
        box.call(ask)

    (decision,) = found("decided.x")
    assert (1000, "granted", "box") == (decision.count, decision.outcome, decision.domain)
    assert decision.rule == 'grant RuntimePermission("decided.x")'


def test_counts_survive_what_makes_the_core_forget_its_answers(box: Role) -> None:
    for _ in range(5):
        box.call(ask)
        _core.advance_epoch()
    for number in range(1100):  # more than a domain remembers
        box.call(lambda n=number: refused(RuntimePermission(f"no.{n}")))
        manager.POLICY.grant(box.source, RuntimePermission(f"yes.{number}")) if number % 100 == 0 else None
    for _ in range(5):
        box.call(ask)

    assert [10] == [decision.count for decision in found("decided.x")]


def test_a_grant_is_counted_for_the_nearest_sandbox_only() -> None:
    near, far = Role("near", ASKED), Role("far", ASKED)

    for _ in range(3):
        far.call(near.call, ask)
    far.call(ask)
    far.call(ask)

    assert {"near": 3, "far": 2} == {decision.domain: decision.count for decision in found("decided.x")}


def test_the_host_alone_is_not_recorded() -> None:
    ask()
    HOST.call(ask)

    assert [] == found("decided.x")


def test_what_was_cleared_is_counted_anew(box: Role) -> None:
    box.call(ask)
    decisions().clear()
    assert 0 == len(decisions())

    box.call(ask)

    assert [1] == [decision.count for decision in found("decided.x")]


def test_grants_are_not_recorded_if_the_host_says_so_and_denials_still_are(box: Role) -> None:
    decisions().configure(grants=False)
    box.call(ask)
    box.call(ask)
    box.call(refused)
    assert [] == found("decided.x")
    assert ["decided.y"] == [denial.name for denial in decisions().denials()]

    decisions().configure(grants=True)
    box.call(ask)

    assert [1] == [decision.count for decision in found("decided.x")]


def test_the_chain_of_a_grant_is_recorded_if_the_host_says_so(box: Role) -> None:
    decisions().configure(chains=True)

    box.call(ask)

    (decision,) = found("decided.x")
    assert ("box", "call") in [(entry.domain, entry.function) for entry in decision.chain]


def test_the_rule_is_the_one_that_decided_last(box: Role) -> None:
    box.call(ask)
    manager.POLICY.revoke(box.source, ASKED)
    manager.POLICY.grant(box.source, RuntimePermission("decided.*"))
    box.call(ask)
    manager.POLICY.clear(box.source)

    (decision,) = found("decided.x")

    assert (2, 'grant RuntimePermission("decided.*")') == (decision.count, decision.rule)


def test_four_threads_lose_no_count(box: Role) -> None:
    threads = [threading.Thread(target=lambda: [box.call(ask) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [2000] == [decision.count for decision in found("decided.x")]


def test_a_grant_is_remembered_while_a_revoke_still_takes_effect_at_once(box: Role) -> None:
    for _ in range(3):
        box.call(ask)
    manager.POLICY.revoke(box.source, ASKED)

    box.call(refused, ASKED)

    assert [3, 1] == [decision.count for decision in found("decided.x")]


def test_a_tally_of_one_domain_is_never_the_memory_of_another() -> None:
    """Otherwise the answer about one would keep the answer about the other valid."""
    box, other = Role("box", ASKED), Role("other", ASKED)
    tally = _core.Tally(box.domain)

    assert (0, 0.0) == (tally.count, tally.last)
    other.call(box.call, ask)
    manager.POLICY.revoke(other.source, ASKED)
    box.call(ask)  # remembered again, for box alone

    with pytest.raises(AccessDenied):
        other.call(box.call, ask)


# ---- What is denied --------------------------------------------------------------------------------------------------


def test_a_denial_says_what_decided_and_who_was_on_the_stack(box: Role) -> None:
    box.call(HOST.call, refused)

    (denial,) = decisions().denials()
    assert ('("RuntimePermission" "decided.y")', "denied", "no grant", "box") == (
        denial.permission,
        denial.outcome,
        denial.rule,
        denial.domain,
    )
    entry = next(entry for entry in denial.chain if entry.domain == "box")
    assert ("call", "<box>", 3, False) == (entry.function, entry.file, entry.line, entry.privileged)
    assert all("pycage/" not in entry.file or "tests/" in entry.file for entry in denial.chain)


def test_a_denial_by_rule_names_the_rule(box: Role) -> None:
    manager.POLICY.deny(box.source, RuntimePermission("decided.*"))

    box.call(refused, ASKED)

    assert ['deny RuntimePermission("decided.*")'] == [denial.rule for denial in decisions().denials()]


def test_a_relative_path_is_recorded_as_it_was_judged(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text("x")
    with Sandbox("decided") as sandbox:
        with pytest.raises(AccessDenied, match=r'"data\.txt"'):
            sandbox.run("open('data.txt')")

    assert [f'("FilePermission" "{tmp_path}/data.txt" "read")'] == [d.permission for d in decisions().denials()]


def test_a_denied_import_is_recorded_as_an_import() -> None:
    with Sandbox("decided") as sandbox:
        sandbox.run("try: import sqlite3\nexcept ImportError: pass")

    (denial,) = decisions().denials()
    assert ("ImportPermission", "sqlite3", "decided") == (denial.kind, denial.name, denial.sandbox)
    assert denial.reason.startswith("module access denied: sqlite3; host loader policy")


def test_the_log_is_bounded_and_says_what_it_forgot(box: Role) -> None:
    log = DecisionLog(3)
    for number in range(5):
        log.granted(RuntimePermission(f"n.{number}"), box.domain, (RuntimePermission(f"n.{number}"),))
        log.denied(RuntimePermission(f"d.{number}"), "box")

    assert ["d.2", "d.3", "d.4", "n.2", "n.3", "n.4"] == sorted(decision.name for decision in log)
    assert (4, 6) == (log.forgotten, len(log))


def test_grants_do_not_push_denials_out(box: Role) -> None:
    log = DecisionLog(3)
    log.denied(OTHER, "box")
    for number in range(50):
        log.granted(RuntimePermission(f"n.{number}"), box.domain, ())

    assert ["decided.y"] == [denial.name for denial in log.denials()]


def test_a_record_keeps_no_domain_alive(box: Role) -> None:
    class Watched(RuntimeError):
        pass

    role = Role("short", ASKED)
    role.call(ask)
    role.call(refused)
    watched = weakref.ref(next(iter(role.codes)))
    manager.POLICY.clear(role.source)
    del role
    gc.collect()

    assert watched() is None
    assert {"decided.x", "decided.y"} == {decision.name for decision in decisions() if decision.domain == "short"}


# ---- Text ------------------------------------------------------------------------------------------------------------


NASTY = 'a"b\\c\n\x1b[31m\u202e\ud800'


def test_what_a_sandbox_chose_is_escaped_and_parses_back(box: Role) -> None:
    box.call(refused, RuntimePermission(NASTY))

    (denial,) = decisions().denials()
    assert denial.permission.isprintable()
    assert parse(denial.permission) == RuntimePermission(NASTY) == denial.asked()


def test_long_names_are_cut_and_say_so(box: Role) -> None:
    manager.POLICY.grant(box.source, RuntimePermission("long.*"))
    long = RuntimePermission("long." + "x" * 10_000)
    box.call(ask, long)
    box.call(ask, long)
    box.call(refused, RuntimePermission("y" * 10_000))

    granted, denied = sorted(decisions(), key=lambda decision: decision.name)
    assert (2, False, False) == (granted.count, granted.complete, denied.complete)
    assert max(len(granted.name), len(denied.name)) < 1000
    with pytest.raises(ValueError, match="too long"):
        denied.asked()


def test_the_functions_of_a_chain_are_escaped_and_cut() -> None:
    with Sandbox("decided") as sandbox:
        with pytest.raises(AccessDenied):
            sandbox.run(f"def {'f' * 500}(): open('/etc/passwd')\n{'f' * 500}()")

    (denial,) = decisions().denials()
    assert max(len(entry.function) for entry in denial.chain) <= 120
    assert all(f"{entry.domain}{entry.function}{entry.file}".isprintable() for entry in denial.chain)


def test_a_line_of_json_has_the_documented_fields_and_reads_back(box: Role) -> None:
    with Sandbox("decided", permissions=[EnvPermission("HOME", "read")]) as sandbox:
        sandbox.run("import os; os.environ.get('HOME'); os.environ.get('PATH')")

    for decision in decisions():
        line = decision.to_json()
        read = json.loads(line)
        assert ["time", "sandbox", "permission", "outcome", "rule", "domain", "chain", "reason", "count"] == list(read)
        assert ["type", "name", "actions"] == list(read["permission"])
        assert all(["domain", "function", "file", "line", "privileged"] == list(entry) for entry in read["chain"])
        assert decision == Decision.from_json(line)
    assert {"granted", "denied"} == {decision.outcome for decision in decisions()}
    assert {"decided"} == {decision.sandbox for decision in decisions()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcome": "perhaps"}, "outcome"),
        ({"count": "1"}, "count"),
        ({"chain": [{}]}, "entry of its chain"),
        ({"permission": []}, "permission"),
        ({"more": 1}, "fields"),
    ],
)
def test_a_line_that_is_no_decision_is_refused_with_a_reason(box: Role, change, message) -> None:
    box.call(refused)
    line = json.dumps(decisions().denials()[0].as_dict() | change)

    with pytest.raises(ValueError, match=message):
        Decision.from_json(line)


# ---- Who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["clear", "configure"])
def test_sandboxed_code_cannot_change_what_is_recorded(box: Role, act: str) -> None:
    log = decisions()
    box.call(refused)

    with pytest.raises(AccessDenied, match="setDecisions"):
        box.call(getattr(log, act))

    assert "decided.y" in [denial.name for denial in log.denials()]


def test_sandboxed_code_cannot_add_a_sink_or_open_the_log(box: Role) -> None:
    log = decisions()
    with pytest.raises(AccessDenied, match="setDecisions"):
        box.call(log.add_sink, print)
    with pytest.raises(AccessDenied, match="getDecisions"):
        box.call(decisions)


def test_a_swallowed_denial_of_a_file_is_there() -> None:
    with Sandbox("decided", permissions=[FilePermission("/nowhere/-", "read")]) as sandbox:
        sandbox.run("try: open('/etc/passwd')\nexcept OSError: pass")

    assert [('("FilePermission" "/etc/passwd" "read")', "no grant")] == [
        (denial.permission, denial.rule) for denial in decisions().denials()
    ]
