"""match statements: class patterns read attributes without an Attribute node."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from pycage.errors import AccessDenied, RestrictedSyntaxError
from pycage.language import transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cage


def test_every_form_of_pattern_means_what_it_means(honest: Callable[..., None]) -> None:
    honest(
        """
@dataclass
class P:
    x: int
    y: int
class Sub(int): pass
class Meta(type): pass
class Q(metaclass=Meta):
    __match_args__ = ('z',)
    def __init__(self, z): self.z = z
def f(v):
    match v:
        case Sub(n): return 'sub', n
        case bool(b): return 'bool', b
        case int(n) if n < 0: return 'negative', n
        case 0 | 1: return 'small'
        case str() as s: return s
        case [P(x, 0), *rest]: return x, len(rest)
        case {'p': P(x=x, y=y), **rest}: return x, y, rest
        case P(0, y): return 'axis', y
        case P(x, y) | [x, y]: return x, y
        case Q(z=1) | Q(2): return 'q'
        case None: return 'none'
        case _: return 'other'
result = [f(v) for v in (
    Sub(3), True, -5, 0, 'hi', [P(1, 0), 2], {'p': P(1, 2), 'q': 3}, P(0, 3), P(4, 5), [6, 7], Q(1), Q(2), Q(3), None, 2.5,
)]
""",
        dataclass=dataclasses.dataclass,
    )


def test_a_match_leaves_no_name_behind(honest: Callable[..., None]) -> None:
    honest("""
class P:
    __match_args__ = ('x',)
    x = 1
def f():
    match P():
        case P(x): pass
    return sorted(locals())
match P():
    case P(y): pass
result = f(), y, [name for name in globals() if name.startswith('.')]
""")


def test_positional_patterns_reach_as_far_as_the_names_are_public(honest: Callable[..., None]) -> None:
    honest("""
class P:
    __match_args__ = ('x', 'y', '_z')
    def __init__(self): self.x, self.y, self._z = 1, 2, 3
match P():
    case P(a, b): result = a, b
""")


def test_a_positional_pattern_cannot_go_beyond_the_public_names(attack: Callable[..., None]) -> None:
    attack(
        """
class M(type):
    def __instancecheck__(cls, instance): return True
class Any(metaclass=M): __match_args__ = ('mode', '_secret')
match host:
    case Any(_, g): escaped = g
""",
        otherwise=(TypeError,),
    )


def test_a_private_name_in_front_is_refused_with_a_reason(cage) -> None:
    with pytest.raises(AccessDenied, match='"_x" in a class pattern'):
        cage.run("""
class P:
    __match_args__ = ('_x', 'y')
    def __init__(self): self._x, self.y = 1, 2
match P():
    case P(a, b): pass
""")


@pytest.mark.parametrize("name", ["gi_frame", "__class__", "__globals__", "_private", "obj", "format"])
def test_a_pattern_may_not_name_an_attribute_that_needs_judgement(name: str) -> None:
    with pytest.raises(RestrictedSyntaxError):
        transform(f"match x:\n    case object({name}=y): pass", "plugin.py")


_STEAL = "match host.call:\n    case Any(g):\n        escaped = g"


@pytest.mark.parametrize(
    "definition",
    [
        "class Any(metaclass=M): __match_args__ = ('__globals__',)",
        "class Any(metaclass=M): __match_args__ = ['__glo' + 'bals__']\nAny = N('Any', (), {'__match_args__': ('__globals__',)})",
        "class Any(metaclass=M): __match_args__ = property(lambda self: 1)\nAny.__match_args__ = ('__globals__',)",
        "class Any(metaclass=M): pass\nsetattr(Any, '__match_args__', ('__globals__',))",
        "Any = (lambda t: t)(M)('Any', (), {'__match_args__': ('__globals__',)})",
        "class K(M):\n    __match_args__ = property(lambda cls: ('__globals__',))\nclass Any(metaclass=K): pass",
        "class K(M):\n    def __getattr__(cls, name): return ('__globals__',)\nclass Any(metaclass=K): pass",
        "class K(M):\n    def __getattribute__(cls, name):\n"
        "        return ('__globals__',) if name == '__match_args__' else super().__getattribute__(name)\n"
        "class Any(metaclass=K): pass",
    ],
)
def test_match_args_of_any_origin_cannot_name_what_may_not_be_read(
    attack: Callable[..., None], definition: str
) -> None:
    attack(
        f"""
class M(type):
    def __instancecheck__(cls, instance): return True
class N(M): pass
{definition}
{_STEAL}
""",
        # What a metaclass answers is not asked for, so the class has no __match_args__.
        otherwise=(TypeError,) if definition.startswith("class K") else (),
    )


def test_match_args_that_change_while_the_match_runs_have_no_effect(attack: Callable[..., None]) -> None:
    """isinstance() runs guest code between a check and the use; a host function may set any attribute of an own class."""
    attack(
        f"""
class M(type):
    def __instancecheck__(cls, instance):
        change(Any, '__match_args__', ('__globals__',))
        return True
class Any(metaclass=M): __match_args__ = ('x',)
{_STEAL}
""",
        change=_set_attribute,
        silent=True,
    )


def _set_attribute(target: object, name: str, value: object) -> None:
    setattr(target, name, value)


_STEALING_NAMESPACE = """
class Any(metaclass=M): __match_args__ = ('__globals__',)
class Namespace(dict):
    def __getitem__(self, name):
        return Any if name.startswith('.') else dict.__getitem__(self, name)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "class K(type):\n    @classmethod\n    def __prepare__(m, *a): return Namespace()\n"
        "class C(metaclass=K):\n    match host.call:\n        case Any(g): escaped = g\nescaped = C.escaped",
        "names = Namespace(host=host, Any=Any)\n"
        "exec('match host.call:\\n    case Any(g): escaped = g', {}, names)\nescaped = names['escaped']",
    ],
)
def test_a_namespace_of_the_guest_does_not_choose_what_a_pattern_matches(
    attack: Callable[..., None], statement: str
) -> None:
    attack(f"class M(type):\n    def __instancecheck__(cls, instance): return True\n{_STEALING_NAMESPACE}\n{statement}")


@pytest.mark.parametrize("name", [".c0", ".p", ".import"])
def test_the_temporaries_of_the_transformer_cannot_be_set(cage: Cage, name: str) -> None:
    module = cage.module("me", "x = 1")

    with pytest.raises(AccessDenied):
        cage.run(f"setattr(me, '{name}', 1)", me=module)
    with pytest.raises((AccessDenied, AttributeError)):
        cage.run("from star import *", star=cage.module("star", f"__all__ = ['{name}']"))


def test_a_match_in_a_class_body_means_what_it_means(honest: Callable[..., None]) -> None:
    honest("""
class P:
    '''doc'''
    __match_args__ = ('x',)
    x = 5
class C:
    '''doc'''
    match P():
        case P(value): found = value
result = C.found, C.__doc__, sorted(n for n in vars(C) if not n.startswith('__'))
""")


@pytest.mark.parametrize(
    "change",
    [
        "change(Any, '__match_args__', ('__globals__',))",
        "change(Base, '__match_args__', ('__globals__',))",
        "change(Any, '__match_args__', ['__globals__'])",
    ],
)
def test_what_was_judged_once_is_judged_again_after_a_change(attack: Callable[..., None], change: str) -> None:
    """Changed by a host function that sets any attribute; the guest itself cannot."""
    attack(
        f"""
class M(type):
    def __instancecheck__(cls, instance): return True
class Base(metaclass=M): pass
class Any(Base): {"pass" if "Base," in change else "__match_args__ = ('x',)"}
def steal():
    match host.call:
        case Any(g): return g
def prime():
    match Any():
        case Any(): pass
        case Any(x): pass
for i in range(50):
    try: prime()
    except AttributeError: pass
    except TypeError: pass
{change}
escaped = steal()
""",
        change=_set_attribute if "[" not in change else lambda c, n, v: setattr(c, n, tuple(v)),
    )


def test_classes_at_the_same_address_are_not_taken_for_each_other(honest: Callable[..., None]) -> None:
    honest("""
def make(names):
    class C:
        __match_args__ = names
        a, b, c = 1, 2, 3
    return C
def look(C):
    match C():
        case C(x, y): return x, y
result = [look(make(names)) for _ in range(300) for names in (('a', 'b'), ('b', 'c'), ('c', 'a', 'b'))]
""")


def test_a_class_that_changes_all_the_time_can_be_matched(honest: Callable[..., None]) -> None:
    """Its version is never valid, or runs out (3.13: after 1,000)."""
    honest("""
class C:
    __match_args__ = ('x', 'y')
    x = 0
    y = 1
total = 0
for i in range(2500):
    C.x = i
    match C():
        case C(x, y): total += x + y
result = total
""")


def test_patterns_of_many_classes_alternate(honest: Callable[..., None]) -> None:
    honest("""
classes = [type(f'C{i}', (), {'__match_args__': (f'a{i}', 'b'), f'a{i}': i, 'b': -i}) for i in range(400)]
def look(x, C):
    match x:
        case C(a, b): return a + 2 * b
        case _: return None
result = [[look(C(), D) for D in classes[i:i + 3]] for _ in range(2) for i, C in enumerate(classes)]
""")


def test_isinstance_is_asked_as_outside(honest: Callable[..., None]) -> None:
    honest("""
asked = []
class M(type):
    def __instancecheck__(cls, instance):
        asked.append((cls.__name__, type(instance).__name__))
        if type(instance) is str: raise ValueError(instance)
        return 1 if instance else 0
class C(metaclass=M): __match_args__ = ('real', 'imag')
class Lying:
    __match_args__ = ('real',)
    real = 7
    @property
    def __class__(self): return Other
class Other: __match_args__ = ('real',)
def f(x):
    try:
        match x:
            case Other(r): return 'other', r
            case C(r, 0): return r
            case C(r, i): return r, i
            case _: return 'none'
    except ValueError as e: return str(e)
result = [f(x) for x in (3, 0, 2j, 'text', None, Lying())], asked
""")


def test_after_the_sandbox_is_closed_no_pattern_matches_by_position(cage: Cage) -> None:
    names = cage.run("""
class C:
    __match_args__ = ('x',)
    x = 1
def f(v):
    match v:
        case C(x): return x
""")
    look, made = names["f"], names["C"]
    assert look(made()) == 1

    cage.guards.close()

    with pytest.raises(PermissionError):
        look(made())
