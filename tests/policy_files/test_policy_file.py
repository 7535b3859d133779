"""Sandboxes follow their policy file: what it says holds, its code is pinned, and a reload is one change."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import threading
from types import SimpleNamespace

import pytest
from pycage import (
    AccessDenied,
    EnvPermission,
    FilePermission,
    ImportDenied,
    MappingResolver,
    PolicyError,
    Sandbox,
    SandboxAdminPermission,
    check_permission,
    decisions,
    get_policy,
)
from pycage.policy_files import digest_of, load_policy, pinned_code, read_policy

A = FilePermission("/srv/a", "read")
B = FilePermission("/srv/b", "read")


def allowing(*names: str) -> str:
    return "[profiles.p]\nallow = [%s]\n" % ", ".join(f'\'FilePermission "/srv/{name}" "read"\'' for name in names)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(allowing("a"))
    return path


def test_a_sandbox_may_do_what_its_profile_allows_and_nothing_else() -> None:
    policy = read_policy(
        '[profiles.p]\nallow = [\'FilePermission "/srv/-" "read"\']\ndeny = [\'FilePermission "/srv/x/-" "read"\']'
    )

    with policy.sandbox("p", sandbox_name="files_1") as sandbox:
        assert sandbox.query(A) == "granted"
        assert sandbox.query(FilePermission("/srv/x/y", "read")) == "denied"
        assert sandbox.query(FilePermission("/srv/a", "write")) == "prompt"


def test_the_command_line_is_stronger_than_the_file() -> None:
    policy = read_policy("[profiles.p]\nimports = ['deny json']")

    with policy.sandbox("p", sandbox_name="files_2", allow=[A], deny=[B], imports=["allow json"]) as sandbox:
        assert sandbox.query(A) == "granted"
        assert sandbox.query(B) == "denied"
        assert sandbox.run("import json; json.dumps(1)").value == "1"


def test_import_rules_stand_on_the_vetted_list_unless_the_file_says_otherwise() -> None:
    policy = read_policy(
        "[profiles.vetted]\nimports = ['deny json']\n[profiles.few]\nimports_default = 'deny'\nimports = ['allow math']"
    )

    with policy.sandbox("vetted") as sandbox:
        sandbox.run("import math")
        with pytest.raises(ImportDenied):
            sandbox.run("import json")
        with pytest.raises(ImportDenied):
            sandbox.run("import gc")
    with policy.sandbox("few") as sandbox:
        sandbox.run("import math")
        with pytest.raises(ImportDenied):
            sandbox.run("import string")


def test_rules_about_own_modules_hold() -> None:
    policy = read_policy("[profiles.p]\nown = ['allow a']")

    with policy.sandbox("p", sandbox_name="files_3", resolver=MappingResolver({"a": "", "b": ""})) as sandbox:
        sandbox.load("a")
        with pytest.raises(AccessDenied):
            sandbox.load("b")


def test_a_name_that_is_not_there_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(PolicyError, match='no plugin or profile "redaer"; did you mean "reader"'):
        read_policy("[profiles.reader]").sandbox("redaer")


# ---- Pinned code -----------------------------------------------------------------------------------------------------


def plugin(directory, digest: str | None, name: str = "thumb.py") -> str:
    pin = "" if digest is None else f'sha256 = "{digest}"'
    return f'[profiles.p]\n[plugins.thumb]\nprofile = "p"\npath = "{name}"\n{pin}\n'


def test_pinned_code_is_run(tmp_path) -> None:
    (tmp_path / "thumb.py").write_text("size = 64")
    digest = hashlib.sha256(b"size = 64").hexdigest()
    policy = read_policy(plugin(tmp_path, digest), directory=tmp_path)

    with policy.sandbox("thumb") as sandbox:
        assert sandbox.load(policy.plugins["thumb"].module).size == 64


def test_code_that_is_not_what_is_pinned_is_refused_before_there_is_a_sandbox(tmp_path) -> None:
    (tmp_path / "thumb.py").write_text("size = 65")
    policy = read_policy(plugin(tmp_path, hashlib.sha256(b"size = 64").hexdigest()), directory=tmp_path)

    with pytest.raises(
        PolicyError, match=f'not the code that is pinned.*write sha256 = "{digest_of(tmp_path / "thumb.py")}"'
    ):
        policy.sandbox("thumb")
    Sandbox("thumb").close()  # the name is free


def test_code_that_changes_after_it_was_judged_is_not_run(tmp_path) -> None:
    (tmp_path / "thumb").mkdir()
    (tmp_path / "thumb" / "__init__.py").write_text("")
    (tmp_path / "thumb" / "later.py").write_text("good = True")
    policy = read_policy(plugin(tmp_path, digest_of(tmp_path / "thumb"), "thumb"), directory=tmp_path)

    with policy.sandbox("thumb") as sandbox:
        (tmp_path / "thumb" / "later.py").write_text("good = False")

        assert sandbox.load("thumb.later").good


def test_a_package_has_its_modules_and_resources(tmp_path) -> None:
    (tmp_path / "thumb" / "sub" / "__pycache__").mkdir(parents=True)
    (tmp_path / "thumb" / "__init__.py").write_text(
        "import importlib.resources as r\ndata = r.files('thumb.sub').joinpath('x/y.txt').read_text()"
    )
    (tmp_path / "thumb" / "sub" / "__init__.py").write_text("")
    (tmp_path / "thumb" / "sub" / "x").mkdir()
    (tmp_path / "thumb" / "sub" / "x" / "y.txt").write_text("content")
    policy = read_policy(plugin(tmp_path, digest_of(tmp_path / "thumb"), "thumb"), directory=tmp_path)

    with policy.sandbox("thumb") as sandbox:
        assert sandbox.load("thumb").data == "content"


def test_the_hash_of_a_directory_is_what_the_documented_command_prints(tmp_path) -> None:
    for name in ("b.py", "a/x.py", "a.txt", "a/__pycache__/x.pyc", "ä.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(name)
    command = r"find . -type f ! -path '*/__pycache__/*' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"

    printed = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert digest_of(tmp_path) == printed.split()[0]


def test_a_link_in_the_code_of_a_plugin_is_refused(tmp_path) -> None:
    (tmp_path / "thumb").mkdir()
    (tmp_path / "thumb" / "x.py").symlink_to("/etc/passwd")

    with pytest.raises(PolicyError, match="neither a file nor a directory"):
        digest_of(tmp_path / "thumb")


@pytest.mark.parametrize("name", ["thumb", "thumb/x.py"])
@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "symbolic links"),
        (lambda path: os.mkfifo(path), "neither a file nor a directory"),  # and nobody waits for who writes to it
        (lambda path: path.write_text("size = 32"), None),  # another file is what is hashed
    ],
)
def test_a_file_that_is_exchanged_after_it_was_found_is_not_followed(
    tmp_path, monkeypatch, name: str, exchange, error: str | None
) -> None:
    file = tmp_path / "thumb" / "x.py"
    file.parent.mkdir()
    file.write_text("size = 64")
    found = pinned_code._files

    def exchanged_when_found(path: str):
        for each in found(path):
            file.unlink()
            exchange(file)
            yield each

    monkeypatch.setattr(pinned_code, "_files", exchanged_when_found)
    with contextlib.nullcontext() if error is None else pytest.raises(PolicyError, match=error):
        digest_of(tmp_path / name)


def test_an_installed_package_is_loaded_as_the_sandboxes_own_if_the_manifest_names_it() -> None:
    policy = read_policy("[plugins.p]\npackages = ['toolz']\n[plugins.q]")

    with policy.sandbox("p", sandbox_name="files_4") as sandbox:
        assert sandbox.run("import toolz; toolz.get(0, [7])").value == 7
        with pytest.raises(ImportDenied):
            sandbox.run("import sortedcontainers")
    with policy.sandbox("q", sandbox_name="files_5") as sandbox, pytest.raises(ImportDenied):
        sandbox.run("import toolz")


# ---- Reloading -------------------------------------------------------------------------------------------------------


def test_a_reload_changes_what_running_sandboxes_may_do(file) -> None:
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one") as one, policy.sandbox("p", sandbox_name="two") as two:
        file.write_text(allowing("b") + "imports = ['deny json']")
        epoch = get_policy().epoch
        policy.reload()

        assert get_policy().epoch == epoch + 1
        for sandbox in (one, two):
            assert [sandbox.query(A), sandbox.query(B)] == ["prompt", "granted"]
            with pytest.raises(ImportDenied):
                sandbox.run("import json")


def test_a_broken_file_changes_nothing_and_says_why(file) -> None:
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one") as sandbox:
        epoch = get_policy().epoch
        for broken in (
            "[profiles.p]\nalow = []",
            "[profiles.q]",
            "x",
            '[profiles.p]\nallow = [\'FilePermission "${plugin_dir}/x" "read"\']',
        ):
            file.write_text(broken)
            with pytest.raises(PolicyError):
                policy.reload()
        file.unlink()
        with pytest.raises(PolicyError):
            policy.reload()

        assert get_policy().epoch == epoch
        assert sandbox.query(A) == "granted"
        assert policy.text == allowing("a")
        assert set(policy.permissions("p")) == {A}


def test_what_was_granted_otherwise_survives_a_reload(file) -> None:
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one", allow=[EnvPermission("TZ", "read")]) as sandbox:
        sandbox.grant(B)
        sandbox.deny(FilePermission("/srv/c", "read"))
        file.write_text(allowing("c"))
        policy.reload()

        assert [sandbox.query(p) for p in (A, B, FilePermission("/srv/c", "read"), EnvPermission("TZ", "read"))] == [
            "prompt",
            "granted",
            "denied",
            "granted",
        ]


def test_what_was_revoked_in_part_does_not_outlive_a_reload(file) -> None:
    file.write_text('[profiles.p]\nallow = [\'FilePermission "/srv/a" "read,write"\']')
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one") as sandbox:
        sandbox.revoke(FilePermission("/srv/a", "write"))
        file.write_text("[profiles.p]")
        policy.reload()

        assert sandbox.query(A) == "prompt"


def test_a_check_sees_all_of_the_old_file_or_all_of_the_new_one(file) -> None:
    policy = load_policy(file)
    texts = [allowing("a"), allowing("b")]
    seen = set()
    with policy.sandbox("p", sandbox_name="one") as one, policy.sandbox("p", sandbox_name="two") as two:
        sources = [sandbox._domain.code_source for sandbox in (one, two)]
        stop = threading.Event()

        def look() -> None:
            while not stop.is_set():
                state = get_policy()._state
                seen.add(tuple(state.of(source).granted.implies(p) for source in sources for p in (A, B)))

        thread = threading.Thread(target=look)
        thread.start()
        for n in range(100):
            file.write_text(texts[n % 2])
            policy.reload()
        stop.set()
        thread.join()

    assert seen <= {(True, False, True, False), (False, True, False, True)}


def test_a_sandbox_that_runs_other_code_than_is_pinned_now_does_not_follow(tmp_path) -> None:
    (tmp_path / "thumb.py").write_text("size = 64")
    path = tmp_path / "policy.toml"
    path.write_text(plugin(tmp_path, None))
    policy = load_policy(path)
    with policy.sandbox("thumb"):
        path.write_text(plugin(tmp_path, digest_of(tmp_path / "thumb.py")))
        policy.reload()
        path.write_text(plugin(tmp_path, "0" * 64))

        with pytest.raises(PolicyError, match="runs other code"):
            policy.reload()
    policy.reload()


def test_a_closed_sandbox_is_forgotten(file) -> None:
    policy = load_policy(file)
    policy.sandbox("p", sandbox_name="one").close()
    with Sandbox("one") as successor:
        policy.reload()

        assert successor.query(A) == "prompt"


def test_a_sandbox_that_exists_can_follow_a_profile(file) -> None:
    file.write_text(
        allowing("a")
        + "[profiles.q]\nallow = ['FilePermission \"/srv/b\" \"read\"']\n[profiles.r]\nimports = ['deny json']"
    )
    policy = load_policy(file)
    with Sandbox("one") as sandbox:
        policy.apply(sandbox, "p")
        first = sandbox.query(A), sandbox.query(B)
        policy.apply(sandbox, "q")

        assert first == ("granted", "prompt")
        assert (sandbox.query(A), sandbox.query(B)) == ("prompt", "granted")
        with pytest.raises(PolicyError, match="has import rules"):
            policy.apply(sandbox, "r")


def test_a_policy_from_text_cannot_be_reloaded() -> None:
    with pytest.raises(PolicyError, match="is no file"):
        read_policy("").reload()


# ---- Who may ---------------------------------------------------------------------------------------------------------


def test_a_sandbox_that_gets_hold_of_a_policy_file_gains_nothing(file) -> None:
    policy = load_policy(file)
    attack = """
def act(f):
    try:
        f()
    except PermissionError as e:
        return str(e)
    return "done"
"""
    with policy.sandbox("p", sandbox_name="one", resolver=MappingResolver({"m": attack})) as sandbox:
        act = sandbox.load("m").act
        file.write_text(allowing("b"))

        assert act(lambda: check_permission(A)) == "done"  # the attack's control
        assert "SandboxAdminPermission" in act(lambda: policy.apply(sandbox, "p", allow=[B]))
        assert "access denied" in act(policy.reload)
        assert "access denied" in act(lambda: policy.sandbox("p", sandbox_name="other"))
        assert sandbox.query(B) == "prompt"


def test_a_sandbox_may_not_reload_what_it_may_read_but_not_administer(file) -> None:
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one", resolver=MappingResolver({"m": "def call(f): return f()"})) as sandbox:
        call = sandbox.load("m").call
        sandbox.grant(FilePermission(str(file), "read"))
        file.write_text(allowing("b"))
        with pytest.raises(AccessDenied, match="SandboxAdminPermission"):
            call(lambda: policy.reload())
        sandbox.grant(SandboxAdminPermission("one", "setSandboxPermissions"))

        call(lambda: policy.reload())

        assert sandbox.query(B) == "granted"


# ---- Watching --------------------------------------------------------------------------------------------------------


def test_a_watched_file_is_reloaded_when_it_changes_and_errors_are_told(file) -> None:
    policy = load_policy(file)
    errors = []
    with (
        policy.sandbox("p", sandbox_name="one") as sandbox,
        policy.watch(interval=3600, on_error=errors.append) as watch,
    ):
        unchanged = watch.look()
        file.write_text(allowing("a", "b"))
        changed = watch.look()
        file.write_text("broken")
        broken = watch.look()

        assert (unchanged, changed, broken) == (False, True, False)
        assert sandbox.query(B) == "granted"
        assert [type(error).__name__ for error in errors] == ["PolicyFileError"]
        assert not watch.look()


def test_a_watch_looks_by_itself_until_it_is_stopped(file) -> None:
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one") as sandbox:
        told = threading.Event()
        with policy.watch(interval=0.01, on_error=lambda error: told.set()):
            file.unlink()
            assert told.wait(30)
        file.write_text(allowing("b"))

        assert sandbox.query(A) == "granted"
        assert not any(thread.name == "pycage policy" for thread in threading.enumerate())


def test_a_sandbox_cannot_have_a_file_watched(file) -> None:
    policy = load_policy(file)
    resolver = MappingResolver({"m": "def call(f): return f()"})
    with policy.sandbox("p", sandbox_name="one", resolver=resolver) as sandbox:
        with pytest.raises(AccessDenied, match="setPolicy"):
            sandbox.load("m").call(policy.watch)
    with pytest.raises(PolicyError, match="from text"):
        read_policy("").watch()


def test_a_decision_names_the_line_of_the_file(file) -> None:
    file.write_text(
        '[profiles.p]\nallow = [\'EnvPermission "HOME" "read"\']\ndeny = [\'EnvPermission "PATH" "read"\']\n'
    )
    log = decisions()
    log.clear()
    with load_policy(file).sandbox("p", sandbox_name="one") as sandbox:
        sandbox.run("import os; os.environ.get('HOME'), os.environ.get('PATH')")

    rules = {decision.name: decision.rule for decision in log if decision.kind == "EnvPermission"}

    assert rules == {
        "HOME": f'grant EnvPermission("HOME", "read") ({file}, line 2, profiles.p.allow[0])',
        "PATH": f'deny EnvPermission("PATH", "read") ({file}, line 3, profiles.p.deny[0])',
    }


def test_a_subscriber_may_use_the_sandboxes_that_a_reload_is_about(file) -> None:
    policy = load_policy(file)
    with policy.sandbox("p", sandbox_name="one") as sandbox:
        seen = []
        with get_policy().subscribe(lambda change: seen.append(sandbox.run("1 + 1").value)):
            file.write_text(allowing("b"))
            policy.reload()

    assert seen
    assert set(seen) == {2}


def test_nothing_is_granted_to_a_sandbox_that_is_closed_in_the_middle_of_a_reload(file, monkeypatch) -> None:
    policy = load_policy(file)
    sandbox = policy.sandbox("p", sandbox_name="one")
    real = get_policy().exchange

    def exchange(*arguments, **options):
        sandbox.close()
        return real(*arguments, **options)

    instead = SimpleNamespace(POLICY=SimpleNamespace(exchange=exchange))
    monkeypatch.setattr("pycage.policy_files.policy_file.manager", instead)
    policy.reload()
    monkeypatch.undo()

    with Sandbox("one") as successor:
        assert successor.query(A) == "prompt"


def test_what_a_file_says_cannot_be_changed_through_what_is_handed_out(file) -> None:
    policy = load_policy(file)

    with pytest.raises(TypeError):
        policy.plugins["x"] = None
    with pytest.raises(TypeError):
        policy.document.profiles["p"] = None
    with pytest.raises(TypeError):
        policy.document.variables.define("data", "/etc")


def test_what_only_looks_like_a_sandbox_gets_nothing(file) -> None:
    with Sandbox("one") as sandbox:

        class Lookalike:
            _domain = sandbox._domain
            _lock = sandbox._lock
            closed = False
            name = "one"

            def _administer(self): ...

        with pytest.raises(TypeError, match="expected a Sandbox"):
            load_policy(file).apply(Lookalike(), "p")
        assert sandbox.query(A) == "prompt"
