"""A sandbox's classes of C types: what the host follows in them is the host's, whatever they define."""

from __future__ import annotations

import itertools

import pycage_native
import pytest
from pycage import NativePermission, Sandbox
from pycage.errors import AccessDenied

pytest.importorskip("pycage_native._channel")
from pycage_native.search import find

_numbers = itertools.count()

# What an attack got hold of goes to `got`; Greedy wants the link to an executor.
BEFORE = """
import ctypes
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype = ctypes.c_void_p
got = []
class Greedy:
    def register(self, link, channel=None):
        got.append(link)
        return 0
"""

REFUSED = {
    "place.block": """
got.append(ctypes.addressof(ctypes.c_int(1)).block)
""",
    "handle.set_aim": """
libc.malloc.restype = ctypes.c_void_p
h = libc.malloc(64)
h.set_aim(0, Greedy())
""",
    "_aim_ property": """
class P(ctypes.c_void_p):
    _aim_ = property(lambda self: Greedy())
libc.free(P())
""",
    "ptr _aim_": """
class P(ctypes.POINTER(ctypes.c_int)):
    _aim_ = property(lambda self: Greedy())
libc.free(P())
""",
    "memory property": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    _memory_ = property(lambda self: got)
ctypes.byref(S())
libc.free(ctypes.byref(S()))
""",
    "store": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    @classmethod
    def _store_(cls, block, at, value): got.append(block)
(S*2)(S())
""",
    "later store": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
S._store_ = classmethod(lambda cls, block, at, value: got.append(block))
(S*2)(S())
""",
    "setattr store": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
setattr(S, "_store_", classmethod(lambda cls, block, at, value: got.append(block)))
(S*2)(S())
""",
    "metaclass": """
class M(type(ctypes.Structure)):
    def __getattribute__(cls, name):
        if name == "_store_": return lambda block, at, value: got.append(block)
        return super().__getattribute__(name)
class S(ctypes.Structure, metaclass=M):
    _fields_ = [("a", ctypes.c_int)]
(S*2)(S())
""",
    "subclass getattribute": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    def __getattribute__(self, name):
        got.append(name)
        return super().__getattribute__(name)
libc.free(ctypes.byref(S()))
""",
    "dict": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
s = S()
got.append(s.__dict__["_memory_"])
""",
    "vars": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
got.append(vars(S())["_memory_"])
""",
    "self._memory_": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    def f(self): got.append(self._memory_)
S().f()
""",
    "self._memory_ w": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    def f(self): self._memory_ = got
s = S(); s.f()
try: s.a
except AttributeError as e: got.append(str(e))
""",
    "self._view_": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    @classmethod
    def f(cls, m): got.append(cls._view_(m, 0))
class L:
    def moved(self, at): return (self, at)
S.f(L())
""",
    "class _fields_ kind": """
class K(ctypes.c_int):
    @classmethod
    def _load_(cls, block, at): got.append(block)
class S(ctypes.Structure):
    _fields_ = [("a", K)]
S().a
""",
    "pointer_type": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
    _pointer_type_ = got
got.append(ctypes.POINTER(S))
""",
    "field offset": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
S.a.offset = 100
got.append(S.a.offset)
""",
    "members": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
got.append(S._members_)
""",
    "slots": """
class S(ctypes.Structure):
    __slots__ = ("_memory_",)
    _fields_ = [("a", ctypes.c_int)]
got.append(S())
""",
    "field name": """
class S(ctypes.Structure):
    _fields_ = [("_memory_", ctypes.c_int)]
got.append(S())
""",
    "set_type": """
ctypes.POINTER(ctypes.c_int).set_type(ctypes.c_double)
""",
    "ptr _type_": """
class K:
    @classmethod
    def _view_(cls, block, at): got.append(block)
P = ctypes.POINTER(ctypes.c_int)
class Q(P): pass
Q._type_ = K
Q(ctypes.c_int(1)).contents
""",
    "fake type": """
class K:
    __class__ = type(ctypes.c_int)
    _size_ = 4
    _align_bytes_ = 4
    _pointers_ = ()
    _flat_ = True
    _type_ = "i"
    def _load_(self, block, at): got.append(block)
class S(ctypes.Structure):
    _fields_ = [("a", K())]
S().a
""",
    "type call": """
M = type(ctypes.Structure)
S = M("S", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int)], "_store_": 1})
got.append(S)
""",
    "field set": """
class S(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
got.append(S.a.__set__)
""",
    "CDLL address_of": """
class D:
    def _address_of_(self, name): return Greedy()
got.append(ctypes.c_int.in_dll(D(), "x"))
""",
}

# These run, and get nothing.
VAIN = {
    "a class that claims to be a pointer": """
class Claims:
    __class__ = ctypes.c_void_p
    _aim_ = Greedy()
try:
    libc.free(Claims())
except TypeError:
    pass
""",
    "an object that claims to be a pointer": """
class Claims:
    def __getattribute__(self, name):
        return ctypes.c_void_p if name == "__class__" else Greedy() if name == "_aim_" else None
try:
    libc.free(Claims())
except TypeError:
    pass
""",
    "a parent that stores": """
class Parent:
    @classmethod
    def _store_(cls, block, at, value):
        got.append(block)
class Pair(Parent, ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
(Pair * 2)(Pair())
""",
    "a parent that stores later": """
class Parent:
    pass
class Pair(Parent, ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
Parent._store_ = classmethod(lambda cls, block, at, value: got.append(block))
Parent._load_ = Parent._view_ = Parent._store_
pairs = (Pair * 2)(Pair())
bytes(pairs[0])
""",
    "a parent of a parent": """
class Parent:
    pass
class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
class Child(Parent, Pair):
    pass
Parent._size_ = property(lambda self: got.append(self))
Parent._store_ = lambda *arguments: got.extend(arguments)
(Child * 2)(Child(1))
""",
    "another dictionary": """
class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]
pair = Pair()
pair.__dict__ = {"_memory_": Greedy(), "_start_": 0}
bytes(pair)
""",
}


@pytest.fixture
def sandbox():
    with Sandbox(f"ctypes_classes_{next(_numbers)}") as made:
        made.grant(NativePermission(find("libc.so.6"), "load,call"))
        yield made


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED)
def test_what_the_host_follows_is_not_defined_by_a_sandbox(sandbox, attack):
    got = []
    with pytest.raises((AccessDenied, AttributeError, KeyError, TypeError, SyntaxError)):
        got = sandbox.run(f"{BEFORE}{attack}\ngot").value
    assert got == []


@pytest.mark.parametrize("attack", VAIN.values(), ids=VAIN)
def test_what_only_claims_to_be_a_c_type_gets_nothing(sandbox, attack):
    assert sandbox.run(f"{BEFORE}{attack}\ngot").value == []


def test_a_length_that_claims_to_be_another_is_nobody_else_s(sandbox):
    sandbox.run("""
import ctypes
class Length(int):
    def __eq__(self, other):
        return True
    def __hash__(self):
        return hash(7)
kept = ctypes.c_short * Length(3)
""")
    assert (pycage_native.c_short * 7)._length_ == 7
    assert type((pycage_native.c_short * 3)._length_) is int


def test_a_type_that_claims_to_be_another_is_nobody_else_s(sandbox):
    sandbox.run("""
import ctypes
class Claims:
    def __call__(self, value):
        return value
    def __eq__(self, other):
        return True
    def __hash__(self):
        return hash(ctypes.c_short)
kept = ctypes.CFUNCTYPE(Claims(), ctypes.c_short)
""")
    assert pycage_native.CFUNCTYPE(pycage_native.c_short, pycage_native.c_short)._restype_ is pycage_native.c_short


def test_a_pointer_type_that_everybody_has_is_not_changed(sandbox):
    with pytest.raises(TypeError, match="complete"):
        sandbox.run("import ctypes\nctypes.POINTER(ctypes.c_int).set_type(ctypes.c_double)")
    assert pycage_native.POINTER(pycage_native.c_int)._type_ is pycage_native.c_int


PROGRAM = """
import ctypes

class Named:
    _helper_ = "its own"
    def name(self):
        return type(self).__name__ + self._helper_

class Checked(Named, ctypes.Structure):
    _pack_ = 1
    _fields_ = [("small", ctypes.c_byte), ("number", ctypes.c_int)]
    _doubled_ = property(lambda self: self.number * 2)

    def __setattr__(self, name, value):
        if name == "number" and value < 0:
            raise ValueError(name)
        super().__setattr__(name, value)

    def __getattr__(self, name):
        return "no " + name

    def __init__(self, *values):
        super().__init__(*values)
        self.note = "kept"

class More(Checked):
    _fields_ = [("more", ctypes.c_short)]

thing = More(1, 2, 3)
Checked.comment = "set later"
try:
    thing.number = -1
    refused = False
except ValueError:
    refused = True
(thing.name(), thing._doubled_, refused, thing.note, thing.nothing, thing.comment, ctypes.sizeof(More), bytes(thing))
"""


def test_programs_have_classes_of_their_own_kind(sandbox):
    expected = ("Moreits own", 4, True, "kept", "no nothing", "set later", 7, b"\1\2\0\0\0\3\0")
    assert sandbox.run(PROGRAM).value == expected
    names = {}
    exec(PROGRAM.replace("import ctypes", "import pycage_native as ctypes").rsplit("\n(thing", 1)[0], names)
    assert bytes(names["thing"]) == expected[-1]
