"""The stage: runs corpus files, each in a fresh process that is ready at once.

Starting an interpreter that has imported pycage and half of the standard library takes a quarter of a second; forking
one that has takes a few milliseconds, and 283 files run three times.  So one process is started, imports everything,
and forks for each run.  What the fork does is in ``run_case.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from corpus.cases import CORPUS

Policy = Literal["strict", "layer", "plain"]


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Attributes:
        status: As `subprocess` gives it.
        timed_out: It was killed.
        wrote: ``WRITE_PATH`` exists.
        reports: What the run said itself, in order; a key may be missing if it ended early.
    """

    status: int
    timed_out: bool
    wrote: bool
    reports: dict[str, str] = field(default_factory=dict)

    def effect(self, evidence: str) -> bool:
        """Say whether the snippet had its effect.  Source: README.md, "Evidence"."""
        if evidence == "escaped":
            return "escaped" in self.reports
        if evidence == "write":
            return self.wrote
        if evidence == "exit":  # the host must go on and get an ordinary error
            return "end" not in self.reports or "base-exception" in self.reports
        if evidence == "result":
            return "gift" in self.reports
        raise ValueError(evidence)

    @property
    def complete(self) -> bool:
        """Whether it ran to its end: a host that died, or hung, has not prevented anything."""
        return not self.timed_out and self.status == 0 and "end" in self.reports

    @property
    def stopped_by(self) -> str:
        """The layer that said no first: see ``run_case.py``."""
        return self.reports.get("stopped-by", "nothing")


class Stage:
    """A process that runs corpus files.  A context manager."""

    def __init__(self, directory: Path) -> None:
        """Start it, with ``directory`` for what the runs write."""
        environment = {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ
        }
        environment.update(HOME=str(directory), TMPDIR=str(directory), PYCAGE_SECRET="env-secret")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-X", "utf8", "-W", "ignore", str(CORPUS / "stage_process.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=directory,
            env=environment,
            text=True,
        )

    def run(self, path: Path, policy: Policy, imports: tuple[str, ...] = (), *, source: str | None = None) -> Outcome:
        """Run one file.

        Args:
            path: The file; its directory says whether it is an attack or an ordinary program.
            policy: ``"strict"``: nothing is granted.  ``"layer"``: the modules of ``imports`` are shared and
                ``ALLOWED_DIR`` may be read.  ``"plain"``: no sandbox.
            imports: See there.
            source: Run this text instead of what is in the file.
        """
        request = {"path": str(path), "policy": policy, "imports": imports, "source": source}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the stage has ended"
        return Outcome(**json.loads(answer))

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
