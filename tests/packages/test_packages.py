"""Real packages, unmodified, inside a sandbox without any permission: one program of ordinary use each.

Each program runs twice, in plain CPython and in a sandbox, and must give the same value.
"""

from __future__ import annotations

import gc
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packages.table import PACKAGES, Package
from pycage import AccessDenied, ChainResolver, MappingResolver, PathResolver, Sandbox, rules

PROGRAMS = Path(__file__).parent / "programs"
SITE = sysconfig.get_paths()["purelib"]
NAME = "smoke_program"


def source_of(package: Package) -> str:
    return (PROGRAMS / f"{package.program}.py").read_text(encoding="utf-8")


def plain(package: Package, directory: Path) -> str:
    """Run the program outside, in a process of its own: some packages change what they import."""
    program = directory / f"{NAME}.py"
    program.write_text(f"{source_of(package)}\n\nprint(ascii(main()))\n", encoding="utf-8")
    command = [sys.executable, "-P", "-W", "ignore", str(program)]
    return subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout.rstrip("\n")


@pytest.fixture
def sandbox(package: Package):
    resolver = ChainResolver(MappingResolver({NAME: source_of(package)}), PathResolver(SITE))
    allowed = [f"allow {module}.*" for module in (NAME, *package.modules)]
    # Files beside the modules; no permission, but what Java gives every class loader.
    allowed += [f"allow resource {module}.*:*" for module in package.modules]
    with Sandbox(f"package_{package.program}", resolver=resolver, sandbox_policy=rules(*allowed)) as made:
        yield made
        gc.collect()  # a __del__ that runs after the sandbox was closed is refused


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_does_its_work_in_a_sandbox(package: Package, sandbox: Sandbox, tmp_path: Path) -> None:
    expected = plain(package, tmp_path)

    value = sandbox.load(NAME).main()

    assert ascii(value) == expected


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_modules_of_a_package_are_the_sandboxes_own(package: Package, sandbox: Sandbox) -> None:
    module = sandbox.load(package.modules[0])

    assert sandbox.run(f"import sys, {module.__name__}\nsys.modules['{module.__name__}']").value is module
    assert sys.modules.get(module.__name__) is not module


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_version_is_one_that_was_tried(package: Package) -> None:
    assert importlib.metadata.version(package.name)


PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "packages.md").read_text(encoding="utf-8")
ROWS = {
    row[0]: row for row in re.findall(r"^\| (\S+) \| (\S+) \| (yes|no) \| (.*?) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)
}


def test_the_page_lists_these_packages_and_counts_them() -> None:
    working = [row for row in ROWS.values() if row[2] == "yes"]

    assert list(ROWS) == [package.name for package in PACKAGES]
    assert f"{len(working)} of {len(PACKAGES)} work." in PAGE


@pytest.mark.parametrize("package", [one for one in PACKAGES if ROWS[one.name][4]], ids=lambda package: package.name)
def test_what_the_page_says_does_not_work_is_refused(package: Package, sandbox: Sandbox) -> None:
    expression, error = re.findall(r"`([^`]+)`", ROWS[package.name][4])[:2]
    imports = "".join(f"import {name}\n" for name in package.modules if name != "six")
    more = {"dateutil": "import dateutil.tz\n", "packaging": "import packaging.metadata\n"}.get(package.program, "")

    with pytest.raises({"AccessDenied": AccessDenied, "ImportError": ImportError}[error]):
        sandbox.run(f"{imports}{more}{expression}")
