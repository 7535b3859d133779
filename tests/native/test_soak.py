"""A short soak; `python tests/native/soak.py` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer keeps what is freed")
def test_calls_and_crashes_leave_nothing_behind(tmp_path):
    script = Path(__file__).with_name("soak.py")
    done = subprocess.run(
        [sys.executable, "-P", script, "100000", "100"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("nothing grew\n")
