"""Whose a library is: what its loader may do that others may not, and that its loader is never forgotten."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import weakref
from concurrent.futures import ThreadPoolExecutor

import pycage_native
import pytest
from pycage import FilePermission, NativePermission, Sandbox, SandboxAdminPermission, do_privileged
from pycage.errors import AccessDenied, LimitExceeded
from pycage_native import owner
from pycage_native.search import find

_numbers = itertools.count()

SOURCE = r"""
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
int add(int a, int b) { return a + b; }
int opens(const char *path) { int file = open(path, O_RDONLY); return file < 0 ? -errno : close(file); }
int apply(int (*f)(int), int x) { return f(x); }
int (*getter(void))(int, int) { return add; }
void leave(void) { _exit(0); }
"""


@pytest.fixture
def path(compiled):
    return str(compiled(SOURCE))


@pytest.fixture
def sandbox():
    with Sandbox(f"owner_{next(_numbers)}") as made:
        yield made


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(owner, "MOST_EXECUTORS", 3)


LOADS = """
import ctypes
kept = []
def load(path):
    kept.append(ctypes.CDLL(path))
    return kept[-1]
load
"""


# ---- How many ----


def test_a_sandbox_starts_so_many_executors_and_no_more(sandbox, path, few):
    sandbox.grant(NativePermission(path, "load,call"))
    load = sandbox.run(LOADS).value
    with Sandbox("another_owner") as another, pycage_native.load(path) as of_the_host:
        another.grant(NativePermission(path, "load,call"))
        for _ in range(3):
            load(path)
        with pytest.raises(LimitExceeded, match="3 libraries of sandbox .* run at the same time"):
            load(path)

        assert another.run(LOADS).value(path).add(1, 2) == 3
        assert of_the_host.function("add")(1, 2) == 3


def test_only_executors_that_run_count(sandbox, path, few):
    sandbox.grant(NativePermission(path, "load,call"))
    load = sandbox.run(LOADS).value
    libraries = [load(path) for _ in range(3)]
    for library in libraries:
        with pytest.raises(pycage_native.NativeCrash):
            library.leave()

    others = [load(path) for _ in range(3)]
    with pytest.raises(LimitExceeded):  # its executor would be the fourth
        libraries[0].add(1, 2)
    with pytest.raises(pycage_native.NativeCrash):
        others[0].leave()
    assert libraries[0].add(1, 2) == 3


def test_a_library_that_nobody_has_any_more_counts_no_more(sandbox, path, few):
    sandbox.grant(NativePermission(path, "load,call"))
    source = f"import ctypes\n[ctypes.CDLL({path!r}).add(1, n) for n in range(9)]"

    assert sandbox.run(source).value == list(range(1, 10))


def test_a_load_that_fails_counts_no_more(sandbox, tmp_path, few, path):
    broken = tmp_path / "broken.so"
    broken.write_text("no library")
    sandbox.grant(NativePermission(str(broken), "load"), NativePermission(path, "load,call"))
    load = sandbox.run(LOADS).value
    for _ in range(4):
        with pytest.raises(pycage_native.LibraryError):
            load(str(broken))
    assert load(path).add(1, 2) == 3


# ---- Who may end it, and start it anew ----

ACTS = ["restart", "close", "grant", "revoke", "__exit__"]
RUN = {
    "restart": "library.restart()",
    "close": "library.close()",
    "grant": "library.grant(permission)",
    "revoke": "library.revoke(permission)",
    "__exit__": "with library: pass",
}


@pytest.mark.parametrize("act", ACTS)
def test_a_sandbox_does_not_administer_a_library_that_the_host_hands_over(sandbox, path, act):
    sandbox.grant(NativePermission(path, "load,call"))
    permission = FilePermission("/etc/hostname", "read")
    with pycage_native.load(path) as library:
        library.grant(permission)
        before = library.pid
        with pytest.raises(AccessDenied):
            sandbox.run(RUN[act], variables={"library": library, "permission": permission})
        assert (library.alive, library.pid) == (True, before)
        assert library.permissions.implies(permission)


@pytest.mark.parametrize("act", ACTS[:4])
def test_nor_by_handing_the_method_on_to_the_host(sandbox, path, act):
    source = "import functools\n" + RUN[act].replace("(", ", ").replace(", )", ",)")
    source = "(" + RUN[act].replace("(", ", ").replace(", )", ",)")
    permission = FilePermission("/etc/hostname", "read")
    with pycage_native.load(path) as library:
        function, *given = sandbox.run(source, variables={"library": library, "permission": permission}).value
        with ThreadPoolExecutor(1) as pool, pytest.raises(AccessDenied):
            pool.submit(function, *given).result()
        assert library.alive


def test_who_administers_may(sandbox, path):
    with pycage_native.load(path) as library:
        sandbox.grant(NativePermission(path, "load"), SandboxAdminPermission(path, "restartLibrary"))
        before = library.pid
        sandbox.run(RUN["restart"], variables={"library": library})
        assert library.pid != before
        with pytest.raises(AccessDenied, match="closeLibrary"):
            sandbox.run(RUN["close"], variables={"library": library})
        sandbox.grant(SandboxAdminPermission(path, "closeLibrary"))
        sandbox.run(RUN["close"], variables={"library": library})
        assert not library.alive


def test_a_sandbox_administers_what_it_loaded_and_no_other_sandbox_does(sandbox, path):
    sandbox.grant(NativePermission(path, "load,call"))
    load = lambda: sandbox.run("load(path)", variables={"load": pycage_native.load, "path": path}).value  # noqa: E731
    library = load()
    before = library.pid
    sandbox.run(RUN["restart"], variables={"library": library})
    assert library.pid != before

    with Sandbox("stranger") as stranger:
        stranger.grant(NativePermission(path, "load,call"))
        for act in ("restart", "close"):
            with pytest.raises(AccessDenied, match="SandboxAdminPermission"):
                stranger.run(RUN[act], variables={"library": library})

    sandbox.revoke(NativePermission(path, "load"))
    with pytest.raises(AccessDenied, match="NativePermission"):
        sandbox.run(RUN["restart"], variables={"library": library})
    sandbox.run(RUN["close"], variables={"library": library})
    assert not library.alive


def test_a_pool_starts_executors_anew_whoever_used_them(sandbox, path):
    with pycage_native.Pool(path, 1, reuse=1) as pool:
        sandbox.grant(NativePermission(path, "call"))
        use = sandbox.run("def use(pool):\n  with pool.library() as library: return library.pid\nuse").value
        assert use(pool) != use(pool)
        with pytest.raises(AccessDenied, match="closeLibrary"):
            sandbox.run("pool.close()", variables={"pool": pool})


# ---- Where it is called ----


@pytest.mark.parametrize("way", ["call", "map", "pipeline", "pointer"])
def test_a_function_that_a_sandbox_hands_on_is_called_in_its_name(sandbox, path, way):
    """Its permission is asked for although nobody but the host is on the stack."""
    sandbox.grant(NativePermission(path, "load,call"))
    add, pointer = sandbox.run(
        f"""
import ctypes
library = ctypes.CDLL({path!r})
library.add.argtypes = [ctypes.c_int, ctypes.c_int]
library.getter.restype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
(library.add, library.getter())
"""
    ).value
    uses = {
        "call": lambda: add(1, 2),
        "map": lambda: add.map([1], [2]),
        "pipeline": add.pipeline,
        "pointer": lambda: pointer(1, 2),
    }
    with ThreadPoolExecutor(1) as pool:
        pool.submit(uses[way]).result()
        sandbox.revoke(NativePermission(path, "call"))
        with pytest.raises(AccessDenied, match=r"NativePermission.*call"):
            pool.submit(uses[way]).result()


def test_a_file_is_opened_only_if_the_loader_may_open_it_wherever_the_call_is_made(sandbox, path, tmp_path):
    wanted = tmp_path / "wanted"
    wanted.write_text("text")
    permission = FilePermission(str(wanted), "read")
    sandbox.grant(NativePermission(path, "load,call"))
    library = sandbox.run("load(path)", variables={"load": pycage_native.load, "path": path}).value
    library.grant(permission)
    opens = library.function("opens", pycage_native.c_int, [pycage_native.c_char_p])

    assert opens(os.fsencode(wanted)) == -13
    sandbox.grant(permission)
    assert opens(os.fsencode(wanted)) == 0
    library.close()


def test_a_callback_has_the_loader_on_the_stack_wherever_the_call_is_made(sandbox, path, tmp_path):
    permission = FilePermission(str(tmp_path / "x"), "read")
    sandbox.grant(NativePermission(path, "load,call"))
    library = sandbox.run("load(path)", variables={"load": pycage_native.load, "path": path}).value
    library.grant(permission)
    kind = pycage_native.CFUNCTYPE(pycage_native.c_int, pycage_native.c_int)
    apply = library.function("apply", pycage_native.c_int, [kind, pycage_native.c_int])

    def asks(number):
        pycage_native.library.check_permission(permission)
        return number

    with pytest.raises(AccessDenied):
        apply(kind(asks), 1)
    sandbox.grant(permission)
    assert apply(kind(asks), 1) == 1
    library.close()


def test_a_sandbox_does_not_choose_where_errno_is_written_to(sandbox):
    class Victim:
        value = "mine"

    victim = Victim()
    sandbox.grant(NativePermission(find("libc.so.6"), "load,call"))
    source = """
import ctypes
libc = ctypes.CDLL("libc.so.6", use_errno=True)
for name in ("errno_to", "_errno_to"):
    try:
        setattr(libc.abs, name, victim)
    except (AttributeError, TypeError, PermissionError):
        pass
(libc.abs(-3), libc.open(b"/etc/passwd", 0), ctypes.get_errno())
"""
    assert sandbox.run(source, variables={"victim": victim}).value == (3, -1, 13)
    assert victim.value == "mine"


# ---- What the host hands over ----


READ = ["denials", "layers", "pid", "errno", "permissions", "stats"]  # some start an executor if none runs


def test_a_library_of_the_host_asks_when_a_sandbox_calls_it(sandbox, path):
    with pycage_native.load(path) as library, ThreadPoolExecutor(1) as pool:
        add = library.function("add", pycage_native.c_int, [pycage_native.c_int] * 2)
        use = sandbox.run("lambda thing, *arguments: thing(*arguments)").value
        reads = [sandbox.run(f"lambda library: library.{name}").value for name in READ]
        assert add(1, 2) == 3

        pipeline = add.pipeline()
        for act in (
            lambda: use(add, 1, 2),
            lambda: use(add.map, [1], [2]),
            lambda: use(pipeline, 1, 2),
            lambda: use(library.function, "add"),
            *(functools.partial(read, library) for read in reads),
            lambda: use(library.function("getter", pycage_native.CFUNCTYPE(*[pycage_native.c_int] * 3))(), 1, 2),
            lambda: list(map(use, [add], [1], [2])),
            lambda: sandbox.run("lambda add: list(map(add, [1], [2]))").value(add),
            lambda: sandbox.run("lambda submit, add: submit(add, 1, 2).result()").value(pool.submit, add),
        ):
            with pytest.raises(AccessDenied, match="call"):
                act()
        assert pipeline.finish() == []

        sandbox.grant(NativePermission(path, "call"))
        assert use(add, 1, 2) == 3
        assert use(library.function, "add")(3, 4) == 7
        assert [read(library) for read in reads][:4] == [getattr(library, name) for name in READ[:4]]


def test_a_function_of_the_host_answers_for_its_use_of_a_library_unless_that_is_gated(sandbox, path):
    with (
        pycage_native.load(path) as library,
        pycage_native.load(path, gated=False) as open_to_all,
        pycage_native.load(path, gated=True) as gated,
    ):
        add, apply, asking = library.function("add"), library.function("apply"), gated.function("add")
        use = sandbox.run("lambda thing, *arguments: thing(*arguments)").value

        assert use(lambda a, b: add(a, b), 1, 2) == 3
        assert use(lambda a, b: library.function("add")(a, b), 1, 2) == 3
        assert use(open_to_all.function("add"), 1, 2) == 3
        assert use(lambda a, b: do_privileged(asking, a, b), 1, 2) == 3
        with pytest.raises(AccessDenied):
            use(lambda a, b: asking(a, b), 1, 2)
        twice = pycage_native.CFUNCTYPE(pycage_native.c_int, pycage_native.c_int)(lambda x: add(x, x))
        assert apply(twice, 4) == 8  # a callback is nobody else's


def test_closing_a_sandbox_ends_its_executors(path):
    with Sandbox(f"owner_{next(_numbers)}", permissions=[NativePermission(path, "load,call")]) as sandbox:
        library = sandbox.run(LOADS).value(path)
        add = library.add
        assert add(1, 2) == 3
        (seat,) = [seat for seat in owner._seats if sandbox._domain in seat.owners]
        assert seat.taken
    assert not seat.taken
    with pytest.raises((AccessDenied, pycage_native.NativeError)):
        add(1, 2)
    assert not seat.taken


def test_a_denial_beats_what_is_granted_to_a_library(path, tmp_path):
    (tmp_path / "file").write_text("text")
    name = str(tmp_path / "file")
    with pycage_native.load(path, permissions=[FilePermission(name, "read")]) as library:
        opens = library.function("opens")
        assert opens(name.encode()) == 0
        library.deny(FilePermission(name, "read"))
        assert opens(name.encode()) == -13
        library.grant(FilePermission(name, "read"))
        assert opens(name.encode()) == -13


def test_what_stands_in_a_library_keeps_it(path):
    kind = pycage_native.CFUNCTYPE(pycage_native.c_int, pycage_native.c_int, pycage_native.c_int)
    add = kind(("add", pycage_native.CDLL(path)))
    cast = pycage_native.cast(add, kind)
    library = weakref.ref(add._aim_._keeper)
    del add
    gc.collect()
    assert cast(1, 2) == 3
    assert library().alive
    del cast
    gc.collect()
    assert library() is None
