"""Builds the C sources under AddressSanitizer and UndefinedBehaviorSanitizer and runs the tests that exercise them.

    python tests/sanitize.py [pytest arguments]

The executor is built with both, too, and does its work confined: its reports have nowhere to go, but it ends with the
exit status of the sanitizers, which no test expects.  Signals that a library ends with stay signals.  The copy that is
tested sets no limit of address space, of which AddressSanitizer reserves terabytes.

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
FLAGS = (
    "-O1", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer",
)  # fmt: skip
EXTENSIONS = (
    ("pycage/_core", "pycage/core/*.c", "c11"),
    ("pycage/language/_guards", "pycage/language/guards/*.c", "c11"),
    ("pycage_native/_channel", "pycage_native/channel/*.c", "gnu11"),
)
TESTS = (
    "test_walk_agreement.py", "test_scenarios.py", "test_regressions.py", "test_access.py", "test_handoff.py",
    "test_sandbox.py", "language", "native", "authority/test_handed_out.py", "authority/test_review.py",
)  # fmt: skip
# Without an environment, so its options are part of the program.
OPTIONS = """
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "exitcode=99:detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:handle_sigill=0:"
         "use_sigaltstack=0:detect_stack_use_after_return=0";
}
"""
# The tests that use up the address space.
UNLIMITED = (
    "--deselect=tests/native/test_selftest.py::test_a_probe_comes_to_nothing[use_much_memory]",
    "--deselect=tests/native/test_selftest.py::test_the_command_prints_a_line_for_each",
)
ADDRESS_SPACE = "            (resource.RLIMIT_AS, self.memory + mapped),\n"


def build_executor(compiler: str, package: Path) -> None:
    """Build the executor, and take the limit away that it cannot have."""
    options = package / "executor" / "options.c"
    options.write_text(OPTIONS)
    sources = [*sorted(package.glob("executor/*.c")), package / "executor" / f"call_{os.uname().machine}.S"]
    command = [compiler, *FLAGS, "-std=gnu11", *sources, "-o", package / "pycage-executor", "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    limits = package / "limits.py"
    text = limits.read_text()
    assert ADDRESS_SPACE in text
    limits.write_text(text.replace(ADDRESS_SPACE, ""))


def main() -> int:
    """Build, run, and return pytest's exit status."""
    compiler = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)  # executors are nobody's, and read the library
        for package in ("pycage", "pycage_native"):
            ignored = shutil.ignore_patterns("*.so", "__pycache__", "pycage-executor")
            shutil.copytree(ROOT / package, directory / package, ignore=ignored)
        include, suffix = sysconfig.get_paths()["include"], sysconfig.get_config_var("EXT_SUFFIX")
        for extension, sources, standard in EXTENSIONS:
            command = [
                compiler, "-shared", "-fPIC", *FLAGS, f"-std={standard}", f"-I{include}", *sorted(directory.glob(sources)),
                "-o", directory / f"{extension}{suffix}",
            ]  # fmt: skip
            subprocess.run(command, check=True)
        build_executor(compiler, directory / "pycage_native")
        subprocess.run(
            [compiler, "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", ROOT / "pycage_native/selftest/hostile.c",
             "-o", directory / "pycage_native/libpycage-hostile.so", "-lpthread"],
            check=True,
        )  # fmt: skip
        runtime = subprocess.run(
            [compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
        ).stdout.strip()
        environment = {
            **os.environ,
            "PYTHONPATH": name,
            "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": runtime,
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        check = "import pycage; assert pycage.__file__.startswith(%r), pycage.__file__" % name
        subprocess.run([sys.executable, "-c", check], check=True, env=environment, cwd=name)
        chosen = sys.argv[1:] or [str(ROOT / "tests" / test) for test in TESTS]
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT,
             "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", *UNLIMITED, *chosen],
            cwd=name, env=environment, check=False,
        ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
