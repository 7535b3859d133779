"""Seccomp programs: which system calls an executor may make, as data, and the bytes that the kernel takes.

Two programs are stacked, and the strictest verdict wins.  `load_program` is in force while the library is loaded and
its constructors run; `run_program` comes on top of it before the first call.  Nothing rests on the second one against a
hostile library, whose constructor may never return: the first, Landlock and the host's grants must do alone.
"""

# Problem.  A library in a process of its own can still ask the kernel for anything.
#
# Things that do not work:
#
# - A list of what is forbidden: every kernel adds calls.  So the default is EPERM, and a table says what passes.
# - Looking at paths: a program sees registers, not memory.  What names a file traps, and the host is asked (broker).
# - `clone3`: its flags are in memory.  ENOSYS, and the C library falls back to clone.
# - Numbers alone: the same number means another call for another architecture, and for x32.  Both kill.
# - Refusing trapped calls in the second program: TRAP outranks ERRNO.  After the load the host refuses them.
#
# Source: seccomp(2); linux/seccomp.h, linux/filter.h; numbers of linux/unistd.h for x86-64 and aarch64.

from __future__ import annotations

import errno
import platform
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MACHINES", "Machine", "Program", "evaluate", "load_program", "machine", "run_program"]

KILL: Final = 0x80000000
TRAP: Final = 0x00030000
ERRNO: Final = 0x00050000
ALLOW: Final = 0x7FFF0000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH = 0, 4
_X32: Final = 0x40000000


class Machine(NamedTuple):
    """What differs between architectures: the audit constant, the column of the tables."""

    name: str
    arch: int
    column: int


MACHINES: Final = {
    "x86_64": Machine("x86_64", 0xC000003E, 0),
    "aarch64": Machine("aarch64", 0xC00000B7, 1),
}

# name: (x86-64, aarch64, why); None: the architecture does not have it.
_ALLOWED: Final[dict[str, tuple[int | None, int | None, str]]] = {
    "read": (0, 63, "of descriptors that the host gave"),
    "write": (1, 64, "standard output and error are /dev/null"),
    "pread64": (17, 67, "as read"),
    "writev": (20, 66, "as write"),
    "close": (3, 57, "own descriptors"),
    "fstat": (5, 80, "own descriptors"),
    "lseek": (8, 62, "own descriptors"),
    "munmap": (11, 215, "memory"),
    "brk": (12, 214, "memory"),
    "mremap": (25, 216, "memory"),
    "madvise": (28, 233, "memory"),
    "rt_sigaction": (13, 134, "handlers of its own"),
    "rt_sigprocmask": (14, 135, "as above; a blocked SIGSYS kills"),
    "rt_sigreturn": (15, 139, "as above"),
    "sigaltstack": (131, 132, "as above"),
    "gettid": (186, 178, "a number"),
    "getpid": (39, 172, "a number"),
    "getrandom": (318, 278, "random bytes"),
    "clock_gettime": (228, 113, "time"),
    "clock_getres": (229, 114, "time"),
    "clock_nanosleep": (230, 115, "time"),
    "nanosleep": (35, 101, "time"),
    "gettimeofday": (96, 169, "time"),
    "sched_yield": (24, 124, "threads"),
    "getcpu": (309, 168, "threads"),
    "rseq": (334, 293, "threads"),
    "set_robust_list": (273, 99, "threads"),
    "exit": (60, 93, "the end of a thread"),
    "exit_group": (231, 94, "its own end"),
    "restart_syscall": (219, 128, "an interrupted sleep"),
    "recvmsg": (47, 212, "takes the descriptors that the host gives"),
}

# Asked of the host: what names a file.
_TRAPPED: Final[dict[str, tuple[int | None, int | None]]] = {
    "openat": (257, 56),
    "newfstatat": (262, 79),
    "faccessat": (269, 48),
    "readlinkat": (267, 78),
    "open": (2, None),
    "stat": (4, None),
    "lstat": (6, None),
    "access": (21, None),
    "readlink": (89, None),
}

# An errno that tells an honest caller what to do instead.
_REFUSED: Final[dict[str, tuple[int | None, int | None, int]]] = {
    "clone3": (435, 435, errno.ENOSYS),
    "statx": (332, 291, errno.ENOSYS),
    "faccessat2": (439, 439, errno.ENOSYS),
    "openat2": (437, 437, errno.ENOSYS),
    "ioctl": (16, 29, errno.ENOTTY),
}

_FUTEX = (202, 98)
_AFFINITY = (204, 123)
_CLONE = (56, 220)
_SECCOMP = (317, 277)
_MMAP, _MPROTECT = (9, 222), (10, 226)
_PRLIMIT = (302, 261)
_TGKILL = (234, 131)

# Sleep and wake.  What inherits priorities walks through the kernel's lists of waiters, where its worst errors were.
_FUTEX_OPERATIONS: Final = (0, 1, 3, 4, 5, 9, 10)  # WAIT WAKE REQUEUE CMP_REQUEUE WAKE_OP WAIT_BITSET WAKE_BITSET
_FUTEX_FLAGS: Final = 0x180  # PRIVATE, CLOCK_REALTIME

_THREAD_FLAGS: Final = 0x10900  # CLONE_VM | CLONE_SIGHAND | CLONE_THREAD
_NEW_FLAGS: Final = 0x7E020080  # every CLONE_NEW*


class _Label(str):
    __slots__ = ()


class _Instruction(NamedTuple):
    code: int
    k: int
    yes: str | None = None  # label to go to; None: the next
    no: str | None = None


class Program(NamedTuple):
    """A program: bytes for the kernel, the number of instructions, and which of them hold the own process id."""

    code: bytes
    length: int
    pid_at: tuple[int, ...]


class _Assembler:
    """Instructions and labels; jumps go forward only, as the kernel demands."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._parts: list[_Instruction | _Label] = []
        self._labels = 0
        self._pids: list[_Instruction] = []
        # First of all: numbers mean nothing before the architecture is known.
        self.load(_ARCH)
        self.unless(_EQUAL, machine.arch, KILL)
        self.load(_NUMBER)
        if machine.name == "x86_64":
            self.when(_AT_LEAST, _X32, KILL)

    def load(self, offset: int) -> None:
        self._parts.append(_Instruction(_LOAD, offset))

    def returns(self, verdict: int) -> None:
        self._parts.append(_Instruction(_RETURN, verdict))

    def label(self) -> str:
        self._labels += 1
        return f"l{self._labels}"

    def place(self, label: str) -> None:
        self._parts.append(_Label(label))

    def when(self, code: int, k: int, verdict: int) -> None:
        """Return the verdict if the test holds."""
        after = self.label()
        self._parts.append(_Instruction(code, k, None, after))
        self.returns(verdict)
        self.place(after)

    def unless(self, code: int, k: int, verdict: int) -> None:
        """Return the verdict if the test does not hold."""
        after = self.label()
        self._parts.append(_Instruction(code, k, after, None))
        self.returns(verdict)
        self.place(after)

    def numbers(self, table: list[int], verdict: int) -> None:
        """Return the verdict for each of these numbers."""
        for number in table:
            self.when(_EQUAL, number, verdict)

    def begin(self, pair: tuple[int, int]) -> str:
        """Begin rules about one call's arguments; they end with `end`."""
        after = self.label()
        self._parts.append(_Instruction(_EQUAL, pair[self._machine.column], None, after))
        return after

    def end(self, after: str, verdict: int) -> None:
        """End them: what is left over gets this verdict."""
        self.returns(verdict)
        self.place(after)
        # The rules loaded arguments.
        self.load(_NUMBER)

    def argument(self, index: int, *, high: bool = False) -> None:
        self.load(16 + 8 * index + (4 if high else 0))

    def own_pid(self, verdict: int) -> None:
        """Return the verdict unless the loaded word is the own process id, which the executor fills in."""
        after = self.label()
        instruction = _Instruction(_EQUAL, 0xFFFFFFFF, after, None)
        self._pids.append(instruction)
        self._parts.append(instruction)
        self.returns(verdict)
        self.place(after)

    def finish(self) -> Program:
        places: dict[str, int] = {}
        instructions: list[_Instruction] = []
        for part in self._parts:
            if isinstance(part, _Label):
                places[part] = len(instructions)
            else:
                instructions.append(part)

        def jump(label: str | None, here: int) -> int:
            distance = 0 if label is None else places[label] - here - 1
            if not 0 <= distance <= 255:  # noqa: PLR2004  # a byte
                message = f"a jump of {distance} instructions does not fit into a byte"
                raise ValueError(message)
            return distance

        code = b"".join(
            struct.pack("=HBBI", part.code, jump(part.yes, here), jump(part.no, here), part.k)
            for here, part in enumerate(instructions)
        )
        pids = tuple(here for here, part in enumerate(instructions) if any(part is pid for pid in self._pids))
        return Program(code, len(instructions), pids)


def machine() -> Machine:
    """Return the running machine.

    Raises:
        OSError: There is no table for it.
    """
    name = platform.machine()
    if name not in MACHINES:
        message = f"no seccomp tables for {name}; executors run on {', '.join(MACHINES)}"
        raise OSError(errno.ENOSYS, message)
    return MACHINES[name]


def _column(rows: Iterable[tuple[object, ...]], column: int) -> list[int]:
    return [number for row in rows if type(number := row[column]) is int]


def load_program(machine: Machine, *, threads: bool) -> Program:
    """Return the program for loading: the broker's calls trap, executable mappings are possible, W and X together not.

    Args:
        machine: For which architecture.
        threads: Whether the library may start threads.
    """
    made = _Assembler(machine)
    column = machine.column

    # First: the channel sleeps on it.
    after = made.begin(_FUTEX)
    made.argument(1)
    made._parts.append(_Instruction(_AND, 0xFFFFFFFF & ~_FUTEX_FLAGS))
    made.numbers(list(_FUTEX_OPERATIONS), ALLOW)
    made.end(after, ERRNO + errno.ENOSYS)

    made.numbers(_column(_ALLOWED.values(), column), ALLOW)
    made.numbers(_column(_TRAPPED.values(), column), TRAP)
    for row in _REFUSED.values():
        number = row[column]
        if number is not None:
            made.when(_EQUAL, number, ERRNO + row[2])
    made.when(_EQUAL, _SECCOMP[column], ALLOW)  # the second program; another one can only take away more

    for call in (_MMAP, _MPROTECT):
        after = made.begin(call)
        made.argument(2)
        made._parts.append(_Instruction(_AND, 6))
        made.unless(_EQUAL, 6, ALLOW)
        made.end(after, ERRNO + errno.EPERM)

    if threads:
        after = made.begin(_CLONE)
        made.argument(0)
        made.when(_ANY_BIT, _NEW_FLAGS, ERRNO + errno.EPERM)
        made._parts.append(_Instruction(_AND, _THREAD_FLAGS))
        made.when(_EQUAL, _THREAD_FLAGS, ALLOW)
        made.end(after, ERRNO + errno.EPERM)

    # prlimit64(0, resource, NULL, old): reading the own limits.
    after = made.begin(_PRLIMIT)
    for index, high in ((0, False), (2, False), (2, True)):
        made.argument(index, high=high)
        made.unless(_EQUAL, 0, ERRNO + errno.EPERM)
    made.end(after, ALLOW)

    # Of itself.  The C library asks for each thread by its number, and does without if the call is not there.
    after = made.begin(_AFFINITY)
    made.argument(0)
    made.when(_EQUAL, 0, ALLOW)
    made.own_pid(ERRNO + errno.ENOSYS)
    made.end(after, ALLOW)

    # abort() ends with a signal to itself.
    after = made.begin(_TGKILL)
    made.argument(0)
    made.own_pid(ERRNO + errno.EPERM)
    made.end(after, ALLOW)

    made.returns(ERRNO + errno.EPERM)
    return made.finish()


def run_program(machine: Machine) -> Program:
    """Return the program for running: nothing executable is mapped any more, and no filter is added."""
    made = _Assembler(machine)
    for call in (_MMAP, _MPROTECT):
        after = made.begin(call)
        made.argument(2)
        made.when(_ANY_BIT, 4, ERRNO + errno.EPERM)
        made.end(after, ALLOW)
    made.when(_EQUAL, _SECCOMP[machine.column], ERRNO + errno.EPERM)
    made.returns(ALLOW)
    return made.finish()


def evaluate(program: Program, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """Run a program as the kernel would, and return its verdict.

    Args:
        program: From `load_program` or `run_program`.
        number: Of the system call.
        arch: The audit constant of the caller's architecture.
        arguments: Up to six unsigned words of 64 bits.
    """
    data = struct.pack("=IIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    accumulator, at = 0, 0
    while True:
        code, yes, no, k = struct.unpack_from("=HBBI", program.code, 8 * at)
        at += 1
        if code == _LOAD:
            accumulator = int(struct.unpack_from("=I", data, k)[0])
        elif code == _AND:
            accumulator &= k
        elif code == _RETURN:
            return int(k)
        else:
            holds = {
                _EQUAL: accumulator == k,
                _AT_LEAST: accumulator >= k,
                _ANY_BIT: bool(accumulator & k),
            }[code]
            at += yes if holds else no
