"""Builds the C sources under AddressSanitizer and UndefinedBehaviorSanitizer and runs the tests that exercise them.

    python tests/sanitize.py

Leaks are not reported: CPython itself keeps memory at exit.  Any other finding ends the run with its report.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = (("_core", "_core.c"), ("language/_guards", "language/guards/*.c"))
TESTS = (
    "test_walk_agreement.py", "test_scenarios.py", "test_regressions.py", "test_access.py", "test_handoff.py",
    "test_sandbox.py", "language",
)  # fmt: skip


def main() -> int:
    """Build, run, and return pytest's exit status."""
    compiler = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as directory:
        package = Path(directory) / "pycage"
        shutil.copytree(ROOT / "pycage", package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        for extension, sources in EXTENSIONS:
            target = package / extension
            subprocess.run(
                [
                    compiler, "-shared", "-fPIC", "-O1", "-g", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                    "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer",
                    f"-I{sysconfig.get_paths()['include']}", *sorted(package.glob(sources)),
                    "-o", f"{target}{sysconfig.get_config_var('EXT_SUFFIX')}",
                ],
                check=True,
            )  # fmt: skip
        runtime = subprocess.run(
            [compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
        ).stdout.strip()
        environment = {
            **os.environ,
            "PYTHONPATH": directory,
            "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": runtime,
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        check = "import pycage; assert pycage.__file__.startswith(%r), pycage.__file__" % directory
        subprocess.run([sys.executable, "-c", check], check=True, env=environment, cwd=directory)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT, *(ROOT / "tests" / test for test in TESTS)],
            cwd=directory, env=environment, check=False,
        ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
