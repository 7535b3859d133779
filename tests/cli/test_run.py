"""`pycage run`: what a script may do, what it is told, and how it ends."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pycage import Decision, PathResolver, Sandbox, Sandboxes

READ_IT = "import sys\nwith open(sys.argv[1]) as file: print(file.read(), end='')\n"


@pytest.fixture
def secret(pycage) -> Path:
    return pycage.write("data/secret.txt", "the secret\n")


# ---- What a script has by itself -------------------------------------------------------------------------------------


def test_a_script_is_main_and_has_its_arguments_and_its_own_modules(pycage) -> None:
    pycage.write("lib/part.py", "X = 5\n")
    pycage.write("lib/script.py", "import sys, part\nprint(__name__, sys.argv, part.X, __file__)\n")

    called = pycage("run", "lib/script.py", "-v", "--name=x", "last")

    shown = f"__main__ ['lib/script.py', '-v', '--name=x', 'last'] 5 {pycage.directory}/lib/script.py\n"
    assert (0, shown, "") == called


def test_a_script_has_no_permission_by_default(pycage, secret: Path) -> None:
    pycage.write("script.py", READ_IT)

    called = pycage("run", "script.py", str(secret))

    assert called.code == 77
    assert called.out == ""
    assert called.err.splitlines() == [
        f'access denied ("FilePermission" "{secret}" "read")',
        f'refused by sandbox "script": <module>, {pycage.directory}/script.py line 2',
        f"to allow it: --allow-read={secret}",
    ]


def test_the_flag_that_a_denial_names_allows_it(pycage, secret: Path) -> None:
    pycage.write("script.py", READ_IT)
    hint = pycage("run", "script.py", str(secret)).err.splitlines()[-1]

    called = pycage("run", hint.removeprefix("to allow it: "), "script.py", str(secret))

    assert (0, "the secret\n", "") == called


def test_a_module_runs_with_its_package(pycage) -> None:
    pycage.write("package/__init__.py", "NAME = 'package'\n")
    pycage.write(
        "package/__main__.py", "import sys\nfrom . import NAME\nfrom .part import X\nprint(NAME, X, sys.argv[1:])\n"
    )
    pycage.write("package/part.py", "X = 5\nif __name__ == '__main__': print('alone')\n")

    assert pycage("run", "-m", "package", "a").out == "package 5 ['a']\n"
    assert pycage("run", "-m", "package.part").out == "alone\n"


@pytest.mark.parametrize(
    "statement",
    [
        "import __main__",
        "import __main__ as main; __main__ = main",
        "__main__ = __import__('__main__')",
        "import importlib; __main__ = importlib.import_module('__main__')",
        "import sys; __main__ = sys.modules['__main__']",
    ],
)
def test_a_script_and_its_modules_import_main(pycage, statement: str) -> None:
    """It is the script, not the program that runs the sandbox."""
    pycage.write("part.py", f"{statement}\nfrom __main__ import X\nassert X == 5\ndef shown(): return __main__.X\n")
    pycage.write(
        "script.py", f"X = 5\n{statement}\nimport part\n__main__.X += 1\nprint(X, part.shown(), __main__.__file__)\n"
    )

    assert (0, f"6 6 {pycage.directory}/script.py\n", "") == pycage("run", "script.py")


def test_main_is_nothing_where_no_script_runs(pycage) -> None:
    pycage.write("script.py", "from __main__ import main\n")
    pycage.write("package/__main__.py", "")
    pycage.write("package/__init__.py", "")
    pycage.write("__main__.py", "print('another file')\n")

    called = pycage("run", "script.py")
    assert (1, "") == (called.code, called.out)
    assert "cannot import name 'main'" in called.err
    called = pycage("run", "-c", "import package.__main__")
    assert called.code == 1
    assert called.out == ""
    with Sandbox("mainless", resolver=PathResolver(str(pycage.directory))) as sandbox:
        for source in ("import __main__", "import package.__main__", "from package import __main__"):
            with pytest.raises(ImportError):
                sandbox.run(source)


def test_a_directory_and_a_zip_file_run(pycage) -> None:
    import zipfile

    pycage.write("app/__main__.py", "import part\nprint(part.X)\n")
    pycage.write("app/part.py", "X = 5\n")
    with zipfile.ZipFile("app.pyz", "w") as archive:
        archive.write("app/__main__.py", "__main__.py")
        archive.write("app/part.py", "part.py")

    assert (0, "5\n", "") == pycage("run", "app")
    assert (0, "5\n", "") == pycage("run", "app.pyz")


def test_text_and_standard_input_run_and_have_no_modules_of_the_directory(pycage) -> None:
    pycage.write("part.py", "X = 5\n")

    assert pycage("run", "-c", "import sys; print(sys.argv)", "a").out == "['-c', 'a']\n"
    pycage.monkeypatch.setattr("sys.stdin", io.StringIO("print('from stdin')"))
    assert pycage("run", "-").out == "from stdin\n"
    assert pycage("run", "-c", "import part").code == 77
    assert pycage("run", "--path=.", "-c", "import part; print(part.X)").out == "5\n"


def test_standard_input_is_the_scripts(pycage) -> None:
    pycage.monkeypatch.setattr("sys.stdin", io.StringIO("Ann\nBob\n"))
    pycage.write("script.py", "import sys\nprint(input('? '), sys.stdin.read())\n")

    assert pycage("run", "script.py").out == "? Ann Bob\n\n"


# ---- Flags -----------------------------------------------------------------------------------------------------------


def test_a_bare_flag_allows_everything_of_its_kind_and_takes_no_argument(pycage, secret: Path) -> None:
    pycage.write("script.py", READ_IT)

    assert (0, "the secret\n", "") == pycage("run", "--allow-read", "script.py", str(secret))
    assert pycage("run", "--allow-write", "script.py", str(secret)).code == 77


def test_a_denial_flag_beats_every_allowance(pycage, secret: Path) -> None:
    pycage.write("script.py", READ_IT)

    called = pycage("run", "--deny-read=data", "--allow-read", "--allow-all", "script.py", str(secret))

    assert called.code == 77
    assert "it is denied, whatever is allowed" in called.err


def test_a_directory_that_is_a_link_is_allowed_with_what_it_leads_to(pycage, secret: Path) -> None:
    Path("link").symlink_to("data")
    pycage.write("script.py", READ_IT)

    assert pycage("run", "--allow-read=link", "script.py", "link/secret.txt").out == "the secret\n"
    assert pycage("run", "--allow-read=link", "script.py", "script.py").code == 77


def test_a_permission_flag_behind_the_script_is_refused_and_not_obeyed(pycage, secret: Path) -> None:
    """Else `pycage run tool.py "$@"` would let whoever chooses the arguments choose the permissions."""
    pycage.write("script.py", READ_IT)

    called = pycage("run", "script.py", str(secret), "--allow-read")

    assert called.code == 2
    assert "write it in front" in called.err
    assert pycage("run", "script.py", "--", str(secret), "--allow-read").code == 77


def test_two_dashes_give_the_rest_to_the_script(pycage) -> None:
    assert (
        pycage("run", "-c", "import sys; print(sys.argv[1:])", "--", "--allow-read", "x").out
        == "['--allow-read', 'x']\n"
    )


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        ("open('out/new', 'w').close()", "--allow-write=out"),
        ("import os; print(os.environ['PYCAGE_TEST'])", "--allow-env=PYCAGE_*"),
        ("import subprocess; subprocess.run(['true'], check=True)", "--allow-run=true"),
        ("import threading; t = threading.Thread(target=print); t.start(); t.join()", "--allow-threads"),
        ("import socket\nwith socket.socket() as s: s.bind(('127.0.0.1', 0)); s.listen()", "--allow-listen=127.0.0.1"),
        ("import os; os.environ['PYCAGE_TEST'] = 'y'", "--allow=EnvPermission \"PYCAGE_TEST\" \"write\""),
        ("import ctypes; ctypes.CDLL('libm.so.6')", "--allow-ffi=libm.so.6"),
    ],
)  # fmt: skip
def test_each_flag_allows_what_it_says(pycage, code: str, flag: str) -> None:
    Path("out").mkdir()
    pycage.monkeypatch.setenv("PYCAGE_TEST", "x")

    assert pycage("run", "-c", code).code in {1, 77}  # a variable that may not be read is not there

    called = pycage("run", flag, "-c", code)
    assert (0, "") == (called.code, called.err)


def test_a_connection_is_allowed_to_the_host_that_is_named(pycage) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port})).close()"
        denied = pycage("run", "-c", code)
        assert denied.code == 77
        assert "to allow it: --allow-connect=127.0.0.1 (every port; HOST:PORT is narrower)" in denied.err
        assert pycage("run", f"--allow-connect=127.0.0.1:{port}", "-c", code).code == 0
        assert pycage("run", "--allow-connect=127.0.0.1:1", "-c", code).code == 77


def test_packages_run_inside_and_allowed_modules_are_shared(pycage) -> None:
    code = "import six; print(six.PY3)"
    denied = pycage("run", "-c", code)

    assert denied.code == 77
    assert "--package=six" in denied.err
    assert "--allow-import=six" in denied.err
    assert pycage("run", "--package=six", "-c", code).out == "True\n"
    assert pycage("run", "--allow-import=six", "--deny-import=six", "-c", code).code == 77


def test_a_module_that_nothing_lets_in_is_not_promised(pycage) -> None:
    for code in ("import gc", "import there_is_no_such_module"):
        called = pycage("run", "-c", code)
        assert called.code == 77
        assert "to allow it" not in called.err


# ---- How it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected", "err"),
    [
        ("pass", 0, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit(256 + 4)", 4, ""),
        ("import sys; sys.exit('bad input')", 1, "bad input\n"),
        ("exit(True)", 1, ""),
        ("class E(SystemExit):\n    @property\n    def code(self): return 0\nraise E(5)", 5, ""),
        ("raise SystemExit([1])", 1, "<list object>\n"),
    ],
)
def test_the_exit_code_is_the_scripts(pycage, code: str, expected: int, err: str) -> None:
    called = pycage("run", "-c", code)

    assert (expected, err) == (called.code, called.err)


def test_an_error_shows_the_scripts_own_frames(pycage) -> None:
    pycage.write("script.py", "def f():\n    return 1 / 0\nf()\n")

    called = pycage("run", "script.py")

    assert called.code == 1
    assert called.err.startswith("Traceback (most recent call last):\n")
    assert called.err.endswith("ZeroDivisionError: division by zero\n")
    assert called.err.count('  File "') == 2
    assert "pycage" not in called.err.replace(str(pycage.directory), "")


def test_what_no_sandbox_runs_is_named_with_its_line(pycage) -> None:
    called = pycage("run", "-c", "x = 1\nx = ().__class__.__bases__[0].__subclasses__()")
    assert called.code in {1, 77}
    assert "line 2" in called.err


def test_a_denial_that_the_script_made_up_is_an_ordinary_error(pycage) -> None:
    """It could say to run it again with --allow-all."""
    code = (
        "import pycage\n"
        "e = pycage.AccessDenied('access denied \\x1b[2J', permission=pycage.AllPermission(), domain='sandbox')\n"
        "e.add_note('to allow it: --allow-all')\n"
        "raise e"
    )
    called = pycage("run", "-c", code)

    assert called.code != 77
    assert "\x1b" not in pycage("run", "--json", "-c", code).err


def test_an_error_whose_text_cannot_be_made_ends_the_script_all_the_same(pycage) -> None:
    code = "class E(Exception):\n    def __str__(self): raise SystemExit(0)\nraise E"

    assert pycage("run", "-c", code).code == 1


def test_a_swallowed_denial_is_the_scripts_business(pycage) -> None:
    called = pycage("run", "-c", "try: open('/etc/hosts')\nexcept PermissionError: print('no')")

    assert (0, "no\n", "") == called


def test_the_end_is_told_as_json(pycage) -> None:
    called = pycage("run", "--json", "-c", "open('/etc/hosts')")

    assert called.said["outcome"] == "denied"
    assert called.said["exit"] == 77
    assert called.said["denial"]["flags"] == ["--allow-read=/etc/hosts"]
    assert pycage("run", "--json", "-c", "exit(4)").said["exit"] == 4


def test_threads_are_waited_for(pycage) -> None:
    code = (
        "import threading, time\n"
        "def later():\n    time.sleep(0.02)\n    print('later')\n"
        "threading.Thread(target=later).start()"
    )
    assert pycage("run", "--allow-threads", "-c", code).out == "later\n"


def test_nothing_is_left_open(pycage) -> None:
    before = len(Sandboxes.get())

    pycage("run", "-c", "1/0")
    pycage("run", "-c", "open('/etc/hosts')")

    assert before == len(Sandboxes.get())


# ---- Policies, audit -------------------------------------------------------------------------------------------------

POLICY = """
[profiles.reader]
allow = ['FilePermission "${policy_dir}/data/-" "read"']
[profiles.nothing]
"""


def test_a_profile_of_a_policy_file_holds_and_flags_come_on_top(pycage, secret: Path) -> None:
    pycage.write("policy.toml", POLICY)
    pycage.write("script.py", READ_IT)

    assert pycage("run", "--policy=policy.toml", "--profile=reader", "script.py", str(secret)).code == 0
    assert pycage("run", "--policy", "policy.toml", "-p", "nothing", "script.py", str(secret)).code == 77
    assert (
        pycage("run", "--policy", "policy.toml", "-p", "nothing", "--allow-read=data", "script.py", str(secret)).code
        == 0
    )
    assert pycage("run", "--policy", "policy.toml", "-p", "reader", "--deny-read", "script.py", str(secret)).code == 77


def test_a_profile_is_named_where_there_are_several(pycage) -> None:
    pycage.write("policy.toml", POLICY)

    called = pycage("run", "--policy=policy.toml", "-c", "pass")

    assert called.code == 2
    assert "--profile" in called.err
    assert pycage("run", "--policy=policy.toml", "-p", "raeder", "-c", "pass").code == 2


def test_a_profile_without_a_file_is_the_users_own_and_never_that_of_the_directory(pycage, secret: Path) -> None:
    pycage.write("policy.toml", POLICY)
    pycage.write("pycage/policy.toml", POLICY)
    assert pycage("run", "-p", "reader", "-c", "pass").code == 2

    pycage.monkeypatch.setenv("HOME", "/home/x")
    config = Path(os.environ["XDG_CONFIG_HOME"], "pycage")
    config.mkdir(parents=True)
    (config / "policy.toml").write_text('[profiles.reader]\nallow = [\'EnvPermission "HOME" "read"\']\n')
    assert pycage("run", "-p", "reader", "-c", "import os; os.environ['HOME']").code == 0


def test_what_decides_and_what_records_cannot_be_written_whatever_is_allowed(pycage) -> None:
    pycage.write("policy.toml", "[profiles.all]\nallow = ['AllPermission']\n")
    code = "import sys; open(sys.argv[1], 'a').close()"

    for name in ("policy.toml", "audit.jsonl"):
        called = pycage("run", "--policy=policy.toml", "--audit-log=audit.jsonl", "-c", code, name)
        assert called.code == 77
    assert pycage("run", "--policy=policy.toml", "--audit-log=audit.jsonl", "-c", code, "other").code == 0


def test_audit_lets_pass_and_lists_what_would_be_denied(pycage, secret: Path) -> None:
    pycage.write("script.py", READ_IT)

    called = pycage("run", "--audit", "script.py", str(secret))

    assert called.code == 0
    assert called.out == "the secret\n"
    assert f"--allow-read={secret}" in called.err
    assert pycage("run", "--audit", "--json", "script.py", str(secret)).said["would_deny"][0]["count"] == 1


def test_the_audit_log_has_every_decision(pycage, secret: Path) -> None:
    pycage.write(
        "script.py", "import sys\nopen(sys.argv[1]).close()\ntry: open('/etc/hosts')\nexcept PermissionError: pass\n"
    )

    pycage("run", "--allow-read=data", "--audit-log=audit.jsonl", "script.py", str(secret))

    decisions = [Decision.from_json(line) for line in Path("audit.jsonl").read_text().splitlines()]
    files = [(each.outcome, each.name) for each in decisions if each.kind == "FilePermission"]
    assert sorted(files) == [("denied", "/etc/hosts"), ("granted", str(secret))]


# ---- Mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-m",),
        ("-c",),
        ("nosuch.py",),
        (".",),
        ("-m", "no.such"),
        ("-m", "../x"),
        ("--allow-read=", "-c", "pass"),
        ("--allow-read=a,,,", "-c", "pass"),
        ("--allow-connect=host:port", "-c", "pass"),
        ("--allow-env=A=B", "-c", "pass"),
        ("--allow-run=there-is-no-such-program", "-c", "pass"),
        ("--allow-import=a/b", "-c", "pass"),
        ("--allow-ffi=libthere_is_none.so.7", "-c", "pass"),
        ("--allow=FilePermission", "-c", "pass"),
        ("--allow=FilPermission \"/x\" \"read\"", "-c", "pass"),
        ("--allow-rea=/x", "-c", "pass"),
        ("--no-such-flag", "-c", "pass"),
        ("--policy=nosuch.toml", "-c", "pass"),
        ("--path=nosuch", "-c", "pass"),
        ("--package=no_such_package", "-c", "pass"),
        ("--audit-log=no/such/directory/log", "-c", "pass"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_nothing_runs(pycage, arguments: tuple[str, ...]) -> None:
    called = pycage("run", *arguments)

    assert called.code == 2
    assert called.out == ""
    assert called.err.startswith("pycage: ")
    assert called.err.count("\n") == 1


# ---- As a process ----------------------------------------------------------------------------------------------------


def process(directory: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pycage", *arguments],
        cwd=directory, input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_as_a_process_streams_and_exit_codes_pass(pycage) -> None:
    pycage.write("script.py", "import sys\nprint(input().upper())\nprint('beside', file=sys.stderr)\nsys.exit(5)\n")

    done = process(pycage.directory, "run", "script.py", given="hello\n")

    assert (5, "HELLO\n", "beside\n") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("option", [("-m", "pycage"), ("-Bmpycage",)])
def test_as_a_process_nothing_of_the_directory_is_imported_before_there_is_a_sandbox(pycage, option) -> None:
    """Whoever runs a script where it was unpacked must not run what else was unpacked there."""
    escape = f"open({str(pycage.directory)!r} + '/escaped', 'w').close()\n"
    for name in ("attrs", "attr", "typing", "threading", "inspect", "pathlib", "json", "_asyncio"):
        pycage.write(f"{name}.py", escape)
    at_home = {"cwd": pycage.directory, "capture_output": True, "text": True, "timeout": 60, "check": False}

    subprocess.run([sys.executable, "-c", "import attrs"], **at_home)
    assert Path("escaped").exists()  # control: they would be imported
    Path("escaped").unlink()

    done = subprocess.run([sys.executable, *option, "run", "-c", "print(6 * 7)"], **at_home)
    assert (0, "42\n", "") == (done.returncode, done.stdout, done.stderr)
    assert not Path("escaped").exists()


def test_as_a_process_a_module_of_the_directory_is_never_the_hosts(pycage) -> None:
    """`python -m` puts the directory first where the host imports from; what it shares must not come from there."""
    pycage.write("colorsys.py", f"open({str(pycage.directory)!r} + '/escaped', 'w').close()\n")
    command = [sys.executable, "-m", "pycage", "run", "-c", "import colorsys; print(colorsys.rgb_to_hsv(0, 0, 0))"]

    done = subprocess.run(command, cwd=pycage.directory, capture_output=True, text=True, timeout=60, check=False)

    assert (0, "(0.0, 0.0, 0)\n", "") == (done.returncode, done.stdout, done.stderr)
    assert not Path("escaped").exists()


# ---- Mistakes on the command line ------------------------------------------------------------------------------------


def test_a_value_behind_a_bare_flag_is_not_run(pycage, secret: Path) -> None:
    pycage.write("script.py", "print('it ran')\n")

    called = pycage("run", "--allow-read", "data", "script.py")

    assert (2, "") == called[:2]
    assert called.err.endswith('"data" behind it is no script; for "data" alone, write --allow-read=data\n')
    assert pycage("run", "--allow-read", "script.py").out == "it ran\n"


def test_a_directory_with_a_main_module_runs_behind_a_bare_flag(pycage) -> None:
    pycage.write("program/__main__.py", "print('it ran')\n")

    assert (
        pycage("run", "--allow-threads", "program") == pycage("run", "--allow-read", "program") == (0, "it ran\n", "")
    )


@pytest.mark.parametrize("flag", ["--allow-raed=data", "--alow-read=data", "--allow_read=data"])
def test_a_misspelt_flag_is_told_which_one_is_near(pycage, flag: str) -> None:
    assert pycage("run", flag, "script.py").err == (
        f'pycage: unknown option: {flag}; did you mean "--allow-read"?; see pycage run --help\n'
    )


def test_a_relative_name_is_not_sent_to_variables_that_are_not_there(pycage) -> None:
    said = pycage("run", '--allow=FilePermission "data/-" "read"', "-c", "1").err

    assert said.endswith("write the whole path\n")
    assert "${" not in said


def test_a_script_in_place_of_a_command_is_told_how_to_run_it(pycage) -> None:
    pycage.write("script.py", "")

    assert 'no command "script.py"; to run it, say pycage run "script.py"  Commands: run, ' in pycage("script.py").err


def test_what_a_program_was_refused_before_it_failed_is_told_with_its_flags(pycage) -> None:
    pycage.write("script.py", "import os\nprint(os.environ['HOME'])\n")

    called = pycage("run", "script.py")

    assert called.code == 1
    assert called.err.endswith(
        'refused before that, and caught by the program:\n  ("EnvPermission" "HOME" "read")  --allow-env=HOME\n'
    )


def test_a_program_that_fails_by_itself_is_told_of_no_refusal(pycage) -> None:
    pycage.write("script.py", "1 / 0\n")

    assert pycage("run", "script.py").err.endswith("ZeroDivisionError: division by zero\n")


# ---- Pinned code -----------------------------------------------------------------------------------------------------


@pytest.fixture
def pinned(pycage, secret: Path) -> Path:
    """Return a script that a policy pins and lets read the secret."""
    script = pycage.write("script.py", READ_IT.replace("sys.argv[1]", repr(str(secret))))
    digest = hashlib.sha256(script.read_bytes()).hexdigest()
    pycage.write(
        "policy.toml",
        f"""
[profiles.reader]
allow = ['FilePermission "{secret}" "read"']

[plugins.pinned]
profile = "reader"
path = "script.py"
sha256 = "{digest}"
""",
    )
    return script


def test_pinned_code_runs_with_the_permissions_of_its_plugin(pycage, pinned: Path) -> None:
    assert pycage("run", "--policy", "policy.toml", "--profile", "pinned", "script.py") == (0, "the secret\n", "")


def test_other_code_does_not_get_the_permissions_of_a_plugin_that_is_pinned(pycage, pinned: Path) -> None:
    pycage.write("other.py", pinned.read_text() + "# other\n")
    arguments = ("run", "--policy", "policy.toml", "--profile")

    called = pycage(*arguments, "pinned", "other.py")

    assert (2, "") == called[:2]
    assert 'other.py" is not it; run that, or name a profile: "reader"' in called.err
    assert pycage(*arguments, "reader", "other.py").out == "the secret\n"


def test_pinned_code_that_changed_does_not_run(pycage, pinned: Path) -> None:
    pinned.write_text(pinned.read_text() + "# changed\n")

    called = pycage("run", "--policy", "policy.toml", "--profile", "pinned", "script.py")

    assert (2, "") == called[:2]
    assert "is not the code that is pinned" in called.err
