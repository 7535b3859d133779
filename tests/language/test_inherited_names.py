"""Private names that an own class inherits from the host: whose they are decides, through real sandboxes."""

from __future__ import annotations

import enum
import itertools
import string
import sys
import types
from typing import TYPE_CHECKING

import pytest
from pycage import Sandbox
from pycage.errors import AccessDenied, RestrictedSyntaxError
from pycage.language import _guards, standard
from pycage.language.names import CHANGER, NEVER, classify

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox without permissions."""
    with Sandbox(f"inherited_{next(_numbers)}") as made:
        yield made


class Base:
    """A host class that a sandbox derives from."""

    _limit = 3

    def _fetch(self, what: str = "") -> str:
        return f"the host's {what}"

    def public(self) -> str:
        """Call what a subclass may override."""
        return self._fetch("public")


class Forwarding:
    """A host class that answers for an object behind it."""

    def __getattr__(self, name: str) -> object:
        return f"behind: {name}"


# ---- What correct programs do --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class C:\n    def __init__(self): self._x = 1\n    def f(self): self._x += 1; return self._x\nC().f()", 2),
        ("class C(dict):\n    def f(self): self._a = 1; return self._a\nC().f()", 1),
        ("class E(Exception):\n    def f(self): self._a = 1; return self._a\nE().f()", 1),
        ("class C:\n    _reg = {}\n    @classmethod\n    def f(cls): return cls._reg\nC.f()", {}),
        ("class M(type):\n    def _m(cls): return 5\nclass C(metaclass=M): pass\nC._m()", 5),
        ("class A:\n    def _f(self): return 1\nclass B(A):\n    def _f(self): return super()._f() + 1\nB()._f()", 2),
        ("from enum import Enum\nclass E(Enum):\n    A = 1\n    def f(self): return self._value_, self._name_\nE.A.f()", (1, "A")),
        ("from enum import Enum\nclass E(Enum):\n    A = 1\n    @classmethod\n    def _missing_(cls, v): return super()._missing_(v) or cls.A\nE(9).name", "A"),
        ("from enum import Enum\nclass E(Enum): A = 1\nlist(E._member_map_)", ["A"]),
        ("import queue\nclass Q(queue.Queue):\n    def _put(self, x): super()._put((x, x))\nq = Q()\nq.put(1)\nq.get()", (1, 1)),
        ("from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    def _d(self): return self.x * 2\n    def f(self): return self._d(), self._replace(x=1), self._fields\nP(3).f()", (6, (1,), ("x",))),
        ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass G(Generic[T]):\n    def __init__(self): self._x = 1\nclass H(G[int]):\n    def f(self): return self._x\nH().f()", 1),
        ("from abc import ABC, abstractmethod\nclass A(ABC):\n    def f(self): self._x = 1; return self._h()\n    @abstractmethod\n    def _h(self): ...\nclass B(A):\n    def _h(self): return self._x\nB().f()", 1),
        ("class C:\n    def __init_subclass__(cls, **k): super().__init_subclass__(**k); cls._seen = k\nclass D(C): pass\nD._seen", {}),
        ("class A:\n    def __init__(self): self.__x = 1\n    def f(self): self.__x += 1; return [self.__x for _ in 'ab']\nclass _B(A):\n    def g(self): self.__x = 7; return self.f(), self.__x\n_B().g()", ([2, 2], 7)),
    ],
)  # fmt: skip
def test_own_private_names_are_read(sandbox: Sandbox, source: str, expected: object) -> None:
    plain: dict[str, object] = {"__name__": "guest"}
    *body, last = source.split("\n")
    exec("\n".join([*body, f"result = {last}"]), plain)
    assert plain["result"] == expected

    assert sandbox.run(source).value == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class C(Base):\n    def _fetch(self, what=''): return 'mine'\nC().public(), C()._fetch()", ("mine", "mine")),
        ("class C(Base):\n    def _fetch(self, what=''): return 'mine'\n    def f(self): self._n = self._fetch(); return self._n\nC().f()", "mine"),
        ("class C(Base):\n    def f(self): self._limit = 5; self._limit += 1; return self._limit\nC().f()", 6),
        ("class C(Base):\n    _fetch = staticmethod(lambda what='': 'static')\nC._fetch(), getattr(C(), '_fetch')()", ("static", "static")),
        ("class A:\n    def _fetch(self): return 'A'\nclass C(A, Base):\n    def _fetch(self): return super()._fetch()\nC()._fetch()", "A"),
        ("class C(Forwarding):\n    def __init__(self): self._x = 1\n    def f(self): return self._x\nC().f()", 1),
    ],
)  # fmt: skip
def test_what_the_sandbox_overrides_is_the_sandboxs(sandbox: Sandbox, source: str, expected: object) -> None:
    assert sandbox.run(source, variables={"Base": Base, "Forwarding": Forwarding}).value == expected


# ---- Attacks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "class C(Base): pass\nC()._fetch()",
        "class C(Base): pass\nC._fetch",
        "class C(Base):\n    def f(self): return super()._fetch()\nC().f()",
        "class C(Base):\n    def _fetch(self): return super()._fetch()\nC()._fetch()",
        "class C(Base):\n    def f(self): return self._fetch(), self._fetch()\nC().f()",
        "class C(Base): pass\ngetattr(C(), '_fetch')",
        "class C(Base): pass\nobject.__getattribute__(C(), '_fetch')",
        "class C(Base): pass\n'{0._fetch}'.format(C())",
        "class C(Base): pass\nimport operator\noperator.attrgetter('_fetch')(C())",
        "class C(Base): pass\nC._limit += 1",
        "class C(Base):\n    def _fetch(self): pass\ndel C._fetch\nC()._fetch",
        "class C(Forwarding): pass\nC()._secret",
        "class C(Forwarding):\n    def f(self): return self._secret, self._secret\nC().f()",
        "class C(Forwarding):\n    def __init__(self): self._x = 1\nc = C()\ndel c._x\nc._x",
    ],
)
def test_a_private_name_of_a_host_base_class_is_not_read(sandbox: Sandbox, source: str) -> None:
    plain: dict[str, object] = {"Base": Base, "Forwarding": Forwarding, "__name__": "guest"}
    exec(source, plain)  # it can be read, outside

    with pytest.raises((AccessDenied, AttributeError)) as caught:
        sandbox.run(source, variables={"Base": Base, "Forwarding": Forwarding})

    # An AttributeError is only for what is nowhere but behind the host's __getattr__.
    assert isinstance(caught.value, AccessDenied) or "Forwarding" in source


def test_the_name_that_is_checked_is_the_name_that_is_read(sandbox: Sandbox) -> None:
    """Inside of ``class Base``, ``__hidden`` is ``_Base__hidden``."""

    class Hidden:
        _Base__hidden = "secret"

    source = "class Base(Hidden):\n    def f(self): return self.__hidden\n    def g(self): return self.__hidden, self.__hidden\n"
    plain: dict[str, object] = {"Hidden": Hidden, "__name__": "guest"}
    exec(source + "r = Base().f(), Base().g()", plain)
    assert plain["r"] == ("secret", ("secret", "secret"))

    for call in ("f", "g"):
        with pytest.raises(AccessDenied):
            sandbox.run(f"{source}Base().{call}()", variables={"Hidden": Hidden})


def test_what_is_read_does_not_depend_on_what_happens_after_the_check(sandbox: Sandbox) -> None:
    """The guard and the read are two instructions, and a finalizer may run between them."""
    source = """
class C(Base):
    _fetch = 'mine'
    def hoisted(self):
        first = self._fetch
        remove()
        return first, self._fetch
def remove():
    del C._fetch
    return C()
found = []
for attempt in (lambda: getattr(remove(), '_fetch'), lambda: remove()._fetch, lambda: C().hoisted()):
    C._fetch = 'mine'
    try: found.append(attempt())
    except PermissionError: found.append('refused')
found
"""

    assert sandbox.run(source, variables={"Base": Base}).value == ["refused"] * 3


@pytest.mark.parametrize(
    "source",
    [
        "from enum import IntEnum\nclass E(IntEnum): pass\nescaped = E._convert_('X', 'zz_secrets', lambda n: n == 'SECRET')",
        "from enum import IntEnum\nclass E(IntEnum): pass\nescaped = getattr(E, '_conv' + 'ert_')('X', 'zz_secrets', lambda n: n == 'SECRET')",
        "import enum\nclass M(enum.EnumMeta): pass\nescaped = M._convert_",
        "from enum import IntEnum\ngot = []\nclass Take:\n    def __radd__(self, other): got.append(other)\nclass E(IntEnum): pass\nE._create_ += Take()\nescaped = got",
        "class C: pass\nescaped = C.__getstate__(template)",
        "class C: pass\nescaped = C().__getstate__",
        "class C:\n    def f(self): self.x = 1; return super().__getstate__()\nescaped = C().f()",
        "import uuid\nclass U(uuid.UUID): pass\nU.__setstate__(some_uuid, {'int': 1})\nescaped = some_uuid.int == 1",
        "class E(Exception): pass\nE().__setstate__({'args': ()})\nescaped = True",
        "class P(property): pass\nP.__set__(prop, template, 'x')\nescaped = True",
    ],
)  # fmt: skip
def test_effectful_methods_of_standard_bases_are_out_of_reach(
    sandbox: Sandbox, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import uuid

    module = types.ModuleType("zz_secrets")
    module.SECRET = 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zz_secrets", module)

    def names() -> dict[str, object]:
        return {
            "template": string.Template("secret"),
            "some_uuid": uuid.UUID(int=5),
            "prop": property(lambda self: 1, lambda self, value: None),
            "__name__": "guest",
        }

    plain = names()
    exec(source, plain)
    assert plain["escaped"]

    with pytest.raises((AccessDenied, RestrictedSyntaxError)):
        sandbox.run(source, variables={key: value for key, value in names().items() if key != "__name__"})


# ---- Sealed types ----------------------------------------------------------------------------------------------------

_FORWARD = "import typing\nF = type(typing.get_origin and typing.List['x'].__args__[0])\n"


@pytest.mark.parametrize(
    "definition",
    [
        "class G(F, _root=True): pass",
        "class X: pass\nclass G(X, F, _root=True): pass",
        "G = type('G', (F,), {}, _root=True)",
        "class Entry:\n    def __mro_entries__(self, bases): return (F,)\nclass G(Entry(), _root=True): pass",
        "class M(type):\n    def __new__(m, n, b, d, **k): return super().__new__(m, n, (F,), d, _root=True)\n"
        "class H(metaclass=M): pass\nclass G(H, _root=True): pass",
        "class M(type):\n    def __new__(m, n, b, d, **k): return super().__new__(m, n, (F,), d, _root=True)\nclass G(metaclass=M): pass",
        "G = (lambda t: t)(type)('G', (F,), {}, _root=True)",
    ],
)  # fmt: skip
def test_no_class_of_a_sandbox_evaluates_as_a_forward_reference_does(sandbox: Sandbox, definition: str) -> None:
    read = "\nescaped = G('1 + 1')._evaluate"
    plain: dict[str, object] = {"__name__": "guest"}
    exec(_FORWARD + definition + read, plain)
    assert plain["escaped"]

    with pytest.raises(AccessDenied):
        sandbox.run(_FORWARD + definition + read)


def test_a_method_of_that_name_is_an_ordinary_method(sandbox: Sandbox) -> None:
    assert (
        sandbox.run(
            "class C:\n    def _evaluate(self): return 1\n    def f(self): return self._evaluate()\nC().f()"
        ).value
        == 1
    )


# ---- Registers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "Shape.register(int)",
        "getattr(Shape, 'reg' + 'ister')(int)",
        "type(Shape).register(Shape, int)",
        "from abc import ABCMeta\nABCMeta.register(Shape, int)",
        "from abc import ABCMeta\nclass M(ABCMeta): pass\nM.register(Shape, int)",
        "from abc import ABCMeta\nclass M(ABCMeta):\n    def f(cls): return super(M, M).register\nclass C(metaclass=M): pass\nC.f()(Shape, int)",
        "import operator\noperator.methodcaller('register', int)(Shape)",
        "import types\ntypes.GenericAlias(Shape, int).register(int)",
        "import weakref\nweakref.proxy(Shape).register(int)",
        "class C(Shape):\n    @classmethod\n    def f(cls): return super(C, Shape).register(int)\ntype(Shape).register(Shape, int)",
    ],
)  # fmt: skip
def test_a_shared_abstract_class_keeps_its_register(sandbox: Sandbox, source: str) -> None:
    import abc

    class Shape(abc.ABC):  # noqa: B024
        pass

    with pytest.raises(AccessDenied):
        sandbox.run(source, variables={"Shape": Shape})

    assert not issubclass(int, Shape)


def test_own_abstract_classes_and_other_registers_work(sandbox: Sandbox) -> None:
    source = """
import abc
from functools import singledispatch
class A(abc.ABC): pass
A.register(int)
class M(abc.ABCMeta):
    def register(cls, sub): return super().register(sub)
class B(metaclass=M): pass
B.register(str)
@singledispatch
def f(x): return 'other'
@f.register(int)
def _(x): return 'int'
class Registry:
    def register(self, x): return x
isinstance(1, A), isinstance('', B), f(1), f(''), Registry().register(4), host.register(5)
"""

    class Registry:
        def register(self, x: object) -> object:
            return x

    found = sandbox.run(source, variables={"host": Registry()}).value

    assert found == (True, True, "int", "other", 4, 5)


# ---- Code of the host that reads and writes by name ------------------------------------------------------------------------


@pytest.mark.skipif(sys.version_info < (3, 12), reason="not in this Python")
@pytest.mark.parametrize(
    "source",
    [
        "class P(enum.property): pass\np = P()\np.fget = None\np.name = '_limit'\np._attr_type = 'attr'\np._cls_type = host\nescaped = p.__get__(1, int)",
        "class Fake: pass\np = Fake()\np.fget = None\np.name = '_limit'\np._attr_type = 'attr'\np._cls_type = host\nescaped = enum.property.__get__(p, 1, int)",
        "class Fake: pass\np = Fake()\np.fget = None\np.name = '_limit'\np._attr_type = 'attr'\np._cls_type = host\nescaped = getattr(enum.property, '__get__')(p, 1, int)",
        "class D:\n    def __get__(self, *a): raise AttributeError\nclass Mixin: _limit = D()\n"
        "class E(Mixin, enum.Enum):\n    _limit = 1\n    A = host\nescaped = E.A._limit",
        "class D:\n    def __get__(self, *a): raise AttributeError\nclass Mixin: _limit = D()\nclass E(Mixin, enum.Enum): _limit = 1\n"
        "class C:\n    _limit = vars(E)['_limit']\n    _value_ = host\nescaped = C()._limit",
    ],
)  # fmt: skip
def test_the_property_of_enum_does_not_read_for_a_sandbox(sandbox: Sandbox, source: str) -> None:
    plain: dict[str, object] = {"host": Base(), "__name__": "guest"}
    exec("import enum\n" + source, plain)
    assert plain["escaped"] == 3

    with pytest.raises(AccessDenied):
        sandbox.run("import enum\n" + source, variables={"host": Base()})


@pytest.mark.skipif(sys.version_info < (3, 13), reason="not in this Python")
def test_an_enumeration_of_the_host_gets_no_alias(sandbox: Sandbox) -> None:
    """``_add_alias_`` adds to what ``self.__class__`` says."""

    class Host(enum.Enum):
        A = 1

    source = "import enum\nclass E(enum.Enum):\n    A = 1\n    @property\n    def __class__(self): return Host\nE.A._add_alias_('evil')"
    with pytest.raises(AccessDenied):
        sandbox.run(source, variables={"Host": Host})
    assert "evil" not in Host.__members__
    exec(source, {"Host": Host, "__name__": "guest"})
    assert "evil" in Host.__members__


def test_enumerations_with_mixins_and_properties_work(sandbox: Sandbox) -> None:
    source = """
import enum
class Named:
    @property
    def label(self): return self.name.lower()
    title = 'x'
class E(Named, str, enum.Enum):
    A = 'a'
    format = 'f'
    title = 't'
    @enum.property
    def twice(self): return self.value * 2
class Meta(enum.EnumMeta):
    def __contains__(cls, value): return value in [m.value for m in cls]
class F(enum.Enum, metaclass=Meta): X = 1
E.A.label, E.A.twice, E.format.value, 1 in F, 2 in F, [m.name for m in E]
"""
    assert sandbox.run(source).value == ("a", "aa", "f", True, False, ["A", "format", "title"])


def test_a_cached_property_of_the_host_does_not_write_for_a_sandbox(sandbox: Sandbox) -> None:
    import functools

    class Host:
        @functools.cached_property
        def slow(self) -> int:
            return 1

    source = """
class Fake: pass
fake = Fake()
fake.attrname, fake.func = 'mode', lambda self: 'evil'
from threading import RLock
fake.lock = RLock()
type(Host.slow).__get__(fake, host)
"""
    plain: dict[str, object] = {"Host": Host, "host": Host()}
    exec(source, plain)
    assert vars(plain["host"])["mode"] == "evil"

    host = Host()
    with pytest.raises(AccessDenied):
        sandbox.run(source, variables={"Host": Host, "host": host})
    assert vars(host) == {}


def test_descriptors_delegate(sandbox: Sandbox) -> None:
    source = """
class Wrap:
    def __init__(self, f): self._f = f
    def __get__(self, obj, owner=None): return self._f.__get__(obj, owner)
class C:
    @Wrap
    def f(self): return 1
    g = Wrap(property(lambda self: 2))
C().f(), C().g, Wrap.__get__(Wrap(lambda s: s), 3)()
"""
    assert sandbox.run(source).value == (1, 2, 3)


@pytest.mark.parametrize(
    "definition",
    [
        "class Mine(type):\n    def __new__(m, *a, **k): return Host\nclass M(ABCMeta, Mine): pass",
        "class Mine(type):\n    def __new__(m, *a, **k): return Host\nM = type('M', (ABCMeta, Mine), {})",
        "class Mine(type):\n    def __new__(m, *a, **k): return Host\nclass Order(type):\n"
        "    def mro(cls): return [cls, ABCMeta, Mine, type, object]\nclass M(Mine, ABCMeta, metaclass=Order): pass",
    ],
)  # fmt: skip
def test_a_metaclass_of_the_host_does_not_take_a_host_class_for_a_new_one(sandbox: Sandbox, definition: str) -> None:
    """``ABCMeta.__new__`` gives what ``super().__new__()`` returns a new register."""
    import abc

    def attempt(run: object) -> bool:
        class Host(abc.ABC):  # noqa: B024
            pass

        Host.register(int)
        run(f"from abc import ABCMeta\n{definition}\nM('X', (), {{}})", Host)  # type: ignore[operator]
        return issubclass(int, Host)

    def caged(source: str, host: type) -> None:
        with pytest.raises(AccessDenied):
            sandbox.run(source, variables={"Host": host})

    assert not attempt(lambda source, host: exec(source, {"Host": host, "__name__": "guest"}))
    assert attempt(caged)


# ---- Writable types ----------------------------------------------------------------------------------------------------


def test_a_context_of_decimal_can_be_changed(sandbox: Sandbox) -> None:
    import decimal

    before = decimal.getcontext().prec
    source = "from decimal import *\nwith localcontext() as c:\n    c.prec = 4\n    r = Decimal(1) / 3\nd = getcontext()\nd.prec += 1\nstr(r), d.prec"

    assert sandbox.run(source).value == ("0.3333", before + 1)
    assert decimal.getcontext().prec == before


@pytest.mark.parametrize("write", ["config.mode = 'evil'", "context.prec = 3", "nested[0].mode = 'evil'"])
def test_writable_objects_of_a_host_module_are_copies(write: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import decimal

    import pycage

    shared = types.ModuleType("zz_shared")
    vars(shared).update(
        __all__=["config", "context", "nested"],
        config=types.SimpleNamespace(mode="plain"),
        context=decimal.Context(prec=9),
        nested=[types.SimpleNamespace(mode="plain")],
    )
    monkeypatch.setitem(sys.modules, "zz_shared", shared)

    with Sandbox(f"inherited_{next(_numbers)}", host_policy=pycage.rules("allow zz_shared")) as made:
        assert made.run(f"from zz_shared import *\n{write}\nconfig.mode, context.prec, nested[0].mode").value != (
            "plain",
            9,
            "plain",
        )

    assert (shared.config.mode, shared.context.prec, shared.nested[0].mode) == ("plain", 9, "plain")


# ---- Recording ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "getattr(host, '_fetch', 'missing')",
        "hasattr(host, '_fetch') or 'missing'",
        "getattr(host.public, '__globals__', 'missing')",
    ],
)
def test_a_refusal_that_looks_like_a_missing_attribute_is_recorded(sandbox: Sandbox, source: str) -> None:
    result = sandbox.run(source, variables={"host": Base()})

    assert result.value == "missing"
    assert [request.granted for request in result.requests] == [False]


def test_an_attribute_that_is_really_missing_is_no_refusal(sandbox: Sandbox) -> None:
    result = sandbox.run(
        "class C: pass\ngetattr(C(), '_x', 1), hasattr(C(), 'y'), getattr(host, 'z', 2)", variables={"host": Base()}
    )

    assert result.value == (1, False, 2)
    assert result.requests == ()


def test_a_record_that_fails_is_not_swallowed() -> None:
    def broken(reason: str, name: str | None, type_name: str) -> BaseException:
        raise MemoryError(reason)

    guards = _guards.GuardSet(object(), lambda code: None, broken)

    with pytest.raises(MemoryError):
        guards.getattr(Base(), "_fetch", None)
    with pytest.raises(MemoryError):
        guards.hasattr(Base(), "_fetch")


# ---- The tables --------------------------------------------------------------------------------------------------------


def test_the_tables_are_true_of_this_python() -> None:
    """The names in the tables exist, so that nobody guards what is gone and misses what took its place."""
    import abc
    import threading
    import typing

    assert {typing.ForwardRef, enum.property} <= set(standard.SEALED_TYPES)
    assert {"_convert_", "_abc_registry_clear", "_dump_registry", "_bootstrap"} <= standard.NEVER_PRIVATE
    for holder, name in (
        (enum.EnumType, "_convert_"),
        (abc.ABCMeta, "_dump_registry"),
        (threading.Thread, "_bootstrap"),
    ):
        assert hasattr(holder, name)
    assert all(classify(name) == NEVER for name in standard.NEVER_PRIVATE)
    assert all(classify(name) == CHANGER for name in standard.CHANGERS)
    assert {object, type, dict, Exception} <= set(standard.BARE_TYPES)
    assert super not in standard.BARE_TYPES
