"""The programs of the benchmarks compute the same in a sandbox as outside."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import FunctionType

import pytest
from pycage import PathResolver, Sandbox

PROGRAMS = Path(__file__).parent.parent / "benchmarks" / "programs"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in PROGRAMS.glob("*.py") if path.stem != "constructs"))
def test_a_program_gives_the_same_value_in_a_sandbox(name):
    expected = runpy.run_path(str(PROGRAMS / f"{name}.py"))["run"]()

    with Sandbox(f"benchmark_{name}", resolver=PathResolver(PROGRAMS)) as sandbox:
        actual = sandbox.load(name).run()

    assert expected == actual


@pytest.mark.slow
def test_the_single_constructs_give_the_same_values_in_a_sandbox():
    plain = runpy.run_path(str(PROGRAMS / "constructs.py"))
    names = [name for name, value in plain.items() if isinstance(value, FunctionType) and not name.startswith("_")]
    assert len(names) == 20

    with Sandbox("benchmark_constructs", resolver=PathResolver(PROGRAMS)) as sandbox:
        module = sandbox.load("constructs")
        for name in names:
            assert plain[name]() == getattr(module, name)(), name
