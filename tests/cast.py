"""The cast of the stack tests: functions that belong to a domain of their own, and domains with plain permissions.

`Role(name, *permissions)` is a protection domain together with functions whose code is tagged with it.  A role without
a name is the host: the same functions, untagged.
"""

from __future__ import annotations

import itertools
import types

from pycage import _core, manager
from pycage.codesource import CodeSource
from pycage.domains import ProtectionDomain
from pycage.permissions import Permission

_SOURCE = """
def call(step, *args):
    return step(*args)

def generate(step):
    yield step()

async def suspend(step):
    return step()

def sort(step):
    found = []
    sorted([None], key=lambda _: found.append(step()) or 0)
    return found[0]

def comprehend(step):
    return [step() for _ in (0,)][0]

def privileged(do_privileged, step, limit, context, model):
    lent_here = (limit, model)
    return do_privileged(step, limit=limit, context=context)
"""

_numbers = itertools.count()


class Role:
    """A domain and its functions; use as ``role.call(step)``, ``role.privileged(...)``."""

    def __init__(self, name: str | None, *permissions: Permission) -> None:
        namespace: dict[str, object] = {}
        code = compile(_SOURCE, f"<{name}>", "exec")
        self.domain: ProtectionDomain = manager.HOST
        if name is not None:
            self.source = CodeSource(f"pycage://test/{name}/{next(_numbers)}")
            self.domain = ProtectionDomain(self.source, name, manager.POLICY)
            manager.POLICY.grant(self.source, *permissions)
            _core.tag(code, self.domain)
        # Made by hand: exec() would run the module body, which is nobody's business here.
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                namespace[constant.co_name] = types.FunctionType(constant, namespace)
        namespace["__builtins__"] = __builtins__
        for function in ("call", "generate", "suspend", "sort", "comprehend"):
            setattr(self, function, namespace[function])
        self._privileged = namespace["privileged"]
        self.codes = {constant for constant in code.co_consts if isinstance(constant, types.CodeType)}

    def privileged(self, step, limit=None, context=None):
        """Let a function of this role call do_privileged; a context may bring its twin for the reference walker."""
        real = getattr(context, "real", context)
        return self._privileged(_core.do_privileged, step, limit, real, getattr(context, "model", None))
