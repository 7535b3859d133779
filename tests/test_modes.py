"""Modes: audit mode, a policy on trial, and what no mode lets pass."""

from __future__ import annotations

import pytest
from cast import Role
from pycage import (
    AccessDenied,
    AllPermission,
    EnvPermission,
    FilePermission,
    NativePermission,
    Policy,
    RuntimePermission,
    Sandbox,
    SandboxAdminPermission,
    Sandboxes,
    SecurityPermission,
    SocketPermission,
    check_permission,
    decisions,
    do_privileged,
)
from pycage.modes import NEVER_LET_PASS

HOME = EnvPermission("HOME", "read")
READ_HOME = "import os\nos.environ.get('HOME', 'nothing')"
ASKED = RuntimePermission("moded.x")


@pytest.fixture(autouse=True)
def _home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/x")


def records(outcome: str) -> list[tuple[str, int]]:
    return [(decision.permission, decision.count) for decision in decisions() if decision.outcome == outcome]


def test_audit_mode_allows_what_is_not_granted_and_records_it() -> None:
    with Sandbox("enforced") as sandbox:
        assert "nothing" == sandbox.run(READ_HOME).value
    decisions().clear()

    with Sandbox("audited", mode="audit") as sandbox:
        result = sandbox.run(READ_HOME)
        sandbox.run(READ_HOME)

    assert "/home/x" == result.value
    assert [(str(HOME), 2)] == records("would deny")
    assert [] == decisions().denials()
    (decision,) = [decision for decision in decisions() if decision.outcome == "would deny"]
    assert ("no grant", "audited", True) == (decision.rule, decision.sandbox, decision.granted)
    assert any(entry.domain == 'sandbox "audited"' for entry in decision.chain)


def test_what_is_granted_is_recorded_as_granted_in_audit_mode() -> None:
    with Sandbox("audited", mode="audit", permissions=[HOME]) as sandbox:
        sandbox.run(READ_HOME)

    assert [(str(HOME), 1)] == records("granted")
    assert [] == records("would deny")


def test_a_denial_by_rule_is_let_pass_and_recorded_in_audit_mode() -> None:
    with Sandbox("audited", mode="audit", permissions=[HOME]) as sandbox:
        sandbox.deny(HOME)
        assert "/home/x" == sandbox.run(READ_HOME).value

    assert [(str(HOME), 1)] == records("would deny")


def test_the_mode_can_be_switched_while_the_sandbox_runs() -> None:
    with Sandbox("switched") as sandbox:
        seen = [sandbox.mode, sandbox.run(READ_HOME).value]
        sandbox.set_mode("audit")
        seen += [sandbox.mode, sandbox.run(READ_HOME).value]
        sandbox.set_mode("enforce")
        seen += [sandbox.mode, sandbox.run(READ_HOME).value]

    assert ["enforce", "nothing", "audit", "/home/x", "enforce", "nothing"] == seen


@pytest.mark.parametrize("mode", ["off", "", None, type("Lying", (str,), {"__eq__": lambda *_: True})("x")])
def test_there_are_two_modes(mode) -> None:
    with pytest.raises(ValueError, match="'enforce', 'audit'"):
        Sandbox("moded", mode=mode)
    assert "moded" not in Sandboxes.get()


def test_another_sandbox_on_the_stack_is_not_in_audit_mode() -> None:
    strict = Role("strict")
    audited = Role("audited")
    audited.domain._set_mode("audit")

    audited.call(check_permission, ASKED)
    with pytest.raises(AccessDenied) as denied:
        audited.call(strict.call, check_permission, ASKED)
    assert "strict" == denied.value.domain
    with pytest.raises(AccessDenied) as denied:
        strict.call(audited.call, check_permission, ASKED)
    assert "strict" == denied.value.domain


def test_sandboxed_code_cannot_switch_modes() -> None:
    with Sandbox("switched", mode="audit") as sandbox:
        for attack in ("handle.set_mode('enforce')", "handle.set_audit_policy(None)"):
            with pytest.raises(AccessDenied, match="SandboxAdminPermission"):
                sandbox.run(attack, variables={"handle": sandbox})

        assert "audit" == sandbox.mode


@pytest.mark.parametrize("permission", NEVER_LET_PASS, ids=str)
def test_what_guards_the_interpreter_is_never_let_pass(permission) -> None:
    audited = Role("audited")
    audited.domain._set_mode("audit")

    with pytest.raises(AccessDenied):
        audited.call(check_permission, permission)


@pytest.mark.parametrize(
    "permission",
    [
        AllPermission(),
        SandboxAdminPermission("other", "createSandbox"),
        SecurityPermission("setPolicy"),
        NativePermission("/usr/lib/libm.so.6", "load"),
        NativePermission("libm.so.6", "call"),
        FilePermission("/proc/self/mem", "write"),
        FilePermission("/proc/self/mem", "read,write"),
        FilePermission("<<ALL FILES>>", "write"),
        RuntimePermission("*"),
        RuntimePermission("auditEvent.unheard.of"),
    ],
    ids=str,
)
def test_neither_is_anything_that_has_a_part_of_it(permission) -> None:
    audited = Role("audited")
    audited.domain._set_mode("audit")

    with pytest.raises(AccessDenied):
        audited.call(check_permission, permission)


@pytest.mark.parametrize(
    "permission",
    [
        FilePermission("/etc/passwd", "read"),
        FilePermission("/tmp/x", "write"),
        SocketPermission("example.org:80", "connect"),
        RuntimePermission("exitVM"),
    ],
    ids=str,
)
def test_ordinary_permissions_are_let_pass(permission) -> None:
    audited = Role("audited")
    audited.domain._set_mode("audit")

    audited.call(check_permission, permission)

    assert [(str(permission), 1)] == records("would deny")


def test_reflection_is_refused_in_audit_mode_too() -> None:
    with Sandbox("audited", mode="audit") as sandbox:
        with pytest.raises(AccessDenied):
            sandbox.run("getattr(len, '__se' + 'lf__')")
        with pytest.raises(AccessDenied):
            sandbox.run("import _ctypes")


def test_a_closed_sandbox_has_no_mode() -> None:
    audited = Role("audited")
    audited.domain._set_mode("audit")
    audited.domain._close()

    with pytest.raises(AccessDenied):
        audited.call(check_permission, ASKED)


def test_memory_of_the_core_does_not_hide_what_is_let_pass() -> None:
    audited = Role("audited")
    audited.domain._set_mode("audit")

    for _ in range(5):
        audited.call(check_permission, ASKED)

    assert [(str(ASKED), 5)] == records("would deny")


# ---- A policy on trial -----------------------------------------------------------------------------------------------


def test_a_policy_on_trial_is_recorded_while_another_is_enforced() -> None:
    with Sandbox("tried", permissions=[HOME, EnvPermission("PATH", "read")], audit_policy=[HOME]) as sandbox:
        value = sandbox.run("import os\n[os.environ.get(name, 0) != 0 for name in ('HOME', 'PATH', 'USER')]").value

    assert [True, True, False] == value
    assert ['("EnvPermission" "PATH" "read")'] == [name for name, _ in records("would deny")]
    assert ['("EnvPermission" "USER" "read")'] == [denial.permission for denial in decisions().denials()]


def test_a_trial_sees_what_was_remembered_and_ends() -> None:
    tried = Role("tried", ASKED)
    tried.call(check_permission, ASKED)
    trial = Policy()
    with Sandbox("unused") as sandbox:  # the switch is the same
        sandbox.set_audit_policy(trial)
        sandbox.set_audit_policy(None)
    tried.domain._set_audit_policy(trial)
    from pycage import _core

    _core.advance_epoch()
    tried.call(check_permission, ASKED)
    trial.grant(tried.source, ASKED)
    tried.call(check_permission, ASKED)

    assert [(str(ASKED), 1)] == records("would deny")
    assert [(str(ASKED), 3)] == records("granted")


def test_a_policy_object_with_denials_can_be_on_trial() -> None:
    trial = Policy()
    with Sandbox("tried", permissions=[HOME], audit_policy=trial) as sandbox:
        from pycage import CodeSource

        trial.grant(CodeSource(sandbox.url), EnvPermission("*", "read"))
        sandbox.run(READ_HOME)
        assert [] == records("would deny")
        trial.deny(CodeSource(sandbox.url), HOME)
        sandbox.run(READ_HOME)

    assert [(str(HOME), 1)] == records("would deny")


def test_only_permissions_can_be_put_on_trial() -> None:
    with Sandbox("tried") as sandbox:
        with pytest.raises(TypeError, match="expected permissions"):
            sandbox.set_audit_policy(["read"])


def test_what_a_privileged_host_function_does_is_not_recorded_against_the_sandbox() -> None:
    audited = Role("audited")
    audited.domain._set_mode("audit")
    host = Role(None)

    audited.call(lambda: host.privileged(lambda: check_permission(ASKED)))
    audited.call(lambda: do_privileged(check_permission, ASKED))

    assert [] == records("would deny")
