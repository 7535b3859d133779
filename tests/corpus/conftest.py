"""The stage of the corpus, and its table at the end of a run."""

from __future__ import annotations

import pytest
from corpus import results
from corpus.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("corpus")) as started:
        yield started


def pytest_terminal_summary(terminalreporter):
    if results.STOPPED:
        terminalreporter.section("corpus: what was stopped; classes in brackets need not be, entirely, yet")
        for line in results.table():
            terminalreporter.write_line(line)
