"""The broker by itself: what a hostile library may ask, and what it is told."""

from __future__ import annotations

import errno
import os

import pycage_native
import pytest
from pycage import Sandbox
from pycage.access import check_permission, do_privileged
from pycage.errors import AccessDenied
from pycage.permissions import FilePermission, NativePermission, SandboxAdminPermission
from pycage_native import CFUNCTYPE, _channel, c_int
from pycage_native.broker import Broker


@pytest.fixture
def ask(tmp_path):
    """A broker of a library that has every permission for files, and is being loaded."""
    (tmp_path / "library.so").write_bytes(b"\x7fELF")
    broker = Broker(str(tmp_path / "library.so"), lambda _permission: None)
    broker.loading = True

    def answer(path, flags=os.O_RDONLY, wanted=_channel.OPEN, mode=0):
        got = broker(wanted, flags, mode, os.fsencode(path), 0)
        if got > 0:
            os.close(got)
        return got

    answer.broker = broker
    return answer


@pytest.mark.parametrize("name", ["l.so", "l.so.6", "l-2.36.so", "l.so.1.0.2k", "l.so.6.0.30"])
@pytest.mark.parametrize("secret", ["key.sops.yaml", "x.sock", "notes.so.txt", "so", ".so.bak", "l.so\n"])
def test_only_libraries_may_be_read_while_one_is_loaded(tmp_path, ask, name, secret):
    def refuse(permission):
        raise AccessDenied("no", permission=permission)

    ask.broker._check = refuse
    for each in (name, secret):
        (tmp_path / each).write_text("text")

    assert ask(tmp_path / name) > 0
    assert ask(tmp_path / secret) == -errno.EACCES


@pytest.mark.parametrize("name", ["self/mem", "self/environ", "thread-self/mem", "self/fd/0", "<own number>/maps"])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_no_permission_opens_what_a_process_is(ask, name, flags):
    name = name.replace("<own number>", str(os.getpid()))
    assert ask(f"/proc/{name}", flags) in {-errno.EACCES, -errno.ENOENT, -errno.ENXIO}
    assert ask("/proc/cpuinfo") > 0


@pytest.mark.parametrize("flags", [0xFFFFFFFF, 0x80000000, 0x7FFFFFFF])
@pytest.mark.parametrize("wanted", [_channel.OPEN, _channel.STAT, _channel.ACCESS])
def test_numbers_that_no_caller_uses_are_answers_not_exceptions(tmp_path, ask, flags, wanted):
    for path in (tmp_path / "library.so", tmp_path / "\udcff", tmp_path / "*", tmp_path / "-", "/", "relative"):
        assert type(ask(path, flags, wanted, mode=flags)) is int


def test_denials_do_not_fill_the_memory_of_the_host(ask):
    for number in range(5000):
        ask(f"relative{number}")

    assert len(ask.broker.denials) == 1000


def test_a_callback_does_not_borrow_the_authority_of_the_host_for_the_library(load, tmp_path):
    kind = CFUNCTYPE(c_int, c_int)
    apply = load("int apply(int (*f)(int), int x) { return f(x); }").function("apply", c_int, [kind, c_int])
    wanted = FilePermission(str(tmp_path / "x"), "read")

    def lured(number):
        check_permission(wanted)
        return number

    def deliberate(number):
        do_privileged(check_permission, wanted)
        return number

    with pytest.raises(AccessDenied, match="refused by library"):
        apply(kind(lured), 1)
    assert apply(kind(deliberate), 2) == 2
    assert apply(kind(lambda number: number), 3) == 3


def test_a_library_that_is_loaded_before_another_may_lie_elsewhere(compiled, tmp_path):
    elsewhere = tmp_path / "other.so"
    elsewhere.write_bytes(compiled("int three(void) { return 3; }").read_bytes())
    path = compiled("extern int three(void); int six(void) { return 2 * three(); }")
    with pycage_native.load(path, preload=[elsewhere]) as library:
        assert library.function("six")() == 6


def test_what_is_clearly_not_granted_is_not_looked_up(tmp_path, monkeypatch):
    """To resolve a path is an act of the host's: it mounts what is mounted on demand."""
    (tmp_path / "granted").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "granted" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "granted" / "file").write_text("text")
    resolved = []
    realpath = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: resolved.append(path) or realpath(path))
    grant = FilePermission(f"{tmp_path}/granted/-", "read")

    def check(permission):
        if not grant.implies(permission):
            raise AccessDenied("no", permission=permission)

    broker = Broker("/usr/lib/library.so", check)
    for loading in (False, True):
        broker.loading = loading
        ask = lambda path, wanted=_channel.OPEN: broker(wanted, 0, 0, os.fsencode(path), 0)  # noqa: E731
        resolved.clear()
        outside = [tmp_path / "secret", tmp_path / "nothing", "/proc/self/environ", "/net/server/x.so"]
        assert {ask(path) for path in outside} == {-errno.EACCES}
        assert {ask(path, _channel.STAT) for path in outside} == {-errno.ENOENT}
        assert resolved == []
        assert ask(tmp_path / "granted" / "link") == -errno.EACCES
        os.close(ask(f"{tmp_path}/./granted/file"))


def test_what_is_opened_during_a_load_is_judged_with_the_stack_of_the_load(compiled, tmp_path):
    wanted = tmp_path / "wanted"
    wanted.write_text("four")
    path = compiled(READS_IN_CONSTRUCTOR, f'-DPATH="{wanted}"')
    script = "def restart(library): library.restart()\nrestart"
    with pycage_native.load(path) as library, Sandbox("loads") as sandbox:
        library.grant(FilePermission(str(wanted), "read"))
        library.restart()
        found = library.function("found")
        assert found() == 4

        sandbox.grant(NativePermission(str(path), "load"), SandboxAdminPermission(str(path), "restartLibrary"))
        restart = sandbox.run(script).value
        restart(library)
        assert found() == -1
        sandbox.grant(FilePermission(str(wanted), "read"))
        restart(library)
        assert found() == 4


READS_IN_CONSTRUCTOR = """
#include <fcntl.h>
#include <unistd.h>
static int got;
__attribute__((constructor)) static void begin(void) {
  char text[8];
  int file = open(PATH, O_RDONLY);
  got = file < 0 ? file : read(file, text, sizeof text);
}
int found(void) { return got; }
"""
