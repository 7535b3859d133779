"""Loading: who may, what a denial tells, which layers there are, and how long it may take."""

from __future__ import annotations

import os
import signal
import threading

import attrs
import pycage_native
import pytest
from pycage import FilePermission, NativePermission, Sandbox
from pycage.access import LOG
from pycage.errors import AccessDenied
from pycage_native import NativeCrash, NativeTimeout, layers
from pycage_native.limits import Limits

ADD = "int add(int a, int b) { return a + b; }"
WAITS = r"""
#include <unistd.h>
#include <fcntl.h>
__attribute__((constructor)) static void begin(void) {
  for (int file; (file = open(GATE, O_RDONLY)) >= 0;) close(file), usleep(2000);
}
int add(int a, int b) { return a + b; }
"""

# ---- Who may, and what a denial tells ----


@pytest.fixture
def linked(compiled, tmp_path):
    """Return a link, and the library that it leads to."""
    target = tmp_path / "secret-name" / "library.so"
    target.parent.mkdir()
    target.write_bytes(compiled(ADD).read_bytes())
    link = tmp_path / "link.so"
    link.symlink_to(target)
    return str(link), str(target)


def attempt(sandbox, path):
    with pytest.raises(AccessDenied) as denied:
        sandbox.run("load(path)", variables={"load": pycage_native.load, "path": path})
    return denied.value


TELLS = """
try:
    load(path)
except PermissionError as error:
    told = " ".join([str(error), repr(error.permission), *error.__notes__, repr(error.__context__)])
told
"""


def told(sandbox, path):
    """Return what a sandbox can read of a denial."""
    return sandbox.run(TELLS, variables={"load": pycage_native.load, "path": path}).value


def test_a_denial_names_what_was_asked_for_and_not_where_it_leads(linked):
    link, target = linked
    with Sandbox("linked") as sandbox:
        assert link in told(sandbox, link)
        sandbox.grant(NativePermission(link, "load"))
        denied = attempt(sandbox, link)

        assert link in str(denied)
        assert "secret-name" not in told(sandbox, link)
        assert any(target in decision.permission for decision in LOG.denials())  # the host is told


def test_who_may_read_a_link_is_told_where_it_leads(linked):
    link, target = linked
    with Sandbox("reads_links") as sandbox:
        sandbox.grant(NativePermission(link, "load"), FilePermission(link, "readlink"))
        assert target in str(attempt(sandbox, link))
        sandbox.grant(NativePermission(target, "load"))
        sandbox.run("load(path).close()", variables={"load": pycage_native.load, "path": link})


def test_what_a_sandbox_may_not_load_is_not_looked_up(tmp_path, monkeypatch):
    looked = []
    isfile = os.path.isfile
    monkeypatch.setattr(os.path, "isfile", lambda path: looked.append(str(path)) or isfile(path))
    with Sandbox("looks") as sandbox:
        attempt(sandbox, str(tmp_path / "mounted-on-demand" / "x.so"))
        assert looked == []
        attempt(sandbox, "libm.so.6")
        assert looked != []


def test_a_path_object_is_asked_for_its_name_once(compiled):
    with Sandbox("fspath") as sandbox:
        sandbox.grant(NativePermission(str(compiled(ADD)), "load"))
        source = """
class Path:
    def __fspath__(self):
        return names.pop()
load(Path())
"""
        names = ["/usr/lib/other.so", str(compiled(ADD))]
        run = sandbox.run(source, variables={"load": pycage_native.load, "names": names})
        assert names == ["/usr/lib/other.so"]
        run.value.close()


def test_the_hint_of_a_denial_names_what_its_grant_is_made_with(compiled):
    kind = pycage_native.CFUNCTYPE(pycage_native.c_int)
    wanted = FilePermission("/etc/hostname", "read")
    with pycage_native.load(compiled("int apply(int (*f)(void)) { return f(); }")) as library:
        apply = library.function("apply", pycage_native.c_int, [kind])
        with pytest.raises(AccessDenied) as denied:
            apply(kind(lambda: pycage_native.library.check_permission(wanted)))
    assert any(note.startswith("to allow it: library.grant(FilePermission") for note in denied.value.__notes__)


# ---- Layers ----


def test_landlock_can_be_waived_and_no_other_layer(compiled):
    assert set(layers.WAIVABLE) == {"landlock"}
    for name in sorted(set(layers.LAYERS) - layers.WAIVABLE):
        with pytest.raises(ValueError, match=f"{name} cannot be done without; what can is landlock"):
            pycage_native.load(compiled(ADD), waive=[name])
        assert "waive" not in layers.refused(name, 1, layers.REQUIRED).hint
    assert 'waive=["landlock"]' in layers.refused("landlock", 1, layers.REQUIRED).hint


def test_what_is_required_is_not_waived(compiled):
    with pytest.raises(ValueError, match="landlock is both required and waived"):
        pycage_native.load(compiled(ADD), require=["landlock"], waive=["landlock"])


@pytest.mark.parametrize("what", ["require", "waive"])
def test_a_misspelt_layer_is_an_error_that_says_what_was_meant(compiled, what):
    with pytest.raises(ValueError, match=rf'{what}: no such layer: landlok; did you mean "landlock"\?'):
        pycage_native.load(compiled(ADD), **{what: ["landlok"]})
    with pytest.raises(TypeError, match=rf"{what}=\['landlock'\]"):
        pycage_native.load(compiled(ADD), **{what: "landlock"})


def test_every_thread_is_witnessed(compiled):
    with pycage_native.load(compiled(ADD), channels=3) as library:
        witnessed = library.layers.witnessed
        assert witnessed["Threads"] == str(len(os.listdir(f"/proc/{library.pid}/task"))) == "3"
        assert (witnessed["NoNewPrivs"], witnessed["Seccomp"], set(witnessed["CapEff"])) == ("1", "2", {"0"})
        outer = layers.filters_of(os.getpid())
        assert int(witnessed["Seccomp_filters"]) == outer + 2

        with pytest.raises(pycage_native.ConfinementUnavailable) as missing:  # as if it had one by inheritance
            layers.witness(library.pid, layers.REQUIRED, outer + 1)
        assert missing.value.missing == ("seccomp",)


def test_one_thread_that_is_not_confined_is_enough(monkeypatch):
    confined = {"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "2", "CapEff": "0" * 16}
    for field, value, layer in [
        ("NoNewPrivs", "0", "no_new_privs"),
        ("Seccomp", "0", "seccomp"),
        ("Seccomp_filters", "1", "seccomp"),
        ("CapEff", "0000000000000400", "capabilities"),
    ]:
        threads = {"7": confined, "8": {**confined, field: value}, "9": confined}
        monkeypatch.setattr(os, "listdir", lambda _, threads=threads: list(threads))
        monkeypatch.setattr(layers, "_status", lambda path, threads=threads: threads[path.split("/")[-2]])
        with pytest.raises(pycage_native.ConfinementUnavailable) as missing:
            layers.witness(7, layers.REQUIRED, 0)
        assert missing.value.missing == (layer,)


def test_a_process_of_which_the_kernel_says_nothing_is_not_confined():
    with pytest.raises(pycage_native.ConfinementUnavailable, match="the kernel does not confirm it"):
        layers.witness((1 << 22) + 1, layers.REQUIRED, 0)


# ---- How long ----


@pytest.fixture
def waiting(compiled, tmp_path):
    """A library whose constructor returns when a file is gone."""
    gate = tmp_path / "gate"
    gate.write_text("")
    return compiled(WAITS, f'-DGATE="{gate}"'), gate


FOREVER = "__attribute__((constructor)) static void begin(void) { for (volatile int x = 1; x;) continue; }"


def test_a_constructor_that_never_returns_is_stopped_without_being_asked_for(compiled):
    assert Limits().load == 10.0
    with pytest.raises(NativeTimeout, match=r"loading took too long.*Limits\(load=") as timeout:
        pycage_native.load(compiled(FOREVER), limits=Limits(load=0.1))
    assert timeout.value.function == "loading"


@pytest.mark.parametrize(("wall", "nanoseconds"), [(None, 0), (2.0, 2_000_000_000)])
def test_calls_are_not_limited_by_the_time_of_loading(compiled, wall, nanoseconds):
    with pycage_native.load(compiled(ADD), limits=Limits(load=5.0, wall=wall)) as library:
        assert library._executor.link.timeout == nanoseconds


def allow(library, seconds):
    """Change how long the next loads may take: the first must not fail on a busy machine."""
    library._settings = attrs.evolve(library._settings, limits=Limits(load=seconds))


def test_a_restart_that_fails_leaves_nothing_open(waiting):
    path, gate = waiting
    gate.unlink()
    with pycage_native.load(path) as library:
        assert library.function("add")(1, 2) == 3
        gate.write_text("")
        library.grant(FilePermission(str(gate), "read"))
        allow(library, 0.1)
        with pytest.raises(NativeTimeout):
            library.restart()
        assert not library._broker.loading
        assert not library.alive

        gate.unlink()
        allow(library, 10)
        assert library.function("add")(1, 2) == 3
        assert not library._broker.loading


def test_another_thread_waits_for_a_load_no_longer_than_it_may_take(waiting):
    path, gate = waiting
    gate.unlink()
    with pycage_native.load(path) as library:
        add = library.function("add")
        gate.write_text("")
        library.grant(FilePermission(str(gate), "read"))
        allow(library, 0.1)
        errors = []

        def restart():
            try:
                library.restart()
            except NativeTimeout as error:
                errors.append(error)

        threads = [threading.Thread(target=restart) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        gate.unlink()
        allow(library, 10)
        assert len(errors) == 2
        assert add(1, 2) == 3


# ---- How it ends ----


def test_the_signal_of_a_crash_has_a_name(load):
    library = load(
        "#include <signal.h>\nvoid die(int with) { raise(with); }\nvoid crash(void) { *(volatile int *)0 = 1; }"
    )
    with pytest.raises(NativeCrash, match="killed by SIGSEGV") as crash:
        library.function("crash")()
    assert type(crash.value.signal) is signal.Signals
    assert crash.value.signal == signal.SIGSEGV == 11
    unnamed = NativeCrash(library="l", function="f", signal=40)  # a real-time signal
    assert (unnamed.signal, "killed by 40" in str(unnamed)) == (40, True)
