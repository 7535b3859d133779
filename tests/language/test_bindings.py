"""Names that may not be bound, in every form in which Python binds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pycage.errors import RestrictedSyntaxError
from pycage.language import transform
from pycage.language.names import UNBINDABLE

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMS = [
    "{} = 1",
    "{}: int = 1",
    "{} += 1",
    "({}, x) = 1, 2",
    "[*{}] = 1, 2",
    "del {}",
    "for {} in (): pass",
    "async def f():\n    async for {} in x: pass",
    "async def f():\n    async with x as {}: pass",
    "with x as {}: pass",
    "import {}",
    "import {}.sub",
    "import x as {}",
    "from x import y as {}",
    "from x import {}",
    "try:\n    pass\nexcept E as {}: pass",
    "def {}(): pass",
    "async def {}(): pass",
    "class {}: pass",
    "def f({}, /): pass",
    "def f({}): pass",
    "def f(*, {}): pass",
    "def f(*{}): pass",
    "def f(**{}): pass",
    "lambda {}, /: 1",
    "lambda *{}: 1",
    "[x for {} in y]",
    "({} := 1)",
    "[({} := 1) for x in y]",
    "def f():\n    global {}",
    "def g():\n    def f():\n        nonlocal {}",
    "match x:\n    case {}: pass",
    "match x:\n    case int() as {}: pass",
    "match x:\n    case [*{}]: pass",
    "match x:\n    case {{**{}}}: pass",
    "match x:\n    case C(a={}): pass",
]
if sys.version_info >= (3, 12):
    _FORMS += ["def f[{}](): pass", "def f[*{}](): pass", "def f[**{}](): pass", "class C[{}]: pass", "type {} = int"]


@pytest.mark.parametrize("form", _FORMS)
def test_no_form_of_binding_takes_a_protected_name(form: str) -> None:
    """CVE-2026-55830: RestrictedPython forgot one of them."""
    for name in sorted(UNBINDABLE):
        with pytest.raises(RestrictedSyntaxError, match=name):
            transform(form.format(name), "plugin.py")


@pytest.mark.parametrize("form", _FORMS)
def test_every_form_of_binding_takes_other_names(form: str) -> None:
    for name in ("_private", "__dunder__", "_getattr_", "_write_", "__name__"):
        source = form.format(name)
        if "nonlocal" in source:
            source = source.replace("def g():", f"def g():\n    {name} = 1")
        if "C(a=" not in source:
            transform(source, "plugin.py")


def test_a_name_is_judged_after_unicode_normalisation() -> None:
    with pytest.raises(RestrictedSyntaxError):
        transform("__builtin\uff53__ = {}", "plugin.py")


def test_there_is_no_guard_name_to_shadow(attack: Callable[..., None]) -> None:
    attack("""
class Namespace(dict):
    def __missing__(self, name):
        return lambda *a: a[0]
class M(type):
    @classmethod
    def __prepare__(m, *a): return Namespace(host=host)
class C(metaclass=M):
    got = host._secret
escaped = C.got
""")


def test_a_guard_does_not_depend_on_globals_or_builtins_of_the_guest(attack: Callable[..., None]) -> None:
    attack("escaped = eval('host._secret', {'host': host, 'getattr': lambda *a: 1, '__build_class__': 1})")


def test_the_placeholder_of_a_guard_cannot_be_written_by_whoever_learns_it() -> None:
    from pycage.language import compiler  # noqa: PLC0415  a private name, for this test alone

    with pytest.raises(RestrictedSyntaxError, match="reserved"):
        transform(f"x = {compiler._SECRET!r}", "plugin.py")
    with pytest.raises(RestrictedSyntaxError, match="reserved"):
        transform(f"x = f'{{y}}{compiler._SECRET}'", "plugin.py")
