"""Source in, code of one sandbox out."""

from __future__ import annotations

import dis
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from pycage.errors import RestrictedSyntaxError
from pycage.language import bind, transform

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from conftest import Cage


def _all_code(code: CodeType) -> list[CodeType]:
    nested = [constant for constant in code.co_consts if type(constant) is type(code)]
    return [code, *(inner for constant in nested for inner in _all_code(constant))]


def test_every_code_object_is_tagged_before_it_can_run(cage: Cage) -> None:
    tagged: list[CodeType] = []
    code = bind(
        transform("def f():\n    return [lambda: x for x in y]\nclass C: pass", "m"), cage.guards, tagged.append
    )

    assert sorted(map(id, _all_code(code))) == sorted(map(id, tagged))
    assert tagged[-1] is code


def test_two_binds_share_no_code(cage: Cage) -> None:
    unbound = transform("def f(): pass", "m")
    first, second = (bind(unbound, cage.guards, cage.tag) for _ in range(2))

    assert not {id(code) for code in _all_code(first)} & {id(code) for code in _all_code(second)}


def test_no_placeholder_is_left_and_none_costs_more_than_a_constant(cage: Cage) -> None:
    code = bind(transform("def f(o):\n    o._x\ndef g(o):\n    o.x = 1", "m"), cage.guards, cage.tag)

    for inner in _all_code(code):
        assert not any(type(constant) is str and "pycage:" in constant for constant in inner.co_consts)
        assert not any("JUMP" in instruction.opname for instruction in dis.get_instructions(inner))


def test_compiling_guards_raises_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transform(
            "class C:\n    def f(self, o): o.x = self._y; '{}'.format(o); super().__init__(); match_ = o.obj", "warn"
        )


def test_run_keeps_the_value_of_the_last_expression(cage: Cage) -> None:
    unbound = transform("x = 2\nx * 21", "<run>", "run")
    namespace: dict[str, object] = {"__builtins__": cage.builtins}
    exec(bind(unbound, cage.guards, cage.tag), namespace)

    assert unbound.result_name is not None
    assert not unbound.result_name.isidentifier()
    assert namespace[unbound.result_name] == 42


@pytest.mark.parametrize("source", ["", "x = 1", "def f(): pass", "if True:\n    1"])
def test_run_of_source_without_a_last_expression_has_no_result(source: str) -> None:
    assert transform(source, "<run>", "run").result_name is None


def test_hidden_variables_of_comprehensions_do_not_delete_globals(cage: Cage) -> None:
    """PEP 709 inlines comprehensions; code.replace() would forget that their variables are hidden."""
    namespace = cage.run("x = 5\n[x for x in range(3)]\nlocals()\ndir()\nresult = x")

    assert namespace["result"] == 5


def test_docstrings_and_positions_stay(cage: Cage) -> None:
    source = "def f(self):\n    'doc'\n    self.a = 1\n    self.b = 2\n    raise ValueError\n"
    namespace = cage.run(source)
    function = namespace["f"]

    assert getattr(function, "__doc__", None) == "doc"
    with pytest.raises(ValueError) as caught:
        cage.run("class C: pass\nf(C())", f=function)
    assert caught.traceback[-1].lineno == 4


@pytest.mark.parametrize(
    "source", ["(" * 500 + ")" * 500, "-" * 50_000 + "1", "x" + ".y" * 5_000, "[" * 150 + "]" * 150]
)
def test_deep_nesting_is_an_answer_and_not_a_crash(source: str) -> None:
    try:
        transform(source, "deep")
    except SyntaxError:
        pass


def test_a_long_chain_of_operators_is_not_deep() -> None:
    transform("x = " + " + ".join(["1"] * 700), "long")


def test_ordinary_syntax_errors_are_ordinary() -> None:
    with pytest.raises(SyntaxError) as caught:
        transform("x = = 1", "plugin.py")
    assert not isinstance(caught.value, RestrictedSyntaxError)
    with pytest.raises(SyntaxError):
        transform("x = '\0'", "plugin.py")
    with pytest.raises(SyntaxError):
        transform(b"x = '\xff'", "plugin.py")


def test_bytes_are_utf_8_and_a_cookie_cannot_choose_a_codec() -> None:
    transform("# -*- coding: utf-8 -*-\nx = 'é'".encode(), "plugin.py")
    transform(b"\xef\xbb\xbfx = 1", "plugin.py")
    with pytest.raises(RestrictedSyntaxError, match="UTF-8"):
        transform(b"# coding: rot13\nk = 1", "plugin.py")


def test_arguments_that_only_look_like_text_are_refused() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(TypeError):
        transform(Text("1"), "f")
    with pytest.raises(TypeError):
        transform("1", Text("f"))
    with pytest.raises(ValueError, match="flags"):
        transform("1", "f", flags=0x400)


def test_all_of_the_language_is_accepted(honest: Callable[..., None]) -> None:
    honest("""
import asyncio
async def gen():
    for i in range(3):
        yield i
async def main():
    async with Lock() as lock:
        return [x async for x in gen()] + [await asyncio.sleep(0, lock)]
class Lock:
    async def __aenter__(self): return 'locked'
    async def __aexit__(self, *exc): return False
def counter():
    n = 0
    def step(by=1, /, *rest, key=0, **kw):
        nonlocal n
        n += by
        return n
    return step
step = counter(); step(); step(5)
*head, tail = [1, 2, 3]
square = lambda x: x ** 2
text = f'{square(3)!r:>5}{tail=}'
if (half := 10 // 2) > 4: pass
def delegating():
    received = yield from iter([1, 2])
    return received
x: int = 3
assert x == 3, 'never'
try:
    raise KeyError('k')
except (KeyError, ValueError) as error:
    caught = str(error)
else:
    caught = None
finally:
    done = True
d = {**{'a': 1}, 'b': 2}; d['a'] += 1; del d['b']
lst = [0] * 5; lst[1:3] = [7, 8]
result = asyncio.run(main()), step(1), head, tail, text, half, list(delegating()), caught, done, d, lst, __name__ == '__main__'
""")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
def test_type_parameters_are_accepted(honest: Callable[..., None]) -> None:
    honest("""
type Pair[T] = tuple[T, T]
class Box[T: (int, str)]:
    def __init__(self, value: T) -> None: self._value = value
    def get[U](self, other: U) -> T | U: return self._value
def first[T, *Ts, **P](x: T) -> T: return x
result = Pair.__name__, Box(3).get('x'), first(5), Box.__type_params__[0].__name__
""")
