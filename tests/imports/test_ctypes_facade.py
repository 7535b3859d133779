"""ctypes inside a sandbox: libraries in confined processes, and no way to the memory of this one."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from pycage import NativePermission, Sandbox
from pycage.errors import AccessDenied

pytest.importorskip("pycage_native._channel")
from pycage_native.search import find

_numbers = itertools.count()

PLUGIN = """
import ctypes, ctypes.util

class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]

libm = ctypes.CDLL(ctypes.util.find_library("m"))
libm.pow.restype = ctypes.c_double
libm.pow.argtypes = [ctypes.c_double, ctypes.c_double]
libc = ctypes.CDLL("libc.so.6", use_errno=True)

def use():
    point = Point(1, 2.5)
    point.x = 7
    COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    values = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
    libc.qsort.restype = None
    libc.qsort(values, 5, ctypes.sizeof(ctypes.c_int), COMPARE(lambda a, b: a[0] - b[0]))
    buffer = ctypes.create_string_buffer(20)
    libc.strcpy(buffer, b"hello")
    number = ctypes.c_int(3)
    number.value += 6
    missing = libc.open(b"/etc/passwd", 0)
    return point.x, point.y, libm.pow(2.0, 8.0), list(values), buffer.value, number.value, missing, ctypes.get_errno()
"""


@pytest.fixture
def sandbox():
    with Sandbox(f"ctypes_{next(_numbers)}") as made:
        yield made


def grant(sandbox, *names):
    for name in names:
        sandbox.grant(NativePermission(find(name), "load,call"))


def test_a_plugin_uses_ctypes_without_knowing(sandbox):
    grant(sandbox, "libm.so.6", "libc.so.6")

    assert sandbox.run(PLUGIN + "use()").value == (7, 2.5, 256.0, [1, 2, 3, 4, 5], b"hello", 9, -1, 13)


def test_loading_needs_a_permission(sandbox):
    with pytest.raises(AccessDenied, match=r"NativePermission.*libm.*load"):
        sandbox.run("import ctypes\nctypes.CDLL('libm.so.6')")
    with pytest.raises(AccessDenied, match=r"NativePermission.*libm.*load"):
        sandbox.run("import ctypes\nctypes.cdll.LoadLibrary('libm.so.6')")


NAMED = """
import ctypes
libc = ctypes.CDLL("libc.so.6")
def variable():
    return ctypes.c_int.in_dll(libc, "optind").value
def by_name():
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(("abs", libc))(-3)
def as_pointer():
    return ctypes.cast(libc.abs, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int))(-4)
def moved():
    buffer = ctypes.create_string_buffer(b"hello")
    return ctypes.string_at(ctypes.addressof(buffer) + 1)
def by_value():
    Pair = type("Pair", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int), ("b", ctypes.c_int)]})
    return ctypes.CFUNCTYPE(ctypes.c_int, Pair)(lambda pair: pair.b)(Pair(1, 2))
"""


def test_what_a_library_has_is_found_by_name(sandbox):
    grant(sandbox, "libc.so.6")

    found = sandbox.run(NAMED + "(variable(), by_name(), as_pointer(), moved(), by_value())").value
    assert found == (1, 3, 4, b"ello", 2)


@pytest.mark.parametrize("program", ["variable()", "by_name()", "as_pointer()"])
def test_what_a_library_has_is_found_by_those_who_may_call_it(sandbox, program):
    sandbox.grant(NativePermission(find("libc.so.6"), "load"))
    with pytest.raises(AccessDenied, match=r"NativePermission.*libc.*call"):
        sandbox.run(NAMED + program)


def test_calling_needs_a_permission(sandbox):
    sandbox.grant(NativePermission(find("libm.so.6"), "load"))
    with pytest.raises(AccessDenied, match=r"NativePermission.*libm.*call"):
        sandbox.run("import ctypes\nctypes.CDLL('libm.so.6').abs(1)")


def test_a_crash_of_a_library_is_an_error_in_the_sandbox(sandbox):
    grant(sandbox, "libc.so.6")
    source = """
import ctypes
libc = ctypes.CDLL("libc.so.6")
try:
    libc.abort()
    ended = False
except Exception as error:
    ended = type(error).__name__
(ended, libc.abs(-4))
"""
    assert sandbox.run(source).value == ("NativeCrash", 4)


@pytest.mark.parametrize(
    "expression",
    [
        "ctypes.c_int.from_address(0)",
        "ctypes.cast(4096, ctypes.POINTER(ctypes.c_int)).contents",
        "ctypes.string_at(id('x'), 8)",
        "ctypes.string_at(4096)",
        "ctypes.memmove(4096, b'x', 1)",
        "ctypes.memset(4096, 0, 1)",
        "ctypes.pythonapi",
        "ctypes.PyDLL(None)",
        "ctypes.py_object",
        "ctypes.CDLL(None)",
        "ctypes.CDLL('x', handle=1)",
        "ctypes.POINTER(ctypes.c_char).from_buffer(bytearray((4096).to_bytes(8, 'little'))).contents",
        "ctypes.c_void_p.from_buffer(bytearray((4096).to_bytes(8, 'little'))).value.read(1)",
        "ctypes.addressof(ctypes.c_int())._memory_",
        "ctypes.c_int(1)._memory_",
        "ctypes.cdll['libc.so.6']",
        "ctypes.util._findLib_gcc",
    ],
)
def test_nothing_leads_to_the_memory_of_this_process(sandbox, expression):
    with pytest.raises((AccessDenied, AttributeError, TypeError, ValueError, SyntaxError)):
        sandbox.run(f"import ctypes, ctypes.util\n{expression}")


def test_a_function_that_is_called_later_is_confined_like_at_once(sandbox, tmp_path):
    """The library has no permissions of its own, so even the host's stack opens no file for it."""
    grant(sandbox, "libc.so.6")
    (tmp_path / "secret").write_text("secret")
    function = sandbox.run("import ctypes\nctypes.CDLL('libc.so.6').open").value

    assert list(map(function, [str(tmp_path / "secret").encode()], [0])) == [-1]


def test_a_library_of_a_sandbox_asks_for_files_with_the_sandbox_on_the_stack(sandbox, tmp_path):
    compiler = shutil.which("cc")
    (tmp_path / "l.c").write_text(
        "#include <fcntl.h>\n#include <errno.h>\nint opens(const char *p) { int f = open(p, O_RDONLY); return f < 0 ? -errno : f; }"
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "l.so", tmp_path / "l.c"], check=True)
    sandbox.grant(NativePermission(str(tmp_path / "l.so"), "load,call"))

    assert sandbox.run(f"import ctypes\nctypes.CDLL({str(tmp_path / 'l.so')!r}).opens(b'/etc/passwd')").value == -13


@pytest.mark.parametrize("name", ["_bound", "_library", "_restype", "_argtypes", "_errno_to", "__name__", "keep_errno"])
@pytest.mark.parametrize("form", ["setattr(libc.abs, '{}', len)", "libc.abs.{} = len", "del libc.abs.{}"])
def test_what_a_foreign_function_is_made_of_is_nobody_s_to_choose(sandbox, form, name):
    grant(sandbox, "libc.so.6")
    load = "import ctypes\nlibc = ctypes.CDLL('libc.so.6')\n"
    with pytest.raises((AccessDenied, AttributeError, SyntaxError)):
        sandbox.run(load + form.format(name))
    rest = "libc.abs.argtypes = [ctypes.c_int]\nlibc.abs.restype = None\nlibc.abs.errcheck = lambda *_: 7\nlibc.abs(-3)"
    assert sandbox.run(load + rest).value == 7


@pytest.mark.parametrize("form", ["setattr(thing, '{}', 0)", "thing.{} = 0", "thing.{} += 1", "del thing.{}"])
@pytest.mark.parametrize("name", ["_memory_", "_start_"])
@pytest.mark.parametrize("thing", ["ctypes.c_int(1)", "Pair(1, 2)", "(ctypes.c_int * 2)()", "ctypes.pointer(Pair())"])
def test_where_an_object_of_c_lies_is_nobody_s_to_choose(sandbox, thing, form, name):
    declared = (
        "import ctypes\nclass Pair(ctypes.Structure):\n    _fields_ = [('x', ctypes.c_int), ('y', ctypes.c_int)]\n"
    )
    with pytest.raises((AccessDenied, AttributeError, SyntaxError)):
        sandbox.run(f"{declared}thing = {thing}\n{form.format(name)}")
