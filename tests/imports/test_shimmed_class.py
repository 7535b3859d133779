"""Classes whose methods are shims: the sandbox is on the stack whoever calls them."""

from __future__ import annotations

import pytest
from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.imports.tools import Tools


class Calls:
    def __init__(self):
        self.names = []

    def shim(self, function):
        def stand_in(*args, **kwargs):
            self.names.append(function.__name__)
            return function(*args, **kwargs)

        return stand_in


def make(calls, **more):
    @shimmed(Tools(shim=calls.shim), "standard", **more)
    class Thing:
        __slots__ = ("_real",)

        def __new__(cls, *_args):
            return object.__new__(cls)

        def __init__(self, real):
            write(self, real)

        def show(self):
            return self._inner()

        def _inner(self):
            return read(self)

        @property
        def shown(self):
            return read(self)

        @staticmethod
        def twice(number):
            return 2 * number

        @classmethod
        def named(cls):
            return cls.__name__

        def __len__(self):
            return len(read(self))

    read, write = slot(Thing, "_real")
    return Thing


def test_public_and_special_methods_are_shims_and_private_ones_are_not():
    calls = Calls()

    thing = make(calls)("abc")
    found = thing.show(), thing.shown, thing.twice(2), thing.named(), len(thing), type(thing).__module__

    assert found == ("abc", "abc", 4, "Thing", 3, "standard")
    assert calls.names == ["__new__", "__init__", "show", "shown", "twice", "named", "__len__"]


def test_nothing_is_derived_from_a_sealed_class():
    with pytest.raises(TypeError, match="acceptable base"):
        type("Derived", (make(Calls()),), {})

    assert type("Derived", (make(Calls(), sealed=False),), {})("x").show() == "x"


def test_slots_are_read_and_written_on_objects_of_the_class_only():
    first, second = make(Calls()), make(Calls())

    with pytest.raises(TypeError):
        first.__len__(second("x"))
    with pytest.raises(TypeError):
        first.__init__(second("x"), "y")
    with pytest.raises(TypeError, match="not a slot"):
        slot(first, "show", object)
