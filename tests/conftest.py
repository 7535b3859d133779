"""What every test has: the security manager at work, and an empty decision log; the corpus's table at the end.

What it may have: ``make``, which makes sandboxes with a plugin.
"""

from __future__ import annotations

import pytest
from corpus import results
from plugged import making
from pycage import access, manager


@pytest.fixture(autouse=True)
def _manager_at_work():
    manager.install()
    access.LOG.clear()


@pytest.fixture
def make():
    with making() as make:
        yield make


# ---- The table of the corpus.  Its tests may run in several processes, each of which knows a part. -------------------


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["corpus"] = results.PARTS


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    for known, more in zip(results.PARTS, getattr(node, "workeroutput", {}).get("corpus", ())):
        known.update(more)


def pytest_terminal_summary(terminalreporter):
    if results.STOPPED:
        terminalreporter.section("corpus: what was stopped; classes in brackets need not be, entirely, yet")
        for line in results.table():
            terminalreporter.write_line(line)
