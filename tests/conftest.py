"""What every test has: the security manager at work, and an empty decision log."""

from __future__ import annotations

import pytest
from pycage import access, manager


@pytest.fixture(autouse=True)
def _manager_at_work():
    manager.install()
    access.LOG.clear()
