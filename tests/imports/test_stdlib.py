"""The table of the standard library, compared with the running interpreter."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import sys
import types
from pathlib import Path

import pycage
import pytest
from pycage.imports import OFFERS, Tools, facades, view_of
from pycage.imports.copies import EDITS, Edit
from pycage.imports.stdlib import DENIED, disposition, is_standard, refusal
from pycage.imports.stdlib.page import page
from pycage.imports.views import NoViewError

MODULES = sorted(name for name in OFFERS if importlib.util.find_spec(name) is not None)


@pytest.fixture(scope="module")
def view():
    """The views of a real sandbox, by name."""
    with pycage.Sandbox("table") as sandbox:
        yield sandbox._cage._loader._chain


# os.path belongs to os.
PARTS = {"os": {"path"}}


def public(module):
    """What a module says is public; modules in it are a matter of the view."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name in vars(module) if not name.startswith("_")]
    # A name that is not there is a module that nobody has imported yet.
    return {name for name in names if not isinstance(getattr(module, name, module), types.ModuleType)}


def imported(module):
    """The names that a module without __all__ got from another one."""
    own = module.__name__.partition(".")[0]
    return {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) is not None and value.__module__.partition(".")[0] != own
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_place_in_the_table(name, view):
    """A name that a new Python adds fails here until somebody has judged it."""
    offer = OFFERS[name]
    module = importlib.import_module(name)
    placed = offer.shown | offer.made | offer.owned | offer.effects | offer.copied | set(offer.withheld)
    if offer.is_copied:
        placed |= set(vars(view(name))) | EDITS.get(name, Edit()).without
        placed |= set() if hasattr(module, "__all__") else imported(module)

    below = {found.name for found in pkgutil.iter_modules(getattr(module, "__path__", ()))}

    assert public(module) - placed - below == set()


@pytest.mark.parametrize("name", MODULES)
def test_no_name_has_two_places(name):
    offer = OFFERS[name]
    places = [offer.shown, offer.made, offer.owned, offer.effects, offer.copied, frozenset(offer.withheld)]

    assert sum(map(len, places)) == len(frozenset().union(*places))


@pytest.mark.parametrize("name", [name for name in MODULES if not OFFERS[name].is_copied])
def test_a_view_shows_what_the_table_says_and_nothing_else(name, view):
    module = importlib.import_module(name)
    offer = OFFERS[name]
    expected = {item for item in offer.shown | offer.owned | offer.effects | offer.copied if hasattr(module, item)}
    expected |= set(facades.make(name, Tools(read=getattr)))
    shown = {item for item, value in vars(view(name)).items() if not isinstance(value, types.ModuleType)}

    assert {item for item in shown if not item.startswith("__")} == {i for i in expected if not i.startswith("__")}
    assert {item for item in shown if item.startswith("__")} <= {"__name__", "__doc__", "__all__", "__version__"}


@pytest.mark.parametrize("name", [name for name in MODULES if OFFERS[name].is_copied])
def test_a_copy_has_what_the_module_says_is_public(name, view):
    module = importlib.import_module(name)
    left_out = EDITS.get(name, Edit()).without | set(OFFERS[name].withheld)

    assert {item for item in public(module) & set(getattr(module, "__all__", ())) if item not in left_out} <= set(
        vars(view(name))
    )


@pytest.mark.parametrize("name", [name for name in MODULES if OFFERS[name].copied])
def test_what_a_copy_defines_is_not_the_hosts(name, view):
    module = importlib.import_module(name)
    offer = OFFERS[name]
    shared = [
        key
        for key, value in vars(view(name)).items()
        if (offer.is_copied or key in offer.copied)
        and isinstance(value, (type, types.FunctionType))
        and getattr(value, "__module__", None) == name
        and value is getattr(module, key, None)
        and not (isinstance(value, type) and issubclass(value, ast.AST))
    ]

    assert shared == []


@pytest.mark.parametrize("name", [name for name in MODULES if OFFERS[name].made])
def test_every_facade_is_made(name):
    missing = OFFERS[name].made - set(facades.make(name, Tools(read=getattr)))

    # Names that a Python does not have yet.
    assert {item for item in missing if hasattr(importlib.import_module(name), item)} == set()


@pytest.mark.parametrize("name", MODULES)
def test_no_view_shows_a_module(name):
    with pycage.Sandbox("alone", host_policy=pycage.rules(f"allow {name}", default="deny")) as sandbox:
        sandbox._cage._loader.host.policy = pycage.rules(default="allow")  # its packages, until it is there
        shown = vars(sandbox._cage._loader._chain(name))

    assert [
        key for key, value in shown.items() if isinstance(value, types.ModuleType) and f"{name}.{key}" not in OFFERS
    ] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_view_shows_a_container_of_the_host(name, view):
    """Storing to items is not guarded: a shared list is a way to write to everybody."""
    module = importlib.import_module(name)
    shared = [
        key
        for key, value in vars(view(name)).items()
        if isinstance(value, (list, dict, set, bytearray)) and value is getattr(module, key, None)
    ]

    assert shared == []


def test_every_standard_module_has_a_disposition_with_a_reason():
    """A module that a new Python adds fails here until somebody has judged it."""
    decided = {name: disposition(name) for name in sys.stdlib_module_names}

    assert [name for name, one in decided.items() if one is None or not one.reason or "judged it" in one.reason] == []


def test_every_public_module_of_an_offered_package_has_a_disposition():
    packages = [importlib.import_module(name) for name in MODULES]
    below = [
        f"{package.__name__}.{found.name}"
        for package in packages
        for found in pkgutil.iter_modules(getattr(package, "__path__", ()))
    ]

    assert [name for name in below if "judged it" in disposition(name).reason] == []


def test_every_module_that_is_not_shared_as_it_is_says_why():
    assert [name for name, offer in OFFERS.items() if offer.is_facade and not offer.why] == []


def test_a_private_module_is_denied_by_its_name():
    assert {
        disposition(name).kind for name in sys.stdlib_module_names if name.startswith("_") and name not in OFFERS
    } == {"denied"}


@pytest.mark.parametrize("name", sorted(DENIED))
def test_a_module_that_is_never_shared_has_no_view(name):
    with pytest.raises(NoViewError, match="never shared"):
        view_of(types.ModuleType(name), lambda _: True, lambda function: function)


def test_no_module_is_both_offered_and_never_shared():
    assert set(DENIED) & set(OFFERS) == set()
    assert {name for name in OFFERS if name.partition(".")[0] in DENIED} == set()


def test_the_right_modules_count_as_standard():
    names = ("os", "os.path", "json", "pycage", "cffi", "hostapi", "mistune")

    assert [is_standard(name) for name in names] == [True, True, True, True, True, False, False]


def test_a_private_module_of_the_host_is_refused():
    assert refusal("_hidden") is not None
    assert refusal("hostapi._hidden") is not None
    assert refusal("hostapi.shown") is None


def test_the_page_is_what_the_table_says():
    """Regenerate it with `python -m pycage.imports.stdlib.page > docs/stdlib.md`."""
    written = (Path(__file__).parents[2] / "docs" / "stdlib.md").read_text(encoding="utf-8")

    assert written == page()
