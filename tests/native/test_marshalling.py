"""Calls of every kind of signature, against small libraries."""

from __future__ import annotations

import array
import ctypes
import errno
import gc

import pytest
from pycage_native.errors import ChannelError
from pycage_native import types
from pycage_native.annotations import In, InOut, Out
from pycage_native.marshalling import Plan
from pycage_native.types import (
    CFUNCTYPE,
    POINTER,
    ArgumentError,
    Handle,
    StaleHandle,
    Structure,
    Union,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_long,
    c_short,
    c_size_t,
    c_ubyte,
    c_void_p,
    c_wchar_p,
    cast,
    create_string_buffer,
    create_unicode_buffer,
    pointer,
    sizeof,
    string_at,
)

SOURCE = r"""
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

int add(int a, int b) { return a + b; }
double mix(int a, double b, float c, long d) { return a + b + c + d; }
float half(float x) { return x / 2; }
signed char narrow(int x) { return x; }
long many(int a, int b, int c, int d, int e, int f, int g, int h) { return a + 10*b + 100*c + 1000*d + 10000*e + 100000*f + 1000000L*g + 10000000L*h; }
void set(int *p, int v) { *p = v; }
int sum(int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i]; return s; }
void fill(char *p, int n, int c) { memset(p, c, n); }
void swap(void **a, void **b) { void *t = *a; *a = *b; *b = t; }
int fail(int e) { errno = e; return -1; }
char *identity(char *s) { return s; }
void *opaque(void *p) { return p; }
wchar_t *wide(wchar_t *s) { return s; }
size_t wide_length(wchar_t *s) { return wcslen(s); }
const char *greeting(void) { return "hello"; }
const wchar_t *wide_greeting(void) { return L"h\u00e9llo"; }
int truth(_Bool b) { return b; }
int letter(char c) { return c; }

typedef struct node { int value; struct node *next; } node;
int total(node *n) { int s = 0; while (n) { s += n->value; n = n->next; } return s; }
int circle(node *n) { int c = 0; node *start = n; do { n->value *= 2; n = n->next; c++; } while (n != start); return c; }
node *push(node *head, int value) { node *n = malloc(sizeof *n); n->value = value; n->next = head; return n; }
void relink(node *a, node *b, node *c) { a->next = c; c->next = b; b->next = 0; }
node make(int value) { return (node){value, 0}; }
node chain(node *next, int value) { return (node){value, next}; }

typedef struct { char name[8]; const char *text; int (*compare)(int, int); void *data; double weight; } record;
int use(record *r) { r->weight *= 2; strcpy(r->name, "used"); return r->compare ? r->compare(r->text ? (int)strlen(r->text) : -1, 5) : -2; }
int padding(const unsigned char *r, int n) { int s = 0; for (int i = 0; i < n; i++) s += r[i] != 0; return s; }

typedef union { double real; uint64_t bits; } either;
uint64_t bits_of(either e) { return e.bits; }

typedef int (*callback)(int, int);
int apply(callback f, int a, int b) { return f ? f(a, b) : -1; }
static callback kept;
void keep(callback f) { kept = f; }
int call_kept(int a) { return kept(a, a); }
static int subtract(int a, int b) { return a - b; }
callback get(int which) { return which ? subtract : 0; }
double apply_real(double (*f)(double, float, char), double x) { return f(x, 0.5f, 'q'); }
int apply_pointer(int (*f)(node *, const char *, void *), node *n) { return f(n, "text", n); }
long apply_many(long (*f)(int, double, int, int, int, int, int, int, double)) { return f(1, 2.5, 3, 4, 5, 6, 7, 8, 9.5); }
int apply_twice(callback f, int *counter) { int r = f(1, 2); *counter = 77; return r + f(3, 4); }
void *apply_make(void *(*f)(int), int n) { return f(n); }

int vsum(int n, ...) { va_list v; va_start(v, n); int s = 0; for (int i = 0; i < n; i++) s += va_arg(v, int); va_end(v); return s; }
double vreal(int n, ...) { va_list v; va_start(v, n); double s = 0; for (int i = 0; i < n; i++) s += va_arg(v, double); va_end(v); return s; }

void copy(char *dst, const char *src, int n) { for (int i = 0; i < n; i++) dst[i] = src[i] + dst[i]; }
void lengthy(char *dst, size_t *n) { memset(dst, 'x', *n); *n = 3; }
"""


class Node(Structure):
    pass


Node._fields_ = [("value", c_int), ("next", POINTER(Node))]
COMPARE = CFUNCTYPE(c_int, c_int, c_int)


class Record(Structure):
    _fields_ = [
        ("name", c_char * 8),
        ("text", c_char_p),
        ("compare", COMPARE),
        ("data", c_void_p),
        ("weight", c_double),
    ]


@pytest.fixture
def lib(load):
    return load(SOURCE)


# ---- Numbers ----------------------------------------------------------------------------------------------------


def test_numbers_pass_by_the_fast_and_by_the_slow_way(lib):
    fast = lib.function("add", c_int, [c_int, c_int])
    slow = lib.function("add")

    assert fast.fast
    assert not slow.fast
    assert fast(2, 3) == slow(2, 3) == fast(c_int(2), 3) == slow(c_int(2), c_int(3)) == 5


def test_a_fast_function_goes_the_slow_way_for_what_is_no_plain_value(lib):
    mix = lib.function("mix", c_double, [c_int, c_double, c_float, c_long])

    assert mix.fast
    assert mix(1, 2.5, 0.25, 4) == 7.75
    assert mix(c_int(1), c_double(2.5), c_float(0.25), c_long(4)) == 7.75


def test_results_have_their_width(lib):
    assert lib.function("narrow", types.c_byte, [c_int])(200) == -56
    assert lib.function("narrow", types.c_byte)(200) == -56
    assert lib.function("half", c_float, [c_float])(1.1) == ctypes.c_float(ctypes.c_float(1.1).value / 2).value
    assert lib.function("add", c_short)(40000, 0) == -25536


def test_more_arguments_than_registers(lib):
    many = lib.function("many", c_long, [c_int] * 8)

    assert many(1, 2, 3, 4, 5, 6, 7, 8) == 87654321


def test_characters_and_truth(lib):
    assert lib.function("letter", c_int, [c_char])(b"q") == lib.function("letter")(c_char(b"q")) == ord("q")
    assert lib.function("truth", c_int, [types.c_bool])([1]) == 1


def test_a_subclass_of_a_simple_type_comes_back_as_an_object(lib):
    class Status(c_int):
        pass

    result = lib.function("add", Status, [c_int, c_int])(2, 3)

    assert type(result) is Status
    assert result.value == 5


def test_a_callable_as_the_type_of_a_result_gets_an_int(lib):
    assert lib.function("add", lambda number: [number])(2, 3) == [5]


@pytest.mark.parametrize("value", [2**32, -(2**31) - 1, 10**30])
def test_a_number_that_does_not_fit_is_an_error(lib, value):
    for function in (lib.function("add", c_int, [c_int, c_int]), lib.function("add")):
        with pytest.raises(OverflowError, match="does not fit into 32 bits"):
            function(1, value)
    assert lib.add(1, 2) == 3


def test_wrong_types_name_the_argument(lib):
    for function in (lib.function("add", c_int, [c_int, c_int]), lib.function("add", c_int, [c_int, c_long])):
        with pytest.raises(ArgumentError, match="argument 2: TypeError"):
            function(1, "x")
        with pytest.raises(TypeError, match="at least 2 arguments .1 given"):
            function(1)
    with pytest.raises(ArgumentError, match="argument 1"):
        lib.add(object())


def test_long_double_is_refused(lib):
    with pytest.raises(TypeError, match="long double"):
        lib.function("add", types.c_longdouble)
    with pytest.raises(TypeError, match="long double"):
        lib.function("add", c_int, [types.c_longdouble])
    kind = types.CFUNCTYPE(c_int, types.c_longdouble)
    with pytest.raises(TypeError, match="takes double"):
        lib.function("keep")(kind(lambda x: 0))


def test_a_structure_with_a_long_double_passes_by_pointer_only(lib):
    class Long(Structure):
        _fields_ = [("n", c_int), ("x", types.c_longdouble)]

    made = Long(n=3)
    assert sizeof(made) == 32
    lib.function("set")(byref(made), 9)
    assert made.n == 9
    with pytest.raises(TypeError, match="takes double"):
        made.x
    with pytest.raises(TypeError, match="takes double"):
        made.x = 1.0
    with pytest.raises(TypeError, match="takes double"):
        lib.function("make", Long)
    with pytest.raises(TypeError, match="takes double"):
        lib.function("padding")(made, 1)


def test_a_variable_number_of_arguments(lib):
    vsum = lib.function("vsum", c_int, [c_int])
    vreal = lib.function("vreal", c_double, [c_int])

    assert vsum(3, 10, 20, c_int(30)) == 60
    assert vsum(8, 1, 2, 3, 4, 5, 6, 7, 8) == 36
    assert vreal(3, 0.5, c_double(1.5), c_float(2.0)) == 4.0  # C promotes a float to double
    with pytest.raises(OverflowError):
        vsum(1, 2**40)


def test_the_errno_of_a_call_is_that_of_the_call(lib):
    function = lib.function("fail", c_int, [c_int])
    text = lib.function("greeting", c_char_p, [])

    function(errno.ENOENT)
    assert lib.link.errno == errno.ENOENT
    lib.function("fail")(errno.EPERM)
    assert lib.link.errno == errno.EPERM
    text()  # reading the string afterwards is no call of the library's
    assert lib.link.errno == 0


# ---- Pointers ---------------------------------------------------------------------------------------------------


def test_what_is_written_through_a_pointer_comes_back(lib):
    for argtypes in (None, [POINTER(c_int), c_int]):
        set_to = lib.function("set", None, argtypes)
        value = c_int(1)
        set_to(byref(value), 42)
        assert value.value == 42
        set_to(pointer(value), 43)
        assert value.value == 43
        items = (c_int * 3)(1, 2, 3)
        set_to(items, 44)
        assert list(items) == [44, 2, 3]
        set_to(cast(byref(items, 8), POINTER(c_int)), 45)
        assert list(items) == [44, 2, 45]
        shared = bytearray(8)
        set_to(byref(c_int.from_buffer(shared, 4)), 46)
        assert shared == b"\0\0\0\0\x2e\0\0\0"


def test_a_parameter_of_a_pointer_type_takes_an_object(lib):
    value = c_int(1)
    lib.function("set", None, [POINTER(c_int), c_int])(value, 5)

    assert value.value == 5


def test_arrays_and_buffers_pass_by_address(lib):
    total = lib.function("sum", c_int, [POINTER(c_int), c_int])

    assert total((c_int * 4)(1, 2, 3, 4), 4) == 10
    assert total(array.array("i", [5, 6]), 2) == 11
    assert total(None, 0) == 0
    target = bytearray(b"....")
    lib.function("fill", None, [c_void_p, c_int, c_int])(target, 3, ord("x"))
    assert target == b"xxx."
    assert lib.function("sum")(memoryview(array.array("i", [1, 2])), 2) == 3


def test_bytes_are_not_changed(lib):
    text = b"abc"
    lib.function("fill", None, [c_char_p, c_int, c_int])(text, 3, ord("x"))

    assert text == b"abc"


def test_strings_in_and_out(lib):
    identity = lib.function("identity", c_char_p, [c_char_p])

    assert identity.fast
    assert identity(b"hello") == b"hello"
    assert identity(None) is None
    assert identity(c_char_p(b"abc")) == b"abc"
    assert identity(create_string_buffer(b"def")) == b"def"
    assert lib.function("greeting", c_char_p)() == b"hello"
    assert lib.function("wide_greeting", c_wchar_p)() == lib.function("wide_greeting", c_wchar_p, [])() == "h\u00e9llo"
    assert lib.function("wide", c_wchar_p, [c_wchar_p])("w\u00eed\U0001f600") == "w\u00eed\U0001f600"
    assert lib.function("wide_length", c_size_t)("abc") == 3
    assert lib.function("wide_length", c_size_t, [c_wchar_p])(create_unicode_buffer("ab", 9)) == 2


def test_a_string_with_a_nul_is_refused(lib):
    for function in (lib.function("identity", c_char_p, [c_char_p]), lib.function("wide", c_wchar_p, [c_wchar_p])):
        text = b"a\0b" if function.name == "identity" else "a\0b"
        with pytest.raises(ValueError, match="embedded null"):
            function(text)


def test_a_pointer_into_an_argument_comes_back_as_one(lib):
    buffer = create_string_buffer(b"hello", 10)
    as_pointer = lib.function("opaque", POINTER(c_char), [c_void_p])
    as_opaque = lib.function("opaque", c_void_p, [c_void_p])

    result = as_pointer(byref(buffer, 2))
    result[0] = b"L"
    assert buffer.value == b"heLlo"
    assert as_opaque(buffer) == types.addressof(buffer)
    assert not as_pointer(None)
    assert as_opaque(None) is None
    # Into a string that is an argument, too: not into the arena, whose bytes are others' later.
    found = lib.function("identity", c_void_p, [c_char_p])(b"text")
    assert string_at(found) == b"text"


def test_pointers_to_pointers(lib):
    a, b = pointer(c_int(1)), pointer(c_int(2))
    swap = lib.function("swap", None, [POINTER(POINTER(c_int)), POINTER(POINTER(c_int))])
    swap(byref(a), byref(b))

    assert (a[0], b[0]) == (2, 1)
    first, second = c_void_p(), c_void_p(5)
    lib.function("swap", None)(byref(first), byref(second))
    assert (first.value, second.value) == (5, None)


def test_linked_structures_are_followed(lib):
    third = Node(3)
    second = Node(2, pointer(third))
    first = Node(1, pointer(second))

    assert lib.function("total", c_int, [POINTER(Node)])(byref(first)) == 6


def test_a_long_list_does_not_recurse(lib):
    head = Node(0)
    for value in range(3000):
        head = Node(value, pointer(head))

    assert lib.function("total", c_int, [POINTER(Node)])(head) == sum(range(3000))


def test_a_circle_is_copied_once(lib):
    first, second = Node(1), Node(2)
    first.next, second.next = pointer(second), pointer(first)

    assert lib.function("circle", c_int, [POINTER(Node)])(byref(first)) == 2
    assert (first.value, second.value) == (2, 4)
    assert first.next.contents.next.contents.value == 2


def test_a_library_may_change_which_local_object_is_pointed_to(lib):
    a, b, c = Node(1), Node(2), Node(3)
    a.next = pointer(b)
    lib.function("relink", None, [POINTER(Node)] * 3)(a, b, c)

    assert a.next.contents.value == 3
    a.next.contents.value = 30
    assert (c.value, c.next.contents.value, bool(b.next)) == (30, 2, False)


def test_a_structure_with_everything(lib):
    record = Record(b"name", b"twelve bytes", COMPARE(lambda a, b: a * 100 + b), None, 1.5)

    assert lib.function("use", c_int, [POINTER(Record)])(byref(record)) == 1205
    assert (record.name, record.weight, record.text) == (b"used", 3.0, b"twelve bytes")
    assert record.compare(1, 2) == 102
    assert lib.function("use", c_int, [POINTER(Record)])(byref(Record())) == -2


def test_structures_by_value(lib):
    make = lib.function("make", Node, [c_int])

    assert make(7).value == 7
    assert not make(7).next
    other = Node(5)
    made = lib.function("chain", Node, [POINTER(Node), c_int])(byref(other), 6)
    made.next.contents.value = 50
    assert (made.value, other.value) == (6, 50)


def test_unions_by_value(lib):
    class Either(Union):
        _fields_ = [("real", c_double), ("bits", types.c_ulong)]

    assert lib.function("bits_of", types.c_ulong, [Either])(Either(1.0)) == 0x3FF0000000000000
    assert lib.function("bits_of", types.c_ulong)(Either(bits=5)) == 5


def test_padding_is_zero(lib):
    class Padded(Structure):
        _fields_ = [("a", c_ubyte), ("b", c_long), ("c", c_ubyte)]

    padding = lib.function("padding", c_int, [c_void_p, c_int])
    lib.function("fill", None, [c_void_p, c_int, c_int])(create_string_buffer(4096), 4096, 255)

    assert padding(byref(Padded(1, 0, 1)), sizeof(Padded)) == 2


def test_shared_memory_is_passed_by_its_address(lib):
    buffer = lib.library.buffer(4096)
    for argtypes in ([c_void_p, c_int, c_int], [POINTER(c_char), c_int, c_int], None):
        buffer.view[:4] = bytes(4)
        lib.function("fill", None, argtypes)(buffer, 3, ord("x"))
        assert bytes(buffer.view[:4]) == b"xxx\0"


# ---- Handles ----------------------------------------------------------------------------------------------------


def test_a_handle_is_passed_back_compared_read_and_written(lib, libc):
    malloc = libc.function("malloc", c_void_p, [c_size_t])
    opaque = libc.function("free", None, [c_void_p])
    handle = malloc(64)

    assert malloc.fast
    assert opaque.fast
    assert type(handle) is Handle
    assert handle
    assert handle == handle
    assert handle != malloc(64)
    assert hash(handle) == hash(handle)
    handle.write(b"hello\0")
    handle.write(6, b"world\0")
    assert handle.read(11) == b"hello\0world"
    assert handle.read(6, 5) == b"world"
    assert handle.string() == b"hello"
    assert cast(handle, c_char_p).value == b"hello"
    assert string_at(handle, 3) == b"hel"
    assert libc.function("strlen", c_size_t, [c_char_p])(handle) == 5
    assert repr(handle) == "<Handle>"
    assert not any(char.isdigit() for char in repr(handle))
    opaque(handle)
    with pytest.raises(ValueError, match="negative"):
        handle.read(-1)


def test_large_copies_go_in_chunks(libc):
    size = 3 << 20
    handle = libc.function("malloc", c_void_p, [c_size_t])(size)
    data = bytes(range(256)) * (size // 256)
    handle.write(data)

    assert handle.read(size) == data
    handle.write(size - 1, b"\0")
    handle.write(b"x" * (size - 1))
    assert len(handle.string()) == size - 1


def test_remote_objects_are_read_and_written_where_they_are(lib):
    push = lib.function("push", POINTER(Node), [POINTER(Node), c_int])
    total = lib.function("total", c_int, [POINTER(Node)])
    head = push(push(push(None, 1), 2), 3)

    assert [head.contents.value, head[0].next[0].value, head.contents.next.contents.next.contents.value] == [3, 2, 1]
    assert total(head) == 6
    head.contents.next.contents.value = 20
    assert total(head) == 24
    head[0] = Node(5)
    assert total(head) == 5
    numbers = cast(head, POINTER(c_int))
    numbers[0] = 9
    assert total(head) == 9
    assert numbers[0:2] == [9, 0]
    assert bytes(head.contents)[:4] == b"\x09\0\0\0"


def test_a_local_object_may_point_to_a_remote_one(lib):
    push = lib.function("push", POINTER(Node), [POINTER(Node), c_int])
    total = lib.function("total", c_int, [POINTER(Node)])
    head = Node(10, push(None, 5))

    assert total(byref(head)) == 15
    assert head.next.contents.value == 5


def test_a_remote_object_may_not_point_to_a_local_one(lib):
    head = lib.function("push", POINTER(Node), [POINTER(Node), c_int])(None, 1)

    with pytest.raises(TypeError, match="only during a call"):
        head.contents.next = pointer(Node(2))


def test_a_handle_of_another_executor_is_refused(lib, load):
    push = lib.function("push", POINTER(Node), [POINTER(Node), c_int])
    other = load(SOURCE)
    total = other.function("total", c_int, [POINTER(Node)])
    opaque = other.function("opaque", c_void_p, [c_void_p])
    head = push(None, 1)
    handle = cast(head, c_void_p).value
    local = Node(1, head)

    for attempt in (lambda: total(head), lambda: total(local), lambda: opaque(handle), lambda: other.opaque(handle)):
        with pytest.raises(StaleHandle):
            attempt()
    lib.link.close()
    for attempt in (
        lambda: handle.read(1),
        lambda: head.contents.value,
        lambda: total(head),
        lambda: handle.write(b"x"),
        lambda: local.next[0],
    ):
        with pytest.raises(StaleHandle):
            attempt()
    assert repr(handle) == "<Handle, stale>"


def test_a_handle_does_not_keep_its_executor(lib, load):
    other = load(SOURCE)
    handle = other.function("opaque", c_void_p)(c_void_p(64))
    import weakref

    gone = weakref.ref(other.link)
    other.link.close()
    del other

    # The fixture has the link, too; what matters is that the handle is not one more.
    gc.collect()
    assert handle._link is gone()
    assert not [item for item in gc.get_referrers(gone()) if item is handle]


# ---- Annotations ------------------------------------------------------------------------------------------------


def test_in_and_out(lib):
    names = ("dst", "src", "n")
    argtypes = [c_void_p, c_void_p, c_int]
    copy = lib.function("copy", None, argtypes, names=names, sync={"dst": Out(size="n"), "src": In(size="n")})
    dst, src = create_string_buffer(b"zzzzzz", 8), create_string_buffer(b"abcdef", 8)
    copy(dst, src, 3)

    # The library saw zeros in dst, and only three bytes come back.
    assert (dst.raw, src.raw) == (b"abczzz\0\0", b"abcdef\0\0")
    both = lib.function("copy", None, argtypes, names=names, sync={"dst": InOut(size="n"), 1: In(size="#2")})
    target = bytearray(b"\1\1\1\1")
    both(target, b"a\0c", 3)
    assert target == b"b\1d\1"


def test_in_only_is_not_copied_back(lib):
    fill = lib.function("fill", None, [c_void_p, c_int, c_int], sync={0: In(size=4)})
    buffer = create_string_buffer(b"abcd", 8)
    fill(buffer, 4, 65)

    assert buffer.raw == b"abcd\0\0\0\0"


def test_sizes_in_objects_and_by_pointer(lib):
    total = lib.function("sum", c_int, [POINTER(c_int), c_int], sync={0: In(count="#1")})
    assert total((c_int * 4)(1, 2, 3, 4), 2) == 3

    lengthy = lib.function("lengthy", None, [c_void_p, POINTER(c_size_t)], sync={0: Out(size="#1")})
    buffer, size = create_string_buffer(10), c_size_t(6)
    lengthy(buffer, byref(size))
    assert (buffer.raw, size.value) == (b"xxxxxx\0\0\0\0", 3)


def test_up_to_a_nul(lib):
    identity = lib.function("identity", c_char_p, [c_void_p], sync={0: In(size="null-terminated")})
    assert identity(create_string_buffer(b"abc", 20)) == b"abc"
    with pytest.raises(ValueError, match="no NUL"):
        identity((c_char * 3)(*b"abc"))

    fill = lib.function("fill", None, [c_void_p, c_int, c_int], sync={0: Out(size="null-terminated")})
    buffer = create_string_buffer(b"zzzzzzz")
    fill(buffer, 2, ord("y"))
    assert buffer.raw == b"yy\0zzzz\0"


def test_a_size_makes_nuls_in_bytes_possible(lib):
    padding = lib.function("padding", c_int, [c_char_p, c_int], sync={0: In(size="#1")})

    assert padding(b"a\0b\0c", 5) == 3


@pytest.mark.parametrize(
    ("sync", "error"),
    [
        ({"x": In()}, "no argument 'x'"),
        ({0: In(size="m")}, "no argument 'm'"),
        ({0: In(size="#7")}, "no argument '#7'"),
        ({9: In()}, "no argument 9"),
        ({-1: In()}, "no argument -1"),
    ],
)
def test_annotations_name_what_exists(sync, error):
    with pytest.raises(ValueError, match=error):
        Plan("f", c_int, [c_void_p, c_int], names=("p", "n"), sync=sync)


def test_a_direction_says_either_size_or_count():
    with pytest.raises(ValueError, match="either"):
        In(size=1, count=2)
    with pytest.raises(ValueError, match="negative"):
        Out(size=-1)
    with pytest.raises(TypeError):
        Out(size=1.5)


# ---- Callbacks --------------------------------------------------------------------------------------------------


def test_a_callback_is_called(lib):
    apply = lib.function("apply", c_int, [COMPARE, c_int, c_int])
    function = COMPARE(lambda a, b: a * b)

    assert apply(function, 6, 7) == 42
    assert apply(None, 6, 7) == -1
    assert apply(COMPARE(), 6, 7) == -1
    with pytest.raises(ArgumentError):
        apply(lambda a, b: 0, 1, 2)


def test_a_callback_lives_as_long_as_its_object(lib):
    keep, call = lib.function("keep", None, [COMPARE]), lib.function("call_kept", c_int, [c_int])
    function = COMPARE(lambda a, b: a + b)
    keep(function)

    assert call(4) == 8
    for _ in range(200):  # slots are free again
        lib.function("apply", c_int, [COMPARE, c_int, c_int])(COMPARE(lambda a, b: a), 1, 1)
    del function
    gc.collect()
    with pytest.raises(ChannelError, match="never passed"):
        call(4)


def test_callbacks_of_other_types(lib):
    seen = []
    real = CFUNCTYPE(c_double, c_double, c_float, c_char)
    assert (
        lib.function("apply_real", c_double, [real, c_double])(real(lambda *a: seen.append(a) or a[0] * 2), 1.25) == 2.5
    )
    assert seen == [(1.25, 0.5, b"q")]

    many = CFUNCTYPE(c_long, c_int, c_double, c_int, c_int, c_int, c_int, c_int, c_int, c_double)
    assert lib.function("apply_many", c_long, [many])(many(lambda *a: seen.append(a) or 5)) == 5
    assert seen[1] == (1, 2.5, 3, 4, 5, 6, 7, 8, 9.5)


def test_pointers_of_a_callback_are_places_in_the_executor(lib):
    kind = CFUNCTYPE(c_int, POINTER(Node), c_char_p, c_void_p)
    seen = []

    def function(node, text, data):
        seen.append((type(data), text))
        node.contents.value += 1
        return node[0].value

    node = Node(41)
    assert lib.function("apply_pointer", c_int, [kind, POINTER(Node)])(kind(function), byref(node)) == 42
    assert node.value == 42
    assert seen == [(Handle, b"text")]


def test_an_exception_of_a_callback_comes_out_of_the_call(lib):
    twice = lib.function("apply_twice", c_int, [COMPARE, POINTER(c_int)])
    calls = []

    def function(a, b):
        calls.append(a)
        raise KeyError("from the callback")

    counter = c_int(0)
    with pytest.raises(KeyError, match="from the callback"):
        twice(COMPARE(function), byref(counter))
    assert calls == [1]
    assert counter.value == 77  # what the library wrote is there, as the library has returned
    assert lib.add(1, 2) == 3


def test_a_callback_may_call_the_library(lib):
    apply = lib.function("apply", c_int, [COMPARE, c_int, c_int])
    add, total = lib.function("add"), lib.function("sum", c_int, [POINTER(c_int), c_int])
    items = (c_int * 3)(1, 2, 3)

    assert apply(COMPARE(lambda a, b: add(a, b) + total(items, 3)), 10, 20) == 36


def test_a_wrong_result_of_a_callback_is_an_error(lib):
    apply = lib.function("apply", c_int, [COMPARE, c_int, c_int])

    with pytest.raises(TypeError):
        apply(COMPARE(lambda a, b: "x"), 1, 2)
    with pytest.raises(OverflowError):
        apply(COMPARE(lambda a, b: 2**40), 1, 2)


def test_a_callback_cannot_return_a_local_object(lib):
    kind = CFUNCTYPE(c_void_p, c_int)
    make = lib.function("apply_make", c_void_p, [kind, c_int])

    with pytest.raises(TypeError, match="cannot return a pointer"):
        make(kind(lambda n: create_string_buffer(n)), 5)
    assert make(kind(lambda n: None), 5) is None


def test_function_pointers_of_the_library_are_callable(lib):
    get = lib.function("get", COMPARE, [c_int])
    subtract = get(1)

    assert subtract(9, 4) == 5
    assert not get(0)
    with pytest.raises(ValueError, match="NULL"):
        get(0)(1, 2)
    assert lib.function("apply", c_int, [COMPARE, c_int, c_int])(subtract, 9, 4) == 5
    lib.link.close()
    with pytest.raises(StaleHandle):
        subtract(9, 4)


def test_a_callback_outlives_a_restart(lib, load):
    function = COMPARE(lambda a, b: a * b)
    other = load(SOURCE)

    assert lib.function("apply", c_int, [COMPARE, c_int, c_int])(function, 2, 3) == 6
    lib.link.close()
    assert other.function("apply", c_int, [COMPARE, c_int, c_int])(function, 2, 3) == 6


# ---- The real ctypes --------------------------------------------------------------------------------------------


class RealNode(ctypes.Structure):
    pass


RealNode._fields_ = [("value", ctypes.c_int), ("next", ctypes.POINTER(RealNode))]


def test_signatures_of_the_real_ctypes(lib):
    add = lib.function("add", ctypes.c_int, [ctypes.c_int, ctypes.c_int])

    assert add.fast
    assert add(ctypes.c_int(2), 3) == 5
    assert (
        lib.function("mix", ctypes.c_double, [ctypes.c_int, ctypes.c_double, ctypes.c_float, ctypes.c_long])(1, 2, 3, 4)
        == 10
    )
    assert lib.function("identity", ctypes.c_char_p, [ctypes.c_char_p])(b"x") == b"x"
    assert lib.function("identity", ctypes.c_char_p, [ctypes.c_char_p])(ctypes.c_char_p(b"xy")) == b"xy"
    with pytest.raises(ArgumentError):
        add("x", 1)


def test_real_objects_are_copied_in_and_back(lib):
    for argtypes in (None, [ctypes.POINTER(ctypes.c_int), ctypes.c_int], [POINTER(c_int), c_int]):
        function = lib.function("set", None, argtypes)
        value, items = ctypes.c_int(1), (ctypes.c_int * 3)(1, 2, 3)
        function(ctypes.byref(value), 42)
        function(items, 43)
        assert (value.value, list(items)) == (42, [43, 2, 3])
        function(ctypes.pointer(value), 45)
        assert value.value == 45
    lib.function("set")(ctypes.byref(items, 4), 44)
    assert list(items) == [43, 44, 3]
    buffer = ctypes.create_string_buffer(5)
    lib.function("fill", None, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int])(buffer, 3, 65)
    assert buffer.raw == b"AAA\0\0"


def test_real_structures_and_what_they_point_to(lib):
    second = RealNode(2)
    first = RealNode(1, ctypes.pointer(second))
    second.next = ctypes.pointer(first)

    assert lib.function("circle", ctypes.c_int, [ctypes.POINTER(RealNode)])(ctypes.byref(first)) == 2
    assert (first.value, second.value) == (2, 4)
    assert first.next.contents.next.contents.value == 2


def test_real_callbacks(lib):
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)

    assert lib.function("apply", ctypes.c_int, [kind, ctypes.c_int, ctypes.c_int])(kind(lambda a, b: a * b), 6, 7) == 42


def test_real_callbacks_get_copies_of_what_they_point_to(libc):
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, kind]
    items = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
    libc.function("qsort", None, argtypes)(items, 5, 4, kind(lambda a, b: a[0] - b.contents.value))

    assert list(items) == [1, 2, 3, 4, 5]


def test_the_library_s_pointers_do_not_get_into_real_objects(lib):
    node = RealNode(1)
    push = lib.function("push", ctypes.POINTER(RealNode), [ctypes.POINTER(RealNode), ctypes.c_int])
    made = push(None, 5)
    swap = lib.function("swap", None)
    slot, other = ctypes.c_void_p(), cast(made, c_void_p)
    swap(ctypes.byref(slot), byref(other))

    assert slot.value is None
    assert type(made).__mro__[1].__name__ == "Pointer"
    assert made.contents.value == 5
    assert not node.next
    with pytest.raises(TypeError, match="cannot be a result"):
        lib.function("make", RealNode, [ctypes.c_int])


def test_host_addresses_do_not_get_into_the_executor(lib):
    class Raw(ctypes.Structure):
        _fields_ = [("p", ctypes.c_void_p)]

    opaque = lib.function("opaque", c_void_p)
    secret = ctypes.addressof(ctypes.c_int())

    with pytest.raises(ArgumentError, match="target is not known"):
        opaque(ctypes.byref(Raw(secret)))
    with pytest.raises(ArgumentError, match="target is not known"):
        opaque(ctypes.c_void_p(secret))
    assert opaque(ctypes.c_void_p(-1)) == 2**64 - 1


def test_a_real_structure_as_a_result(lib):
    class Pair(ctypes.Structure):
        _fields_ = [("quotient", ctypes.c_int), ("remainder", ctypes.c_int)]

    libc = lib  # div() stands in libc, which the library is linked to
    result = libc.function("div", Pair, [ctypes.c_int, ctypes.c_int])(17, 5)

    assert type(result) is Pair
    assert (result.quotient, result.remainder) == (3, 2)


def test_what_has_no_counterpart_is_refused():
    class Swapped(ctypes.BigEndianStructure):
        _fields_ = [("a", ctypes.c_int)]

    for kind in (ctypes.py_object, Swapped):
        with pytest.raises(TypeError):
            Plan("f", c_int, [kind])
    with pytest.raises(TypeError, match="long double"):
        Plan("f", ctypes.c_longdouble)
