"""Control: what a sandbox may do, changed and asked while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, final, overload

from pycage import _core, manager
from pycage.access import check_permission, get_context, require_permissions
from pycage.administration import MOST_LINES, absolute, administering, as_callers, require_administrator
from pycage.asking import HostAsker, is_async
from pycage.errors import LimitExceeded, PolicyError
from pycage.permissions import SecurityPermission

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from pycage.asking import Decider
    from pycage.changes import PolicyChange, Subscription
    from pycage.domains import Principal, ProtectionDomain
    from pycage.grants import Grant
    from pycage.permissions import Permission, Permissions

__all__ = ["Controlled"]

_D = TypeVar("_D", bound="Decider")

# What a request comes to if it comes to these for different domains: the worst.
_WORST: Final = ("denied", "prompt", "partial", "granted")


@final
@_core.seal
class _Granted:
    """What `Sandbox.granted` returns, to who may administer."""

    __slots__ = ("_domain", "_grants", "_permissions", "_unless")

    def __init__(
        self, domain: ProtectionDomain, permissions: tuple[Permission, ...], unless: Callable[[], bool]
    ) -> None:
        self._domain = domain
        self._permissions = permissions
        self._unless = unless
        self._grants: tuple[Grant, ...] = ()

    def __enter__(self) -> None:
        self._grants += manager.POLICY.grant(self._domain.code_source, *self._permissions, unless=self._unless)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        grants, self._grants = self._grants, ()
        manager.POLICY.withdraw(grants)


class Controlled:
    """The part of a `Sandbox` that says what it may do."""

    __slots__ = ("_closed", "_delegated", "_domain", "_name", "_watched")

    _closed: bool
    _delegated: bool  # code of those above it had it made, not the host
    _domain: ProtectionDomain
    _name: str
    _watched: list[Subscription]

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    @property
    def permissions(self) -> Permissions:
        """What is granted to it now, read-only.  Denials are not subtracted; see `query`.  Raises as `query` does."""
        self._may_know()
        return manager.POLICY.permissions(self._domain.code_source)

    @administering
    def grant(
        self,
        *permissions: Permission,
        principals: Iterable[Principal] = (),
        ttl: float | None = None,
        uses: int | None = None,
        tag: str | None = None,
    ) -> None:
        """Grant permissions; effective on the next check.

        Args:
            permissions: What.  Relative paths are made absolute now.
            principals: For those only, if any are given; see `run_as`.
            ttl: For so many seconds; None: until it is revoked.
            uses: For so many checks, each permission by itself.  A check counts if it is allowed and nothing else
                allows it; an operation can make more than one (a connection looks its host up first).
            tag: By which it can be revoked.

        Raises:
            AccessDenied: A caller may not.  The host may.  Sandboxed code needs ``SandboxAdminPermission(name,
                "setSandboxPermissions")``; for a child of its own sandbox, a `GrantPermission` for each permission and
                that permission itself will do.
            PolicyError: ``ttl`` or ``uses`` is not a positive number.
            LimitExceeded: Sandboxed code that may because it is above this sandbox has no place for so many: there are
                1,024 lines in the policy about one sandbox.

        Example:
            >>> from pycage import FilePermission
            >>> sandbox = pycage.Sandbox("visitor")
            >>> sandbox.grant(FilePermission("/srv/-", "read"), ttl=60, tag="visit")
            >>> sandbox.query(FilePermission("/srv/a.txt", "read"))
            'granted'
            >>> sandbox.revoke(tag="visit")
            True
            >>> sandbox.close()
        """
        require_permissions(permissions)
        wanted = absolute(permissions)
        manager.POLICY.grant(
            self._domain.code_source,
            *wanted,
            principals=principals,
            ttl=ttl,
            uses=uses,
            tag=tag,
            unless=self._adding(wanted, granting=wanted),
        )

    @administering
    def granted(self, *permissions: Permission) -> contextlib.AbstractContextManager[None]:
        """Grant permissions for the time of a ``with`` block.  What was granted before stays granted after it.

        Example:
            >>> with pycage.Sandbox("guest_for_a_block") as sandbox:
            ...     with sandbox.granted(pycage.RuntimePermission("x")):
            ...         inside = sandbox.query(pycage.RuntimePermission("x"))
            ...     inside, sandbox.query(pycage.RuntimePermission("x"))
            ('granted', 'prompt')
        """
        require_permissions(permissions)
        wanted = absolute(permissions)
        return _Granted(self._domain, wanted, self._adding(wanted, granting=wanted))

    @administering
    def revoke(self, *permissions: Permission, tag: str | None = None) -> bool:
        """Take permissions away, of any principal; effective on the next check, everywhere.

        With a tag, only what was granted with it is touched: all of it, or what lies within ``permissions``.  Objects
        that the sandbox already holds, such as open files, are not recalled.

        Returns:
            Whether anything was taken away.

        Raises:
            PolicyError: A wider grant would still imply one of them; nothing is changed.  Not asked with a tag.
            TypeError: There is neither a permission nor a tag; `revoke_all` takes everything away.

        Example:
            >>> with pycage.Sandbox("reader", permissions=[pycage.FilePermission("/srv/x", "read,write")]) as sandbox:
            ...     sandbox.revoke(pycage.FilePermission("/srv/-", "write"))
            ...     list(sandbox.permissions)
            True
            [FilePermission("/srv/x", "read")]
        """
        if not permissions and tag is None:
            message = "revoke() needs permissions or a tag; revoke_all() takes everything away"
            raise TypeError(message)
        self._administer(())
        require_permissions(permissions)
        return manager.POLICY.revoke(self._domain.code_source, *absolute(permissions), tag=tag)

    @administering
    def revoke_all(self) -> bool:
        """Take everything away that was granted to it.  Denials stay.

        Returns:
            Whether there was anything.

        Example:
            >>> with pycage.Sandbox("poor", permissions=[pycage.AllPermission()]) as sandbox:
            ...     sandbox.revoke_all(), len(sandbox.permissions)
            (True, 0)
        """
        self._administer(())
        return manager.POLICY.revoke_all(self._domain.code_source)

    @administering
    def deny(self, *permissions: Permission, tag: str | None = None) -> None:
        """Deny permissions: a denial beats every grant, made before or after, until `undeny` takes it back.

        Example:
            >>> with pycage.Sandbox("b", permissions=[pycage.FilePermission("/srv/-", "read")]) as sandbox:
            ...     sandbox.deny(pycage.FilePermission("/srv/private/-", "read"), tag="private")
            ...     sandbox.query(pycage.FilePermission("/srv/private/a", "read"))
            'denied'
        """
        unless = self._adding(permissions, granting=())
        require_permissions(permissions)
        manager.POLICY.deny(self._domain.code_source, *absolute(permissions), tag=tag, unless=unless)

    @administering
    def undeny(self, *permissions: Permission, tag: str | None = None) -> bool:
        """Take denials back: those within ``permissions``, with this tag if one is given.

        Returns:
            Whether there was any.

        Raises:
            PolicyError: Another denial would still forbid one of them; nothing is changed.
            TypeError: There is neither a permission nor a tag.

        Example:
            >>> with pycage.Sandbox("forgiven") as sandbox:
            ...     sandbox.deny(pycage.RuntimePermission("x"), tag="night")
            ...     sandbox.undeny(tag="night")
            True
        """
        if not permissions and tag is None:
            message = "undeny() needs permissions or a tag"
            raise TypeError(message)
        self._administer(None)
        require_permissions(permissions)
        return manager.POLICY.undeny(self._domain.code_source, *absolute(permissions), tag=tag)

    def query(self, permission: Permission) -> str:
        """Say what would become of a request, without making it: no use is counted, no decider is asked.

        Returns:
            ``"granted"``: all of it is.  ``"partial"``: some of it is granted, some is not (one of several actions, a
            part of a directory).  ``"denied"``: nothing of it is granted, and a denial forbids it.  ``"prompt"``:
            neither; the decider of `on_request` would be asked, and without one it is refused.

        Raises:
            AccessDenied: A sandbox on the stack is neither this one nor above it, and lacks
                ``SecurityPermission("getPolicy")``.

        Example:
            >>> with pycage.Sandbox("asked", permissions=[pycage.FilePermission("/srv/x", "read")]) as sandbox:
            ...     for actions in ("read", "write", "read,write"):
            ...         print(sandbox.query(pycage.FilePermission("/srv/x", actions)))
            granted
            prompt
            partial
        """
        self._may_know()
        require_permissions((permission,))
        (wanted,) = absolute((permission,))
        if self._domain.implies(wanted):
            return "granted"
        parts = {self._worst(part) for part in wanted.split()}
        if parts & {"granted", "partial"}:
            return "partial"
        return "denied" if "denied" in parts else "prompt"

    def _worst(self, permission: Permission) -> str:
        answers = {
            "denied" if domain.closed else manager.POLICY.status(domain.code_source, permission)
            for domain in (self._domain, *self._domain.ancestors)
        }
        return next(answer for answer in _WORST if answer in answers)

    @overload
    def on_request(self, decider: _D, *, timeout: float | None = None) -> _D: ...
    @overload
    def on_request(self, decider: None, *, timeout: float | None = None) -> None: ...
    @administering
    def on_request(self, decider: _D | None, *, timeout: float | None = None) -> _D | None:
        """Ask ``decider`` whenever the sandbox needs what is neither granted nor denied to it; None: nobody any more.

        It is called with a `Question` and returns an `Answer`, or True or False; an exception refuses.  It runs as the
        host, outside of the decision.  What others on the stack refuse is not asked about, nor what the sandbox asks
        for while its decider is at work.  The same question of several threads is asked once.

        Args:
            decider: A function, called on the thread that asks, or with a ``timeout`` on a thread of its own; or a
                coroutine function, run on the event loop that runs now.  A request on that loop's thread is refused.
            timeout: After so many seconds the answer is no; None: it takes as long as it takes.

        Returns:
            ``decider``, so that this can decorate it.

        Raises:
            PolicyError: ``decider`` is a coroutine function, and no event loop runs here, or sandboxed code hands it
                over.

        Example:
            >>> with pycage.Sandbox("asking") as sandbox:
            ...     @sandbox.on_request
            ...     def decide(question):
            ...         return pycage.Answer.deny("not on Sundays")
            ...     try:
            ...         sandbox.run("import pycage; pycage.check_permission(pycage.RuntimePermission('x'))")
            ...     except pycage.AccessDenied as denied:
            ...         print(denied.__notes__[0])
            refused by sandbox "asking": <module> line 1 (not on Sundays)
        """
        self._administer(None)
        if callable(decider) and is_async(decider) and _core.snapshot() is not None:
            message = "sandboxed code cannot hand over an async decider, which would run on the host's event loop: "
            raise PolicyError(message + "hand over a plain function")
        self._domain._asker = None if decider is None else HostAsker(self._name, as_callers(decider), timeout)
        return decider

    @administering
    def subscribe(self, callback: Callable[[PolicyChange], object]) -> Subscription:
        """Call ``callback`` after every change of the grants and denials of this sandbox; see `Policy.subscribe`.

        Returns:
            A handle to end it with; also a context manager.  Closing the sandbox ends it, too.

        Example:
            >>> with pycage.Sandbox("watched") as sandbox:
            ...     _ = sandbox.subscribe(lambda change: print(change.kind, change.tag))
            ...     sandbox.grant(pycage.RuntimePermission("x"), tag="t")
            granted t
            revoked t
        """
        self._administer(None)
        if not callable(callback):
            message = "subscribe() needs a callable that takes a PolicyChange"
            raise TypeError(message)
        mine = self._domain.code_source
        bound = as_callers(callback)

        def tell_if_mine(change: PolicyChange) -> None:
            if change.source == mine:
                bound(change)

        subscription = manager.POLICY.subscribe(tell_if_mine)
        self._watched[:] = [*(one for one in self._watched if one.active), subscription]
        return subscription

    # ---- Who may ----

    def _require_open(self) -> None:
        if self._closed:
            message = f"sandbox {self._name!r} is closed; create another one"
            raise PolicyError(message)

    def _administer(self, granting: tuple[Permission, ...] | None = None) -> bool:
        self._require_open()
        # What the host made, those above may give more of their own, but take nothing away.
        above = self._domain.ancestors if granting or self._delegated else ()
        return require_administrator(self._name, above, granting)

    def _may_know(self) -> None:
        """Return if everybody on the stack may know what it may do: the host, itself, and those above it."""
        if _core.snapshot() is not None and not get_context()._sandboxes() <= {self._domain, *self._domain.ancestors}:
            check_permission(SecurityPermission("getPolicy"))

    def _adding(self, lines: tuple[object, ...], *, granting: tuple[Permission, ...]) -> Callable[[], bool]:
        """Return what the policy asks in the middle of a change that adds these lines: whether to leave them out."""
        administrator = self._administer(granting)
        domain, name, more = self._domain, self._name, len(lines)

        def unless() -> bool:
            if not administrator:
                there = sum(line.source == domain.code_source for line in manager.POLICY.grants)
                if there + more > MOST_LINES:
                    message = (
                        f"sandbox {name!r} has {there} grants and denials: sandboxed code can add no {more} to them, "
                        f"{MOST_LINES} are the limit; revoke some, or let the host grant"
                    )
                    raise LimitExceeded(message)
            return domain.closed

        return unless
