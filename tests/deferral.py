"""Work that runs later: a sandbox without permissions hands something over, and the host alone has it run.

The effect is a directory that is made.  The outcome is ``done`` if it is there, ``denied`` if a denial of just this effect
was recorded, ``refused`` if another one was.  If nothing of the kind happens, nothing ran at all, and the test fails.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import time

import pytest
from pycage import Sandbox, access
from pycage.errors import AccessDenied
from pycage.permissions import ThreadPermission

_numbers = itertools.count()


class Deferral:
    """One effect, deferred once by a sandbox or by the host."""

    def __init__(self, tmp_path, number: int = 0) -> None:
        self.path = str(tmp_path / f"made{number}")
        self.sandbox = Sandbox(f"guest_{next(_numbers)}", permissions=[ThreadPermission("start")])
        self._triggers: list = []

    def by_sandbox(self, source: str, effect, store, **shown) -> str:
        """Let a sandbox run a source in which hand(thing) is a host API that stores; then trigger.  Return the outcome."""

        access.LOG.clear()

        def hand(thing=None):
            self._triggers.append(store(thing))

        self.sandbox.expose("effect", effect)
        self.sandbox.expose("hand", hand)
        try:
            self.sandbox.run("from host import effect, hand\n" + source, variables=shown)
        except AccessDenied:
            pass  # refused as soon as it was stored
        return self._outcome()

    def by_host(self, source: str, effect, store, **shown) -> str:
        """Do the same without a sandbox."""
        access.LOG.clear()
        namespace = {"effect": effect, "hand": lambda thing=None: self._triggers.append(store(thing)), **shown}
        with contextlib.suppress(TypeError):
            exec(source, namespace)
        return self._outcome()

    def _outcome(self) -> str:
        while self._triggers:
            try:
                self._triggers.pop()()
            except Exception as error:
                if not isinstance(error, (AccessDenied, RuntimeError, StopIteration, TypeError)):
                    raise
        end = time.monotonic() + 20
        collected = False
        while time.monotonic() < end:
            if os.path.exists(self.path):
                return "done"
            for denial in access.LOG.denials():
                return "denied" if self.path in denial.permission else "refused"
            if not collected:
                gc.collect()
                collected = True
            time.sleep(0.001)
        pytest.fail("nothing ran")
