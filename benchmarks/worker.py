"""Another process of this interpreter, which measures one item at a time; see the scripts that it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Worker:
    """The host's end of it."""

    def __init__(self, script: str, mode: str) -> None:
        """Start a script of this directory in one of its modes."""
        # The same hashes in all of them: sets and dictionaries are then laid out alike.
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / script, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )

    def measure(self, item: str) -> Any:
        """Return what the script answers: seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(item + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
