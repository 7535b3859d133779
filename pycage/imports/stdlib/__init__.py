"""What each module of the standard library offers a sandbox: data, read by ``pycage.imports.views``.

A module without a row is refused, whatever the host loader policy says; a public name without a place in its row does
not exist for a sandbox.  ``tests/imports/test_stdlib.py`` compares every row with the running interpreter and fails on
a name that is neither shown, nor made anew, nor withheld with a reason.

One file for each chapter of the library; `denied` has what is never shared, `offer` what a row can say.
"""

# Problem.  A module of the standard library is one object for the whole process, and most of them lead everywhere:
# through public names alone 53 of 99 candidates reach `sys`, 36 `builtins`, 23 `os`.
#
# Things that do not work:
#
# - An allow-list of module names: `statistics.sys.modules["os"]` (D024).
# - "Everything public except ...": the next Python adds a name.
# - "It does no I/O, so it is harmless".  Four kinds of function are as good as I/O:
#     * it reads an attribute by a name that its caller gives: `operator.attrgetter`, `string.Formatter`,
#       `functools.update_wrapper(assigned=["__globals__"])`: that walks around the attribute guard;
#     * it writes attributes of an argument: `functools.total_ordering`, `dataclasses.dataclass`, `cached_property`, and
#       `copy.copy`, whose `__dict__.update` goes to whatever the guest's `__new__` returned: that walks around the
#       write guard;
#     * it evaluates strings: `typing.get_type_hints`, `singledispatch` with string annotations (D234): that walks
#       around the compiler;
#     * it keeps state for the whole process: `random.seed`, `csv.register_dialect`, `decimal.DefaultContext`.
#
# Idea.  Name what is shown.  A function of the four kinds is withheld with its reason, or made anew for the sandbox in
# pycage.imports.facades.  Where a module is made of such functions, its source runs again as code of the sandbox:
# pycage.imports.copies.  Lists, dictionaries and sets are handed out as private copies.
#
# What still fails.  Unbound methods written in Python accept any `self`: `queue.Queue.__init__(host_object)` sets
# attributes with fixed names on a host object.  `decimal.localcontext` that is never left changes the precision of its
# thread.  What the guards know of standard types is in pycage.language.standard.

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from pycage.imports.stdlib import concurrency, files, formats, functions, mathematics, system, text, values
from pycage.imports.stdlib.denied import DENIED, ONE_MODULE
from pycage.imports.stdlib.offer import Offer

__all__ = ["DENIED", "OFFERS", "VIRTUAL", "Disposition", "Offer", "disposition", "is_standard", "refusal"]

OFFERS: Final = MappingProxyType(
    {
        name: offer
        for chapter in (text, values, mathematics, formats, functions, files, system, concurrency)
        for name, offer in chapter.OFFERS.items()
    }
)
"""Module -> what a sandbox gets of it."""

VIRTUAL: Final = MappingProxyType(
    {
        "importlib": "import_module invalidate_caches",
        "importlib.machinery": "BYTECODE_SUFFIXES EXTENSION_SUFFIXES ModuleSpec SOURCE_SUFFIXES",
        "importlib.metadata": "PackageNotFoundError distribution distributions entry_points files metadata "
        "packages_distributions requires version",
        "importlib.resources": "files is_resource read_binary read_text",
        "importlib.util": "find_spec module_from_spec spec_from_loader",
    }
)
"""Modules that the loader itself makes for each sandbox -> their names: what they do is what imports do."""

_PURE: Final = "it computes from its arguments"
_UNKNOWN: Final = "nobody has judged it"
_PRIVATE: Final = "its name is private; use the public module in front of it"


class Disposition(NamedTuple):
    """What is decided about one module.

    Attributes:
        kind: ``"view"``: the host's own objects.  ``"facade"``: some of it is made anew for each sandbox.  ``"copy"``:
            its source runs again as the sandbox's own code.  ``"denied"``: nothing.
        offer: The row of the table; ``None`` if it is denied, or made by the loader.
        reason: Why.
    """

    kind: Literal["view", "facade", "copy", "denied"]
    offer: Offer | None
    reason: str


def disposition(name: str) -> Disposition | None:
    """Return what is decided about a module, ``None`` if it is no business of this table: a module of the host's.

    Args:
        name: A valid dotted name.
    """
    offer = OFFERS.get(name)
    if offer is not None:
        kind: Literal["view", "facade", "copy"] = "copy" if offer.is_copied else "facade" if offer.is_facade else "view"
        return Disposition(kind, offer, offer.why or _PURE)
    if name in VIRTUAL:
        return Disposition("facade", None, "imports are the business of the sandbox's loader")
    top = name.partition(".")[0]
    for refused in (name, top):
        if refused in DENIED:
            return Disposition("denied", None, DENIED[refused])
    if any(part.startswith("_") for part in name.split(".")):
        return Disposition("denied", None, _PRIVATE)
    if top in ONE_MODULE:
        return Disposition("denied", None, f"what is public of it is in {top}")
    if top in sys.stdlib_module_names:
        return Disposition("denied", None, _UNKNOWN)
    return None


def is_standard(name: str) -> bool:
    """Say whether a module belongs to the standard library, or to what the table decides about for another reason."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in DENIED or name in OFFERS


def refusal(name: str) -> str | None:
    """Return why a sandbox can never have a view of this module, ``None`` if it can.

    Args:
        name: A valid dotted name.
    """
    decided = disposition(name)
    if decided is None or decided.offer is not None:
        return None
    return f"never shared with a sandbox: {decided.reason}"
