"""Calls of the program's own functions from the middle of a check: deciders and subscribers.

They run as the host: privileged, so that the sandbox whose check it is lends them nothing and takes nothing from them,
and in the context of contextvars in which they were handed over.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from pycage import _core
from pycage.contexts import principals

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from pycage.changes import PolicyChange

__all__ = ["as_host", "report", "tell"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_LOGGER: Final = logging.getLogger("pycage")


def as_host(context: Context, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call a function of the host, in a copy of ``context``, on behalf of nobody."""
    own = context.copy()
    own.run(principals.set, frozenset())

    def call() -> _T:
        return own.run(function, *args, **kwargs)

    return _core.do_privileged(call)


def report(context: Context, what: str, error: BaseException) -> None:
    """Tell the program's log that one of its functions failed; raises nothing."""
    if error.__cause__ is None:
        # What is being handled below is a sandbox's exception, perhaps; its text is code of the sandbox.
        error.__suppress_context__ = True
    with contextlib.suppress(BaseException):
        as_host(context, _LOGGER.error, "%s failed", what, exc_info=error)


def tell(context: Context, callback: Callable[[PolicyChange], object], change: PolicyChange) -> None:
    """Call a subscriber of a policy; raises nothing."""
    try:
        as_host(context, callback, change)
    except BaseException as error:  # noqa: BLE001  a change that was made cannot fail any more, nor can a check
        report(context, "a subscriber of the policy", error)
