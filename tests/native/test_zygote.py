"""The zygote: answers that nobody waited for, and processes that the host was forked into."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pycage_native
import pytest
from pycage_native.zygote import Zygote


def children(pid):
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def run(script, tmp_path, *, timeout):
    paths = os.pathsep.join([str(Path(pycage_native.__file__).parents[1]), *sys.path])
    command = [sys.executable, "-P", "-W", "ignore", "-c", textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(
        command, cwd=tmp_path, env=environment, timeout=timeout, check=True, capture_output=True, text=True
    )


def test_an_answer_that_was_interrupted_is_not_taken_for_the_next_one(monkeypatch):
    Zygote.get()
    before = children(Zygote.get()._pid)
    receive = socket.recv_fds

    def interrupted(*_):
        monkeypatch.setattr(socket, "recv_fds", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(socket, "recv_fds", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pycage_native.load("libm.so.6")
    with pycage_native.load("libm.so.6") as library:
        assert library.function("labs", pycage_native.c_long, [pycage_native.c_long])(-3) == 3
        assert os.readlink(f"/proc/{library.pid}/exe").endswith("pycage-executor")
        limit = time.monotonic() + 10
        while children(Zygote.get()._pid) - before != {str(library.pid)} and time.monotonic() < limit:
            time.sleep(0.01)
        assert children(Zygote.get()._pid) - before == {str(library.pid)}  # the other one is gone


def test_the_end_does_not_wait_for_processes_that_were_forked(tmp_path):
    script = """
        import os, signal, sys, time
        import pycage_native
        library = pycage_native.load("libm.so.6")
        child = os.fork()
        if child == 0:
            os.close(1), os.close(2)
            time.sleep(1000)
        print(child, flush=True)
    """
    done = run(script, tmp_path, timeout=30)
    os.kill(int(done.stdout), 9)


def test_a_forked_process_cannot_ask_the_zygote_of_its_parent(tmp_path):
    script = """
        import os
        import pycage_native
        from pycage_native.zygote import Zygote
        library = pycage_native.load("libc.so.6")
        parents = Zygote.get()
        child = os.fork()
        if child == 0:
            try:
                parents.status(library.pid)
            except pycage_native.NativeError as error:
                print(error, flush=True)
            print(library.function("abs")(-5), Zygote.get() is parents, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(library.function("abs")(-6), Zygote.get() is parents)
    """
    said = run(script, tmp_path, timeout=60).stdout.splitlines()
    assert "forked from" in said[0]
    assert said[1:] == ["5 False", "6 True"]


def test_the_end_of_the_zygote_is_a_crash_and_the_next_call_works():
    with pycage_native.load("libc.so.6") as library:
        sleep = library.function("sleep")
        killer = threading.Timer(0.2, os.kill, (Zygote.get()._pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(pycage_native.NativeCrash):
            sleep(1000)
        killer.join()
        assert library.function("abs")(-2) == 2
