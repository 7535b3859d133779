"""Sealed types of the standard library: no sandbox makes a class of one, by whatever name it calls ``type``."""

# Problem.  Guards see class statements and `type(name, bases, namespace)`.  `map(type, ...)`, `make = type` and a
# metaclass make a class as well, that is not the sandbox's own and does its harm all the same: an IPv4Address that is
# equal to every other decides in the caches of ipaddress what `is_private` says to the host.
#
# Idea.  CPython makes all of them in one function, `type.__new__`; where a base is sealed, that asks here.
#
# What still fails.  A call of `type` that a sandbox leaves behind for the host to make, with nobody on the stack.

from __future__ import annotations

import functools
import sys

from pycage import _core, access
from pycage.errors import AccessDenied
from pycage.language import _guards

__all__ = ["install"]


def _judge(base: type | str) -> None:
    if _core.snapshot() is None:
        return
    code = sys._getframe(1).f_code
    # A module of the host that is imported on behalf of a sandbox: `encodings.latin_1` defines a StreamReader.
    if code.co_name == "<module>" and _core.code_domain(code) is None:
        return
    if type(base) is str:
        message = f"access denied: {base} of a class in a sandbox; define it in a class statement, where it is inert"
    elif base is type:
        message = "access denied: a metaclass in a sandbox cannot define mro, __eq__ or __hash__"
    else:
        message = f"access denied: no class of a sandbox can be derived from {type.__dict__['__name__'].__get__(base)}"
    denied = AccessDenied(message)
    access.record_denial(denied)
    raise denied


@functools.cache
def install() -> None:
    """Put the judge in place, once, before the first sandbox is made."""
    _guards.judge_sealed(_judge)
