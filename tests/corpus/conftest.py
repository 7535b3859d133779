"""The stage of the corpus."""

from __future__ import annotations

import pytest
from corpus.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("corpus")) as started:
        yield started
