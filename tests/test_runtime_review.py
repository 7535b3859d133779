"""Attacks on what changes permissions while a program runs, and on what is written down about it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
from typing import TYPE_CHECKING

import pytest

import pycage
from pycage import (
    AccessDenied,
    FilePermission,
    GrantPermission,
    MappingResolver,
    PolicyError,
    Principal,
    RuntimePermission,
    Sandbox,
    SandboxAdminPermission,
)
from pycage.policy_files import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_numbers = itertools.count()
X = RuntimePermission("x")
SECRET = FilePermission("/srv/secret", "read")
PLUGIN = """
import pycage
def call(function, *args, **kwargs):
    return function(*args, **kwargs)
def child(mine, name, **arguments):
    return mine.create_child(name, **arguments)
def ask(permission):
    pycage.check_permission(permission)
class Somebody:
    def __init__(self, name):
        self._name = name
    def __hash__(self):
        return 1
    @property
    def name(self):
        raise ValueError("nobody reads the log any more")
"""
DELEGATE = (SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("*", "createSandbox"))


@pytest.fixture
def make() -> Iterator[Callable[..., Sandbox]]:
    with contextlib.ExitStack() as stack:

        def one(*permissions: pycage.Permission, **more: object) -> Sandbox:
            name = f"runtime_review_{next(_numbers)}"
            return stack.enter_context(
                Sandbox(name, resolver=MappingResolver({"m": PLUGIN}), permissions=permissions, **more)
            )

        yield one


# ---- Functions that are called as the host ---------------------------------------------------------------------------


def test_a_function_of_the_host_that_a_sandbox_hands_over_as_subscriber_works_for_the_sandbox(make) -> None:
    administrator, other = make(SandboxAdminPermission("*", "*")), make()
    reached = []

    def of_the_host(_change: object) -> None:
        with contextlib.suppress(AccessDenied):
            pycage.check_permission(SECRET)
            reached.append("secret")

    administrator.load("m").call(other.subscribe, of_the_host)
    other.grant(X)
    assert reached == []

    other.subscribe(of_the_host)
    other.grant(X)
    assert reached == ["secret"]


def test_a_function_of_the_host_that_a_sandbox_hands_over_as_decider_works_for_the_sandbox(make) -> None:
    administrator, other = make(SandboxAdminPermission("*", "*")), make()

    def of_the_host(_question: object) -> bool:
        pycage.check_permission(SECRET)
        return True

    administrator.load("m").call(other.on_request, of_the_host)
    with pytest.raises(AccessDenied):
        other.load("m").ask(X)

    other.on_request(of_the_host)
    other.load("m").ask(X)


# ---- What reaches the log --------------------------------------------------------------------------------------------


def test_a_sandbox_cannot_stop_the_log_with_somebody_of_its_own(make) -> None:
    parent = make(*DELEGATE, GrantPermission.of(X), X)
    plugin = parent.load("m")
    child = plugin.child(parent, "runtime_review_child", permissions=[X])

    with pytest.raises(TypeError, match="Principal"):
        plugin.call(child.grant, X, principals=[plugin.Somebody("a")])
    with pytest.raises(TypeError, match="Principal"):
        pycage.get_policy().grant(pycage.CodeSource(child.url), X, principals=["ann"])
    child.grant(X, principals=[Principal("ann")])


def test_the_name_of_a_principal_is_exactly_text() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(TypeError):
        Principal(Text("ann"))
    assert Principal("ann") == Principal("ann")


def test_a_tag_that_a_sandbox_chose_writes_no_line_of_its_own_into_a_log(make, caplog) -> None:
    parent = make(*DELEGATE, GrantPermission.of(X), X)
    plugin = parent.load("m")
    child = plugin.child(parent, "runtime_review_child", resolver=MappingResolver({"m": PLUGIN}))
    plugin.call(child.grant, X, tag="a)\nWARNING all is well \x1b[2J\u202e" + "x" * 5000)

    with caplog.at_level(logging.DEBUG, "pycage.audit"), pycage.decisions().to_logging():
        child.load("m").ask(X)
    said = [record.getMessage() for record in caplog.records if record.name == "pycage.audit"]

    assert said
    assert all(text.isprintable() and len(text) < 3000 for text in said)


# ---- Pinned code -----------------------------------------------------------------------------------------------------


def test_one_file_whose_name_reads_as_two_has_no_hash(tmp_path: Path) -> None:
    first, second = b"import guard\n", b"forbid = True\n"
    plain, forged = tmp_path / "plain", tmp_path / "forged"
    plain.mkdir()
    (plain / "__init__.py").write_bytes(first)
    (plain / "guard.py").write_bytes(second)
    directory = forged / f"__init__.py\n{hashlib.sha256(second).hexdigest()}  ."
    directory.mkdir(parents=True)
    (directory / "guard.py").write_bytes(first)

    assert len(digest_of(plain)) == 64
    with pytest.raises(PolicyError, match="line break"):
        digest_of(forged)
