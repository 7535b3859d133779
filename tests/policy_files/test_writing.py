"""What is written is read back as the same set, and looks the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage import (
    AllPermission,
    EnvPermission,
    FilePermission,
    Permissions,
    PolicyError,
    RuntimePermission,
    SocketPermission,
    UnresolvedPermission,
)
from pycage.policy_files import read_policy, write_profile
from strategies import permissions as any_permission

WRITABLE = any_permission().filter(
    lambda p: type(p) is not FilePermission or p.name.startswith(("/", "<<ALL FILES>>"))
) | st.builds(UnresolvedPermission, st.text(min_size=1, max_size=8), st.text(max_size=8), st.text(max_size=8))


@settings(max_examples=60)
@given(
    st.lists(WRITABLE, max_size=6),
    st.lists(WRITABLE, max_size=3),
    st.text(min_size=1, max_size=8),
    st.text(max_size=30),
)
def test_a_written_profile_reads_back_as_the_same(allow, deny, name, description) -> None:
    name = name.encode("utf-8", "replace").decode()  # TOML has no lone surrogates
    description = description.encode("utf-8", "replace").decode()
    comments = {permission: description for permission in allow}

    text = write_profile(name, allow, deny=deny, description=description, comments=comments)
    policy = read_policy(text)

    assert set(policy.permissions(name)) == set(Permissions(allow))
    assert set(policy.denials(name)) == set(Permissions(deny))
    assert policy.document.profiles[name].description == description


@settings(max_examples=60)
@given(st.lists(WRITABLE, max_size=6))
def test_the_order_in_which_permissions_come_does_not_matter(allow) -> None:
    assert write_profile("p", Permissions(allow)) == write_profile("p", reversed(list(Permissions(allow))))


def test_a_profile_is_grouped_and_commented() -> None:
    text = write_profile(
        "thumbs nails",
        [
            SocketPermission("example.com:443", "connect"),
            FilePermission("/srv/out/-", "write"),
            RuntimePermission("exitVM"),
            FilePermission('/srv/it\'s "${x}"', "read"),
            FilePermission("/srv/out/-", "read"),
            EnvPermission("TZ", "read"),
        ],
        imports=["allow json"],
        imports_default="deny",
        comments={EnvPermission("TZ", "read"): "for dates\n\x1b"},
    )

    assert (
        text
        == r"""[profiles."thumbs nails"]
imports_default = "deny"
imports = [
    "allow json",
]
allow = [
    # files
    "FilePermission \"/srv/it's \\\"$${x}\\\"\" \"read\"",
    'FilePermission "/srv/out/-" "read,write"',
    # network
    'SocketPermission "example.com:443" "connect,resolve"',
    # environment
    'EnvPermission "TZ" "read"',  # for dates\x0a\x1b
    # the interpreter
    'RuntimePermission "exitVM"',
]
"""
    )


def test_nothing_and_everything_can_be_written() -> None:
    assert write_profile("a", []) == "[profiles.a]\n"
    assert "'AllPermission'" in write_profile("a", [AllPermission()]).replace('"', "'")


def test_what_no_file_can_say_is_not_written() -> None:
    with pytest.raises(PolicyError, match="is relative"):
        write_profile("a", [FilePermission("x", "read")])
    with pytest.raises(PolicyError, match="cannot read the rule"):
        write_profile("a", [], imports=["x"])
