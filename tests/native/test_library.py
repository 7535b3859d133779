"""Libraries in executors: what they may do, how they end, and what the host notices of it."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pycage
import pytest
from pycage import FilePermission, NativePermission, Sandbox
from pycage.errors import AccessDenied
from pycage_native.errors import ConfinementUnavailable, LibraryError, NativeCrash, NativeError, NativeTimeout
from pycage_native.loading import load
from pycage_native.limits import Limits
from pycage_native.types import c_char_p, c_int

_numbers = itertools.count()

SOURCE = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static int count;
int add(int a, int b) { return a + b; }
int next(void) { return ++count; }
int crash(void) { *(volatile int *)0 = 1; return 0; }
int leave(int status) { exit(status); }
int forever(void) { for (volatile int x = 1; x;) continue; return 0; }
int fails(int number) { errno = number; return -1; }
int opens(const char *path, int flags) { int fd = open(path, flags, 0600); return fd < 0 ? -errno : fd; }
int reads(const char *path) {
  char text[64]; int fd = open(path, O_RDONLY);
  if (fd < 0) return -errno;
  int got = read(fd, text, sizeof text); close(fd);
  return got;
}
int writes(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) return -errno;
  int got = write(fd, "written", 7); close(fd);
  return got;
}
int exists(const char *path) { return access(path, R_OK) ? -errno : 0; }
char *text(void) { return "text"; }
"""


@pytest.fixture
def path(compiled):
    return compiled(SOURCE)


@pytest.fixture
def library(path):
    with load(path) as made:
        yield made


CODES = {"i": c_int, "z": c_char_p}


def bound(library, name, result="i", arguments=""):
    return library.function(name, CODES[result], [CODES[code] for code in arguments])


def test_a_function_is_called(library):
    assert bound(library, "add", "i", "ii")(2, 3) == 5
    assert bound(library, "text", "z")() == b"text"


def test_state_of_a_library_lives_as_long_as_its_executor(library):
    count = bound(library, "next")
    assert [count(), count()] == [1, 2]
    library.restart()
    assert count() == 1


def test_what_does_not_exist_is_said_so(library, tmp_path):
    with pytest.raises(LibraryError, match="no function nothing"):
        bound(library, "nothing")
    with pytest.raises(LibraryError, match="was not found"):
        load("libnothing-of-the-kind.so.9")
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(LibraryError, match="could not be loaded"):
        load(tmp_path / "text.so")


def test_all_layers_are_in_force(library):
    assert library.layers.active == {"rlimits", "capabilities", "no_new_privs", "landlock", "seccomp"}
    assert library.layers.witnessed["Seccomp"] == "2"
    for task in os.listdir(f"/proc/{library.pid}/task"):
        with open(f"/proc/{library.pid}/task/{task}/status") as status:
            fields = dict(line.split(":\t") for line in status.read().splitlines() if ":\t" in line)
        assert (fields["NoNewPrivs"], fields["Seccomp"], fields["CapEff"]) == ("1", "2", "0" * 16)
        assert int(fields["Seccomp_filters"]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser may look at descriptors of another user's process")
def test_an_executor_has_no_descriptors_of_the_host(library):
    assert sorted(map(int, os.listdir(f"/proc/{library.pid}/fd"))) == [0, 1, 2, 3]
    assert {os.readlink(f"/proc/{library.pid}/fd/{number}") for number in (0, 1, 2)} == {"/dev/null"}


def test_a_crash_is_an_error_of_the_call_and_the_next_call_works(library):
    add = bound(library, "add", "i", "ii")
    with pytest.raises(NativeCrash) as crash:
        bound(library, "crash")()
    assert (crash.value.signal, crash.value.function, crash.value.library) == (signal.SIGSEGV, "crash", library.name)
    assert add(1, 2) == 3
    with pytest.raises(NativeCrash) as crash:
        bound(library, "leave", "i", "i")(3)
    assert (crash.value.signal, crash.value.exit_status) == (None, 3)
    assert add(1, 2) == 3


def test_a_call_that_takes_too_long_is_stopped(path):
    with load(path, limits=Limits(wall=0.5)) as library:
        with pytest.raises(NativeTimeout, match="forever"):
            bound(library, "forever")()
        assert bound(library, "add", "i", "ii")(1, 1) == 2


def test_a_library_that_is_killed_from_outside_is_a_crash(library):
    os.kill(library.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while library.alive and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not library.alive
    assert bound(library, "add", "i", "ii")(1, 1) == 2


def test_a_closed_library_cannot_be_called(library):
    add = bound(library, "add", "i", "ii")
    library.close()
    with pytest.raises(NativeError, match="is closed"):
        add(1, 2)


def test_errno_is_that_of_the_call(library):
    fails = bound(library, "fails", "i", "i")
    assert (fails(errno.ENOTDIR), library.errno) == (-1, errno.ENOTDIR)
    assert (bound(library, "add", "i", "ii")(1, 1), library.errno) == (2, 0)


# ---- Files ----


def test_a_file_is_opened_only_if_the_library_may(library, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("four")
    reads = bound(library, "reads", "i", "z")
    name = os.fsencode(secret)

    assert reads(name) == -errno.EACCES
    library.grant(FilePermission(str(secret), "read"))
    assert reads(name) == 4
    library.revoke(FilePermission(str(secret), "read"))
    assert reads(name) == -errno.EACCES
    assert str(secret) in library.denials


def test_a_file_is_written_only_if_the_library_may_write(library, tmp_path):
    target = tmp_path / "target"
    writes = bound(library, "writes", "i", "z")
    library.grant(FilePermission(str(target), "read"))
    assert writes(os.fsencode(target)) == -errno.EACCES
    library.grant(FilePermission(str(target), "read,write"))
    assert writes(os.fsencode(target)) == 7
    assert target.read_text() == "written"


def test_a_link_out_of_what_is_granted_leads_nowhere(library, tmp_path):
    granted = tmp_path / "granted"
    granted.mkdir()
    (tmp_path / "secret").write_text("secret")
    (granted / "link").symlink_to(tmp_path / "secret")
    (granted / "open").write_text("open")
    library.grant(FilePermission(f"{granted}/-", "read"))
    reads = bound(library, "reads", "i", "z")

    assert reads(os.fsencode(granted / "open")) == 4
    assert reads(os.fsencode(granted / "link")) == -errno.EACCES
    assert reads(os.fsencode(f"{granted}/../secret")) == -errno.EACCES
    assert reads(os.fsencode(f"{granted}//open")) == -errno.EACCES


def test_only_plain_files_are_opened(library, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    library.grant(FilePermission(f"{tmp_path}/-", "read,write"), FilePermission("/dev/null", "read"))
    opens = bound(library, "opens", "i", "zi")

    assert opens(os.fsencode(tmp_path / "fifo"), os.O_RDONLY) == -errno.EACCES
    assert opens(b"/dev/null", os.O_RDONLY) == -errno.EACCES
    assert opens(os.fsencode(tmp_path), os.O_RDONLY) < 0


def test_whether_a_file_exists_is_not_told(library, tmp_path):
    (tmp_path / "there").write_text("")
    exists = bound(library, "exists", "i", "z")

    assert exists(os.fsencode(tmp_path / "there")) == exists(os.fsencode(tmp_path / "not")) == -errno.ENOENT
    library.grant(FilePermission(f"{tmp_path}/-", "read"))
    assert exists(os.fsencode(tmp_path / "there")) == 0


def test_a_file_that_is_exchanged_for_a_link_meanwhile_is_never_the_other_one(library, tmp_path):
    """The race that a supervisor loses if the kernel resolves the path again."""
    allowed, forbidden, name = tmp_path / "allowed", tmp_path / "forbidden", tmp_path / "name"
    allowed.write_text("a")
    forbidden.write_text("forbidden")
    library.grant(FilePermission(str(allowed), "read"), FilePermission(str(name), "read"))
    stop = threading.Event()

    def flip():
        number = 0
        while not stop.is_set():
            number += 1
            other = tmp_path / f"next{number % 2}"
            other.unlink(missing_ok=True)
            other.symlink_to(allowed if number % 2 else forbidden)
            other.replace(name)

    name.symlink_to(allowed)
    thread = threading.Thread(target=flip)
    thread.start()
    try:
        reads = bound(library, "reads", "i", "z")
        seen = {reads(os.fsencode(name)) for _ in range(300)}
    finally:
        stop.set()
        thread.join()
    assert seen <= {1, -errno.EACCES, -errno.ENOENT}
    assert 1 in seen


# ---- Who may load and call ----


@pytest.fixture
def sandbox():
    with Sandbox(f"native_{next(_numbers)}") as made:
        yield made


def test_a_sandbox_loads_only_what_it_may(sandbox, path):
    run = lambda: sandbox.run("load(path)", variables={"load": load, "path": str(path)})  # noqa: E731
    with pytest.raises(AccessDenied, match=r"NativePermission.*load"):
        run()
    sandbox.grant(NativePermission(str(path), "load"))
    run().value.close()


def test_a_sandbox_that_loads_a_library_needs_a_permission_to_call_it(sandbox, path):
    sandbox.grant(NativePermission(str(path), "load"))
    library = sandbox.run("load(path)", variables={"load": load, "path": str(path)}).value
    add = bound(library, "add", "i", "ii")
    call = lambda: sandbox.run("add(1, 2)", variables={"add": add}).value  # noqa: E731
    with pytest.raises(AccessDenied, match=r"NativePermission.*call"):
        call()
    sandbox.grant(NativePermission(str(path), "call"))
    assert call() == 3
    library.close()


def test_a_sandbox_does_not_lend_a_library_more_than_it_has_itself(sandbox, path, tmp_path):
    sandbox.grant(NativePermission(str(path), "load"))
    with pytest.raises(AccessDenied):
        sandbox.run(
            "load(path, permissions=[permission])",
            variables={"load": load, "path": str(path), "permission": FilePermission(f"{tmp_path}/-", "read")},
        )


def test_a_file_is_opened_for_a_library_only_if_the_caller_may_open_it_too(sandbox, library, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("four")
    library.grant(FilePermission(str(secret), "read"))
    sandbox.grant(NativePermission(library.path, "call"))
    reads = bound(library, "reads", "i", "z")
    call = lambda: sandbox.run("reads(name)", variables={"reads": reads, "name": os.fsencode(secret)}).value  # noqa: E731

    assert reads(os.fsencode(secret)) == 4
    assert call() == -errno.EACCES
    sandbox.grant(FilePermission(str(secret), "read"))
    assert call() == 4


# ---- Layers that are not there ----

OUTER = """
import ctypes, struct, sys
{imports}
def outer(rules):
    "Install a filter: system call -> errno; -1: a listener takes it."
    code = [(0x20, 0, 0, 0)]
    for number, verdict in rules.items():
        code += [(0x15, 0, 1, number), (6, 0, 0, 0x7FC00000 if verdict < 0 else 0x50000 + verdict)]
    code.append((6, 0, 0, 0x7FFF0000))
    data = b"".join(struct.pack("=HBBI", *each) for each in code)
    buffer = ctypes.create_string_buffer(data)
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    program = Program(len(code), ctypes.addressof(buffer))
    listens = any(verdict < 0 for verdict in rules.values())
    assert libc.syscall(317, 1, 8 if listens else 0, ctypes.byref(program)) >= 0, ctypes.get_errno()
from pycage_native.errors import ConfinementUnavailable
from pycage_native.loading import load
outer({rules})
try:
    with load({path!r}{options}) as library:
        print("loaded", sorted(library.layers.active), library.function("add")(1, 2))
except ConfinementUnavailable as error:
    print("refused", error.missing, error.hint.partition(":")[0])
"""


def under(path, rules, options="", tmp_path=None):
    source = OUTER.format(imports="", rules=rules, path=str(path), options=options)
    done = subprocess.run(
        [sys.executable, "-P", "-c", source], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
NO_LANDLOCK = {444: errno.ENOSYS, 445: errno.ENOSYS, 446: errno.ENOSYS}


@x86_64
def test_a_kernel_without_landlock_is_refused_by_name(path, tmp_path):
    found = under(path, NO_LANDLOCK, tmp_path=tmp_path)
    assert found == "refused ('landlock',) landlock is not supported by this kernel"


@x86_64
def test_a_kernel_with_landlock_switched_off_is_refused_by_name(path, tmp_path):
    found = under(path, {444: errno.EOPNOTSUPP}, tmp_path=tmp_path)
    assert found == "refused ('landlock',) landlock is switched off since boot"


@x86_64
def test_without_landlock_a_library_is_loaded_if_that_is_waived(path, tmp_path):
    found = under(path, NO_LANDLOCK, ', waive=["landlock"]', tmp_path=tmp_path)
    assert found == "loaded ['capabilities', 'no_new_privs', 'rlimits', 'seccomp'] 3"


@x86_64
def test_what_is_waived_but_there_is_in_force(path):
    with load(path, waive=["landlock"]) as library:
        assert "landlock" in library.layers.active


@x86_64
def test_an_outer_sandbox_with_a_listener_is_no_obstacle(path, tmp_path):
    found = under(path, {999: -1}, tmp_path=tmp_path)
    assert found.endswith("'seccomp'] 3")


@x86_64
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_a_kernel_without_seccomp_is_refused_by_name(path, tmp_path, number):
    # The outer filter is a filter itself: it refuses the next one.
    found = under(path, {317: number}, tmp_path=tmp_path)
    assert found.startswith("refused ('seccomp',)")


@x86_64
def test_clone3_is_not_needed(path, tmp_path):
    assert under(path, {435: errno.ENOSYS}, tmp_path=tmp_path).endswith("3")


@x86_64
def test_namespaces_are_refused_by_name_if_they_are_required_and_not_there(path, tmp_path):
    found = under(path, {272: errno.EPERM}, ', require=["namespaces"]', tmp_path=tmp_path)
    assert found == "refused ('namespaces',) namespaces is refused"


def test_an_unknown_layer_is_an_error(path):
    with pytest.raises(ValueError, match="no such layer: walls"):
        load(path, require=["walls"])


# ---- The host ----


def gone(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_a_host_that_is_killed_leaves_no_executor(path, run_host):
    host = run_host(
        f"""
        from pycage_native.loading import load
        from pycage_native.zygote import Zygote
        library = load({str(path)!r})
        print(library.pid, Zygote.get()._pid, flush=True)
        library.function("forever")()
        """
    )
    executor, zygote = map(int, host.stdout.readline().split())
    host.kill()
    host.wait()
    assert gone(executor)
    assert gone(zygote)


def test_a_host_that_ends_leaves_no_executor(path, run_host):
    host = run_host(
        f"""
        from pycage_native.loading import load
        print(load({str(path)!r}).pid, flush=True)
        """
    )
    executor = int(host.stdout.readline())
    assert host.wait() == 0
    assert gone(executor)


def test_a_library_that_was_loaded_in_a_short_thread_lives_on(path):
    made = []
    thread = threading.Thread(target=lambda: made.append(load(path)))
    thread.start()
    thread.join()
    with made[0] as library:
        assert bound(library, "add", "i", "ii")(1, 2) == 3


def test_after_a_fork_the_child_has_executors_of_its_own(path, run_host):
    host = run_host(
        f"""
        import os, warnings
        from pycage_native.loading import load
        warnings.simplefilter("ignore")
        library = load({str(path)!r})
        count = library.function("next")
        count()
        if os.fork() == 0:
            print(count(), flush=True)
            os._exit(0)
        os.wait()
        print(count(), flush=True)
        """
    )
    said = host.stdout.read().split()
    host.wait()
    assert said == ["1", "2"]


MEETING = r"""
#include <stdatomic.h>
#include <unistd.h>
static atomic_int here;
int meets(int all) {
  here++;
  for (int i = 0; i < 20000 && here < all; i++) usleep(500);
  return here >= all;
}
"""


def test_threads_call_at_the_same_time(compiled):
    """Each call returns only when all four are in the library."""
    with load(compiled(MEETING), channels=4) as library:
        meets = bound(library, "meets", "i", "i")
        found = []
        threads = [threading.Thread(target=lambda: found.append(meets(4))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1, 1, 1, 1]


def test_with_one_processor_nobody_spins(path, run_host):
    host = run_host(
        f"""
        import os
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
        from pycage_native.loading import load
        library = load({str(path)!r})
        count = library.function("next")
        print(library._executor.link.spin, [count() for _ in range(1000)] == list(range(1, 1001)))
        """
    )
    assert host.stdout.read() == "0 True\n"


def test_ctrl_c_interrupts_a_call(path, run_host):
    host = run_host(
        f"""
        import os, signal, threading, time
        from pycage_native.loading import load
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
        library = load({str(path)!r})
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            library.function("forever")()
        except KeyboardInterrupt:
            print("interrupted", library.function("add")(1, 2), flush=True)
        """
    )
    said = host.stdout.read()
    host.wait()
    assert said == "interrupted 3\n"


def test_many_crashes_leave_nothing_behind(library):
    crash, add = bound(library, "crash"), bound(library, "add", "i", "ii")

    def cycle(times):
        for _ in range(times):
            with pytest.raises(NativeCrash):
                crash()
            assert add(1, 2) == 3
        gc.collect()

    cycle(5)
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    cycle(40)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert threading.active_count() == threads


def test_the_decisions_about_a_library_are_recorded(library, tmp_path):
    bound(library, "reads", "i", "z")(os.fsencode(tmp_path / "x"))
    assert any(str(tmp_path / "x") in decision.permission for decision in pycage.decisions().denials())
