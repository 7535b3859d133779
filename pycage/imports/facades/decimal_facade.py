"""``decimal`` for a sandbox: local contexts that end."""

# Problem.  The context of decimal belongs to the thread, which is the host's.  `localcontext().__enter__()`, called by
# hand in a function that the host calls, leaves the host with three digits.
#
# Things that do not work:
#
# - To put the context back after each call of a sandbox's function: nothing of pycage runs there.
# - Numbers without a context, or a context of the sandbox's own: Decimal asks the thread's.
#
# Idea.  A `with` statement ends what it began, and the interpreter calls `__enter__` by an instruction of its own then.
# Whoever calls it in another way needs to be in `Sandbox.run` or `load`, after which the context is put back.  A
# generator may stop in the middle of a `with` statement, so it is no better.
#
# What still fails.  A function of the host that a sandbox calls within such a block has its context, too.

from __future__ import annotations

import decimal
import opcode
import sys
from inspect import CO_ASYNC_GENERATOR, CO_GENERATOR
from typing import TYPE_CHECKING, Any, Final, final

from pycage import _core
from pycage.errors import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pycage.imports.tools import Tools

__all__ = ["make"]

_ENTERS: Final = frozenset(opcode.opmap[name] for name in ("BEFORE_WITH",) if name in opcode.opmap)
_STOPS: Final = CO_GENERATOR | CO_ASYNC_GENERATOR


def _is_with_statement(frame: FrameType) -> bool:
    code = frame.f_code
    return not code.co_flags & _STOPS and code.co_code[frame.f_lasti] in _ENTERS


def make(tools: Tools) -> dict[str, object]:
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    @final
    @_core.seal
    class LocalContext:
        """What ``decimal.localcontext`` returns."""

        __slots__ = ("_make", "_manager", "_own")

        def __init__(self, make: Callable[[], Any]) -> None:
            self._make = make
            self._manager: Any = None
            self._own: object = None

        def __enter__(self) -> object:
            if not tools.restores() and not _is_with_statement(sys._getframe(1)):
                message = (
                    "access denied: a local context of decimal can be entered by a with statement only, and not in a "
                    "generator, outside of Sandbox.run: the host's thread would keep it"
                )
                raise AccessDenied(message)
            if self._own is not None:
                message = "this local context was entered already; make another one"
                raise RuntimeError(message)
            self._manager = self._make()  # remembers what it will put back
            self._own = self._manager.__enter__()
            return self._own

        def __exit__(self, *error: object) -> None:
            # What it puts back is right in its own block only, whoever calls it when.
            if decimal.getcontext() is self._own:
                self._manager.__exit__(*error)

    def localcontext(ctx: decimal.Context | None = None, **attributes: Any) -> object:
        """Return a context manager that sets a copy of a context, with these attributes, for its block."""
        decimal.localcontext(ctx, **attributes)  # raises what is wrong with them
        return LocalContext(lambda: decimal.localcontext(ctx, **attributes))

    def getcontext() -> decimal.Context:
        """Return a copy of the current context: the real one is the thread's, which belongs to the host too."""
        return decimal.getcontext().copy()

    return {"getcontext": getcontext, "localcontext": localcontext}
