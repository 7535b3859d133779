"""The attacks of the corpus on a real sandbox: none may have its effect, under either policy."""

from __future__ import annotations

import functools

import pytest
from corpus import results
from corpus.cases import DENY, MANDATORY, Deny
from corpus.expectations import HARMLESS, SUBSTITUTED, granted, meant_to_stop, not_stopped_yet
from corpus.stage import Outcome, Policy, Stage
from pycage.imports.stdlib import refusal

NOT_YET = not_stopped_yet()
RUN = [case for case in DENY if case.stoppable and case.applies]

# What cannot be told from the version of Python: the effect may not show without a sandbox.
BUILD_FEATURES = frozenset({"cffi installed", "extension built as .so", "sqlite3 built with loadable extensions"})


@functools.cache
def outcome_of(stage: Stage, case: Deny, policy: Policy) -> Outcome:
    """Run a file once under each policy."""
    source = None
    if case.number in SUBSTITUTED:
        source = case.path.read_text(encoding="utf-8").replace(*SUBSTITUTED[case.number])
    return stage.run(case.path, policy, granted(case), source=source)


def is_stopped(case: Deny, outcome: Outcome) -> bool:
    """Judge by the evidence; the process that embeds the sandbox must have lived on."""
    if case.number in HARMLESS and outcome.reports.get("escaped") == HARMLESS[case.number]:
        return outcome.complete
    return outcome.complete and not outcome.effect(case.evidence)


@pytest.mark.parametrize("policy", ["strict", "layer"])
@pytest.mark.parametrize("case", RUN, ids=lambda case: case.path.stem)
def test_it_has_no_effect_in_a_sandbox(stage: Stage, case: Deny, policy: Policy) -> None:
    outcome = outcome_of(stage, case, policy)

    stopped = is_stopped(case, outcome)

    results.STOPPED[case.number, policy] = stopped
    if (case.number, policy) in NOT_YET:
        assert not stopped, "it is stopped now: take it off NOT_STOPPED_YET.tsv"
    else:
        assert stopped, outcome


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.path.stem)
def test_it_is_stopped_by_the_layer_meant_for_it(stage: Stage, case: Deny) -> None:
    """A file that is stopped at the import gate says nothing about the view, or the guard, behind it."""
    if (case.number, "layer") in NOT_YET:
        pytest.skip("it is not stopped")

    stopper = outcome_of(stage, case, "layer").stopped_by

    assert meant_to_stop(case, stopper), f"{stopper}, and not: {case.layer}"


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.path.stem)
def test_a_shared_module_with_a_view_is_not_stopped_at_the_import_gate(stage: Stage, case: Deny) -> None:
    gate, _, module = outcome_of(stage, case, "layer").stopped_by.partition(": ")

    if gate == "import gate" and module in granted(case):
        assert refusal(module) is not None


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.path.stem)
def test_it_has_its_effect_without_a_sandbox(stage: Stage, case: Deny) -> None:
    """Otherwise stopping it means nothing."""
    outcome = stage.run(case.path, "plain")

    results.SHOWN[case.number] = shown = outcome.effect(case.evidence)
    assert shown or case.needs in BUILD_FEATURES or case.number == "D287", outcome


def test_nothing_of_the_classes_that_must_be_stopped_is_listed_as_not_stopped() -> None:
    kinds = {case.number: case.kind for case in DENY}

    assert not {number for number, _ in NOT_YET if kinds[number] in MANDATORY}


# What the corpus leaves to the process tier and is stopped all the same, by the facades of `os` and `socket`.
BEYOND = [case for case in DENY if case.number in {"D295", "D318"}]


@pytest.mark.parametrize("policy", ["strict", "layer"])
@pytest.mark.parametrize("case", BEYOND, ids=lambda case: case.path.stem)
def test_a_race_and_a_look_up_are_stopped_in_process(stage: Stage, case: Deny, policy: Policy) -> None:
    assert not case.stoppable
    assert is_stopped(case, outcome_of(stage, case, policy))
