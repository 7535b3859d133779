"""Attacks on what is handed out, kept and exposed that worked once: each is refused, and what looks like it works."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pycage
import pytest
from pycage.handoff.stored import BoundCallable
from rocket import PERMISSION, Rocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def call(value: Any) -> object:
    return value("x")


# ---- A host function under the name of a special method, or kept by a keyword, that nobody looked at -----------------

TEXT = "class Text(str): pass\n"
LIAR = """
class Liar(str):
    asked = 0
    def __hash__(self): return str.__hash__(self)
    def __eq__(self, other):
        Liar.asked += 1
        return Liar.asked > 1
"""
READ = "class Read:\n def __get__(self, instance, owner=None): return launch\n"

LATER: dict[str, tuple[str, Callable[[Any], object]]] = {
    "a keyword that is another one the second time": (
        LIAR + "from itertools import accumulate\naccumulate('xy', **{Liar('func'): launch})",
        list,
    ),
    "the same for a property": (
        LIAR + "class C:\n f = property(**{Liar('fget'): launch})\nC()",
        lambda made: made.f,
    ),
    "a name of a derived class": (TEXT + "type('C', (), {Text('__call__'): launch})()", call),
    "the same by __prepare__": (
        TEXT + "class M(type):\n @classmethod\n def __prepare__(cls, *_): return {Text('__call__'): launch}\n"
        "class C(metaclass=M): pass\nC()",
        call,
    ),
    "a descriptor": (READ + "class C:\n __call__ = Read()\nC()", call),
    "a descriptor that becomes one later": (
        "class Read: pass\nclass C:\n __call__ = Read()\nRead.__get__ = lambda *_: launch\nC()",
        call,
    ),
    "an object of a class that becomes one later": (
        "class V:\n def __call__(self, *_): pass\nclass C:\n __call__ = V()\nV.__get__ = lambda *_: launch\nC()",
        call,
    ),
    "a descriptor that is set": (READ + "class C: pass\nC.__call__ = Read()\nC()", call),
    "a class whose class is a descriptor": (
        "class M(type):\n def __get__(cls, *_): return launch\nclass V(metaclass=M): pass\n"
        "class C:\n __call__ = V\nC()",
        call,
    ),
    "a property": ("class C:\n __call__ = property(lambda self: launch)\nC()", call),
    "a property of an operator": ("class C:\n __contains__ = property(lambda self: launch)\nC()", lambda c: "x" in c),
    "a property of a metaclass": (
        "class M(type):\n __call__ = property(lambda cls: launch)\nclass C(metaclass=M): pass\nC",
        call,
    ),
    "a property that dies": ("class C:\n __del__ = property(lambda self: launch)\n[C()]", lambda made: made.clear()),
    "__init_subclass__": (READ + "class C:\n __init_subclass__ = Read()\nC", lambda made: type("D", (made,), {})),
    "__set_name__": (READ + "class C:\n __set_name__ = Read()\nC()", lambda made: type("D", (), {"x": made})),
    "a slot": ("class C:\n __slots__ = ('__call__',)\nc = C()\nc.__call__ = launch\nc", call),
    "a slot of a class that was refused": (
        "kept = []\nclass B:\n __slots__ = ()\n def __init_subclass__(cls): kept.append(cls)\n"
        "try:\n class C(B):\n  __slots__ = ('__call__', '__len__')\nexcept TypeError: pass\n"
        "c = kept[0]()\ntry: c.__call__ = launch\nexcept AttributeError: pass\nc",
        call,
    ),
    "a slot of another name": (
        "class B:\n __slots__ = ('f',)\nclass C(B):\n __call__ = B.f\nc = C()\nc.f = launch\nc",
        call,
    ),
    "a factory that is exchanged": (
        "from collections import defaultdict\nclass D(defaultdict): pass\nd = D(int)\nd.default_factory = launch\nd",
        lambda made: made["x"],
    ),
    "a class that the host makes": (
        "map(type, ['C'], [()], [{'__call__': launch}])",
        lambda made: next(made)()("x"),
    ),
    "an alias of typing": ("from typing import Annotated\nAnnotated[launch, 1]", call),
    "a format": ("map('{0.risky}'.format, [rocket])", list),
    "a format, by its type": ("map(type('').format_map, ['{a.risky}'], [{'a': rocket}])", list),
    "what a database asks for": (
        "class C:\n __conform__ = launch\nC()",
        lambda made: sqlite3.connect(":memory:").execute("SELECT ?", (made,)),
    ),
    "what copy.replace asks for": ("class C:\n __replace__ = launch\nC()", lambda made: made.__replace__()),
    "the look of a member": (
        "from enum import Enum\nclass E(Enum):\n A = 1\nE._value_repr_ = launch\nE.A",
        repr,
    ),
    "the look of a flag": (
        "from enum import Flag\nclass F(Flag):\n A = 1\n _numeric_repr_ = launch\nF(0)",
        repr,
    ),
    "a pattern that replaces": ("import re\nmap(re.compile('x').sub, [launch], ['x'])", list),
    "a pattern that replaces, by its type": (
        "import re\nmap(type(re.compile('x')).subn, [re.compile('x')], [launch], ['x'])",
        list,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_what_the_host_uses_later_runs_with_the_domain_of_its_maker(
    sandbox: pycage.Sandbox, rocket: Rocket, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.unraisablehook", lambda *_: None)
    source, use = LATER[name]
    try:
        use(sandbox.run(source, variables={"launch": rocket.launch, "rocket": rocket}).value)
    except (pycage.AccessDenied, RuntimeError, TypeError):
        pass
    gc.collect()

    assert rocket.launched == []


ORDINARY: dict[str, tuple[str, object]] = {
    "a property": ("class C:\n __call__ = property(lambda self: lambda x: (self, x)[1])\nC()(1)", 1),
    "an object that can be called": (
        "class V:\n def __call__(self, x): return x\nclass C:\n __call__ = V()\nC()(1)",
        1,
    ),
    "a class": ("class C:\n __call__ = dict\nC()(a=1)", {"a": 1}),
    "a descriptor": (
        "class D:\n def __set_name__(self, owner, name): self.name = name\n"
        " def __get__(self, c, owner=None): return lambda x: (self.name, x)\nclass C:\n __getitem__ = D()\nC()[2]",
        ("__getitem__", 2),
    ),
    "an abstract property": (
        "from abc import ABC, abstractmethod\nclass A(ABC):\n"
        " @property\n @abstractmethod\n def __call__(self): ...\nlist(A.__abstractmethods__)",
        ["__call__"],
    ),
    "a cached method": (
        "from functools import lru_cache\nclass C:\n @lru_cache\n def __call__(self, x): return x\n"
        "c = C()\n(c(1), c(1), C.__call__.cache_info().hits)",
        (1, 1, 1),
    ),
    "slots": ("class C:\n __slots__ = ('a', '__dict__', '__weakref__')\nc = C()\nc.a = c.b = 1\nc.a + c.b", 2),
    "a class by a call": (
        "class B: pass\nC = type('C', (B,), {'__slots__': ('a',), 'x': 1})\n(C.x, C.__name__)",
        (1, "C"),
    ),
    "the type of an object": ("list(map(type, [1, 'x'])) == [int, str]", True),
    "a factory": (
        "from collections import defaultdict\nclass D(defaultdict): pass\nd = D(int)\nd.default_factory = list\nd[1]",
        [],
    ),
    "an alias of typing": (
        "from typing import Annotated, List\n(Annotated[int, 1]('2'), List[int].__origin__)",
        (2, list),
    ),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_what_looks_like_it_works(sandbox: pycage.Sandbox, name: str) -> None:
    source, expected = ORDINARY[name]

    assert sandbox.run(source).value == expected


# ---- Names of a class that are others the second time ----------------------------------------------------------------

NAMES = {
    "what pickle obeys": ("type('C', (), {Liar('__reduce__'): lambda self: (print, ())})"),
    "where look-up goes": ("type('M', (type,), {Liar('mro'): lambda cls: [cls]})"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_a_class_are_what_they_are_when_they_are_looked_at(sandbox: pycage.Sandbox, name: str) -> None:
    with pytest.raises((pycage.AccessDenied, TypeError), match="denied|exactly"):
        sandbox.run(LIAR + NAMES[name])


def test_a_class_has_exact_names_whoever_makes_it() -> None:
    class Text(str):
        __slots__ = ()

    made = type("C", (), {Text("x"): 1})

    assert [type(name) for name in vars(made)] == [str] * len(vars(made))
    assert made.x == 1  # type: ignore[attr-defined]  # just made
    with pytest.raises(TypeError, match="strings"):
        type("C", (), {1: 2})  # type: ignore[dict-item]  # the point


# ---- What is stored does not show what it stands for -----------------------------------------------------------------


def test_a_stored_function_is_not_shown_to_a_sandbox(sandbox: pycage.Sandbox, rocket: Rocket) -> None:
    context = pycage.get_context()
    stored = BoundCallable(context, rocket.launch)
    source = (
        "seen = []\n"
        "class Eye:\n def __eq__(self, other): seen.append(other); return False\n def __call__(self): pass\n"
        "from types import MethodType\n"
        "stored == MethodType(Eye(), 1), stored == Eye()\n"
        "def read(name):\n try: return getattr(stored, name)\n except Exception: return None\n"
        "[len(seen), *[read(name) for name in ('original', '_original', '_call', '__wrapped__', '__self__', '__func__')]]"
    )

    assert sandbox.run(source, variables={"stored": stored}).value == [0, *[None] * 6]
    assert stored == rocket.launch


# ---- Neither crash nor deadlock --------------------------------------------------------------------------------------

DEEP = """
import pycage
def launch(*_): return 1
source = '''
from types import MethodType, GenericAlias
def deep(wrap):
    made = launch
    for _ in range(100_000): made = wrap(made)
    try: made(1)
    except RecursionError: return 'RecursionError'
[deep(lambda made: MethodType(made, 1)), deep(lambda made: GenericAlias(made, (int,)))]
'''
with pycage.Sandbox('deep') as sandbox:
    print(sandbox.run(source, variables={'launch': launch}).value)
"""


def test_bound_calls_of_bound_calls_are_counted_like_other_calls(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-P", "-c", DEEP], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "['RecursionError', 'RecursionError']\n", "")


FINALIZERS = {
    "descriptors": "import os\ndef work(): return [os.close(fd) for fd in os.pipe()]",
    "imports": "def work(): import json, string, collections",
}


@pytest.mark.parametrize("name", FINALIZERS)
def test_a_finalizer_in_the_middle_of_an_operation_may_do_the_same(sandbox: pycage.Sandbox, name: str) -> None:
    source = (
        FINALIZERS[name] + "\nclass Late:\n def __init__(self): self.me = self\n def __del__(self): work()\n"
        "def many():\n for _ in range(400): Late(); work()\nmany()\n'done'"
    )
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(sandbox.run(source).value), daemon=True)
    before = gc.get_threshold()
    gc.set_threshold(7)
    try:
        thread.start()
        thread.join(30)
    finally:
        gc.set_threshold(*before)

    assert results == ["done"]


def test_a_method_of_a_stand_in_takes_names_only() -> None:
    import asyncio

    stand_in = vars(asyncio.BaseEventLoop)["call_soon"]

    with pytest.raises(TypeError, match="must be str"):
        type(stand_in).__getattribute__(stand_in, 5)  # type: ignore[arg-type]  # the point


# ---- What exceptions carry -------------------------------------------------------------------------------------------


class Api:
    """Raises what no handler of Exception sees."""

    def raises(self, kind: str) -> None:
        raise {"SystemExit": SystemExit, "GeneratorExit": GeneratorExit}[kind](self)

    def steps(self, kind: str) -> Iterator[int]:
        yield 1
        self.raises(kind)


@pytest.mark.parametrize("kind", ["SystemExit", "GeneratorExit"])
@pytest.mark.parametrize("way", ["api.raises(kind)", "list(api.steps(kind))"])
def test_exceptions_that_end_programs_carry_no_object_of_the_host_either(
    sandbox: pycage.Sandbox, kind: str, way: str
) -> None:
    sandbox.expose("api", Api(), methods=["raises", "steps"])
    source = (
        f"from host import api\ntry: {way}\nexcept BaseException as error: seen = error\n"
        "(type(seen).__name__, seen.args, getattr(seen, 'code', seen.args[0]))"
    )

    assert sandbox.run(source, variables={"kind": kind}).value == (kind, ("<Api>",), "<Api>")
