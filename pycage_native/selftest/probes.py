"""What a hostile library tries, and what must come of it."""

from __future__ import annotations

import errno
import platform
import signal
from typing import Final, NamedTuple

__all__ = ["PROBES", "Killed", "Probe"]


class Killed(NamedTuple):
    """The executor ends: by one of these signals, or with an exit status."""

    signals: tuple[signal.Signals, ...] = ()
    exit_status: int | None = None


class Probe(NamedTuple):
    """One probe.

    Attributes:
        name: The function of the library.
        tries: What it tries, in words.
        expected: The values that it may return (minus an errno, or a number), how it ends, or "timeout".
        asked: Whether the host must have been asked for a file and have refused.
    """

    name: str
    tries: str
    expected: tuple[int, ...] | Killed | str
    asked: bool = False


def _refused(*more: int) -> tuple[int, ...]:
    return (-errno.EPERM, *(-number for number in more))


_DENIED: Final = (-errno.EACCES,)

PROBES: Final = (
    Probe("constructor_open", "open /etc/shadow in a constructor", _DENIED, asked=True),
    Probe("open_passwd", "read /etc/passwd", _DENIED, asked=True),
    Probe("open_environ", "read its environment in /proc", _DENIED, asked=True),
    Probe("open_parent", "read another process's environment", _DENIED, asked=True),
    Probe("stat_passwd", "look whether /etc/passwd exists", (-errno.ENOENT,), asked=True),
    Probe("open_write", "create a file", _DENIED, asked=True),
    Probe("open_up", "go up with ..", _DENIED, asked=True),
    Probe("open_relative", "open a relative path", _DENIED, asked=True),
    Probe("open_how", "open by openat2", _refused(errno.ENOSYS)),
    Probe("name_to_handle", "get a file handle", _refused()),
    Probe("unlink_file", "delete a file", _refused()),
    Probe("change_directory", "change the directory", _refused()),
    Probe("dlopen_late", "load another library", _refused(), asked=True),
    Probe("open_socket", "open a network socket", _refused()),
    Probe("open_unix", "open a local socket", _refused()),
    Probe("send_on_control", "send on the control socket", _refused()),
    Probe("read_stdin", "read the host's standard input", (0,)),
    Probe("signal_parent", "signal its parent", _refused()),
    Probe("signal_all", "signal every process", _refused()),
    Probe("signal_thread", "signal a thread of another process", _refused()),
    Probe("do_fork", "fork", _refused()),
    Probe("do_vfork", "vfork", _refused()),
    Probe("do_exec", "run a program", _refused()),
    Probe("do_clone_newuser", "make a user namespace", _refused()),
    Probe("do_unshare", "unshare a user namespace", _refused()),
    Probe("do_ptrace", "be traced", _refused()),
    Probe("read_parent_memory", "read its parent's memory", _refused()),
    Probe("open_pidfd", "get hold of its parent", _refused()),
    Probe("map_rwx", "map writable code", _refused()),
    Probe("map_rx", "map code after loading", _refused()),
    Probe("protect_rx", "turn data into code", _refused()),
    Probe("use_pi_futex", "lock with priority inheritance", (-errno.ENOSYS,)),
    Probe("ask_affinity", "ask about another process", (-errno.ENOSYS,)),
    Probe("make_memfd", "make a memory file", _refused()),
    Probe("truncate_control", "truncate a descriptor", _refused()),
    Probe("use_io_uring", "use io_uring", _refused()),
    Probe("use_bpf", "use bpf", _refused()),
    Probe("use_perf", "use perf_event_open", _refused()),
    Probe("use_userfaultfd", "use userfaultfd", _refused()),
    Probe("use_keyctl", "use the key ring", _refused()),
    Probe("use_shm", "make System V shared memory", _refused()),
    Probe("set_dumpable", "change its process attributes", _refused()),
    Probe("set_personality", "change its personality", _refused()),
    Probe("add_filter", "add a filter of its own", _refused()),
    Probe("raise_limit", "raise a limit", _refused()),
    Probe("device_control", "push characters into a terminal", (-errno.ENOTTY,)),
    Probe("mount_something", "mount a file system", _refused()),
    Probe("read_secret", "read a variable of the host's environment", (0,)),
    Probe("environment", "count the variables of its environment", (0,)),
    Probe("use_thread", "start a thread (may)", (42,)),
    Probe("open_in_thread", "open a file in a thread of its own", _DENIED),
    Probe("map_rw", "use memory (may)", (0,)),
    Probe("use_memory", "use 64 MB (may)", (0,)),
    Probe("use_much_memory", "use 8 GB", (-errno.ENOMEM,)),
    Probe("flood_threads", "start threads without end", (-errno.EAGAIN,)),
    Probe("flood_descriptors", "open files without end", _DENIED, asked=True),
    Probe("crash_null", "write to address 0", Killed((signal.SIGSEGV,))),
    Probe("crash_abort", "abort", Killed((signal.SIGABRT,))),
    Probe("crash_exit", "exit", Killed(exit_status=7)),
    Probe("crash_stack", "overflow the stack", Killed((signal.SIGSEGV,))),
    Probe("crash_loop", "never return", "timeout"),
    Probe("crash_blocked_sigsys", "block the broker's signal", Killed((signal.SIGSYS,))),
    Probe("crash_kill_self", "kill itself", Killed((signal.SIGKILL,))),
    *(
        (
            Probe("crash_int80", "call the kernel as a 32-bit program", Killed((signal.SIGSYS, signal.SIGSEGV))),
            Probe("crash_x32", "call the kernel as an x32 program", Killed((signal.SIGSYS,))),
        )
        if platform.machine() == "x86_64"
        else ()
    ),
)
"""All probes, in the order of the report."""
