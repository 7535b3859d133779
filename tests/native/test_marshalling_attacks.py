"""A library that lies: wild pointers, lengths and strings, and memory that changes while the host looks at it."""

from __future__ import annotations

import pytest
from pycage_native import _channel as channel
from pycage_native import types
from pycage_native.annotations import In, Out
from pycage_native.types import (
    CFUNCTYPE,
    POINTER,
    ArgumentError,
    Handle,
    Structure,
    byref,
    c_char_p,
    c_int,
    c_long,
    c_ulong,
    c_void_p,
    c_wchar,
    c_wchar_p,
    cast,
    create_string_buffer,
    pointer,
)

from pycage_native.types.memory import Place

from pycage_native import NativeCrash

SOURCE = r"""
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

void *wild(void) { return (void *)0x4141414141414141; }
char *wild_text(void) { return (char *)0x4141414141414141; }
char *endless(void) { char *p = mmap(0, 40 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(p, 'x', 40 << 20); return p; }
wchar_t *endless_wide(void) { return (wchar_t *)endless(); }
wchar_t *no_characters(void) { static uint32_t s[] = {0xFFFFFFFF, 0x110000, 0}; return (wchar_t *)s; }
wchar_t no_character(void) { return 0x7FFFFFFF; }
wchar_t *at_the_end(void) { char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(p + 4096, 4096); wchar_t *s = (wchar_t *)(p + 4096 - 12); s[0] = 'o'; s[1] = 'k'; s[2] = 0; return s; }

typedef struct node { long value; struct node *next; const char *text; int (*function)(int); void *data; } node;
void garbage(node *n) { memset(n, 0x41, sizeof *n); }
void inside(node *n) { n->next = (node *)((char *)n + 3); n->text = (char *)n + sizeof *n; n->data = (char *)n + 1000; }
node garbage_value(void) { node n; memset(&n, 0x41, sizeof n); return n; }
void negative(long *n) { *n = -1; }
void overwrite(void *to, const void *from, int n) { memcpy(to, from, n); }
void beyond(char *p, int n) { memset(p, 'x', n); }
void nothing(void *p) { }
int number(void) { return -5; }
uint64_t ones(void) { return ~0ull; }

static volatile char *target; static volatile long length; static volatile int stop; static pthread_t thread;
static void *scribble(void *unused) { unsigned i = 0; while (!stop) { for (long j = 0; j < length; j++) target[j] = (char)(i * 37 + j); i++; } return 0; }
void start_scribbling(char *p, long n) { target = p; length = n; stop = 0; pthread_create(&thread, 0, scribble, 0); }
void stop_scribbling(void) { stop = 1; pthread_join(thread, 0); }

int many_callbacks(int (*f)(int), int n) { int s = 0; for (int i = 0; i < n; i++) s += f(i); return s; }
int wild_callback(int (*f)(void *)) { return f((void *)0x4141414141414141); }
void *address_of(void *p) { return p; }
long peek(long *p) { return *p; }
"""


class Node(Structure):
    pass


INT = CFUNCTYPE(c_int, c_int)
Node._fields_ = [
    ("value", c_long), ("next", POINTER(Node)), ("text", c_char_p), ("function", INT), ("data", c_void_p),
]  # fmt: skip


@pytest.fixture
def lib(load):
    return load(SOURCE)


def test_a_wild_pointer_crashes_the_executor_only(lib):
    handle = lib.function("wild", c_void_p, [])()

    assert type(handle) is Handle
    with pytest.raises(NativeCrash):
        handle.read(1)
    with pytest.raises(types.StaleHandle):
        handle.read(1)


@pytest.mark.parametrize("argtypes", [None, []])
def test_a_wild_string_crashes_the_executor_only(lib, argtypes):
    with pytest.raises(NativeCrash):
        lib.function("wild_text", c_char_p, argtypes)()


@pytest.mark.parametrize("argtypes", [None, []])
def test_a_string_without_an_end_has_one_for_the_host(lib, argtypes):
    with pytest.raises(ValueError, match="more than|no end"):
        lib.function("endless", c_char_p, argtypes)()
    with pytest.raises(ValueError, match="no end"):
        lib.function("endless_wide", c_wchar_p, argtypes)()
    with pytest.raises(ValueError, match="no end"):
        lib.function("endless", c_void_p, argtypes)().string(limit=100)


def test_what_is_no_character_is_an_error(lib):
    with pytest.raises(ValueError):
        lib.function("no_characters", c_wchar_p)()
    for argtypes in (None, []):
        with pytest.raises(ValueError):
            lib.function("no_character", c_wchar, argtypes)()


def test_a_wide_string_at_the_end_of_its_memory_is_read(lib):
    assert lib.function("at_the_end", c_wchar_p)() == "ok"


def test_pointers_to_garbage_become_handles_and_are_not_followed(lib):
    node = Node(1, pointer(Node(2)), b"text", INT(abs), None)
    lib.function("garbage", None, [POINTER(Node)])(byref(node))

    assert node.value == 0x4141414141414141
    assert type(cast(node.next, c_void_p).value) is Handle
    assert type(node.data) is Handle
    with pytest.raises(NativeCrash):
        node.next.contents.value
    with pytest.raises(types.StaleHandle):
        node.text
    with pytest.raises(types.StaleHandle):
        node.function(5)


def test_garbage_that_is_returned_by_value_is_not_followed(lib):
    node = lib.function("garbage_value", Node, [])()

    with pytest.raises(NativeCrash):
        node.function(5)


def test_pointers_into_the_arena_stay_inside_of_the_object(lib):
    node = Node(0x1122334455667788)
    lib.function("inside", None, [POINTER(Node)])(byref(node))

    # One past the end is a legal pointer in C; nothing can be read there.
    with pytest.raises((IndexError, ValueError)):
        node.text
    with pytest.raises(IndexError):
        node.next.contents.data
    assert node.next.contents.value & 0xFF == 0x55
    assert type(node.data) is Handle


def test_a_length_that_the_library_gives_is_not_believed(lib):
    size = c_long(8)
    lib.function("negative", None, [POINTER(c_long)])(byref(size))
    buffer = create_string_buffer(16)
    beyond = lib.function("beyond", None, [c_void_p, c_int], sync={0: Out(size="#1")})

    with pytest.raises(ValueError, match="negative"):
        beyond(buffer, size.value)
    with pytest.raises(ValueError, match="only 16"):
        beyond(buffer, 17)
    with pytest.raises(TypeError, match="no number"):
        lib.function("beyond", None, sync={0: Out(size="#1")})(buffer, None)
    with pytest.raises(ValueError, match="negative"):
        lib.function("wild", c_void_p)().read(size.value)
    beyond(buffer, 16)
    assert buffer.raw == b"x" * 16


def test_writing_beyond_an_argument_does_not_reach_the_host(lib):
    first, second = create_string_buffer(b"first", 64), create_string_buffer(b"second", 64)
    lib.function("beyond", None, [c_void_p, c_int])(first, 100000)

    assert first.raw == b"x" * 64
    assert second.value == b"second"


def test_whatever_a_library_writes_into_an_object_is_judged(lib):
    import random

    class All(Structure):
        _fields_ = [
            ("nodes", Node * 2), ("texts", c_char_p * 3), ("wide", c_wchar_p), ("any", c_void_p), ("function", INT),
            ("name", types.c_char * 5), ("deep", POINTER(POINTER(c_int))),
        ]  # fmt: skip

    def targets(thing):
        block = thing._memory_
        return [(offset, block.aim(offset)) for offset in type(thing)._pointers_]

    overwrite = lib.function("overwrite", None, [c_void_p, c_void_p, c_int])
    size = types.sizeof(All)
    for seed in range(300):
        chooser = random.Random(seed)
        thing, callback = All(), INT(abs)
        thing.nodes[0].next = pointer(thing.nodes[1])
        thing.texts[1], thing.wide, thing.function = b"text", "wide", callback
        thing.deep = pointer(pointer(c_int(5)))
        words = [
            chooser.choice([
                0, 2**64 - 1, chooser.getrandbits(64), lib.link.remote + channel.ARENA + chooser.randrange(2000),
                lib.link.remote + chooser.randrange(lib.link.size), lib.link.remote - 1, lib.link.remote + lib.link.size,
            ])
            for _ in range(size // 8)
        ]  # fmt: skip
        overwrite(byref(thing), b"".join(word.to_bytes(8, "little") for word in words), size // 8 * 8)
        for offset, target in targets(thing):
            word = words[offset // 8]
            if target is None:
                assert word == 0
            elif type(target) is Handle:
                assert target == word
            else:
                assert type(target) is Place
                assert lib.link.remote <= word < lib.link.remote + lib.link.size
                assert 0 <= target.at <= len(target._block.data)
                assert bytes(thing._memory_.data[offset : offset + 8]) == bytes(8)
        overwrite(byref(thing), None, 0)  # and all of it may be passed again
    assert lib.number() == -5


def test_the_arena_may_change_while_the_host_reads_it(lib):
    # A thread of the library writes over the arena of this channel all the time.
    area = lib.function("address_of", c_void_p)(c_void_p(lib.link.remote + channel.ARENA))
    nothing = lib.function("nothing", None, [c_void_p])
    start = lib.function("start_scribbling", None, [c_void_p, c_long])
    number, changed = lib.number, 0
    start(area, 4096)
    for _ in range(300):
        node, kept = Node(1, pointer(Node(2)), b"text"), (c_void_p * 300)()
        nothing(byref(node))
        nothing(kept)
        changed += node.value != 1
        # What was judged is what is kept: a pointer is a handle, NULL, or into the node or what it points to.
        for found in [cast(node.next, c_void_p).value, node.data, *kept]:
            assert found is None or type(found) in {Handle, Place}
            if type(found) is Place:
                assert 0 <= found.at <= len(found._block.data)
    assert changed
    assert number() == -5


def test_the_host_s_pointers_are_never_numbers_in_the_executor(lib):
    peek = lib.function("peek", c_ulong, [c_void_p])
    target = c_long(5)
    holder = pointer(target)

    assert 0 <= peek(byref(holder)) - lib.link.remote < lib.link.size
    assert peek(byref(c_void_p())) == 0


def test_what_one_call_left_in_the_arena_is_not_what_the_next_sees(lib):
    nothing = lib.function("nothing", None, [c_void_p])
    peek = lib.function("peek", c_ulong, [c_void_p], sync={0: Out()})
    nothing(create_string_buffer(b"\xff" * 4096))

    assert peek(create_string_buffer(64)) == 0


def test_a_full_arena_is_an_error_of_the_call(lib):
    nothing = lib.function("nothing", None, [c_void_p])

    for _ in range(3):
        with pytest.raises(MemoryError, match="arena"):
            nothing(create_string_buffer(2 << 20))
    nothing(create_string_buffer(1000000))
    assert lib.number() == -5


def test_results_are_cut_to_their_type(lib):
    for argtypes in (None, []):
        assert lib.function("ones", types.c_ubyte, argtypes)() == 255
        assert lib.function("ones", c_int, argtypes)() == -1
        assert lib.function("ones", types.c_bool, argtypes)() is True
        assert lib.function("ones", types.c_char, argtypes)() == b"\xff"
        assert lib.function("ones", c_void_p, argtypes)() == 2**64 - 1


def test_callbacks_get_handles_and_are_counted(lib):
    seen = []
    kind = CFUNCTYPE(c_int, c_void_p)

    assert lib.function("wild_callback", c_int, [kind])(kind(lambda p: seen.append(p) or 3)) == 3
    assert type(seen[0]) is Handle
    with pytest.raises(NativeCrash):
        lib.function("wild_callback", c_int, [kind])(kind(lambda p: p.read(8)[0]))


def test_after_the_first_exception_no_callback_runs(lib):
    calls = []

    def function(number):
        calls.append(number)
        raise LookupError

    with pytest.raises(LookupError):
        lib.function("many_callbacks", c_int, [INT, c_int])(INT(function), 1000)
    assert calls == [0]


def test_a_channel_is_free_again_after_every_kind_of_error(lib):
    attempts = [
        lambda: lib.function("nothing", None, [c_void_p])(create_string_buffer(2 << 20)),
        lambda: lib.function("nothing", None, [c_int])("x"),
        lambda: lib.function("nothing", None, [c_int])(2**40),
        lambda: lib.function("nothing", None, [c_void_p], sync={0: In(size=9)})(create_string_buffer(4)),
        lambda: lib.nothing(object()),
    ]
    for attempt in attempts * 10:
        with pytest.raises((MemoryError, ArgumentError, OverflowError, ValueError)):
            attempt()
    channels = [lib.link.acquire()]
    assert lib.link.mark(channels[0]) == 0
    lib.link.release(channels[0])
    assert lib.number() == -5


def test_more_than_the_stack_of_a_call_has_is_refused(lib):
    class Big(Structure):
        _fields_ = [("data", c_long * 65)]

    with pytest.raises(TypeError, match="65 words of stack; 64"):
        lib.function("nothing", None, [Big])(Big())


def test_an_executor_has_64_callbacks(lib):
    nothing = lib.function("nothing", None, [INT])
    functions = [INT(abs) for _ in range(65)]
    for function in functions[:64]:
        nothing(function)

    with pytest.raises(ValueError, match="64 callbacks"):
        nothing(functions[64])
    del function, functions[0]
    nothing(functions[63])


def test_types_that_are_not_used_are_not_kept():
    import gc
    import weakref

    made = [
        weakref.ref(kind)
        for kind in (
            types.c_char * 123457,
            POINTER(types.c_char * 123458),
            CFUNCTYPE(c_int, types.c_char * 123459),
            POINTER(type("Gone", (Structure,), {"_fields_": [("a", c_int)]})),
        )
    ]
    gc.collect()

    assert [reference() for reference in made] == [None] * 4


def test_a_type_of_many_pointers_costs_nothing_until_it_is_used():
    assert types.sizeof(c_void_p * (1 << 40)) == 1 << 43


def test_a_thread_in_the_middle_of_a_turn_gets_another_channel(load):
    lib = load(SOURCE, channels=2)
    number = lib.function("number", c_int, [])
    bare = channel.Function("ones", 1, "i", b"i", True, None)
    lib.function("ones")
    bare._link = lib.link

    class Sly:
        def __index__(self):
            return number()

    assert bare(Sly()) == -1


def test_conversions_that_call_the_library_do_not_meet_the_call(lib):
    class Sly:
        def __index__(self):
            return lib.number()

        @property
        def _as_parameter_(self):
            return lib.number()

    assert lib.function("ones", c_int)(Sly()) == -1
    assert lib.function("ones", c_int, [c_int])(Sly()) == -1
