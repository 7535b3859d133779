"""`check` warns of grants that defeat a sandbox, and names rules that say nothing; a plain policy is left alone."""

from __future__ import annotations

import sys

import pytest
from pycage.policy_files import check, digest_of, load_policy, read_policy


def found(*rules: str, deny: tuple[str, ...] = ()) -> list:
    def listed(lines):
        return "[%s]" % ", ".join(f"'{line}'" for line in lines)

    text = f"[profiles.p]\nallow = {listed(rules)}\ndeny = {listed(deny)}\n"
    return check(read_policy(text, source="policy.toml"), home="/home/ann")


def codes(*rules: str, deny: tuple[str, ...] = ()) -> list[str]:
    return [finding.code for finding in found(*rules, deny=deny)]


@pytest.mark.parametrize(
    "rule",
    [
        'FilePermission "/srv/images/-" "read"',
        'FilePermission "/srv/out/-" "read,write,delete"',
        'FilePermission "/home/ann/pictures/-" "read,write"',
        'FilePermission "/usr/share/zoneinfo/-" "read"',
        'FilePermission "/etc/mime.types" "read"',
        'SocketPermission "example.com:443" "connect"',
        'SocketPermission "10.0.0.0/8:5432" "connect"',
        'EnvPermission "LC_*" "read"',
        'EnvPermission "APP_MODE" "read,write"',
        'ProcessPermission "/usr/bin/convert" "execute"',
        'NativePermission "libm.so.6" "load,call"',
        'RuntimePermission "exitVM"',
        'ThreadPermission "start"',
    ],
)
def test_an_ordinary_rule_is_left_alone(rule: str) -> None:
    assert codes(rule) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("AllPermission", "all-permission"),
        ('FilePermission "<<ALL FILES>>" "write"', "write-everything"),
        ('FilePermission "/-" "read"', "read-everything"),
        ('ProcessPermission "*" "execute"', "run-everything"),
        (f'FilePermission "{sys.path[-1]}/x.py" "write"', "write-import-path"),
        (f'FilePermission "{sys.prefix}/-" "read,write"', "write-import-path"),
        ('FilePermission "/home/ann/-" "write"', "write-startup-file"),
        ('FilePermission "/home/ann/.bashrc" "write"', "write-startup-file"),
        ('FilePermission "/home/ann/.ssh/authorized_keys" "write"', "write-startup-file"),
        ('FilePermission "/etc/cron.d/*" "write"', "write-startup-file"),
        ('FilePermission "/home/ann/.ssh/-" "read"', "read-secrets"),
        ('FilePermission "/home/-" "read"', "read-secrets"),
        ('FilePermission "/etc/shadow" "read"', "read-secrets"),
        ('FilePermission "/proc/-" "read"', "read-processes"),
        ('FilePermission "/proc/self/mem" "write"', "write-device"),
        ('FilePermission "/run/docker.sock" "read,write"', "engine-socket"),
        ('EnvPermission "LD_PRELOAD" "write"', "write-loader-variable"),
        ('EnvPermission "PYTHON*" "read,write"', "write-loader-variable"),
        ('EnvPermission "*" "read"', "read-environment"),
        ('ProcessPermission "/bin/sh" "execute"', "run-interpreter"),
        ('ProcessPermission "/usr/bin/*" "execute"', "run-interpreter"),
        (f'ProcessPermission "{sys.executable}" "execute"', "run-interpreter"),
        ('ProcessPermission "*" "signal"', "signal-anybody"),
        ('NativePermission "*" "load"', "load-anything"),
        ('SocketPermission "169.254.169.254:80" "connect"', "cloud-metadata"),
        ('SocketPermission "169.254.0.0/16" "connect"', "cloud-metadata"),
        ('SocketPermission "*" "connect"', "cloud-metadata"),
        ('RuntimePermission "*"', "interpreter"),
        ('RuntimePermission "defineCode"', "interpreter"),
        ('SecurityPermission "setPolicy"', "administer"),
        ('SecurityPermission "getPolicy"', "administer"),  # the live one
        ('SandboxAdminPermission "x" "setSandboxPermissions"', "administer"),
    ],
)
def test_a_grant_that_defeats_the_sandbox_is_warned_of(rule: str, expected: str) -> None:
    findings = found(rule)

    assert expected in [finding.code for finding in findings]
    assert {finding.severity for finding in findings} == {"warning"}
    assert all(finding.where == "policy.toml, line 2, profiles.p.allow[0]" for finding in findings)


def test_what_is_denied_is_not_warned_of() -> None:
    rule = 'SocketPermission "169.254.0.0/16" "connect"'

    (finding,) = found(rule)

    assert 'deny \'SocketPermission "169.254.169.254:80" "connect,resolve"\'' in finding.fix
    assert codes('FilePermission "/home/ann/-" "read"', deny=('FilePermission "/home/ann/.ssh/-" "read"',)) == [
        "read-secrets"
    ]
    assert codes('EnvPermission "PATH*" "write"', deny=('EnvPermission "PATH" "write"',)) == []


def test_native_code_that_the_sandbox_may_write_is_warned_of() -> None:
    load = 'NativePermission "/srv/codecs/x.so" "load"'

    assert codes(load) == []
    assert codes(load, 'FilePermission "/srv/-" "write"') == ["load-written"]
    assert codes('NativePermission "/srv/codecs/-" "load"', 'FilePermission "/srv/codecs/x.so" "read,write"') == [
        "load-written"
    ]


def test_a_sandbox_that_may_write_its_own_policy_or_code_is_warned_of(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    (tmp_path / "thumb.py").write_text("")
    text = "[plugins.thumb]\npath = 'thumb.py'\nsha256 = '%s'\nallow = ['FilePermission \"%s\" \"write\"']"
    for name, expected in (
        ("*", ["write-policy"]),
        ("policy.toml", ["write-policy"]),
        ("thumb.py", ["write-policy"]),
        ("x", []),
    ):
        path.write_text(text % (digest_of(tmp_path / "thumb.py"), tmp_path / name))

        assert [finding.code for finding in check(path)] == expected, name
        assert [finding.code for finding in check(load_policy(path))] == expected, name


# ---- Rules that say nothing ------------------------------------------------------------------------------------------

READ = 'FilePermission "/srv/a" "read"'


@pytest.mark.parametrize(
    ("rules", "deny", "expected"),
    [
        ((READ, READ), (), [("duplicate", "allow[1]")]),
        ((READ, 'FilePermission "/srv/*" "read"'), (), [("unused", "allow[0]")]),
        ((READ, 'FilePermission "/srv/a" "read,write"'), (), [("unused", "allow[0]")]),
        (('FilePermission "/srv/*" "read"', 'FilePermission "/srv/a" "write"', 'FilePermission "/srv/a" "read,write"'), (),
         [("unused", "allow[1]")]),
        (('FilePermission "/srv/*" "read"', 'FilePermission "/srv/-" "write"', 'FilePermission "/srv/a" "read,write"'), (),
         [("unused", "allow[2]")]),
        (('RuntimePermission "exitVM"', 'RuntimePermission "exitVM.*"'), (), [("unused", "allow[1]")]),
        ((READ,), ('FilePermission "/srv/-" "read"',), [("shadowed", "allow[0]")]),
        (('FilePermission "/srv/a" "read,write"',), ('FilePermission "/srv/-" "read"',), []),
        ((READ,), ('FilePermission "/srv/-" "read,write"',), [("shadowed", "allow[0]")]),
        ((READ,), ('FilePermission "/x" "read"', 'FilePermission "/-" "write"', 'FilePermission "/x" "write"'),
         [("unused", "deny[2]")]),
        (('unresolved AppPermission "x"',), (), [("unresolved-type", "allow[0]")]),
    ],
)  # fmt: skip
def test_a_rule_that_says_nothing_is_named(rules, deny, expected) -> None:
    assert [(finding.code, finding.where.rpartition(".")[2]) for finding in found(*rules, deny=deny)] == expected


def test_a_rule_that_a_weaker_layer_says_already_is_named_and_not_the_other_way_round() -> None:
    policy = read_policy(
        """
        profiles.base.allow = ['FilePermission "/srv/a" "read"']
        profiles.wide = {extends = ["base"], allow = ['FilePermission "/srv/-" "read"']}
        profiles.same = {extends = ["base"], allow = ['FilePermission "/srv/a" "read"']}
        """
    )

    assert [(finding.code, finding.where) for finding in check(policy)] == [
        ("duplicate", "policy, line 4, profiles.same.allow[0]")
    ]


# ---- Files -----------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_an_error(tmp_path) -> None:
    assert [finding.code for finding in check(tmp_path / "none.toml")] == ["unreadable"]


def test_all_errors_of_a_file_come_out(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[profiles.a]\nalow = []\nallow = [\'FilePermision "/x" "read"\']')

    findings = check(path)

    assert [finding.code for finding in findings] == ["unknown-key", "unknown-type"]
    assert {finding.severity for finding in findings} == {"error"}
    assert 'did you mean "FilePermission"?' in findings[1].fix


def test_the_code_of_plugins_is_looked_at(tmp_path) -> None:
    (tmp_path / "a.py").write_text("a")
    text = f"[plugins.a]\npath = 'a.py'\n[plugins.b]\npath = 'b.py'\n[plugins.c]\nmodule = 'c'\npath = 'a.py'\nsha256 = '{'0' * 64}'"

    findings = check(read_policy(text, directory=tmp_path))

    assert [(finding.severity, finding.code) for finding in findings] == [
        ("error", "bad-code"),
        ("error", "bad-digest"),
        ("note", "unpinned"),
    ]
    assert digest_of(tmp_path / "a.py") in findings[2].fix


def test_a_profile_that_needs_a_plugin_is_looked_through_without_one() -> None:
    assert codes('FilePermission "${plugin_dir}/-" "read"') == []


def test_a_text_of_more_than_one_line_is_looked_through_as_it_is() -> None:
    assert [finding.code for finding in check("[profiles.a]\nallow = ['AllPermission']")] == ["all-permission"]
    assert [finding.code for finding in check("[profiles.a]\nalow = []")] == ["unknown-key"]
