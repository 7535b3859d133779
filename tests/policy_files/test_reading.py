"""Policy files are read as they are written, and every mistake is named with its place and a way out."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage import EnvPermission, FilePermission, PolicyError, SocketPermission
from pycage.permissions import UnresolvedPermission
from pycage.policy_files import load_policy, read_policy
from pycage.policy_files.positions import positions
from strategies import permissions as any_permission

FILE = """
[variables]
data = "/srv/data"

[default]
allow = ['EnvPermission "LANG" "read"']

[profiles.reader]
description = "Reads images"
allow = [
    'FilePermission "${data}/images/-" "read"',   # a comment
    '("EnvPermission" "TZ" "read")',
    'FilePermission("/etc/mime.types", "read")',
]
deny = ['FilePermission "/srv/data/images/private/-" "read"']
imports = ["deny json"]

[[profiles.reader.grant]]
type = "SocketPermission"
name = "example.com:443"
actions = ["connect"]

[profiles.writer]
extends = ["reader"]
allow = [{ type = "FilePermission", name = "/srv/out/-", actions = "write" }]
imports = ["allow json"]
"""


def names(policy, profile):
    return {str(permission) for permission in policy.permissions(profile)}


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        read_policy(text, source="policy.toml")
    return caught.value.problems


def test_all_spellings_of_a_permission_are_read() -> None:
    permissions = set(read_policy(FILE).permissions("reader"))

    assert permissions == {
        EnvPermission("LANG", "read"),
        EnvPermission("TZ", "read"),
        FilePermission("/srv/data/images/-", "read"),
        FilePermission("/etc/mime.types", "read"),
        SocketPermission("example.com:443", "connect"),
    }


def test_profiles_are_merged_from_the_weakest_to_the_strongest() -> None:
    policy = read_policy(FILE)

    effective = policy.effective("writer")

    assert [rule.permission.name for rule in effective.allow] == [
        "LANG",
        "/srv/data/images/-",
        "TZ",
        "/etc/mime.types",
        "example.com:443",
        "/srv/out/-",
    ]
    assert effective.imports == ("deny json", "allow json")
    assert effective.denials == (FilePermission("/srv/data/images/private/-", "read"),)


def test_a_profile_that_is_extended_twice_counts_once() -> None:
    policy = read_policy(
        """
        profiles.base.imports = ["deny a"]
        profiles.left = {extends = ["base"], imports = ["deny b"]}
        profiles.right = {extends = ["base"], imports = ["deny c"]}
        profiles.both = {extends = ["left", "right"], imports = ["deny d"]}
        """
    )

    assert policy.effective("both").imports == ("deny a", "deny b", "deny c", "deny d")


def test_many_profiles_that_extend_each_other_crosswise_are_merged_quickly() -> None:
    text = "[profiles.p0]\n[profiles.q0]\n"
    for n in range(1, 60):
        text += f'[profiles.p{n}]\nextends = ["p{n - 1}", "q{n - 1}"]\n[profiles.q{n}]\nextends = ["p{n - 1}", "q{n - 1}"]\n'

    assert len(read_policy(text).document.layers("p59")) == 120


def test_where_a_rule_stands_is_remembered() -> None:
    rule = read_policy(FILE, source="policy.toml").effective("reader").allow[1]

    assert rule.where == "policy.toml, line 11, profiles.reader.allow[0]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = ]", "policy.toml, line 1, column 5: not TOML: Invalid value; see https://toml.io"),
        (
            "[profiles.a]\nalow = []",
            'policy.toml, line 2, profiles.a.alow: unknown key "alow"; did you mean "allow"?  Known keys: extends, ',
        ),
        ("[profile.a]", 'policy.toml, line 1, profile: unknown key "profile"; did you mean "profiles"?'),
        (
            "[profiles.a]\nallow = ['FilePermision \"/x\" \"read\"']",
            'policy.toml, line 2, profiles.a.allow[0]: unknown permission type "FilePermision"; did you mean '
            '"FilePermission"?',
        ),
        (
            "[profiles.a]\nallow = [\n'FilePermission \"/x\" \"reed\"']",
            'policy.toml, line 3, profiles.a.allow[0]: FilePermission: "reed" is not a list of actions: "reed" is none '
            'of read, write, execute, delete, readlink; did you mean "read"?',
        ),
        ("[profiles.a]\nallow = ['FilePermission \"x\" \"read\"']", '"x" is relative'),
        ("[profiles.a]\nallow = ['File /x read']", "is not a permission; write 'FilePermission"),
        ("[profiles.a]\nallow = 'x'", "policy.toml, line 2, profiles.a.allow: this is of type str; write a list"),
        ("[profiles.a]\nallow = [1]", "policy.toml, line 2, profiles.a.allow[0]: this is of type int; write a permission, such as 'FilePermission"),
        ("[[profiles.a.grant]]\nname = '/x'", "a permission needs a type"),
        ("[[profiles.a.grant]]\ntyp = 'FilePermission'", 'grant[0].typ: unknown key "typ"; did you mean "type"?'),
        ("[profiles.a]\nextends = ['b']\n[profiles.bb]", 'there is no profile "b"; did you mean "bb"?'),
        ("[profiles.a]\nextends = ['b']\n[profiles.b]\nextends = ['a']", "in a circle: b -> a -> b"),
        ("[profiles.a]\nextends = ['a']", "in a circle: a -> a"),
        ("[profiles.a]\nimports = ['alow json']", 'cannot read the rule'),
        ("[profiles.a]\nimports_default = 'veted'", 'did you mean "vetted"?'),
        ("[profiles.a]\nallow = ['FilePermission \"${HOM}/-\" \"read\"']", 'unknown variable ${HOM}; did you mean "HOME"?'),
        ("[profiles.a]\nallow = ['FilePermission \"${HOME\" \"read\"']", '"${HOME" is not a variable'),
        ("[plugins.a]\nprofile = 'b'", 'there is no profile "b"'),
        ("[plugins.a]\npath = 'x.py'\nsha256 = '12'", "is not 64 hexadecimal digits"),
        ("[plugins.a]\nsha256 = '" + "0" * 64 + "'", "there is no path"),
        ("[plugins.a]\npath = 'x-y.py'", '"x-y" is not the name of a module'),
        ("[plugins.a]\n[profiles.a]", '"a" is a profile too'),
        ("version = 2", "this is not version 1"),
        ("[profiles]\na = 1", "policy.toml, line 2, profiles.a: this is of type int; write a table"),
        ("a = " + "[" * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_a_way_out(text: str, expected: str) -> None:
    found = problems(text)

    assert any(expected in problem for problem in found), found


def test_all_mistakes_come_out_at_once() -> None:
    assert len(problems("[profiles.a]\nalow = []\nalow2 = []\nallow = ['x', 'y']")) == 4


def test_a_file_that_is_not_there_is_a_policy_error(tmp_path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


# ---- Variables -------------------------------------------------------------------------------------------------------


def test_a_variable_can_come_from_the_environment_where_the_file_says_so(monkeypatch) -> None:
    text = '[variables]\ndata = {env = "APP_DATA", default = "/srv"}\n[profiles.a]\nallow = [\'FilePermission "${data}/-" "read"\']'
    monkeypatch.delenv("APP_DATA", raising=False)
    before = names(read_policy(text), "a")

    monkeypatch.setenv("APP_DATA", "/data")

    assert before == {'("FilePermission" "/srv/-" "read")'}
    assert names(read_policy(text), "a") == {'("FilePermission" "/data/-" "read")'}


@pytest.mark.parametrize(
    "value", ["", "/", "//", "*", "/x/*", "-", "/x/-", "/x/..", "..", "/x\n", "x\0", "<<ALL FILES>>", "/x/./y"]
)
def test_the_value_of_a_variable_cannot_widen_a_name(monkeypatch, value: str) -> None:
    if "\0" not in value:
        monkeypatch.setenv("HOME", value)
    text = '[profiles.a]\nallow = [\'FilePermission "${V}/-" "read"\']'

    with pytest.raises(PolicyError, match="cannot be"):
        read_policy(text, variables={"V": value})
    if "\0" not in value:
        with pytest.raises(PolicyError):
            read_policy(text.replace("${V}", "${HOME}"))


def test_the_variables_of_the_caller_are_stronger_than_those_of_the_file() -> None:
    text = "[variables]\nwho = 'ann'\n[profiles.a]\nallow = ['FilePermission \"/home/${who}/-\" \"read\"']"

    assert names(read_policy(text, variables={"who": "bob"}), "a") == {'("FilePermission" "/home/bob/-" "read")'}


def test_a_value_is_not_expanded_again_and_a_dollar_can_be_written() -> None:
    text = '[profiles.a]\nallow = [\'FilePermission "/$x/$${V}/${V}" "read"\']'

    (permission,) = read_policy(text, variables={"V": "${HOME}"}).permissions("a")

    assert permission.name == "/$x/${V}/${HOME}"


def test_the_directory_of_the_file_is_a_variable(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[profiles.a]\nallow = [\'FilePermission "${policy_dir}/-" "read"\']')

    assert set(load_policy(path).permissions("a")) == {FilePermission(f"{tmp_path}/-", "read")}


def test_the_directory_of_a_plugin_is_known_to_plugins_only(tmp_path) -> None:
    text = """
    [profiles.a]
    allow = ['FilePermission "${plugin_dir}/-" "read"']
    [plugins.p]
    profile = "a"
    path = "plugins/p.py"
    """
    policy = read_policy(text, directory=tmp_path)

    assert set(policy.permissions("p")) == {FilePermission(f"{tmp_path}/plugins/-", "read")}
    with pytest.raises(PolicyError, match="no plugin is meant here"):
        policy.permissions("a")


def test_a_type_that_comes_later_is_written_as_unresolved() -> None:
    text = "[profiles.a]\nallow = ['unresolved AppPermission \"x\" \"y\"', {type='OtherPermission', name='z', unresolved=true}]"

    assert set(read_policy(text).permissions("a")) == {
        UnresolvedPermission("AppPermission", "x", "y"),
        UnresolvedPermission("OtherPermission", "z", ""),
    }


# ---- Lines -----------------------------------------------------------------------------------------------------------


def test_lines_are_found_in_every_form_of_toml() -> None:
    text = '''a = 1 # x
"b.c".d = { e = 1, f = [
  """x
]""",
  2] }
[t."u v"]
g = \'\'\'
[not]
\'\'\'
h.i = "\\"" # "
[[x.y]]
j = [
  [1,
   2], # ]
]
[[x.y]]
[x.y.z]
k = 2020-01-01 00:00:00
'''
    tomllib.loads(text)

    assert positions(text) == {
        ("a",): 1, ("b.c",): 2, ("b.c", "d"): 2, ("b.c", "d", "e"): 2, ("b.c", "d", "f"): 2, ("b.c", "d", "f", 0): 3,
        ("b.c", "d", "f", 1): 5, ("t",): 6, ("t", "u v"): 6, ("t", "u v", "g"): 7, ("t", "u v", "h"): 10,
        ("t", "u v", "h", "i"): 10, ("x",): 11, ("x", "y"): 11, ("x", "y", 0): 11, ("x", "y", 0, "j"): 12,
        ("x", "y", 0, "j", 0): 13, ("x", "y", 0, "j", 0, 0): 13, ("x", "y", 0, "j", 0, 1): 14, ("x", "y", 1): 16,
        ("x", "y", 1, "z"): 17, ("x", "y", 1, "z", "k"): 18,
    }  # fmt: skip


@given(st.text("[]{}='\"\\\n,.a#1 ", max_size=40))
def test_looking_for_lines_ends_whatever_the_text(text: str) -> None:
    positions(text)


@settings(max_examples=60)
@given(any_permission())
def test_a_permission_that_is_refused_is_refused_with_words_and_nothing_else_is_raised(permission) -> None:
    try:
        read_policy(f"[profiles.a]\nallow = [{str(permission)!r}]")
    except PolicyError as error:
        assert str(error).startswith("policy, line ") or "not TOML" in str(error)
