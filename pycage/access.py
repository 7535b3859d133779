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
# work was handed over with.  The walk is done in C (`_core.c`), what it finds is judged here.
#
# What still fails: work that host code does later on a sandbox's behalf without a captured context (`handoff.py`).

from __future__ import annotations

import functools
import inspect
from collections.abc import Coroutine
from contextvars import Context, ContextVar, Token
from typing import TYPE_CHECKING, Final, Generic, NoReturn, ParamSpec, TypeVar, final, overload

from pycage import _core
from pycage._core import check_permission, do_privileged
from pycage.decisions import DecisionLog, PermissionRequest
from pycage.domains import Principal, ProtectionDomain, Wanted, limit_allows
from pycage.errors import AccessDenied, StackEntry, type_name
from pycage.permissions import Permission, SecurityPermission
from pycage.permissions.registry import register_unchecked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import TracebackType

    from pycage._core import Raw

__all__ = [
    "AccessControlContext",
    "GuardedObject",
    "check_permission",
    "do_privileged",
    "get_context",
    "privileged",
    "register_permission_type",
    "run_as",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

LOG: Final = DecisionLog()
CHAIN_LENGTH: Final = 64

_principals: Final[ContextVar[frozenset[Principal]]] = ContextVar("pycage.principals", default=frozenset())
# Where a running Sandbox.run collects what is asked for.
capture: Final[ContextVar[list[PermissionRequest] | None]] = ContextVar("pycage.capture", default=None)


# ---- Contexts -------------------------------------------------------------------------------------------------------


@final
@_core.seal
class AccessControlContext:
    """A snapshot of who is on a stack, to be asked later or to be added to another stack.

    It holds domains, not permissions: what is granted or revoked later counts (jcage's J20).  Made by `get_context`.

    Source: java.security.AccessControlContext (Java SE 17).
    """

    __slots__ = ("_domains", "_limits")

    _domains: tuple[ProtectionDomain, ...]
    # For each limited privileged call on the way: its permissions, and who is asked when none covers a request.
    _limits: tuple[tuple[tuple[Permission, ...], AccessControlContext], ...]

    def __init__(self) -> None:
        """Refuse: contexts are made by `get_context`."""
        message = "an AccessControlContext is a snapshot of a real stack: call get_context()"
        raise TypeError(message)

    def check_permission(self, permission: Permission, /) -> None:
        """Return if every domain in the snapshot implies ``permission``; the running stack is not asked.

        Raises:
            AccessDenied: One does not.
            TypeError: ``permission`` is not of a registered type.
        """
        require_permissions((permission,))
        _conclude(permission, self, self._refusing(((permission,),)))

    def bind(self, callable: Callable[_P, _T], /) -> Callable[_P, _T]:  # noqa: A002  the word for it
        """Return a callable that calls ``callable`` with this context added to whatever stack it runs on."""
        return _core.bind(self, callable)

    def involves_other_than(self, domain: ProtectionDomain) -> bool:
        """Return whether a sandbox other than ``domain`` is in this context, behind a limit included."""
        return bool({*self._domains} - {HOST, domain}) or any(
            parent.involves_other_than(domain) for _, parent in self._limits
        )

    def is_of_one_sandbox(self) -> bool:
        """Return whether there is exactly one sandbox in this context, and no limit."""
        return len({*self._domains} - {HOST}) == 1 and not self._limits

    def is_within(self, other: AccessControlContext) -> bool:
        """Return whether every sandbox of this context is in ``other`` as well."""
        return {*self._domains} - {HOST} <= {*other._domains}

    def _refusing(self, wanted: Wanted) -> ProtectionDomain | None:
        """Return the domain nearest to the call that does not agree, or None."""
        principals = _principals.get()
        for domain in self._domains:
            if not domain.grants(wanted, principals):
                return domain
        for limit, parent in self._limits:
            if not limit_allows(limit, wanted):
                refusing = parent._refusing(wanted)
                if refusing is not None:
                    return refusing
        return None

    def _nearest_sandbox(self) -> ProtectionDomain | None:
        for domain in self._domains:
            if domain is not HOST:
                return domain
        for _, parent in self._limits:
            nearest = parent._nearest_sandbox()
            if nearest is not None:
                return nearest
        return None

    def culprit(self) -> str:
        """Return the label of the nearest sandbox, or the host's."""
        nearest = self._nearest_sandbox()
        return HOST.label if nearest is None else nearest.label

    def __repr__(self) -> str:
        limits = f", {len(self._limits)} limits" if self._limits else ""
        return f"<AccessControlContext {', '.join(domain.label for domain in self._domains) or 'host'}{limits}>"


def _make_context(
    domains: tuple[ProtectionDomain, ...], limits: tuple[tuple[tuple[Permission, ...], AccessControlContext], ...]
) -> AccessControlContext:
    context = object.__new__(AccessControlContext)
    context._domains = domains
    context._limits = limits
    return context


def context_of_domain(domain: ProtectionDomain) -> AccessControlContext:
    """Return the context of a domain that acts without frames of its own: a native library's."""
    return _make_context((domain,), ())


def context_of(raw: Raw | None) -> AccessControlContext:
    """Return the context that the core's raw chain stands for."""
    if raw is None:
        return _EMPTY
    domains, contexts, limit, rest = raw
    if not contexts and limit is None:
        return _make_context(domains, ())  # type: ignore[arg-type]  # every domain is a ProtectionDomain
    merged = merge(_make_context(domains, ()), *contexts)  # type: ignore[arg-type]  # the core checked the types
    if limit is None:
        return merged
    return _make_context(merged._domains, (*merged._limits, (limit, context_of(rest))))  # type: ignore[arg-type]  # read_limit


def merge(*contexts: AccessControlContext) -> AccessControlContext:
    """Return the intersection of authority: all domains and all limits, without duplicates."""
    domains: dict[ProtectionDomain, None] = {}
    limits: list[tuple[tuple[Permission, ...], AccessControlContext]] = []
    for context in contexts:
        domains.update(dict.fromkeys(context._domains))
        limits += [limit for limit in context._limits if limit not in limits]
    return _make_context(tuple(domains), tuple(limits))


_EMPTY: Final = _make_context((), ())


def get_context() -> AccessControlContext:
    """Return a snapshot of what a check made here would consult: stack, inherited context, limits.

    Source: java.security.AccessController.getContext (Java SE 17).
    """
    return context_of(_core.snapshot())


# ---- Decisions ------------------------------------------------------------------------------------------------------


def decide(permission: Permission, raw: Raw) -> bool:
    """Return whether the answer may be remembered, or raise the denial.  Called by the core.

    Does nothing that raises a checked audit event: it is judged with the whole stack, as everything is.
    """
    context = context_of(raw)
    _conclude(permission, context, context._refusing(((permission,),)))
    return not any(domain.conditional for domain in context._domains)


def judge(shown: Permission, wanted: Wanted, context: AccessControlContext) -> None:
    """Raise AccessDenied about ``shown`` unless all of ``context`` agrees to ``wanted``."""
    _conclude(shown, context, context._refusing(wanted))


def implied(permission: Permission) -> bool:
    """Return whether the running stack agrees to ``permission``, without recording that it was asked.

    For lists of what may be seen.  What is about to be *done* is asked with `check_permission`.
    """
    raw = _core.snapshot()
    return raw is None or context_of(raw)._refusing(((permission,),)) is None


def _conclude(permission: Permission, context: AccessControlContext, refusing: ProtectionDomain | None) -> None:
    if refusing is not None:
        refuse(permission, refusing.label, grant_to=None if refusing is HOST else refusing)
    captured = capture.get()
    if captured is not None:
        captured.append(PermissionRequest(permission, granted=True))
    LOG.record(str(permission), granted=True, domain=context.culprit())


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
    chain = _chain()
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
        denied.add_note(f"to allow it: sandbox.grant({permission!r})")
    return denied


def refuse(
    permission: Permission, label: str, *, grant_to: ProtectionDomain | None = None, reason: str = ""
) -> NoReturn:
    """Record a denial and raise it; the arguments are those of `denial`."""
    raise denial(permission, label, grant_to=grant_to, reason=reason)


def record_denial(denied: AccessDenied) -> None:
    """Record a denial that another part made, before it is raised."""
    LOG.record(str(denied), granted=False, domain=get_context().culprit(), chain=_chain())


def _chain() -> tuple[StackEntry, ...]:
    """Return who is on the stack, newest first, without pycage's own functions."""
    return tuple(
        StackEntry(
            (HOST if domain is None else domain).label,  # type: ignore[attr-defined]  # every tag is a ProtectionDomain
            f"{function} line {line}{' (privileged)' if is_privileged else ''}",
        )
        for domain, function, filename, line, is_privileged in _core.stack(CHAIN_LENGTH)
        if not (domain is None and filename.startswith(_OWN_FILES))
    )


# ---- Privileged functions -------------------------------------------------------------------------------------------


@overload
def privileged(function: Callable[_P, _T], /) -> Callable[_P, _T]: ...
@overload
def privileged(
    *, limit: Sequence[Permission] | None = None, context: AccessControlContext | None = None
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]: ...
def privileged(
    function: Callable[_P, _T] | None = None,
    /,
    *,
    limit: Sequence[Permission] | None = None,
    context: AccessControlContext | None = None,
) -> Callable[_P, _T] | Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Make a function run privileged: what it does is not refused because of who called it.

    For functions and coroutine functions, of which every step runs privileged.  Give a ``limit``: a request outside of
    it is still judged with all callers.  A sandbox that decorates gains nothing: who is on the stack when the decorator
    runs stays in the context of every call.

    Args:
        function: What to decorate.
        limit: Permissions that are lent, judged one by one; None lends all.
        context: A context whose domains must agree as well.

    Raises:
        TypeError: ``function`` is a generator function, whose body would run later and unprivileged.
    """
    context = _with_running_stack(context)
    if function is None:
        # The decorator may be applied elsewhere: who asked for it here stays in its context.
        return lambda decorated: _privileged(decorated, limit, context)
    return _privileged(function, limit, context)


def _with_running_stack(context: AccessControlContext | None) -> AccessControlContext | None:
    raw = _core.snapshot()
    if raw is None:
        return context
    return context_of(raw) if context is None else merge(context_of(raw), context)


def _privileged(
    function: Callable[_P, _T], limit: Sequence[Permission] | None, context: AccessControlContext | None
) -> Callable[_P, _T]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = (
            "a generator function cannot be privileged: its body runs later, in whoever iterates it; "
            "call do_privileged(...) around the single step that needs it"
        )
        raise TypeError(message)
    limit = None if limit is None else tuple(limit)
    context = _with_running_stack(context)

    if inspect.iscoroutinefunction(function):

        async def step_by_step(*args: _P.args, **kwargs: _P.kwargs) -> object:
            return await _PrivilegedSteps(function(*args, **kwargs), context, limit)

        wrapper: Callable[..., object] = step_by_step
    else:

        def in_one_call(*args: _P.args, **kwargs: _P.kwargs) -> object:
            return _core.call_privileged(function, args, kwargs, context, limit)

        wrapper = in_one_call
    functools.update_wrapper(wrapper, function)
    del wrapper.__wrapped__  # type: ignore[attr-defined]  # the bare function is nobody's business
    return wrapper  # type: ignore[return-value]  # same parameters, same result


class _PrivilegedSteps(Coroutine[object, object, _T], Generic[_T]):
    """Runs each step of a coroutine in a privileged call of its own, so that nothing stays behind when it suspends."""

    __slots__ = ("_context", "_coroutine", "_limit")

    def __init__(
        self, coroutine: object, context: AccessControlContext | None, limit: tuple[Permission, ...] | None
    ) -> None:
        self._coroutine: Coroutine[object, object, _T] = coroutine  # type: ignore[assignment]  # iscoroutinefunction
        self._context = context
        self._limit = limit

    def send(self, value: object, /) -> object:
        return _core.do_privileged(self._coroutine.send, value, context=self._context, limit=self._limit)

    def throw(self, *exception: object) -> object:
        return _core.do_privileged(self._coroutine.throw, *exception, context=self._context, limit=self._limit)

    def close(self) -> None:
        _core.do_privileged(self._coroutine.close, context=self._context, limit=self._limit)

    def __next__(self) -> object:
        return self.send(None)

    def __iter__(self) -> _PrivilegedSteps[_T]:
        return self

    def __await__(self) -> Generator[object, object, _T]:
        return self  # send, throw and close are all that await needs


# ---- Guarded objects, principals, registration ----------------------------------------------------------------------


@final
@_core.seal
class GuardedObject(Generic[_T]):
    """An object that is handed out only to who has a permission.

    After `get` the caller keeps the bare object, and no later revoke recalls it; a proxy from ``Sandbox.expose`` checks
    every call and can be recalled.

    Source: java.security.GuardedObject (Java SE 17).
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
        self._token = _principals.set(_principals.get() | self._principals)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            _principals.reset(self._token)
            self._token = None


def forget_principals(context: Context) -> Context:
    """Take the principals of `run_as` out of a context of ``contextvars``, for work that outlives their block."""
    context.run(_principals.set, frozenset())
    return context


PERMISSION_TYPES: Final[dict[type, None]] = {}


def require_permissions(permissions: tuple[object, ...]) -> None:
    """Return if all are exactly of registered types, raise TypeError otherwise."""
    for permission in permissions:
        kind = type(permission)
        # A metaclass of a sandbox's own would answer the look-up; no registered type has one.
        if type(kind) is not type or kind not in PERMISSION_TYPES:
            message = (
                f"expected permissions such as FilePermission('/srv/-', 'read'), got {type_name(permission)}; "
                "types of your own are registered with register_permission_type()"
            )
            raise TypeError(message)


def register_permission_type(kind: type[Permission], /) -> type[Permission]:
    """Make a permission type of the host's own known to pycage, so that it can be asked for.  Usable as a decorator.

    Only the host may: sandboxed code needs ``SecurityPermission("registerPermissionType")``, because a type decides
    what its permissions imply.

    Raises:
        TypeError: ``kind`` is not a subclass of `Permission`.
        ValueError: Its name is taken.
    """
    check_permission(SecurityPermission("registerPermissionType"))
    register_unchecked(kind)
    PERMISSION_TYPES[kind] = None
    return kind


def set_host_domain(host: ProtectionDomain) -> None:
    """Say which domain stands for host code; once, by the manager."""
    global HOST  # noqa: PLW0603  the one name that the manager fills in
    HOST = host


HOST: ProtectionDomain = ProtectionDomain(None, "host", None)  # type: ignore[arg-type]  # replaced by the manager
_OWN_FILES: Final = __file__.removesuffix("access.py")


def permission_types(kinds: Iterable[type]) -> None:
    """Let the core accept permissions of ``kinds``."""
    PERMISSION_TYPES.update(dict.fromkeys(kinds))
