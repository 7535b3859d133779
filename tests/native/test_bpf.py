"""The seccomp programs, run by an evaluator of our own over everything that may be asked."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycage_native import bpf

ALLOW, TRAP, KILL = bpf.ALLOW, bpf.TRAP, bpf.KILL
EPERM = bpf.ERRNO + errno.EPERM
ENOSYS = bpf.ERRNO + errno.ENOSYS

WORD = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 1 << 32, 4 << 32, 0x3D0F00, 0x10900, 0x11, 0x10000000, (1 << 64) - 1]),
)


@pytest.fixture(params=sorted(bpf.MACHINES))
def machine(request):
    return bpf.MACHINES[request.param]


def verdict(program, machine, number, *arguments):
    return bpf.evaluate(program, number, machine.arch, arguments)


def numbers(machine):
    return {name: row[machine.column] for name, row in bpf._ALLOWED.items() if row[machine.column] is not None}


def test_every_listed_call_passes_and_every_call_with_a_path_traps(machine):
    program = bpf.load_program(machine, threads=True)

    assert {verdict(program, machine, number) for number in numbers(machine).values()} == {ALLOW}
    trapped = [row[machine.column] for row in bpf._TRAPPED.values() if row[machine.column] is not None]
    assert {verdict(program, machine, number) for number in trapped} == {TRAP}


def test_no_other_number_passes_whatever_its_arguments_are(machine):
    program = bpf.load_program(machine, threads=True)
    judged = {bpf._SECCOMP, bpf._MMAP, bpf._MPROTECT, bpf._CLONE, bpf._PRLIMIT, bpf._TGKILL, bpf._FUTEX, bpf._AFFINITY}
    known = set(numbers(machine).values()) | {pair[machine.column] for pair in judged}
    trapped = {row[machine.column] for row in bpf._TRAPPED.values()}
    for number in range(1024):
        if number in known or number in trapped:
            continue
        for arguments in ((), ((1 << 64) - 1,) * 6, (0x10900,) * 6):
            assert verdict(program, machine, number, *arguments) & 0xFFFF0000 == bpf.ERRNO, number


@given(number=st.integers(0, (1 << 32) - 1), arguments=st.tuples(*[WORD] * 6))
def test_another_architecture_and_x32_are_killed(number, arguments):
    x86 = bpf.MACHINES["x86_64"]
    for program in (bpf.load_program(x86, threads=True), bpf.run_program(x86)):
        assert bpf.evaluate(program, number, 0x40000003, arguments) == KILL
        assert bpf.evaluate(program, number | 0x40000000, x86.arch, arguments) == KILL


@given(protection=WORD, flags=WORD)
def test_nothing_is_writable_and_executable_and_nothing_becomes_code_after_loading(protection, flags):
    for machine in bpf.MACHINES.values():
        load, run = bpf.load_program(machine, threads=True), bpf.run_program(machine)
        for call in (bpf._MMAP, bpf._MPROTECT):
            arguments = (0, 4096, protection, flags)
            number = call[machine.column]
            assert verdict(load, machine, number, *arguments) == (EPERM if protection & 6 == 6 else ALLOW)
            assert verdict(run, machine, number, *arguments) == (EPERM if protection & 4 else ALLOW)


@given(flags=WORD)
def test_only_threads_are_cloned(flags):
    for machine in bpf.MACHINES.values():
        number = bpf._CLONE[machine.column]
        thread = flags & 0x10900 == 0x10900 and not flags & 0x7E020080
        expected = ALLOW if thread else EPERM
        assert verdict(bpf.load_program(machine, threads=True), machine, number, flags) == expected
        assert verdict(bpf.load_program(machine, threads=False), machine, number, flags) == EPERM


@given(pid=WORD, new=WORD)
def test_limits_are_read_and_never_set(pid, new):
    for machine in bpf.MACHINES.values():
        expected = ALLOW if pid & 0xFFFFFFFF == 0 and new == 0 else EPERM
        program = bpf.load_program(machine, threads=True)
        assert verdict(program, machine, bpf._PRLIMIT[machine.column], pid, 7, new, 0) == expected


def filled_in(program, pid):
    code = bytearray(program.code)
    for at in program.pid_at:
        code[8 * at + 4 : 8 * at + 8] = pid.to_bytes(4, "little")
    return program._replace(code=bytes(code))


def test_a_signal_goes_to_the_process_whose_number_is_filled_in_only(machine):
    program = filled_in(bpf.load_program(machine, threads=True), 1234)
    number = bpf._TGKILL[machine.column]

    assert verdict(program, machine, number, 1234, 1234, 6) == ALLOW
    assert verdict(program, machine, number, 1, 1234, 6) == EPERM


def test_on_which_processors_it_may_run_is_told_of_the_process_itself_only(machine):
    program = filled_in(bpf.load_program(machine, threads=True), 1234)
    number = bpf._AFFINITY[machine.column]

    assert {verdict(program, machine, number, pid) for pid in (0, 1234)} == {ALLOW}
    assert {verdict(program, machine, number, pid) for pid in (1, 1235, 0xFFFFFFFF)} == {ENOSYS}


def test_threads_sleep_and_wake_and_inherit_no_priorities(machine):
    program = bpf.load_program(machine, threads=True)
    number = bpf._FUTEX[machine.column]
    for operation in range(32):
        for flags in (0, 128, 256, 384, 1 << 32):  # PRIVATE, CLOCK_REALTIME; the kernel looks at 32 bits
            found = verdict(program, machine, number, 0x1000, operation | flags)
            # WAIT WAKE REQUEUE CMP_REQUEUE WAKE_OP WAIT_BITSET WAKE_BITSET
            assert found == (ALLOW if operation in {0, 1, 3, 4, 5, 9, 10} else ENOSYS), operation
    assert verdict(program, machine, number, 0x1000, 512) == ENOSYS


def test_filters_cannot_be_added_after_loading(machine):
    number = bpf._SECCOMP[machine.column]

    assert verdict(bpf.load_program(machine, threads=True), machine, number) == ALLOW
    assert verdict(bpf.run_program(machine), machine, number) == EPERM
