"""Flags to permissions, and back: what a denial names allows what was denied, whatever that is."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pycage import AllPermission, EnvPermission, FilePermission, Permissions, SocketPermission, ThreadPermission
from pycage.cli.flags import BARE, FLAGS, allowed, flags_for, split_values, with_bare_flags
from pycage.cli.main import parser_of
from pycage.cli.programs import split
from strategies import permissions

PARSER = parser_of("run")


def meant(*flags: str) -> Permissions:
    parsed = PARSER.parse_args(with_bare_flags(flags))
    return Permissions(allowed(parsed).allow)


# Whose flags look for what there is on this machine.
ELSEWHERE = {"ProcessPermission", "NativePermission", "ImportPermission"}


@given(permissions())
def test_the_flag_for_a_permission_allows_it(permission) -> None:
    assume(type(permission).__name__ not in ELSEWHERE)
    assume(type(permission) is not FilePermission or permission.name.startswith(("/", "<<ALL FILES>>")))
    assume(type(permission) is not FilePermission or not permission.name.endswith(("/*", "/-")))

    flags = [word for flag in flags_for(permission) for word in shlex.split(flag)]

    assert meant(*flags).implies(permission)


@given(permissions())
def test_a_flag_that_is_proposed_is_one_printable_line(permission) -> None:
    assert all(flag.isprintable() for flag in flags_for(permission))


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=1))
def test_values_are_told_apart_whatever_commas_they_have(values: list[str]) -> None:
    assume(not any(value.startswith(",") for value in values[1:]))  # whose comma it is, cannot be said

    assert values == split_values(",".join(value.replace(",", ",,") for value in values))


@pytest.mark.parametrize(
    ("flags", "inside", "outside"),
    [
        (["--allow-read=/srv"], FilePermission("/srv/a/b", "read"), FilePermission("/srvx", "read")),
        (["--allow-read=/srv"], FilePermission("/srv", "read"), FilePermission("/srv/a", "write")),
        (["--allow-read=/srv/*"], FilePermission("/srv/a", "read"), FilePermission("/srv/a/b", "read")),
        (["--allow-read=/srv/-"], FilePermission("/srv/a/b", "read"), FilePermission("/srv", "read")),
        (["--allow-write=/srv"], FilePermission("/srv/a", "write,delete"), FilePermission("/srv/a", "read")),
        (["--allow-read=/"], FilePermission("/etc/x", "read"), FilePermission("/etc/x", "execute")),
        (["--allow-connect=a.example:443"], SocketPermission("a.example:443", "connect"), SocketPermission("a.example:80", "connect")),
        (["--allow-connect=10.0.0.0/8"], SocketPermission("10.1.2.3:5", "connect"), SocketPermission("11.0.0.1:5", "connect")),
        (["--allow-listen=8080"], SocketPermission("0.0.0.0:8080", "listen"), SocketPermission("0.0.0.0:8081", "listen")),
        (["--allow-listen=8080"], SocketPermission("192.0.2.1:999", "accept"), SocketPermission("192.0.2.1:999", "connect")),
        (["--allow-env=LC_*"], EnvPermission("LC_ALL", "read"), EnvPermission("LC_ALL", "write")),
        (["--allow-env=A,B"], EnvPermission("B", "read"), EnvPermission("C", "read")),
        (["--allow-threads"], ThreadPermission("start"), ThreadPermission("modify")),
        (["--allow-env=A", "--allow-env=B"], EnvPermission("A", "read"), EnvPermission("C", "read")),
        (['--allow=EnvPermission "A" "write"'], EnvPermission("A", "write"), EnvPermission("A", "read")),
    ],
)  # fmt: skip
def test_a_flag_means_what_it_says_and_no_more(flags: list[str], inside, outside) -> None:
    assert meant(*flags).implies(inside)
    assert not meant(*flags).implies(outside)


@pytest.mark.parametrize(
    "flag", [flag for flag in FLAGS if flag.everything[0].name != "start"], ids=lambda flag: flag.word
)
def test_a_bare_flag_is_everything_of_its_kind_and_nothing_else(flag) -> None:
    bare = meant(f"--allow-{flag.word}")

    assert not bare.implies(AllPermission())
    if flag.word != "import":  # what may be imported is decided by rules
        assert all(bare.implies(permission) for permission in flag.everything)
        assert {type(permission) for permission in bare} == {type(permission) for permission in flag.everything}


def test_to_deny_listening_is_not_to_deny_answering() -> None:
    parsed = PARSER.parse_args(["--deny-listen=8080"])

    assert allowed(parsed).deny == (SocketPermission("*:8080", "listen"),)


def test_imports_are_rules_and_denials_come_last() -> None:
    parsed = PARSER.parse_args(["--deny-import=yaml.cyaml", "--allow-import=yaml,numpy", "--allow-all"])

    assert allowed(parsed).imports == ("allow *", "allow yaml.*", "allow numpy.*", "deny yaml.cyaml.*")


@pytest.mark.parametrize(
    ("line", "options", "program"),
    [
        ("s.py -v --json", [], ["s.py", "-v", "--json"]),
        ("--json s.py --json", ["--json"], ["s.py", "--json"]),
        ("--policy p.toml s.py", ["--policy", "p.toml"], ["s.py"]),
        ("-p web -m mod -p", ["-p", "web"], ["-m", "mod", "-p"]),
        ("--allow-read s.py", [f"--allow-read={BARE}"], ["s.py"]),
        ("-c text -c", [], ["-c", "text", "-c"]),
        ("- -x", [], ["-", "-x"]),
        ("--json -- -x.py a", ["--json"], ["-x.py", "a"]),
        ("--policy", ["--policy"], []),
    ],
)
def test_a_line_is_split_where_the_program_begins(line: str, options: list[str], program: list[str]) -> None:
    assert (options, program) == split(PARSER, with_bare_flags(line.split()))
