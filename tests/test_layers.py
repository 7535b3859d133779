"""The parts of pycage import downwards only, and what is public is said in one place."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pycage
import pytest

PACKAGE = Path(pycage.__file__).parent

# From the ground up; a part may import what stands before it, and itself.
ORDER = [
    {"_core"},
    {"errors"},
    {"permissions", "codesource"},
    {"domains", "grants", "changes", "modes", "policy"},
    {"contexts"},
    {"records", "rulings", "sinks", "telemetry"},
    {"decisions"},
    {"advice"},
    {"denials", "privileges"},
    {"agreement", "host_calls", "questions", "asking", "needs"},
    {"access", "shims"},
    {"paths", "addresses", "search_path", "source_lines"},
    {"held_paths", "event_requests"},
    {"file_arguments"},
    {"event_arguments"},
    {"events"},
    {"handoff"},
    {"manager", "explanations"},
    {"language"},
    {"imports"},
    {"host_errors", "interrupts", "plain"},
    {"plain_steps"},
    {"exposure", "guest_api", "results"},
    {"cage"},
    {"administration", "control", "trials"},
    {"sandbox", "sandboxes"},
    {"policy_files"},
    {"report", "testing"},
    {"pytest_plugin"},
    {"main_module"},
    {"cli"},
    {"__main__"},
]
LEVEL = {part: level for level, parts in enumerate(ORDER) for part in parts}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pycage":
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("pycage.")}
    return found


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_part_imports_only_what_stands_below_it(path: Path) -> None:
    mine = part_of(path)

    assert mine in LEVEL, f"{mine} has no place in the order of the parts"
    above = {name for name in imports_of(path) if name != mine and LEVEL.get(name, 99) > LEVEL[mine]}

    assert above == set()


def test_there_are_parts_to_look_at() -> None:
    assert {part_of(path) for path in sources()} == set(LEVEL) - {"_core"}


def test_the_algebra_does_no_io_and_needs_nothing_that_does() -> None:
    """The broker of the process tier asks the same algebra, without frames, threads of ours or a shared heap."""
    forbidden = {"os", "io", "socket", "logging", "subprocess", "time", "sys", "pathlib"}
    for path in sources():
        if LEVEL[part_of(path)] <= LEVEL["policy"] and part_of(path) != "errors":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not forbidden & {name.split(".")[0] for name in names}, path


def test_importing_pycage_changes_nothing() -> None:
    program = (
        "import enum, sys, threading, concurrent.futures as f, _strptime\n"
        "def state(): return [vars(o).copy() for o in (threading.Thread, f.ThreadPoolExecutor, enum.EnumType, enum, _strptime)]\n"
        "before = state(); import pycage; same = before == state()\n"
        "heard = []; sys.addaudithook(lambda event, args: heard.append(event)); sys.audit('x'); print(same, heard)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "True ['x']"


def test_all_public_names_are_listed_and_sorted() -> None:
    # pytest adds names with "@" to the modules of its plugins.
    public = [name for name in vars(pycage) if name[0] not in "_@" and name[0].isupper() | name.islower()]
    submodules = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()}

    assert pycage.__all__ == sorted(pycage.__all__)
    assert set(public) - submodules == set(pycage.__all__) - submodules
    assert all(hasattr(pycage, name) for name in pycage.__all__)


def test_every_public_name_has_a_docstring() -> None:
    without = [name for name in pycage.__all__ if not (getattr(pycage, name).__doc__ or "").strip()]

    assert without == []


def test_only_the_facade_of_ctypes_and_the_command_line_know_the_native_part() -> None:
    using = {
        path.relative_to(PACKAGE).as_posix()
        for path in sources()
        if "pycage_native" in {name.split(".")[0] for name in modules_of(path)}
    }

    assert using == {"imports/facades/ctypes_facade.py", "cli/flags.py", "cli/selftest.py"}


def test_importing_pycage_does_not_import_the_native_part(tmp_path: Path) -> None:
    program = "import sys, pycage; print('pycage_native' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout == "False\n"


def modules_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found
