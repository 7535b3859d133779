"""jcage's defects (the J rows, apart from J1): that pycage does not have them, or has them on purpose."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from jcage_stage import HOST, OP, denied, run

import pycage
from pycage import (
    AccessDenied,
    AllPermission,
    CallableResolver,
    CodeSource,
    DuplicateSandboxError,
    MappingResolver,
    PathResolver,
    PolicyError,
    ProtectionDomain,
    Sandbox,
    SandboxAdminPermission,
    Sandboxes,
    SequentialPolicy,
    check_permission,
    do_privileged,
    get_context,
    rules,
)

# ---- None -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda box: check_permission(None),
        lambda box: get_context().check_permission(None),
        lambda box: run(box, "get_context()").check_permission(None),
        lambda box: get_context().bind(None),
        lambda box: do_privileged(None),
        lambda box: do_privileged(int, limit=[None]),
        lambda box: Sandbox(None),
        lambda box: Sandboxes.get().create(None),
        lambda box: Sandboxes.get().find(None),
        lambda box: Sandbox("none", permissions=[None]),
        lambda box: Sandboxes.get().set_default_permissions([None]),
        lambda box: box.grant(None),
        lambda box: box.revoke(None),
        lambda box: box.deny(None),
        lambda box: box.query(None),
        lambda box: box.granted(None).__enter__(),
        lambda box: run(box, "check_permission(None)"),
        lambda box: run(box, "do_privileged(None)"),
    ],
)
def test_none_is_a_type_error_and_no_permission(box, call):
    """jcage M10, J17: checkAccess(null) passed."""
    before = set(Sandboxes.get())

    with pytest.raises(TypeError):
        call(box)

    assert list(box.permissions) == []
    assert set(Sandboxes.get()) == before


# ---- The rest of jcage's defects ------------------------------------------------------------------------------------


def test_code_that_nobody_can_attribute_may_do_nothing():
    """jcage J3, J7: unknown code had AllPermission, and a domain without a location was a null-pointer error."""
    from pycage import manager

    for source in (CodeSource(None), CodeSource("pycage://sandbox/never_made")):
        assert not ProtectionDomain(source, "unknown", manager.POLICY).implies(OP)
        assert not ProtectionDomain(source, "unknown", None).implies(OP)
    assert not manager.NOBODY.implies(OP)
    assert manager.HOST.implies(OP)


def test_sandboxes_are_listed_found_closed_and_their_names_used_again():
    """jcage J4: names and loaders leaked for the life of the process.  M16: a duplicate."""
    registry = Sandboxes.get()
    before = set(registry)
    with Sandbox("life") as first:
        assert registry.find("life") is first
        assert set(registry) - before == {first}
        with pytest.raises(DuplicateSandboxError, match="^life$"):
            Sandbox("life")
    assert registry.find("life") is None
    assert set(registry) == before
    with Sandbox("life") as second:
        assert registry.find("life") is second


def test_the_loader_policy_decides_about_resources(tmp_path):
    """jcage J5, M13: policyAllowsResource was never called."""
    package = tmp_path / "own"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "open.txt").write_text("open")
    (package / "secret.txt").write_text("secret")
    source = "from importlib.resources import files\nfiles('own').joinpath(name).read_text()"
    policy = rules("allow own.*", "allow resource open.txt")

    with Sandbox("resources", resolver=PathResolver(tmp_path), sandbox_policy=policy) as sandbox:
        assert sandbox.run(source, variables={"name": "open.txt"}).value == "open"
        with pytest.raises((AccessDenied, FileNotFoundError)):
            sandbox.run(source, variables={"name": "secret.txt"})


def test_a_rule_that_is_added_after_build_does_not_reach_a_sandbox():
    """jcage J6, M7: the built policy shared its builder's list."""
    builder = SequentialPolicy.builder()
    policy = builder.build()
    with Sandbox("frozen", resolver=MappingResolver({"own": ""}), sandbox_policy=policy) as sandbox:
        builder.add_module_rule("own", pycage.Conclusion.ALLOW)

        with pytest.raises(AccessDenied):
            sandbox.load("own")
    with Sandbox("thawed", resolver=MappingResolver({"own": ""}), sandbox_policy=builder.build()) as sandbox:
        assert sandbox.load("own") is not None


def test_nothing_that_is_shown_while_debugging_raises(box):
    """jcage J8, M9: ProtectionDomain.toString() raised, and the trace of decisions with it."""
    from pycage import manager

    context = run(box, "get_context()")
    unknown = ProtectionDomain(CodeSource(None), "unknown", None)

    things = (box, context, unknown, manager.HOST, manager.NOBODY, box.permissions, get_context())

    shown = [repr(thing) for thing in things]

    assert [type(text) for text in shown] == [str] * len(shown)
    assert 'sandbox "box"' in shown[1]


def test_code_sources_are_compared_as_text():
    """jcage J9: comparing URLs asked the DNS."""
    one = CodeSource("pycage://sandbox/a")

    assert one == CodeSource("pycage://sandbox/a")
    assert one != CodeSource("pycage://SANDBOX/a")
    assert hash(one) == hash(CodeSource("pycage://sandbox/a"))


def test_two_threads_that_load_a_module_define_it_once():
    """jcage J11: a check-then-define race."""
    asked = []
    entered, may_go_on = threading.Event(), threading.Event()

    def find(name):
        asked.append(name)
        entered.set()
        may_go_on.wait(20)
        return "class C: pass"

    with Sandbox("once", resolver=CallableResolver(find)) as sandbox, ThreadPoolExecutor(2) as pool:
        first = pool.submit(sandbox.load, "own")
        assert entered.wait(20)
        second = pool.submit(sandbox.load, "own")
        may_go_on.set()

        assert first.result(20) is second.result(20)
        assert asked == ["own"]


def test_what_a_resolver_meets_is_told_to_the_host_and_not_to_the_sandbox(caplog):
    """jcage J13: the resolver worked with the host's privilege, and its errors were swallowed."""

    def find(name):
        message = "/srv/private/index is damaged"
        raise OSError(message)

    source = "try:\n    import own\nexcept ImportError as error:\n    found = error\nfound"
    with Sandbox("broken", resolver=CallableResolver(find)) as sandbox, caplog.at_level(logging.WARNING, "pycage"):
        told = sandbox.run(source).value

    assert "private" not in str(told)
    assert told.__cause__ is told.__context__ is None
    assert "own" in caplog.text
    assert "/srv/private/index is damaged" in caplog.text


def test_a_resolver_and_a_policy_work_with_the_hosts_privilege_and_the_module_without(tmp_path):
    """jcage section 3: a sandbox needs no permission for its own classes."""
    (tmp_path / "own.py").write_text(f"SOURCE = open({str(tmp_path / 'own.py')!r})\n")

    with Sandbox("reads", resolver=PathResolver(tmp_path)) as sandbox:
        with pytest.raises(AccessDenied) as caught:
            sandbox.load("own")

        assert str(caught.value) == f'access denied ("FilePermission" "{tmp_path}/own.py" "read")'


def test_the_host_cannot_lock_itself_out():
    """jcage J14, M28, M29, M30: setGlobalPermissions(empty) could not even be undone."""
    registry = Sandboxes.get()
    before = registry.default_permissions

    for lost in ([], [OP], [SandboxAdminPermission("x", "setDefaultPermissions")]):
        with pytest.raises(PolicyError):
            registry.set_default_permissions(lost)

        assert registry.default_permissions is before
        assert HOST.op() == "done"


def test_a_restricted_host_can_set_itself_free_again():
    """jcage M28, M29."""
    registry = Sandboxes.get()
    kept = [SandboxAdminPermission("*", "setDefaultPermissions"), SandboxAdminPermission("*", "getSandboxes")]

    registry.set_default_permissions(kept)
    try:
        with denied(OP):
            HOST.op()
        with denied(OP):
            HOST.lent()
    finally:
        registry.set_default_permissions([AllPermission()])

    assert HOST.op() == "done"


@pytest.mark.parametrize("action", ["createSandbox", "setSandboxPermissions"])
def test_all_administration_of_a_sandbox_is_asked_for_under_its_name(box, action: str):
    """jcage J16: one was asked for by name, the other by URL."""
    source = "from pycage import Sandboxes\nSandboxes.get().create('inner').name"
    missing = ({"createSandbox", "setSandboxPermissions"} - {action}).pop()
    box.grant(SandboxAdminPermission("*", "getSandboxes"), SandboxAdminPermission("inner", action))

    with denied(SandboxAdminPermission("inner", missing)):
        box.run(source)
    assert Sandboxes.get().find("inner") is None

    box.grant(SandboxAdminPermission("inner", missing))

    assert box.run(source).value == "inner"
    Sandboxes.get().find("inner").close()


def test_a_dot_in_a_regular_expression_is_a_regex_dot_and_in_a_rule_a_dot():
    """jcage J18, M7c: kept, and documented."""
    resolver = MappingResolver({"aXb": "", "a": "", "a.b": ""})
    regex = SequentialPolicy.builder().add_module_rule("a.b", pycage.Conclusion.ALLOW).build()

    with Sandbox("regex", resolver=resolver, sandbox_policy=regex) as sandbox:
        assert sandbox.load("aXb") is not None
    with Sandbox("plain", resolver=resolver, sandbox_policy=rules("allow a.b", "allow a")) as sandbox:
        assert sandbox.load("a.b") is not None
        with pytest.raises(AccessDenied):
            sandbox.load("aXb")


def test_what_the_standard_library_imports_for_itself_is_not_asked_of_the_loader_policy():
    """jcage J19: a list for Java 8 stopped the same program on Java 17."""
    source = "import json\njson.loads(json.dumps({'a': [1, 2.5]}))"

    with Sandbox("inside", host_policy=rules("allow json")) as sandbox:
        assert sandbox.run(source).value == {"a": [1, 2.5]}
        with pytest.raises(AccessDenied, match="module access denied: re"):
            sandbox.run("import re")


@pytest.mark.parametrize("name", ["", "a b", "a-b", "a.b", "a\n", "²", "½", "‿", "\u0301"])
def test_a_bad_name_is_quoted_and_makes_no_sandbox(name: str):
    """jcage M14, M15."""
    before = set(Sandboxes.get())

    with pytest.raises(PolicyError) as caught:
        Sandbox(name)

    assert repr(name) in str(caught.value)
    assert set(Sandboxes.get()) == before


@pytest.mark.parametrize("name", ["a", "A_1", "_", "é", "١", "中", "Ⅰ"])
def test_a_good_name_makes_one(name: str):
    """jcage M14."""
    with Sandbox(name) as sandbox:
        assert sandbox.url == f"pycage://sandbox/{name}"


def test_a_denied_file_is_not_touched(box, tmp_path):
    """A denial comes before the effect."""
    (tmp_path / "kept.txt").write_text("kept")

    for mode in ("w", "a", "x", "r+"):
        with pytest.raises(AccessDenied):
            box.run("open(path, mode)", variables={"path": str(tmp_path / "kept.txt"), "mode": mode})

    assert os.listdir(tmp_path) == ["kept.txt"]
    assert (tmp_path / "kept.txt").read_text() == "kept"
