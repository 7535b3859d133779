"""Functions of the host that dispatch: sandboxed code calls them, and cannot add to them (corpus D121)."""

from __future__ import annotations

import functools
import itertools

import pytest
from pycage import AccessDenied, Sandbox

_numbers = itertools.count()


class Shapes:
    @functools.singledispatchmethod
    def area(self, shape):
        return "host"


@pytest.fixture
def host():
    @functools.singledispatch
    def dispatching(value):
        return "host"

    class Bound:
        describe = dispatching

    return {"dispatching": dispatching, "bound": Bound(), "shapes": Shapes()}


ATTACKS = [
    "dispatching.register(int)(lambda value: 'evil')",
    "dispatching.register(int, lambda value: 'evil')",
    "getattr(dispatching, 'register')(int, lambda value: 'evil')",
    "class C: pass\ndispatching.register(C)(lambda value: 'evil')",
    "dispatching.registry",
    "getattr(dispatching, 'registry')",
    "bound.describe.register(int)(lambda value: 'evil')",
    "bound.describe.registry",
    "shapes.area.register(int)(lambda value: 'evil')",
    "dispatching._clear_cache()",
    "from operator import attrgetter\nattrgetter('register')(dispatching)",
    "from operator import methodcaller\nmethodcaller('register', int)(dispatching)",
    "match dispatching:\n    case object(register=r): r(int, lambda value: 'evil')",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_sandbox_cannot_add_to_a_dispatching_function_of_the_host(host: dict[str, object], attack: str) -> None:
    with Sandbox(f"dispatchers_{next(_numbers)}") as sandbox:
        with pytest.raises((AccessDenied, SyntaxError)):
            sandbox.run(attack, variables=host)

    assert host["dispatching"](1) == host["shapes"].area(1) == "host"
    assert set(host["dispatching"].registry) == {object}


def test_a_dispatching_function_made_of_one_of_the_hosts_is_the_sandboxs(host: dict[str, object]) -> None:
    source = """
from functools import singledispatch, update_wrapper
mine = singledispatch(dispatching)
mine.register(int)(lambda value: 'mine')
mine(1), mine('x')
"""
    with Sandbox(f"dispatchers_{next(_numbers)}") as sandbox:
        assert sandbox.run(source, variables=host).value == ("mine", "host")

    assert set(host["dispatching"].registry) == {object}


def test_a_sandbox_calls_dispatching_functions_of_the_host(host: dict[str, object]) -> None:
    with Sandbox(f"dispatchers_{next(_numbers)}") as sandbox:
        assert sandbox.run("dispatching(1), shapes.area(1)", variables=host).value == ("host", "host")


def test_registers_of_own_objects_and_functions_are_ordinary_attributes() -> None:
    source = """
from functools import singledispatch
from abc import ABC
class Plugins(ABC):
    registry = {}
    @classmethod
    def register_it(cls, name):
        cls.registry[name] = cls
Plugins.register_it('a')
class Bus:
    def __init__(self):
        self.registry = []
        self.registry += [1]
    def register(self, one):
        self.registry.append(one)
        return one
bus = Bus()
bus.register(2)
def f(): pass
f.registry = {'x': 1}
f.registry['y'] = 2
f.register = len
@singledispatch
def g(value):
    '''Say what it is.'''
    return 'any'
@g.register
def _(value: int):
    return 'int'
@g.register(str)
def _(value):
    return 'str'
sorted(Plugins.registry), bus.registry, f.registry, f.register('abc'), [g(1), g('x'), g(None)], len(g.registry), (
    g.dispatch(bool)(1), g.__name__, g.__doc__)
"""
    with Sandbox(f"dispatchers_{next(_numbers)}") as sandbox:
        value = sandbox.run(source).value

    assert value == (
        ["a"],
        [1, 2],
        {"x": 1, "y": 2},
        3,
        ["int", "str", "any"],
        3,
        ("int", "g", "Say what it is."),
    )
