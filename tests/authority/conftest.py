"""What tests about handed-out objects share: a sandbox without permissions, and something to hand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pycage
import pytest
from rocket import Rocket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def rocket() -> Rocket:
    return Rocket()


@pytest.fixture
def sandbox() -> Iterator[pycage.Sandbox]:
    with pycage.Sandbox("handed_out") as made:
        yield made
