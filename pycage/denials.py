"""Denials: how a refusal is recorded, worded and raised.

A denial is recorded before it is raised, because sandboxed code can catch it.  What it says can be read by who catches
it, so it speaks only of what was asked for.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NoReturn

from pycage import contexts
from pycage.contexts import get_context
from pycage.decisions import DecisionLog, PermissionRequest
from pycage.errors import AccessDenied, StackEntry
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
    lacking = refusing.weigh(wanted, contexts.principals.get()).lacking or wanted
    return denial(
        shown,
        refusing.label,
        grant_to=None if refusing is contexts.HOST else refusing,
        rule=denying(refusing.rules, refusing.code_source, [one for part in lacking for one in part]),
        recorded=named(shown, wanted),
        sandbox=context.culprit(),
        reason=reason,
        needed=_not_shown(shown, lacking),
    )


def _not_shown(shown: Permission, lacking: Wanted) -> str:
    """Return what is missing if it is not what is shown: where a relative path or a link leads."""
    missing = [one[0] for one in lacking if one and shown not in one]
    return " and ".join(map(str, missing)) if len(missing) == len(lacking) else ""


def denial(
    permission: Permission,
    label: str,
    *,
    grant_to: ProtectionDomain | None = None,
    reason: str = "",
    rule: str | None = None,
    recorded: Permission | None = None,
    sandbox: str | None = None,
    needed: str = "",
) -> AccessDenied:
    """Record a denial and return it, to be raised.

    Args:
        permission: What was asked for.
        label: The domain that refuses.
        grant_to: The domain that a grant would help; None if no grant would.
        reason: Why, where it is not simply a missing permission.
        rule: What of the policy decided; None: no policy was asked.
        recorded: What the record names, if it is not ``permission``.
        sandbox: The nearest sandbox, if ``label`` is none.
        needed: What is missing, if that is not ``permission``.  For the record only: it tells where a link leads, and
            what the current directory is.
    """
    chain = recorded_chain()
    why = "; ".join(part for part in (reason, f"needs {needed}" if needed else "") if part)
    LOG.denied(recorded or permission, label, sandbox=sandbox, rule=rule, chain=chain, reason=why)
    captured = capture.get()
    if captured is not None:
        captured.append(PermissionRequest(permission, granted=False))
    denied = AccessDenied(
        f"access denied {permission}", permission=permission, domain=label, chain=_without_files(chain)
    )
    at = [entry.function for entry in denied.chain if entry.domain == label]
    where = next((f": {function}" for function in at if not function.startswith("shim ")), "")
    denied.add_note(f"refused by {label}{where}{f' ({reason})' if reason else ''}")
    if grant_to is not None and needed:
        denied.add_note("to allow it: grant what the name leads to; the host finds it in pycage.decisions()")
    elif grant_to is not None:
        denied.add_note(f"to allow it: {grant_to.handle}.grant({permission!r})")
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
