"""The permission algebra: permission types, what they imply, and sets of them.

Pure values: nothing here does I/O, resolves a name, reads a clock, logs, or knows who is asking.  From the ground up:

* `text`: how permissions are written; `base`: what all types share; `registry`: which types exist
* `names`, `paths`, `hosts`: what a permission's name stands for; `actions`: the words after it
* `universal`, `basic`, `files`, `sockets`, `environment`, `processes`, `native`, `admin`, `delegation`: the types
* `unresolved`, `parsing`: types that do not exist yet; reading the text form
* `collection`: sets

Registering a type of one's own is not offered here: `pycage.permissions.registry.register_unchecked` does not ask who
calls it, the access layer does.
"""

from __future__ import annotations

from pycage.permissions.actions import ActionPermission, ActionTable
from pycage.permissions.admin import SandboxAdminPermission
from pycage.permissions.base import Permission
from pycage.permissions.basic import (
    BasicPermission,
    ImportPermission,
    LinkPermission,
    RuntimePermission,
    SecurityPermission,
    ThreadPermission,
)
from pycage.permissions.collection import PermissionCollection, Permissions
from pycage.permissions.delegation import GrantPermission
from pycage.permissions.environment import EnvPermission, PropertyPermission
from pycage.permissions.files import FilePermission
from pycage.permissions.native import NativePermission
from pycage.permissions.parsing import parse
from pycage.permissions.processes import ProcessPermission
from pycage.permissions.registry import is_registered, register_unchecked, registered_types
from pycage.permissions.sockets import SocketPermission
from pycage.permissions.universal import AllPermission
from pycage.permissions.unresolved import UnresolvedPermission

__all__ = [
    "ActionPermission",
    "ActionTable",
    "AllPermission",
    "BasicPermission",
    "EnvPermission",
    "FilePermission",
    "GrantPermission",
    "ImportPermission",
    "LinkPermission",
    "NativePermission",
    "Permission",
    "PermissionCollection",
    "Permissions",
    "ProcessPermission",
    "PropertyPermission",
    "RuntimePermission",
    "SandboxAdminPermission",
    "SecurityPermission",
    "SocketPermission",
    "ThreadPermission",
    "UnresolvedPermission",
    "is_registered",
    "parse",
    "registered_types",
]

for _kind in (
    AllPermission,
    EnvPermission,
    FilePermission,
    GrantPermission,
    ImportPermission,
    LinkPermission,
    NativePermission,
    ProcessPermission,
    PropertyPermission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
    ThreadPermission,
):
    register_unchecked(_kind)
del _kind, register_unchecked
