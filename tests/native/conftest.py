"""Libraries compiled on the spot and loaded into executors."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import textwrap

import pycage_native
import pytest
from fake_executor import FakeExecutor

_numbers = itertools.count()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Return a function: C source to the path of a shared library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is needed"
    directory = tmp_path_factory.mktemp("libraries")
    made = {}

    def build(source, *options):
        key = (source, options)
        if key not in made:
            number = next(_numbers)
            (directory / f"l{number}.c").write_text(source)
            path = directory / f"l{number}.so"
            command = [compiler, "-std=gnu11", "-shared", "-fPIC", "-O1", "-w", "-o", path, directory / f"l{number}.c"]
            subprocess.run([*command, *options], check=True)
            made[key] = path
        return made[key]

    return build


class Functions:
    """The functions of a library as attributes; `link` is that of its running executor."""

    def __init__(self, library):
        self.library = library

    def __getattr__(self, name):
        return self.function(name)

    def function(self, name, *args, **kwargs):
        return self.library.function(name, *args, **kwargs)

    def bind(self, plan):
        return self.library._bind(plan)

    @property
    def link(self):
        return self.library._executor.link


@pytest.fixture
def libc():
    with pycage_native.load("libc.so.6") as library:
        yield Functions(library)


@pytest.fixture
def load(compiled):
    """Compile C text and load it."""
    libraries = []

    def start(source, *, timeout=20, **settings):
        settings.setdefault("limits", pycage_native.Limits(wall=timeout))
        library = pycage_native.load(compiled(source), **settings)
        libraries.append(library)
        return Functions(library)

    yield start
    for library in libraries:
        library.close()


@pytest.fixture(autouse=True)
def no_fake_is_left():
    """Close what a failed test has left, but not what outlives one test."""
    before = set(FakeExecutor.running)
    yield
    for fake in FakeExecutor.running - before:
        if not fake.kept:
            fake.close()


@pytest.fixture
def run_host(tmp_path):
    """Return a function that starts a Python program; what still runs after the test, or its failure, is killed.

    Executors die with their host.
    """
    hosts = []

    def start(source):
        host = subprocess.Popen(
            [sys.executable, "-P", "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
        )
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        host.kill()
        host.wait()
        host.stdout.close()
