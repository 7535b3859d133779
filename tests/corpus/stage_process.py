"""The process behind ``stage.py``: forks one child for each request.

A request is a line of JSON on standard input, its outcome a line on what was standard output when this started.  No
threads here: a fork would copy their locks.
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import control  # noqa: E402  the corpus's own surroundings of a run
import run_case  # noqa: E402

WALL_SECONDS = 10


def serve_loopback() -> tuple[int, int]:
    """Fork the HTTP server that snippets try to reach; return its process and port."""
    read_end, write_end = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        with control.LoopbackServer() as server:
            os.write(write_end, str(server.port).encode())
            os.close(write_end)
            while os.getppid() == parent:
                time.sleep(0.2)
        os._exit(0)
    os.close(write_end)
    port = int(os.read(read_end, 16))
    os.close(read_end)
    return child, port


def collect(process: int, read_end: int) -> tuple[int, bool, bytes]:
    """Read reports until the child ends or its time is up; end it, with all it started."""
    deadline = time.monotonic() + WALL_SECONDS
    os.set_blocking(read_end, False)
    reports = b""
    while True:
        # The pipe may be closed before the process has ended, and stay open in what it left behind.
        ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        select.select([read_end], [], [], 0 if ended else 0.002)
        try:
            while chunk := os.read(read_end, 65536):
                reports += chunk
        except BlockingIOError:
            pass
        timed_out = not ended and time.monotonic() > deadline
        if ended or timed_out:
            break
        time.sleep(0.001)
    for kill in (os.killpg, os.kill):
        try:
            kill(process, signal.SIGKILL)
        except OSError:
            pass
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), timed_out, reports


def main() -> None:
    """Serve requests until standard input ends."""
    answers = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    os.dup2(null, 0)
    server, port = serve_loopback()
    run_case.warm_up()
    gc.collect()
    gc.freeze()
    while line := requests.readline():
        request = json.loads(line)
        work = control.make_work_directory()
        read_end, write_end = os.pipe()
        process = os.fork()
        if process == 0:
            os.setsid()
            for descriptor in (read_end, answers, requests.fileno()):
                os.close(descriptor)
            # Out of the way of snippets that try the low numbers.
            report_fd = os.dup2(write_end, 200, inheritable=False)
            os.close(write_end)
            os.dup2(null, 2)
            run_case.main(request, work, port, report_fd)
            return  # through the interpreter's own end, which some snippets wait for
        os.close(write_end)
        status, timed_out, text = collect(process, read_end)
        os.close(read_end)
        reports = dict(line.partition("\t")[::2] for line in text.decode("utf-8", "replace").splitlines())
        wrote = os.path.lexists(os.path.join(work, "out", "target"))
        shutil.rmtree(work, ignore_errors=True)
        outcome = {"status": status, "timed_out": timed_out, "wrote": wrote, "reports": reports}
        os.write(answers, (json.dumps(outcome) + "\n").encode())
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)


main()
