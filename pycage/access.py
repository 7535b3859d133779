"""Access control: may everything on this stack do this."""

# Problem.  A library function that may write files is called by code that may not.  Who is asking?
#
# Things that do not work:
#
# - Look at the caller only (sys._getframe(1)): a callback passed to any trusted package moves the caller.
# - Allow if any frame is trusted: then every trusted library is a way out.
# - A context variable, flag or `with` block for privilege: it stays behind in a suspended generator.
#
# Idea (java.security.AccessController).  Every domain from the newest frame down to the nearest privileged one, that
# frame's own included, must imply the permission; without a privileged frame, all of them and the context that the
# work was handed over with.  The walk is done in C (`core/walk.c`), what it finds is judged here.
#
# What still fails: work that host code does later on a sandbox's behalf without a captured context (`handoff.py`).

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

from pycage import _core, contexts
from pycage._core import check_permission, do_privileged
from pycage.agreement import agree
from pycage.contexts import (
    AccessControlContext,
    context_of,
    context_of_domain,
    forget_principals,
    get_context,
    principals,
    set_host_domain,
)
from pycage.decisions import PermissionRequest
from pycage.denials import LOG, capture, denial, named, record_denial, refusal, refuse
from pycage.domains import Principal, Wanted
from pycage.errors import type_name
from pycage.permissions import Permission, SecurityPermission
from pycage.permissions.registry import register_unchecked
from pycage.privileges import privileged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextvars import Token
    from types import TracebackType

    from pycage._core import Raw
    from pycage.agreement import Passed

__all__ = [
    "LOG",
    "AccessControlContext",
    "GuardedObject",
    "capture",
    "check_permission",
    "context_of",
    "context_of_domain",
    "denial",
    "do_privileged",
    "forget_principals",
    "get_context",
    "privileged",
    "record_denial",
    "refuse",
    "register_permission_type",
    "run_as",
    "set_host_domain",
]

_K = TypeVar("_K", bound=Permission)
_T = TypeVar("_T")


# ---- Decisions ------------------------------------------------------------------------------------------------------


def decide(permission: Permission, raw: Raw) -> tuple[_core.Tally, ...] | None:
    """Return None if the answer may not be remembered, else where it is to be counted, for each domain in order.

    Raises the denial.  Called by the core.  Does nothing that raises a checked audit event: it is judged with the whole
    stack, as everything is.
    """
    context = context_of(raw)
    if not _conclude(permission, ((permission,),), context):
        return None
    domains = context._domains
    # The host stands last, and is counted for itself only.
    counted = (LOG.tally(permission, domain) for domain in domains if domain is not contexts.HOST or len(domains) == 1)
    return tuple(tally for tally in counted if tally is not None)


def judge(shown: Permission, wanted: Wanted, context: AccessControlContext) -> None:
    """Raise AccessDenied about ``shown`` unless all of ``context`` agrees to ``wanted``."""
    _conclude(shown, wanted, context)


def implied(permission: Permission) -> bool:
    """Return whether the running stack agrees to ``permission``, without recording that it was asked.

    For lists of what may be seen.  What is about to be *done* is asked with `check_permission`.
    """
    raw = _core.snapshot()
    return raw is None or context_of(raw)._refusing(((permission,),)) is None


def _conclude(permission: Permission, wanted: Wanted, context: AccessControlContext) -> bool:
    """Return whether the answer may be remembered, or raise the denial."""
    outright = True
    passed: list[Passed] = []
    for domain in context._asked(wanted):
        if not domain.allows_outright(wanted):
            outright = False
            break
    if not outright:
        refusing, reason = agree(wanted, context, passed)
        if refusing is not None:
            raise refusal(permission, wanted, refusing, context, reason)
    captured = capture.get()
    if captured is not None:
        captured.append(PermissionRequest(permission, granted=True))
    for domain, lacking, reason in passed:
        for part in lacking:
            LOG.let_pass(part[0], domain, reason)
    if passed and any(domain.mode == "audit" for domain, _, _ in passed):
        return False
    asked = permission if wanted[0][0] is permission else named(permission, wanted)
    LOG.granted(asked, context._nearest(), wanted[0])
    return outright


def _check(permission: Permission, context: AccessControlContext) -> None:
    require_permissions((permission,))
    judge(permission, ((permission,),), context)


contexts.attach(_check)


# ---- Guarded objects, principals, registration ----------------------------------------------------------------------


@final
@_core.seal
class GuardedObject(Generic[_T]):
    """An object that is handed out only to who has a permission.

    After `get` the caller keeps the bare object, and no later revoke recalls it; a proxy from ``Sandbox.expose`` checks
    every call and can be recalled.

    Source: java.security.GuardedObject (Java SE 17).

    Example:
        >>> guarded = pycage.GuardedObject("the key", pycage.RuntimePermission("takeKey"))
        >>> with pycage.Sandbox("visitor") as sandbox:
        ...     sandbox.expose("take", guarded.get)
        ...     sandbox.grant(pycage.RuntimePermission("takeKey"))
        ...     sandbox.run("from host import take; take()").value
        'the key'
    """

    __slots__ = ("_guard", "_object")

    def __init__(self, object: _T, guard: Permission | None) -> None:  # noqa: A002  Java's word for it
        """Guard ``object`` with ``guard``; None: anybody gets it."""
        if guard is not None and not isinstance(guard, Permission):
            message = f"the guard must be a permission or None, got {type(guard).__name__}"
            raise TypeError(message)
        self._object = object
        self._guard = guard

    def get(self) -> _T:
        """Return the object.

        Raises:
            AccessDenied: Something on the stack does not imply the guard.
        """
        if self._guard is not None:
            check_permission(self._guard)
        return self._object


@final
@_core.seal
class run_as:  # noqa: N801  used like a function: with run_as(Principal("ann")): ...
    """Run a block on behalf of principals: grants made for them hold inside.

    Not a privilege: who is on the stack is judged as ever.  Threads start without principals.  Do not ``yield`` inside
    the block: the principals would stay set in the code that resumes.  Needs ``SecurityPermission("runAs.<name>")``.

    Source: javax.security.auth.Subject.doAs (Java SE 17), without its combiner.

    Example:
        >>> ann, code = pycage.Principal("ann"), pycage.CodeSource("pycage://sandbox/served")
        >>> with pycage.Sandbox("served") as sandbox:
        ...     _ = pycage.get_policy().grant(code, pycage.RuntimePermission("x"), principals=[ann])
        ...     with pycage.run_as(ann):
        ...         _ = sandbox.run("import pycage; pycage.check_permission(pycage.RuntimePermission('x'))")
    """

    __slots__ = ("_principals", "_token")

    def __init__(self, *principals: Principal) -> None:
        """Name the principals; they come on top of those of an outer block."""
        for principal in principals:
            if type(principal) is not Principal:
                message = f"run_as() needs Principal objects, got {type(principal).__name__}"
                raise TypeError(message)
        self._principals = frozenset(principals)
        self._token: Token[frozenset[Principal]] | None = None

    def __enter__(self) -> None:
        for principal in self._principals:
            check_permission(SecurityPermission(f"runAs.{principal.name}"))
        if self._token is not None:
            message = "this run_as block is active already; make one for each block"
            raise RuntimeError(message)
        self._token = principals.set(principals.get() | self._principals)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            principals.reset(self._token)
            self._token = None


PERMISSION_TYPES: Final[dict[type, None]] = {}


def require_permissions(permissions: tuple[object, ...]) -> None:
    """Return if all are exactly of registered types, raise TypeError otherwise."""
    for permission in permissions:
        kind = type(permission)
        # A metaclass of a sandbox's own would answer the look-up; no registered type has one.
        if type(kind) is not type or kind not in PERMISSION_TYPES:
            message = (
                f"expected permissions such as FilePermission('/srv/-', 'read'), got {type_name(permission)}; "
                + _instead(permission)
            )
            raise TypeError(message)


def _instead(given: object) -> str:
    """Return what to do about an argument that is no permission; only exact types of the interpreter's are told."""
    kind = type(given)
    if kind is str:
        return "parse(text) reads the text of one"
    if kind is list or kind is tuple:
        return "pass them one by one, with a star in front: *permissions"
    if kind is type and given in PERMISSION_TYPES:
        return "that is the type; call it, with a name and actions"
    return "types of your own are registered with register_permission_type()"


def listed_permissions(word: str, given: Iterable[Permission]) -> tuple[Permission, ...]:
    """Return the permissions of an argument that takes several.

    Raises:
        TypeError: It is one, or its text, without the list around it.
    """
    kind: type = type(given)
    if kind is str or (type(kind) is type and kind in PERMISSION_TYPES):
        message = f"{word} takes a list of permissions, not one {type_name(given)}; put it in brackets: {word}=[...]"
        raise TypeError(message)
    return tuple(given)


def register_permission_type(kind: type[_K], /) -> type[_K]:
    """Make a permission type of the host's own known to pycage, so that it can be asked for.  Usable as a decorator.

    Only the host may: sandboxed code needs ``SecurityPermission("registerPermissionType")``, because a type decides
    what its permissions imply.

    Raises:
        TypeError: ``kind`` is not a subclass of `Permission`.
        ValueError: Its name is taken.

    Example:
        >>> @pycage.register_permission_type
        ... class DoorPermission(pycage.BasicPermission):
        ...     pass
        >>> pycage.check_permission(DoorPermission("cellar.open"))  # raises nothing: nobody but the host is here
    """
    check_permission(SecurityPermission("registerPermissionType"))
    register_unchecked(kind)
    PERMISSION_TYPES[kind] = None
    return kind


def permission_types(kinds: Iterable[type]) -> None:
    """Let the core accept permissions of ``kinds``."""
    PERMISSION_TYPES.update(dict.fromkeys(kinds))
