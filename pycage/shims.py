"""Shims: functions of a sandbox's own domain in place of the host's.

A host function that a sandbox hands on is invisible when it runs later on somebody else's stack.  A shim is not: its
code belongs to the sandbox, so its frame is on the stack however late it is called, and `do_privileged` called through
a shim is called by the sandbox.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Final, final

from pycage import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.domains import ProtectionDomain

__all__ = ["SHIM_FILE", "Shims"]


def _function_template(target: Callable[..., object]) -> Callable[..., object]:
    def shim(*args: object, **kwargs: object) -> object:
        return target(*args, **kwargs)

    return shim


def _method_template(target: Callable[..., object]) -> Callable[..., object]:
    # The proxy it is called on stays outside: `target` is bound to the host object already.
    def shim(_proxy: object, /, *args: object, **kwargs: object) -> object:
        return target(*args, **kwargs)

    return shim


@final
@_core.seal
class Shims:
    """Makes the shims of one sandbox, which has its own copy of the two code objects, tagged with its domain."""

    __slots__ = ("_function", "_method")

    def __init__(self, domain: ProtectionDomain) -> None:
        """Make copies of the templates for ``domain``."""
        self._function = _tagged_copy(_function_template, domain)
        self._method = _tagged_copy(_method_template, domain)

    def function(self, target: Callable[..., object]) -> Callable[..., object]:
        """Return a function that calls ``target``."""
        return _named_like(self._function(target), target)

    def method(self, target: Callable[..., object]) -> Callable[..., object]:
        """Return a function for a class body that calls ``target`` without the instance."""
        return _named_like(self._method(target), target)


# What tracebacks and chains show for a shim.
SHIM_FILE: Final = "<pycage shim>"
# Shims see no globals of pycage's.
_GLOBALS: Final[dict[str, object]] = {"__builtins__": {}, "__name__": "host"}


def _tagged_copy(
    template: Callable[[Callable[..., object]], Callable[..., object]], domain: ProtectionDomain
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    # Only the inner code is the sandbox's: the template itself runs when the host makes a shim.
    outer: types.CodeType = template.__code__
    constants = []
    for constant in outer.co_consts:
        copied = constant
        if isinstance(constant, types.CodeType):
            copied = constant.replace(co_filename=SHIM_FILE, co_qualname="shim")
            _core.tag(copied, domain)
        constants.append(copied)
    return types.FunctionType(outer.replace(co_consts=tuple(constants)), _GLOBALS)


def _named_like(shim: Callable[..., object], target: Callable[..., object]) -> Callable[..., object]:
    name = getattr(target, "__name__", None)
    if type(name) is str:
        shim.__name__ = shim.__qualname__ = name
    doc = getattr(target, "__doc__", None)
    if type(doc) is str:
        shim.__doc__ = doc
    return shim
