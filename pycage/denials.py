"""Denials: how a refusal is recorded, worded and raised.

A denial is recorded before it is raised, because sandboxed code can catch it.  What it says can be read by who catches
it, so it speaks only of what was asked for.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NoReturn

from pycage import contexts
from pycage.advice import advise, grant_of
from pycage.contexts import get_context
from pycage.decisions import DecisionLog, PermissionRequest
from pycage.errors import AccessDenied, StackEntry, add_advice
from pycage.permissions import FilePermission, Permission, RuntimePermission
from pycage.records import recorded_chain, short
from pycage.rulings import denying

if TYPE_CHECKING:
    from pycage.contexts import AccessControlContext
    from pycage.domains import ProtectionDomain, Wanted
    from pycage.records import ChainEntry

__all__ = ["LOG", "capture", "chain_of_stack", "denial", "named", "record_denial", "refusal", "refuse"]

LOG: Final = DecisionLog()

# Where a running Sandbox.run collects what is asked for.
capture: Final[ContextVar[list[PermissionRequest] | None]] = ContextVar("pycage.capture", default=None)


def named(shown: Permission, wanted: Wanted) -> Permission:
    """Return what a record names: a relative path in the form that was judged, or nobody could tell later."""
    relative = type(shown) is FilePermission and shown.name[:1] != "/" and wanted[0]
    return wanted[0][0] if relative else shown


def refusal(
    shown: Permission, wanted: Wanted, refusing: ProtectionDomain, context: AccessControlContext, reason: str
) -> AccessDenied:
    """Record that a domain does not agree to ``wanted``, and return the error to be raised, about ``shown``."""
    weight = refusing.weigh(wanted, contexts.principals.get())
    lacking = weight.lacking or wanted
    asked = named(shown, wanted)
    # For the record only: it tells where a link leads, and what the current directory is.
    elsewhere = " and ".join(str(part[0]) for part in lacking if part[0] != shown)
    chain = recorded_chain()
    LOG.denied(
        asked,
        refusing.label,
        sandbox=context.culprit(),
        rule=denying(refusing.rules, refusing.code_source, [one for part in lacking for one in part]),
        chain=chain,
        reason="; ".join(filter(None, [reason, f"needs {elsewhere}" if elsewhere else ""])),
    )
    denied = _error(shown, refusing.label, chain, reason)
    add_advice(denied, *advise(shown, refusing, weight, wanted, context=context, chain=chain))
    return denied


def denial(
    permission: Permission, label: str, *, grant_to: ProtectionDomain | None = None, reason: str = ""
) -> AccessDenied:
    """Record a denial about which no policy was asked, and return it, to be raised.

    Args:
        permission: What was asked for.
        label: The domain that refuses.
        grant_to: The domain that a grant would help; None if no grant would.
        reason: Why.
    """
    chain = recorded_chain()
    LOG.denied(permission, label, sandbox=get_context().culprit(), chain=chain, reason=reason)
    denied = _error(permission, label, chain, reason)
    if grant_to is not None:
        denied.add_note(grant_of(grant_to, [permission]))
    return denied


def _error(permission: Permission, label: str, chain: tuple[ChainEntry, ...], reason: str) -> AccessDenied:
    captured = capture.get()
    if captured is not None:
        captured.append(PermissionRequest(permission, granted=False))
    shown = _without_files(chain)
    denied = AccessDenied(f"access denied {permission}", permission=permission, domain=label, chain=shown)
    at = [entry.function for entry in shown if entry.domain == label]
    where = next((f": {function}" for function in at if not function.startswith("shim ")), "")
    denied.add_note(f"refused by {label}{where}{f' ({reason})' if reason else ''}")
    return denied


def refuse(
    permission: Permission, label: str, *, grant_to: ProtectionDomain | None = None, reason: str = ""
) -> NoReturn:
    """Record a denial and raise it; the arguments are those of `denial`."""
    raise denial(permission, label, grant_to=grant_to, reason=reason)


def record_denial(denied: AccessDenied) -> None:
    """Record a denial that another part made, before it is raised."""
    permission = denied.permission
    LOG.denied(
        permission if isinstance(permission, Permission) else RuntimePermission(short(str(denied))),
        denied.domain or get_context().culprit(),
        chain=recorded_chain(),
        reason="; ".join([str(denied), *getattr(denied, "__notes__", ())]),
    )


def chain_of_stack() -> tuple[StackEntry, ...]:
    """Return who is on the stack, newest first, as a sandbox may read it."""
    return _without_files(recorded_chain())


def _without_files(chain: tuple[ChainEntry, ...]) -> tuple[StackEntry, ...]:
    """Return what a sandbox may read of a chain: where the host's files are is not its business."""
    return tuple(
        StackEntry(entry.domain, f"{entry.function} line {entry.line}{' (privileged)' if entry.privileged else ''}")
        for entry in chain
    )
