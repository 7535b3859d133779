"""The security manager: turns audit events into questions to access control.

One per process.  Importing this module changes nothing; `install` adds the audit hook, which CPython never lets go of
again.  What each event asks for stands in `events.py`; this module only asks.
"""

from __future__ import annotations

import importlib._bootstrap
import threading
import time
from typing import TYPE_CHECKING, Final

from pycage import _core, access, handoff
from pycage.codesource import CodeSource
from pycage.domains import ProtectionDomain
from pycage.events import EVENTS, EventRefused, requests_for
from pycage.grants import ALLOWED, NOTHING
from pycage.host_calls import tell
from pycage.permissions import AllPermission, SecurityPermission, registered_types
from pycage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycage._core import Raw
    from pycage.decisions import DecisionLog
    from pycage.domains import Wanted
    from pycage.events import Request
    from pycage.grants import Weight
    from pycage.permissions import Permission, Permissions

__all__ = [
    "HOST",
    "NOBODY",
    "POLICY",
    "decisions",
    "get_policy",
    "install",
    "judge",
    "set_default_permissions",
]

POLICY: Final = Policy(on_change=_core.advance_epoch, clock=time.monotonic, tell=tell)


class _HostPolicy:
    """Answers for code in no sandbox: the policy's default permissions."""

    @property
    def rules(self) -> Permissions:
        return POLICY.default

    def allows_outright(self, _source: CodeSource, permission: Permission) -> bool:
        return POLICY.default.implies(permission)

    def weigh(self, _source: CodeSource, wanted: Wanted, _principals: object) -> Weight:
        return ALLOWED if all(any(POLICY.default.implies(one) for one in part) for part in wanted) else NOTHING

    def take(self, _grants: object) -> bool:
        return True

    def deliver(self) -> None:
        pass


HOST: Final = ProtectionDomain(CodeSource("pycage://host"), "host", _HostPolicy())  # type: ignore[arg-type]  # all it asks
NOBODY: Final = ProtectionDomain(CodeSource("pycage://nobody"), "nobody (empty stack)", None)


def _decide_event(event: str, arguments: object, top: ProtectionDomain | None, raw: Raw) -> None:
    """Judge an audit event.  Called by the core when not only the host is on the stack."""
    rule = EVENTS.get(event)
    if rule is not None and rule.when_top_is_guest and top is None:
        return
    judge(access.context_of(raw), requests_for, event, arguments)


def judge(
    context: access.AccessControlContext, reader: Callable[..., tuple[Request, ...]], /, *arguments: object
) -> None:
    """Return if ``context`` agrees to all that a reader finds in the arguments of an operation.

    Raises:
        AccessDenied: It does not, or the arguments cannot be judged.
    """
    try:
        requests = reader(*arguments)
    except EventRefused as refused:
        access.refuse(refused.permission, context.culprit(), reason=refused.reason)
    for request in requests:
        wanted = [request.alternatives or (request.permission,), *((also,) for also in request.also)]
        access.judge(request.permission, wanted, context)


access.set_host_domain(HOST)
access.permission_types(registered_types().values())
_core.configure(
    events={name: int(rule.kind) for name, rule in EVENTS.items()},
    decide=access.decide,
    decide_event=_decide_event,
    host=HOST,
    nobody=NOBODY,
    permission_types=access.PERMISSION_TYPES,
    all_permission=AllPermission,
    context_type=access.AccessControlContext,
    find_and_load=importlib._bootstrap._find_and_load.__code__,  # type: ignore[attr-defined]  # typeshed leaves it out
)

_lock = threading.Lock()
_installed = False


def install(*, allow_subinterpreters: bool = False) -> None:
    """Install the security manager, for the rest of the process; further calls change nothing.

    Args:
        allow_subinterpreters: Let code in sub-interpreters do what it likes.  Nobody can be attributed there, so by
            default every operation there that would be checked is refused.

    Raises:
        RuntimeError: Another audit hook of this process refused pycage's.
        AccessDenied: A sandbox is on the stack.

    Example:
        >>> pycage.install()  # a Sandbox does it, too
        >>> pycage.install()  # nothing more happens
    """
    global _installed  # noqa: PLW0603  once per process
    with _lock:
        if not _installed:
            _core.activate(allow_subinterpreters=allow_subinterpreters)
            handoff.install()
            _installed = True
        elif allow_subinterpreters:
            access.check_permission(SecurityPermission("setPolicy"))
            _core.activate(allow_subinterpreters=True)


def get_policy() -> Policy:
    """Return the policy of the process.

    It is the live one, and its methods ask nobody for permission: whoever has it may grant whatever it likes.  Hand out
    what you read from it, such as ``get_policy().permissions(source)``, and never the policy itself.

    Raises:
        AccessDenied: A caller lacks ``SecurityPermission("getPolicy")``.

    Example:
        >>> with pycage.Sandbox("known", permissions=[pycage.RuntimePermission("x")]):
        ...     pycage.get_policy().permissions(pycage.CodeSource("pycage://sandbox/known"))
        Permissions([RuntimePermission("x")])
    """
    access.check_permission(SecurityPermission("getPolicy"))
    return POLICY


def decisions() -> DecisionLog:
    """Return the record of the newest decisions, and where they go.

    Raises:
        AccessDenied: A caller lacks ``SecurityPermission("getDecisions")``.

    >>> with pycage.Sandbox("curious") as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> pycage.decisions().denials()[-1].granted
    False
    """
    access.check_permission(SecurityPermission("getDecisions"))
    return access.LOG


def set_default_permissions(permissions: Iterable[Permission]) -> None:
    """Replace the permissions of all code in no sandbox; see `Policy.set_default`."""
    with _lock:
        # In this order, a check in between is at worst asked in full about a host that may do everything.
        _core.set_host_unrestricted(False)
        try:
            POLICY.set_default(permissions)
        finally:
            _core.set_host_unrestricted(_is_unrestricted(POLICY.default))


def _is_unrestricted(permissions: Permissions) -> bool:
    return any(type(permission) is AllPermission for permission in permissions)
