"""Numbers and objects without pointers pass the short way, and everything is as in-process ctypes does it."""

from __future__ import annotations

import ctypes
import gc

import pycage_native
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycage_native import flat, types
from pycage_native.marshalling import Plan

SOURCE = r"""
#include <string.h>
typedef unsigned char byte;
/* Changes both objects, so that it matters whether they overlap. */
int mix(byte *a, int n, byte *b, int m, int step) {
  int sum = 0;
  for (int i = 0; i < n; i++) { sum = sum * 31 + a[i]; a[i] += step; }
  for (int i = 0; i < m; i++) { sum = sum * 31 + b[i]; b[i] ^= i; }
  return sum;
}
typedef struct { int x, y; } point;
typedef struct { point first, second; double weight; } line;
int move(point *p, int by) { p->x += by; p->y -= by; return p->x * p->y; }
double scale(line *l, double by, float add) { l->weight = l->weight * by + add; return l->weight; }
signed char narrow(const int *p) { return *p; }
unsigned long wide(const unsigned long *p) { return *p; }
char *at(char *p, int n) { return p + n; }
point *second(line *l) { return &l->second; }
point *same(point *p) { return p; }
int through(int (*f)(int), point *p) { p->x = 5; int r = f(1); p->y = 6; return r; }
void store(int *p, int v) { *p = v; }
typedef int (*call)(void);
static point *kept;
void keep(point *p) { kept = p; }
int kept_x(void) { return kept->x; }
"""


@pytest.fixture(scope="module")
def path(compiled):
    return compiled(SOURCE)


@pytest.fixture(scope="module")
def library(path):
    with pycage_native.load(path) as loaded:
        yield loaded


@pytest.fixture
def short(monkeypatch):
    """Note which calls go the short way."""
    went = []
    usual = flat.Flat.call

    def call(self, function, args):
        result = usual(self, function, args)
        went.append(result is not flat.MISS)
        return result

    monkeypatch.setattr(flat.Flat, "call", call)
    return went


class Point(types.Structure):
    _fields_ = [("x", types.c_int), ("y", types.c_int)]


class Line(types.Structure):
    _fields_ = [("first", Point), ("second", Point), ("weight", types.c_double)]


class Linked(types.Structure):
    _fields_ = [("at", types.POINTER(types.c_int)), ("n", types.c_int)]


# ---- As ctypes ---------------------------------------------------------------------------------------------------


class World:
    """The same objects of one module of types."""

    def __init__(self, module, data):
        class Point(module.Structure):
            _fields_ = [("x", module.c_int), ("y", module.c_int)]

        class Both(module.Union):
            _fields_ = [("points", Point * 2), ("bytes", module.c_ubyte * 16)]

        class Whole(module.Structure):
            _pack_ = 1
            _fields_ = [
                ("head", module.c_char * 3),
                ("both", Both),
                ("tail", module.c_short),
            ]

        self.module = module
        self.roots = [
            kind.from_buffer_copy(data[: module.sizeof(kind)])
            for kind in (Whole, module.c_int * 6, module.c_char * 9, module.c_double, Both, module.c_ushort)
        ]
        whole, numbers, text, real, both, short = self.roots
        self.shared = bytearray(data[:16])
        self.roots.append((module.c_ubyte * 16).from_buffer(self.shared))
        views = [
            *self.roots,
            whole.both,
            whole.both.points,
            whole.both.points[1],
            (module.c_short * 4).from_buffer(numbers, 4),
            both.bytes,
            module.pointer(short).contents,
        ]
        self.views = views

    def argument(self, number, how, offset):
        view = self.views[number % len(self.views)]
        size = self.module.sizeof(view)
        if how == "pointer":
            return self.module.pointer(view), size
        if how == "array" and isinstance(view, self.module.Array):
            return view, size
        offset %= size
        return self.module.byref(view, offset), size - offset

    def contents(self):
        return [bytes(root) for root in self.roots], bytes(self.shared)


ARGUMENT = st.tuples(st.integers(0, 20), st.sampled_from(["byref", "array", "pointer"]), st.integers(0, 8))


@pytest.fixture(scope="module")
def pairs(library, path):
    """Mix of both worlds: undeclared, declared, and by the general way."""
    real = ctypes.CDLL(str(path))
    other = ctypes.CDLL(str(path))
    other.mix.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    declared = [types.c_void_p, types.c_int, types.c_void_p, types.c_int, types.c_int]
    general = Plan("mix", types.c_int, declared)
    general._flat = None
    return {
        "undeclared": (library.function("mix"), real.mix),
        "declared": (library.function("mix", types.c_int, declared), other.mix),
        "general": (library._bind(general), other.mix),
    }


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(min_size=64, max_size=64),
    st.lists(st.tuples(ARGUMENT, ARGUMENT, st.integers(-9, 9)), min_size=1, max_size=3),
    st.sampled_from(["undeclared", "declared", "general"]),
)
def test_every_view_of_every_object_is_passed_as_ctypes_passes_it(pairs, data, calls, way):
    ours, theirs = World(types, data), World(ctypes, data)
    our_mix, their_mix = pairs[way]

    for first, second, step in calls:
        results = []
        for world, function in ((ours, our_mix), (theirs, their_mix)):
            (a, n), (b, m) = world.argument(*first), world.argument(*second)
            results.append(function(a, n, b, m, step))
        assert results[0] == results[1]
        assert ours.contents() == theirs.contents()


# ---- Which way, and what comes of it ------------------------------------------------------------------------------


def test_objects_without_pointers_go_the_short_way(library, short):
    move = library.function("move", types.c_int, [types.POINTER(Point), types.c_int])
    point = Point(3, 4)

    assert move(point, 1) == 4 * 3
    assert move(types.byref(point), 1) == 5 * 2
    assert move(types.pointer(point), -1) == 4 * 3
    assert move((Point * 2)(point), 0) == 4 * 3
    assert library.function("move")(types.byref(point), 2) == 6 * 1
    line = Line(second=point)
    assert move(line.second, -1) == 5 * 2
    assert (line.second.x, line.second.y, line.first.x) == (5, 2, 0)
    assert short == [True] * 6


def test_what_has_pointers_does_not(library, short):
    store = library.function("store", None, [types.c_void_p, types.c_int])
    number, linked = types.c_int(3), Linked(n=1)
    linked.at = types.pointer(number)
    raw = types.create_string_buffer(16)

    store(types.byref(linked, 8), 9)
    assert linked.n == 9
    assert linked.at[0] == 3
    types.cast(raw, types.POINTER(types.POINTER(types.c_int)))[1] = types.pointer(number)
    store(raw, 4)
    assert types.cast(raw, types.POINTER(types.POINTER(types.c_int)))[1][0] == 3
    assert raw.raw[:4] == b"\4\0\0\0"
    assert short == [False, False]


def test_reals_beside_objects(library, short):
    scale = library.function("scale", types.c_double, [types.POINTER(Line), types.c_double, types.c_float])
    line = Line(weight=1.5)

    assert scale(line, 2.0, 0.25) == 3.25 == line.weight
    assert scale(line, 2, 0.25) == 6.75  # an int for a double: the general way
    assert short == [True, False]


def test_results_are_cut_to_their_type(library, short):
    narrow = library.function("narrow", types.c_byte, [types.POINTER(types.c_int)])
    wide = library.function("wide", types.c_ulong, [types.POINTER(types.c_ulong)])

    assert [narrow(types.c_int(n)) for n in (127, 128, 255, 256)] == [127, -128, -1, 0]
    assert wide(types.c_ulong(2**64 - 1)) == 2**64 - 1
    assert all(short)


def test_a_returned_pointer_into_an_argument_is_one_to_the_object(library, short):
    second = library.function("second", types.POINTER(Point), [types.POINTER(Line)])
    same = library.function("same", types.POINTER(Point), [types.POINTER(Point)])
    line = Line(second=Point(7, 8))

    found = second(line)
    found.contents.x = 9
    assert line.second.x == 9
    assert not same(None)
    at = library.function("at", types.c_char_p, [types.c_char_p, types.c_int])
    assert at(types.create_string_buffer(b"hello"), 2) == b"llo"
    assert at(b"hello", 1) == b"ello"
    assert short == [True, True]  # the others need no object


def test_a_pointer_of_the_library_and_one_of_another(library, path, short):
    same = library.function("same", types.POINTER(Point), [types.POINTER(Point)])
    line = Line()
    library.function("keep", None, [types.POINTER(Point)])(line.first)
    with library.buffer(8) as buffer, pycage_native.load(path) as other:
        handle = library.function("same", types.c_void_p, [types.c_void_p])(buffer)
        assert same(handle) and same(types.cast(handle, types.POINTER(Point)))
        with pytest.raises(types.StaleHandle):
            other.function("same", types.c_void_p, [types.c_void_p, types.c_void_p])(handle, types.byref(line))


def test_what_is_written_comes_back_although_a_callback_raised(library, short):
    kind = types.CFUNCTYPE(types.c_int, types.c_int)
    through = library.function("through")
    point = Point()

    def fail(number):
        raise KeyError(number)

    with pytest.raises(KeyError):
        through(kind(fail), types.byref(point))
    assert (point.x, point.y) == (5, 6)


def test_a_pointer_that_a_callback_puts_into_an_object_is_overwritten_by_what_the_library_wrote(library):
    raw = types.create_string_buffer(8)
    inner = types.c_int(1)
    pointers = types.cast(raw, types.POINTER(types.POINTER(types.c_int)))
    move = library.function("move", types.c_int, [types.c_void_p, types.c_int])
    kind = types.CFUNCTYPE(types.c_int, types.c_int)

    def aim(_):
        pointers[0] = types.pointer(inner)
        return move(types.byref(Point(1, 1)), 1)  # a call in a call, whose object has its own place

    assert library.function("through", types.c_int, [kind, types.c_void_p])(kind(aim), raw) == 0
    assert raw.raw == bytes(Point(5, 6))
    assert library.function("move")(types.byref(Point(2, 3)), 1) == 6


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((5, 1), TypeError),
        ((types.byref(types.c_long()), 1), TypeError),
        ((Line(), 1), TypeError),
        ((Point(), "x"), TypeError),
        ((Point(), 2**40), OverflowError),
        ((Point(),), TypeError),
        ((types.byref(Point(), 9), 1), ValueError),
        ((types.byref(Point(), -1), 1), ValueError),
    ],
)
def test_the_short_way_refuses_what_the_general_way_refuses(library, arguments, error):
    move = library.function("move", types.c_int, [types.POINTER(Point), types.c_int])

    with pytest.raises(error):
        move(*arguments)
    assert move(Point(1, 2), 0) == 2


def test_the_arena_is_free_again(compiled):
    with pycage_native.load(compiled(SOURCE), arena=8192, channels=1) as small:
        store = small.function("store", None, [types.POINTER(types.c_int), types.c_int])
        much, most = (types.c_int * 1500)(), (types.c_int * 2500)()
        for _ in range(5):
            with pytest.raises(MemoryError):
                store(most, 1)
            store(much, 1)
            with pytest.raises(MemoryError):
                small.function("mix")(much, 1, most, 1, 1)
        assert much[0] == 1


def test_a_plan_keeps_no_executor(library, path):
    import weakref

    with pycage_native.load(path) as other:
        move = other.function("move", types.c_int, [types.POINTER(Point), types.c_int])
        move(Point(1, 2), 3)
        link = weakref.ref(other._executor.link)
        other.restart()
        gc.collect()
        assert link() is None
        assert move(Point(1, 2), 3) == 4 * -1
