"""Other ways to call: batches, pipelines, shared buffers, pools, asyncio, and the shape of ctypes."""

from __future__ import annotations

import array
import asyncio
import threading

import pycage_native as native
import pytest
from pycage.access import do_privileged
from pycage_native import NativeCrash, NativeError, Pool

SOURCE = r"""
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int count;
double scale(double x, double by) { return x * by; }
int add(int a, int b) { return a + b; }
int next(void) { return ++count; }
int crash_at(int x) { if (x == 7) abort(); return x; }
long sum(const unsigned char *bytes, long n) { long s = 0; for (long i = 0; i < n; i++) s += bytes[i]; return s; }
void fill(char *bytes, long n) { memset(bytes, 'x', n); }
int waits(int ms) { usleep(ms * 1000); return ms; }
int apply(int (*f)(int), int x) { return f(x); }
"""


@pytest.fixture
def library(compiled):
    with native.load(compiled(SOURCE)) as made:
        yield made


@pytest.fixture
def scale(library):
    return library.function("scale", native.c_double, [native.c_double, native.c_double])


# ---- Batches ----


def test_a_batch_gives_what_single_calls_give(scale):
    xs, by = [1.0, 2.5, -3.0], [2.0, 2.0, 0.5]
    assert scale.map(xs, by) == [scale(x, y) for x, y in zip(xs, by, strict=True)]
    assert scale.map([], []) == []
    assert scale.map([1.0, 2.0], [1.0]) == [1.0]


def test_a_batch_takes_and_fills_buffers(scale):
    xs, out = array.array("d", range(5000)), array.array("d", bytes(8 * 5000))
    assert scale.map(xs, array.array("d", [3.0] * 5000), out=out) is None
    assert list(out) == [3.0 * x for x in range(5000)]
    numbers = memoryview(xs)[::2]
    assert scale.map(numbers, [1] * len(numbers)) == list(numbers)


def test_a_batch_larger_than_the_arena_is_cut_into_pieces(compiled):
    with native.load(compiled(SOURCE), arena=4096) as library:
        add = library.function("add", native.c_int, [native.c_int, native.c_int])
        assert add.map(range(10_000), [1] * 10_000) == list(range(1, 10_001))


def test_a_batch_of_wrong_things_is_an_error(scale, library):
    with pytest.raises(TypeError, match="takes 2 sequences"):
        scale.map([1.0])
    with pytest.raises(TypeError):
        scale.map([1.0], ["x"])
    with pytest.raises(ValueError, match="out must be"):
        scale.map([1.0], [1.0], out=array.array("i", [0]))
    with pytest.raises(TypeError, match="1 to 6 numbers"):
        library.function("sum", native.c_long, [native.c_char_p, native.c_long]).map([b"x"], [1])
    assert scale(1.0, 2.0) == 2.0


def test_a_sequence_that_changes_while_it_is_read_does_no_harm(scale):
    values = [1.0] * 10

    class Shrinks(float):
        def __float__(self):
            values.clear()
            return 1.0

    values[3] = Shrinks(1.0)
    by = [2] * 10

    class Index:
        def __float__(self):
            values.clear()
            return 1.0

    values[3] = Index()
    with pytest.raises(RuntimeError, match="changed its size"):
        scale.map(values, by)


def test_a_crash_in_a_batch_is_a_crash(library):
    crash = library.function("crash_at", native.c_int, [native.c_int])
    with pytest.raises(NativeCrash):
        crash.map(range(100))
    assert crash.map([1, 2]) == [1, 2]


# ---- Pipelines ----


def test_a_pipeline_gives_all_results_in_order(library):
    add = library.function("add", native.c_int, [native.c_int, native.c_int])
    with add.pipeline() as post:
        for number in range(2000):
            post(number, 1)
    assert post.finish() == list(range(1, 2001))
    assert add(1, 2) == 3


def test_a_finished_pipeline_takes_no_calls(library):
    pipeline = library.function("next", native.c_int, []).pipeline()
    pipeline()
    assert pipeline.finish() == [1]
    with pytest.raises(RuntimeError, match="finished"):
        pipeline()


def test_a_crash_in_a_pipeline_is_a_crash(library):
    crash = library.function("crash_at", native.c_int, [native.c_int])
    with pytest.raises(NativeCrash):
        with crash.pipeline() as post:
            for number in range(1000):
                post(number)
    assert crash(1) == 1


def test_an_abandoned_pipeline_ends_its_executor_and_nothing_else(library):
    counts = library.function("next", native.c_int, [])
    pipeline = counts.pipeline()
    pipeline()
    del pipeline
    assert counts() == 1


def test_a_wrong_argument_does_not_break_a_pipeline(library):
    add = library.function("add", native.c_int, [native.c_int, native.c_int])
    with add.pipeline() as post:
        post(1, 2)
        with pytest.raises(TypeError):
            post("x", 1)
        post(3, 4)
    assert post.finish() == [3, 7]


# ---- Buffers ----


def test_a_buffer_is_shared_and_not_copied(library):
    sums = library.function("sum", native.c_long, [native.c_void_p, native.c_long])
    fill = library.function("fill", None, [native.c_void_p, native.c_long])
    with library.buffer(1000) as buffer:
        assert sums(buffer, 1000) == 0
        buffer.view[:3] = b"\x01\x02\x03"
        assert sums(buffer, len(buffer)) == 6
        fill(buffer, 1000)
        assert buffer.snapshot() == b"x" * 1000


def test_buffers_are_given_back_and_used_again(compiled):
    with native.load(compiled(SOURCE), heap=4096) as library:
        for _ in range(20):
            with library.buffer(3000):
                with pytest.raises(MemoryError, match="heap"):
                    library.buffer(3000)


def test_a_buffer_of_an_ended_executor_is_not_passed_on(library):
    fill = library.function("fill", None, [native.c_void_p, native.c_long])
    buffer = library.buffer(10)
    library.restart()
    with pytest.raises((ValueError, TypeError), match="has ended"):
        fill(buffer, 10)
    assert buffer.snapshot() == bytes(10)


def test_a_closed_buffer_is_not_passed_on(library):
    fill = library.function("fill", None, [native.c_void_p, native.c_long])
    buffer = library.buffer(10)
    buffer.close()
    with pytest.raises((ValueError, TypeError), match="closed"):
        fill(buffer, 10)


# ---- Pools and asyncio ----


def test_a_pool_lends_each_executor_to_one_user(compiled):
    with Pool(compiled(SOURCE), 2) as pool:
        with pool.library() as one, pool.library() as other:
            assert one is not other
            with pytest.raises(TimeoutError, match="all 2"):
                with pool.library(timeout=0.01):
                    pass
            one.function("next", native.c_int, [])()
            assert other.function("next", native.c_int, [])() == 1


def test_a_pool_leaves_nothing_of_one_user_for_the_next(compiled):
    with Pool(compiled(SOURCE), 1, reuse=1) as pool:
        for _ in range(3):
            with pool.library() as library:
                assert library.function("next", native.c_int, [])() == 1


def test_calls_are_awaited(library):
    waits = native.asynchronous(library.function("waits", native.c_int, [native.c_int]))

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        results = await asyncio.gather(waits(60), waits(61))
        ticking.cancel()
        return results, ticks

    results, ticks = asyncio.run(main())
    assert results == [60, 61]
    assert ticks > 1


# ---- The shape of ctypes ----


def test_a_cdll_has_functions_as_attributes(compiled):
    library = native.CDLL(compiled(SOURCE))
    assert library.add(2, 3) == 5
    library.scale.restype = native.c_double
    library.scale.argtypes = [native.c_double, native.c_double]
    assert library.scale(2, 3) == 6.0
    assert library.add is library.add
    assert library["add"] is not library["add"]
    library.add.errcheck = lambda result, function, arguments: (result, function.__name__, arguments)
    assert library.add(1, 2) == (3, "add", (1, 2))
    with pytest.raises(AttributeError, match="no function nothing"):
        library.nothing  # noqa: B018
    library.library.close()
    with pytest.raises(NativeError, match="closed"):
        library.add(1, 2)


def test_a_callback_may_call_the_library_again(library):
    CALLBACK = native.CFUNCTYPE(native.c_int, native.c_int)
    add = library.function("add", native.c_int, [native.c_int, native.c_int])
    apply = library.function("apply", native.c_int, [CALLBACK, native.c_int])
    assert apply(CALLBACK(lambda x: add(x, 1)), 5) == 6


def test_a_callback_may_call_from_another_thread(library):
    CALLBACK = native.CFUNCTYPE(native.c_int, native.c_int)
    add = library.function("add", native.c_int, [native.c_int, native.c_int])
    apply = library.function("apply", native.c_int, [CALLBACK, native.c_int])

    def elsewhere(x):
        results = []
        thread = threading.Thread(target=lambda: results.append(add(x, 1)))
        thread.start()
        thread.join()
        return results[0]

    def callback(x):
        return do_privileged(elsewhere, x)  # the library may start no thread

    assert apply(CALLBACK(callback), 5) == 6
