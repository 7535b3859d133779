"""Sandboxes: named cages for code, and the registry of them.

`Sandbox` is the host's handle.  It administers, so nearly everything it does asks for a `SandboxAdminPermission`:
sandboxed code that gets hold of one cannot use it to raise its own permissions (jcage's J1).  Nothing that a sandbox
is given leads to it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import unicodedata
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, final

import attrs

from pycage import _core, access, manager
from pycage.access import check_permission, do_privileged, require_permissions
from pycage.cage import Cage
from pycage.codesource import CodeSource
from pycage.domains import Principal, ProtectionDomain
from pycage.errors import DuplicateSandboxError, PolicyError, type_name
from pycage.explanations import explain
from pycage.imports import enum_redirects, kept_callables, sealed_bases
from pycage.modes import checked_mode
from pycage.needs import Learning
from pycage.permissions import FilePermission, Permission, Permissions, SandboxAdminPermission
from pycage.plain import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, plain
from pycage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType, TracebackType

    from pycage.decisions import PermissionRequest
    from pycage.explanations import Explanation
    from pycage.imports import LoaderPolicy, Resolver
    from pycage.modes import Mode
    from pycage.needs import Needs
    from pycage.policy import Grant

__all__ = ["Result", "Sandbox", "Sandboxes"]

URL_PREFIX: Final = "pycage://sandbox/"

_P = ParamSpec("_P")
_T = TypeVar("_T")


@final
@_core.seal
class _Administering:
    """A method that changes what a sandbox may do.

    Whoever reads it off a handle with a sandbox on the stack gets it bound to that stack: handed on to the host, as in
    ``map(sandbox.grant, [permission])``, it is still judged as the sandbox's call.
    """

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __get__(self, handle: object, kind: type | None = None) -> Callable[..., object]:
        method = self._function if handle is None else MethodType(self._function, handle)
        raw = _core.snapshot()
        return method if raw is None else _core.bind(access.context_of(raw), method)


def administering(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a method of a handle `_Administering`."""
    return _Administering(function)  # type: ignore[return-value]  # a descriptor that gives the same call


@final
@_core.seal
@attrs.frozen
class Result:
    """What a `Sandbox.run` came to.

    Attributes:
        value: The value of the last statement if that is an expression, else None.  It is the sandbox's own object,
            not a copy: its methods are the sandbox's code.  `plain` copies it.
        stdout: What was printed.
        stderr: What was printed to ``sys.stderr``.
        requests: What permissions were asked for, in order, and whether they were granted.
    """

    value: object
    stdout: str
    stderr: str
    requests: tuple[PermissionRequest, ...]

    def plain(self, *, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> Any:
        """Return a copy of ``value`` in plain data, of which nothing is the sandbox's code; see `pycage.plain`.

        Raises:
            NotPlainError: Something in it is no plain data.
            LimitExceeded: It is deeper or larger than that.
        """
        return plain(self.value, max_depth=max_depth, max_items=max_items, max_bytes=max_bytes)


def checked_name(name: str) -> str:
    r"""Return a sandbox's name in normal form: letters, digits and underscores of any script, at least one.

    Raises:
        PolicyError: It contains something else.

    Source: com.io7m.jcage.core.JCSandboxNames, ``[[\p{Alnum}][_]]{1,}``; after NFC, so that two names that look alike
    are not two sandboxes.
    """
    if type(name) is not str:
        message = f"a sandbox's name must be a str, got {type_name(name)}"
        raise TypeError(message)
    normal = unicodedata.normalize("NFC", name)
    if not normal or not all(c == "_" or c.isalpha() or unicodedata.category(c) in {"Nd", "Nl"} for c in normal):
        message = f"{name[:80]!r} cannot name a sandbox: use letters, digits and underscores, at least one"
        raise PolicyError(message)
    return normal


@final
@_core.seal
class _Granted:
    """What `Sandbox.granted` returns, to who may administer."""

    __slots__ = ("_grants", "_permissions", "_source")

    def __init__(self, source: CodeSource, permissions: tuple[Permission, ...]) -> None:
        self._source = source
        self._permissions = permissions
        self._grants: tuple[Grant, ...] = ()

    def __enter__(self) -> None:
        self._grants += manager.POLICY.grant(self._source, *self._permissions)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        grants, self._grants = self._grants, ()
        manager.POLICY.withdraw(grants)


@final
@_core.seal
class Sandbox:
    """A named cage: code loaded into it may do what is granted to it, and what it lacks stops the code it calls too.

    A context manager that closes the sandbox.  May be used from any thread.
    """

    __slots__ = ("__weakref__", "_cage", "_closed", "_domain", "_lock", "_name", "_runs")

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
    ) -> None:
        """Create and register a sandbox.

        Args:
            name: Letters, digits and underscores; no two open sandboxes have the same.
            resolver: Where the sandbox's own modules come from; None: it has none, and only `run` is of use.
            sandbox_policy: Which modules the sandbox loads itself; None: all that the resolver finds.
            host_policy: Which modules of the host it shares; None: the vetted part of the standard library.
            permissions: What it may do.  Relative paths are made absolute, here and in all later grants.
            mode: ``"audit"``: allow what is not granted, and record it; see `set_mode`.
            audit_policy: A policy on trial; see `set_audit_policy`.

        Raises:
            DuplicateSandboxError: The name is taken.
            PolicyError: The name cannot be one.
            AccessDenied: A caller lacks ``SandboxAdminPermission(name, "createSandbox")``.
        """
        registry = Sandboxes.get()
        self._name = checked_name(name)
        wanted = tuple(permissions)
        require_permissions(wanted)
        check_permission(SandboxAdminPermission(self._name, "createSandbox"))
        self._closed = False
        self._runs = 0
        self._lock = threading.Lock()
        self._domain = ProtectionDomain(CodeSource(URL_PREFIX + self._name), f'sandbox "{self._name}"', manager.POLICY)
        self._domain.set_mode(checked_mode(mode))
        self._domain.set_audit_policy(self._trial(audit_policy))
        check_permission(SandboxAdminPermission(self._name, "setSandboxPermissions"))
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
            manager.POLICY.grant(self._domain.code_source, *absolute(wanted))

    # ---- What it is ----

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def url(self) -> str:
        """The location of its code source, ``pycage://sandbox/<name>``."""
        return URL_PREFIX + self._name

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closed

    @property
    def permissions(self) -> Permissions:
        """What is granted to it now, read-only.  Denials are not subtracted; see `query`."""
        return manager.POLICY.permissions(self._domain.code_source)

    def __repr__(self) -> str:
        return f"<Sandbox {self._name}{' (closed)' if self._closed else ''}>"

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
            source: Python source.
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

    # ---- What it may do ----

    @administering
    def grant(self, *permissions: Permission, principals: Iterable[Principal] = ()) -> None:
        """Grant permissions, for `principals` only if any are given; effective on the next check."""
        self._administer()
        require_permissions(permissions)
        manager.POLICY.grant(self._domain.code_source, *absolute(permissions), principals=principals)

    @administering
    def revoke(self, *permissions: Permission) -> bool:
        """Take permissions away, of any principal; effective on the next check, everywhere.

        Objects that the sandbox already holds, such as open files, are not recalled.

        Returns:
            Whether anything was taken away.

        Raises:
            PolicyError: A wider grant would still imply one of them; nothing is changed.
        """
        self._administer()
        require_permissions(permissions)
        return manager.POLICY.revoke(self._domain.code_source, *absolute(permissions))

    @administering
    def deny(self, *permissions: Permission) -> None:
        """Deny permissions: a denial beats every grant, made before or after."""
        self._administer()
        require_permissions(permissions)
        manager.POLICY.deny(self._domain.code_source, *absolute(permissions))

    @administering
    def granted(self, *permissions: Permission) -> contextlib.AbstractContextManager[None]:
        """Grant permissions for the time of a ``with`` block.  What was granted before stays granted after it."""
        self._administer()
        require_permissions(permissions)
        return _Granted(self._domain.code_source, absolute(permissions))

    @administering
    def learn(self) -> contextlib.AbstractContextManager[Needs]:
        """Allow everything for the time of a ``with`` block, and take down what was needed.

        Everything but what is denied, and but what audit mode never lets pass (permissions over pycage itself, native
        code, reflection ...): use it for code that you would run outside of a sandbox, or on a machine that you can do
        without.

        Example:
            >>> with pycage.Sandbox("learner") as sandbox, sandbox.learn() as needs:
            ...     _ = sandbox.run("import os; os.environ.get('TZ')")
            >>> needs.permissions
            (EnvPermission("TZ", "read"),)

        Raises:
            PolicyError: (on entering the block) Somebody else learns from this sandbox.
        """
        self._administer()
        return Learning(self._domain, self._watch)

    def query(self, permission: Permission) -> str:
        """Return ``"granted"``, ``"denied"`` (a denial forbids it) or ``"prompt"`` (neither, so refused)."""
        require_permissions((permission,))
        (wanted,) = absolute((permission,))
        if self._domain.implies(wanted):
            return "granted"
        refused = any(denied.overlaps(wanted) for denied in manager.POLICY.denials(self._domain.code_source))
        return "denied" if refused or self._closed else "prompt"

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

    # ---- On trial ----

    @property
    def mode(self) -> Mode:
        """``"enforce"`` or ``"audit"``."""
        return self._domain.mode

    @administering
    def set_mode(self, mode: Mode) -> None:
        """Refuse what is not granted (``"enforce"``), or allow and record it (``"audit"``), from the next check on.

        Audit mode is for code that you would run without a sandbox.  What guards the interpreter and pycage itself
        stays refused (`pycage.modes`), and so does what other sandboxes on the stack lack.

        >>> with pycage.Sandbox("learner", mode="audit") as sandbox:
        ...     result = sandbox.run("import os; os.environ.get('HOME')")
        >>> [str(decision) for decision in pycage.decisions() if decision.sandbox == "learner"]
        ['sandbox "learner": would deny ("EnvPermission" "HOME" "read") (no grant; in audit mode)']
        """
        self._administer()
        self._domain.set_mode(checked_mode(mode))
        _core.advance_epoch()

    @administering
    def set_audit_policy(self, policy: Policy | Iterable[Permission] | None) -> None:
        """Put a policy on trial: what is granted, but would not be by this policy, is recorded as ``"would deny"``.

        While there is one, no answer is remembered: checks take some microseconds.

        Args:
            policy: A policy, or the permissions that would be granted; None: end the trial.
        """
        self._administer()
        self._domain.set_audit_policy(self._trial(policy))
        _core.advance_epoch()

    def _trial(self, policy: Policy | Iterable[Permission] | None) -> Policy | None:
        if policy is None or type(policy) is Policy:
            return policy
        permissions = tuple(policy)
        require_permissions(permissions)
        trial = Policy()
        trial.grant(self._domain.code_source, *absolute(permissions))
        return trial

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
        everybody on the stack, the sandbox's among them: what should be lent runs in `do_privileged`.

        Args:
            name: An identifier; exposing it again replaces the object.
            obj: What to expose.
            methods: Names of methods the sandbox may call.  Special ones such as ``__len__``, ``__getitem__``,
                ``__iter__``, ``__call__`` and ``__enter__`` may be among them; then the syntax for them works.
            attributes: Names of attributes it may read; the values are handed out as they are, functions so that they
                are taken back with the object.
            plain_arguments: All arguments are copied to plain data before the object sees them, see `plain`, and others
                are refused with `NotPlainError`.  What the object checks cannot change until it is used then.

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
        check_permission(SandboxAdminPermission(self._name, "closeSandbox"))
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            # First what decides: finalizers of the sandbox run while its modules are forgotten.
            self._domain.close()
            manager.POLICY.clear(self._domain.code_source)
            self._cage.close()
        finally:
            _REGISTRY._remove(self._name, self)

    def __enter__(self) -> Sandbox:
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _require_own_stack(self) -> None:
        """Let only the host and the sandbox itself run code here: it may run later, without who had it made."""
        if access.get_context().involves_other_than(self._domain):
            check_permission(SandboxAdminPermission(self._name, "runCode"))

    def _require_open(self) -> None:
        if self._closed:
            message = f"sandbox {self._name!r} is closed; create another one"
            raise PolicyError(message)

    def _administer(self) -> None:
        self._require_open()
        check_permission(SandboxAdminPermission(self._name, "setSandboxPermissions"))


def absolute(permissions: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Make relative paths absolute now, because the working directory may change: a grant must not move with it."""
    return tuple(
        FilePermission(os.path.join(os.getcwd(), permission.name), permission.actions)  # noqa: PTH109, PTH118  keeps "/-"
        if type(permission) is FilePermission and not permission.name.startswith(("/", "<<ALL FILES>>"))
        else permission
        for permission in permissions
    )


@final
@_core.seal
class Sandboxes:
    """All open sandboxes of the process.  There is one; `get` returns it."""

    __slots__ = ("_lock", "_open")

    _lock: threading.Lock
    _open: dict[str, Sandbox]

    def __init__(self) -> None:
        """Refuse: there is one registry, see `get`."""
        message = "there is one registry of sandboxes: call Sandboxes.get()"
        raise TypeError(message)

    @staticmethod
    def get() -> Sandboxes:
        """Return the registry; the first call installs the security manager.

        Raises:
            AccessDenied: A caller lacks ``SandboxAdminPermission("*", "getSandboxes")``.
        """
        check_permission(SandboxAdminPermission("*", "getSandboxes"))
        manager.install()
        enum_redirects.install()
        sealed_bases.install()
        kept_callables.install()
        return _REGISTRY

    @administering
    def create(
        self,
        name: str,
        *,
        resolver: Resolver | None = None,
        sandbox_policy: LoaderPolicy | None = None,
        host_policy: LoaderPolicy | None = None,
        permissions: Iterable[Permission] = (),
        mode: Mode = "enforce",
        audit_policy: Policy | Iterable[Permission] | None = None,
    ) -> Sandbox:
        """Create a sandbox; the same as calling `Sandbox`."""
        check_permission(SandboxAdminPermission(checked_name(name), "createSandbox"))
        return Sandbox(
            name,
            resolver=resolver,
            sandbox_policy=sandbox_policy,
            host_policy=host_policy,
            permissions=permissions,
            mode=mode,
            audit_policy=audit_policy,
        )

    def find(self, name: str) -> Sandbox | None:
        """Return the open sandbox of this name, or None."""
        return self._open.get(checked_name(name))

    @administering
    def set_default_permissions(self, permissions: Iterable[Permission]) -> None:
        """Replace the permissions of all code that is in no sandbox.

        Raises:
            AccessDenied: A caller lacks ``SandboxAdminPermission("*", "setDefaultPermissions")``.
            PolicyError: The host could not undo it; nothing is changed.
        """
        check_permission(SandboxAdminPermission("*", "setDefaultPermissions"))
        wanted = tuple(permissions)
        require_permissions(wanted)
        manager.set_default_permissions(wanted)

    @property
    def default_permissions(self) -> Permissions:
        """The permissions of all code that is in no sandbox, read-only.  At first: `AllPermission`."""
        return manager.POLICY.default

    def __contains__(self, name: object) -> bool:
        return name in self._open

    def __iter__(self) -> Iterator[Sandbox]:
        return iter(tuple(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def _adding(self, name: str, sandbox: Sandbox) -> Iterator[None]:
        """Hold a name while its sandbox is built; free it if that fails."""
        with self._lock:
            if name in self._open:
                raise DuplicateSandboxError(name)
            self._open[name] = sandbox
        try:
            yield
        except BaseException:
            self._remove(name, sandbox)
            raise

    def _remove(self, name: str, sandbox: Sandbox) -> None:
        with self._lock:
            if self._open.get(name) is sandbox:
                del self._open[name]


def _make_registry() -> Sandboxes:
    registry = object.__new__(Sandboxes)
    registry._lock = threading.Lock()
    registry._open = {}
    return registry


_REGISTRY: Final = _make_registry()
