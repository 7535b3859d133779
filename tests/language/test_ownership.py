"""Which classes are a sandbox's own."""

from __future__ import annotations

import abc
import copy
import dataclasses
import enum
import gc
import pickle
import typing
from typing import TYPE_CHECKING

import pytest

from pycage.errors import AccessDenied
from pycage.language import GuardSet, attribute_denied

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cage, Host

_NAMES = {"ABC": abc.ABC, "ABCMeta": abc.ABCMeta, "Enum": enum.Enum, "dataclass": dataclasses.dataclass}


@pytest.mark.parametrize(
    "statement",
    [
        "class C: pass",
        "class C(Host): pass",
        "class C(ABC): pass",
        "class C(metaclass=ABCMeta): pass",
        "class C(Enum): A = 1",
        "class M(type): pass\nclass C(metaclass=M): pass",
        "class M(type): pass\nC = M('C', (), {})",
        "C = type('C', (), {})",
        "C = type('C', (Host,), {'x': 1})",
        "C = type(*['C', (), {}])",
        "@dataclass\nclass C: x: int = 1",
        "@dataclass(slots=True)\nclass C: x: int = 1",
        "class C(list): pass",
        "class C(Exception): pass",
        "class G(Generic[T]): pass\nclass C(G[int]): pass",
    ],
)
def test_a_class_of_the_sandbox_is_its_own(cage: Cage, host: Host, statement: str) -> None:
    namespace = cage.run(statement, Host=type(host), Generic=typing.Generic, T=typing.TypeVar("T"), **_NAMES)

    assert cage.guards.own(namespace["C"])


@pytest.mark.parametrize(
    "statement",
    [
        "class C(metaclass=lambda *a: Host): pass",
        "class M(type):\n    def __new__(m, *a): return Host\nclass C(metaclass=M): pass",
        "class Base:\n    def __mro_entries__(self, bases): return (Host,)\nC = Host",
        "C = type(host)",
        "M = (lambda t: t)(type)('M', (type,), {'__new__': lambda *a: Host})\nclass C(metaclass=M): pass",
    ],
)
def test_a_class_of_the_host_does_not_become_own(cage: Cage, host: Host, statement: str) -> None:
    namespace = cage.run(statement, Host=type(host), host=host)

    assert namespace["C"] is type(host)
    assert not cage.guards.own(type(host))
    assert not cage.guards.own(host)


def test_a_class_of_another_sandbox_is_not_own(cage: Cage) -> None:
    other = type(cage)()
    namespace = other.run("class C: pass")

    assert not cage.guards.own(namespace["C"])
    with pytest.raises(AccessDenied):
        cage.run("C.x = 1", C=namespace["C"])


def test_many_classes_stay_own_and_those_gone_are_forgotten(cage: Cage) -> None:
    namespace = cage.run("kept = [type('C', (), {}) for _ in range(500)]\nfor _ in range(2000):\n    class Gone: pass")
    gc.collect()
    cage.run("for _ in range(2000):\n    class Gone: pass")
    kept = namespace["kept"]

    assert isinstance(kept, list)
    assert all(cage.guards.own(cls) for cls in kept)


def test_class_statements_mean_what_they_mean(honest: Callable[..., None]) -> None:
    honest("""
log = []
class M(type):
    @classmethod
    def __prepare__(m, name, bases, **kw): log.append((name, len(bases), sorted(kw))); return {}
    def __new__(m, name, bases, ns, **kw): return super().__new__(m, name, bases, dict(ns))
    def __init__(cls, name, bases, ns, **kw): super().__init__(name, bases, ns); cls._made = True
class A(metaclass=M, key=1): pass
class B(A):
    def f(self): return __class__.__name__, super().__class__.__name__
class Entry:
    def __mro_entries__(self, bases): return (A,)
class C(Entry()): pass
result = log, B().f(), C.__name__, isinstance(C, M), A._made, isinstance(A, type), C.__orig_bases__[0].__class__.__name__
""")


@pytest.mark.parametrize(
    "statement",
    [
        "class M(type): pass\nclass N(type): pass\nclass A(metaclass=M): pass\nclass B(metaclass=N): pass\nclass C(A, B): pass",
        "class C(metaclass=lambda n, b, d: type(n, b, {})):\n    def f(self): return super()",
        "class C(5): pass",
        "class C(object, object): pass",
    ],
)
def test_a_wrong_class_statement_is_the_same_error(cage: Cage, statement: str) -> None:
    with pytest.raises((TypeError, RuntimeError)) as plain:
        exec(statement, {})
    with pytest.raises(type(plain.value)):
        cage.run(statement)


def test_a_closed_guard_set_owns_nothing_and_refuses(cage: Cage) -> None:
    namespace = cage.run("class C: pass\ndef change(c): c.x = 1")
    cage.guards.close()

    assert not cage.guards.own(namespace["C"])
    with pytest.raises(PermissionError):
        namespace["change"](namespace["C"]())  # type: ignore[operator]  # a guest's function and class


def test_a_guard_set_needs_callables() -> None:
    with pytest.raises(TypeError):
        GuardSet(object(), None, attribute_denied)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize(
    "definition",
    [
        "def __reduce__(self): return (HOST, ())",
        "def __reduce_ex__(self, protocol): return (HOST, ())",
        "__reduce__ = lambda self: (HOST, ())",
        "async def __reduce__(self): return (HOST, ())",
        "for __reduce__ in [lambda self: (HOST, ())]: pass",
        "if (__reduce__ := lambda self: (HOST, ())): pass",
    ],
)
def test_copying_hooks_are_inert_for_the_host(cage: Cage, definition: str) -> None:
    called = []
    namespace = cage.run(f"class C:\n    {definition}\nc = C()", HOST=lambda: called.append(1))

    copied = copy.copy(namespace["c"])

    assert type(copied) is namespace["C"]
    with pytest.raises(pickle.PicklingError):  # its class is not in sys.modules
        pickle.dumps(namespace["c"])
    assert called == []


@pytest.mark.parametrize(
    "source",
    [
        "C = type('C', (), {'__reduce__': lambda self: (HOST, ())})",
        "class M(type):\n    def __prepare__(*a): return {'__reduce__': lambda self: (HOST, ())}\n"
        "class C(metaclass=M): pass",
        "class C: pass\nC.__reduce__ = lambda self: (HOST, ())",
        "class C: pass\nsetattr(C, '__reduce_ex__', lambda self, p: (HOST, ()))",
        "import functools\nC = type('C', (), {'__reduce__': functools.partial(lambda: (HOST, ()))})",
    ],
)
def test_copying_hooks_cannot_be_put_into_a_class_in_another_way(cage: Cage, source: str) -> None:
    with pytest.raises((AccessDenied, SyntaxError), match="__reduce"):
        cage.run(source, HOST=print)


def test_an_enumeration_with_copying_hooks_has_no_member_more(cage: Cage) -> None:
    namespace = cage.run("import enum\nclass E(enum.Enum):\n    A = 1\n    __reduce__ = 5\nnames = [e.name for e in E]")

    assert namespace["names"] == ["A"]


def test_a_class_that_an_own_metaclass_makes_by_a_call_is_own(honest) -> None:
    honest("""
class M(type): pass
class B: pass
C = M('C', (B,), {'x': 1})
c = C()
c.y, c._z, C.k = 1, 2, 3
result = c.x, c.y, c._z, C.k
""")


@pytest.mark.parametrize(
    "theft",
    [
        "C = M('C', (Host,), {})\nescaped = C.name.fget(host)",
        "C = M('C', (Host,), {})\nHost.mode2 = 1\nescaped = 1",
        "class N(M):\n    def __new__(m, *a): return Host\nC = N('C', (), {})\nC.mode2 = 1\nescaped = 1",
        "C = M('C', (), {})\nhost.__class__ = C\nescaped = 1",
    ],
)
def test_a_class_that_an_own_metaclass_makes_does_not_make_the_host_s_own(attack, theft) -> None:
    attack(f"class M(type): pass\n{theft}", otherwise=(TypeError,) if "__class__" in theft else ())


def test_attributes_of_built_in_exceptions_can_be_written_those_of_the_host_s_not(honest, attack) -> None:
    honest("""
try:
    int('x')
except ValueError as e:
    e.args, e.extra = ('new',), 1
    result = str(e), e.extra
""")
    attack(
        "try:\n    fail()\nexcept Exception as e:\n    e.code = 2\n    escaped = e.code == 2",
        fail=_fail,
    )


class _HostError(ValueError):
    code = 1


def _fail() -> None:
    raise _HostError


def test_the_dictionary_of_an_own_object_can_be_replaced_that_of_the_host_s_not(honest, attack) -> None:
    honest("""
class Shared:
    _state = {}
    def __init__(self): self.__dict__ = self._state
Shared().x = 1
result = Shared().x
""")
    attack("host.__dict__ = {'mode': 'evil'}\nescaped = host.mode == 'evil'")
    attack("function.__dict__ = {'x': 1}\nescaped = function.x", function=lambda: None)
