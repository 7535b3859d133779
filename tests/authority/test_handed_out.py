"""Objects that a sandbox hands out: what a host function does for one, however late, the sandbox's domain is asked for."""

from __future__ import annotations

import contextlib
import gc
import operator
from typing import TYPE_CHECKING, Any

import pycage
import pytest
from rocket import PERMISSION, Rocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def exhaust(value: Any) -> object:
    return list(value)


def call(value: Any) -> object:
    return value()


# What a sandbox makes of a bound method of the host's, and how the host uses it later.
LATER: dict[str, tuple[str, Callable[[Any], object]]] = {
    "map": ("map(launch, 'x')", exhaust),
    "a class derived from map": ("class M(map): pass\nM(launch, 'x')", exhaust),
    "map by its type": ("type(map(str, ''))(launch, 'x')", exhaust),
    "map, made by map": ("list(map(map, [launch], ['x']))[0]", exhaust),
    "map, made by super": (
        "class M(map):\n def __new__(cls, *a): return super().__new__(map, *a)\nM(launch, 'x')",
        exhaust,
    ),
    "map.__new__": ("map.__new__(map, launch, 'x')", exhaust),
    "map over map": ("map(str, map(launch, 'x'))", exhaust),
    "map of a host function in C": ("map(next, [map(launch, 'x')])", exhaust),
    "map of a method descriptor": ("from operator import call\nmap(call, [launch])", exhaust),
    "map of a property": ("map(getattr, [rocket], ['risky'])", exhaust),
    "filter": ("filter(launch, 'x')", exhaust),
    "iter with a sentinel": ("iter(launch, None)", exhaust),
    "iter, mapped": ("list(map(iter, [launch], [None]))[0]", exhaust),
    "zip": ("zip(map(launch, 'x'), 'y')", exhaust),
    "enumerate": ("enumerate(filter(launch, 'x'))", exhaust),
    "sorted with partial": ("from functools import partial\npartial(sorted, 'xy', key=launch)", call),
    "partial": ("from functools import partial\npartial(launch, 'x')", call),
    "partial, mapped": ("from functools import partial\nlist(map(partial, [launch]))[0]", call),
    "the host's partial": ("type(bound)(launch, 'x')", call),
    "partialmethod": (
        "from functools import partialmethod\nclass C:\n f = partialmethod(launch, 'x')\nC().f",
        call,
    ),
    "cache": ("from functools import cache\ncache(launch)", call),
    "lru_cache": ("from functools import lru_cache\nlru_cache(2)(launch)", call),
    "cache, by its type": ("from functools import cache\ntype(cache(len))(launch, None, True, tuple)", call),
    "cmp_to_key": ("from functools import cmp_to_key\n[cmp_to_key(launch)(x) for x in 'xy']", sorted),
    "cached_property": (
        "from functools import cached_property\nclass C:\n f = cached_property(launch)\nC()",
        operator.attrgetter("f"),
    ),
    "singledispatch": ("from functools import singledispatch\nsingledispatch(launch)", lambda f: f("x")),
    "singledispatchmethod": (
        "from functools import singledispatchmethod\nclass C:\n f = singledispatchmethod(launch)\nC().f",
        lambda f: f("x"),
    ),
    "wraps": ("from functools import wraps\nwraps(launch)(lambda: launch('x'))", call),
    "accumulate": ("from itertools import accumulate\naccumulate('xy', launch)", exhaust),
    "accumulate by keyword": ("from itertools import accumulate\naccumulate('xy', func=launch)", exhaust),
    "dropwhile": ("from itertools import dropwhile\ndropwhile(launch, 'x')", exhaust),
    "filterfalse": ("from itertools import filterfalse\nfilterfalse(launch, 'x')", exhaust),
    "groupby": ("from itertools import groupby\ngroupby('x', launch)", exhaust),
    "groupby by keyword": ("from itertools import groupby\ngroupby('x', key=launch)", exhaust),
    "starmap": ("from itertools import starmap\nstarmap(launch, ['x'])", exhaust),
    "takewhile": ("from itertools import takewhile\ntakewhile(launch, 'x')", exhaust),
    "tee": ("from itertools import tee\ntee(map(launch, 'x'))[0]", exhaust),
    "chain": ("from itertools import chain\nchain.from_iterable(map(launch, 'x'))", exhaust),
    "merge": ("from heapq import merge\nmerge('xz', 'y', key=launch)", exhaust),
    "methodcaller": ("from operator import methodcaller\nmap(methodcaller('launch', 'x'), [rocket])", exhaust),
    "methodcaller, called by the host": ("from operator import methodcaller\nmethodcaller('launch', 'x')", None),
    "attrgetter": ("from operator import attrgetter\nmap(attrgetter('risky'), [rocket])", exhaust),
    "attrgetter, called by the host": ("from operator import attrgetter\nattrgetter('risky')", None),
    "a bound method": ("from types import MethodType\nMethodType(launch, 'x')", call),
    "a bound method, by its type": ("type(launch)(launch, 'x')", call),
    "defaultdict": ("from collections import defaultdict\ndefaultdict(launch)", lambda d: d["x"]),
    "defaultdict, of a derived class": (
        "from collections import defaultdict\nclass D(defaultdict):\n def __init__(self): super().__init__(launch)\nD()",
        lambda d: d["x"],
    ),
    "property": ("class C:\n p = property(launch)\nC()", operator.attrgetter("p")),
    "property, set": ("class C:\n p = property(None, launch)\nC()", lambda c: setattr(c, "p", 1)),
    "property.getter": ("class C:\n p = property().getter(launch)\nC()", operator.attrgetter("p")),
    "DynamicClassAttribute": (
        "from types import DynamicClassAttribute as D\nclass C:\n p = D(launch)\nC()",
        operator.attrgetter("p"),
    ),
    "contextmanager": (
        "from contextlib import contextmanager\nclass C:\n f = contextmanager(launch)\nC().f",
        lambda f: f("x").__enter__(),
    ),
    "a key of bisect": (
        "from functools import partial\nfrom bisect import bisect\npartial(bisect, ['x'], 'y', key=launch)",
        call,
    ),
    "a special method": ("class C:\n __len__ = launch\nC()", len),
    "a special method, set later": ("class C: pass\nC.__str__ = launch\nC()", str),
    "a special method by type()": ("type('C', (), {'__bool__': launch})()", bool),
    "__getattr__": ("class C:\n __getattr__ = launch\nC()", lambda c: c.anything),
    "a static method": ("class C:\n __getattr__ = staticmethod(launch)\nC()", lambda c: c.anything),
    "a class method": ("class C:\n __class_getitem__ = classmethod(launch)\nC", lambda c: c["x"]),
    "a generic alias": ("from types import GenericAlias\nGenericAlias(launch, (int,))", lambda g: g("x")),
    "_missing_ of an Enum": ("from enum import Enum\nclass E(Enum):\n A = 1\n _missing_ = launch\nE", lambda e: e(5)),
    "a hook of json": ("import json\njson.JSONDecoder(object_hook=launch)", lambda d: d.decode('{"a": 1}')),
    "a default of json": ("import json\njson.JSONEncoder(default=launch)", lambda e: e.encode(1j)),
    "a partial method": (
        "from functools import partial\nclass C:\n __iter__ = partial(launch, 'x')\nC()",
        iter,
    ),
}


def using(rocket: Rocket) -> dict[str, object]:
    import functools

    return {"rocket": rocket, "launch": rocket.launch, "bound": functools.partial(len)}


@pytest.mark.parametrize("name", LATER)
def test_what_a_host_function_was_built_into_runs_with_the_domain_of_its_maker(
    sandbox: pycage.Sandbox, rocket: Rocket, name: str
) -> None:
    source, use = LATER[name]
    use = use or (lambda made: made(rocket))
    try:
        made = sandbox.run(source, variables=using(rocket)).value
        use(made)
    except Exception:
        pass

    assert rocket.launched == []


@pytest.mark.parametrize("name", LATER)
def test_who_may_do_it_may_do_it_later(sandbox: pycage.Sandbox, rocket: Rocket, name: str) -> None:
    source, use = LATER[name]
    use = use or (lambda made: made(rocket))
    sandbox.grant(PERMISSION)
    made = sandbox.run(source, variables=using(rocket)).value
    try:
        use(made)
    except (TypeError, ValueError):
        pass

    assert rocket.launched


def do_nothing(**_named: object) -> None: ...


# Known, and in docs/threat-model.md: what a sandbox hands out may lead to a bare object of the host.
STILL = {
    "an ordinary method": ("class C:\n run = launch\nC()", lambda c: c.run("x")),
    "an attribute": ("class C: pass\nc = C()\nc.run = launch\nc", lambda c: c.run("x")),
    "the function itself": ("launch", lambda f: f("x")),
    "closing": ("from contextlib import closing\nclosing(rocket)", lambda c: c.__exit__(None, None, None)),
    "a writer of csv": ("import csv\ncsv.writer(rocket).writerow", lambda w: w(["x"])),
    "a scanner": ("import re\nre.Scanner([('x', launch)])", lambda s: s.scan("x")),
    # The interpreter and the standard library call some ordinary names by themselves.
    "a file that dies": ("import io\nclass F(io.IOBase):\n close = launch\n[F()]", lambda files: files.clear()),
    "a file that is read": ("import io\nclass F(io.IOBase):\n readline = launch\nF()", lambda file: next(iter(file))),
    "the keys of a mapping": (
        "class M:\n keys = launch\n def __getitem__(self, key): return key\nM()",
        lambda mapping: do_nothing(**mapping),
    ),
    "a step of a generator": (
        "from collections.abc import Generator\nclass G(Generator):\n send = throw = launch\nG()",
        next,
    ),
    "the zone of a date": (
        "import datetime\nclass Z(datetime.tzinfo):\n utcoffset = launch\ndatetime.datetime(2026, 1, 1, tzinfo=Z())",
        lambda date: date.utcoffset(),
    ),
    "a host function that makes an iterator": ("lazily(launch, 'x')", exhaust),
}


@pytest.mark.parametrize("name", STILL)
def test_a_bare_object_of_the_host_that_comes_back_is_the_hosts(
    sandbox: pycage.Sandbox, rocket: Rocket, name: str
) -> None:
    source, use = STILL[name]
    made = sandbox.run(source, variables={**using(rocket), "lazily": lambda f, items: map(f, items)}).value
    with contextlib.suppress(TypeError):  # what came back is not what such a name should return
        use(made)

    assert rocket.launched


@pytest.mark.parametrize("name", ["an ordinary method", "an attribute", "the function itself"])
def test_an_exposed_one_is_not(sandbox: pycage.Sandbox, rocket: Rocket, name: str) -> None:
    source, use = STILL[name]
    sandbox.expose("launch", rocket.launch)
    made = sandbox.run(f"from host import launch\n{source}").value

    with pytest.raises(pycage.AccessDenied):
        use(made)
    assert rocket.launched == []


# What nobody calls: the interpreter does.
DYING = {
    "__del__": "class C:\n __del__ = launch\nC()",
    "__del__, set later": "class C: pass\nC.__del__ = launch\nC()",
    "__del__, by setattr": "class C: pass\nsetattr(C, '__del__', launch)\nC()",
    "__del__ of a base": "class B:\n __del__ = launch\nclass C(B): pass\nC()",
    "__del__, a static method": "class C:\n __del__ = staticmethod(launch)\nC()",
    "weakref.ref": "import weakref\nclass C: pass\nc = C()\n[c, weakref.ref(c, launch)][::-1]",
    "weakref.ref by its type": "import weakref\nclass C: pass\nc = C()\n[type(weakref.ref(c))(c, launch), c]",
    "weakref.proxy": "import weakref\nclass C: pass\nc = C()\n[weakref.proxy(c, launch), c]",
    "weakref.finalize": "import weakref\nclass C: pass\nc = C()\nweakref.finalize(c, launch, 'x')\n[c]",
}


@pytest.mark.parametrize("name", DYING)
def test_what_runs_when_an_object_dies_runs_with_the_domain_of_its_maker(
    sandbox: pycage.Sandbox, rocket: Rocket, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.unraisablehook", lambda *_: None)
    made = sandbox.run(DYING[name], variables={"launch": rocket.launch, "rocket": rocket}).value
    if type(made) is list:
        made.pop()
    del made
    gc.collect()

    assert rocket.launched == []
