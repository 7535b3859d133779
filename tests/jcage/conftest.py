"""What jcage's tests share: the host's modules on the path, and jcage's "unrestricted set-up"."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pycage import PathResolver, Sandbox

HERE = Path(__file__).resolve().parent

# The sandbox gets these modules from the host, so the host must be able to import them.
sys.path.insert(0, str(HERE / "host"))


@pytest.fixture
def resolver() -> PathResolver:
    """The class path of jcage's tests: where sandboxes find modules of their own."""
    return PathResolver(HERE / "guest")


@pytest.fixture
def box():
    """A sandbox without permissions."""
    with Sandbox("box") as made:
        yield made
