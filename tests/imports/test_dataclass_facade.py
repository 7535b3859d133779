"""Names of fields are data to dataclasses and text to exec(): attacks through real sandboxes, and what honest code gets."""

from __future__ import annotations

import itertools

import pytest
from pycage import Sandbox
from pycage.errors import AccessDenied

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    with Sandbox(f"dataclass_{next(_numbers)}") as made:
        yield made


def both(sandbox, source):
    """Run source outside, which must make `escaped` true, and in the sandbox, which must refuse."""
    plain = {"__name__": __name__}
    exec(compile(source, "<guest>", "exec", dont_inherit=True), plain)
    assert plain["escaped"]
    with pytest.raises(AccessDenied):
        sandbox.run(source)


def test_dataclasses_work(sandbox):
    source = """
from dataclasses import dataclass, field, fields, asdict, astuple, replace, InitVar, KW_ONLY
import copy
@dataclass(order=True)
class A:
    x: int
    _y: int = 3
    args: tuple = ()
    func: object = None
    z: list = field(default_factory=list)
    _: KW_ONLY
    k: int = 9
    seed: InitVar[int] = 0
    def __post_init__(self, seed): self._y += seed
    def y(self): return self._y
@dataclass
class B(A):
    w: str = 'q'
@dataclass(frozen=True, slots=True)
class C:
    w: str = 'q'
    _p: int = 4
    def p(self): return self._p
class Meta(type): pass
@dataclass
class D(metaclass=Meta):
    x: int = 1
a = A(1, seed=2)
try: C().w = 1
except AttributeError as error: frozen = type(error).__name__
[asdict(a), astuple(a), replace(a, x=5, seed=0).x, A(1) < A(2), a.y(), asdict(B(1, w='r'))['w'], repr(replace(C(), w='n')),
 copy.copy(C()).p(), [f.name for f in fields(A)], frozen, D().x, asdict(D())]
"""
    plain = {"__name__": "__main__"}
    body, _, last = source.strip().rpartition("\n[")
    exec(compile(f"{body}\nresult = [{last}", "<guest>", "exec", dont_inherit=True), plain)

    assert repr(sandbox.run(source).value) == repr(plain["result"])


# Of the many places where the name stands, eq has the simplest: `self.NAME==other.NAME`, in a tuple before 3.13.
INJECTED = "x==escape() or 0"


@pytest.mark.parametrize(
    "definition",
    [
        f"class C: __annotations__ = {{{INJECTED!r}: int}}\nbare(C)",
        f"class B: __dataclass_fields__ = {{'y': fake({INJECTED!r})}}; __dataclass_params__ = dataclass(type('P', (), {{}})).__dataclass_params__\n@bare\nclass C(B): z: int = 0",
        f"class Moody(Field):\n    name = property(lambda self: {INJECTED!r}, lambda self, value: None)\n"
        "@bare\nclass C:\n    y: int = make(Moody)",
        f"class Text(str):\n    def __format__(self, spec): return {INJECTED!r}\nclass C: __annotations__ = {{Text('y'): int}}\nbare(C)",
    ],
)  # fmt: skip
def test_a_field_name_does_not_become_code(sandbox, definition):
    source = f"""
from dataclasses import dataclass, field, Field, MISSING
import builtins
escaped = []
bare = dataclass(init=False, repr=False)
def make(kind):
    return kind(default=MISSING, default_factory=MISSING, init=True, repr=True, hash=None, compare=True, metadata=None, kw_only=False)
def fake(name):
    class F(Field): pass
    made = make(F)
    @dataclass
    class Holder: y: int = made
    made.name = name
    return made
builtins.escape = lambda: escaped.append(1)
{definition}
C.x = 0
C() == C()
"""
    plain = {"__name__": __name__}
    import builtins

    try:
        exec(compile(source, "<guest>", "exec", dont_inherit=True), plain)
    finally:
        del builtins.escape
    assert plain["escaped"]

    with pytest.raises(AccessDenied):
        sandbox.run(source.replace("import builtins\n", "class builtins: pass\n"))


@pytest.mark.parametrize(
    "name", ["__subclasses__", "__mro__", "__base__", "__globals__", "gi_frame", "__class__", "__dict__"]
)
def test_a_field_name_is_not_a_way_to_read_an_attribute(sandbox, name):
    """The default of a field is what the class has under its name."""
    both_ways = f"from dataclasses import dataclass, fields\n@dataclass\nclass M(type):\n    {name}: object\nfields(M)"
    with pytest.raises((AccessDenied, SyntaxError)):
        sandbox.run(both_ways)


def test_the_default_of_a_field_is_really_read_outside():
    import dataclasses

    @dataclasses.dataclass
    class M(type):
        __subclasses__: object

    assert len(dataclasses.fields(M)[0].default(object)) > 100


def test_fields_of_a_foreign_table_are_not_read(sandbox):
    both(
        sandbox,
        """
from dataclasses import dataclass, Field, MISSING, asdict
class F(Field): pass
f = F(default=0, default_factory=MISSING, init=True, repr=True, hash=None, compare=True, metadata=None, kw_only=False)
@dataclass
class A: x: int = f
f.name = '__getstate__'
class C:
    __dataclass_fields__ = {'x': f}
escaped = asdict(C())
""",
    )


def test_private_fields_of_a_host_dataclass_are_not_read(sandbox):
    import dataclasses

    @dataclasses.dataclass
    class Host:
        x: int = 1
        _secret: str = "secret"

    assert dataclasses.asdict(Host())["_secret"] == "secret"
    for call in ("asdict(host)", "astuple(host)", "replace(host, x=2)"):
        with pytest.raises(AccessDenied):
            sandbox.run(f"from dataclasses import *\n{call}", variables={"host": Host()})


def test_a_field_cannot_have_the_name_of_what_a_host_base_keeps_private(sandbox):
    class Base:
        _fetch = "secret"

    with pytest.raises(AccessDenied):
        sandbox.run(
            "from dataclasses import dataclass\n@dataclass\nclass C(Base):\n    _fetch: str", variables={"Base": Base}
        )


def test_a_metaclass_does_not_get_hold_of_the_table_in_use(sandbox):
    source = """
from dataclasses import dataclass, fields
kept = []
class M(type):
    def __setattr__(cls, name, value):
        if name == '__dataclass_fields__':
            kept.append(value)
            value['x'] = 'evil'
        super().__setattr__(name, value)
@dataclass(order=True, match_args=False)
class C(metaclass=M):
    x: int = 1
C(5).x, C(1) < C(2), len(kept)
"""
    assert sandbox.run(source).value == (5, True, 1)


@pytest.mark.parametrize(
    "change",
    [
        "table['x'] = F()",
        "table['y'] = F()",
        "table.clear(); table['x'] = F()",
        "class D: __dataclass_fields__ = {**table, 'x': F()}\nc = D()",
    ],
)
def test_a_table_that_was_right_once_is_judged_again_after_a_change(sandbox, change):
    source = f"""
from dataclasses import dataclass, asdict
class F:
    name = 'x'
    def __eq__(self, other): return True
    def __hash__(self): return 0
@dataclass
class C: x: int = 1
c = C()
table = vars(C)['__dataclass_fields__']
first = [asdict(c) for _ in range(3)]
{change}
"""
    assert sandbox.run(source + "first").value == [{"x": 1}] * 3
    with pytest.raises(AccessDenied):
        sandbox.run(source + "asdict(c)")
