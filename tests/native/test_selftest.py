"""What a hostile library tries, and what comes of it: the probes that users run on their own machines."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pycage_native.loading import load
from pycage_native.selftest import _LIMITS, HOSTILE, PROBES, _try, run
from pycage_native.selftest.probes import Probe


@pytest.fixture(scope="module")
def hostile():
    with load(HOSTILE, limits=_LIMITS) as library:
        yield library


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_comes_to_nothing(hostile, probe):
    outcome = _try(hostile, probe)

    assert outcome.holds, outcome.text


def test_a_probe_that_gets_through_is_reported(hostile):
    """The probes would notice: one that is expected to fail and succeeds does not hold."""
    outcome = _try(hostile, Probe("use_thread", "start a thread", (-1,)))

    assert not outcome.holds
    assert outcome.text == "returned 42"


def test_every_function_of_the_hostile_library_is_a_probe():
    names = {probe.name for probe in PROBES}
    done = subprocess.run(["nm", "-D", "--defined-only", HOSTILE], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no nm")
    functions = {line.split()[2] for line in done.stdout.splitlines() if line.split()[1] == "T"}

    assert functions - names <= {"_init", "_fini", "find_channel", "write_channel", "zero_channel"}


@pytest.mark.slow
def test_the_command_prints_a_line_for_each(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pycage_native.selftest"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nholds ") == len(PROBES)
    assert done.stdout.endswith("everything holds\n")


def test_the_shared_memory_is_no_way_into_the_host(hostile):
    """The library zeroes it, writes all over it, and the host raises or goes on."""
    import pycage_native as native

    for attempt in range(20):
        hostile.restart()
        link = hostile._executor.link
        hostile.function("find_channel", native.c_long, [native.c_void_p])(native.Handle(link, link.remote))
        writes = hostile.function("write_channel", native.c_long, [native.c_long, native.c_char_p, native.c_long])
        try:
            writes(attempt * 97 % 4096, bytes([attempt + 1]) * 64, 64)
            hostile.function("zero_channel", native.c_long, [])()
        except native.NativeError:
            pass
    hostile.restart()
    assert hostile.function("use_thread", native.c_long, [])() == 42
    assert [outcome.holds for outcome in run()][:3] == [True, True, True]
