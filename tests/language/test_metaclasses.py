"""Metaclasses of a sandbox: what they can be, and what they may not decide."""

from __future__ import annotations

import itertools
import queue
import string
import typing

import pycage
import pytest
from pycage import AccessDenied, Sandbox

_numbers = itertools.count()


@pytest.fixture
def sandbox():
    with Sandbox(f"metaclasses_{next(_numbers)}") as made:
        yield made


def test_an_ordinary_metaclass_works(sandbox: Sandbox) -> None:
    source = """
class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.seen = True
        return made
class C(metaclass=Meta):
    pass
c = C()
c.x = 1
(c.seen, c.x)
"""
    assert sandbox.run(source).value == (True, 1)


@pytest.mark.parametrize("method", ["mro", "__eq__", "__hash__"])
def test_a_metaclass_does_not_decide_about_order_or_equality_of_classes(sandbox: Sandbox, method: str) -> None:
    """mro() crashes the interpreter (gh: array.array without its base) and leads look-up to classes that are no base."""
    with pytest.raises(AccessDenied):
        sandbox.run(f"class Meta(type):\n    def {method}(cls, *args):\n        return 1")
    with pytest.raises(AccessDenied):
        sandbox.run(f"type('Meta', (type,), {{'{method}': lambda cls, *args: 1}})")


def test_a_class_whose_look_up_leads_elsewhere_is_not_the_sandboxs_own(sandbox: Sandbox) -> None:
    """An alias of type makes the metaclass; ownership is judged by the MRO as well as by the bases."""
    before = queue.Queue.put
    source = """
make = type
Meta = make("Meta", (type,), {"mro": lambda cls: [cls, forwarding, object]})
class X(object, metaclass=Meta):
    pass
x = X.__new__(X)
x.__origin__ = target
x.put = lambda *args: "changed"
"""
    (base,) = [cls for cls in type(typing.List[int]).__mro__ if cls.__name__ == "_BaseGenericAlias"]
    with pytest.raises((AccessDenied, TypeError, AttributeError)):
        sandbox.run(source, variables={"forwarding": base, "target": queue.Queue})

    assert queue.Queue.put is before


def test_singledispatch_does_not_show_the_bases_of_a_class(sandbox: Sandbox) -> None:
    source = """
import functools
seen = []
class Meta(type):
    def __subclasscheck__(cls, other):
        seen.append(other)
        return False
class T(metaclass=Meta):
    pass
@functools.singledispatch
def f(x):
    return "any"
f.register({0}, lambda x: "one")
f(5), seen
"""
    with pytest.raises(AccessDenied):
        sandbox.run(source.replace("{0}", "T"))
    with pytest.raises(AccessDenied):
        sandbox.run(source.replace("{0}", "int | T"))
    assert sandbox.run(source.replace("{0}", "int")).value == ("one", [])


def test_an_exception_that_is_none_is_contained(sandbox: Sandbox) -> None:
    """Its MRO lacks BaseException, so no except clause with a type catches it."""
    source = """
make = type
Meta = make("Meta", (type,), {"mro": lambda cls: [cls, object]})
raise Meta("D", (BaseException,), {})
"""
    with pytest.raises((pycage.SandboxExited, pycage.PycageError, TypeError)):
        sandbox.run(source)


# ---- What is shared with the host -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proxy", ["dataclasses.field().metadata", "string.Template.pattern.groupindex", "re.compile('(?P<a>x)').groupindex"]
)
def test_a_read_only_view_does_not_hand_its_dictionary_to_an_operator(sandbox: Sandbox, proxy: str) -> None:
    before = dict(string.Template.pattern.groupindex)
    source = f"""
import dataclasses, re, string
class E:
    def __ror__(self, other):
        other["changed"] = 1
        return other
result = {proxy} | E()
"""
    try:
        sandbox.run(source)
    except (AccessDenied, AttributeError, TypeError):
        pass

    import dataclasses

    assert dict(dataclasses.field().metadata) == {}
    assert dict(string.Template.pattern.groupindex) == before


def test_a_text_that_passes_for_another_does_not_stay_in_shared_caches(sandbox: Sandbox) -> None:
    source = """
import fnmatch, re, urllib.parse
class S(str):
    def __new__(cls, text, shown):
        made = super().__new__(cls, text)
        made.shown = shown
        return made
    def __hash__(self):
        return hash(self.shown)
    def __eq__(self, other):
        return True
re.match(S(".*", "^[a-z]+$"), "x")
re.compile(pattern=S(".*", "^[a-z]+$"))
urllib.parse.urlsplit(S("https://good.example/x", "https://evil.example/x"))
fnmatch.fnmatch("a", S("*", "*.safe"))
"""
    sandbox.run(source)

    import fnmatch
    import re
    import urllib.parse

    assert re.match("^[a-z]+$", "../../etc/passwd; x") is None
    assert urllib.parse.urlsplit("https://evil.example/x").netloc == "evil.example"
    assert not fnmatch.fnmatch("evil.exe", "*.safe")


def test_the_memo_of_a_copy_does_not_show_originals(sandbox: Sandbox) -> None:
    import calendar

    source = """
import calendar, copy
memo = {}
copy.deepcopy(calendar.day_name, memo)
[value for value in memo.values() if type(value) is list]
"""
    kept = sandbox.run(source).value

    assert not any(item is vars(calendar.day_name) or item is calendar.day_name for values in kept for item in values)
    assert sandbox.run("import copy\nx = [[1], {'a': [2]}]\ny = copy.deepcopy(x)\n(x == y, x[0] is y[0])").value == (
        True,
        False,
    )
