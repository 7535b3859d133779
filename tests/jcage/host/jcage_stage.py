"""The stage of jcage's experiments: one "host op", a host object that does it, and ways to ask and to expect."""

from __future__ import annotations

import contextlib

import pytest

from pycage import AccessDenied, FilePermission, Sandbox, check_permission, do_privileged

OP = FilePermission("/tmp/z", "delete")
READ, WRITE = FilePermission("/tmp/-", "read"), FilePermission("/tmp/-", "write")


class Host:
    """A host object: its methods run with whoever is on the stack, except where they lend."""

    def op(self) -> str:
        """Do the "host op"."""
        check_permission(OP)
        return "done"

    def lent(self) -> str:
        """Do it for anybody."""
        return do_privileged(self.op)

    def call(self, action):
        """Call back."""
        return action()

    def call_privileged(self, action):
        """Call back from a privileged action of the host's."""
        return do_privileged(lambda: action())


HOST = Host()
CHECK = """
from pycage import FilePermission, check_permission, do_privileged, get_context
OP = FilePermission("/tmp/z", "delete")
"""


def run(sandbox: Sandbox, source: str, **variables: object) -> object:
    """Run source with the names it needs; return its value."""
    return sandbox.run(CHECK + source, variables={"host": HOST, **variables}).value


@contextlib.contextmanager
def denied(permission: object):
    """Expect the denial of exactly this permission."""
    with pytest.raises(AccessDenied) as caught:
        yield
    assert str(caught.value) == f"access denied {permission}"
