"""`ProcessPermission`: programs, `fork`, and signals."""

from __future__ import annotations

import pytest

from pycage.permissions import Permissions, ProcessPermission, parse


def execute(name: str) -> ProcessPermission:
    return ProcessPermission(name, "execute")


def signal(name: str) -> ProcessPermission:
    return ProcessPermission(name, "signal")


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("/usr/bin/*", "/usr/bin/ls"),
        ("/usr/-", "/usr/bin/ls"),
        ("/usr/bin/ls", "/usr//bin/./ls"),
        ("<<ALL FILES>>", "ls"),
        ("<<ALL FILES>>", "fork"),
        ("*", "/usr/bin/ls"),
        ("*", "fork"),
        ("ls", "./ls"),
    ],
)
def test_a_program_is_granted_by_its_path(grant: str, request_name: str) -> None:
    assert execute(grant).implies(execute(request_name))


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("/usr/bin/*", "/usr/bin/../../tmp/evil"),
        ("/usr/bin/*", "ls"),
        ("/usr/bin/ls", "ls"),
        ("ls", "/tmp/ls"),
        ("/-", "fork"),
        ("fork", "./fork"),
        ("fork", "fork/x"),
        ("./fork", "fork"),
        ("-", "fork"),
    ],
)
def test_another_program_is_not(grant: str, request_name: str) -> None:
    assert not execute(grant).implies(execute(request_name))


def test_who_may_fork_may_not_start_a_program_of_that_name() -> None:
    """A program without a slash is looked for along PATH, which a guest may have set."""
    assert execute("fork").implies(execute("fork"))
    assert not execute("fork").implies(ProcessPermission.program("fork"))


@pytest.mark.parametrize("name", ["fork", "*", "<<ALL FILES>>", "/tmp/*", "/tmp/-", "-", "/bin/ls", "ls"])
def test_a_program_is_never_a_pattern_or_an_operation(name: str) -> None:
    program = ProcessPermission.program(name)

    assert not program.implies(execute("/tmp/x"))
    assert not program.implies(execute("fork"))
    assert not program.implies(execute("*"))
    assert program == parse(str(program))
    assert execute("<<ALL FILES>>").implies(program)


def test_a_process_is_signalled_by_its_number() -> None:
    assert signal("42").implies(signal("42"))
    assert signal("*").implies(signal("42"))
    assert not signal("42").implies(signal("43"))
    assert not signal("42").implies(signal("*"))
    assert not signal("42").implies(signal("-42"))
    assert not signal("1").implies(signal("-1"))


@pytest.mark.parametrize("name", ["", "042", "4x2", "+42", "-0", "/bin/ls", "fork", "<<ALL FILES>>", "٤٢", "1 "])
def test_only_a_number_can_be_signalled(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be signalled"):
        signal(name)


def test_executing_is_not_signalling() -> None:
    assert not execute("*").implies(signal("42"))
    assert not execute("42").implies(signal("42"))
    assert not signal("*").implies(execute("42"))
    assert ProcessPermission("*", "signal,execute").implies(signal("42"))
    assert ProcessPermission("*", "signal,execute").implies(execute("/bin/ls"))


def test_programs_and_processes_are_not_named_together() -> None:
    with pytest.raises(ValueError, match="a permission of their own"):
        ProcessPermission("42", "execute,signal")


@pytest.mark.parametrize("name", ["", "/bin/\0ls"])
def test_a_name_that_no_program_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^ProcessPermission: "):
        execute(name)


def test_everything_by_two_names_is_kept_as_it_was_given() -> None:
    """<<ALL FILES>> cannot be signalled, so these two cannot be merged into one permission."""
    held = Permissions([execute("<<ALL FILES>>"), signal("*")])

    assert 2 == len(held)
    assert held.implies(ProcessPermission("*", "execute,signal"))


def test_a_program_checks_its_argument() -> None:
    with pytest.raises(TypeError, match="name must be a str"):
        ProcessPermission.program(None)  # type: ignore[arg-type]
