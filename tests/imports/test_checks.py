"""What facades ask before operations without an audit event: judged exactly as the events are."""

from __future__ import annotations

import os

import pytest
from cast import Role
from pycage import AccessDenied, EnvPermission, FilePermission, RuntimePermission
from pycage.imports.facades import checks
from pycage.paths import Links


@pytest.fixture
def root(tmp_path):
    """A granted directory with a link out of it, and a file beside it."""
    root = os.path.realpath(tmp_path)
    os.mkdir(f"{root}/granted")
    for name in ("granted/file", "secret"):
        with open(f"{root}/{name}", "w") as file:
            file.write(name)
    os.symlink(f"{root}/secret", f"{root}/granted/link")
    return root


def asks(role, *args):
    role.call(checks.check_file, "os.stat", *args)


def test_the_host_is_asked_nothing(root):
    checks.check_file("os.stat", f"{root}/secret", "read")


def test_a_file_in_a_granted_directory_may_be_used(root):
    box = Role("box", FilePermission(f"{root}/granted/-", "read"))

    for path in (f"{root}/granted/file", f"{root}/granted/missing", f"{root}/granted/../granted/file"):
        asks(box, path, "read")
        asks(box, os.fsencode(path), "read")


def test_a_relative_path_is_judged_by_where_it_leads(root, monkeypatch):
    monkeypatch.chdir(f"{root}/granted")
    box = Role("box", FilePermission(f"{root}/granted/-", "read"))

    asks(box, "file", "read")
    with pytest.raises(AccessDenied, match=r'"\.\./secret" "read"'):
        asks(box, "../secret", "read")


def test_a_link_out_of_the_granted_directory_is_judged_by_where_it_leads(root):
    box = Role("box", FilePermission(f"{root}/granted/-", "read"))

    asks(box, f"{root}/granted/link", "read", Links.KEEP)
    with pytest.raises(AccessDenied):
        asks(box, f"{root}/granted/link", "read")


@pytest.mark.parametrize("path", ["../secret", "granted/../secret", "granted/link", "secret"])
def test_another_file_is_denied_however_it_is_spelt(root, monkeypatch, path):
    box = Role("box", FilePermission(f"{root}/granted/-", "read"))
    monkeypatch.chdir(root)

    for spelt in (f"{root}/{path}", path, os.fsencode(path)):
        with pytest.raises(AccessDenied):
            asks(box, spelt, "read")


def test_a_path_that_cannot_be_judged_is_denied(root):
    box = Role("box", FilePermission("<<ALL FILES>>", "read"))

    for path in (f"{root}/granted\0", "x" * 100_000):
        with pytest.raises(AccessDenied):
            asks(box, path, "read")


class Text(str):
    def __str__(self):
        return "/elsewhere"

    def __fspath__(self):
        return "/elsewhere"

    def encode(self, *_args):
        return b"/elsewhere"


class Raw(bytes):
    def __bytes__(self):
        return b"/elsewhere"


class Changing:
    def __init__(self, *answers):
        self.answers = list(answers)

    def __fspath__(self):
        return self.answers.pop(0)


def test_a_path_becomes_exact_without_running_code_of_a_text():
    for given, expected in ((Text("/a"), "/a"), (Raw(b"/a"), b"/a"), (Changing(Text("/a")), "/a"), ("/a", "/a")):
        path = checks.exact_path(given)

        assert (type(path), path) == (type(expected), expected)


def test_a_path_like_object_is_asked_once():
    path = Changing("/a", "/b")

    assert checks.exact_path(path) == "/a"
    assert path.answers == ["/b"]


def test_what_only_looks_like_a_path_is_none():
    class Liar:
        @property
        def __class__(self):
            return str

    for value in (Liar(), 3, None, Changing(3), [Text("/a")]):
        with pytest.raises(TypeError):
            checks.exact_path(value)


def test_the_current_directory_may_be_known_by_who_may_read_it(root, monkeypatch):
    monkeypatch.chdir(root)

    for permission in (FilePermission(root, "read"), RuntimePermission("getWorkingDirectory")):
        assert Role("box", permission).call(checks.check_working_directory) == root
    with pytest.raises(AccessDenied, match="getWorkingDirectory") as caught:
        Role("box", FilePermission(f"{root}/-", "read")).call(checks.check_working_directory)
    assert root not in str(caught.value)


def test_everybody_on_the_stack_must_have_one_of_the_permissions(root, monkeypatch):
    monkeypatch.chdir(root)
    one, other = Role("one", FilePermission(root, "read")), Role("other", RuntimePermission("getWorkingDirectory"))

    assert one.call(other.call, checks.check_working_directory) == root
    with pytest.raises(AccessDenied):
        one.call(Role("third").call, checks.check_working_directory)


def test_variables_that_may_be_read(monkeypatch):
    box = Role("box", EnvPermission("APP_*", "read"))

    assert [box.call(checks.readable_variable, name) for name in ("APP_X", "PATH", "", "a=b", "*")] == [
        True,
        False,
        False,
        False,
        False,
    ]
