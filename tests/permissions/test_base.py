"""What all permission types share: arguments, equality, and the limits of the type system."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pycage.permissions import (
    AllPermission,
    BasicPermission,
    EnvPermission,
    FilePermission,
    GrantPermission,
    ImportPermission,
    LinkPermission,
    NativePermission,
    Permission,
    Permissions,
    ProcessPermission,
    PropertyPermission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
    ThreadPermission,
    UnresolvedPermission,
    is_registered,
)

WITH_ACTIONS = {
    EnvPermission: ("HOME", "read"),
    FilePermission: ("/x", "read"),
    GrantPermission: ("FilePermission /x", "read"),
    NativePermission: ("/x", "load"),
    ProcessPermission: ("/x", "execute"),
    PropertyPermission: ("x", "read"),
    SandboxAdminPermission: ("x", "createSandbox"),
    SocketPermission: ("h:80", "connect"),
}
WITHOUT_ACTIONS = {
    ImportPermission: "x",
    LinkPermission: "hard",
    RuntimePermission: "x",
    SecurityPermission: "x",
    ThreadPermission: "x",
}


class Text(str):
    """A str that lies about itself."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("/tmp/allowed")

    def startswith(self, *args: Any) -> bool:
        return True


class Word(enum.StrEnum):
    READ = "read"


def hostile(*_: object, **__: object) -> NoReturn:
    pytest.fail("code of a foreign object ran")


class Trap:
    """Fails the test if anything is done with it."""

    __eq__ = __hash__ = __str__ = __repr__ = __fspath__ = __bool__ = __getattribute__ = hostile  # type: ignore[assignment]


class TrapMeta(type):
    """A metaclass that fails the test if the class is looked at."""

    __eq__ = __hash__ = __repr__ = __getattribute__ = __instancecheck__ = __subclasscheck__ = hostile  # type: ignore[assignment]


@pytest.mark.parametrize("wrong", [None, 1, b"/x", Path("/x"), Text("/x"), Word.READ, ["/x"]])
@pytest.mark.parametrize("kind", WITH_ACTIONS, ids=lambda kind: kind.__name__)
def test_names_and_actions_must_be_exactly_str(kind: Any, wrong: object) -> None:
    """A subclass of str can answer differently each time it is asked; None is V3 of the deviations from Java."""
    name, actions = WITH_ACTIONS[kind]

    with pytest.raises(TypeError, match="name must be a str"):
        kind(wrong, actions)
    with pytest.raises(TypeError, match="actions must be a str"):
        kind(name, wrong)
    assert kind(name, actions).implies(kind(name, actions))


@pytest.mark.parametrize("wrong", [None, 1, b"x", Text("x")])
@pytest.mark.parametrize("kind", WITHOUT_ACTIONS, ids=lambda kind: kind.__name__)
def test_names_of_types_without_actions_must_be_exactly_str(kind: Any, wrong: object) -> None:
    with pytest.raises(TypeError, match="name must be a str"):
        kind(wrong)
    assert kind(WITHOUT_ACTIONS[kind]).implies(kind(WITHOUT_ACTIONS[kind]))


def test_a_path_object_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match=r"FilePermission: the name must be a str, not PosixPath; pass str\(path\)"):
        FilePermission(Path("/x"), "read")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [FilePermission, SocketPermission, RuntimePermission])
def test_nothing_of_a_refused_argument_is_called(kind: Any) -> None:
    with pytest.raises(TypeError, match="not Trap"):
        kind(Trap(), "read")


def test_nothing_of_the_metaclass_of_a_refused_argument_is_called() -> None:
    trap = TrapMeta("Quiet", (), {})

    with pytest.raises(TypeError, match="not Quiet"):
        FilePermission(type.__call__(trap), "read")


@pytest.mark.parametrize("kind", [*WITH_ACTIONS, *WITHOUT_ACTIONS, AllPermission], ids=lambda kind: kind.__name__)
def test_every_built_in_type_is_registered_and_final(kind: type[Permission]) -> None:
    assert is_registered(kind)
    with pytest.raises(TypeError, match="is final"):
        type("Sub", (kind,), {})


def test_the_place_holder_is_final_and_no_type_to_ask_for() -> None:
    assert not is_registered(UnresolvedPermission)
    with pytest.raises(TypeError, match="is final"):
        type("Sub", (UnresolvedPermission,), {})


def test_an_unregistered_type_is_implied_by_nothing_and_can_not_be_granted() -> None:
    class Forged(BasicPermission):
        def implies(self, other: Permission) -> bool:
            hostile()

        def overlaps(self, other: Permission) -> bool:
            hostile()

    forged = Forged("x")

    assert not AllPermission().implies(forged)
    assert not RuntimePermission("*").implies(forged)
    assert not RuntimePermission("*").overlaps(forged)
    assert RuntimePermission("*") == RuntimePermission("*").without(forged)
    with pytest.raises(TypeError, match="Forged"):
        Permissions([AllPermission()]).implies(forged)
    with pytest.raises(TypeError, match="Forged"):
        Permissions([forged])


def test_a_subclass_made_behind_our_back_is_not_asked() -> None:
    """A base in front of ours swallows __init_subclass__, which is why only exact types count."""

    class Swallow:
        def __init_subclass__(cls) -> None:
            pass

    class Forged(Swallow, FilePermission):  # type: ignore[misc]
        def implies(self, other: Permission) -> bool:
            hostile()

        __eq__ = __hash__ = hostile  # type: ignore[assignment]

    forged = object.__new__(Forged)

    assert not FilePermission("/-", "read").implies(forged)
    assert not FilePermission("/-", "read").overlaps(forged)
    assert not AllPermission().implies(forged)
    assert FilePermission("/-", "read") not in [None, RuntimePermission("x")]
    with pytest.raises(TypeError, match="Forged"):
        Permissions([AllPermission(), FilePermission("/-", "read")]).implies(forged)
    with pytest.raises(TypeError, match="Forged"):
        Permissions().add(forged)


def test_asking_for_an_object_with_a_hostile_metaclass_runs_none_of_its_code() -> None:
    trap = type.__call__(TrapMeta("Quiet", (), {}))

    assert not is_registered(type(trap))
    assert not AllPermission().implies(trap)
    assert not FilePermission("/-", "read").implies(trap)
    with pytest.raises(TypeError, match="Quiet"):
        Permissions([AllPermission()]).implies(trap)


def test_a_foreign_object_does_not_get_to_say_that_it_is_equal() -> None:
    class Liar:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    assert FilePermission("/x", "read").__eq__(Liar()) is False
    assert FilePermission("/x", "read") != Liar()


def test_the_same_name_of_two_types_is_not_equal() -> None:
    assert RuntimePermission("x") != SecurityPermission("x")
    assert 2 == len({RuntimePermission("x"), SecurityPermission("x")})


def test_a_permission_shows_how_it_is_made() -> None:
    assert 'FilePermission("/x", "read,write")' == repr(FilePermission("/x", "write,read"))
    assert 'RuntimePermission("x")' == repr(RuntimePermission("x"))
    assert "AllPermission()" == repr(AllPermission())


def test_a_half_made_permission_does_not_decide_anything() -> None:
    """object.__new__ skips the constructor; the error on the way is a denial for whoever asks."""
    half = object.__new__(FilePermission)

    with pytest.raises(AttributeError):
        Permissions([FilePermission("/-", "read")]).implies(half)
    with pytest.raises(AttributeError):
        half.implies(FilePermission("/x", "read"))


def test_types_without_actions_ignore_them() -> None:
    """Source: java.security.BasicPermission; so all types are made alike."""
    assert RuntimePermission("x") == RuntimePermission("x", "read")
    assert "" == RuntimePermission("x", "read").actions


def test_a_surrogate_in_a_file_name_is_kept() -> None:
    name = os.fsdecode(b"/x/\xff")

    assert name == FilePermission(name, "read").name
    assert FilePermission("/x/*", "read").implies(FilePermission(name, "read"))
