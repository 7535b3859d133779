"""`learn`: run code with everything allowed, and write down the smallest policy under which it would have run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage import _core
from pycage.errors import PolicyError
from pycage.imports import PathResolver
from pycage.imports.vetted import VettedPolicy
from pycage.permissions import FilePermission
from pycage.permissions.paths import EXACT
from pycage.policy_files.writer import sorted_permissions, write_profile
from pycage.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycage.imports import LoaderPolicy, Resolver
    from pycage.needs import Needs
    from pycage.permissions import Permission

__all__ = ["Learned", "generalised", "learn"]

FEW: Final = 3
_LARGEST: Final = 16 << 20


@final
@attrs.frozen
class Learned:
    """What was learnt from one run.

    Attributes:
        permissions: The fewest permissions that answer everything that was asked for, as a profile lists them.
        refused: What was refused even so: what was denied, and what audit mode never lets pass.  It may be granted
            by hand, once somebody has looked.
        modules: The modules of the host that were imported.
        refused_modules: Those that were asked for and not let in.
        value: What the code came to.
        error: What it raised, if anything: then the rest was not learnt.
        comments: For each permission, which function asked for it first.

    Example:
        >>> learned = learn(lambda sandbox: sandbox.run("import os; os.environ.get('TZ')").value)
        >>> learned.permissions, learned.comments
        ((EnvPermission("TZ", "read"),), {EnvPermission("TZ", "read"): '<module> line 1'})
    """

    permissions: tuple[Permission, ...]
    refused: tuple[Permission, ...]
    modules: tuple[str, ...]
    refused_modules: tuple[str, ...]
    value: object
    error: Exception | None
    comments: dict[Permission, str] = attrs.field(eq=False, repr=False)

    def generalised(self, files: int = FEW) -> Learned:
        """Return the same with ``dir/*`` in place of as many files of one directory, or more; see `generalised`."""
        wider = tuple(sorted_permissions(generalised(self.permissions, files)))
        return attrs.evolve(self, permissions=wider)

    def profile(self, name: str = "learned", *, imports: bool = False, comments: bool = False) -> str:
        """Return the text of a profile.

        Args:
            name: What to call it.
            imports: Whether to name the modules of the host too, and let in no others.
            comments: Whether to say which function asked first.

        Raises:
            PolicyError: Something that was asked for cannot be written.
        """
        return write_profile(
            name,
            self.permissions,
            imports=_import_rules(self.modules) if imports else (),
            imports_default="deny" if imports else None,
            comments=self.comments if comments else None,
        )


def learn(
    code: str | os.PathLike[str] | Callable[[Sandbox], object],
    *,
    name: str = "learn",
    resolver: Resolver | None = None,
    sandbox_policy: LoaderPolicy | None = None,
    host_policy: LoaderPolicy | None = None,
    deny: Iterable[Permission] = (),
) -> Learned:
    """Run code in a sandbox in which everything is allowed, and tell what it needed.

    Everything but what ``deny`` names, and but what audit mode never lets pass: permissions over pycage itself, native
    code, reflection ...  Use it for code that you would run outside of a sandbox, or on a machine that you can do
    without.

    The result is minimal for what was asked: without any line of it, something that the code asked for would be
    refused.  It is no wider than that either, unless you say `Learned.generalised`.  What the code only tried, and
    would go on without, has its lines as well: nobody can know that before it is refused.

    >>> learned = learn(lambda sandbox: sandbox.run("import os; os.environ.get('TZ')"))
    >>> print(learned.profile("clock"), end="")
    [profiles.clock]
    allow = [
        'EnvPermission "TZ" "read"',
    ]

    Args:
        code: The path of a script, run as ``__main__``; or a function that is given the sandbox and runs something.
        name: The name of the sandbox.
        resolver: Where its own modules come from; None: for a script, its directory.
        sandbox_policy: As for `Sandbox`.
        host_policy: As for `Sandbox`: modules that it does not let in are not let in here either.
        deny: What is not allowed even now.

    Raises:
        PolicyError: The script cannot be read.
        AccessDenied: The caller may not administer sandboxes.
    """
    if callable(code):
        run = code
    else:
        text, directory = _script(os.fspath(code))
        resolver = PathResolver(directory) if resolver is None else resolver

        def run(sandbox: Sandbox) -> object:
            return sandbox.run(text).value

    modules = _Recording(VettedPolicy() if host_policy is None else host_policy)
    value: object = None
    error: Exception | None = None
    with Sandbox(name, resolver=resolver, sandbox_policy=sandbox_policy, host_policy=modules) as sandbox:
        sandbox.deny(*deny)
        with sandbox.learn() as needs:
            try:
                value = run(sandbox)
            except Exception as raised:  # noqa: BLE001  whatever it is, what was learnt until then is of use
                error = raised
        return _learned(needs, modules, value, error)


def _learned(needs: Needs, modules: _Recording, value: object, error: Exception | None) -> Learned:
    permissions = tuple(sorted_permissions(needs.permissions))
    return Learned(
        permissions,
        needs.refused,
        tuple(sorted(modules.allowed)),
        tuple(sorted(modules.denied)),
        value,
        error,
        {permission: needs.function(permission) for permission in permissions},
    )


def _import_rules(modules: Iterable[str]) -> list[str]:
    """Before: ``json``, ``json.decoder``, ``math``; after: ``allow json.*``, ``allow math``."""
    top: dict[str, str] = {}
    for module in sorted(modules):
        first, dot, _ = module.partition(".")
        top[first] = f"allow {first}.*" if dot else f"allow {first}"
    return list(top.values())


def generalised(permissions: Iterable[Permission], files: int = FEW) -> list[Permission]:
    """Put ``dir/*`` in place of the files of a directory, where there are at least ``files`` with the same actions.

    >>> from pycage import FilePermission
    >>> generalised([FilePermission(f"/srv/{name}", "read") for name in "abc"])
    [FilePermission("/srv/*", "read")]

    Args:
        permissions: What was learnt.
        files: From how many files on a directory is meant.

    Raises:
        PolicyError: ``files`` is less than 2.
    """
    if files < 2:  # noqa: PLR2004  # one file is no directory
        message = f"a directory is guessed from two files or more, not from {files}"
        raise PolicyError(message)
    listed = list(permissions)
    together: dict[tuple[str, str], list[Permission]] = {}
    for permission in listed:
        if type(permission) is FilePermission and permission._path.kind == EXACT:
            directory, _, last = permission._path.base.rpartition("/")
            if last:
                together.setdefault((directory, permission.actions), []).append(permission)
    wide = {key: members for key, members in together.items() if len(members) >= files}
    gone = {member for members in wide.values() for member in members}
    return [
        *(permission for permission in listed if permission not in gone),
        *(FilePermission(f"{directory}/*", actions) for directory, actions in wide),
    ]


def _script(path: str) -> tuple[str, str]:
    full = os.path.abspath(path)  # noqa: PTH100  # text, as permissions are
    try:
        with open(full, encoding="utf-8") as file:  # noqa: PTH123  # as above
            text = file.read(_LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        message = f"the script cannot be read: {error}"
        raise PolicyError(message) from error
    if len(text) > _LARGEST:
        message = f"{path} has more than {_LARGEST} characters"
        raise PolicyError(message)
    return text, full.rpartition("/")[0] or "/"


@final
@_core.seal
class _Recording:
    """A loader policy that takes down what it was asked."""

    __slots__ = ("_policy", "allowed", "denied")

    def __init__(self, policy: LoaderPolicy) -> None:
        self._policy = policy
        self.allowed: dict[str, None] = {}
        self.denied: dict[str, None] = {}

    def allows_module(self, name: str, /) -> bool:
        """Say what the policy says."""
        allowed = self._policy.allows_module(name)
        (self.allowed if allowed else self.denied)[name] = None
        return allowed

    def allows_resource(self, name: str, /) -> bool:
        """Say what the policy says."""
        return self._policy.allows_resource(name)

    def explain(self, name: str, /) -> str:
        """Say why, if the policy does."""
        explain = getattr(self._policy, "explain", None)
        return str(explain(name)) if explain is not None else ""
