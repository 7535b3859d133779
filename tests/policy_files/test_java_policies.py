"""Policies written for Java's security manager are read as the JDK reads them, and nothing is dropped without a word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage import (
    AllPermission,
    CodeSource,
    EnvPermission,
    FilePermission,
    LinkPermission,
    NativePermission,
    PolicyError,
    PropertyPermission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
    ThreadPermission,
    UnresolvedPermission,
)
from pycage.policy_files import load_java_policy, read_java_policy, read_policy
from pycage.policy_files.java_syntax import parse_java_policy

PLUGIN = CodeSource("file:/plugins/a.jar")

EXAMPLE = r"""
/* what the
   application ships */
keystore "file:/keys", "JKS";
keystorePasswordURL "some_url";

GRANT CodeBase "file:/plugins/-" {
  permission java.io.FilePermission "/tmp/*", "read , WRITE";   // a comment
  permission java.io.FilePermission "${user.home}${/}data${/}-", "read";
  Permission java.net.SocketPermission "*.example.com:1024-", "connect";
  permission java.lang.RuntimePermission "getenv.PATH";
  permission java.util.PropertyPermission "user.*", "read";
};
grant {
  permission java.lang.RuntimePermission "exitVM.1";
  permission java.security.AllPermission;
};
grant principal javax.security.auth.x500.X500Principal "cn=Duke", principal * * , codeBase 'http://x.org/*' {
  permission java.lang.RuntimePermission "createClassLoader";
};
grant codeBase "file:/plugins/-" signedBy "Duke" { permission java.security.AllPermission; };
"""


def translated(entry: str, **options):
    policy = read_java_policy(f"grant {{ permission {entry}; }};", directory="/work", **options)
    return [p for grant in policy.grants for p in grant.permissions], [finding.code for finding in policy.report]


def test_a_whole_file() -> None:
    policy = read_java_policy(EXAMPLE, properties={"user.home": "/home/ann"})

    plugins, everybody, duke = policy.grants
    assert plugins.permissions == (
        FilePermission("/tmp/*", "read,write"),
        FilePermission("/home/ann/data/-", "read"),
        SocketPermission("*.example.com:1024-", "connect"),
        EnvPermission("PATH", "read"),
        PropertyPermission("user.*", "read"),
    )
    assert everybody.source == CodeSource(None)
    assert everybody.permissions == (RuntimePermission("exitVM.1"), AllPermission())
    assert duke.principals == (("javax.security.auth.x500.X500Principal", "cn=Duke"), ("*", "*"))
    assert duke.source == CodeSource("http://x.org/*")
    assert [(finding.code, finding.where) for finding in policy.report] == [
        ("no-counterpart", "java.policy, line 4"),
        ("no-counterpart", "java.policy, line 5"),
        ("different-meaning", "java.policy, line 12"),
        ("signed-by", "java.policy, line 21"),
    ]


def test_grants_reach_the_code_that_they_are_for() -> None:
    text = """
    grant codeBase "file:/plugins/-" { permission java.io.FilePermission "/a", "read"; };
    grant codeBase "file:/other/*" { permission java.io.FilePermission "/b", "read"; };
    grant { permission java.io.FilePermission "/c", "read"; };
    grant principal x.Y "z" { permission java.io.FilePermission "/d", "read"; };
    """
    policy = read_java_policy(text)

    assert {p.name for p in policy.permissions(PLUGIN)} == {"/a", "/c"}
    assert {p.name for p in policy.permissions(CodeSource("file:/x"))} == {"/c"}


@pytest.mark.parametrize(
    ("entry", "permission"),
    [
        ('java.io.FilePermission "<<ALL FILES>>", "read"', FilePermission("<<ALL FILES>>", "read")),
        ('FilePermission "/x", "read"', FilePermission("/x", "read")),
        ('java.nio.file.LinkPermission "hard"', LinkPermission("hard")),
        ('java.security.SecurityPermission "setPolicy"', SecurityPermission("setPolicy")),
        ('java.lang.RuntimePermission "accessDeclaredMembers"', RuntimePermission("accessDeclaredMembers")),
        ('java.lang.RuntimePermission "exitVM"', RuntimePermission("exitVM")),
        ('java.lang.RuntimePermission "getenv.*"', EnvPermission("*", "read")),
        (
            'com.io7m.jcage.core.JCSandboxAdminPermission "s", "createSandbox"',
            SandboxAdminPermission("s", "createSandbox"),
        ),
        (r'java.io.FilePermission "/a\tb\"\\\101", "read"', FilePermission('/a\tb"\\A', "read")),
    ],
)
def test_what_means_the_same_is_taken_over_without_a_word(entry: str, permission) -> None:
    assert translated(entry) == ([permission], [])


@pytest.mark.parametrize(
    ("entry", "permission", "code"),
    [
        ('java.io.FilePermission "data/-", "read"', FilePermission("/work/data/-", "read"), "different-meaning"),
        ('java.io.FilePermission "-", "read"', FilePermission("/work/-", "read"), "different-meaning"),
        ('java.io.FilePermission "/a*", "read"', FilePermission("/a*", "read"), "different-meaning"),
        (
            'java.net.SocketPermission "localhost:0", "listen"',
            SocketPermission("localhost:0", "listen"),
            "different-meaning",
        ),
        ('java.util.PropertyPermission "a", "read"', PropertyPermission("a", "read"), "different-meaning"),
        ('java.lang.RuntimePermission "loadLibrary.m"', NativePermission("libm.so", "load"), "different-meaning"),
        ('java.lang.RuntimePermission "modifyThread"', ThreadPermission("modify"), "different-meaning"),
        ('com.example.AppPermission "x", "y"', UnresolvedPermission("AppPermission", "x", "y"), "unresolved-type"),
    ],
)
def test_what_means_something_else_is_taken_over_with_a_note(entry: str, permission, code: str) -> None:
    assert translated(entry) == ([permission], [code])


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ('java.awt.AWTPermission "accessClipboard"', "no-counterpart"),
        ('java.lang.RuntimePermission "setIO"', "no-counterpart"),
        ('java.lang.reflect.ReflectPermission "suppressAccessChecks"', "no-counterpart"),
        ('java.net.URLPermission "https://x.org/*", "GET"', "no-counterpart"),
        ('java.io.FilePermission "C:\\\\x", "read"', "no-counterpart"),
        ('java.io.FilePermission "/x", "reed"', "bad-permission"),
        ('java.io.FilePermission "/x"', "bad-permission"),
        ('java.net.SocketPermission "x:70000", "connect"', "bad-permission"),
        ('java.io.FilePermission "${no.such}/x", "read"', "not-expanded"),
        ('com.example.AppPermission "x", signedBy "Duke"', "signed-by"),
    ],
)
def test_what_cannot_be_taken_over_is_reported(entry: str, code: str) -> None:
    assert translated(entry) == ([], [code])


def test_a_property_cannot_widen_a_name() -> None:
    """In Java an empty user.home makes every file of "${user.home}/-"."""
    for value in ("", "/", "*", "/x/..", "<<ALL FILES>>"):
        assert translated('java.io.FilePermission "${user.home}/-", "read"', properties={"user.home": value}) == (
            [],
            ["not-expanded"],
        )


def test_a_grant_whose_code_base_cannot_be_read_is_not_made() -> None:
    for base in ("${no.such}/x", "file:/../x", "x"):
        policy = read_java_policy(f'grant codeBase "{base}" {{ permission java.security.AllPermission; }};')

        assert policy.grants == ()
        assert len(policy.report) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grant {", 'line 1: found "the end of the file"; expected "permission" or }'),
        ("grant { permission; };", "expected the class of a permission"),
        ("grant { permission x }", "expected ;"),
        ("grant { } ", "expected ;"),
        ("\ngrnt { };", 'line 2: found "grnt"; expected "grant" or "keystore"'),
        ('grant codeBase "a" codeBase "b" { };', "each once"),
        ('grant { permission x "y\n"; };', "close strings and comments"),
        ("/* x", "close strings and comments"),
        ('grant codeBase { };', "expected text in quotes"),
    ],
)  # fmt: skip
def test_a_file_that_is_written_wrongly_is_refused_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_java_policy(text)

    assert expected in str(caught.value)


@settings(max_examples=100)
@given(st.text("grant{};,\"'*/ \n\\permsionx.", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_java_policy(text, "x")
    except PolicyError:
        pass


def test_it_becomes_a_policy_file_that_says_the_same() -> None:
    text = EXAMPLE.replace("permission java.security.AllPermission;", "", 1)
    java = read_java_policy(text, properties={"user.home": "/home/ann"})

    toml = java.to_toml()
    policy = read_policy(toml)

    assert set(policy.permissions("plugins")) == set(java.permissions(PLUGIN))
    assert "# java.policy, line 4: keystore: pycage knows no key stores" in toml
    assert "for javax.security.auth.x500.X500Principal" in toml


def test_profiles_of_like_code_bases_have_different_names() -> None:
    java = read_java_policy(
        'grant codeBase "file:/a/-" { permission java.io.FilePermission "/x", "read"; };'
        'grant codeBase "file:/a/*" { permission java.io.FilePermission "/y", "read"; };'
        'grant codeBase "file:/default" { permission java.io.FilePermission "/z", "read"; };'
    )

    policy = read_policy(java.to_toml())

    assert [[p.name for p in policy.permissions(name)] for name in policy.profiles] == [["/y"], ["/x"], ["/z"]]


def test_a_file_is_read(tmp_path) -> None:
    (tmp_path / "java.policy").write_text("grant { permission java.security.AllPermission; };")

    assert set(load_java_policy(tmp_path / "java.policy").permissions(PLUGIN)) == {AllPermission()}
    with pytest.raises(PolicyError, match="cannot be read"):
        load_java_policy(tmp_path / "none")
