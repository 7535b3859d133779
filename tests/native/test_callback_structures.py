"""Callbacks that take and return structures by value, as the machine's calling convention has them."""

from __future__ import annotations

import ctypes
import gc
import itertools
import weakref

import pytest
from pycage_native import types
from pycage_native.types import CFUNCTYPE, POINTER, c_char, c_double, c_float, c_int, c_long, c_short

SOURCE = r"""
#include <stdlib.h>
typedef struct { int x, y; } point;
typedef struct { float x, y; } vector;
typedef struct { double x, y; } pair;
typedef struct { double weight; long id; } mixed;
typedef struct { long a, b; } longs;
typedef struct { long id; double weight; } turned;
typedef struct { char name[11]; } odd;
typedef struct { float x, y, z; } triple;
typedef struct { char name[5]; short s; } small;
typedef struct { int value; void *next; } node;
typedef struct { double d[3]; int n; } large;
typedef struct { large one; int more[16]; } huge;

long take_point(long (*f)(point, int), int x) { return f((point){x, -x}, 7); }
long take_all(long (*f)(point, vector, pair, mixed, small)) {
  return f((point){1, 2}, (vector){3, 4}, (pair){5, 6}, (mixed){7, 8}, (small){"nine", 10});
}
long take_many(long (*f)(int, int, int, int, int, longs, int, longs, double, mixed, double)) {
  return f(1, 2, 3, 4, 5, (longs){6, 7}, 8, (longs){9, 10}, 11, (mixed){12, 13}, 14);
}
long take_reals(long (*f)(pair, pair, pair, double, pair, double, double)) {
  return f((pair){1, 2}, (pair){3, 4}, (pair){5, 6}, 7, (pair){8, 9}, 10, 11);
}
long take_large(long (*f)(int, large, int), double d) { return f(1, (large){{d, 2, 3}, 4}, 5); }
long take_huge(long (*f)(huge, huge)) { huge h = {{{1, 2, 3}, 4}, {5}}; return f(h, h); }
long take_node(long (*f)(node)) { static node last = {2, 0}; return f((node){1, &last}); }
point give_point(point (*f)(int)) { point p = f(3); p.x++; return p; }
vector give_vector(vector (*f)(vector)) { return f((vector){0.5f, 1.5f}); }
double give_large(large (*f)(int, double)) { large l = f(4, 2.5); return l.d[0] + l.d[1] + l.d[2] + l.n; }
int give_node(node (*f)(void *), node *n) { node m = f(n); return m.value; }
longs give_longs(longs (*f)(void)) { longs l = f(); l.a++; return l; }
pair give_pair(pair (*f)(pair)) { pair p = f((pair){1, 2}); p.y += 0.5; return p; }
mixed give_mixed(mixed (*f)(void)) { mixed m = f(); m.id++; return m; }
turned give_turned(turned (*f)(int)) { turned t = f(1); t.id++; return t; }
odd give_odd(odd (*f)(void)) { odd o = f(); o.name[0]++; return o; }
triple give_triple(triple (*f)(void)) { return f(); }
"""


class Point(types.Structure):
    _fields_ = [("x", c_int), ("y", c_int)]


class Vector(types.Structure):
    _fields_ = [("x", c_float), ("y", c_float)]


class Pair(types.Structure):
    _fields_ = [("x", c_double), ("y", c_double)]


class Mixed(types.Structure):
    _fields_ = [("weight", c_double), ("id", c_long)]


class Longs(types.Structure):
    _fields_ = [("a", c_long), ("b", c_long)]


class Turned(types.Structure):
    _fields_ = [("id", c_long), ("weight", c_double)]


class Odd(types.Structure):
    _fields_ = [("name", c_char * 11)]


class Triple(types.Structure):
    _fields_ = [("x", c_float), ("y", c_float), ("z", c_float)]


class Small(types.Structure):
    _fields_ = [("name", c_char * 5), ("s", c_short)]


class Large(types.Structure):
    _fields_ = [("d", c_double * 3), ("n", c_int)]


class Huge(types.Structure):
    _fields_ = [("one", Large), ("more", c_int * 16)]


class Node(types.Structure):
    pass


Node._fields_ = [("value", c_int), ("next", POINTER(Node))]


@pytest.fixture
def lib(load):
    return load(SOURCE)


def fields(thing):
    """Return the numbers in a structure or an array."""
    if isinstance(thing, types.Structure):
        return list(itertools.chain.from_iterable(fields(getattr(thing, name)) for name, *_ in thing._fields_))
    return list(thing) if isinstance(thing, types.Array) else [thing]


def given(lib, name, kind, *more):
    """Return what the callback got."""
    found = []

    def note(*arguments):
        found.extend(itertools.chain.from_iterable(map(fields, arguments)))
        return 17

    assert lib.function(name, c_long)(kind(note), *more) == 17
    return found


def test_small_structures_are_in_registers(lib):
    assert given(lib, "take_point", CFUNCTYPE(c_long, Point, c_int), 5) == [5, -5, 7]
    everything = CFUNCTYPE(c_long, Point, Vector, Pair, Mixed, Small)
    assert given(lib, "take_all", everything) == [1, 2, 3.0, 4.0, 5.0, 6.0, 7.0, 8, b"nine", 10]


def test_a_structure_that_does_not_fit_is_on_the_stack_and_the_next_number_in_a_register(lib):
    kind = CFUNCTYPE(c_long, *[c_int] * 5, Longs, c_int, Longs, c_double, Mixed, c_double)
    assert given(lib, "take_many", kind) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.0, 12.0, 13, 14.0]

    kind = CFUNCTYPE(c_long, Pair, Pair, Pair, c_double, Pair, c_double, c_double)
    assert given(lib, "take_reals", kind) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]


def test_large_structures_are_in_memory(lib):
    assert given(lib, "take_large", CFUNCTYPE(c_long, c_int, Large, c_int), c_double(1.5)) == [1, 1.5, 2.0, 3.0, 4, 5]


def test_what_is_too_large_is_refused_with_advice(lib):
    with pytest.raises(TypeError, match="take a pointer"):
        lib.function("take_huge")(CFUNCTYPE(c_long, Huge, Huge)(lambda a, b: 1))


def test_pointers_in_a_structure_are_places_in_the_executor(lib):
    def follow(node):
        return node.value + node.next.contents.value

    assert lib.function("take_node", c_long)(CFUNCTYPE(c_long, Node)(follow)) == 3


def test_the_structure_is_a_copy_of_its_own(lib):
    kept = []
    function = CFUNCTYPE(c_long, Point, c_int)(lambda point, n: kept.append(point) or 1)
    lib.function("take_point", c_long)(function, 1)
    lib.function("take_point", c_long)(function, 2)
    assert [(point.x, point.y) for point in kept] == [(1, -1), (2, -2)]


def test_small_structures_are_returned(lib):
    point = lib.function("give_point", Point)(CFUNCTYPE(Point, c_int)(lambda n: Point(n, 2 * n)))
    assert (point.x, point.y) == (4, 6)
    kind = CFUNCTYPE(Vector, Vector)
    vector = lib.function("give_vector", Vector)(kind(lambda v: (v.y, v.x)))
    assert (vector.x, vector.y) == (1.5, 0.5)


def test_a_large_structure_is_returned_in_memory(lib):
    kind = CFUNCTYPE(Large, c_int, c_double)
    function = kind(lambda n, d: Large((c_double * 3)(1.0, 2.0, d), n))
    assert lib.function("give_large", c_double)(function) == 9.5


@pytest.mark.parametrize(
    ("name", "kind", "takes", "made", "expected"),
    [
        ("give_longs", Longs, (), (2**62, -5), (2**62 + 1, -5)),
        ("give_pair", Pair, (Pair,), (0.25, -1.0), (0.25, -0.5)),
        ("give_mixed", Mixed, (), (2.5, -8), (2.5, -7)),
        ("give_turned", Turned, (c_int,), (2**40, 1.25), (2**40 + 1, 1.25)),
        ("give_odd", Odd, (), (b"abcdefghijk",), (b"bbcdefghijk",)),
        ("give_triple", Triple, (), (1.0, 2.0, 3.0), (1.0, 2.0, 3.0)),
    ],
)
def test_a_structure_is_returned_in_two_registers(lib, name, kind, takes, made, expected):
    function = CFUNCTYPE(kind, *takes)(lambda *_: kind(*made))
    assert tuple(fields(lib.function(name, kind)(function))) == expected


def test_what_is_in_the_registers_is_what_the_structure_has_and_nothing_else(lib):
    # The rest of the second register is zero, as are the registers that the structure does not need.
    odd = lib.function("give_odd", Odd)(CFUNCTYPE(Odd)(lambda: Odd(b"")))
    assert bytes(odd) == b"\1" + bytes(10)


def test_a_wrong_result_is_an_error_of_the_call(lib):
    give = lib.function("give_point", Point)
    with pytest.raises(TypeError, match="expected Point instance"):
        give(CFUNCTYPE(Point, c_int)(lambda n: 5))
    with pytest.raises(TypeError, match="not there afterwards"):
        kind = CFUNCTYPE(Large, c_int, c_double)

        class Pointing(types.Structure):
            _fields_ = [("p", POINTER(c_int)), ("rest", c_long * 3)]

        lib.function("give_large", c_double)(
            CFUNCTYPE(Pointing, c_int, c_double)(lambda n, d: Pointing(types.pointer(c_int(1))))
        )
    assert give(CFUNCTYPE(Point, c_int)(lambda n: Point(1, 2))).x == 2


def test_the_function_type_calls_python_with_copies():
    point = Point(1, 2)

    def change(one):
        one.x = 9
        return one.y

    kind = CFUNCTYPE(c_int, Point)
    assert kind(change)(point) == 2
    assert point.x == 1
    with pytest.raises(TypeError, match="argument 1"):
        kind(change)(5)


def test_real_structures_come_as_copies(lib):
    class Real(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int)]

    found = []
    kind = ctypes.CFUNCTYPE(ctypes.c_long, Real, ctypes.c_int)
    function = kind(lambda point, n: found.append((type(point), point.x, point.y, n)) or 2)
    assert lib.function("take_point", c_long)(function, 3) == 2
    assert found == [(Real, 3, -3, 7)]


def test_such_a_callback_keeps_no_executor(lib):
    function = CFUNCTYPE(c_long, Point, c_int)(lambda point, n: n)
    lib.function("take_point", c_long)(function, 1)
    link = weakref.ref(lib.link)
    lib.library.restart()
    gc.collect()
    assert link() is None
    assert lib.function("take_point", c_long)(function, 1) == 7
