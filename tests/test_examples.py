"""The examples run and print what their READMEs say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/main.py"))


def run(example: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / example / "main.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=directory,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def promised(example: str) -> str:
    """Return the output in the README: the indented block after the word "prints"."""
    after = (EXAMPLES / example / "README.md").read_text().split("\nprints", 1)[1]
    return "".join(line.removeprefix("    ") + "\n" for line in after.splitlines() if line.startswith("    "))


def without_sizes(text: str) -> str:
    return re.sub(r"wrote \d+ characters", "wrote N characters", text)


def without_missing(text: str, seen: str) -> str:
    """Drop the lines about libraries that are said to be missing on this machine."""
    missing = re.findall(r"^(\w+): not found on this machine, skipped$", seen, re.MULTILINE)
    return "".join(line for line in text.splitlines(keepends=True) if line.partition(":")[0] not in missing)


@pytest.mark.slow
@pytest.mark.parametrize("example", NAMES)
def test_an_example_prints_what_its_readme_says(example: str, tmp_path: Path) -> None:
    seen = run(example, tmp_path)

    assert without_missing(without_sizes(seen), seen) == without_missing(without_sizes(promised(example)), seen)


def test_no_example_is_without_a_promise() -> None:
    assert {"native", "native_plugin", "plugins", "sandboxed_0", "sandboxed_1"} <= set(NAMES)
    assert all(promised(name).count("\n") >= 5 for name in NAMES)


@pytest.mark.slow
def test_the_refused_file_does_not_appear(tmp_path: Path) -> None:
    run("sandboxed_0", tmp_path)

    assert list(tmp_path.iterdir()) == []
