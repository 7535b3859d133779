"""Sinks: where decisions go, that nobody waits for them within a decision, and what happens if one fails."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading

import pytest
from cast import Role
from pycage import AccessDenied, Decision, RuntimePermission, access, check_permission, decisions, sinks
from pycage.decisions import DecisionLog

ASKED = RuntimePermission("sunk.x")
OTHER = RuntimePermission("sunk.y")


@pytest.fixture
def box() -> Role:
    return Role("box", ASKED)


def ask(permission=ASKED) -> None:
    check_permission(permission)


def refused(permission=OTHER) -> None:
    with pytest.raises(AccessDenied):
        check_permission(permission)


def test_a_callback_is_given_denials_and_counted_grants(box: Role) -> None:
    heard: list[Decision] = []

    with decisions().add_sink(heard.append):
        for _ in range(7):
            box.call(ask)
        box.call(refused)

    assert {("sunk.x", "granted"): 7, ("sunk.y", "denied"): 1} == counts(heard)


def counts(heard: list[Decision]) -> dict[tuple[str, str], int]:
    total: dict[tuple[str, str], int] = {}
    for decision in heard:
        key = (decision.name, decision.outcome)
        total[key] = total.get(key, 0) + decision.count
    return total


def test_grants_are_told_as_what_is_new_since_the_last_time(box: Role) -> None:
    heard: list[Decision] = []

    box.call(ask)  # before there was a sink
    with decisions().add_sink(heard.append):
        for _ in range(3):
            box.call(ask)
        decisions().flush()
        decisions().flush()
        box.call(ask)

    assert 4 == sum(decision.count for decision in heard)
    assert 5 == sum(decision.count for decision in decisions() if decision.name == "sunk.x")


def test_who_wants_no_grants_gets_none(box: Role) -> None:
    heard: list[Decision] = []

    with decisions().add_sink(heard.append, grants=False):
        box.call(ask)
        box.call(refused)

    assert ["sunk.y"] == [decision.name for decision in heard]


def test_a_thread_of_the_host_delivers_without_being_asked(box: Role) -> None:
    told = threading.Event()
    names: list[str] = []

    def sink(decision: Decision) -> None:
        names.append(threading.current_thread().name)
        told.set()

    delivery = decisions().add_sink(sink, grants=False)
    try:
        box.call(refused)
        assert told.wait(30)
    finally:
        delivery.close()
    assert ["pycage decisions"] == names


def test_a_sink_runs_as_the_host_whoever_flushes(box: Role) -> None:
    """A sink that writes would otherwise be judged with the sandbox on the stack."""
    allowed: list[bool] = []

    def sink(decision: Decision) -> None:
        check_permission(OTHER)
        allowed.append(True)

    delivery = decisions().add_sink(sink, grants=False)
    try:
        box.call(lambda: (refused(), decisions_of_the_host.flush()))
    finally:
        delivery.close()
    assert [True] == allowed
    assert 0 == delivery.failures


decisions_of_the_host = access.LOG


def test_a_sink_is_not_called_within_the_decision(box: Role) -> None:
    """Design: no I/O and no code of the program inside of a decision."""
    stacks: list[int] = []
    inside = threading.local()

    def sink(decision: Decision) -> None:
        stacks.append(getattr(inside, "depth", 0))

    def asking() -> None:
        inside.depth = 1
        refused()
        inside.depth = 0

    with decisions().add_sink(sink, grants=False):
        box.call(asking)

    assert [0] == stacks


def test_a_sink_that_raises_is_told_of_once_and_stops_nobody(box: Role, caplog) -> None:
    heard: list[Decision] = []

    def broken(decision: Decision) -> None:
        raise RuntimeError("full")

    with caplog.at_level(logging.ERROR, "pycage"):
        with decisions().add_sink(broken) as first, decisions().add_sink(heard.append):
            box.call(refused)
            box.call(refused)

    assert (2, 2) == (first.failures, len(heard))
    assert ["a sink of decisions failed (this is said once): 'function'"] == [r.message for r in caplog.records]


def test_what_does_not_fit_is_counted_and_said(box: Role, caplog, monkeypatch) -> None:
    monkeypatch.setattr(sinks, "MOST_WAITING", 5)
    log = DecisionLog()
    heard: list[Decision] = []
    delivery = log.add_sink(heard.append)
    delivery._deliveries._lock.acquire()  # the sinks are busy
    for _ in range(8):
        log.denied(OTHER, "box")
    delivery._deliveries._lock.release()

    with caplog.at_level(logging.WARNING, "pycage"):
        delivery.close()

    assert 8 == len(heard) + log.lost
    assert log.lost in (2, 3)  # the thread may have taken one out already
    assert any("faster than the sinks" in record.message for record in caplog.records)


def test_a_sink_may_flush_and_make_decisions(box: Role) -> None:
    heard: list[str] = []

    def sink(decision: Decision) -> None:
        heard.append(decision.name)
        if len(heard) == 1:
            box.call(refused, RuntimePermission("sunk.z"))
            decisions().flush()

    with decisions().add_sink(sink, grants=False):
        box.call(refused)

    assert ["sunk.y", "sunk.z"] == heard


def test_a_closed_sink_is_given_nothing_more(box: Role) -> None:
    heard: list[Decision] = []
    delivery = decisions().add_sink(heard.append)
    delivery.close()
    delivery.close()

    box.call(refused)
    decisions().flush()

    assert [] == heard


def test_only_what_can_be_called_is_a_sink() -> None:
    with pytest.raises(TypeError, match="called with each Decision"):
        decisions().add_sink("audit.jsonl")


def test_forgotten_grants_still_reach_the_sinks(box: Role) -> None:
    log = DecisionLog(2)
    heard: list[Decision] = []
    with log.add_sink(heard.append):
        for number in range(5):
            permission = RuntimePermission(f"n.{number}")
            log.granted(permission, box.domain, (permission,))

    assert [f"n.{number}" for number in range(5)] == sorted(decision.name for decision in heard)


# ---- Files and logs --------------------------------------------------------------------------------------------------


def test_json_lines_are_appended_for_the_owner_only(box: Role, tmp_path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text("")
    path.unlink()

    for _ in range(2):
        with decisions().to_json_lines(path):
            box.call(refused)

    lines = path.read_text().splitlines()
    assert ["sunk.y", "sunk.y"] == [json.loads(line)["permission"]["name"] for line in lines]
    assert all(Decision.from_json(line).outcome == "denied" for line in lines)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_name_with_a_newline_makes_no_second_line(box: Role, tmp_path) -> None:
    path = tmp_path / "audit.jsonl"

    with decisions().to_json_lines(path):
        box.call(refused, RuntimePermission('x\n{"outcome": "granted"}'))

    (line,) = path.read_text().splitlines()
    assert Decision.from_json(line).asked() == RuntimePermission('x\n{"outcome": "granted"}')


def test_a_file_that_cannot_be_opened_is_the_callers_error(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        decisions().to_json_lines(tmp_path / "no" / "audit.jsonl")


def test_logging_has_denials_as_warnings_and_grants_for_debugging(box: Role, caplog) -> None:
    with caplog.at_level(logging.DEBUG, "pycage.audit"):
        with decisions().to_logging():
            box.call(ask)
            box.call(refused)

    found = {(record.levelname, record.message) for record in caplog.records}
    assert {
        ("DEBUG", 'box: granted ("RuntimePermission" "sunk.x") (grant RuntimePermission("sunk.x"))'),
        ("WARNING", 'box: denied ("RuntimePermission" "sunk.y") (no grant)'),
    } == found
    assert all(type(record.decision) is Decision for record in caplog.records)


def test_nothing_is_logged_unless_the_host_asks(box: Role, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        box.call(refused)
        decisions().flush()

    assert [] == [record for record in caplog.records if record.name.startswith("pycage")]


def test_what_waits_is_delivered_when_the_process_ends_also_in_a_child_of_fork(tmp_path) -> None:
    program = """
import os, sys
sys.path[:0] = {path!r}
import pycage
from cast import Role
pycage.install()
def ask(name):
    try:
        pycage.check_permission(pycage.RuntimePermission(name))
    except pycage.AccessDenied:
        pass
box = Role("box")
pycage.decisions().to_json_lines("audit.jsonl")
box.call(ask, "parent")
pycage.decisions().flush()
child = os.fork()
box.call(ask, "child" if child == 0 else "parent again")
if child == 0:
    pycage.decisions().flush()
    os._exit(0)
os.waitpid(child, 0)
"""
    here = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(access.__file__)), *filter(None, sys.path)]
    subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", program.format(path=here)], check=True, cwd=tmp_path, timeout=60
    )

    names = [json.loads(line)["permission"]["name"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert ["child", "parent", "parent again"] == sorted(names)
