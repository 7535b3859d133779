"""Explanations: what they say is what a check does, and they are for the host only."""

from __future__ import annotations

import doctest
import itertools
import json
import sys

import pycage
import pytest
from cast import Role
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycage import (
    AccessDenied,
    Decision,
    EnvPermission,
    FilePermission,
    Policy,
    RuntimePermission,
    Sandbox,
    access,
    check_permission,
    decisions,
    do_privileged,
    explain_decision,
    explanations,
    get_context,
    manager,
)

ASKED = RuntimePermission("explained.x")
HOST = Role(None)
_numbers = itertools.count()


class Handle:
    """What `explain` takes of a sandbox, for a role."""

    def __init__(self, role: Role) -> None:
        self._domain = role.domain


@pytest.fixture
def box() -> Role:
    return Role("box", RuntimePermission("explained.y"), FilePermission("/srv/-", "read"))


def explain(role: Role, permission=ASKED) -> explanations.Explanation:
    return explanations.explain(Handle(role), permission)


def test_a_grant_that_decides_is_named(box: Role) -> None:
    found = explain(box, RuntimePermission("explained.y"))

    assert ("granted", None, "") == (found.outcome, found.domain, found.advice)
    assert [("box", "granted"), ("host", "granted")] == [(one.domain, one.outcome) for one in found.asked]
    assert [('grant RuntimePermission("explained.y")', "allows")] == [
        (rule.rule, rule.effect) for rule in found.asked[0].rules
    ]


def test_what_came_near_and_what_forbids_is_named(box: Role) -> None:
    manager.POLICY.deny(box.source, FilePermission("/srv/private/-", "read"))

    found = explain(box, FilePermission("/srv/private/x", "read,write"))

    assert ("denied", "box") == (found.outcome, found.domain)
    assert [
        ('grant FilePermission("/srv/-", "read")', "allows a part"),
        ('deny FilePermission("/srv/private/-", "read")', "forbids"),
    ] == [(rule.rule, rule.effect) for rule in found.asked[0].rules]
    assert "a denial forbids it" in found.advice


def test_a_link_is_followed_as_opening_it_would(tmp_path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to("real")
    link = FilePermission(str(tmp_path / "link"), "read")
    with Sandbox("explained", permissions=[link]) as sandbox:
        found = sandbox.explain(link)

        assert "denied" == found.outcome
        assert (f'("FilePermission" "{tmp_path}/real" "read")',) == found.asked[0].lacks
        assert f'to allow it: sandbox.grant(FilePermission("{tmp_path}/real", "read"))' == found.advice


def test_who_else_is_on_the_stack_is_asked(box: Role) -> None:
    other = Role("other", ASKED)
    found = []
    box.call(lambda: do_privileged(lambda: None))
    with Sandbox("explained", permissions=[ASKED]) as sandbox:
        # As the host's own function would be called by `other`, which may read the policy.
        manager.POLICY.grant(other.source, pycage.SecurityPermission("getPolicy"))
        manager.POLICY.revoke(other.source, ASKED)
        other.call(lambda: found.append(sandbox.explain(ASKED)))

    assert ("denied", "other") == (found[0].outcome, found[0].domain)
    assert ['sandbox "explained"', "other", "host"] == [one.domain for one in found[0].asked]


def test_an_explanation_shows_the_policy_so_sandboxes_get_none() -> None:
    with Sandbox("explained") as sandbox:
        with pytest.raises(AccessDenied, match="getPolicy"):
            sandbox.run("handle.explain(asked)", variables={"handle": sandbox, "asked": ASKED})


def test_explaining_records_nothing_and_uses_nothing_up(box: Role) -> None:
    manager.POLICY.grant(box.source, ASKED, uses=1)
    for _ in range(3):
        assert "granted" == explain(box).outcome

    assert [] == list(decisions())
    box.call(check_permission, ASKED)
    assert "denied" == explain(box).outcome


def test_a_mode_and_a_policy_on_trial_are_explained(box: Role) -> None:
    box.domain._set_mode("audit")
    assert "would deny" == explain(box).outcome
    box.domain._set_mode("enforce")
    box.domain._set_audit_policy(Policy())
    assert "would deny" == explain(box, RuntimePermission("explained.y")).outcome


def test_only_permissions_can_be_explained(box: Role) -> None:
    with pytest.raises(TypeError, match="expected permissions"):
        explanations.explain(Handle(box), "read")


# ---- Text ------------------------------------------------------------------------------------------------------------


def test_the_text_draws_the_stack_and_marks_who_lacks_it(box: Role) -> None:
    text = str(explain(box))

    assert text.startswith('("RuntimePermission" "explained.x"): denied: box lacks it\nthe stack, newest first:\n')
    assert "  box   (code of it that asks)  <- lacks it\n" in text
    assert "test_the_text_draws_the_stack" in text
    assert text.endswith('to allow it: sandbox.grant(RuntimePermission("explained.x"))')
    assert 1 == text.count("<- lacks it")


def test_a_frame_that_lends_is_marked(box: Role) -> None:
    with pytest.raises(AccessDenied):
        HOST.privileged(lambda: box.call(check_permission, ASKED))

    text = str(explain_decision(decisions().denials()[-1]))

    assert 1 == text.count("lends what it may do (do_privileged)")


def test_the_data_can_be_written_as_json(box: Role) -> None:
    data = json.loads(json.dumps(explain(box).as_dict()))

    assert {"permission", "outcome", "domain", "chain", "asked", "advice", "reason"} == set(data)
    assert ["domain", "function", "file", "line", "privileged"] == list(data["chain"][0])


# ---- From records ----------------------------------------------------------------------------------------------------


def save() -> None:
    check_permission(ASKED)


def test_a_record_is_explained_like_the_denial_itself() -> None:
    with Sandbox("explained") as sandbox:
        sandbox.expose("save", save)
        with pytest.raises(AccessDenied) as denied:
            sandbox.run("from host import save\nsave()")
    record = Decision.from_json(decisions().denials()[-1].to_json())

    found = explain_decision(record)

    assert denied.value.__notes__[1].startswith(found.advice)
    assert ("denied", 'sandbox "explained"', "no grant") == (found.outcome, found.domain, found.reason)
    assert "save (" in str(found)


def test_a_record_of_a_link_names_what_it_leads_to(tmp_path) -> None:
    (tmp_path / 'a "b').write_text("")
    (tmp_path / "link").symlink_to('a "b')
    with Sandbox("explained") as sandbox:
        with pytest.raises(AccessDenied):
            sandbox.run(f"open({str(tmp_path / 'link')!r})")
    found = explain_decision(decisions().denials()[-1])

    assert repr(FilePermission(str(tmp_path / 'a "b'), "read")) in found.advice


def record(**changes) -> Decision:
    given = {
        "time": 1.0,
        "sandbox": "s",
        "kind": "RuntimePermission",
        "name": "x",
        "actions": "",
        "outcome": "denied",
        "rule": "no grant",
        "domain": 'sandbox "s"',
    }
    return Decision(**given | changes)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, 'to allow it: sandbox.grant(RuntimePermission("x"))'),
        ({"outcome": "granted"}, ""),
        ({"outcome": "would deny"}, 'to allow it: sandbox.grant(RuntimePermission("x"))'),
        ({"domain": 'library "l"'}, 'to allow it: library.grant(RuntimePermission("x"))'),
        ({"domain": "host"}, "to allow it: give it to the host's own code"),
        ({"rule": 'deny RuntimePermission("*")'}, 'a denial forbids it: deny RuntimePermission("*")'),
        ({"rule": None, "reason": "it never is"}, "no policy is asked"),
        ({"kind": "ImportPermission", "name": "numpy"}, 'host_policy=rules("allow numpy"'),
        ({"kind": "OtherProgramsPermission"}, 'sandbox.grant(("OtherProgramsPermission" "x"))'),
        ({"name": "x" * 10 + "\u2026"}, "too long"),
    ],
)
def test_the_advice_of_a_record(changes, advice) -> None:
    assert advice in explain_decision(record(**changes)).advice
    assert (advice == "") == (explain_decision(record(**changes)).advice == "")


# ---- Agreement -------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["e.a", "e.b", "e.*", "*"])
RULES = st.lists(st.tuples(st.booleans(), NAMES), max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RULES, RULES, st.sampled_from(["enforce", "audit"]), NAMES)
def test_an_explanation_comes_to_the_answer_of_the_check(mine, others, mode, name) -> None:
    roles = []
    for rules in (mine, others):
        role = Role(f"box{next(_numbers)}", pycage.SecurityPermission("getPolicy"))
        for denied, rule in rules:
            (manager.POLICY.deny if denied else manager.POLICY.grant)(role.source, RuntimePermission(rule))
        roles.append(role)
    box, other = roles
    box.domain._set_mode(mode)
    wanted = RuntimePermission(name)
    # Not through `explain`, which asks for a permission that the other may lack: what it asks, on the same stack.
    found = []
    other.call(lambda: found.append(get_context()))
    context = pycage.contexts.merge(pycage.contexts.context_of_domain(box.domain), found[0])
    answers = [explanations._answer_of(one, ((wanted,),), frozenset()) for one in context._asked(((wanted,),))]
    expected = all(answer.outcome != "denied" for answer in answers)

    try:
        other.call(box.call, check_permission, wanted)
        allowed = True
    except AccessDenied as denied:
        allowed = False
        assert denied.domain == next(answer.domain for answer in answers if answer.outcome == "denied")

    assert expected == allowed
    forbidding = [rule for answer in answers for rule in answer.rules if rule.effect == "forbids"]
    assert not (forbidding and expected and mode == "enforce")


# ---- Examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["records", "sinks", "decisions", "explanations", "sandbox", "manager", "telemetry"])
def test_the_examples_of_docstrings_run(name, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/x")
    module = sys.modules[f"pycage.{name}"]
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder().find(module, extraglobs={"pycage": pycage}):
        access.LOG.clear()
        access.LOG.denied(RuntimePermission("example"), "host")
        runner.run(test)

    assert 0 == runner.failures
