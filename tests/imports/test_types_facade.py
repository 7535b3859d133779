"""``types`` in a sandbox: types to ask with, and two that make what is the sandbox's own."""

from __future__ import annotations


import pytest

from pycage import AccessDenied, Sandbox


@pytest.fixture
def sandbox():
    with Sandbox("types_of") as made:
        yield made


def test_the_types_know_the_sandboxes_own_things(sandbox):
    source = """
import types, sys
def f(): pass
class C:
    def m(self): pass
(isinstance(f, types.FunctionType), isinstance(f, types.LambdaType), isinstance(len, types.FunctionType),
 isinstance(C().m, types.MethodType), isinstance(len, types.BuiltinFunctionType), isinstance(sys, types.ModuleType),
 isinstance(getattr(f, "__code__"), types.CodeType), isinstance(compile("1", "x", "eval"), types.CodeType),
 isinstance(sys._getframe(), types.FrameType), isinstance(f, types.CellType),
 issubclass(type(f), types.FunctionType), {types.FunctionType: 1}.get(type(f)), types.FunctionType == type(f))
"""
    assert sandbox.run(source).value == (
        *(True, True, False, True, True, True, True, True, True, False, True, 1, True),
    )


def test_a_method_can_be_made_of_an_own_function(sandbox):
    source = "import types\nclass C: pass\nc = C()\ntypes.MethodType(lambda self, x: (self is c, x), c)(2)"

    assert sandbox.run(source).value == (True, 2)


def test_a_function_can_be_copied_with_another_name_and_other_defaults(sandbox):
    source = """
import types
def make(y):
    def f(x=1): return x + y
    return f
f = make(10)
parts = [getattr(f, name) for name in ("__code__", "__globals__", "__defaults__", "__closure__")]
g = types.FunctionType(parts[0], parts[1], "g", (5,), parts[3])
g(), g.__name__, f()
"""
    assert sandbox.run(source).value == (15, "g", 11)


@pytest.mark.parametrize(
    "call",
    [
        "types.FunctionType(code(f), {})",
        "types.FunctionType(code(f), globals_(f), None, None, (1,))",
        "types.FunctionType(code(f), globals_(f), None, None, cells(h))",
        "types.FunctionType(code(h), globals_(h), None, None, None)",
        "types.FunctionType(compile('1', 'x', 'eval'), globals_(f))",
        "types.FunctionType(code(f), globals_(f), Text('x'))",
        "types.FunctionType(code(f), globals_(f), 'x', [1])",
        "types.CodeType()",
        "types.FrameType()",
        "types.CellType(1)",
        "type(f)(code(f), {})",
        "type(f)(code(f), globals_(f))",
        "type('X', (types.FunctionType,), {})",
        "types.FunctionType._stands_for",
        "setattr(types.FunctionType, '_stands_for', ())",
        "types.new_class(Text('X'))",
        "types.new_class('X', (types.CodeType,))",
        "types.new_class('X', (), {}, lambda ns: ns.update(__reduce__=lambda self: 1))",
    ],
)
def test_nothing_else_can_be_made(sandbox, call):
    source = f"""
import types
class Text(str): pass
code = lambda f: getattr(f, "__code__")
globals_ = lambda f: getattr(f, "__globals__")
cells = lambda f: getattr(f, "__closure__")
def f(): pass
def make(x): return lambda: x
h = make(1)
{call}
"""
    with pytest.raises((AccessDenied, TypeError)):
        sandbox.run(source)


def test_new_class_makes_an_own_class(sandbox):
    source = """
import abc, types
C = types.new_class("C", (abc.ABC,), {}, lambda ns: ns.update(x=1))
D = types.new_class("D")
C.y, D.z = 2, 3
c = C(); c.w = 4
C.x, C.y, D.z, c.w, C.__name__, type(C) is abc.ABCMeta
"""
    assert sandbox.run(source).value == (1, 2, 3, 4, "C", True)
