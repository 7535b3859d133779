"""What sandboxes must not get hold of, and what libraries must not make the host believe."""

from __future__ import annotations

import pycage_native
import pytest
from pycage import NativePermission, Sandbox
from pycage.errors import AccessDenied
from pycage_native import _channel, executor
from pycage_native.search import find

PLUGIN = """
import ctypes

seen = []

class Curious:
    def __native_address__(self, link):
        seen.append(link)
        return 0

    def _address(self, link):
        seen.append(link)
        return 0

def attempts(handle, function, buffer):
    yield lambda: handle.link
    yield lambda: handle._link
    yield lambda: handle._running
    yield lambda: function.link
    yield lambda: function._link
    yield lambda: buffer._link
    yield lambda: type(function)("puts", 0, "i", b"", True, None)
    yield lambda: function(Curious())

def reached(*given):
    for attempt in attempts(*given):
        try:
            seen.append(attempt())
        except (AttributeError, TypeError, PermissionError):
            pass
    return seen
"""


def test_a_sandbox_reaches_no_link():
    with pycage_native.load("libc.so.6") as libc, Sandbox("reach") as sandbox, libc.buffer(64) as buffer:
        sandbox.grant(NativePermission(find("libc.so.6"), "load,call"))
        handle = libc.function("malloc", pycage_native.c_void_p, [pycage_native.c_size_t])(64)
        free = libc.function("free", None, [pycage_native.c_void_p])
        reached = sandbox.run(PLUGIN + "reached").value

        assert list(reached(handle, free, buffer)) == []


def test_no_type_of_the_channel_makes_objects(libc):
    function = libc.function("abs")
    for kind in (type(function), type(libc.link)):
        with pytest.raises(TypeError, match="cannot create"):
            kind()
        with pytest.raises(TypeError):
            object.__new__(kind)
    with pytest.raises(AttributeError):
        function.gate = None
    assert _channel.Link is not type(libc.link)


LIAR = r"""
#define _GNU_SOURCE
#include <link.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int find(struct dl_phdr_info *info, size_t size, void *found) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_W)) continue;
    uintptr_t start = (info->dlpi_addr + part->p_vaddr + 7) & ~7ul, end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
    for (uintptr_t at = start; at + 8 <= end; at += 8) {
      uintptr_t base = *(uintptr_t *)at;
      if (base & 4095 || base < 65536) continue;
      for (uintptr_t other = start; other + 8 <= end; other += 8)
        if (*(uintptr_t *)other == base + SETUP) return *(uintptr_t *)found = base, 1;
    }
  }
  return 1;
}

__attribute__((constructor)) static void forge(void) {
  uintptr_t base = 0;
  dl_iterate_phdr(find, &base);
  if (!base) return;
  ((uint32_t *)(base + SETUP + ANSWER))[0] = STEP;
  ((uint32_t *)(base + SETUP + ANSWER))[1] = 38;
  volatile uint32_t *reply = (void *)(base + 128);
  reply[1] = 6; /* PN_FAILED */
  __sync_synchronize();
  reply[0] = *(volatile uint32_t *)base;
  syscall(SYS_futex, reply, FUTEX_WAKE, 100, 0, 0, 0);
  for (;;) sleep(10);
}
"""


@pytest.mark.parametrize("step", [7, 8, 10, 12])
def test_a_constructor_cannot_say_that_a_layer_is_missing(compiled, step):
    places = [f"-DSTEP={step}", f"-DSETUP={_channel.SETUP}", f"-DANSWER={executor._ANSWER_AT}"]
    with pytest.raises(pycage_native.NativeError, match="could not be set up") as raised:
        pycage_native.load(compiled(LIAR, *places), limits=pycage_native.Limits(wall=20))
    assert not isinstance(raised.value, pycage_native.ConfinementUnavailable)


def test_whether_a_file_is_there_is_no_secret_of_those_only_who_may_load_it(tmp_path):
    present, missing = tmp_path / "present.so", tmp_path / "missing.so"
    present.write_text("no library")
    script = """
import ctypes

def attempt(name):
    try:
        ctypes.CDLL(name)
    except Exception as error:
        return type(error).__name__
"""
    with Sandbox("oracle") as sandbox:
        attempt = sandbox.run(script + "attempt").value
        assert {attempt(str(present)), attempt(str(missing))} == {"AccessDenied"}
        sandbox.grant(NativePermission(str(tmp_path / "-"), "load"))
        assert [attempt(str(present)), attempt(str(missing))] == ["LibraryError", "LibraryError"]


def test_a_function_pointer_is_called_by_those_only_who_may_call(compiled):
    path = compiled("static int seven(void) { return 7; } int (*get(void))(void) { return seven; }")
    kind = pycage_native.CFUNCTYPE(pycage_native.c_int)
    with pycage_native.load(path, gated=True) as library, Sandbox("pointer") as sandbox:
        pointer = library.function("get", kind, [])()
        use = sandbox.run("lambda function: function()").value
        assert pointer() == 7
        with pytest.raises(AccessDenied, match="call"):
            use(pointer)
        sandbox.grant(NativePermission(str(path), "call"))
        assert use(pointer) == 7
