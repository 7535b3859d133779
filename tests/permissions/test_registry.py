"""Registering permission types."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from pycage.permissions import (
    ActionPermission,
    ActionTable,
    AllPermission,
    BasicPermission,
    FilePermission,
    Permission,
    Permissions,
    RuntimePermission,
    UnresolvedPermission,
    parse,
    registered_types,
)
from pycage.permissions.base import set_field
from pycage.permissions.names import DottedName
from pycage.permissions.registry import is_registered, lookup, register_unchecked


@register_unchecked
class PrinterPermission(BasicPermission):
    """A host's own type, as simple as they come."""


@register_unchecked
@attrs.frozen(eq=False, repr=False)
class QueuePermission(ActionPermission):
    """A host's own type with actions."""

    ACTIONS = ActionTable("put", "get")

    _queue: DottedName = attrs.field(init=False)

    def _prepare_name(self) -> DottedName:
        set_field(self, "_queue", DottedName.parse(self.name))
        return self._queue

    def _covers_name(self, other: QueuePermission) -> bool:
        return self._queue.covers(other._queue)


def test_a_registered_type_can_be_granted_asked_for_and_parsed() -> None:
    held = Permissions([PrinterPermission("laser.*")])

    assert held.implies(PrinterPermission("laser.1"))
    assert not held.implies(PrinterPermission("ink.1"))
    assert not held.implies(RuntimePermission("laser.1"))
    assert AllPermission().implies(PrinterPermission("ink.1"))
    assert PrinterPermission("laser.1") == parse('("PrinterPermission" "laser.1")')


def test_a_type_of_ones_own_adds_up_actions() -> None:
    held = Permissions([QueuePermission("a.*", "put"), QueuePermission("a.b", "get")])

    assert held.implies(QueuePermission("a.b", "get,put"))
    assert not held.implies(QueuePermission("a.c", "get,put"))
    assert QueuePermission("a.b", "put") == QueuePermission("a.b", "put,get").without(QueuePermission("*", "get"))


def test_a_permission_of_a_plain_subclass_cannot_be_changed() -> None:
    permission = PrinterPermission("laser.1")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        permission.name = "*"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        permission._dotted = DottedName("", wildcard=True)  # type: ignore[misc]


def test_registering_the_same_class_again_changes_nothing() -> None:
    before = dict(registered_types())

    assert PrinterPermission is register_unchecked(PrinterPermission)
    assert before == dict(registered_types())


def test_a_registered_type_cannot_be_subclassed() -> None:
    with pytest.raises(TypeError, match="PrinterPermission is final"):
        type("Better", (PrinterPermission,), {})


@pytest.mark.parametrize("name", ["FilePermission", "PrinterPermission", "AllPermission"])
def test_a_taken_name_is_refused(name: str) -> None:
    taker = type(name, (BasicPermission,), {})
    before = lookup(name)

    with pytest.raises(ValueError, match="registered already"):
        register_unchecked(taker)
    assert before is lookup(name)
    assert not is_registered(taker)


@pytest.mark.parametrize("name", ["UnresolvedPermission", "unresolved", "Permission", "BasicPermission", "a b", ""])
def test_a_name_that_would_not_parse_back_is_refused(name: str) -> None:
    kind = type(name, (BasicPermission,), {})

    with pytest.raises((ValueError, TypeError)):
        register_unchecked(kind)
    assert not is_registered(kind)


def test_bases_and_other_classes_are_refused() -> None:
    for wrong in (Permission, BasicPermission, ActionPermission, UnresolvedPermission, int, object):
        with pytest.raises((TypeError, ValueError)):
            register_unchecked(wrong)  # type: ignore[type-var]
        assert not is_registered(wrong)


@pytest.mark.parametrize("wrong", [None, "FilePermission", FilePermission("/x", "read")])
def test_only_classes_are_registered(wrong: Any) -> None:
    with pytest.raises(TypeError, match="plain class"):
        register_unchecked(wrong)


def test_a_class_with_a_metaclass_is_refused() -> None:
    """Its metaclass could answer for it wherever the type is compared or hashed."""

    class Meta(type):
        pass

    with pytest.raises(TypeError, match="without a metaclass"):
        register_unchecked(Meta("MetaPermission", (BasicPermission,), {}))


def test_a_type_does_not_choose_what_is_equal() -> None:
    """Decisions are cached by permission; a type that calls all of them equal would get one answer for all."""

    class EqualPermission(BasicPermission):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = BasicPermission.__hash__

    with pytest.raises(TypeError, match="__eq__ or __hash__"):
        register_unchecked(EqualPermission)


def test_a_type_must_say_what_it_implies() -> None:
    class SilentPermission(Permission):
        pass

    with pytest.raises(TypeError, match="does not define implies"):
        register_unchecked(SilentPermission)


def test_a_type_with_actions_must_say_what_its_name_means() -> None:
    class VaguePermission(ActionPermission):
        ACTIONS = ActionTable("use")

    with pytest.raises(NotImplementedError):
        VaguePermission("x", "use")


def test_a_type_with_subclasses_is_refused() -> None:
    class ParentPermission(BasicPermission):
        pass

    class ChildPermission(ParentPermission):
        pass

    with pytest.raises(TypeError, match="has subclasses"):
        register_unchecked(ParentPermission)
    assert ChildPermission is register_unchecked(ChildPermission)


def test_the_table_of_types_cannot_be_written() -> None:
    types: Any = registered_types()

    with pytest.raises(TypeError):
        types["FilePermission"] = PrinterPermission
    with pytest.raises(AttributeError):
        types.clear()
    assert FilePermission is registered_types()["FilePermission"]


def test_a_snapshot_of_the_table_does_not_grow() -> None:
    before = registered_types()

    @register_unchecked
    class LaterPermission(BasicPermission):
        pass

    assert "LaterPermission" not in before
    assert LaterPermission is registered_types()["LaterPermission"]
