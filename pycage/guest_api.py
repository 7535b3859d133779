"""What a sandbox finds in ``import pycage``: asking and being asked, and nothing that administers.

Functions are shims: they are called by the sandbox, whoever it hands them to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pycage import _core, access, errors, permissions

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["names"]

_TYPES: Final[dict[str, object]] = {
    "AccessDenied": errors.AccessDenied,
    "ImportDenied": errors.ImportDenied,
    "PycageError": errors.PycageError,
    **permissions.registered_types(),
}
_FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    "check_permission": access.check_permission,
    "do_privileged": access.do_privileged,
    "get_context": access.get_context,
    "privileged": access.privileged,
    "register_permission_type": access.register_permission_type,
}


def names(
    shim: Callable[[Callable[..., object]], Callable[..., object]], registry: Callable[[], object]
) -> dict[str, object]:
    """Return the names of the virtual module, made with a sandbox's ``shim``.

    ``Sandboxes`` there is a stand-in with ``get``, which calls ``registry``.
    """
    sandboxes: type[object] = _core.seal(type("Sandboxes", (), {"__slots__": (), "get": staticmethod(shim(registry))}))
    return {**_TYPES, "Sandboxes": sandboxes, **{name: shim(function) for name, function in _FUNCTIONS.items()}}
