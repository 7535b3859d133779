"""One guard for each binding of a variable, instead of one for each use."""

from __future__ import annotations

import ast
import random
import textwrap
import types
from typing import TYPE_CHECKING

import pytest

from pycage.language.hoisting import hoistable

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cage


def _hoisted(body: str, head: str = "def f(v, w=None):") -> list[str]:
    function = ast.parse(f"{head}\n{textwrap.indent(textwrap.dedent(body), '    ')}").body[0]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    return [found.name for found in hoistable(function)]


@pytest.mark.parametrize(
    "body",
    [
        "v.a = 1\nv.b = 2",
        "for i in w: v.a = i",
        "v.a = v._b",
        "v._a += v._b",
        "for v in w: v.a = v.b = 1",
        "v = w\nv.a = 1\nv.b = 1\nv.c = 1",
        "v, x = w\nv.a = 1\nv.b = 1\nv.c = 1",
        "v: int = w\nv.a = 1\nv.b = 1\nv.c = 1",
        "with w as v:\n    v.a = 1\n    v.b = 1\n    v.c = 1",
        "try: pass\nexcept E: v.a = 1\nelse: v.b = 1",
        "match w:\n    case 1: v.a = 1\n    case 2: v.b = 1",
        "v.a = 1\nif w: return v._b",
        "v.a = v._b = [x for x in w]",
    ],
)
def test_several_uses_of_one_binding_share_a_guard(body: str) -> None:
    assert _hoisted(body) == ["v"]


@pytest.mark.parametrize(
    "body",
    [
        "v.a = 1",
        "v.a\nv.b()",
        "v._a_ = v._b_",  # the guard of many names does not judge these
        "v.a = 1\nv.b = 2\ndel v",
        "v.a = 1\nv.b = 2\nimport v",
        "v.a = 1\nv.b = 2\nfrom x import y as v",
        "v.a = 1\nv.b = 2\ndef v(): pass",
        "v.a = 1\nv.b = 2\nclass v: pass",
        "v.a = 1\nv.b = 2\n(v := w)",
        "v.a = 1\nv.b = 2\ntry: pass\nexcept E as v: pass",
        "v.a = 1\nv.b = 2\nmatch w:\n    case v: pass",
        "v.a = 1\nv.b = 2\nmatch w:\n    case [*v]: pass",
        "v.a = 1\nv.b = 2\nmatch w:\n    case {**v}: pass",
        "v.a = 1\nv.b = 2\ndef g():\n    nonlocal v\n    v = 1",
        "global x\nx.a = 1\nx.b = 2\nx.c = 2\nx = 3",
        "x.a = 1\nx.b = 2",
        "lambda: (v._a, v._b)",
        "v.a = 1\nv.b = v.c = 2\nv, v.d = w",
        "v.a = 1\nv.b = v.c = 2\nv = v.d = w",
        "v.a = 1\nv.b = v.c = 2\nv, w[0] = w",
        "v.a = 1\nv.b = v.c = 2\nv, (x, y) = w",
        "v.a = 1\nv.b = v.c = 2\nfor v, v.d in w: pass",
        "v.a = 1\nv.b = v.c = 2\nwith w as v, g() as x: pass",
        "v.a = 1\nv.b = v.c = 2\nwith w as (v, x): pass",
        "v.a = 1\nv.b = v.c = 2\n[v for v in w]",
    ],
)
def test_a_variable_that_is_bound_in_another_way_or_hardly_used_has_a_guard_at_each_use(body: str) -> None:
    assert _hoisted(body) == []


_CLASS = """
class C:
    def __init__(self, n): self.n = n; self._p = n; self.next = None
    def __enter__(self): return self
    def __exit__(self, *e): return True
    def __repr__(self): return repr(sorted((k, v) for k, v in vars(self).items() if k != 'next'))
def every(n): return [C(i) for i in range(n)]
"""


@pytest.mark.parametrize(
    "body",
    [
        "for v in o: v.a = v._p; v.b = v._p + 1",
        "for v in o:\n    v.a = 1; v.b = 2\nelse:\n    v.c = 3",
        "for v in []: v.a = 1; v.b = 2\nv = o[0]\nv.a = v.b = 3",
        "v = o[0]\nfor v in []: v.a = 1; v.b = 2\nv.c = 5",
        "v = o[0]\nwhile v.n < 2:\n    v.a = v._p\n    v = o[v.n + 1]\n    v.b = v._p",
        "v, w = o[0], o[1]\nfor i in range(4):\n    v.a = i; w.b = i; v.a += 1; w.b += 2\n    v, w = w, v",
        "v = w = o[0]\nv.a = v.b = w.c = w.d = v.e = 1\nv = o[1]\nv.a = w._p; v._p = 2",
        "first, *v = o\nfirst.a = first.b = first.c = len(v)",
        "with o[0] as v:\n    v.a = v._p; v.b = 1\n    raise ValueError\nv.c = 1",
        "with o[0] as x, o[1] as v:\n    v.a = v._p; v.b = 1; x.c = v._p",
        "last = o[0]\nfor v in o[1:]: last.next = v; last.m = last._p = 7; last = v\nresult = [x.m for x in o[:-1]]",
        "v = o[0]\nv.next = v = o[1]\nv.a = v.b = v.c = 1",
        "v = o[0]\nfor i in (1, 2):\n    v.n = i\n    v = v.next = o[i]\n    v.a = v.b = v._p",
        "v = o[0]\ntry:\n    v.a = v._p\n    v = o[9]\nexcept IndexError:\n    v.b = 1; v.c = v._p",
        "v = o[0]\ntry:\n    for i in range(3):\n        v.a = i\n        v, d[[]] = o[1], 1\nexcept TypeError:\n    v.b = 1; v.c = v._p",
        "v = None\nfor x in o:\n    if v is not None: v.a = x._p; v.b = 1\n    v = x",
        "v = o[0]\nv.a = v.b = v._p\ndel v\nv = o[1]\nv.a = v.b = v._p",
        "v = o[0]\nv.a = v.b = v._p\ndef g():\n    nonlocal v\n    v = o[1]\ng()\nv.c = v._p",
        "v = o[0]\nv.a = v.b = v._p\ng = lambda: v._p\nv = o[1]\nv.a = g()",
        "v = o[0]\nmatch 1:\n    case 1:\n        v = o[1]\n        v.a = v.b = v._p\nv.c = v._p",
        "v: C = o[0]\nv.a: int = 1\nv.b: int = v._p",
        "v = 1\nv += 2\nv = o[0]\nv.a = v.b = v.c = v._p",
        "for v in o:\n    for w in o:\n        if v is w: continue\n        v.a = w._p; w.b = v._p; v.n += 1; w._p -= 1",
        "for (v, w) in zip(o, o[1:]): v.a = w.b = v._p; v._p, w._p = w._p, v._p",
        "v = [o[0]]\nv += [o[1]]\nfor v in v: v.a = v.b = v._p",
        "try:\n    for v in o:\n        v.a = v._p\n        v.missing.x = 1\nexcept AttributeError:\n    v.b = v._p",
        "try:\n    v.a = 1\n    v.b = 1\n    v = o[0]\nexcept UnboundLocalError:\n    result = 'unbound'",
        "v = None\ntry:\n    v.a = 1; v.b = 2; v.c = 3\nexcept AttributeError: result = 'none'",
        "v = None\ntry:\n    v._a; v._b; v._c\nexcept AttributeError: result = 'none'",
    ],
)
def test_a_hidden_variable_holds_the_object_of_its_variable(honest: Callable[..., None], body: str) -> None:
    honest(
        f"{_CLASS}\ndef f(o, d):\n    result = None\n{textwrap.indent(body, '    ')}\n    return result\n"
        "o = every(3)\nresult = f(o, {}), o"
    )


def test_asynchronous_statements_are_seen_too(honest: Callable[..., None]) -> None:
    honest(
        f"""{_CLASS}
class A:
    def __init__(self, o): self._o = o
    def __aiter__(self): return self
    async def __anext__(self):
        if not self._o: raise StopAsyncIteration
        return self._o.pop()
    async def __aenter__(self): return self._o[0]
    async def __aexit__(self, *e): pass
async def f(o):
    async with A(o) as v: v.a = v._p; v.b = v._p
    async for v in A(list(o)): v.c = v._p; v.d = v._p
o = every(3)
try: f(o).send(None)
except StopIteration: pass
result = o
"""
    )


@pytest.mark.parametrize(
    "body",
    [
        "for v in [h]:\n    v.mode = 'owned'\n    v.mode = 'owned'",
        "for v in own, h:\n    v.mode = 'owned'\n    v.mode = 'owned'",
        "v = own\nv.mode = v.mode = v.mode = 'x'\nv = h\nv.mode = 'owned'",
        "v = own\nfor i in (1, 2):\n    v.mode = v.mode = v.mode = 'owned'\n    v = h",
        "v, w = own, h\nfor i in (1, 2):\n    v.mode = v.mode = v.mode = 'owned'\n    v, w = w, v",
        "with nullcontext(h) as v:\n    v.mode = v.mode = 'owned'",
        "v = own\nv.mode = v.mode = v.mode = 'x'\nv, v.mode = h, 'owned'",
        "v = own\nv.mode = v.mode = v.mode = 'x'\nv = v.mode = h\nh.mode = 'owned'",
        "v = own\nfor v, v.mode in [(h, 'owned')]: v.a = v.b = v.c = 1",
        "v = own\nv.mode = v.mode = v.mode = ''\nv = h\nv.mode += 'owned'\nv.mode += 'owned'",
        "v = own\nv.a = v.b = v.c = 1\ndef g():\n    nonlocal v\n    v = h\ng()\nv.mode = 'owned'",
        "v = own\nv.a = v.b = v.c = 1\nv = h\ndef g(): v.mode = v.mode = v.mode = 'owned'\ng()",
        "v = own\nv.a = v.b = v.c = 1\nmatch h:\n    case v: v.mode = 'owned'",
        "v = own\nv.a = v.b = v.c = 1\nif (v := h): v.mode = 'owned'",
        "v = own\nv.a = v.b = v.c = 1\n[v.mode for v in [h] for v.mode in ['owned']]",
        "v = h\nv.mode: str = 'owned'\nv.mode: str = 'owned'\nv.mode: str = 'owned'",
        "v = h\nfor i in 1, 2: (v.mode, x) = 'owned', 1",
    ],
)
def test_a_host_object_in_any_variable_is_not_changed(attack: Callable[..., None], body: str) -> None:
    attack(
        "from contextlib import nullcontext\nclass C: mode = ''\n"
        f"def f(h, own):\n{textwrap.indent(body, '    ')}\nf(host, C())\nescaped = 'owned' in host.mode"
    )


@pytest.mark.parametrize(
    "body",
    [
        "for v in [h]:\n    v._secret\n    return v._secret",
        "for v in own, h:\n    x = v._secret, v._secret\nreturn x[0] == 'secret'",
        "v = own\nv._secret; v._secret; v._secret\nv = h\nreturn v._secret == 'secret'",
        "with nullcontext(h) as v:\n    v._secret; v._secret\n    return v._secret",
        "v, w = h, own\nv._secret; v._secret; w._secret\nreturn v._secret",
        "v = h\nfor i in 1, 2: x = v._secret\nreturn x",
        "v = h\nfor i in 1, 2: v._secret += 'x'\nreturn True",
        "v = type(h)\nfor i in 1, 2: x = v._hidden\nreturn x(h)",
    ],
)
def test_a_private_name_of_a_host_object_in_any_variable_is_not_read(attack: Callable[..., None], body: str) -> None:
    attack(
        "from contextlib import nullcontext\nclass C: _secret = ''\n"
        f"def f(h, own):\n{textwrap.indent(body, '    ')}\nescaped = f(host, C())",
        Host=None,
        host=_Secretive(),
    )


class _Secretive:
    _secret = "secret"  # noqa: S105

    def _hidden(self) -> str:
        return self._secret


def test_a_class_of_the_host_in_a_variable_is_not_changed(attack: Callable[..., None]) -> None:
    attack("def f():\n    for v in [Host]: v.a = 1; v.b = 2\nf()\nescaped = hasattr(Host, 'b')")


def test_containers_of_attributes_are_written_to_through_any_variable(honest: Callable[..., None]) -> None:
    honest(
        "def f(all):\n    for n in all: n.a = 1; n.b = 2; n.a += n.b\nf(all)\nresult = all",
        all=[types.SimpleNamespace(), types.SimpleNamespace(a=5)],
    )


def test_the_hidden_variables_are_not_seen(honest: Callable[..., None]) -> None:
    honest(
        f"{_CLASS}\ndef f(self):\n    for v in every(2): v.a = v.b = self._p = 1\n    return locals()\nresult = f(C(1))"
    )


_USES = ("{v}.a = {n}", "{v}.b += {n}", "{v}._p = {w}._p", "{v}._p += {n}", "{w}.next = {v}", "{v}.a = {v}._p + {w}._p")
_BINDINGS = (
    "{v} = {w}", "{v} = o[{n}]", "{v}, {w} = {w}, {v}", "{v} = {w} = o[{n}]", "{v} = {v}.next", "{v} = None", "{v} += 1",
)  # fmt: skip
_ODD = (
    "{v} = {v}.next = {w}", "{v}, {w}.a = o[{n}], {n}", "{v}, d[{n}] = {w}, {v}.n", "del {v}", "{v}.x.y = {n}",
    "{w} = [{v} for {v} in o][{n}]",
)  # fmt: skip
_BLOCKS = (
    "for {v} in o:", "for {v}, {w} in zip(o, o[1:]):", "for i in range(2):", "with {w} as {v}:", "if {v}:", "if {v} is {w}:",
    "try:", "while tick():",
)  # fmt: skip
_ODD_BLOCKS = ("def g({v}={v}):", "for {v} in [{w}]:", "with o[{n}] as {w}, {w} as {v}:")


def _random_body(chance: random.Random, depth: int) -> list[str]:
    lines: list[str] = []
    for _ in range(chance.randint(2, 7)):
        names = chance.sample(["v", "w", "u"], 2)
        blocks = depth < 4 and chance.random() < 0.25
        odd = chance.random() < 0.04
        ordinary = _USES if chance.random() < 0.8 else _BINDINGS
        choice = chance.choice((_ODD_BLOCKS if odd else _BLOCKS) if blocks else _ODD if odd else ordinary)
        lines.append(choice.format(v=names[0], w=names[1], n=chance.randrange(4)))
        if blocks:
            inside = [f"    {line}" for line in _random_body(chance, depth + 1)]
            extra = {"try": ["except Exception: pass"], "def": ["g()"]}
            lines += inside + extra.get(choice[:3], [])
    return lines


@pytest.mark.parametrize("seeds", [range(start, start + 100) for start in range(0, 600, 100)])
def test_random_statements_do_the_same_with_hidden_variables(cage: Cage, seeds: range) -> None:
    """Includes what is bound, deleted and used in every order."""
    hoisted = 0
    for seed in seeds:
        body = _random_body(random.Random(seed), 0)
        source = "\n".join(
            [
                _CLASS,
                "turns = [0]\ndef tick():\n    turns[0] += 1\n    return turns[0] < 9",
                "def f(o, d, v, w, u):",
                *(f"    {line}" for line in body),
                "    return v, w",
                "o = every(4)\ntry: result = f(o, {}, *o[:3])",
                "except Exception as e: result = type(e).__name__",
                "result = repr((result, o))",
            ]
        )
        hoisted += len(_hoisted("\n".join(body), "def f(o, d, v, w, u):"))
        plain: dict[str, object] = {"__name__": "guest"}
        exec(compile(source, "<guest>", "exec", dont_inherit=True), plain)
        expected = plain["result"]

        actual = cage.run(source)["result"]

        assert expected == actual, source
    assert hoisted >= len(seeds) / 2
