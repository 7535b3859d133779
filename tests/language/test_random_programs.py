"""Random programs do the same inside a sandbox as outside.

The same programs every time; ``PYCAGE_RANDOM_PROGRAMS=5000`` tries that many new ones.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pycage import Sandbox, manager
from random_programs import program

_numbers = itertools.count()
FILE = "<program>"


@pytest.fixture(scope="module")
def sandbox():
    manager.install()
    with Sandbox(f"random_{next(_numbers)}") as made:
        yield made


class Drawn:
    """Choices of hypothesis."""

    def __init__(self, data):
        self._data = data

    def below(self, limit):
        return self._data.draw(st.integers(0, limit - 1))


class Seeded:
    """Choices of a generator of random numbers."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def below(self, limit):
        return self._random.randrange(limit)


def _ending(error, filename):
    lines = []
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename.startswith(filename):
            lines.append((traceback.tb_lineno, traceback.tb_frame.f_code.co_qualname))
        traceback = traceback.tb_next
    text = str(error).replace(filename.strip("<>"), "") if isinstance(error, SyntaxError) else str(error)
    return type(error).__name__, text, lines


def outside(source):
    """Run source as plain Python; return its value, what it printed, and how it ended."""
    body, _, last = source.rstrip("\n").rpartition("\n")
    names = {"__name__": "__main__"}
    printed = io.StringIO()
    value = ending = None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(body, FILE, "exec", dont_inherit=True), names)
            value = eval(compile("\n" * body.count("\n") + "\n" + last, FILE, "eval", dont_inherit=True), names)
        except Exception as error:
            ending = _ending(error, FILE)
    return repr(value), printed.getvalue(), ending


def inside(source, sandbox):
    """Run it in a sandbox; return the same."""
    value = ending = None
    printed = ""
    try:
        result = sandbox.run(source)
        value, printed = repr(result.value), result.stdout
    except Exception as error:
        ending = _ending(error, f'<sandbox "{sandbox.name}"')
    return repr(None) if value is None else value, printed, ending


def disagreement(source, sandbox):
    """Return what differs, or None."""
    expected, actual = outside(source), inside(source, sandbox)
    if expected[2] is not None:
        # What a run printed before it ended in an exception is not handed out.
        expected = expected[0], actual[1], expected[2]
    return None if expected == actual else (expected, actual)


_WANTED = int(os.environ.get("PYCAGE_RANDOM_PROGRAMS", "0"))


@pytest.mark.slow
@settings(
    max_examples=_WANTED or 100,
    derandomize=not _WANTED,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(st.data())
def test_random_programs_agree_inside_and_outside(sandbox, data):
    source = program(Drawn(data))

    assert disagreement(source, sandbox) is None, source


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(_WANTED // 10 or 12))
def test_long_random_programs_agree_inside_and_outside(sandbox, seed):
    source = program(Seeded(seed), size=100)

    assert disagreement(source, sandbox) is None, source
