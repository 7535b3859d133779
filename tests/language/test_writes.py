"""Assigning and deleting attributes."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def test_own_objects_classes_and_functions_can_be_changed_in_every_form(honest: Callable[..., None]) -> None:
    honest("""
import contextlib
class C:
    def __init__(self):
        self.a: int = 1
        self.b, (self.c, *self.d) = 2, (3, 4, 5)
        self.a += 10
        self.e = {'k': 1}
        self.e['k'] += 1
        for self.f in range(3): pass
        with contextlib.nullcontext('g') as self.g: pass
        [None for self.h in 'xy']
        self.z = 0
        del self.z
        setattr(self, 'i', 9)
        object.__setattr__(self, 'j', 10)
        super().__setattr__('k', 11)
        self.__setattr__('l', 12)
        self.m = 1
        delattr(self, 'm')
c = C()
C.made = 1
C.__len__ = lambda self: 7
def function(): function.calls += 1
function.calls = 0
function()
result = sorted(vars(c).items(), key=str), C.made, len(c), function.calls
""")


def test_descriptors_and_slots_and_hooks_work(honest: Callable[..., None]) -> None:
    honest("""
class D:
    def __set_name__(self, owner, name): owner.seen = name; self.name = '_' + name
    def __get__(self, obj, owner=None): return getattr(obj, self.name, None)
    def __set__(self, obj, value): setattr(obj, self.name, value)
class Base:
    registry = []
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        cls.tag = cls.__name__
        Base.registry.append(cls.__name__)
class C(Base):
    d = D()
class Slim:
    __slots__ = ('a',)
    def __init__(self): self.a = 1
c = C(); c.d = 5
class Strict:
    def __setattr__(self, name, value): object.__setattr__(self, name, value * 2)
s = Strict(); s.x = 4
class Kept:
    __setattr__ = object.__setattr__
k = Kept(); k.x = 3
result = c.d, C.seen, C.tag, Base.registry, Slim().a, s.x, k.x
""")


def test_a_simple_namespace_is_a_container_like_a_dict(honest: Callable[..., None]) -> None:
    honest("n.x = 1\nn.x += 1\ndef f(n):\n    n.y = 2\n    n.y += 1\nf(n)\nresult = n", n=types.SimpleNamespace())


@pytest.mark.parametrize(
    "statement",
    [
        "host.mode = 'owned'",
        "host.mode += 'owned'",
        "host.mode: str = 'owned'",
        "host.mode, x = 'owned', 1",
        "[None for host.mode in ['owned']]",
        "for host.mode in ['owned']: pass",
        "(lambda h: [None for h.mode in ['owned']])(host)",
        "setattr(host, 'mode', 'owned')",
        "list(map(setattr, [host], ['mode'], ['owned']))",
        "object.__setattr__(host, 'mode', 'owned')",
        "host.__setattr__('mode', 'owned')",
        "type(host).__setattr__(host, 'mode', 'owned')",
        "super(Host, host).__setattr__('mode', 'owned')",
        "host.__init__('owned')",
        "Host.__init__(host, 'owned')",
        "host.__dict__['mode'] = 'owned'",
        "host.__dict__ = {'mode': 'owned'}",
        "object.__getattribute__(host, '__dict__')['mode'] = 'owned'",
        "def f(h):\n    h.mode = 'x'\n    h.mode = 'owned'\nf(host)",
    ],
)
def test_an_object_of_the_host_is_not_changed(attack: Callable[..., None], statement: str) -> None:
    attack(f"{statement}\nescaped = 'owned' in host.mode")


@pytest.mark.parametrize(
    "statement",
    [
        "Host.call = lambda self, f: 'owned'",
        "setattr(Host, 'call', lambda self, f: 'owned')",
        "type.__setattr__(Host, 'call', lambda self, f: 'owned')",
        "type(Host).__setattr__(Host, 'call', lambda self, f: 'owned')",
        "class Evil(Host):\n    def call(self, f): return 'owned'\nhost.__class__ = Evil",
        "class Evil(Host):\n    def call(self, f): return 'owned'\nsetattr(host, '__class__', Evil)",
        "class Evil(Host):\n    def call(self, f): return 'owned'\nobject.__setattr__(host, '__class__', Evil)",
        "class M(type): pass\nclass C(metaclass=lambda *a: Host): pass\nC.call = lambda self, f: 'owned'",
    ],
)
def test_a_class_of_the_host_is_not_changed(attack: Callable[..., None], statement: str) -> None:
    attack(f"{statement}\nescaped = host.call(len) == 'owned'")


def test_an_attribute_of_the_host_is_not_deleted(attack: Callable[..., None]) -> None:
    attack("del host.mode\nescaped = not hasattr(host, 'mode')")
    attack("delattr(host, 'mode')\nescaped = not hasattr(host, 'mode')")
    attack("object.__delattr__(host, 'mode')\nescaped = not hasattr(host, 'mode')")


def test_a_method_kept_in_an_own_class_is_still_judged_by_its_target(attack: Callable[..., None]) -> None:
    attack("class K:\n    put = object.__setattr__\nK.put(host, 'mode', 'owned')\nescaped = host.mode == 'owned'")


def test_a_function_of_the_host_is_not_changed(attack: Callable[..., None]) -> None:
    def function(x: int = 1) -> int:
        return x

    attack("function.__defaults__ = (2,)\nescaped = function() == 2", function=function)


def test_the_code_of_an_own_function_is_not_replaced(attack: Callable[..., None]) -> None:
    attack("def f(): pass\ndef g(): return 1\nf.__code__ = g.__code__\nescaped = f()")


def test_the_type_of_a_name_is_judged_not_what_it_says(attack: Callable[..., None]) -> None:
    attack(
        "class Text(str): pass\nsetattr(host, Text('mode'), 'owned')\nescaped = host.mode == 'owned'",
        otherwise=(TypeError,),
    )


def test_objects_that_take_no_attributes_say_so_themselves(honest: Callable[..., None]) -> None:
    honest("""
texts = []
def tell(function, *args):
    try: function(*args)
    except AttributeError as error: texts.append(str(error))
def store(x): x.a = 1
def loop(all):
    for x in all:
        try: x.a = 1; x.b = 2
        except AttributeError as error: texts.append(str(error))
def add(x): x.a += 1
def read(x): return x._a
def augment(x): x._a += 1
def delete(x): del x.a
values = [None, 1, True, 'a', 1.5, (), [], {}, set(), frozenset(), b'', 1j]
for value in values:
    for function in store, add, read, augment, delete: tell(function, value)
    tell(setattr, value, 'a', 1)
    tell(delattr, value, 'a')
loop(values)
result = texts
""")


@pytest.mark.parametrize("name", ["__class__", "__self__"])
def test_but_not_everything_can_be_tried_on_them(attack: Callable[..., None], name: str) -> None:
    attack(f"try: setattr(1, '{name}', 1)\nexcept (AttributeError, TypeError): escaped = True")


@pytest.mark.parametrize("name", ["__reduce__", "__getstate__", "__class__", "__subclasshook__"])
def test_their_special_names_are_judged_as_before(attack: Callable[..., None], name: str) -> None:
    attack(f"def f(x):\n    return x.{name}\nescaped = f(1) is not None")
