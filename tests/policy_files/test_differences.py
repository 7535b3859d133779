"""`diff` says in words what another version of a policy allows, and nothing where both allow the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage import FilePermission, Permissions, PolicyError, parse
from pycage.policy_files import diff, read_policy, write_profile
from pycage.policy_files.words import in_words
from strategies import permissions as any_permission


def said(old: str, new: str) -> list[str]:
    return [str(change) for change in diff(read_policy(old), read_policy(new))]


def profile(*allow: str, deny: tuple[str, ...] = (), more: str = "") -> str:
    def listed(lines):
        return "[%s]" % ", ".join(f"'{line}'" for line in lines)

    return f"[profiles.p]\nallow = {listed(allow)}\ndeny = {listed(deny)}\n{more}\n"


READ = 'FilePermission "/srv/-" "read"'


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        ('("FilePermission" "/srv/a" "read")', "read /srv/a"),
        ('("FilePermission" "/srv/*" "read,write,delete")', "read, write and delete what is directly in /srv"),
        ('("FilePermission" "<<ALL FILES>>" "execute")', "execute every file"),
        ('("FilePermission" "/a\\x0ab" "read")', "read /a\\x0ab"),
        ('("SocketPermission" "example.com:80-90" "connect")', "connect to example.com, ports 80-90"),
        ('("SocketPermission" "*" "listen,resolve")', "listen on any host"),
        ('("SocketPermission" "[::1]:80" "connect")', "connect to [::1], port 80"),
        ('("SocketPermission" "[::1]" "resolve")', "look up the address of [::1]"),
        ('("EnvPermission" "LC_*" "read,write")', "read and set every environment variable that begins with LC_"),
        ('("EnvPermission" "*" "read")', "read every environment variable"),
        ('("PropertyPermission" "a.*" "read")', "read properties below a"),
        ('("ProcessPermission" "/usr/bin/*" "execute")', "start what is directly in /usr/bin"),
        ('("ProcessPermission" "12" "signal")', "signal process 12"),
        ('("ProcessPermission" "*" "execute,signal")', "start and signal every program or process"),
        ('("NativePermission" "*" "load")', "load any native library"),
        ('("NativePermission" "libm.so.6" "load,call")', "load and call native libraries: libm.so.6"),
        ('("ImportPermission" "json")', "import the module json"),
        ('("ThreadPermission" "start")', 'do "start" to threads'),
        ('("RuntimePermission" "exitVM")', 'do "exitVM" in the interpreter'),
        ('("SandboxAdminPermission" "a" "b")', 'do what ("SandboxAdminPermission" "a" "b") stands for'),
        ('("AllPermission" "")', "do everything"),
    ],
)
def test_a_permission_in_words(permission: str, words: str) -> None:
    assert in_words(parse(permission)) == words


@given(any_permission())
def test_every_permission_has_words_on_one_line(permission) -> None:
    words = in_words(permission)

    assert words
    assert words.isprintable()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (profile(READ), profile(READ, 'FilePermission "/srv/x" "write"'), ["p may now also write /srv/x"]),
        (profile(), profile(READ), ["p may now read everything below /srv"]),
        (profile(READ), profile(), ["p may no longer read everything below /srv"]),
        (profile(READ), profile('FilePermission "/srv/x/-" "read"'),
         ["p may no longer read everything below /srv, only everything below /srv/x"]),
        (profile('SocketPermission "a.org:443" "connect"'), profile('SocketPermission "b.org:443" "connect"'),
         ["p may now also connect to b.org, port 443", "p may no longer connect to a.org, port 443"]),
        (profile(READ), profile(READ, deny=('FilePermission "/srv/x" "read"',)),
         ["p is now refused to read /srv/x, whatever else is allowed"]),
        (profile(READ, deny=('FilePermission "/srv/x" "read"',)), profile(READ), ["p is no longer refused to read /srv/x"]),
        (profile(READ, 'FilePermission "/srv/a" "read"'), profile(READ), []),
        (profile('FilePermission "/srv/a" "read"', 'FilePermission "/srv/a" "write"'),
         profile('FilePermission "/srv/a" "read,write"'), []),
        (profile(), profile(more="imports = ['deny json', 'allow gc']"),
         ["p may now import gc", "p may no longer import json"]),
        (profile(), profile(more="imports = ['allow plugins.*']"), ["p has a new import rule: allow plugins.*"]),
        (profile(more="own = ['allow plugins.*']"), profile(), ["p has lost an import rule: own: allow plugins.*"]),
        ("", profile(READ), ["p is new", "p may now read everything below /srv"]),
        (profile(READ), "", ["p is gone"]),
        ("[plugins.a]\npath = 'a.py'", "[plugins.a]\npath = 'a.py'\nsha256 = '" + "0" * 64 + "'\npackages = ['toolz']",
         ["a is pinned now: sha256 " + "0" * 64, "a loads the installed package toolz"]),
        ("[plugins.a]\npath = 'a.py'\nsha256 = '" + "0" * 64 + "'", "[plugins.a]\npath = 'a.py'",
         ["a is no longer pinned: any code will be run"]),
        ("[plugins.a]\npath = '/a.py'", "[plugins.a]\nmodule = 'a'\npath = '/b.py'",
         ['a has its code elsewhere: "/b.py", before "/a.py"']),
    ],
)  # fmt: skip
def test_what_changes_is_said_in_words(old: str, new: str, expected: list[str]) -> None:
    assert said(old, new) == expected


def test_what_comes_from_another_profile_is_said_of_all_that_extend_it() -> None:
    text = "profiles.base.allow = ['FilePermission \"/%s\" \"read\"']\nprofiles.p = {extends = ['base']}"

    assert said(text % "a", text % "b")[2:] == ["p may now also read /b", "p may no longer read /a"]


def test_the_direction_can_be_told_by_a_program() -> None:
    (change,) = diff(read_policy(profile()), read_policy(profile(READ)))

    assert (change.direction, change.permission) == ("more", FilePermission("/srv/-", "read"))


WRITABLE = any_permission().filter(lambda p: type(p) is not FilePermission or p.name.startswith(("/", "<<")))


@settings(max_examples=40)
@given(st.lists(WRITABLE, max_size=4), st.lists(WRITABLE, max_size=4))
def test_nothing_is_said_exactly_where_both_allow_the_same(one, other) -> None:
    old, new = read_policy(write_profile("p", one)), read_policy(write_profile("p", other))

    found = diff(old, new)

    held = Permissions(one)
    more = [atom for p in other for atom in p.split() if not held.implies(atom)]
    assert any(change.direction == "more" for change in found) == bool(more)
    assert diff(old, old) == []


def test_files_are_read_and_errors_come_out(tmp_path) -> None:
    (tmp_path / "a.toml").write_text(profile(READ))
    (tmp_path / "b.toml").write_text("[profiles.p]\nalow = []")

    assert diff(tmp_path / "a.toml", tmp_path / "a.toml") == []
    with pytest.raises(PolicyError):
        diff(tmp_path / "a.toml", tmp_path / "b.toml")


def test_unresolved_permissions_that_stay_are_not_said() -> None:
    text = profile('unresolved AppPermission "a"', 'unresolved AppPermission "b"')

    assert said(text, text) == []
    assert said(profile('unresolved AppPermission "a"'), text) == [
        'p may now also do what (unresolved AppPermission b "") will stand for'
    ]
