"""The registry of sandboxes: all open ones of the process, by name."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, final

from pycage import _core, manager
from pycage.access import require_permissions
from pycage.administration import MOST_BELOW, administering, check_act, checked_name
from pycage.errors import DuplicateSandboxError, LimitExceeded
from pycage.imports import enum_redirects, kept_callables, sealed_bases
from pycage.imports.facades import shared_caches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pycage.domains import ProtectionDomain
    from pycage.imports import LoaderPolicy, Resolver
    from pycage.modes import Mode
    from pycage.permissions import Permission, Permissions
    from pycage.policy import Policy
    from pycage.sandbox import Sandbox

__all__ = ["Sandboxes", "attach"]


@final
@_core.seal
class Sandboxes:
    """All open sandboxes of the process.  There is one; `get` returns it.

    Example:
        >>> with pycage.Sandbox("listed") as sandbox:
        ...     pycage.Sandboxes.get().find("listed") is sandbox
        True
    """

    __slots__ = ("_lock", "_open", "_taken")

    _lock: threading.Lock
    _open: dict[str, Sandbox]
    _taken: dict[str, Sandbox]  # those that are being built as well

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
        check_act("*", "getSandboxes")
        manager.install()
        enum_redirects.install()
        sealed_bases.install()
        kept_callables.install()
        shared_caches.install()
        return REGISTRY

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
        parent: Sandbox | None = None,
    ) -> Sandbox:
        """Create a sandbox; the same as calling `Sandbox`."""
        check_act(checked_name(name), "createSandbox")
        return _make(
            name,
            resolver=resolver,
            sandbox_policy=sandbox_policy,
            host_policy=host_policy,
            permissions=permissions,
            mode=mode,
            audit_policy=audit_policy,
            parent=parent,
        )

    def find(self, name: str) -> Sandbox | None:
        """Return the open sandbox of this name, or None; one that is still being made is not open yet."""
        return self._open.get(checked_name(name))

    @administering
    def set_default_permissions(self, permissions: Iterable[Permission]) -> None:
        """Replace the permissions of all code that is in no sandbox.

        Raises:
            AccessDenied: A caller lacks ``SandboxAdminPermission("*", "setDefaultPermissions")``.
            PolicyError: The host could not undo it; nothing is changed.
        """
        check_act("*", "setDefaultPermissions")
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
            if name in self._taken:
                raise DuplicateSandboxError(name)
            if sandbox._delegated:
                self._require_place_below(sandbox._domain.ancestors[-1])
            self._taken[name] = sandbox
        try:
            yield
            with self._lock:
                # It was closed with its parent, perhaps, and is taken out already.
                if self._taken.get(name) is sandbox:
                    self._open[name] = sandbox
        except BaseException:
            self._remove(name, sandbox)
            raise

    def _require_place_below(self, top: ProtectionDomain) -> None:
        below = sum(one._delegated and top in one._domain.ancestors for one in self._taken.values())
        if below >= MOST_BELOW:
            message = f"{below} sandboxes that sandboxed code made are open below {top.label}: no more; close one"
            raise LimitExceeded(message)

    def _remove(self, name: str, sandbox: Sandbox) -> None:
        with self._lock:
            if self._taken.get(name) is sandbox:
                del self._taken[name]
                self._open.pop(name, None)


def _make_registry() -> Sandboxes:
    registry = object.__new__(Sandboxes)
    registry._lock = threading.Lock()
    registry._open = {}
    registry._taken = {}
    return registry


REGISTRY: Final = _make_registry()


def attach(make: Callable[..., Sandbox]) -> None:
    """Say what makes a sandbox; once, by `sandbox`, which stands above."""
    global _make  # noqa: PLW0603  the one name that is filled in from above
    _make = make


_make: Callable[..., Sandbox]  # missing until then
