"""Denials: how a refusal is recorded, worded and raised.

A denial is recorded before it is raised, because sandboxed code can catch it.  What it says can be read by who catches
it, so it speaks only of what was asked for.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NoReturn

from pycage import _core, contexts
from pycage.contexts import get_context
from pycage.decisions import DecisionLog, PermissionRequest
from pycage.errors import AccessDenied, StackEntry

if TYPE_CHECKING:
    from pycage.domains import ProtectionDomain
    from pycage.permissions import Permission

__all__ = ["LOG", "capture", "chain_of_stack", "denial", "record_denial", "refuse"]

LOG: Final = DecisionLog()
CHAIN_LENGTH: Final = 64

# Where a running Sandbox.run collects what is asked for.
capture: Final[ContextVar[list[PermissionRequest] | None]] = ContextVar("pycage.capture", default=None)
_OWN_FILES: Final = __file__.removesuffix("denials.py")


def denial(
    permission: Permission, label: str, *, grant_to: ProtectionDomain | None = None, reason: str = ""
) -> AccessDenied:
    """Record a denial and return it, to be raised.

    Args:
        permission: What was asked for.
        label: The domain that refuses.
        grant_to: The domain that a grant would help; None if no grant would.
        reason: Why, where it is not simply a missing permission.
    """
    chain = chain_of_stack()
    text = str(permission)
    LOG.record(text, granted=False, domain=label, chain=chain, reason=reason)
    captured = capture.get()
    if captured is not None:
        captured.append(PermissionRequest(permission, granted=False))
    denied = AccessDenied(f"access denied {text}", permission=permission, domain=label, chain=chain)
    at = [entry.function for entry in chain if entry.domain == label]
    where = next((f": {function}" for function in at if not function.startswith("shim ")), "")
    denied.add_note(f"refused by {label}{where}{f' ({reason})' if reason else ''}")
    if grant_to is not None:
        denied.add_note(f"to allow it: {grant_to.handle}.grant({permission!r})")
    return denied


def refuse(
    permission: Permission, label: str, *, grant_to: ProtectionDomain | None = None, reason: str = ""
) -> NoReturn:
    """Record a denial and raise it; the arguments are those of `denial`."""
    raise denial(permission, label, grant_to=grant_to, reason=reason)


def record_denial(denied: AccessDenied) -> None:
    """Record a denial that another part made, before it is raised."""
    LOG.record(str(denied), granted=False, domain=get_context().culprit(), chain=chain_of_stack())


def chain_of_stack() -> tuple[StackEntry, ...]:
    """Return who is on the stack, newest first, without pycage's own functions."""
    return tuple(
        StackEntry(
            (contexts.HOST if domain is None else domain).label,  # type: ignore[attr-defined]  # every tag is a ProtectionDomain
            f"{function} line {line}{' (privileged)' if is_privileged else ''}",
        )
        for domain, function, filename, line, is_privileged in _core.stack(CHAIN_LENGTH)
        if not (domain is None and filename.startswith(_OWN_FILES))
    )
