"""Sandboxes: creating, running, granting, exposing, closing."""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import textwrap
import weakref

import pycage
import pytest
from pycage import (
    AccessDenied,
    FilePermission,
    MappingResolver,
    PathResolver,
    RuntimePermission,
    Sandbox,
    SandboxAdminPermission,
    Sandboxes,
    SandboxExited,
    sandboxes,
)
from pycage.cage import Cage

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    with Sandbox(f"test_{next(_numbers)}") as made:
        yield made


def dedent(source: str) -> str:
    return textwrap.dedent(source).strip()


# ---- Names and the registry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "A_1", "_", "é", "١", "中", "Ⅰ"])
def test_a_name_of_letters_digits_and_underscores_is_good(name: str) -> None:
    with Sandbox(name) as sandbox:
        assert sandbox.url == f"pycage://sandbox/{sandbox.name}"


@pytest.mark.parametrize("name", ["", "a b", "a-b", "a.b", "a\n", "²", "½", "‿", "\u0301"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(pycage.PolicyError, match="letters, digits and underscores"):
        Sandbox(name)


def test_two_names_that_look_alike_are_one() -> None:
    with Sandbox("caf\u00e9"), pytest.raises(pycage.DuplicateSandboxError):
        Sandbox("cafe\u0301")


def test_a_closed_sandbox_frees_its_name_and_keeps_nothing() -> None:
    with Sandbox("again", permissions=[RuntimePermission("x")]) as first:
        pass
    with Sandbox("again") as second:
        assert len(second.permissions) == 0
        assert Sandboxes.get().find("again") is second
    assert first.closed
    assert Sandboxes.get().find("again") is None


def test_code_of_a_closed_sandbox_does_not_get_what_a_namesake_is_granted() -> None:
    asked = RuntimePermission("x")
    with Sandbox(
        "namesake", resolver=MappingResolver({"m": "import pycage\ndef ask(p):\n    pycage.check_permission(p)"})
    ) as first:
        ask = first.load("m").ask
    with Sandbox("namesake", permissions=[asked]) as second:
        assert second.query(asked) == "granted"
        with pytest.raises(AccessDenied):
            ask(asked)


def test_sandboxes_can_be_listed(sandbox: Sandbox) -> None:
    registry = Sandboxes.get()

    assert sandbox in list(registry)
    assert sandbox.name in registry
    assert len(registry) >= 1
    with pytest.raises(TypeError, match=r"Sandboxes\.get"):
        Sandboxes()


def test_a_sandbox_that_is_being_made_is_found_by_nobody_and_has_its_name(monkeypatch) -> None:
    """Its handle would fail in whatever is asked of it."""
    registry, seen = Sandboxes.get(), []

    def observed(*arguments, **more):
        seen.append(
            registry.find("halfway") or "halfway" in registry or [one for one in registry if one.name == "halfway"]
        )
        with pytest.raises(pycage.DuplicateSandboxError):
            Sandbox("halfway")
        return Cage(*arguments, **more)

    monkeypatch.setattr("pycage.sandbox.Cage", observed)
    with registry.create("halfway") as made:
        assert registry.find("halfway") is made
    assert seen == [[]]


def test_a_sandbox_whose_making_fails_halfway_frees_the_name(monkeypatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("pycage.sandbox.Cage", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Sandbox("halfway")
    assert Sandboxes.get().find("halfway") is None
    with Sandbox("halfway") as made:
        assert Sandboxes.get().find("halfway") is made


def test_the_registry_creates_with_the_same_arguments(monkeypatch) -> None:
    expected = inspect.signature(Sandbox).parameters
    assert {**inspect.signature(Sandboxes.create).parameters} == {
        "self": inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        **{name: one for name, one in expected.items()},
    }

    given = {name: object() for name in expected if name != "name"}
    monkeypatch.setattr(sandboxes, "_make", lambda name, **more: (name, more))
    assert Sandboxes.get().create("same", **given) == ("same", given)


def test_a_failed_creation_frees_the_name() -> None:
    with pytest.raises(TypeError):
        Sandbox("halfway", permissions=["read"])
    with pytest.raises(TypeError):
        Sandbox("halfway", permissions=5)
    Sandbox("halfway").close()


def test_a_closed_sandbox_says_so(sandbox: Sandbox) -> None:
    sandbox.close()
    sandbox.close()

    for use in (
        lambda: sandbox.run("1"),
        lambda: sandbox.load("m"),
        lambda: sandbox.grant(RuntimePermission("x")),
        lambda: sandbox.expose("x", 1),
        sandbox.__enter__,
    ):
        with pytest.raises(pycage.PolicyError, match="is closed"):
            use()
    assert sandbox.query(RuntimePermission("x")) == "denied"


@pytest.mark.slow
def test_a_closed_sandbox_is_not_kept_alive() -> None:
    with Sandbox("mortal", resolver=MappingResolver({"m": "class C:\n    pass\ndef f():\n    return C()"})) as sandbox:
        thing = weakref.ref(sandbox.load("m").C)
        sandbox.run("1 + 1")
        sandbox.expose("f", print)
    handle = weakref.ref(sandbox)
    del sandbox
    gc.collect()

    assert handle() is None
    assert thing() is None


# ---- run ------------------------------------------------------------------------------------------------------------


def test_run_returns_the_value_of_the_last_expression_and_what_was_printed(sandbox: Sandbox) -> None:
    result = sandbox.run(
        dedent("""
        total = 0
        for n in range(5):
            total += n
        print("total", total)
        total * 2
    """)
    )

    assert result == pycage.Result(value=20, stdout="total 10\n", stderr="", requests=())


def test_what_is_written_to_sys_stdout_and_stderr_is_in_the_result(sandbox: Sandbox, capsys) -> None:
    result = sandbox.run("import sys\nprint('a', file=sys.stderr)\nsys.stdout.write('b')\nprint('c')\nNone")

    assert (result.stdout, result.stderr) == ("bc\n", "a\n")
    assert capsys.readouterr() == ("", "")


def test_outside_of_a_run_output_goes_to_the_host(capsys) -> None:
    with Sandbox(
        "prints", resolver=MappingResolver({"m": "import sys\nprint('a')\nprint('b', file=sys.stderr)"})
    ) as sandbox:
        sandbox.load("m")

    assert capsys.readouterr() == ("a\n", "b\n")


def test_only_text_is_written_to_the_hosts_streams(sandbox: Sandbox) -> None:
    with pytest.raises(TypeError, match="needs a str"):
        sandbox.run("import sys\nclass S(str): pass\nsys.stdout.write(S('x'))")


def test_run_without_an_expression_at_the_end_has_no_value(sandbox: Sandbox) -> None:
    assert sandbox.run("x = 1").value is None
    assert sandbox.run("").value is None


def test_each_run_has_a_namespace_of_its_own(sandbox: Sandbox) -> None:
    sandbox.run("x = 1")

    with pytest.raises(NameError):
        sandbox.run("x")


def test_run_finds_the_variables_it_is_given(sandbox: Sandbox) -> None:
    assert sandbox.run("a + len(b)", variables={"a": 1, "b": [1, 2]}).value == 3


def test_variables_cannot_replace_the_builtins(sandbox: Sandbox) -> None:
    with pytest.raises(NameError):
        sandbox.run("breakpoin", variables={"__builtins__": {"breakpoin": 1}})


def test_run_lists_what_was_asked_for(sandbox: Sandbox, tmp_path) -> None:
    (tmp_path / "f").write_text("text")
    sandbox.grant(FilePermission(f"{tmp_path}/-", "read"))
    source = dedent("""
        with open(path) as file:
            text = file.read()
        try:
            open(path, "w")
        except PermissionError:
            pass
        text
    """)

    for _ in range(2):  # remembered answers are reported, too
        result = sandbox.run(source, variables={"path": str(tmp_path / "f")})

        assert result.value == "text"
        assert [(request.permission.actions, request.granted) for request in result.requests] == [
            ("read", True),
            ("write", False),
        ]


def test_exceptions_of_the_code_come_out_as_they_are(sandbox: Sandbox) -> None:
    with pytest.raises(ZeroDivisionError):
        sandbox.run("1 / 0")


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(3)", "exit()", "class E(BaseException): pass\nraise E", "raise GeneratorExit"]
)
def test_what_would_end_the_host_comes_out_as_an_ordinary_error(sandbox: Sandbox, ending: str) -> None:
    """The corpus' D073."""
    with pytest.raises(SandboxExited):
        sandbox.run(ending)


def test_source_that_may_not_run_is_refused_whole(sandbox: Sandbox) -> None:
    with pytest.raises(pycage.RestrictedSyntaxError) as error:
        sandbox.run("print('never')\nf = (lambda: 0).__globals__\n\ng = f.__code__\n")

    assert [problem.line for problem in error.value.problems] == [2, 4]


def test_tracebacks_show_the_lines_of_the_sandbox(sandbox: Sandbox) -> None:
    with pytest.raises(ZeroDivisionError) as error:
        sandbox.run("x = 1\n\nx / 0\n")

    assert (error.traceback[-1].lineno, str(error.traceback[-1].path)) == (2, f'<sandbox "{sandbox.name}">')


# ---- load -----------------------------------------------------------------------------------------------------------


def test_load_gives_the_sandboxs_own_module_and_the_same_one_twice(tmp_path) -> None:
    (tmp_path / "plugin.py").write_text("import json\ndef f():\n    return json.dumps([1])\n")

    with Sandbox("loads", resolver=PathResolver(tmp_path)) as sandbox:
        module = sandbox.load("plugin")

        assert module.f() == "[1]"
        assert sandbox.load("plugin") is module
        with pytest.raises(pycage.WrongLoaderError):
            sandbox.load("json")
        with pytest.raises((pycage.ModuleMissingError, AccessDenied)):
            sandbox.load("nowhere")


def test_two_sandboxes_have_modules_of_their_own() -> None:
    resolver = MappingResolver({"m": "class C:\n    pass\n"})

    with Sandbox("one", resolver=resolver) as one, Sandbox("two", resolver=resolver) as two:
        assert one.load("m") is not two.load("m")
        assert one.load("m").C is not two.load("m").C


def test_a_sandbox_has_no_modules_without_a_resolver(sandbox: Sandbox) -> None:
    with pytest.raises((pycage.ModuleMissingError, AccessDenied)):
        sandbox.load("anything")


# ---- Permissions ----------------------------------------------------------------------------------------------------


def test_a_permission_can_be_granted_and_revoked_while_code_runs(sandbox: Sandbox, tmp_path) -> None:
    path = tmp_path / "f"
    write = FilePermission(str(path), "write")
    source = "with open(path, 'w') as file:\n    file.write('x')"

    for allowed in (False, True, False):
        if allowed:
            sandbox.grant(write)
            sandbox.run(source, variables={"path": str(path)})
            assert sandbox.revoke(write)
        else:
            with pytest.raises(AccessDenied):
                sandbox.run(source, variables={"path": str(path)})


def test_granted_holds_for_the_block_only(sandbox: Sandbox) -> None:
    asked = RuntimePermission("x")

    with sandbox.granted(asked):
        assert sandbox.query(asked) == "granted"
    assert sandbox.query(asked) == "prompt"


def test_granted_does_not_take_away_what_was_granted_before(sandbox: Sandbox) -> None:
    asked = RuntimePermission("x")
    sandbox.grant(asked)

    with sandbox.granted(asked):
        pass

    assert sandbox.query(asked) == "granted"


def test_query_tells_granted_prompt_and_denied(sandbox: Sandbox) -> None:
    asked = RuntimePermission("x.y")

    assert sandbox.query(asked) == "prompt"
    sandbox.grant(RuntimePermission("x.*"))
    assert sandbox.query(asked) == "granted"
    sandbox.deny(asked)
    assert sandbox.query(asked) == "denied"


def test_relative_paths_are_made_absolute_when_they_are_granted(tmp_path, monkeypatch) -> None:
    """A later change of the working directory must not move the grant."""
    (tmp_path / "data").mkdir()
    (tmp_path / "other" / "data").mkdir(parents=True)
    for directory in (tmp_path, tmp_path / "other"):
        (directory / "data" / "f").write_text("text")
    monkeypatch.chdir(tmp_path)

    with Sandbox("relative", permissions=[FilePermission("data/-", "read")]) as sandbox:
        source = "with open('data/f') as file:\n    text = file.read()\ntext"
        assert sandbox.run(source).value == "text"
        monkeypatch.chdir(tmp_path / "other")
        with pytest.raises(AccessDenied):
            sandbox.run(source)
        assert sandbox.revoke(FilePermission(str(tmp_path / "data" / "-"), "read"))


def test_a_link_out_of_a_granted_directory_is_refused(sandbox: Sandbox, tmp_path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "granted").mkdir()
    (tmp_path / "granted" / "file").write_text("text")
    os.symlink(tmp_path / "secret", tmp_path / "granted" / "link")
    sandbox.grant(FilePermission(f"{tmp_path}/granted/-", "read"))
    source = "with open(path) as file:\n    text = file.read()\ntext"

    assert sandbox.run(source, variables={"path": str(tmp_path / "granted" / "file")}).value == "text"
    with pytest.raises(AccessDenied):
        sandbox.run(source, variables={"path": str(tmp_path / "granted" / "link")})
    with pytest.raises(AccessDenied):
        sandbox.run(source, variables={"path": f"{tmp_path}/granted/../secret"})


def test_the_permissions_of_a_sandbox_are_shown_read_only(sandbox: Sandbox) -> None:
    sandbox.grant(RuntimePermission("x"))
    shown = sandbox.permissions

    assert list(shown) == [RuntimePermission("x")]
    with pytest.raises(Exception, match="readonly"):
        shown.add(RuntimePermission("y"))


def test_sandboxed_code_that_holds_its_sandbox_cannot_use_it(sandbox: Sandbox) -> None:
    """jcage's J1: getSandboxPermissions().add(AllPermission) succeeded."""
    variables = {"sandbox": sandbox, "anything": pycage.AllPermission()}

    for attack in (
        "sandbox.grant(anything)",
        "sandbox.deny(anything)",
        "with sandbox.granted(anything): pass",
        "sandbox.expose('x', open)",
        "sandbox.close()",
        "sandbox._domain",
        "sandbox._cage",
        "sandbox.permissions.add(anything)",
    ):
        with pytest.raises(Exception, match="access denied|readonly"):
            sandbox.run(attack, variables=variables)
    assert sandbox.query(RuntimePermission("x")) == "prompt"


def test_a_sandbox_can_be_let_create_sandboxes(sandbox: Sandbox) -> None:
    source = dedent("""
        from pycage import Sandboxes
        with Sandboxes.get().create("inner") as inner:
            value = inner.run("6 * 7").value
        value
    """)
    with pytest.raises(AccessDenied, match='"SandboxAdminPermission" "\\*" "getSandboxes"'):
        sandbox.run(source)
    sandbox.grant(SandboxAdminPermission("*", "getSandboxes"))
    with pytest.raises(AccessDenied, match='"SandboxAdminPermission" "inner" "createSandbox"'):
        sandbox.run(source)
    sandbox.grant(SandboxAdminPermission("inner", "*"))

    assert sandbox.run(source).value == 42


# ---- expose ---------------------------------------------------------------------------------------------------------


class Account:
    """A host object with more than a sandbox should see."""

    owner = "ann"
    secret = "secret"

    def __init__(self) -> None:
        self.log: list[str] = []

    def deposit(self, amount: int) -> int:
        self.log.append(f"deposit {amount}")
        return amount

    def erase(self) -> None:
        self.log.clear()


def test_an_exposed_object_has_its_declared_methods_and_attributes_and_nothing_else(sandbox: Sandbox) -> None:
    account = Account()
    sandbox.expose("account", account, methods=["deposit"], attributes=["owner"])

    assert sandbox.run("from host import account\naccount.deposit(5), account.owner").value == (5, "ann")
    for attack in (
        "account.secret",
        "account.erase()",
        "account.owner = 'eve'",
        "account.deposit = 1",
        "account.log",
        "type(account).deposit = 1",
        "account.__dict__",
        "account.deposit.__self__",
        "account.deposit.__closure__",
    ):
        with pytest.raises((AttributeError, AccessDenied, pycage.RestrictedSyntaxError)):
            sandbox.run(f"from host import account\n{attack}")
    assert account.log == ["deposit 5"]
    assert Account.owner == account.owner == "ann"


def test_a_function_can_be_exposed_as_it_is(sandbox: Sandbox) -> None:
    sandbox.expose("twice", lambda n: 2 * n)
    sandbox.expose("limit", 10)

    assert sandbox.run("from host import twice, limit\ntwice(limit)").value == 20


def test_an_object_is_not_exposed_whole_by_accident(sandbox: Sandbox) -> None:
    for wrong in ({"methods": ["nothing"]}, {"methods": ["_private"]}, {"attributes": ["nothing"]}, {}):
        with pytest.raises(pycage.PolicyError):
            sandbox.expose("account", Account(), **wrong)
    with pytest.raises(TypeError, match="list of names"):
        sandbox.expose("account", Account(), methods="deposit")
    with pytest.raises(pycage.PolicyError, match="public identifier"):
        sandbox.expose("not a name", Account(), methods=["deposit"])


@pytest.mark.parametrize("take_back", ["unexpose", "replace", "close"])
def test_a_reference_that_a_sandbox_kept_is_recalled(sandbox: Sandbox, take_back: str) -> None:
    account = Account()
    sandbox.expose("account", account, methods=["deposit"])
    kept = sandbox.run("from host import account\n[account.deposit, account]").value

    if take_back == "unexpose":
        sandbox.unexpose("account")
        with pytest.raises((ImportError, AccessDenied)):
            sandbox.run("from host import account")
    elif take_back == "replace":
        sandbox.expose("account", Account(), methods=["deposit"])
    else:
        sandbox.close()

    for call in (kept[0], kept[1].deposit):
        with pytest.raises(AccessDenied, match="useExposed.account"):
            call(1)
    assert account.log == []


def test_an_exposed_method_does_its_work_with_the_sandbox_on_the_stack_unless_it_lends(
    sandbox: Sandbox, tmp_path
) -> None:
    class Files:
        def read(self, name: str) -> str:
            return (tmp_path / name).read_text()

        @pycage.privileged(limit=[FilePermission(f"{tmp_path}/-", "read")])
        def lend(self, name: str) -> str:
            return (tmp_path / name).read_text()

    (tmp_path / "f").write_text("text")
    sandbox.expose("files", Files(), methods=["read", "lend"])

    with pytest.raises(AccessDenied):
        sandbox.run("from host import files\nfiles.read('f')")
    assert sandbox.run("from host import files\nfiles.lend('f')").value == "text"
    with pytest.raises(AccessDenied):
        sandbox.run("from host import files\nfiles.lend('../../../etc/hostname')")


def test_an_exposed_method_that_the_host_calls_later_is_still_the_sandboxs(sandbox: Sandbox, tmp_path) -> None:
    """The method was handed on: its frame is on the stack however late it runs."""
    (tmp_path / "f").write_text("text")
    sandbox.expose("read", lambda: (tmp_path / "f").read_text())
    handed_on = sandbox.run("from host import read\nmap(lambda f: f(), [read])").value
    deferred = sandbox.run("from host import read\nread").value

    with pytest.raises(AccessDenied):
        list(handed_on)
    with pytest.raises(AccessDenied):
        deferred()
