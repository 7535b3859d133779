"""What sandboxed code reaches by reading attributes: a crawl over everything that it can import or is given."""

from __future__ import annotations

import builtins
import io
import itertools
import sys
import types
from collections import deque

import pytest
from pycage import Sandbox
from pycage.imports.stdlib import OFFERS
from pycage.imports.views import ModuleView

_numbers = itertools.count()

# Objects of all kinds that a guest makes without any permission.
SOURCE = """
import abc, collections, contextlib, contextvars, csv, dataclasses, datetime, decimal, enum, fractions, functools
import hashlib, html.parser, io, ipaddress, itertools, json, operator, os, pathlib, queue, random, re, string, struct
import sys, textwrap, threading, types, typing, uuid, weakref, zlib
def f(a, b=1): return a
def gen(): yield 1
class C:
    @property
    def p(self): return 1
    @classmethod
    def c(cls): return 1
    def m(self): return super().__repr__
class E(enum.Enum):
    A = 1
class Flag(enum.Flag):
    A = 1
    B = 2
@dataclasses.dataclass
class D:
    a: int = 1
class N(typing.NamedTuple):
    a: int = 1
class P(typing.Protocol):
    def m(self): ...
class G(typing.Generic[typing.TypeVar('T')]): pass
@contextlib.contextmanager
def manager(): yield 1
@functools.singledispatch
def dispatching(x): return x
@functools.lru_cache
def cached(x): return x
failures = []
for fail in (lambda: 1 / 0, lambda: {}['x'], lambda: nope, lambda: host.missing, lambda: open('/etc/hostname'),
             lambda: json.loads('{'), lambda: b'\\xff'.decode(), host.fail):
    try:
        fail()
    except Exception as error:
        failures += [error, *error.args]
things = [
    f, gen(), C, C(), C().m, C().m(), C.c, E.A, Flag.A | Flag.B, D(), D, N(), P, G, G[int](),
    manager(), dispatching, cached, failures, weakref.ref(C), weakref.proxy(host), weakref.WeakSet([C]), threading.Lock(),
    weakref.WeakKeyDictionary({C: 1}), threading.Event(), threading.Condition(), threading.local(), io.StringIO(),
    threading.Thread(target=f), threading.Timer(1, f), io.BytesIO(), io.TextIOWrapper(io.BytesIO()), io.BufferedReader(io.BytesIO()),
    re.compile('(?P<a>a)'), re.match('a', 'a'), decimal.getcontext(), decimal.localcontext(), types.SimpleNamespace(),
    random.Random(), queue.Queue(), csv.reader(['a']), csv.DictReader(['a']), json.JSONEncoder(), json.JSONDecoder(),
    struct.Struct('i'), datetime.timezone.utc, itertools.chain([1]), operator.itemgetter(1), operator.attrgetter('a'),
    uuid.UUID(int=1), string.Template('a'), fractions.Fraction(1), html.parser.HTMLParser(), hashlib.sha256(),
    textwrap.TextWrapper(), ipaddress.ip_network('1.1.1.0/24'), contextvars.copy_context(), contextvars.ContextVar('x'),
    contextlib.ExitStack(), contextlib.closing(host), collections.ChainMap(), collections.namedtuple('X', 'a b'),
    functools.partial(f), functools.partialmethod(f), functools.cmp_to_key(f)(1), property(f), classmethod(f),
    super(C, C()), memoryview(b'a'), map(f, []), iter(f, 1), list[int], typing.List[int], typing.Optional[C], int | str,
    compile('1', 'x', 'eval'), sys.stdout, sys.modules, open, print, __import__, os.environ, pathlib.Path('x'),
    host, host.manager(), host.steps(), host.partial, host.method, zlib.compressobj(),
]
"""


class Internal:
    """What the host never hands out on purpose."""


class Host:
    def __init__(self):
        self._internal = Internal()
        self.partial = types.MethodType(lambda self: None, self._internal)

    def method(self): ...

    def fail(self):
        return self._internal.missing

    def steps(self):
        yield self._internal

    def manager(self):
        import contextlib

        return contextlib.contextmanager(lambda held: iter([1]))(self._internal)


NAMESPACES = {id(vars(module)) for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)}
WITHHELD = [
    getattr(builtins, name)
    for name in (
        "open",
        "eval",
        "exec",
        "compile",
        "__import__",
        "input",
        "getattr",
        "setattr",
        "delattr",
        "vars",
        "globals",
    )
]
DANGEROUS = (types.FrameType, types.CodeType, types.CellType, Internal)
# What has nothing behind it but what its kind has, or what it was read off.
LEAVES = (int, str, bytes, bool, float, complex, type(None))
METHODS = (
    *(types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType),
    *(
        types.MethodDescriptorType,
        types.ClassMethodDescriptorType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
    ),
)


def what_is_wrong(thing: object) -> str | None:
    if isinstance(thing, types.ModuleType) and type(thing) is not ModuleView:
        return "a module of the host"
    if type(thing) in DANGEROUS or thing is Internal or thing is io.FileIO:
        return f"{type(thing).__name__}"
    if type(thing) is dict and id(thing) in NAMESPACES:
        return "the names of a module of the host"
    if any(thing is one for one in WITHHELD):
        return "a built-in function that is not the sandbox's"
    return None


@pytest.mark.slow
def test_attributes_lead_to_nothing_that_the_host_keeps() -> None:
    with Sandbox(f"reach_{next(_numbers)}") as sandbox:
        source = "import " + ", ".join(name for name in OFFERS if importable(name) and name != "__future__")
        start = sandbox.run(SOURCE + source + "\n[*things, globals()]", variables={"host": Host()}).value
        found = crawl(start, sandbox._cage._guards.getattr)

    assert found == {}


def test_the_crawl_finds_what_plain_attributes_lead_to() -> None:
    host = Host()

    assert {"frame", "code", "Internal", "the names of a module of the host"} <= set(
        crawl([host, host.steps()], getattr).values()
    )


def importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def crawl(start: list[object], read) -> dict[str, str]:
    """Read all attributes of all objects, three deep; return the way to what is wrong."""
    found: dict[str, str] = {}
    seen: set[object] = set()
    keep = []  # so that addresses stay unique
    waiting = deque((thing, (f"{type(thing).__name__} {number}",)) for number, thing in enumerate(start))
    while waiting:
        thing, way = waiting.popleft()
        key = (type(thing), getattr(thing, "__qualname__", None)) if isinstance(thing, METHODS) else id(thing)
        if type(thing) in LEAVES or key in seen:
            continue
        seen.add(key)
        keep.append(thing)
        wrong = what_is_wrong(thing)
        if wrong is not None:
            found[".".join(way)] = wrong
            continue
        if len(way) > 3:
            continue
        waiting.append((type(thing), (*way, "<type>")))
        if type(thing) in (list, tuple, set, frozenset):
            waiting.extend((item, (*way, "[]")) for item in list(thing)[:200])
        elif type(thing) is dict:
            waiting.extend(
                (item, (*way, f"[{name}]" if type(name) is str else "[]")) for name, item in list(thing.items())[:400]
            )
        for name in names_of(thing):
            try:
                value = read(thing, name)
            except BaseException:
                continue
            waiting.append((value, (*way, name)))
    return found


def names_of(thing: object) -> list[str]:
    names = set()
    for kind in (type(thing), *((thing,) if isinstance(thing, type) else ())):
        for base in type.__dict__["__mro__"].__get__(kind):
            names.update(vars(base))
    try:
        names.update(object.__getattribute__(thing, "__dict__"))
    except (AttributeError, TypeError):
        pass
    return sorted(name for name in names if type(name) is str)
