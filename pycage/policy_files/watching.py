"""Watching a policy file: reload it when it changes."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, final

from pycage import _core
from pycage.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pycage.policy_files.policy_file import PolicyFile

__all__ = ["Watch", "report"]


def report(error: Exception) -> None:
    """Log that a file was not taken over, to the logger ``pycage.policy``."""
    logging.getLogger("pycage.policy").error("the policy in force stays: %s", error)


@final
@_core.seal
class Watch:
    """Reloads a policy file when it changes, until it is stopped; made by `PolicyFile.watch`.

    A context manager that stops at its end.
    """

    __slots__ = ("_on_error", "_policy", "_seen", "_stopped", "_thread")

    def __init__(self, policy: PolicyFile, interval: float, on_error: Callable[[Exception], object]) -> None:
        """Look every ``interval`` seconds; what a reload raises goes to ``on_error``."""
        self._policy = policy
        self._on_error = on_error
        self._stopped = threading.Event()
        self._seen = self._state()
        self._thread = threading.Thread(target=self._run, args=(interval,), name="pycage policy", daemon=True)
        self._thread.start()

    def look(self) -> bool:
        """Look now; return whether the file had changed and was read anew without an error."""
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        try:
            self._policy.reload()
        except Exception as error:  # noqa: BLE001  told to who asked; the old policy stays in force
            self._on_error(error)
            return False
        return True

    def stop(self) -> None:
        """Stop looking; returns when nothing is being reloaded any more."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, interval: float) -> None:
        while not self._stopped.wait(interval):
            self.look()

    def _state(self) -> tuple[int, int, int, int] | None:
        """Return what differs when a file was written or replaced; None: there is none."""
        path = self._policy.path
        if path is None:
            message = "a policy that was read from text cannot change"
            raise PolicyError(message)
        try:
            status = os.stat(path)  # noqa: PTH116  # text, as everywhere here
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev
