"""The table of the standard library, compared with the running interpreter."""

from __future__ import annotations

import importlib
import sys
import types

import pytest
from pycage.imports import OFFERS, Tools, rules, view_of
from pycage.imports import facades
from pycage.imports.stdlib import DENIED, is_standard, refusal
from pycage.imports.views import NoViewError

MODULES = [name for name in sorted(OFFERS) if name != "urllib" and (name != "tomllib" or sys.version_info >= (3, 11))]

# os.path belongs to os.
PARTS = {"os": {"path"}}


def public(module):
    """What a module says is public; modules in it are a matter of the view."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name in vars(module) if not name.startswith("_")]
    return {name for name in names if not isinstance(getattr(module, name, None), types.ModuleType)}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_place_in_the_table(name):
    """A name that a new Python adds fails here until somebody has judged it."""
    offer = OFFERS[name]
    placed = offer.shown | offer.made | offer.owned | offer.effects | set(offer.withheld)

    assert public(importlib.import_module(name)) - placed == set()


@pytest.mark.parametrize("name", MODULES)
def test_no_name_has_two_places(name):
    offer = OFFERS[name]
    places = [offer.shown, offer.made, offer.owned, offer.effects, frozenset(offer.withheld)]

    assert sum(map(len, places)) == len(frozenset().union(*places))


@pytest.mark.parametrize("name", MODULES)
def test_a_view_shows_what_the_table_says_and_nothing_else(name):
    module = importlib.import_module(name)
    offer = OFFERS[name]
    view = view_of(module, rules().allows_module, lambda function: function, Tools(read=getattr))
    expected = {item for item in offer.shown | offer.owned | offer.effects if hasattr(module, item)}
    expected |= set(facades.make(name, Tools(read=getattr))) | PARTS.get(name, set())

    assert {item for item in vars(view) if not item.startswith("__")} == {i for i in expected if not i.startswith("__")}
    assert {item for item in vars(view) if item.startswith("__")} <= {"__name__", "__doc__", "__all__", "__version__"}


@pytest.mark.parametrize("name", [name for name in MODULES if OFFERS[name].made])
def test_every_facade_is_made(name):
    missing = OFFERS[name].made - set(facades.make(name, Tools(read=getattr)))

    # Names that a Python does not have yet.
    assert {item for item in missing if hasattr(importlib.import_module(name), item)} == set()


@pytest.mark.parametrize("name", MODULES)
def test_no_view_shows_a_module(name):
    view = view_of(importlib.import_module(name), rules().allows_module, lambda function: function, Tools(read=getattr))

    assert [key for key, value in vars(view).items() if isinstance(value, types.ModuleType)] == list(
        PARTS.get(name, ())
    )


@pytest.mark.parametrize("name", MODULES)
def test_no_view_shows_a_container_of_the_host(name):
    """Storing to items is not guarded: a shared list is a way to write to everybody."""
    module = importlib.import_module(name)
    view = view_of(module, rules().allows_module, lambda function: function, Tools(read=getattr))
    shared = [
        key
        for key, value in vars(view).items()
        if isinstance(value, (list, dict, set, bytearray)) and value is getattr(module, key, None)
    ]

    assert shared == []


def test_the_whole_standard_library_is_in_the_table_or_refused():
    answered = {name: name in OFFERS or refusal(name) is not None for name in sys.stdlib_module_names}

    assert [name for name, answer in answered.items() if not answer] == []


@pytest.mark.parametrize("name", sorted(DENIED))
def test_a_module_that_is_never_shared_has_no_view(name):
    with pytest.raises(NoViewError, match="never shared"):
        view_of(types.ModuleType(name), lambda _: True, lambda function: function)


def test_no_module_is_both_offered_and_never_shared():
    assert set(DENIED) & {name.partition(".")[0] for name in OFFERS} == set()


def test_the_right_modules_count_as_standard():
    names = ("os", "os.path", "json", "pycage", "cffi", "hostapi", "mistune")

    assert [is_standard(name) for name in names] == [True, True, True, True, True, False, False]


def test_a_private_module_of_the_host_is_refused():
    assert refusal("_hidden") is not None
    assert refusal("hostapi._hidden") is not None
    assert refusal("hostapi.shown") is None
