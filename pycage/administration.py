"""Administration: who may change what a sandbox may do.

Nearly everything that a handle does asks for a `SandboxAdminPermission`: sandboxed code that gets hold of one cannot
use it to raise its own permissions (jcage's J1).
"""

# Problem.  A sandbox should be able to run others with a part of what it may do itself.  The permission to administer
# is too much for that: whoever may set permissions may set any.
#
# Things that do not work:
#
# - Checking at the time of the grant that the grantor has what it grants: it keeps, in the other sandbox, what is taken
#   away from it a second later, or what it was granted for five seconds.
# - Letting it grant to any sandbox then: one that the host made has other limits, or none.
#
# Idea.  Code may grant without that permission to sandboxes below its own: to those whose every permission its own
# sandbox must have as well, now and later (`ProtectionDomain.ancestors`), and needs `GrantPermission` for what it
# grants, and that permission itself, everywhere on its stack.  What sandboxed code had made itself, it may also run
# code in, take permissions from and close; what the host put below it may share modules and objects that it lacks.
#
# What stays the host's: taking a denial back, deciders, and what a child finds exposed.
#
# Every line of a policy makes every change of it slower, for the host, too.  So what is made without that permission is
# counted: sandboxes below one that the host made, and lines about each of them.

from __future__ import annotations

import os
import unicodedata
from types import MethodType
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar, final

from pycage import _core, access
from pycage.access import check_permission
from pycage.errors import PolicyError, type_name
from pycage.permissions import FilePermission, GrantPermission, Permission, SandboxAdminPermission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycage.domains import ProtectionDomain

__all__ = [
    "MOST_BELOW",
    "MOST_LINES",
    "absolute",
    "administering",
    "as_callers",
    "check_act",
    "checked_name",
    "is_above",
    "require_administrator",
]

MOST_LINES: Final = 1024  # grants and denials of one sandbox, to which sandboxes above it may still add
MOST_BELOW: Final = 64  # open sandboxes below one that the host made, to which these may still add

_P = ParamSpec("_P")
_T = TypeVar("_T")
_F = TypeVar("_F", bound="Callable[..., object]")


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


def as_callers(function: _F) -> _F:
    """Return a function that is to be called later as the host, bound to the stack that hands it over.

    The stack of the host binds it to nothing.  Else a sandbox could hand over a function of the host's, which would do
    with the permissions of the host what the sandbox may not do.
    """
    raw = _core.snapshot()
    # Bound, it is called as before.
    return function if raw is None else _core.bind(access.context_of(raw), function)  # type: ignore[return-value]


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


def absolute(permissions: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Make relative paths absolute now, because the working directory may change: a grant must not move with it."""
    return tuple(
        FilePermission(os.path.join(os.getcwd(), permission.name), permission.actions)  # noqa: PTH109, PTH118  keeps "/-"
        if type(permission) is FilePermission and not permission.name.startswith(("/", "<<ALL FILES>>"))
        else permission
        for permission in permissions
    )


def is_above(domains: Iterable[ProtectionDomain]) -> bool:
    """Return whether sandboxes are on the stack, and all of them are among ``domains``."""
    running = access.get_context()._sandboxes()
    return bool(running) and running <= {*domains}


def check_act(name: str, act: str) -> None:
    """Check ``SandboxAdminPermission(name, act)``; with the host alone on the stack, it is not even made.

    Raises:
        AccessDenied: Somebody on the stack lacks it.
    """
    if _core.snapshot() is not None:
        check_permission(SandboxAdminPermission(name, act))


def require_administrator(name: str, above: Iterable[ProtectionDomain], granting: Iterable[Permission] | None) -> bool:
    """Return if the running stack may change what the sandbox ``name`` may do: whether as an administrator.

    Args:
        name: The sandbox.
        above: The domains that it is below: their code may hand on what it has.
        granting: What is about to be granted to it, empty if something is taken away; None: it is another change,
            which only an administrator makes.

    Raises:
        AccessDenied: It may not.
    """
    if _core.snapshot() is None:
        return True  # the host alone
    administrator = SandboxAdminPermission(name, "setSandboxPermissions")
    if granting is None or not is_above(above) or access.implied(administrator):
        check_permission(administrator)
        return True
    for permission in granting:
        check_permission(GrantPermission.of(permission))
        check_permission(permission)
    return False
