"""Pipelines, and what callbacks, threads and closing do in the middle of one."""

from __future__ import annotations

import threading
import time

import pycage_native
import pytest
from pycage import NativePermission, Sandbox
from pycage.errors import AccessDenied
from pycage_native import CFUNCTYPE, c_int

SOURCE = """
#include <unistd.h>

static int (*kept)(int);

void keep(int (*function)(int)) { kept = function; }
int fire(int number) { return kept ? kept(number) : number; }
void wait_for_ever(void) { for (;;) sleep(1000); }
"""
KIND = CFUNCTYPE(c_int, c_int)


@pytest.fixture
def fire(load):
    lib = load(SOURCE)
    function = lib.function("fire", c_int, [c_int])
    kept = []

    def keep(callback):
        kept.append(KIND(callback))
        lib.function("keep", None, [KIND])(kept[-1])

    function_and_more = type("Fire", (), {"function": function, "keep": staticmethod(keep), "lib": lib})
    yield function_and_more
    kept.clear()


def test_results_come_in_the_order_of_the_calls(fire):
    fire.keep(lambda number: 2 * number)
    with fire.function.pipeline() as pipeline:
        for number in range(1000):  # more than there are slots
            pipeline(number)

        assert pipeline.finish() == [2 * number for number in range(1000)]


@pytest.mark.parametrize("count", [3, 1000])
def test_a_callback_cannot_finish_the_pipeline_that_it_is_called_by(fire, count):
    raised = []

    def meddle(number):
        for action in (pipeline.finish, lambda: pipeline(1)):
            try:
                action()
            except RuntimeError as error:
                raised.append(str(error))
        return number

    fire.keep(meddle)
    pipeline = fire.function.pipeline()
    for number in range(count):
        pipeline(number)

    assert pipeline.finish() == list(range(count))
    assert len(raised) == 2 * count
    assert all("in use" in said for said in raised)


def test_a_pipeline_that_a_callback_leaves_open_ends_the_executor(fire):
    opened = []

    def leave_open(number):
        opened.append(fire.function.pipeline())
        opened[-1](number)
        return number

    fire.keep(leave_open)
    with pytest.raises(RuntimeError, match="did not finish it"):
        fire.function(1)
    with pytest.raises(pycage_native.NativeCrash):
        opened[0].finish()
    assert fire.function(5) == 5  # a fresh one


def test_a_callback_may_call_the_library_and_open_a_pipeline_if_no_other_one_waits(fire):
    def nested(number):
        if number > 100:
            return number
        assert fire.function(number + 300) == number + 300
        with fire.function.pipeline() as inner:
            inner(number + 200)
        return inner.finish()[0]

    fire.keep(nested)
    assert fire.function(1) == 201
    pipeline = fire.function.pipeline()
    pipeline(1)
    with pytest.raises(RuntimeError, match="another one"):
        pipeline.finish()
    assert fire.function(1) == 201


def test_a_thread_with_all_channels_in_pipelines_is_told(load):
    function = load(SOURCE, channels=2, limits=pycage_native.Limits(wall=None)).function("fire", c_int, [c_int])
    pipelines = [function.pipeline(), function.pipeline()]

    with pytest.raises(RuntimeError, match="all of its channels"):
        function.pipeline()
    for pipeline in pipelines:
        pipeline.finish()
    assert function(3) == 3


@pytest.mark.parametrize("end", ["close", "restart"])
def test_a_call_ends_when_another_thread_closes_the_library(load, end):
    lib = load(SOURCE, limits=pycage_native.Limits(wall=None))
    wait = lib.function("wait_for_ever", None, [])
    raised = []

    def call():
        try:
            wait()
        except pycage_native.NativeError as error:
            raised.append(error)

    thread = threading.Thread(target=call, daemon=True)
    calls = lib.library.stats["calls"]
    thread.start()
    while lib.library.stats["calls"] == calls:
        time.sleep(0.001)
    getattr(lib.library, end)()
    thread.join(20)

    assert not thread.is_alive()
    assert len(raised) == 1


def test_each_call_of_a_pipeline_needs_the_permission_anew(compiled):
    path = str(compiled(SOURCE))
    may_call = NativePermission(path, "call")
    with pycage_native.load(path, gated=True) as library, Sandbox("pipeline", permissions=[may_call]) as sandbox:
        fire = library.function("fire", c_int, [c_int])
        pipeline = sandbox.run("lambda function: function.pipeline()").value(fire)
        put = sandbox.run("lambda pipeline, number: pipeline(number)").value
        put(pipeline, 1)
        sandbox.revoke(may_call)
        with pytest.raises(AccessDenied):
            put(pipeline, 2)
        sandbox.grant(may_call)
        put(pipeline, 3)
        assert pipeline.finish() == [1, 3]
