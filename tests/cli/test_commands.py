"""The other commands: learn, check, diff, explain, report, selftest; and what all of them share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pycage.cli.main import COMMANDS, main, parser_of

GOOD = '[profiles.reader]\nallow = [\'FilePermission "/srv/-" "read"\']\n'
WIDE = '[profiles.reader]\nallow = [\'FilePermission "/-" "write"\', \'FilePermission "/srv/-" "read"\']\n'
BROKEN = "[profiles.reader]\nalow = []\n"


# ---- learn -----------------------------------------------------------------------------------------------------------

SCRIPT = """
import os, sys
with open(sys.argv[1]) as file:
    print(len(file.read()), "PYCAGE_TEST" in os.environ)
"""


def test_a_learnt_policy_is_enough_and_not_too_much(pycage) -> None:
    pycage.monkeypatch.setenv("PYCAGE_TEST", "x")
    pycage.write("data.txt", "12345")
    pycage.write("script.py", SCRIPT)

    learnt = pycage("learn", "script.py", "data.txt", "-o", "policy.toml")

    assert learnt.code == 0
    assert learnt.out == "5 True\n"
    assert "2 permissions" in learnt.err
    assert pycage("run", "--policy=policy.toml", "script.py", "data.txt").out == "5 True\n"
    pycage.write("other.txt", "")
    assert pycage("run", "--policy=policy.toml", "script.py", "other.txt").code == 77


def test_without_a_file_the_policy_is_printed(pycage) -> None:
    learnt = pycage("learn", "--name=clock", "-c", "import os; os.environ.get('TZ')")

    assert learnt.out.startswith("[profiles.clock]\n")
    assert 'EnvPermission "TZ" "read"' in learnt.out


def test_a_policy_that_is_there_is_not_replaced_by_itself(pycage) -> None:
    pycage.write("policy.toml", "mine")

    assert pycage("learn", "-o", "policy.toml", "-c", "pass").code == 2
    assert Path("policy.toml").read_text() == "mine"
    assert pycage("learn", "--force", "-o", "policy.toml", "-c", "pass").code == 0
    assert Path("policy.toml").read_text().startswith("[profiles.learned]")


def test_what_was_learnt_until_an_error_is_written_and_the_exit_code_is_the_scripts(pycage) -> None:
    learnt = pycage("learn", "-c", "import os; os.environ.get('TZ'); os.environ.get('LANG'); exit(4)")

    assert learnt.code == 4
    assert "TZ" in learnt.out
    assert "did not come to its end" in learnt.err


def test_denials_hold_while_learning(pycage) -> None:
    pycage.write("data.txt", "12345")

    learnt = pycage("learn", "--deny-read=data.txt", "-c", "open('data.txt')")

    assert learnt.code == 77
    assert "refused even so" in learnt.err


def test_what_was_learnt_is_told_as_json(pycage) -> None:
    learnt = pycage("learn", "--json", "-c", "import os, json; os.environ.get('TZ')")

    assert learnt.said["permissions"] == ['("EnvPermission" "TZ" "read")']
    assert "json" in learnt.said["modules"]


# ---- check, diff -----------------------------------------------------------------------------------------------------


def test_check_tells_mistakes_from_dangers(pycage) -> None:
    for name, text in (("good", GOOD), ("wide", WIDE), ("broken", BROKEN)):
        pycage.write(f"{name}.toml", text)

    assert pycage("check", "good.toml").code == 0
    assert pycage("check", "wide.toml").code == 0
    assert pycage("check", "--strict", "wide.toml").code == 1
    broken = pycage("check", "broken.toml")
    assert broken.code == 1
    assert 'did you mean "allow"' in broken.out
    assert [each["severity"] for each in pycage("check", "--json", "broken.toml").json["findings"]] == ["error"]
    assert pycage("check", "nosuch.toml").code == 1


def test_diff_tells_in_words(pycage) -> None:
    pycage.write("old.toml", GOOD)
    pycage.write("new.toml", GOOD.replace('"read"', '"read,write"'))

    assert (1, "reader may now also write everything below /srv\n", "") == pycage("diff", "old.toml", "new.toml")
    assert pycage("diff", "old.toml", "old.toml").code == 0
    assert pycage("diff", "--json", "old.toml", "new.toml").json["changes"][0]["direction"] == "more"
    assert pycage("diff", "old.toml", "nosuch.toml").code == 2


# ---- explain, report -------------------------------------------------------------------------------------------------


@pytest.fixture
def log(pycage) -> str:
    pycage.write(
        "script.py", "def reads():\n    open('/etc/hosts')\ntry: open('/etc/passwd')\nexcept OSError: pass\nreads()\n"
    )
    pycage("run", "--audit-log=audit.jsonl", "script.py")
    return "audit.jsonl"


def test_explain_draws_the_stack_of_the_last_denial_or_of_another(pycage, log: str) -> None:
    told = pycage("explain", log)

    assert told.code == 0
    assert '("FilePermission" "/etc/hosts" "read"): denied' in told.out
    assert "no grant" in told.out
    assert f"reads ({pycage.directory}/script.py:2)  <- lacks it" in told.out
    assert "with pycage run: --allow-read=/etc/hosts" in told.out
    assert "/etc/passwd" in pycage("explain", "--number=1", log).out
    assert pycage("explain", "--number=3", log).code == 2
    assert [each["number"] for each in pycage("explain", "--list", "--json", log).json] == [1, 2]
    assert pycage("explain", "--json", log).json["flags"] == ["--allow-read=/etc/hosts"]
    assert pycage("explain", "--list", log).out.count("\n") == 3


def test_a_log_cannot_write_on_the_terminal(pycage, log: str) -> None:
    """Whoever can write to the log must not be able to move the cursor of who reads it."""
    line = json.loads(Path(log).read_text().splitlines()[0])
    line["reason"] = line["chain"][0]["function"] = "\x1b[2J\u202e"
    pycage.write("bad.jsonl", json.dumps(line) + "\nno decision\n")

    for arguments in (("explain", "bad.jsonl"), ("explain", "--list", "bad.jsonl")):
        told = pycage(*arguments)
        assert told.code == 0
        assert "\x1b" not in told.out
        assert "\u202e" not in told.out


POLICY = """
[profiles.reader]
allow = ['FilePermission "/srv/-" "read"', 'EnvPermission "HOME" "read"']
deny = ['FilePermission "/srv/private/-" "read"']
"""


@pytest.mark.parametrize(
    ("permission", "code", "status", "effects"),
    [
        ('FilePermission "/srv/a" "read"', 0, "granted", ["allows"]),
        ('FilePermission "/srv/a" "read,write"', 1, "partial", ["allows a part"]),
        ('FilePermission "/srv/private/a" "read"', 1, "denied", ["allows", "forbids"]),
        ('FilePermission "/etc/a" "read"', 1, "prompt", []),
    ],
)
def test_explain_asks_a_policy_as_a_sandbox_would(
    pycage, permission: str, code: int, status: str, effects: list[str]
) -> None:
    pycage.write("policy.toml", POLICY)

    told = pycage("explain", "--json", "--policy=policy.toml", "--permission", permission)

    assert code == told.code
    assert status == told.json["status"]
    found = [rule["effect"] for rule in told.json["asked"][0]["rules"]]
    assert effects == [effect for effect in found if effect != "does not reach it"]
    assert pycage("explain", "--policy=policy.toml", "--permission", permission).code == code


def test_explain_follows_links_and_names_the_line_of_the_policy(pycage) -> None:
    pycage.write("data/inner.txt", "")
    Path("data/link").symlink_to("/etc/hosts")
    pycage.write("policy.toml", '[profiles.reader]\nallow = [\'FilePermission "${policy_dir}/data/-" "read"\']\n')

    for name, code in (("inner.txt", 0), ("link", 1)):
        permission = f'FilePermission "{pycage.directory}/data/{name}" "read"'
        told = pycage("explain", "--policy=policy.toml", "--permission", permission)
        assert code == told.code
        assert "policy.toml, line 2" in told.out


@pytest.mark.parametrize(
    "arguments",
    [(), ("nosuch.jsonl",), ("--permission", "Nonsense"), ("log", "--permission", 'EnvPermission "A" "read"')],
)
def test_explain_says_what_it_needs(pycage, arguments: tuple[str, ...]) -> None:
    called = pycage("explain", *arguments)

    assert called.code == 2
    assert called.err.count("\n") == 1


def test_a_report_is_written(pycage, log: str) -> None:
    assert pycage("report", log, "-o", "report.html").code == 0
    assert "/etc/hosts" in Path("report.html").read_text()
    assert pycage("report", "--json", log, "-o", "report.html").json == {"report": "report.html", "unread": 0}
    assert pycage("report", "nosuch.jsonl", "-o", "report.html").code == 2
    assert pycage("report", log, "-o", "no/such/directory.html").code == 2


# ---- selftest --------------------------------------------------------------------------------------------------------


def test_the_selftest_tells_what_held(pycage) -> None:
    from pycage_native.errors import ConfinementUnavailable
    from pycage_native.selftest import Outcome, probes

    probe = next(iter(probes.PROBES))
    for holds, code in ((True, 0), (False, 1)):
        pycage.monkeypatch.setattr(
            "pycage_native.selftest.run", lambda holds=holds: iter([Outcome(probe, holds, "it")])
        )
        called = pycage("selftest", "--json")
        if called.json["outcomes"]:
            assert code == called.code
            assert called.json["confines"] is holds
            assert pycage("selftest").code == code
        else:
            assert called.code == 1  # this machine cannot confine libraries, and says why
            assert called.json["why"]

    def unavailable(*_: object) -> None:
        raise ConfinementUnavailable(["Landlock"], [], "use a newer kernel")

    pycage.monkeypatch.setattr("pycage_native.load", unavailable)
    called = pycage("selftest")
    assert called.code == 1
    assert "no Landlock" in called.out


# ---- All of them -----------------------------------------------------------------------------------------------------


def test_every_command_has_help_with_an_example(pycage) -> None:
    top = pycage("--help")
    assert top.code == 0
    for name in COMMANDS:
        assert f"  {name} " in top.out
        shown = pycage(name, "--help")
        assert shown.code == 0
        assert f"example:\n  pycage {name}" in shown.out
        assert "exit codes:" in shown.out
    assert top.out == pycage().out


def test_a_command_that_is_not_there_is_told_with_the_nearest(pycage) -> None:
    called = pycage("chek")

    assert called.code == 2
    assert 'did you mean "check"?' in called.err


def test_the_version_is_printed(pycage) -> None:
    assert pycage("--version").out.startswith("pycage ")


def test_what_nobody_reads_any_more_is_no_error(pycage) -> None:
    class Closed:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    pycage.write("old.toml", GOOD)
    pycage.monkeypatch.setattr("sys.stdout", Closed())

    assert main(["diff", "old.toml", "old.toml"]) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_may_be_abbreviated(name: str) -> None:
    """`--allow-r` must not become one or the other when a flag is added."""
    assert parser_of(name).allow_abbrev is False
