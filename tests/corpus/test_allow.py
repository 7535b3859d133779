"""The ordinary programs of the corpus in a real sandbox that has nothing but their imports."""

from __future__ import annotations

import pytest
from corpus import results
from corpus.cases import ALLOW, Allow, packages_of
from corpus.stage import Stage


@pytest.mark.parametrize("case", ALLOW, ids=lambda case: case.path.stem)
def test_it_gives_its_value(stage: Stage, case: Allow) -> None:
    imports = tuple(part for name in case.imports for part in packages_of(name))

    outcome = stage.run(case.path, "strict", imports)

    results.RAN[case.number] = outcome.reports.get("value") == case.expected
    assert outcome.reports.get("value") == case.expected, outcome
