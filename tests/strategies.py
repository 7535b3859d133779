"""Every hypothesis strategy of the tests.

Importing this module loads a profile in which the examples are the same in every run.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from pycage.permissions import (
    ActionPermission,
    AllPermission,
    EnvPermission,
    FilePermission,
    GrantPermission,
    ImportPermission,
    LinkPermission,
    NativePermission,
    Permission,
    ProcessPermission,
    PropertyPermission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
    ThreadPermission,
    registered_types,
)

settings.register_profile("pycage", derandomize=True, deadline=None, database=None, max_examples=200)
settings.load_profile("pycage")

# Few segments, so that names often meet.
SEGMENTS = ("a", "b", "A", "..", ".", "", "*", "-", "a*", "x y", "é", "\x1b[1m", '"', "\\", "\udc80", "\u202e")


@st.composite
def path_names(draw: st.DrawFn) -> str:
    """Names for a `FilePermission`: absolute or not, normalised or not, with or without a wildcard."""
    if draw(st.integers(0, 15)) == 0:
        return "<<ALL FILES>>"
    segments = draw(st.lists(st.sampled_from(SEGMENTS[:7]) | st.sampled_from(SEGMENTS), max_size=4))
    segments += draw(st.sampled_from(([], [], ["*"], ["-"])))
    return draw(st.sampled_from(("/", ""))) + "/".join(segments)


def dotted_names() -> st.SearchStrategy[str]:
    """Names for a `BasicPermission`."""
    parts = st.lists(st.sampled_from(("a", "b", "exitVM", "*", "", "a*", " ", "\n")), min_size=1, max_size=4)
    return parts.map(".".join).filter(bool)


def env_names() -> st.SearchStrategy[str]:
    """Names for an `EnvPermission`."""
    return st.tuples(st.text("AB_*", max_size=4), st.sampled_from(("", "*"))).map("".join).filter(bool)


HOSTS = (
    "",
    "localhost",
    "LOCALHOST",
    "*",
    "*.example.com",
    "*.a.example.com",
    "example.com",
    "a.example.com",
    "A.Example.com",
    "a.example.com.",
    "10.0.0.1",
    "10.0.0.0/8",
    "10.0.0.0/31",
    "127.0.0.1",
    "127.0.0.0/8",
    "0.0.0.0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:10.0.0.1]",
    "[2001:db8::]/32",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fe80::1%eth0]",
)

PORTS = ("", ":", ":*", ":-", ":0", ":1", ":80", ":80-90", ":85", ":1024-", ":-80", ":65535", ":0-65535")


def socket_names() -> st.SearchStrategy[str]:
    """Names for a `SocketPermission`."""
    return st.tuples(st.sampled_from(HOSTS), st.sampled_from(PORTS)).map("".join)


def action_texts(words: Iterable[str]) -> st.SearchStrategy[str]:
    """One or more of ``words``, in any order."""
    return st.lists(st.sampled_from(sorted(words)), min_size=1, max_size=5).map(",".join)


def of_type(kind: type[ActionPermission], names: st.SearchStrategy[str]) -> st.SearchStrategy[Permission]:
    """Permissions of a type that has actions."""
    return st.builds(kind, names, action_texts(kind.ACTIONS.words))


def files() -> st.SearchStrategy[Permission]:
    """`FilePermission`."""
    return of_type(FilePermission, path_names())


def sockets() -> st.SearchStrategy[Permission]:
    """`SocketPermission`."""
    return of_type(SocketPermission, socket_names())


def _processes() -> st.SearchStrategy[Permission]:
    programs = path_names().filter(bool) | st.sampled_from(("*", "fork", "./fork", "ls"))
    pids = st.sampled_from(("*", "0", "1", "42", "-1"))
    return st.builds(ProcessPermission, programs, st.just("execute")) | st.builds(
        ProcessPermission, pids, st.just("signal")
    )


def _natives() -> st.SearchStrategy[Permission]:
    return of_type(NativePermission, path_names().filter(bool) | st.sampled_from(("*", "libm.so.6", "<main program>")))


def _admins() -> st.SearchStrategy[Permission]:
    words = st.sampled_from(("*", "x", "z", "x,z", '("'))
    return st.builds(SandboxAdminPermission, words, words)


def _basics() -> st.SearchStrategy[Permission]:
    kinds: Any = st.sampled_from((RuntimePermission, SecurityPermission, ImportPermission, ThreadPermission))
    return st.builds(lambda kind, name: kind(name), kinds, dotted_names())


def grants() -> st.SearchStrategy[Permission]:
    """`GrantPermission`, for permissions of several types, for types, and for granting to grant."""
    inner = files() | sockets() | _basics() | st.just(AllPermission())
    one = inner.map(GrantPermission.of)
    return (
        one
        | one.map(GrantPermission.of)
        | st.builds(GrantPermission, st.sampled_from(("*", "FilePermission", "GrantPermission")))
    )


@functools.cache
def permissions() -> st.SearchStrategy[Permission]:
    """Permissions of every built-in type."""
    return st.one_of(
        files(),
        sockets(),
        _basics(),
        _processes(),
        _natives(),
        _admins(),
        grants(),
        of_type(PropertyPermission, dotted_names()),
        of_type(EnvPermission, env_names()),
        st.sampled_from((LinkPermission("hard"), LinkPermission("symbolic"))),
        st.just(AllPermission()),
    )


@functools.cache
def pairs() -> st.SearchStrategy[tuple[Permission, Permission]]:
    """Two permissions, more often than not of one type."""
    same = [
        st.tuples(kind, kind)
        for kind in (
            files(),
            sockets(),
            st.builds(RuntimePermission, dotted_names()),
            _processes(),
            _natives(),
            _admins(),
            of_type(PropertyPermission, dotted_names()),
            of_type(EnvPermission, env_names()),
        )
    ]
    return st.one_of(*same, st.tuples(permissions(), permissions()))


@st.composite
def weaker_than(draw: st.DrawFn, permission: Permission) -> Permission:
    """A permission that ``permission`` implies, made without asking it."""
    kind = type(permission)
    if isinstance(permission, AllPermission):
        return draw(permissions())
    if isinstance(permission, SandboxAdminPermission):
        name = draw(st.sampled_from(("x", "z", "*"))) if permission.name == "*" else permission.name
        actions = draw(st.sampled_from(("x", "z", "*"))) if permission.actions == "*" else permission.actions
        return SandboxAdminPermission(name, actions)
    if isinstance(permission, GrantPermission):
        if permission.name.startswith(("*", "AllPermission")):
            return draw(grants())
        if " " not in permission.name:
            inside = draw(files() if permission.name == "FilePermission" else grants())
        else:
            inside = draw(weaker_than(parse_inner(permission)))
        return GrantPermission.of(inside)
    name = draw(_narrower_name(permission))
    if not isinstance(permission, ActionPermission):
        return kind(name, "")
    words = permission.actions.split(",")
    return kind(name, ",".join(draw(st.lists(st.sampled_from(words), min_size=1))))


def parse_inner(permission: GrantPermission) -> Permission:
    """Return what may be granted."""
    kind, _, name = permission.name.partition(" ")
    return registered_types()[kind](name, permission.actions)


def _narrower_name(permission: Permission) -> st.SearchStrategy[str]:
    name = permission.name
    keep = st.just(name)
    if isinstance(permission, EnvPermission):
        return keep | st.text("AB_", max_size=3).map(lambda more: name[:-1] + more + "X") if name[-1] == "*" else keep
    if isinstance(permission, SocketPermission):
        return _narrower_socket_name(name)
    if isinstance(permission, (FilePermission, NativePermission, ProcessPermission)):
        segment = st.sampled_from(("a", "b", "..."))
        if name == "<<ALL FILES>>":
            return keep | path_names().filter(bool)
        if name == "*" and not isinstance(permission, FilePermission):
            return keep
        if "/" not in name and isinstance(permission, NativePermission):
            return keep
        if name == "-" or name.endswith("/-"):
            below = st.lists(segment, min_size=1, max_size=3).map("/".join)
            return keep | st.tuples(below, st.sampled_from(("", "/*", "/-"))).map(
                lambda parts: name[:-1] + "".join(parts)
            )
        if name == "*" or name.endswith("/*"):
            return keep | segment.map(lambda last: name[:-1] + last)
        return keep
    if name == "*" or name.endswith(".*"):
        return keep | st.sampled_from(("a", "a.b", "b.*", "a*")).map(lambda more: name[:-1] + more)
    return keep


def _narrower_socket_name(name: str) -> st.SearchStrategy[str]:
    host, colon, ports = name.rpartition(":") if not name.endswith("]") else (name, "", "")
    if not colon:
        host, ports = name, ""
    hosts = [host]
    if host == "*":
        hosts += ["example.com", "10.0.0.1", "*.example.com", "[::1]"]
    elif host.startswith("*."):
        hosts += ["x" + host[1:], "*.x" + host[1:], "X.Y" + host[1:].upper()]
    elif host == "10.0.0.0/8":
        hosts += ["10.1.2.3", "10.128.0.0/9"]
    elif host in {"", "localhost"}:
        hosts += ["127.0.0.1", "[::1]", "LocalHost"]
    narrower = {
        "": ["80", "0", "1-5"],
        "*": ["80", "0-70"],
        "-": ["80", "9-"],
        "80-90": ["80", "85", "90", "81-89"],
        "1024-": ["1024", "65535", "2000-3000"],
        "-80": ["1", "80", "2-3"],
        "0-65535": ["0", "*"],
    }.get(ports, [])
    spelt = [colon + ports, *[":" + choice for choice in narrower]]
    return st.tuples(st.sampled_from(hosts), st.sampled_from(spelt)).map("".join).filter(bool) | st.just(name)
