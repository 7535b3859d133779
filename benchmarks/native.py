"""Prints what a call into a confined library costs, as ratios to `ctypes` in the same process and the same run.

Each repetition measures all candidates in turns, many short batches each; a row shows the median over the repetitions
of the median batch, and the median of the repetitions' ratios.  Every repetition has a fresh executor, so that where
the scheduler places it averages out.

    python benchmarks/native.py [repetitions]
"""

import ctypes
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

import pycage_native as native
from pycage_native import cpus, layers
from pycage_native.loading import load

HERE = Path(__file__).parent
WARM_UP = 2000
BATCHES = 15
MANY = 1024

now = time.perf_counter_ns


class Point(ctypes.Structure):
    """The structure that ctypes passes."""

    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int))


class NativePoint(native.Structure):
    """The structure that is passed to an executor."""

    _fields_ = (("x", native.c_int), ("y", native.c_int))


def compiled(directory):
    """Compile the library and the program; return their paths."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    library, program = Path(directory, "native.so"), Path(directory, "round_trip")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", HERE / "native.c", "-o", library], check=True)
    subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", HERE / "round_trip.c", "-o", program], check=True)
    return library, program


# ---- Candidates: each returns a function that does a batch and returns the nanoseconds of one call ----


def calls(function, *arguments, number=500):
    """Call it with up to two arguments, without the cost of unpacking them."""
    numbers = range(number)
    if len(arguments) == 1:
        (one,) = arguments

        def batch():
            start = now()
            for _ in numbers:
                function(one)
            return (now() - start) / number

    else:
        one, two = arguments

        def batch():
            start = now()
            for _ in numbers:
                function(one, two)
            return (now() - start) / number

    for _ in range(WARM_UP):
        function(*arguments)
    return batch


def per_item(function, *arguments, items, number=1):
    """Call what does many calls at once; the time of one of them."""
    batch = calls(function, *arguments, number=number)
    return lambda: batch() / items


def scalar(ours, theirs):
    """Add two ints."""
    signature = (native.c_int, [native.c_int, native.c_int])
    theirs.add.argtypes = [ctypes.c_int, ctypes.c_int]
    return calls(ours.function("add", *signature), 3, 4), calls(theirs.add, 3, 4)


def real(ours, theirs):
    """Add two doubles."""
    theirs.add_reals.argtypes, theirs.add_reals.restype = [ctypes.c_double, ctypes.c_double], ctypes.c_double
    function = ours.function("add_reals", native.c_double, [native.c_double, native.c_double])
    return calls(function, 3.0, 4.0), calls(theirs.add_reals, 3.0, 4.0)


def batch_of_many(ours, theirs):
    """Add two arrays of doubles."""
    function = ours.function("add_reals", native.c_double, [native.c_double, native.c_double])
    left, right, out = (array("d", range(MANY)) for _ in range(3))

    def add_all(left, right):
        function.map(left, right, out=out)

    return per_item(add_all, left, right, items=MANY, number=20), real(ours, theirs)[1]


def pipelined(ours, theirs):
    """Add two ints without waiting for the sum."""
    function = ours.function("add", native.c_int, [native.c_int, native.c_int])

    def batch():
        start = now()
        with function.pipeline() as add:
            for _ in range(2000):
                add(3, 4)
        return (now() - start) / 2000

    return batch, scalar(ours, theirs)[1]


def callback(ours, theirs):
    """Call back a Python function with two ints."""

    def add(a, b):
        return a + b

    kind, their_kind = (
        native.CFUNCTYPE(native.c_int, native.c_int, native.c_int),
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int),
    )
    theirs.repeat.argtypes = [their_kind, ctypes.c_int]
    function = ours.function("repeat", native.c_int, [kind, native.c_int])
    ours_one, theirs_one = kind(add), their_kind(add)
    return (
        per_item(function, ours_one, MANY, items=MANY),
        per_item(theirs.repeat, theirs_one, MANY, items=MANY),
    )


def structure(ours, theirs):
    """Pass a pointer to a structure of two ints."""
    theirs.sum.argtypes = [ctypes.POINTER(Point)]
    function = ours.function("sum", native.c_int, [native.POINTER(NativePoint)])
    mine, other = NativePoint(3, 4), Point(3, 4)
    return calls(function, native.byref(mine)), calls(theirs.sum, ctypes.byref(other))


def short_string(ours, theirs):
    """Pass a short string."""
    theirs.length.argtypes = [ctypes.c_char_p]
    function = ours.function("length", native.c_int, [native.c_char_p])
    return calls(function, b"a short string"), calls(theirs.length, b"a short string")


def shared_buffer(ours, theirs):
    """Pass a megabyte that both sides share."""
    size = 1 << 20
    theirs.ends.argtypes = [ctypes.c_void_p, ctypes.c_int]
    function = ours.function("ends", native.c_int, [native.c_void_p, native.c_int])
    buffer = ctypes.create_string_buffer(size)
    batch = calls(theirs.ends, ctypes.cast(buffer, ctypes.c_void_p), size)
    batch.keeps = buffer
    return calls(function, ours.buffer(size), size), batch


ROWS = [
    # row, candidates, target: at most so many times ctypes
    ("int add(int, int)", scalar, "1.2x (PGO) 0.7x (plain)"),
    ("double add(double, double)", real, "1.2x (PGO) 0.7x (plain)"),
    (f"map() of {MANY} doubles, buffer to buffer, each", batch_of_many, "0.05x"),
    ("pipelined call", pipelined, ""),
    ("callback int(int, int), each", callback, "1.5x"),
    ("structure by pointer", structure, ""),
    ("short string", short_string, ""),
    ("shared buffer of 1 MB", shared_buffer, ""),
]


class Table:
    """Values of each repetition, and their medians."""

    def __init__(self):
        self.values = {}

    def add(self, row, ours, theirs):
        """Note one repetition."""
        self.values.setdefault(row, []).append((ours, theirs))

    def line(self, row, target):
        """Print the medians of a row."""
        ours, theirs = zip(*self.values[row], strict=True)
        ratio = statistics.median(a / b for a, b in self.values[row])
        print(f"{row:56} {statistics.median(theirs):10.0f} {statistics.median(ours):10.0f} {ratio:8.2f}x  {target}")


def alternated(*candidates, batches=BATCHES):
    """Return the median batch of each candidate, measured in turns."""
    found = [[candidate() for candidate in candidates] for _ in range(batches)]
    return [statistics.median(each) for each in zip(*found, strict=True)]


def calls_table(path, repetitions):
    """Measure the rows of `ROWS`, and a library without confinement."""
    table, theirs = Table(), ctypes.CDLL(str(path))
    for _ in range(repetitions):
        with load(path) as ours:
            for row, candidates, _ in ROWS:
                table.add(row, *alternated(*candidates(ours, theirs)))
        with load(path) as confined, unconfined(path) as free:
            table.add("confined", *alternated(scalar(confined, theirs)[0], scalar(free, theirs)[0], batches=41))
    return table


def unconfined(path):
    """Load a library with no layer at all, which `load` does not offer."""
    usual = layers.chosen
    layers.chosen = lambda _require, _waive: (frozenset(), 0)
    try:
        return load(path)
    finally:
        layers.chosen = usual


# ---- Times that are not compared with ctypes ----


def milliseconds(action, number=40):
    """Return the median milliseconds of an action."""
    taken = []
    for _ in range(number):
        start = now()
        action()
        taken.append((now() - start) / 1e6)
    return statistics.median(taken)


def start_and_crash(path):
    """Return the milliseconds to the first answer of a new executor, and from a crash to the next answer."""
    with load(path) as library:
        add = library.function("add", native.c_int, [native.c_int, native.c_int])
        crash = library.function("crash", native.c_int, [])

        def start():
            library.restart()
            add(1, 2)

        def fall():
            try:
                crash()
            except native.NativeCrash as error:
                assert error.signal == signal.SIGSEGV  # noqa: PT017  # no test, but wrong numbers otherwise
            add(1, 2)

        return milliseconds(start), milliseconds(fall)


def round_trip(program, *arguments):
    """Return the nanoseconds of a round trip between two C programs."""
    return statistics.median(
        float(subprocess.run([program, *arguments], check=True, capture_output=True).stdout) for _ in range(5)
    )


def answer(pipe):
    """Add what comes through a pipe, until nothing comes."""
    while pair := pipe.recv():
        pipe.send(pair[0] + pair[1])


def by_pipe():
    """Return the nanoseconds of a call through multiprocessing.Pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=answer, args=(theirs,))
    worker.start()
    try:

        def add(a, b):
            ours.send((a, b))
            return ours.recv()

        for _ in range(50):
            add(3, 4)
        return statistics.median(milliseconds(lambda: add(3, 4), 1) * 1e6 for _ in range(500))
    finally:
        ours.send(None)
        worker.join()


# ---- Bad circumstances, in processes of their own ----


def few(path):
    """Return, for calls by ours and by ctypes, the median and the 99th percentile of groups of ten, and the mean."""
    theirs = ctypes.CDLL(str(path))
    theirs.add.argtypes = [ctypes.c_int, ctypes.c_int]
    with load(path) as ours:
        function = ours.function("add", native.c_int, [native.c_int, native.c_int])
        found = []
        for batch in (calls(function, 3, 4, number=10), calls(theirs.add, 3, 4, number=10)):
            times, end = [], now() + 2_000_000_000
            while now() < end:
                times.append(batch())
            times.sort()
            found.append((times[len(times) // 2], times[len(times) * 99 // 100], statistics.mean(times)))
        return {"spin": ours._executor.link.spin, "found": found}


def elsewhere(path, processors):
    """Measure `few` in a process that may use only some processors."""
    command = [sys.executable, __file__, "--few", str(path), ",".join(map(str, processors))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def one_processor(path):
    """Measure with one processor for both sides."""
    found = elsewhere(path, [min(os.sched_getaffinity(0))])
    assert found["spin"] == 0, "nobody spins if there is one processor"
    return found["found"]


def busy_processors(path, others=2):
    """Measure while other processes use all processors."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(others)]
    try:
        return elsewhere(path, os.sched_getaffinity(0))["found"]
    finally:
        for each in busy:
            each.kill()
            each.wait()


def main():
    """Measure and print the table."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as directory:
        path, program = compiled(directory)
        version = ".".join(map(str, sys.version_info[:3]))
        busy_now = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"CPython {version} ({sys.executable}), {cpus.usable()} processors, load {busy_now}; ns of one call")
        print(f"{'':56} {'ctypes':>10} {'pycage':>10} {'ratio':>9}  at most")
        table = calls_table(path, repetitions)
        for row, _, target in ROWS:
            table.line(row, target)
        table.values["int add, one processor"] = [
            (ours[0], theirs[0]) for ours, theirs in (one_processor(path) for _ in range(3))
        ]
        table.line("int add, one processor", "10x")
        busy = [busy_processors(path) for _ in range(3)]
        for index, (row, target) in enumerate((("median", "5x"), ("99th percentile", ""), ("mean", ""))):
            name = f"int add, two other busy processes, {row}"
            table.values[name] = [(ours[index], theirs[index]) for ours, theirs in busy]
            table.line(name, target)
        confined = statistics.median(a / b for a, b in table.values["confined"])
        limit, limit_of_one = round_trip(program), round_trip(program, "one")
        starts, crashes = start_and_crash(path)
        scalar_call = statistics.median(ours for ours, _ in table.values[ROWS[0][0]])
        pipe = by_pipe()
        print(f"{'C to C round trip over two cache lines (the limit)':67} {limit:10.0f}")
        print(f"{'C to C round trip on one processor (the limit there)':67} {limit_of_one:10.0f}")
        print(f"{'multiprocessing.Pipe':67} {pipe:10.0f} {pipe / scalar_call:8.0f}x  an isolated call")
        print(f"{'confined against unconfined':78} {confined:8.2f}x  1.05x")
        print(f"{'new executor, all layers, to its first answer':67} {starts:7.2f} ms            1.5 ms")
        print(f"{'crash to the next answer':67} {crashes:7.2f} ms            5 ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--few"]:
        os.sched_setaffinity(0, map(int, sys.argv[3].split(",")))
        print(json.dumps(few(Path(sys.argv[2]))))
    else:
        main()
