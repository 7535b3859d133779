"""Ordinary programs about classes, functions and reflection give in a sandbox what they give outside."""

from __future__ import annotations

import contextlib
import io
import itertools

import pytest
from pycage import Sandbox

_numbers = itertools.count()

# What it is about -> a program that leaves a value in `result`.
PROGRAMS = {
    "type call": """
class M(type):
    def __call__(cls, *a):
        return type.__call__(cls, *a)
class C(metaclass=M):
    def __init__(self, v):
        self.v = v
result = C(3).v
""",
    "frozen style": """
class F:
    __slots__ = ("x",)
    def __init__(self, x):
        object.__setattr__(self, "x", x)
    def __setattr__(self, n, v):
        raise AttributeError(n)
    def __delattr__(self, n):
        raise AttributeError(n)
f = F(1)
try:
    f.x = 2
except AttributeError as e:
    r = str(e)
result = f.x, r
""",
    "super setattr": """
class A:
    def __setattr__(self, n, v):
        super().__setattr__(n, v * 2)
a = A()
a.x = 3
result = a.x
""",
    "vars update": """
class A:
    def __init__(self, **k):
        vars(self).update(k)
result = A(x=1, _y=2).__dict__
""",
    "dict update": """
class A:
    def __init__(self, **k):
        self.__dict__.update(k)
result = sorted(A(x=1, _y=2).__dict__.items())
""",
    "dict assign": """
class A:
    def __init__(self):
        self.__dict__["_p"] = 1
    def g(self):
        return self._p
result = A().g()
""",
    "class attr": """
class A:
    n = 0
    def __init__(self):
        self.__class__.n += 1
        type(self)._k = 5
A()
A()
result = A.n, A._k
""",
    "self.__dict__ = ": """
class Borg:
    _s = {}
    def __init__(self):
        self.__dict__ = self._s
result = 1
""",
    "getattr override": """
class P:
    def __init__(self, t):
        self._t = t
    def __getattr__(self, n):
        return getattr(self._t, n)
result = P("abc").upper()
""",
    "getattribute": """
class P:
    def __getattribute__(self, n):
        if n == "z":
            return 9
        return super().__getattribute__(n)
    def __init__(self):
        self.q = 1
        self._r = 2
p = P()
result = p.z, p.q, p._r
""",
    "getattribute obj": """
class P:
    def __getattribute__(self, n):
        return object.__getattribute__(self, n)
    def __init__(self):
        self.q = 1
result = P().q
""",
    "init_subclass": """
class R:
    reg = []
    def __init_subclass__(cls, tag=None, **k):
        super().__init_subclass__(**k)
        cls.reg.append((cls.__name__, tag))
        cls._tag = tag
class S(R, tag=4):
    pass
result = R.reg, S._tag
""",
    "set_name": """
class D:
    def __set_name__(self, o, n):
        self.n = n
        self.o = o.__name__
    def __get__(self, i, o):
        return self if i is None else i.__dict__[self.n]
    def __set__(self, i, v):
        i.__dict__[self.n] = v
class C:
    x = D()
c = C()
c.x = 4
result = c.x, C.x.n, C.x.o
""",
    "class_getitem": """
class G:
    def __class_getitem__(cls, i):
        return cls.__name__, i
result = G[int]
""",
    "wraps": """
import functools
def d(f):
    @functools.wraps(f)
    def w(*a):
        "w"
        return f(*a) + 1
    return w
@d
def g(x):
    "doc"
    return x
result = g(1), g.__name__, g.__doc__, g.__wrapped__(1), g.__module__, g.__qualname__
""",
    "func attrs": """
def f(a, b=2, *, c=3):
    "doc"
f.x = 1
f._y = 2
result = (
    f.x,
    f._y,
    f.__dict__,
    f.__name__,
    f.__doc__,
    f.__defaults__,
    f.__kwdefaults__,
    f.__annotations__,
    f.__qualname__,
    f.__module__,
)
""",
    "func set": """
def f():
    pass
f.__name__ = "g"
f.__doc__ = "d"
f.__qualname__ = "q"
f.__module__ = "m"
f.__defaults__ = None
f.__wrapped__ = f
f.__kwdefaults__ = None
f.__annotations__ = {"a": 1}
result = f.__name__, f.__doc__, f.__qualname__, f.__module__, f.__annotations__
""",
    "func in class": """
class C:
    def m(self):
        "d"
C.m.flag = 1
c = C()
result = c.m.flag, c.m.__name__, c.m.__doc__, c.m.__func__ is C.m, c.m.__self__ is c
""",
    "meta new": """
class M(type):
    def __new__(m, n, b, d, **k):
        d = dict(d)
        d["added"] = 1
        return super().__new__(m, n, b, d)
    def __init__(cls, n, b, d, **k):
        super().__init__(n, b, d)
        cls.inited = 1
    @classmethod
    def __prepare__(m, n, b, **k):
        return {"pre": 1}
class C(metaclass=M, opt=1):
    pass
result = C.added, C.inited, C.pre
""",
    "singleton meta": """
class S(type):
    _i = {}
    def __call__(cls, *a, **k):
        if cls not in cls._i:
            cls._i[cls] = super().__call__(*a, **k)
        return cls._i[cls]
class C(metaclass=S):
    pass
result = C() is C()
""",
    "new singleton": """
class C:
    _i = None
    def __new__(cls, *a):
        if cls._i is None:
            cls._i = super().__new__(cls)
        return cls._i
result = C() is C()
""",
    "new object": """
class C:
    def __new__(cls, v):
        s = object.__new__(cls)
        s.v = v
        s._w = v
        return s
result = C(1).v, C(2)._w
""",
    "enum init": """
from enum import Enum
class P(Enum):
    E = (1, 2)
    def __init__(self, m, r):
        self.m = m
        self._r = r
    def __new__(cls, m, r):
        o = object.__new__(cls)
        o._value_ = m
        return o
result = P.E.m, P.E._r, P(1)
""",
    "namedtuple": """
from typing import NamedTuple
class P(NamedTuple):
    x: int
    y: int = 2
    def s(self):
        return self.x + self.y
p = P(1)
result = (
    p,
    p._replace(x=5),
    p._asdict(),
    P._fields,
    P._make([1, 2]),
    P._field_defaults,
    P.__annotations__,
    p.s(),
)
""",
    "typeddict": """
from typing import TypedDict, Protocol, runtime_checkable, Generic, TypeVar
class T(TypedDict, total=False):
    a: int
@runtime_checkable
class P(Protocol):
    def m(self) -> int: ...
class I:
    def m(self):
        return 1
X = TypeVar("X")
class G(Generic[X]):
    def __init__(self, v: X):
        self._v = v
result = T(a=1), isinstance(I(), P), G[int](3)._v, T.__total__, T.__annotations__
""",
    "abc": """
from abc import ABC, abstractmethod
class A(ABC):
    @abstractmethod
    def f(self): ...
    @property
    @abstractmethod
    def g(self): ...
class B(A):
    def f(self):
        return 1
    g = 3
try:
    A()
except TypeError as e:
    r = "T"
A.register(int)
result = B().f(), r, isinstance(3, A), A.__abstractmethods__
""",
    "exc tb": """
try:
    1 / 0
except Exception as e:
    result = e.with_traceback(None) is e
""",
    "raise with tb": """
import sys
try:
    1 / 0
except Exception as e:
    t, v, tb = sys.exc_info()
    result = t.__name__, str(v)
""",
    "exc notes": """
try:
    e = ValueError(1)
    e.add_note("n")
    raise e
except ValueError as v:
    result = v.__notes__
""",
    "exc builtin attr set": """
e = ValueError(1)
e.extra = 2
result = e.extra
""",
    "object()": """
result = type(object()).__name__
""",
    "dir": """
class A:
    x = 1
    def m(self):
        pass
result = [n for n in dir(A()) if not n.startswith("__")], "append" in dir([])
""",
    "vars cls": """
class A:
    x = 1
    _y = 2
result = {k: v for k, v in vars(A).items() if not k.startswith("__")}
""",
    "globals get": """
a = 1
result = globals()["a"]
""",
    "locals": """
def f(a):
    b = 2
    return locals()
result = f(1)
""",
    "format locals": """
def f(a):
    return "%(a)s" % locals()
result = f(1)
""",
    "fmt attr": """
class A:
    def __init__(self):
        self.x = 1
        self._y = 2
result = "{0.x} {0._y} {a[k]}".format(A(), a={"k": 3})
""",
    "setattr": """
class A:
    pass
a = A()
setattr(a, "x", 1)
setattr(A, "y", 2)
result = getattr(a, "x"), a.y, hasattr(a, "q"), delattr(a, "x")
""",
    "type3": """
B = type(
    "B",
    (object,),
    {"__init__": lambda s, v: setattr(s, "v", v), "g": lambda s: s.v, "__module__": "q"},
)
result = B(2).g(), B.__name__, B.__module__
""",
    "type kw": """
class R:
    def __init_subclass__(cls, k=0):
        cls.k = k
result = type("S", (R,), {}, k=5).k
""",
    "isinstance type": """
result = isinstance(int, type), type(int) is type, isinstance(3, type(3)), type(type)
""",
    "namedtuple attrs": """
from collections import namedtuple
P = namedtuple("P", "a b")
class Q(P):
    __slots__ = ()
    def t(self):
        return self._replace(a=9)
    def __new__(cls, a, b=5):
        return super().__new__(cls, a, b)
result = Q(1, 2).t(), Q(1), P._fields
""",
    "super 2 arg": """
class A:
    def f(self):
        return 1
class B(A):
    def f(self):
        return super(B, self).f() + 1
result = B().f()
""",
    "super cls": """
class A:
    @classmethod
    def f(cls):
        return cls.__name__
class B(A):
    @classmethod
    def f(cls):
        return super().f() + "!"
result = B.f()
""",
    "super prop": """
class A:
    @property
    def p(self):
        return 1
class B(A):
    @property
    def p(self):
        return super().p + 1
    @p.setter
    def p(self, v):
        self._p = v
b = B()
b.p = 4
result = b.p, b._p
""",
    "prop fget": """
class A:
    @property
    def p(self):
        return 1
result = A.p.fget(A()), A.p.__doc__
""",
    "prop fset super": """
class A:
    def __init__(self):
        self._v = 0
    @property
    def p(self):
        return self._v
    @p.setter
    def p(self, v):
        self._v = v
class B(A):
    @A.p.setter
    def p(self, v):
        A.p.fset(self, v * 2)
b = B()
b.p = 2
result = b.p
""",
    "method unbound": """
class A:
    def f(self):
        return 1
f = A.f
result = f(A()), A().f.__func__ is f
""",
    "list sub": """
class L(list):
    def __init__(self, *a):
        super().__init__(*a)
        self._n = 1
    def __getitem__(self, i):
        return super().__getitem__(i) * 2
    def __setitem__(self, i, v):
        super().__setitem__(i, v)
l = L([1, 2])
l[0] = 5
result = l[0], l._n
""",
    "dict sub": """
class D(dict):
    def __getattr__(self, n):
        try:
            return self[n]
        except KeyError:
            raise AttributeError(n)
    def __setattr__(self, n, v):
        self[n] = v
    __delattr__ = dict.__delitem__
d = D()
d.x = 1
d._y = 2
del d.x
result = d, d._y
""",
    "dict sub 2": """
class D(dict):
    __getattr__ = dict.get
    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__
d = D()
d.x = 1
result = d.x
""",
    "self.__dict__ = self": """
class D(dict):
    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.__dict__ = self
result = D(x=1).x
""",
    "int sub": """
class I(int):
    def __new__(cls, v):
        return int.__new__(cls, v)
    def __add__(self, o):
        return I(int.__add__(self, o))
result = I(3) + 4, type(I(1) + 1).__name__
""",
    "str sub": """
class S(str):
    def __new__(cls, v):
        s = super().__new__(cls, v)
        s._x = 1
        return s
result = S("a")._x
""",
    "exception group": """
result = len(ExceptionGroup("g", [ValueError(1)]).exceptions)
""",
    "copy": """
import copy
class A:
    def __init__(self):
        self.x = [1]
        self._y = 2
a = copy.copy(A())
b = copy.deepcopy(A())
result = a.x, a._y, b._y
""",
    "copy custom": """
import copy
class A:
    def __copy__(self):
        return "c"
    def __deepcopy__(self, m):
        return "d"
result = copy.copy(A()), copy.deepcopy(A())
""",
    "pickle support": """
class A:
    def __getstate__(self):
        return 1
    def __setstate__(self, s):
        pass
result = A().__getstate__()
""",
    "weakref": """
import weakref
class A:
    pass
a = A()
r = weakref.ref(a)
result = r() is a, weakref.proxy(a).__class__.__name__
""",
    "gen attrs": """
def g():
    yield 1
result = g().__name__, g.__qualname__
""",
    "coroutine": """
async def c():
    return 1
x = c()
try:
    x.send(None)
except StopIteration as e:
    result = e.value
""",
    "contextmanager": """
from contextlib import contextmanager
@contextmanager
def m():
    yield 1
with m() as v:
    result = v
""",
    "lru": """
import functools
@functools.lru_cache
def f(x):
    return x
f(1)
f(1)
result = f.cache_info().hits, f.__wrapped__(2), f.__name__
""",
    "lru method": """
import functools
class A:
    @functools.lru_cache(maxsize=None)
    def f(self, x):
        return x
    @functools.cached_property
    def c(self):
        return 5
a = A()
result = a.f(1), a.c, a.c, a.__dict__
""",
    "partialmethod": """
import functools
class A:
    def f(self, x):
        return x
    g = functools.partialmethod(f, 3)
result = A().g()
""",
    "singledispatch": """
import functools
@functools.singledispatch
def f(x):
    return "o"
@f.register
def _(x: int):
    return "i"
@f.register(str)
def _(x):
    return "s"
result = f(1), f("a"), f(2.0)
""",
    "total_ordering": """
import functools
@functools.total_ordering
class A:
    def __init__(s, v):
        s.v = v
    def __eq__(s, o):
        return s.v == o.v
    def __lt__(s, o):
        return s.v < o.v
result = A(1) <= A(2)
""",
    "annotations": """
x: int = 1
class A:
    y: "str" = 1
def f(a: int) -> str: ...
result = __annotations__, A.__annotations__, f.__annotations__
""",
    "setattr func": """
def f():
    pass
setattr(f, "a", 1)
result = vars(f), f.__dict__["a"]
""",
    "method flag": """
class A:
    def f(self):
        pass
    f.tag = 1
result = A.f.tag, A().f.tag, [n for n, v in vars(A).items() if hasattr(v, "tag")]
""",
    "classmethod func": """
class A:
    @classmethod
    def f(cls):
        return 1
result = A.f.__func__(A), A.f.__name__
""",
    "staticmethod wrapped": """
class A:
    @staticmethod
    def f():
        return 1
result = A.__dict__["f"].__func__(), A.__dict__["f"].__wrapped__()
""",
    "descriptor get call": """
class A:
    def f(self):
        return 1
a = A()
result = A.f.__get__(a)(), A.__dict__["f"].__get__(a, A)()
""",
    "property get": """
class A:
    @property
    def p(self):
        return 1
result = A.p.__get__(A())
""",
    "bool/len/etc direct": """
class A:
    def __len__(self):
        return 3
result = A().__len__(), A.__len__(A()), [].__len__(), (5).__add__(1), "a".__contains__("a")
""",
    "__init__ call": """
class A:
    def __init__(self, v):
        self.v = v
class B(A):
    def __init__(self):
        A.__init__(self, 3)
b = B()
b.__init__()
result = b.v
""",
    "exc __init__": """
class E(ValueError):
    def __init__(self, m):
        ValueError.__init__(self, m)
        Exception.__init__(self, m)
result = str(E("x"))
""",
    "list __init__": """
class L(list):
    def __init__(self, v):
        list.__init__(self, v)
result = L([1])
""",
    "slots iter": """
class A:
    __slots__ = ("a", "_b")
    def __init__(self):
        self.a = 1
        self._b = 2
    def d(self):
        return {s: getattr(self, s) for s in self.__slots__}
result = A().d()
""",
    "__slots__ weak": """
class A:
    __slots__ = ("a", "__weakref__", "__dict__")
a = A()
a.z = 1
result = a.z
""",
    "operator attrgetter": """
import operator
class A:
    def __init__(self):
        self._x = 3
        self.y = self
result = (
    operator.attrgetter("_x")(A()),
    operator.attrgetter("y._x")(A()),
    operator.methodcaller("upper")("a"),
)
""",
    "hash/eq": """
class A:
    def __init__(s, v):
        s._v = v
    def __eq__(s, o):
        return isinstance(o, A) and s._v == o._v
    def __hash__(s):
        return hash((A, s._v))
result = len({A(1), A(1)})
""",
    "eq other dict": """
class A:
    def __init__(s, v):
        s.v = v
    def __eq__(s, o):
        return s.__dict__ == o.__dict__
result = A(1) == A(1)
""",
    "repr dict": """
class A:
    def __init__(s):
        s.v = 1
    def __repr__(s):
        return f"{s.__class__.__name__}({s.__dict__})"
result = repr(A())
""",
    "exec locals": """
def f():
    d = {}
    exec("a=1", {}, d)
    return d
result = f()
""",
    "exec cur": """
exec("q=4")
result = q
""",
    "eval nolocals": """
def f(a):
    return eval("a+1")
result = f(1)
""",
    "compile": """
c = compile("1+1", "f", "eval")
result = eval(c), eval(c)
""",
    "getattr dyn private": """
class A:
    def visit(self, n):
        return getattr(self, "_visit_" + n)()
    def _visit_x(self):
        return 7
result = A().visit("x")
""",
    "mod private": """
import json
result = json.__name__, json.__doc__ is not None
""",
    "del attr": """
class A:
    pass
a = A()
a.x = 1
del a.x
result = hasattr(a, "x")
""",
    "builtin name shadow": """
def f(type, id):
    return type, id
list = 5
result = f(1, 2), list
""",
    "print kw": r"""
import sys
print("a", "b", sep="-", end="!", file=sys.stdout)
sys.stderr.write("e")
sys.stdout.write("z\n")
result = 1
""",
    "print stringio": """
import io
s = io.StringIO()
print("a", file=s)
result = s.getvalue()
""",
    "super init kw": """
class A:
    def __init__(self, *, x=1, **k):
        super().__init__(**k)
        self.x = x
class B(A):
    def __init__(self, **k):
        super().__init__(x=2, **k)
result = B().x
""",
    "mixins object init": """
class A:
    def __init__(self):
        super().__init__()
        self._a = 1
result = A()._a
""",
    "thread local": """
import threading
l = threading.local()
l.x = 1
result = l.x
""",
    "local sub": """
import threading
class L(threading.local):
    def __init__(self):
        self._x = 1
result = L()._x
""",
    "mappingproxy": """
import types
result = types.MappingProxyType({"a": 1})["a"]
""",
    "dataclass all": """
from dataclasses import *
@dataclass(frozen=True, order=True)
class A:
    x: int
    _y: int = field(default=2, repr=False)
    def __post_init__(self):
        object.__setattr__(self, "z", self.x + self._y)
a = A(1)
result = (
    a,
    a.z,
    asdict(a),
    replace(a, x=5),
    [f.name for f in fields(a)],
    A.__dataclass_fields__.keys(),
)
""",
    "dataclass slots": """
from dataclasses import *
@dataclass(slots=True)
class A:
    x: int
    def s(self):
        self.x += 1
        return self.x
result = A(1).s(), A.__slots__
""",
    "dataclass inherit": """
from dataclasses import *
@dataclass
class A:
    x: int = 1
@dataclass
class B(A):
    y: int = 2
    def __post_init__(self):
        super().__init__(self.x)
result = B()
""",
    "iter proto": """
class It:
    def __init__(s):
        s._i = 0
    def __iter__(s):
        return s
    def __next__(s):
        s._i += 1
        if s._i > 3:
            raise StopIteration
        return s._i
result = list(It())
""",
    "async ctx": """
class A:
    async def __aenter__(self):
        return 1
    async def __aexit__(self, *a):
        pass
async def f():
    async with A() as x:
        return x
c = f()
try:
    c.send(None)
except StopIteration as e:
    result = e.value
""",
    "__del__": """
log = []
class A:
    def __del__(self):
        log.append(1)
A()
result = log
""",
    "__subclasshook__": """
from abc import ABC
class A(ABC):
    @classmethod
    def __subclasshook__(cls, C):
        return hasattr(C, "quack")
class D:
    def quack(self):
        pass
result = issubclass(D, A)
""",
    "__missing__": """
class D(dict):
    def __missing__(self, k):
        return k * 2
result = D()["a"]
""",
    "__format__": """
class A:
    def __format__(self, s):
        return "F" + s
result = f"{A():x}", format(A(), "y")
""",
    "module getattr": """
import types
result = 1
""",
    "name main": """
if __name__ == "__main__":
    result = 1
else:
    result = 2
""",
    "type name set": """
class A:
    pass
A.__name__ = "B"
A.__qualname__ = "B"
A.__doc__ = "d"
A.__module__ = "m"
result = A.__name__, A.__doc__, repr(A)
""",
    "bound partial self": """
class A:
    def f(self):
        return self
    def g(self):
        return self.f.__self__ is self
result = A().g()
""",
    "builtin name": """
result = len.__name__, [].append.__name__, int.__name__, (1).__class__.__name__, int.__doc__[:3]
""",
    "self.__class__()": """
class A:
    def c(self):
        return self.__class__()
result = type(A().c()).__name__
""",
    "type(self)._x": """
class A:
    _x = 1
    def f(self):
        return type(self)._x + self.__class__._x
result = A().f()
""",
    "random": """
import random
r = random.Random(3)
result = r.randint(1, 9)
""",
    "help text": """
result = (lambda x: x).__name__
""",
    "async gen attrs": """
async def a():
    yield 1
result = a().__name__
""",
    "__set_name__ manual": """
class D:
    def __set_name__(self, o, n):
        self._n = n
d = D()
d.__set_name__(None, "q")
result = d._n
""",
    "getattr class dunder": """
class A:
    pass
result = getattr(A(), "__class__") is A, getattr(A, "__name__")
""",
    "ChainMap attr": """
from collections import ChainMap, Counter, defaultdict, deque, OrderedDict
result = Counter("aab").most_common(1), defaultdict(list)["x"], deque([1], maxlen=2).maxlen
""",
    "six with_metaclass": """
class Meta(type):
    def __new__(m, n, b, d):
        d["tag"] = n
        return type.__new__(m, n, b, d)
def with_metaclass(meta, *bases):
    class metaclass(type):
        def __new__(cls, name, this_bases, d):
            return meta(name, bases, d)
        @classmethod
        def __prepare__(cls, name, this_bases):
            return meta.__prepare__(name, bases)
    return type.__new__(metaclass, "temporary_class", (), {})
class Base:
    pass
class C(with_metaclass(Meta, Base)):
    def __init__(self):
        self._x = 1
c = C()
c.y = 2
result = c._x, c.y, C.tag, type(C).__name__
""",
    "meta call": """
class Meta(type):
    pass
C = Meta("C", (), {"x": 1})
C.y = 3
c = C()
c.z = 2
c._w = 1
result = c.z, C.y, c._w
""",
    "meta(cls) own base": """
class Meta(type):
    pass
class B:
    pass
C = Meta("C", (B,), {"x": 1})
c = C()
c.z = 2
c._w = 1
result = c.z
""",
    "type.__call__ super": """
class M(type):
    def __call__(cls, *a, **k):
        o = cls.__new__(cls, *a, **k)
        cls.__init__(o, *a, **k)
        o._m = 1
        return o
class C(metaclass=M):
    def __init__(self, v):
        self.v = v
result = C(1).v, C(1)._m
""",
    "cls.__new__": """
class C:
    @classmethod
    def make(cls):
        o = cls.__new__(cls)
        o.x = 1
        return o
result = C.make().x
""",
    "cls decorator sub": """
def deco(cls):
    class W(cls):
        def f(self):
            return "w" + super().f()
    W.__name__ = cls.__name__
    W.__qualname__ = cls.__qualname__
    W.__doc__ = cls.__doc__
    return W
@deco
class C:
    def f(self):
        return "c"
result = C().f(), C.__name__
""",
    "cls decorator set": """
def deco(cls):
    for n, v in list(vars(cls).items()):
        if callable(v) and not n.startswith("_"):
            setattr(cls, n + "2", v)
    cls._done = True
    return cls
@deco
class C:
    def f(self):
        return 1
result = C().f2(), C._done
""",
    "descr __get__ method": """
class Bound:
    def __init__(s, f):
        s.f = f
    def __get__(s, i, o=None):
        if i is None:
            return s
        import types
        return lambda *a: s.f(i, *a)
class C:
    @Bound
    def m(self, x):
        return self, x
c = C()
result = c.m(1)[0] is c
""",
    "method __get__": """
class C:
    pass
def f(self):
    return self
c = C()
c.m = f.__get__(c)
result = c.m() is c
""",
    "lazy prop": """
class lazy:
    def __init__(s, f):
        s.f = f
        s.__doc__ = f.__doc__
        s.__name__ = f.__name__
    def __get__(s, i, o):
        v = s.f(i)
        i.__dict__[s.__name__] = v
        return v
class C:
    @lazy
    def x(self):
        "d"
        return 3
c = C()
result = c.x, c.__dict__, C.__dict__["x"].__doc__
""",
    "property subclass": """
class P(property):
    def __get__(self, i, o=None):
        return super().__get__(i, o)
class C:
    @P
    def x(self):
        return 1
result = C().x
""",
    "classproperty": """
class cp:
    def __init__(s, f):
        s.f = f
    def __get__(s, i, o):
        return s.f(o)
class C:
    @cp
    def x(cls):
        return cls.__name__
result = C.x, C().x
""",
    "weakref own": """
import weakref
class C:
    def __init__(s):
        s._r = weakref.WeakValueDictionary()
        s._r["a"] = s
c = C()
result = c._r["a"] is c
""",
    "iter class attr": """
class C:
    a = 1
    b = 2
result = [k for k in C.__dict__ if not k.startswith("__")]
""",
    "__eq__ class": """
class A:
    def __eq__(s, o):
        return s.__class__ == o.__class__
result = A() == A(), A() == 1
""",
    "__class__ in": """
result = (1).__class__ in (int, str)
""",
    "super().__getattribute__": """
class A:
    def __getattribute__(s, n):
        v = super().__getattribute__(n)
        return v
    def f(s):
        return 2
result = A().f()
""",
    "super().__dict__": """
class A:
    def __init__(s):
        s.x = 1
    def d(s):
        return dict(super().__dict__) if False else s.__dict__
result = A().d()
""",
    "super().__repr__": """
class A:
    def __repr__(s):
        return "A" + super().__repr__()[:9]
result = repr(A())
""",
    "super().__eq__": """
class A(int):
    def __eq__(s, o):
        return super().__eq__(o)
    def __hash__(s):
        return super().__hash__()
    def __bool__(s):
        return super().__bool__()
    def __getattr__(s, n):
        return n
result = A(3) == 3, hash(A(3)), A(1).zzz
""",
    "super().__dir__": """
class A:
    def __dir__(s):
        return [*super().__dir__(), "q"]
result = "q" in dir(A())
""",
    "super().__init_subclass__": """
class A:
    def __init_subclass__(cls, **k):
        super().__init_subclass__()
        cls.k = k
class B(A, z=1):
    pass
result = B.k
""",
    "super().__new__ args": """
class T(tuple):
    def __new__(cls, *a):
        return super().__new__(cls, a)
    @property
    def _first(self):
        return self[0]
result = T(1, 2), T(1)._first
""",
    "super().__delattr__": """
class A:
    def __delattr__(s, n):
        super().__delattr__(n)
a = A()
a.x = 1
del a.x
result = a.__dict__
""",
    "super().__format__": """
class A(str):
    def __format__(s, f):
        return super().__format__(f) + "!"
result = f"{A(1):>3}"
""",
    "super().__class__": """
class A:
    def f(s):
        return super().__class__.__name__
result = A().f()
""",
    "super().__enter__": """
from contextlib import ExitStack
class E(ExitStack):
    def __enter__(self):
        return super().__enter__()
with E() as e:
    pass
result = type(e).__name__
""",
    "Exception subclass args": """
class E(Exception):
    def __init__(s, *a):
        super().__init__(*a)
        s.args = (1,) + s.args
result = E(2).args
""",
    "e.args set": """
try:
    int("x")
except ValueError as e:
    e.args = ("new",)
    result = str(e)
""",
    "__cause__ set": """
try:
    raise KeyError from None
except KeyError as e:
    result = e.__suppress_context__
""",
    "exc chain loop": """
def chain(e):
    while e:
        yield e
        e = e.__cause__
class X(Exception):
    pass
try:
    try:
        raise X(1)
    except X as a:
        raise X(2) from a
except X as b:
    result = [str(e) for e in chain(b)]
""",
    "exc ctx": """
class X(Exception):
    pass
try:
    try:
        raise X(1)
    except X as a:
        raise X(2)
except X as b:
    result = str(b.__context__)
""",
    "StopIteration value": """
def g():
    return 5
    yield
it = g()
try:
    next(it)
except StopIteration as e:
    result = e.value
""",
    "UnicodeError": r"""
try:
    b"\xff".decode()
except UnicodeDecodeError as e:
    result = e.object, e.start, e.reason, e.encoding
""",
    "OSError attrs": """
e = OSError(2, "m", "f")
result = e.errno, e.strerror, e.filename
""",
    "NameError name": """
try:
    zzz
except NameError as e:
    result = e.name
""",
    "ImportError name": """
try:
    import zzz.q
except ImportError as e:
    result = e.name.split(".")[0]
""",
    "SyntaxError attrs": """
try:
    compile("a b", "f", "exec")
except SyntaxError as e:
    result = e.lineno, e.offset, e.msg
""",
    "f.__wrapped__ set": """
def d(f):
    def w():
        return f()
    w.__wrapped__ = f
    w.__name__ = f.__name__
    w.__doc__ = f.__doc__
    w.__dict__.update(f.__dict__)
    w.__module__ = f.__module__
    return w
@d
def g():
    return 1
result = g.__wrapped__(), g.__name__
""",
    "f.__defaults__": """
def f(a=1, *, b=2):
    return a, b
d = f.__defaults__, f.__kwdefaults__
f.__defaults__ = (5,)
f.__kwdefaults__ = {"b": 6}
result = d, f()
""",
    "f.__annotations__ set": """
def f(a: int):
    pass
f.__annotations__["b"] = str
result = f.__annotations__
""",
    "cls ann": """
class A:
    x: int
A.__annotations__["y"] = str
result = A.__annotations__
""",
    "f.__type_params__": """
def f():
    pass
result = hasattr(f, "__call__")
""",
    "f.__dict__=": """
def f():
    pass
f.__dict__ = {"a": 1}
result = f.a
""",
    "local": """
import threading
l = threading.local()
l.x = 1
l._y = 2
result = l.x, hasattr(l, "z")
""",
    "__slots__ dict": """
class A:
    __slots__ = {"x": "doc"}
a = A()
a.x = 1
result = A.__slots__, a.x
""",
    "nested fn __class__": """
class A:
    def f(self):
        def g():
            return __class__.__name__
        return g()
result = A().f()
""",
    "__class__ cell super": """
class A:
    def f(self):
        return [super(A, self).__repr__()[:3] for _ in range(1)]
result = A().f()
""",
    "setattr in cls loop": """
class A:
    pass
for n in "xyz":
    def m(self, n=n):
        return n
    m.__name__ = "get_" + n
    setattr(A, m.__name__, m)
result = A().get_y()
""",
    "getattr default private": """
class A:
    pass
result = getattr(A(), "_x", 3), getattr(3, "_x", 4)
""",
    "hasattr private host": """
result = hasattr([], "_x"), hasattr(3, "__len__")
""",
    "type(x).__name__": """
result = type(3).__name__, type("").__module__, type([]).__qualname__
""",
    "x.__module__": """
class A:
    pass
result = A().__module__, A.__module__
""",
    "object.__repr__": """
class A:
    pass
result = (
    object.__repr__(A())[:10],
    object.__str__(A())[:5],
    object.__hash__(A()) is not None,
    object.__eq__(1, 1),
    object.__dir__(A()) is not None,
)
""",
    "object.__getattribute__": """
class A:
    def __init__(s):
        s._x = 1
result = object.__getattribute__(A(), "_x")
""",
    "object.__setattr__ bulk": """
class A:
    pass
a = A()
for k, v in {"x": 1, "_y": 2}.items():
    object.__setattr__(a, k, v)
set_ = object.__setattr__
set_(a, "z", 3)
result = a.__dict__
""",
    "type.__setattr__": """
class M(type):
    def __setattr__(c, n, v):
        super().__setattr__(n, v)
    def __getattribute__(c, n):
        return type.__getattribute__(c, n)
class C(metaclass=M):
    pass
C.x = 1
result = C.x
""",
    "globals fmt": """
a = 1
result = "{a}".format(**globals()), "%(a)d" % globals()
""",
    "eval globals locals": """
def f(x):
    return eval("x+y", globals(), locals())
y = 2
result = f(1)
""",
    "exec in class ns": '''
ns = {}
exec(
    """
class A:
    def f(self): return helper()
def helper(): return 4
""",
    ns,
)
result = ns["A"]().f()
''',
    "import as attr": """
import os.path as p
result = p.join("a", "b")
""",
    "import star": """
from math import *
result = floor(2.5)
""",
    "__all__": """
__all__ = ["a"]
a = 1
result = __all__
""",
    "name mangling outside": """
class A:
    def __init__(s):
        s.__x = 1
result = A()._A__x
""",
    "bool ops": """
class V:
    def __bool__(s):
        return False
result = not V()
""",
    "aug self": """
class A:
    def __init__(s):
        s.l = []
        s.d = {}
    def f(s):
        s.l += [1]
        s.d |= {1: 2}
        s.l[0] += 5
        s.d.setdefault(3, []).append(1)
        return s.l, s.d
result = A().f()
""",
    "with store": """
import io
class A:
    def f(s):
        with io.StringIO() as s.h:
            s.h.write("x")
            return s.h.getvalue()
result = A().f()
""",
    "global in class fn": """
x = 1
class A:
    global gg
    gg = 5
result = gg
""",
    "del self attr": """
class A:
    def f(s):
        s.x = 1
        del s.x
        return hasattr(s, "x")
result = A().f()
""",
    "enum more": """
from enum import Enum, auto, unique, IntFlag
@unique
class C(str, Enum):
    A = "a"
    def _generate_next_value_(name, s, c, l):
        return name.lower()
    B = auto()
    @staticmethod
    def f():
        return 1
class P(IntFlag):
    R = 4
    W = 2
result = (
    C.B.value,
    C("a"),
    C.A == "a",
    [m.name for m in C],
    P.R | P.W,
    P(6),
    C.__members__["A"],
    C.A._value_,
    isinstance(C.A, C),
    C.A.__class__,
)
""",
    "enum own _members": """
from enum import Enum
class E(Enum):
    A = 1
result = E._member_map_, E._member_names_, E._value2member_map_
""",
    "counter sub": """
from collections import Counter, OrderedDict, defaultdict
class C(Counter):
    def top(s):
        return s.most_common(1)[0][0]
class D(defaultdict):
    def __missing__(s, k):
        s[k] = k
        return k
class O(OrderedDict):
    def __setitem__(s, k, v):
        super().__setitem__(k, v)
        s.move_to_end(k, last=False)
o = O()
o["a"] = 1
o["b"] = 2
result = C("aab").top(), D()["z"], list(o)
""",
    "mapping abc": """
from collections.abc import MutableMapping
class M(MutableMapping):
    def __init__(s):
        s._d = {}
    def __getitem__(s, k):
        return s._d[k]
    def __setitem__(s, k, v):
        s._d[k] = v
    def __delitem__(s, k):
        del s._d[k]
    def __iter__(s):
        return iter(s._d)
    def __len__(s):
        return len(s._d)
m = M()
m.update(a=1)
m.setdefault("b", 2)
result = dict(m), m.pop("a"), m == {"b": 2}
""",
    "generic": """
from typing import Generic, TypeVar, Optional, Union, Callable, Any, cast, overload, ClassVar
T = TypeVar("T")
class S(Generic[T]):
    _i: ClassVar[int] = 0
    def __init__(s):
        s._items: list[T] = []
    def push(s, x: T) -> "S[T]":
        s._items.append(x)
        return s
class I(S[int]):
    pass
result = (
    S[int]().push(1)._items,
    I().push(2)._items,
    S.__parameters__,
    I.__orig_bases__,
    repr(Optional[int]),
)
""",
}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(f"ordinary_{next(_numbers)}") as made:
        yield made


@pytest.mark.parametrize("subject", PROGRAMS)
def test_an_ordinary_program_gives_what_it_gives_outside(sandbox, subject):
    source = PROGRAMS[subject]
    names = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(source, "<plain>", "exec", dont_inherit=True), names)

    assert repr(names["result"]) == repr(sandbox.run(f"{source}\nresult").value)
