"""Every row of what differs from ctypes, in docs/native.md, holds."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pycage_native
import pytest

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "native.md").read_text(encoding="utf-8")
PART = PAGE.split("## What differs from ctypes")[1].split("\n## ")[0]
ROWS = [
    ("\n".join(re.findall("`([^`]*)`", program)), theirs, ours)
    for program, theirs, ours in re.findall(r"^\| (`.*?`) \| `([^`]*)` \| `([^`]*)` \| .* \|$", PART, re.MULTILINE)
]


def test_no_row_is_overlooked():
    assert len(ROWS) == sum(line.startswith("| `") for line in PART.splitlines()) > 20


def outcome(module, program):
    names = {name: getattr(module, name) for name in dir(module) if not name.startswith("__")}
    names["lib"] = module.CDLL("libc.so.6", use_errno=True)
    names["buf"] = module.create_string_buffer(b"hello")
    body, _, last = program.rpartition("\n")
    try:
        exec(body, names)
        try:
            code = compile(last, "<row>", "eval")
        except SyntaxError:
            exec(last, names)
            return repr(None)
        return repr(eval(code, names))
    except Exception as error:
        return type(error).__name__
    finally:
        if module is pycage_native:
            names["lib"].library.close()


@pytest.mark.parametrize(("program", "theirs", "ours"), ROWS, ids=[row[0].split("\n")[-1] for row in ROWS])
def test_a_row_of_the_page_holds(program, theirs, ours):
    assert (theirs, ours) == (outcome(ctypes, program), outcome(pycage_native, program))


# ---- What is as it is there --------------------------------------------------------------------------------------

ALIKE = r"""
E = type("E", (c_int,), {}); lib.abs.restype = E; type(lib.abs(-3)).__name__
H = type("H", (int,), {}); lib.abs.restype = H; type(lib.abs(-3)).__name__
lib.abs.restype = lambda n: n * 2; lib.abs(-3)
lib.abs.errcheck = lambda r, f, a: (r, f is lib.abs, a); lib.abs(-3)
CFUNCTYPE(c_int, c_int)(("abs", lib))(-3)
CFUNCTYPE(c_int, c_int)(("nosuch", lib))
cast(lib.abs, CFUNCTYPE(c_int, c_int))(-4)
a = (c_ubyte * 3)(3, 1, 2); f = cast(lib.memcmp, CFUNCTYPE(c_int, c_void_p, c_void_p)); bool(f)
c_int.in_dll(lib, "optind").value
c_int.in_dll(lib, "nosuch")
lib.nosuch
lib["abs"](-2)
lib.close(-1); get_errno()
set_errno(7); set_errno(0)
X = type("X", (), {"_as_parameter_": -7}); lib.abs(X())
X = type("X", (), {"_as_parameter_": -7}); lib.abs.argtypes = [c_int]; lib.abs(X())
P = type("P", (), {"from_param": classmethod(lambda c, v: c_int(v * 2))}); lib.abs.argtypes = [P]; lib.abs(-7)
lib.abs.argtypes = [5]
lib.abs.restype = 5
lib.abs.argtypes = [c_int]; lib.abs()
lib.abs.argtypes = [c_int]; lib.abs(1.5)
lib.abs.argtypes = [c_int]; lib.abs(1, 2)
a = (c_int * 3)(3, 1, 2); f = CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))(lambda x, y: x[0] - y[0]); lib.qsort(a, 3, 4, f); list(a)
lib.sprintf(buf, b"%d%s", 5, b"xy"), buf.value
lib.snprintf.argtypes = [c_char_p, c_size_t, c_char_p]; lib.snprintf(buf, 6, b"%.2f", c_double(2.5)), buf.value
b = create_string_buffer(b"12x"); e = c_char_p(); lib.strtol(b, byref(e), 10), e.value
D = type("D", (Structure,), {"_fields_": [("q", c_int), ("r", c_int)]}); lib.div.restype = D; lib.div(7, 2).r
lib.malloc.restype = c_void_p; p = cast(lib.malloc(16), POINTER(c_int)); p[1] = 6; p[1:2]
lib.malloc.restype = c_void_p; p = lib.malloc(16); memset(p + 4, 65, 4); string_at(4 + p, 4), p + 4 - p, p + 8 - 8 == p
addressof(buf) + 1 - addressof(buf), string_at(addressof(buf) + 1), string_at(1 + addressof(buf) - 1)
f = CFUNCTYPE(c_int, c_int)(abs); (f.restype is c_int, f.argtypes == (c_int,))
a = (c_char * 8)(*b"abcd"); lib.memcpy((c_char * 4).from_buffer(a, 4), a, 4) and None; a.raw
lib.strlen.argtypes = [POINTER(c_char)]; lib.strlen(b"abc")
lib.strlen.argtypes = [POINTER(c_ubyte)]; lib.strlen(b"abc")
lib.wcslen.argtypes = [POINTER(c_wchar)]; lib.wcslen("abc")
T = type("T", (Structure,), {"_fields_": [(n, c_int) for n in "smhdoyw"] + [("z", c_long * 2), ("n", c_char_p)]}); lib.gmtime.restype = POINTER(T); lib.gmtime(byref(c_long(0))).contents.y
a = (c_int * 4)(1, 3, 5, 7); f = CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))(lambda x, y: x[0] - y[0]); lib.bsearch.restype = POINTER(c_int); lib.bsearch(byref(c_int(5)), a, 4, 4, f).contents.value
LittleEndianStructure is Structure
lib.isdigit.restype = c_bool; lib.isdigit(65)
lib.toupper.restype = c_char; lib.toupper(97)
lib.getenv.restype = c_char_p; lib.getenv(b"NO_SUCH_NAME")
lib.wcslen("abc"), lib.wcslen(create_unicode_buffer("ab"))
CDLL("libc.so.6", mode=0, use_errno=True).abs(-3)
""".strip().splitlines()


@pytest.mark.parametrize("program", ALIKE)
def test_what_works_with_ctypes_works(program):
    program = "\n".join(program.rsplit("; ", 1))

    assert outcome(ctypes, program) == outcome(pycage_native, program)


def test_a_function_of_a_library_is_a_pointer_to_it(compiled):
    source = "int apply(int (*f)(int), int x) { return f(x); } int twice(int x) { return 2 * x; }"
    lib = pycage_native.CDLL(compiled(source))
    with lib.library:
        assert lib.apply(lib.twice, 21) == 42
        lib.apply.argtypes = [pycage_native.CFUNCTYPE(pycage_native.c_int, pycage_native.c_int), pycage_native.c_int]
        assert lib.apply(lib.twice, 4) == 8


def test_what_says_that_it_is_a_library_is_not_believed():
    class Liar:
        def _address_of_(self, name):
            return self

        def register(self, link, channel=None):
            raise AssertionError("it has got the link")

    with pytest.raises(TypeError, match="a library and a name"):
        pycage_native.c_int.in_dll(Liar(), "x")
    with pytest.raises(TypeError, match="a library and a name"):
        pycage_native.CFUNCTYPE(None)(("x", Liar()))
