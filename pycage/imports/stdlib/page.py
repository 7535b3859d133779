"""The table of the standard library as a page: ``python -m pycage.imports.stdlib.page > docs/stdlib.md``.

It says the same on every Python: names that a row computes, such as the constants of ``errno``, are not listed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from pycage.imports.copies.edits import EDITS
from pycage.imports.stdlib import DENIED, OFFERS, VIRTUAL, Offer, disposition
from pycage.imports.stdlib.denied import ONE_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["page"]

_HEAD: Final = """\
# The standard library in a sandbox

What `import` gives of the standard library, if the host loader policy allows the module; without a
policy, all of it is.
This page is made from the table in `pycage/imports/stdlib/`: `python -m pycage.imports.stdlib.page > docs/stdlib.md`.
A test compares the two, and another one the table with the running Python: a public name is there, or it stands here.

* **view**: the host's own functions and classes, and nothing else of the module.
* **facade**: some names are made anew for the sandbox, because the real ones read or write what the guards refuse,
  keep state for the whole process, or have effects: those ask for permission.
* **copy**: the module's own source runs again as code of the sandbox, so it can do what the guest could have written.
  It has its own state (loggers, filters of warnings, caches), opens files with the sandbox's `open`, and its classes
  are not the host's.
* **denied**: `AccessDenied`, whatever the policy says.

A module whose name begins with an underscore is denied; the public module in front of it has what there is.

## Offered

| module | how | made anew, or asks for permission | not there, and why | why not as it is |
|---|---|---|---|---|
"""

_DENIED_HEAD: Final = """
## Denied

| why | modules |
|---|---|
"""


def page() -> str:
    """Return the page, as Markdown."""
    return "".join([_HEAD, *_offered(), _DENIED_HEAD, *_denied()])


def _offered() -> Iterator[str]:
    for name in sorted({*OFFERS, *VIRTUAL}):
        decided = disposition(name)
        if decided is None:  # a row has a disposition
            raise AssertionError(name)
        anew = _names(VIRTUAL[name].split()) if decided.offer is None else _made(decided.offer)
        missing = "" if decided.offer is None else _missing(name, decided.offer)
        reason = "" if decided.kind == "view" else decided.reason
        yield f"| `{name}` | {decided.kind} | {anew} | {missing} | {reason} |\n"


def _made(offer: Offer) -> str:
    copied = frozenset() if offer.is_copied else offer.copied
    return _names(offer.made | offer.owned | offer.effects | copied)


def _missing(name: str, offer: Offer) -> str:
    reasons: dict[str, list[str]] = {}
    for withheld, reason in offer.withheld.items():
        reasons.setdefault(reason, []).append(withheld)
    left_out = [one for one in EDITS[name].gone if one not in offer.withheld] if name in EDITS else []
    if left_out:
        reasons.setdefault("needs what a sandbox does not have", []).extend(left_out)
    return "; ".join(f"{_names(names)}: {reason}" for reason, names in sorted(reasons.items()))


def _denied() -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, reason in DENIED.items():
        if not name.startswith("_"):
            reasons.setdefault(reason, []).append(name)
    for reason, names in sorted(reasons.items()):
        yield f"| {reason} | {_names(names)} |\n"
    for name in sorted(ONE_MODULE):
        yield f"| what is public of it is in `{name}` | `{name}.*` |\n"


def _names(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    sys.stdout.write(page())
