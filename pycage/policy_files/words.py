"""Permissions in words: ``FilePermission("/srv/-", "read")`` is "read everything below /srv"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pycage.permissions import AllPermission, UnresolvedPermission
from pycage.permissions.paths import ALL_FILES
from pycage.permissions.text import escape, quote, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.permissions import Permission

__all__ = ["in_words"]


def in_words(permission: Permission) -> str:
    """Return what one may do with a permission, as it follows "may".

    >>> from pycage import FilePermission, SocketPermission
    >>> in_words(FilePermission("/srv/images/-", "read,write"))
    'read and write everything below /srv/images'
    >>> in_words(SocketPermission("*.example.com:443", "connect"))
    'connect to any host below example.com, port 443'
    """
    if type(permission) is AllPermission:
        return "do everything"
    kind = type_name(permission)
    if type(permission) is UnresolvedPermission:
        return f"do what {permission} will stand for"
    words = [part.actions.partition(",")[0] for part in permission.split()] if permission.actions else [""]
    row = _ROWS.get(kind)
    if row is None:
        return f"do what {permission} stands for"
    verbs, thing = row
    told = [verbs[word] for word in words if word in verbs]
    if not told:
        return f"do what {permission} stands for"
    return f"{_joined(told)} {thing(permission.name)}".rstrip()


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _path(name: str) -> str:
    if name in (ALL_FILES, "/-", "*"):
        return "every file"
    if name.endswith("/-"):
        return f"everything below {escape(name[:-2])}"
    if name.endswith("/*"):
        return f"what is directly in {escape(name[:-2]) or '/'}"
    return escape(name)


def _program(name: str) -> str:
    if name.lstrip("-").isdecimal():
        return f"process {name}"
    if name == "*":
        return "every program or process"
    if name == "fork":
        return "copies of the running program"
    return _path(name).replace("every file", "every program").replace("everything", "every program")


def _library(name: str) -> str:
    return "any native library" if name in ("*", ALL_FILES, "/-") else f"native libraries: {_path(name)}"


def _host(name: str) -> str:
    host, colon, ports = name.rpartition(":")
    if not colon or "]" in ports:
        host, ports = name, ""
    if host == "*":
        told = "any host"
    elif host.startswith("*."):
        told = f"any host below {escape(host[2:])}"
    else:
        told = escape(host) or "this machine"
    if ports in ("", "*", "-"):
        return told
    return f"{told}, port{'s' if '-' in ports else ''} {escape(ports)}"


def _variable(name: str) -> str:
    if name == "*":
        return "every environment variable"
    if name.endswith("*"):
        return f"every environment variable that begins with {escape(name[:-1])}"
    return f"the environment variable {escape(name)}"


def _dotted(singular: str, plural: str) -> Callable[[str], str]:
    def told(name: str) -> str:
        if name == "*":
            return f"every {singular}"
        return f"{plural} below {escape(name[:-2])}" if name.endswith(".*") else f"the {singular} {escape(name)}"

    return told


def _quoted(behind: str) -> Callable[[str], str]:
    return lambda name: f"{quote(name)} {behind}".rstrip()


# Type -> what each action is called, and what the name is called.
_ROWS: Final[dict[str, tuple[dict[str, str], Callable[[str], str]]]] = {
    "FilePermission": (
        {"read": "read", "write": "write", "execute": "execute", "delete": "delete", "readlink": "read links:"},
        _path,
    ),
    "SocketPermission": (
        {
            "connect": "connect to",
            "listen": "listen on",
            "accept": "accept connections from",
            "resolve": "look up the address of",
        },
        _host,
    ),
    "EnvPermission": ({"read": "read", "write": "set"}, _variable),
    "PropertyPermission": ({"read": "read", "write": "set"}, _dotted("property", "properties")),
    "NativePermission": ({"load": "load", "call": "call"}, _library),
    "ImportPermission": ({"": "import"}, _dotted("module", "modules")),
    "LinkPermission": ({"": "make"}, lambda name: f"{escape(name)} links"),
    "ThreadPermission": ({"": "do"}, _quoted("to threads")),
    "RuntimePermission": ({"": "do"}, _quoted("in the interpreter")),
    "SecurityPermission": ({"": "do"}, _quoted("to pycage itself")),
    "ProcessPermission": ({"execute": "start", "signal": "signal"}, _program),
}
