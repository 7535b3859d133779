"""An executor that lies: the host raises or returns, and never crashes, hangs or believes it."""

from __future__ import annotations

import os
import struct
import threading
import time

import pytest
from fake_executor import BROKER, CALLBACK, ERROR, FAILED, OK, READY, Ended, FakeExecutor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycage_native import _channel


@pytest.fixture
def fake():
    made = FakeExecutor()
    yield made
    made.close()


def play(fake, action, function=None):
    """Call a function while the action answers; return what came of it."""
    thread = fake.during(action)
    try:
        return (function or fake.function())()
    finally:
        thread.join()


def test_an_honest_answer_is_the_result(fake):
    assert play(fake, lambda turn: fake.reply(turn, OK, integer=42)) == 42
    assert play(fake, lambda turn: fake.reply(turn, OK, integer=(1 << 64) - 2)) == -2


@pytest.mark.parametrize("jump", [1, 2, 1000, 1 << 31, -2, -1000])
def test_a_wrong_sequence_number_ends_it(fake, jump):
    with pytest.raises(Ended, match="violation"):
        play(fake, lambda turn: fake.reply(turn + jump, OK))
    assert not fake.link.alive


@pytest.mark.parametrize("status", [0, READY, FAILED, 7, 1 << 31])
def test_an_unknown_answer_ends_it(fake, status):
    with pytest.raises(Ended, match="unknown kind"):
        play(fake, lambda turn: fake.reply(turn, status))


@pytest.mark.parametrize("slot", [0, 63, 64, 1 << 31])
def test_a_callback_that_was_never_passed_ends_it(fake, slot):
    with pytest.raises(Ended, match="never passed"):
        play(fake, lambda turn: fake.reply(turn, CALLBACK, aux=slot))


def test_no_answer_is_a_timeout():
    fake = FakeExecutor(timeout=0.05)
    with pytest.raises(Ended, match="timeout"):
        fake.function()()
    fake.close()


def test_an_answer_after_the_timeout_is_not_taken():
    fake = FakeExecutor(timeout=0.02)
    function = fake.function()
    with pytest.raises(Ended, match="timeout"):
        function()
    fake.reply(fake.request()[0], OK, integer=1)
    with pytest.raises(RuntimeError, match="no executor"):
        function()
    fake.close()


def test_endless_callbacks_end_at_the_deadline():
    fake = FakeExecutor(timeout=0.1)
    calls = []
    callback = _channel.Callback(fake.link, lambda: calls.append(1), "v", b"")

    def answer(turn):
        while fake.link.alive:
            fake.reply(turn, CALLBACK, aux=callback.slot)
            limit = time.monotonic() + 1
            while fake.request()[0] == turn and fake.link.alive and time.monotonic() < limit:
                time.sleep(0)
            turn = fake.request()[0]

    with pytest.raises(Ended, match="timeout"):
        play(fake, answer)
    assert calls
    fake.close()


def test_endless_requests_of_the_broker_end_at_the_deadline():
    fake = FakeExecutor(timeout=0.1)

    def answer(turn):
        fake.write(4096, struct.pack("=IIII", 1, 0, 0, 257))
        fake.write(4096 + 64, b"/etc/passwd\0")
        while fake.link.alive:
            fake.reply(turn, BROKER)
            limit = time.monotonic() + 1
            while fake.request()[0] == turn and fake.link.alive and time.monotonic() < limit:
                time.sleep(0)
            turn = fake.request()[0]

    with pytest.raises(Ended, match="timeout"):
        play(fake, answer)
    assert fake.asked[0] == (1, 0, 0, b"/etc/passwd", 257)
    fake.close()


def test_a_path_without_an_end_ends_it(fake):
    def answer(turn):
        fake.write(4096, struct.pack("=IIII", 1, 0, 0, 257))
        fake.write(4096 + 64, b"/" * (4096 - 64))
        fake.reply(turn, BROKER)

    with pytest.raises(Ended, match="malformed"):
        play(fake, answer)
    assert fake.asked == []


@pytest.mark.parametrize("wanted", [0, 4, 1 << 31])
def test_an_unknown_wish_of_the_broker_ends_it(fake, wanted):
    def answer(turn):
        fake.write(4096, struct.pack("=IIII", wanted, 0, 0, 257) + b"\0" * 100)
        fake.reply(turn, BROKER)

    with pytest.raises(Ended, match="malformed"):
        play(fake, answer)


def test_descriptors_that_are_not_taken_end_it(tmp_path):
    path = tmp_path / "granted"
    path.write_text("x")
    fake = FakeExecutor(broker=lambda *_: os.open(path, os.O_RDONLY), timeout=20)
    before = len(os.listdir("/proc/self/fd"))

    def answer(turn):
        fake.write(4096, struct.pack("=IIII", 1, 0, 0, 257))
        fake.write(4096 + 64, b"/x\0")
        while fake.link.alive:
            fake.reply(turn, BROKER)
            while fake.request()[0] == turn and fake.link.alive:
                time.sleep(0)
            turn = fake.request()[0]

    with pytest.raises(Ended, match="does not take the descriptors"):
        play(fake, answer)
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    fake.close()


def test_an_errno_that_is_none_is_not_shown(fake):
    play(fake, lambda turn: fake.reply(turn, OK, error=1 << 31))
    assert fake.link.errno == 0
    play(fake, lambda turn: fake.reply(turn, OK, error=4095))
    assert fake.link.errno == 4095


def test_sleep_flags_that_never_change_only_slow_it_down(fake):
    for value in (1, 0xFFFFFFFF):
        fake.write(256, struct.pack("=I", value))
        assert play(fake, lambda turn: fake.reply(turn, OK, integer=5)) == 5


@pytest.mark.parametrize("processor", [*range(os.cpu_count()), 1023, 1 << 31, (1 << 32) - 2])
def test_an_executor_that_lies_about_its_processor_is_only_slow(processor):
    fake = FakeExecutor(spin=200)
    function = fake.function()
    may_use = os.sched_getaffinity(0)

    def answer(turn):
        fake.write(260, struct.pack("=I", processor + 1))
        fake.reply(turn, OK, integer=turn)

    found = [play(fake, answer, function) for _ in range(40)]
    assert found == list(range(found[0], found[0] + 40))
    assert os.sched_getaffinity(0) == may_use
    fake.close()


def test_the_end_of_the_process_is_a_crash(fake):
    with pytest.raises(Ended, match="crash"):
        play(fake, lambda _turn: fake.process.kill())


def test_an_error_instead_of_a_result_is_an_exception(fake):
    with pytest.raises(RuntimeError, match="could not be called"):
        play(fake, lambda turn: fake.reply(turn, ERROR, error=2))


def test_an_exception_of_a_callback_comes_out_of_the_call(fake):
    def fail():
        raise LookupError("in the callback")

    callback = _channel.Callback(fake.link, fail, "i", b"")

    def answer(turn):
        fake.reply(turn, CALLBACK, aux=callback.slot)
        while fake.request()[0] == turn:
            time.sleep(0)
        assert fake.request()[2:4] == (0, 0)
        fake.reply(fake.request()[0], OK, integer=1)

    with pytest.raises(LookupError, match="in the callback"):
        play(fake, answer)
    assert play(fake, lambda turn: fake.reply(turn, OK, integer=2)) == 2


def test_a_batch_gives_numbers_whatever_stands_there(fake):
    function = fake.function("i", b"i")

    def answer(turn):
        fake.write(_channel.ARENA, b"\xff" * 4096)
        fake.reply(turn, OK)

    thread = fake.during(answer)
    assert function.map([1, 2, 3]) == [-1, -1, -1]
    thread.join()


class Survivor:
    """One fake executor for many examples; a new one when the host has given it up."""

    def __init__(self):
        self.fake = None

    def get(self):
        if self.fake is None or not self.fake.link.alive:
            if self.fake is not None:
                self.fake.close()
            self.fake = FakeExecutor(timeout=5)
            self.fake.kept = True
            self.callback = _channel.Callback(self.fake.link, lambda *words: len(words), "q", b"qqd")
        return self.fake


@pytest.fixture(scope="module")
def survivor():
    made = Survivor()
    yield made
    if made.fake is not None:
        made.fake.close()


WRITES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 1024), st.integers(4096, 4300), st.integers(_channel.ARENA, _channel.ARENA + 512)),
        st.binary(min_size=1, max_size=128),
    ),
    max_size=4,
)
LINE = st.tuples(
    st.integers(-2, 2) | st.integers(0, (1 << 32) - 1),
    st.integers(0, 8) | st.integers(0, (1 << 32) - 1),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 70),
)
RESULTS = st.sampled_from("qQiIhHbB?dfPcuzv")


@given(writes=WRITES, line=LINE, result=RESULTS)
# 10,000 examples take forty seconds; fewer in everyday runs.
@settings(
    max_examples=int(os.environ.get("PYCAGE_FUZZ", "1500")), deadline=None, suppress_health_check=list(HealthCheck)
)
def test_random_bytes_in_the_shared_memory_do_no_harm(survivor, writes, line, result):
    fake = survivor.get()
    jump, status, integer, error, aux = line

    def answer(turn):
        for at, data in writes:
            fake.write(at, data)
        fake.reply(turn + jump if -3 < jump < 3 else jump, status, integer=integer, real=integer, error=error, aux=aux)
        # Whatever came of that, this ends it one way or another.
        time.sleep(0.0002)
        for _ in range(50):
            if not fake.link.alive or not waiting.is_set():
                return
            fake.reply(fake.request()[0], OK, integer=integer)
            time.sleep(0.0005)
        fake.process.kill()

    waiting = threading.Event()
    waiting.set()
    thread = fake.during(answer)
    try:
        value = fake.function(result)()
        assert value is None or isinstance(value, (int, float, bytes, str))
    except (Ended, RuntimeError, ValueError):
        pass
    finally:
        waiting.clear()
        thread.join()
