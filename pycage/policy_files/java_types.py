"""What Java's permissions are in pycage: one row for each class, and for each name of a ``RuntimePermission``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.permissions import (
    AllPermission,
    EnvPermission,
    FilePermission,
    LinkPermission,
    NativePermission,
    PropertyPermission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
    ThreadPermission,
    UnresolvedPermission,
)
from pycage.permissions.registry import lookup
from pycage.permissions.text import shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.permissions import Permission

__all__ = ["NoCounterpart", "Translated", "translate"]


class NoCounterpart(ValueError):
    """Nothing in Python asks for this permission; the text says what to do instead, if anything."""


@final
@attrs.frozen
class Translated:
    """A permission, and what is different from Java, if anything."""

    permission: Permission
    note: str = ""


_OWN: Final = f"{__name__.partition('.')[0]}."
_NOTHING: Final = "nothing in Python asks for it"


def translate(kind: str, name: str, actions: str, directory: str) -> Translated:
    """Return what a Java permission is in pycage.

    Args:
        kind: Its class, qualified; for the types of pycage the plain name will do.
        name: Its name, expanded; ``""`` if there is none.
        actions: Its actions; ``""`` if there are none.
        directory: Where Java would have started: what relative file names are relative to.

    Raises:
        NoCounterpart: It has none.
        ValueError: The name or the actions are malformed.
    """
    package, _, simple = kind.rpartition(".")
    row = _TYPES.get(kind) or (_TYPES.get(_BY_SIMPLE_NAME.get(simple, "")) if package == "" else None)
    if row is not None:
        return row(name, actions, directory)
    if package.split(".")[0] in _JDK:
        reason = _INSTEAD.get(simple, _NOTHING)
        raise NoCounterpart(reason)
    known = lookup(simple)  # a type of the program's own, called as in Java
    if known is not None and package and known.__module__.startswith(_OWN):
        # In Java a class that nobody knows; here it would be everything, with AllPermission.
        message = f"it only has the simple name of pycage's own {simple}"
        raise NoCounterpart(message)
    if known is not None:
        return Translated(known(name, actions), f"the program's own type {simple} is taken for {kind}")
    return Translated(
        UnresolvedPermission(simple, name, actions),
        f"has no effect until the program registers a permission type called {simple}",
    )


def _file(name: str, actions: str, directory: str) -> Translated:
    if name.startswith(("/", "<<ALL FILES>>")):
        note = (
            "/x* means a file called x* here; in Java, all of /x*" if name.endswith("*") and name[-2:] != "/*" else ""
        )
        return Translated(FilePermission(name, actions), note)
    if len(name) > 1 and name[1] == ":":
        raise NoCounterpart("a path of Windows")
    absolute = os.path.join(directory, name)  # noqa: PTH118  # keeps "/-"
    return Translated(FilePermission(absolute, actions), f"relative names are made absolute: below {directory}")


def _socket(name: str, actions: str, _directory: str) -> Translated:
    if "/" in name:
        message = "a network here, and no host in Java; write it into a policy file of pycage"
        raise NoCounterpart(message)
    permission = SocketPermission(name, actions)
    ports = name.rpartition(":")[2] if ":" in name else ""
    note = "ports are plain numbers: 0 stands for no other port, and -N begins at 1" if ports[:1] in ("0", "-") else ""
    return Translated(permission, note)


def _property(name: str, actions: str, _directory: str) -> Translated:
    note = "Python has no system properties: it holds for what the program itself asks with this type"
    return Translated(PropertyPermission(name, actions), note)


def _runtime(name: str, _actions: str, _directory: str) -> Translated:
    first, dot, rest = name.partition(".")
    if name in _SAME_RUNTIME_NAMES or first == "exitVM":
        return Translated(RuntimePermission(name))
    if name == "*":
        return Translated(
            RuntimePermission(name), "the names of pycage are others: it is environment and threads no more"
        )
    if dot and rest[-1:] in ("*", "-") and rest != "*" and rest[-2:] != ".*":
        message = f"in Java {shorten(rest)} is the name of one thing, and here it would be many"
        raise NoCounterpart(message)
    if first == "getenv" and dot:
        return Translated(EnvPermission(rest, "read"))
    if first == "loadLibrary" and dot:
        library = "*" if rest == "*" else rest if "/" in rest else f"lib{rest}.so"
        return Translated(
            NativePermission(library, "load"), "Java adds the prefix and suffix of the platform by itself"
        )
    if name in ("modifyThread", "modifyThreadGroup"):
        return Translated(ThreadPermission("modify"), "starting a thread is asked for as well: ThreadPermission start")
    raise NoCounterpart(_RUNTIME_INSTEAD.get(first, _NOTHING))


def _security(name: str, _actions: str, _directory: str) -> Translated:
    if name in ("getPolicy", "setPolicy", "*"):
        return Translated(SecurityPermission(name))
    raise NoCounterpart(_NOTHING)


_SAME_RUNTIME_NAMES: Final = frozenset(
    {"createClassLoader", "accessDeclaredMembers", "readFileDescriptor", "writeFileDescriptor", "getStackTrace"}
)
_RUNTIME_INSTEAD: Final = {
    "accessClassInPackage": "modules are let in by import rules: imports = ['allow ...']",
    "defineClassInPackage": "modules of a sandbox are its own: own = ['allow ...']",
    "setIO": "a sandbox has standard streams of its own",
    "setSecurityManager": "no sandbox can take the security manager away",
    "getClassLoader": "a sandbox cannot reach the loader of another",
    "setContextClassLoader": "a sandbox cannot reach the loader of another",
    "shutdownHooks": "atexit is not offered to sandboxes",
    "queuePrintJob": "printing means starting a program: ProcessPermission",
}
_INSTEAD: Final = {
    "ReflectPermission": "reflection on what is not the sandbox's own cannot be granted by name",
    "URLPermission": "there is no permission for URLs: SocketPermission for the host is wider",
    "NetPermission": _NOTHING,
    "AuthPermission": "grants for principals are made with grant(..., principals=...)",
}
_JDK: Final = frozenset({"java", "javax", "jdk", "sun"})

# Class -> what makes the permission from name, actions and directory.  What of the JDK has no row has no counterpart.
_TYPES: Final[dict[str, Callable[[str, str, str], Translated]]] = {
    "java.security.AllPermission": lambda _name, _actions, _directory: Translated(AllPermission()),
    "java.io.FilePermission": _file,
    "java.net.SocketPermission": _socket,
    "java.util.PropertyPermission": _property,
    "java.lang.RuntimePermission": _runtime,
    "java.security.SecurityPermission": _security,
    "java.nio.file.LinkPermission": lambda name, _actions, _directory: Translated(LinkPermission(name)),
    "com.io7m.jcage.core.JCSandboxAdminPermission": lambda name, actions, _directory: Translated(
        SandboxAdminPermission(name, actions)
    ),
}
_BY_SIMPLE_NAME: Final = {kind.rpartition(".")[2]: kind for kind in _TYPES}
