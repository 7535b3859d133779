"""A user's program type-checks strictly, against the package as it is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pycage
import pytest

PROGRAM = Path(__file__).with_name("user_program.py")


def check(program: Path, directory: Path) -> str:
    # The package that these tests use, wherever it is; a checker follows installed packages only with py.typed.
    path = str(Path(pycage.__file__).parents[1])
    environment = {**os.environ, "MYPYPATH": "" if "site-packages" in path else path}
    command = [sys.executable, "-P", "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache", str(program)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=False, cwd=directory, env=environment
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is in the extra lint")
def test_a_program_that_uses_what_is_public_passes_strict_checks_and_a_mistake_does_not(tmp_path):
    assert check(PROGRAM, tmp_path) == "Success: no issues found in 1 source file\n"

    wrong = tmp_path / "wrong.py"
    wrong.write_text("import pycage\n\npycage.Sandbox(1)\npycage.plain()\n")
    found = check(wrong, tmp_path)
    assert 'wrong.py:3: error: Argument 1 to "Sandbox"' in found
    assert "wrong.py:4: error: Missing positional argument" in found


@pytest.mark.parametrize("package", ["pycage", "pycage_native"])
def test_the_package_says_that_it_is_typed(package):
    assert (Path(importlib.util.find_spec(package).origin).parent / "py.typed").is_file()
