"""What a denial says: two lines, and the grant that it names is enough."""

from __future__ import annotations

import os
import traceback

import pycage
import pytest
from cast import Role
from pycage import (
    AccessDenied,
    AllPermission,
    EnvPermission,
    FilePermission,
    MappingResolver,
    RuntimePermission,
    Sandbox,
    SandboxAdminPermission,
    SocketPermission,
    check_permission,
    decisions,
    do_privileged,
    manager,
    privileged,
)

ASKED = RuntimePermission("advised.x")
HOST = Role(None)
NAMES = {
    "FilePermission": FilePermission,
    "RuntimePermission": RuntimePermission,
    "SocketPermission": SocketPermission,
    "EnvPermission": EnvPermission,
}


def advice(denied: AccessDenied) -> str:
    _, line = denied.__notes__
    return line


def follow(denied: AccessDenied, sandbox: object) -> None:
    """Do what the second line says."""
    call = advice(denied).removeprefix("to allow it: ").partition(", or ")[0]
    assert call.startswith("sandbox.grant(")
    eval(call, {"sandbox": sandbox, **NAMES})


@pytest.fixture
def box() -> Role:
    return Role("box")


# ---- The grant is exact ----------------------------------------------------------------------------------------------


def test_the_grant_of_a_file_is_exact(tmp_path) -> None:
    (tmp_path / "a b").write_text("text")
    with Sandbox("advised") as sandbox:
        with pytest.raises(AccessDenied) as denied:
            sandbox.run(f"open({str(tmp_path / 'a b')!r})")
        follow(denied.value, sandbox)

        assert "text" == sandbox.run(f"import pathlib; pathlib.Path({str(tmp_path / 'a b')!r}).read_text()").value


@pytest.mark.parametrize("name_is_granted", [False, True])
def test_the_grant_of_a_link_is_that_of_what_it_leads_to(tmp_path, name_is_granted) -> None:
    (tmp_path / "real").write_text("text")
    (tmp_path / "link").symlink_to("real")
    program = f"import pathlib; pathlib.Path({str(tmp_path / 'link')!r}).read_text()"
    permissions = [FilePermission(str(tmp_path / "link"), "read")] if name_is_granted else []
    with Sandbox("advised", permissions=permissions) as sandbox:
        with pytest.raises(AccessDenied) as denied:
            sandbox.run(program)
        follow(denied.value, sandbox)

        assert "text" == sandbox.run(program).value
    assert str(tmp_path / "real") in decisions().denials()[0].reason


def test_a_sandbox_is_not_told_where_a_link_leads(tmp_path) -> None:
    (tmp_path / "secret").write_text("text")
    (tmp_path / "link").symlink_to("secret")
    program = f"""
try:
    open({str(tmp_path / "link")!r})
except OSError as denied:
    import traceback
    told = [*denied.__notes__, *traceback.format_exception(denied), str(denied), repr(denied), str(denied.chain)]
    kept = denied
"""
    with Sandbox("advised", permissions=[FilePermission(str(tmp_path / "link"), "read")]) as sandbox:
        sandbox.run(program + "told", variables={})
        value = sandbox.run(program + "told, kept").value

        told, kept = value
        assert "secret" not in "".join(told)
        assert "link" in "".join(told)
        assert "secret" in advice(kept)
        assert "secret" in "".join(traceback.format_exception(kept))
        kept.add_note("mine")
        # Nor after the host has read it.
        again = sandbox.run("' '.join(kept.__notes__)", variables={"kept": kept}).value
        assert "secret" not in again
        assert "mine" in again
    assert "secret" in advice_and_more(kept)


def advice_and_more(denied: AccessDenied) -> str:
    return denied.__notes__[1]


def test_a_note_is_text(box: Role) -> None:
    with pytest.raises(AccessDenied) as denied:
        box.call(check_permission, ASKED)

    with pytest.raises(TypeError, match="note must be a str, not 'int'"):
        denied.value.add_note(1)


def test_the_grant_of_a_relative_path_names_the_file_that_was_meant(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_text("text")
    with Sandbox("advised") as sandbox:
        with pytest.raises(AccessDenied) as denied:
            sandbox.run("open('data')")
        monkeypatch.chdir("/")
        follow(denied.value, sandbox)
        monkeypatch.chdir(tmp_path)

        assert "text" == sandbox.run("import pathlib; pathlib.Path('data').read_text()").value


def test_the_grant_of_a_connection_is_exact() -> None:
    program = "import socket\ntry: socket.create_connection(('localhost', 1))\nexcept ConnectionRefusedError: 'tried'"
    program = program.replace("'tried'", "print('tried')")
    with Sandbox("advised") as sandbox:
        for _ in range(4):  # the look-up, and each address
            try:
                output = sandbox.run(program).stdout
                break
            except AccessDenied as denied:
                follow(denied, sandbox)

    assert "tried\n" == output


def test_the_host_may_add_notes_of_its_own_and_keeps_them(box: Role) -> None:
    with pytest.raises(AccessDenied) as denied:
        box.call(check_permission, ASKED)
    error = denied.value
    error.add_note("mine")

    assert 3 == len(error.__notes__)
    assert "mine" == error.__notes__[-1]
    error.__notes__ = []
    assert [] == error.__notes__
    del error.__notes__
    assert not hasattr(error, "__notes__")


# ---- Where no grant helps --------------------------------------------------------------------------------------------


def test_a_denial_by_rule_says_that_no_grant_helps(box: Role) -> None:
    manager.POLICY.grant(box.source, ASKED)
    manager.POLICY.deny(box.source, RuntimePermission("advised.*"))

    with pytest.raises(AccessDenied) as denied:
        box.call(check_permission, ASKED)

    assert 'no grant would allow it: a denial forbids it: deny RuntimePermission("advised.*")' == advice(denied.value)


def test_a_sandbox_is_not_told_which_rule_forbids_it() -> None:
    program = "try: open('/srv/x')\nexcept OSError as denied: told = denied.__notes__[:]\ntold"
    with Sandbox("advised") as sandbox:
        sandbox.deny(FilePermission("/srv/-", "read,write"))
        told = sandbox.run(program).value

    assert "no grant would allow it: a denial forbids it" == told[1]


def test_a_closed_sandbox_says_so(box: Role) -> None:
    box.domain._close()

    with pytest.raises(AccessDenied) as denied:
        box.call(check_permission, ASKED)

    assert "nothing would allow it: box is closed" == advice(denied.value)


def test_a_restricted_host_is_sent_to_its_default_permissions() -> None:
    manager.set_default_permissions(
        [SandboxAdminPermission("*", "setDefaultPermissions"), SandboxAdminPermission("*", "getSandboxes")]
    )
    try:
        with pytest.raises(AccessDenied) as denied:
            check_permission(ASKED)
    finally:
        manager.set_default_permissions([AllPermission()])

    assert "set_default_permissions" in advice(denied.value)


# ---- A missing do_privileged -----------------------------------------------------------------------------------------


def save() -> None:
    check_permission(ASKED)


@privileged(limit=[RuntimePermission("other")])
def lend_other() -> None:
    save()


def test_a_host_function_that_could_lend_it_is_named() -> None:
    with Sandbox("advised") as sandbox:
        sandbox.expose("save", save)
        with pytest.raises(AccessDenied) as denied:
            sandbox.run("from host import save\nsave()")

    assert (
        'to allow it: sandbox.grant(RuntimePermission("advised.x")), '
        'or do_privileged in host function save, which does it for sandbox "advised"'
    ) == advice(denied.value)
    assert denied.value.__notes__[0].startswith('refused by sandbox "advised": <module> line 2')


def test_what_it_says_of_do_privileged_is_true() -> None:
    def lend() -> None:
        do_privileged(save)

    with Sandbox("advised") as sandbox:
        sandbox.expose("save", lend)
        sandbox.run("from host import save\nsave()")


def test_a_limit_that_does_not_cover_it_is_named() -> None:
    def limited() -> None:
        do_privileged(save, limit=[RuntimePermission("other")])

    with Sandbox("advised") as sandbox:
        sandbox.expose("save", limited)
        with pytest.raises(AccessDenied) as denied:
            sandbox.run("from host import save\nsave()")

    assert "whose limit does not cover it" in advice(denied.value)
    assert ".limited lends with do_privileged" in advice(denied.value)


def test_nobody_is_told_to_change_what_the_sandbox_did_itself() -> None:
    with Sandbox("advised") as sandbox:
        with pytest.raises(AccessDenied) as denied:
            sandbox.run("import os\nos.listdir('/etc')")

    assert 'to allow it: sandbox.grant(FilePermission("/etc", "read"))' == advice(denied.value)


def test_nobody_is_told_to_change_the_standard_library(box: Role) -> None:
    with pytest.raises(AccessDenied) as denied:
        box.call(os.makedirs, "/etc/nowhere/x")

    assert ", or" not in advice(denied.value)


def test_nobody_is_told_to_change_pycage_native() -> None:
    with Sandbox("caller") as sandbox, pytest.raises(AccessDenied) as raised:
        sandbox.run("import ctypes; ctypes.CDLL('libm.so.6')")

    assert raised.value.__notes__[-1].startswith("to allow it: sandbox.grant(NativePermission(")
    assert "do_privileged" not in raised.value.__notes__[-1]


def test_another_sandbox_that_could_lend_it_is_named(box: Role) -> None:
    helper = Role("helper", ASKED)

    with pytest.raises(AccessDenied) as denied:
        box.call(helper.call, check_permission, ASKED)

    assert advice(denied.value).endswith(", or do_privileged in helper function call, which does it for box")


def test_a_function_that_lacks_it_itself_cannot_lend_it(box: Role) -> None:
    helper = Role("helper", ASKED)
    manager.POLICY.deny(helper.source, RuntimePermission("unrelated"))
    with pytest.raises(AccessDenied) as denied:
        helper.call(box.call, check_permission, ASKED)

    assert "box" == denied.value.domain
    assert ", or" not in advice(denied.value)


def test_a_library_names_its_own_handle() -> None:
    from pycage.codesource import CodeSource
    from pycage.domains import ProtectionDomain

    library = ProtectionDomain(CodeSource("pycage://native/x"), 'library "x"', manager.POLICY, handle="library")
    with pytest.raises(AccessDenied) as denied:
        pycage.access.context_of_domain(library).check_permission(ASKED)

    assert 'to allow it: library.grant(RuntimePermission("advised.x"))' == advice(denied.value)
