"""Calls and crashes without end in one host process, which must not grow: no memory, descriptors, threads, processes.

    python tests/native/soak.py [calls] [crashes]

Prints one line for each tenth; ends with an error if something grew.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pycage_native as native
from pycage_native.loading import load
from pycage_native.zygote import Zygote

SOURCE = r"""
int add(int a, int b) { return a + b; }
int twice(int (*function)(int), int x) { return function(function(x)); }
int length(const char *text) { int n = 0; while (text[n]) n++; return n; }
int crash(void) { return *(volatile int *)0; }
"""
MOST_GROWTH = 1.05


def children(pid):
    """Processes that a process has started and that are still there, collected or not."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def measured():
    """What may not grow: resident bytes (of it none that others share), and three numbers."""
    gc.collect()
    fields = dict(line.split(":", 1) for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return {
        "memory": int(fields["Rss"].split()[0]),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "processes": len(children(os.getpid())) + len(children(Zygote.get()._pid)),
    }


def settled(limit):
    """As `measured`, when the processes that were killed last are gone."""
    deadline = time.monotonic() + 5
    while True:
        found = measured()
        if found["processes"] <= limit or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


def soak(path, calls, crashes):
    """Run, and return what was measured after the first and after the last tenth."""
    with load(path) as library:
        add = library.function("add", native.c_int, [native.c_int, native.c_int])
        kind = native.CFUNCTYPE(native.c_int, native.c_int)
        twice = library.function("twice", native.c_int, [kind, native.c_int])
        length = library.function("length", native.c_int, [native.c_char_p])
        crash = library.function("crash", native.c_int, [])
        between = range(max(calls // crashes, 1))
        first, found, done, start = None, None, 0, time.monotonic()
        for tenth in range(1, 11):
            while done < crashes * tenth // 10:
                for number in between:
                    add(number, 1)
                assert add(3, 4) == 7
                assert twice(kind(lambda x: x + 1), 5) == 7
                assert length(b"four") == 4
                try:
                    crash()
                except native.NativeCrash as error:
                    assert error.signal == signal.SIGSEGV
                else:
                    raise AssertionError("it did not crash")
                assert add(1, 1) == 2
                done += 1
            found = settled(2)
            first = first or found
            took = time.monotonic() - start
            print(f"{done:6} crashes {done * len(between):10} calls {took:7.1f} s", found, flush=True)
        return first, found


def main(calls=10_000_000, crashes=1_000):
    """Compile the library, run, and say whether something grew."""
    with tempfile.TemporaryDirectory() as directory:
        source, path = Path(directory, "soak.c"), Path(directory, "soak.so")
        source.write_text(SOURCE)
        compiler = shutil.which("cc") or shutil.which("gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", path], check=True)
        first, last = soak(path, calls, crashes)
    grown = [name for name in first if last[name] > first[name] * (MOST_GROWTH if name == "memory" else 1)]
    if grown:
        sys.exit(f"grown: {', '.join(grown)}")
    print("nothing grew")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
