"""What the in-process tier does not stop, shown: so that docs/threat-model.md does not claim more than is true.

A test here that fails is good news: take the row off the page.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys

import pycage
import pytest
from pycage import AccessDenied, Sandbox

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    with Sandbox(f"limits_{next(_numbers)}") as made:
        yield made


def test_time_and_memory_are_not_limited(sandbox):
    assert sandbox.run("n = 0\nwhile n < 100_000: n += 1\nlen(bytearray(64 << 20)) + n").value == (64 << 20) + 100_000


def test_a_clock_tells_how_long_things_take(sandbox):
    assert sandbox.run("import time\nt = time.perf_counter_ns()\ntime.perf_counter_ns() - t >= 0").value is True


def test_a_host_function_that_lends_without_a_limit_is_used_for_whatever_it_does(sandbox, tmp_path):
    """The deputy is confused; it is the host's."""
    (tmp_path / "secret").write_text("secret")

    @pycage.privileged
    def read(path):
        with open(path) as file:
            return file.read()

    sandbox.expose("read", read)

    assert sandbox.run("from host import read\nread(P)", variables={"P": str(tmp_path / "secret")}).value == "secret"


def test_a_bare_object_of_the_host_shows_what_it_holds(sandbox):
    class Account:
        def __init__(self):
            self.token = "secret"

    assert sandbox.run("a.token", variables={"a": Account()}).value == "secret"


def test_a_name_that_host_code_connects_to_is_looked_up_before_anybody_is_asked(sandbox):
    def connect(host):
        with socket.socket() as made:
            made.connect((host, 9))

    sandbox.expose("connect", connect)

    with pytest.raises(AccessDenied):
        sandbox.run("import socket\nwith socket.socket() as s: s.connect(('leak.invalid', 9))")
    with pytest.raises(socket.gaierror):
        sandbox.run("from host import connect\nconnect('leak.invalid')")


# An audit hook that is added later runs after pycage's: exactly between the check and the use.
EXCHANGE = """
import os, subprocess, sys
import pycage
from pycage import FilePermission, ProcessPermission

root = {root!r}
armed = None

def exchange(event, args):
    global armed
    if event == armed:
        armed = None
        pycage.do_privileged(there)

def there():
    os.rename(root + "/here", root + "/kept")
    os.symlink(root + "/outside", root + "/here")

def back():
    os.remove(root + "/here")
    os.rename(root + "/kept", root + "/here")

def read(path):
    with open(path) as file:
        return file.read()

granted = [FilePermission(root + "/here/-", "read"), ProcessPermission(root + "/here/program", "execute")]
with pycage.Sandbox("exchanged", permissions=granted) as sandbox:
    sys.addaudithook(exchange)
    sandbox.expose("read", read)
    names = {{"P": root + "/here/file", "PROGRAM": root + "/here/program"}}
    armed = "open"
    print(sandbox.run("from host import read\\nread(P)", variables=names).value)
    back()
    armed = "os.posix_spawn" if sys.version_info >= (3, 13) else "subprocess.Popen"  # the last one
    print(sandbox.run("import subprocess\\nsubprocess.run([PROGRAM], stdout=-1, text=True).stdout", variables=names).value)
"""


def test_what_host_code_opens_by_name_and_programs_can_be_exchanged_after_the_check(tmp_path):
    root = os.path.realpath(tmp_path)
    for directory in ("here", "outside"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "file").write_text(directory)
        program = tmp_path / directory / "program"
        program.write_text(f"#!/bin/sh\necho {directory}\n")
        program.chmod(0o755)

    done = subprocess.run(
        [sys.executable, "-P", "-c", EXCHANGE.format(root=root)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["outside", "outside"]
