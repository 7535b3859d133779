"""What the README shows works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def run(program: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=directory
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_example_prints_what_it_says(tmp_path: Path) -> None:
    promised = README.split("\nprints\n\n", 1)[1].split("\n\n", 1)[0]

    assert run(PROGRAMS[0], tmp_path) == "".join(line.strip() + "\n" for line in promised.splitlines())


def test_every_other_program_runs(tmp_path: Path) -> None:
    assert len(PROGRAMS) == 2
    for program in PROGRAMS[1:]:
        assert run(program, tmp_path) == ""


def test_the_two_commands_are_the_makefiles() -> None:
    makefile = (Path(__file__).resolve().parent.parent / "Makefile").read_text(encoding="utf-8")

    for command in ("demo", "test"):
        assert f"    make {command} " in README
        assert f"\n{command}: " in makefile
    assert "`make docs`" in README
    assert "\ndocs: " in makefile


def test_the_programs_of_the_page_about_native_libraries_run(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "native.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert programs
    for program in programs:
        run(program, tmp_path)


def test_what_the_readme_and_the_first_page_link_to_is_there() -> None:
    root = Path(__file__).resolve().parent.parent

    for page in (root / "README.md", root / "docs" / "index.md"):
        links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))]
        assert len(links) > 5
        for link in links:
            assert link.startswith("https://") or (page.parent / link).exists(), link
