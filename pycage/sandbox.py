"""Sandboxes: named cages for code, and the registry of them.

`Sandbox` is the host's handle.  It administers (`administration.py`); nothing that a sandbox is given leads to it.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from types import NoneType
from typing import TYPE_CHECKING, Final, final

from pycage import _core, access, manager
from pycage.access import do_privileged, listed_permissions, require_permissions
from pycage.administration import (
    MOST_LINES,
    absolute,
    administering,
    check_act,
    checked_name,
    is_above,
    require_administrator,
)
from pycage.cage import Cage
from pycage.codesource import CodeSource
from pycage.control import Controlled
from pycage.domains import ProtectionDomain
from pycage.errors import LimitExceeded, type_name
from pycage.explanations import explain
from pycage.imports import MappingResolver
from pycage.imports.given import require_parts
from pycage.modes import checked_mode
from pycage.permissions import Permission, SandboxAdminPermission
from pycage.results import Result
from pycage.sandboxes import REGISTRY, Sandboxes, attach
from pycage.trials import OnTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import ModuleType, TracebackType

    from pycage.decisions import PermissionRequest
    from pycage.explanations import Explanation
    from pycage.imports import LoaderPolicy, Resolver
    from pycage.modes import Mode
    from pycage.policy import Policy

__all__ = ["Result", "Sandbox", "Sandboxes"]

URL_PREFIX: Final = "pycage://sandbox/"


@final
@_core.seal
class Sandbox(Controlled, OnTrial):
    """A named cage: code loaded into it may do what is granted to it, and what it lacks stops the code it calls too.

    A context manager that closes the sandbox.  May be used from any thread.

    Example:
        >>> with pycage.Sandbox("plugin", permissions=[pycage.EnvPermission("HOME", "read")]) as sandbox:
        ...     sandbox.revoke(pycage.EnvPermission("HOME", "read"))
        ...     sandbox.run("sum(range(10))").value
        True
        45
    """

    __slots__ = ("__weakref__", "_cage", "_children", "_lock", "_parent", "_runs")

    _cage: Cage

    def __init__(
        self,
        name: str,
        *,
        resolver: Resolver | None = None,
        sandbox_policy: LoaderPolicy | None = None,
        host_policy: LoaderPolicy | None = None,
        permissions: Iterable[Permission] = (),
        mode: Mode = "enforce",
        audit_policy: Policy | Iterable[Permission] | None = None,
        parent: Sandbox | None = None,
    ) -> None:
        """Create and register a sandbox.

        Args:
            name: Letters, digits and underscores; no two open sandboxes have the same.
            resolver: Where the sandbox's own modules come from; None: it has none, and only `run` is of use.
            sandbox_policy: Which modules the sandbox loads itself; None: all that the resolver finds.
            host_policy: Which modules of the host it shares; None: those of the standard library that `vetted` allows.
            permissions: What it may do.  Relative paths are made absolute, here and in all later grants.
            mode: ``"audit"``: allow what is not granted, and record it; see `set_mode`.
            audit_policy: A policy on trial; see `set_audit_policy`.
            parent: Whose child it is: at no time it may do more than its parent, and it is closed with it.

        Raises:
            DuplicateSandboxError: The name is taken.
            PolicyError: The name cannot be one, or the parent is closed.
            AccessDenied: A caller lacks ``SandboxAdminPermission(name, "createSandbox")`` or ``(name,
                "setSandboxPermissions")``.  A sandbox that makes a child of its own does not need the second.  It needs
                what `grant` needs for the permissions; its child shares the modules of the host that it shares itself,
                and the resolver can only be a `MappingResolver`.
            LimitExceeded: A sandbox makes it, and 64 are open that it and those below it made, or there are more than
                1,024 permissions.
        """
        registry = Sandboxes.get()
        self._name = checked_name(name)
        wanted = listed_permissions("permissions", permissions)
        require_permissions(wanted)
        wanted = absolute(wanted)
        require_parts(resolver, sandbox_policy=sandbox_policy, host_policy=host_policy)
        check_act(self._name, "createSandbox")
        self._closed = False
        self._runs = 0
        self._lock = threading.Lock()
        self._watched = []
        self._children: set[Sandbox] = set()
        self._parent = parent
        self._delegated = False
        if parent is None:
            check_act(self._name, "setSandboxPermissions")
        else:
            if type(parent) is not Sandbox:
                message = f"the parent of a sandbox is a Sandbox, not {type_name(parent)}"
                raise TypeError(message)
            self._delegated = parent._delegates(self._name, wanted)
            if self._delegated:
                if len(wanted) > MOST_LINES:
                    message = f"{len(wanted)} permissions for sandbox {self._name!r}: {MOST_LINES} are the limit"
                    raise LimitExceeded(message)
                plain = type(mode) is str and mode == "enforce" and type(resolver) in {MappingResolver, NoneType}
                if not plain or any(one is not None for one in (sandbox_policy, host_policy, audit_policy)):
                    # What those reach is not limited by permissions.
                    check_act(self._name, "setSandboxPermissions")
                host_policy = parent._cage.host_policy
        self._domain = ProtectionDomain(
            CodeSource(URL_PREFIX + self._name),
            f'sandbox "{self._name}"',
            manager.POLICY,
            parents=() if parent is None else (parent._domain,),
        )
        self._domain._set_mode(checked_mode(mode))
        self._domain._set_audit_policy(self._trial(audit_policy))
        with registry._adding(self._name, self):
            build = functools.partial(
                Cage,
                self._domain,
                resolver=resolver,
                sandbox_policy=sandbox_policy,
                host_policy=host_policy,
                # Sandboxed code may ask for the registry, as in jcage; it answers by the permissions of who asks.
                registry=Sandboxes.get,
            )
            self._cage = do_privileged(build)  # who may create a sandbox needs no permission for how it is built
            if parent is not None:
                parent._adopt(self)
            domain = self._domain
            manager.POLICY.grant(domain.code_source, *wanted, unless=lambda: domain.closed)

    # ---- What it is ----

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def url(self) -> str:
        """The location of its code source, ``pycage://sandbox/<name>``."""
        return URL_PREFIX + self._name

    def __repr__(self) -> str:
        return f"<Sandbox {self._name}{' (closed)' if self._closed else ''}>"

    @administering
    def explain(self, permission: Permission) -> Explanation:
        """Explain what a check of ``permission`` would come to, made by its code when called from here.

        Raises:
            AccessDenied: A caller lacks ``SecurityPermission("getPolicy")``: an explanation shows the policy.

        >>> with pycage.Sandbox("curious") as sandbox:
        ...     sandbox.grant(pycage.FilePermission("/srv/-", "read"))
        ...     sandbox.explain(pycage.FilePermission("/srv/x", "write")).advice
        'to allow it: sandbox.grant(FilePermission("/srv/x", "write"))'
        """
        return explain(self, permission)

    # ---- Children ----

    @administering
    def create_child(
        self,
        name: str,
        *,
        resolver: Resolver | None = None,
        sandbox_policy: LoaderPolicy | None = None,
        host_policy: LoaderPolicy | None = None,
        permissions: Iterable[Permission] = (),
    ) -> Sandbox:
        """Create a sandbox that may at no time do more than this one, and is closed with it; see `Sandbox`.

        Sandboxed code may do this with ``SandboxAdminPermission(name, "createSandbox")`` and a `GrantPermission` for
        each permission, if it has that permission itself.

        Example:
            >>> from pycage import RuntimePermission
            >>> with pycage.Sandbox("mother", permissions=[RuntimePermission("x")]) as mother:
            ...     child = mother.create_child("child", permissions=[RuntimePermission("*")])
            ...     before = child.query(RuntimePermission("x")), child.query(RuntimePermission("y"))
            ...     _ = mother.revoke(RuntimePermission("x"))
            ...     before, child.query(RuntimePermission("x"))
            (('granted', 'prompt'), 'prompt')
            >>> child.closed
            True
        """
        return Sandbox(
            name,
            resolver=resolver,
            sandbox_policy=sandbox_policy,
            host_policy=host_policy,
            permissions=permissions,
            parent=self,
        )

    @property
    def parent(self) -> Sandbox | None:
        """The sandbox that it is a child of."""
        return self._parent

    def _delegates(self, name: str, wanted: tuple[Permission, ...]) -> bool:
        """Return whether who creates a child of it may do so because it is its own, and not as an administrator.

        Raises:
            AccessDenied: It may not at all.
        """
        self._require_open()
        own = self._domain in access.get_context()._sandboxes() or self._delegated
        above = (self._domain, *self._domain.ancestors) if own else ()
        require_administrator(name, above, wanted)
        return is_above(above) and not access.implied(SandboxAdminPermission(name, "setSandboxPermissions"))

    def _adopt(self, child: Sandbox) -> None:
        with self._lock:
            self._require_open()
            self._children.add(child)

    # ---- Running code ----

    def load(self, name: str) -> ModuleType:
        """Return a module that is the sandbox's own, loading it if need be; twice gives the same object.

        Raises:
            ModuleMissingError: It is nowhere to be found.
            WrongLoaderError: It exists, but as a module of the host.
            AccessDenied: The loader policies refuse it, its own code was refused something, or another sandbox calls
                that lacks ``SandboxAdminPermission(name, "runCode")``.
            RestrictedSyntaxError: Its source uses what sandboxed code may not use.
        """
        self._require_open()
        self._require_own_stack()
        return self._cage.load(name)

    def run(self, source: str, *, variables: Mapping[str, object] | None = None) -> Result:
        """Run source text in a fresh namespace of the sandbox.

        Exceptions of the code come out as they are, except those that would end the host (``SystemExit`` and other
        exceptions that are no `Exception`): these come out as `SandboxExited`.  ``KeyboardInterrupt`` passes if it is
        the user's: if the process was interrupted during the run.

        Args:
            source: Python source: the text, not the name of a file.
            variables: Names it finds defined.  Objects are shared, not copied.

        Raises:
            RestrictedSyntaxError: The source uses what sandboxed code may not use.
            AccessDenied: As for `load`.
        """
        self._require_open()
        self._require_own_stack()
        requests: list[PermissionRequest] = []
        with self._recording(requests):
            value, stdout, stderr = self._cage.run(source, {} if variables is None else dict(variables))
        return Result(value, stdout, stderr, tuple(requests))

    @contextlib.contextmanager
    def _recording(self, requests: list[PermissionRequest]) -> Iterator[None]:
        # Remembered answers do not reach Python; while any run records, nothing is taken from memory.
        token = access.capture.set(requests)
        self._watch(1)
        try:
            yield
        finally:
            self._watch(-1)
            access.capture.reset(token)

    def _watch(self, more: int) -> None:
        """Let every check of the sandbox come to Python, until there have been as many -1 as 1."""
        with self._lock:
            self._runs += more
            self._domain.recording = self._runs > 0

    # ---- What it is given ----

    @administering
    def expose(
        self,
        name: str,
        obj: object,
        *,
        methods: Sequence[str] = (),
        attributes: Sequence[str] = (),
        plain_arguments: bool = False,
    ) -> None:
        """Give the sandbox a narrow view of a host object: ``from host import <name>``.

        The sandbox gets a proxy with these methods and read-only attributes and nothing else.  A function needs no
        methods; text, numbers, bytes and None are given as they are.  A method does its work with the permissions of
        everybody on the stack, the sandbox's among them: what should be lent runs in `do_privileged`.  A method that
        returns the object itself, such as many an ``__enter__``, gives the proxy; other results are given as they are.

        Args:
            name: An identifier; exposing it again replaces the object.
            obj: What to expose.
            methods: Names of methods the sandbox may call.  Special ones such as ``__len__``, ``__getitem__``,
                ``__iter__``, ``__call__`` and ``__enter__`` may be among them; then the syntax for them works.
            attributes: Names of attributes it may read; the values are handed out as they are, functions so that they
                are taken back with the object.
            plain_arguments: All arguments are copied to plain data before the object sees them, see `plain`, and others
                are refused with `NotPlainError`, those that are sent into a generator or coroutine of the object's
                among them.  What the object checks cannot change until it is used then.

        Raises:
            PolicyError: Nothing of the object would be visible, or a name is no public attribute of it.
        """
        self._administer()
        self._cage.expose(name, obj, methods, attributes, plain_arguments=plain_arguments)

    @administering
    def unexpose(self, name: str) -> None:
        """Take back an exposed object; references that the sandbox kept raise AccessDenied from now on."""
        self._administer()
        self._cage.unexpose(name)

    # ---- Life ----

    @administering
    def close(self) -> None:
        """Take everything away and free the name.  Code of the sandbox that still runs has no permissions any more."""
        if not (self._delegated and is_above(self._domain.ancestors)):
            check_act(self._name, "closeSandbox")
        self._close()

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            children, self._children = self._children, set()
        try:
            # First what decides: finalizers of the sandbox run while its modules are forgotten.
            self._domain._close()
            self._domain._asker = None
            manager.POLICY.clear(self._domain.code_source)
            for subscription in self._watched:
                subscription.unsubscribe()
            for child in children:
                child._close()
            self._cage.close()
        finally:
            REGISTRY._remove(self._name, self)
            if self._parent is not None:
                with self._parent._lock:
                    self._parent._children.discard(self)

    def __enter__(self) -> Sandbox:
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _require_own_stack(self) -> None:
        """Let only the host, the sandbox itself and those above that had it made run code here.

        It may run later, without who had it made; those above are asked then as well.
        """
        own = {self._domain, *self._domain.ancestors} if self._delegated else {self._domain}
        if not access.get_context()._sandboxes() <= own:
            check_act(self._name, "runCode")


# Not before: a sealed class cannot be a base.
_core.seal(Controlled)
_core.seal(OnTrial)


attach(Sandbox)
