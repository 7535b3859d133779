"""How a run is judged where the general rule is not enough: data, explained in ``EXCEPTIONS.md``."""

from __future__ import annotations

import csv
from pathlib import Path
from types import MappingProxyType
from typing import Final

from corpus.cases import Deny, packages_of
from pycage.imports.stdlib import refusal

CORPUS: Final = Path(__file__).parent

SUBSTITUTED: Final = MappingProxyType(
    {
        "D080": ("_write_", "__builtins__"),
        "D081": ("_getattr_", "__import__"),
        "D086": ("_write_", "__build_class__"),
    }
)
"""Files that bind a name of RestrictedPython's hooks: what to write instead for a name that means something here."""

HARMLESS: Final = MappingProxyType(
    {
        "D095": "2",
        "D097": "['_getattr__x']",
        "D162": "True",
        "D371": "b'abc'",
        "D372": "b'ESCAPED!'",
        "D497": "'$PYCAGE_SECRET'",
    }
)
"""Files whose value is not an effect in a sandbox: the ``repr`` that ``ESCAPED`` may have, and no other."""

_EXACT: Final = frozenset({"D165"})


def not_stopped_yet() -> dict[tuple[str, str], str]:
    """Return what is known to succeed: number and policy to the reason."""
    with (CORPUS / "NOT_STOPPED_YET.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {(row["id"], policy): row["reason"] for row in rows for policy in row["policies"].split(",")}


def granted(case: Deny) -> tuple[str, ...]:
    """Return the modules that the layer policy shares: those named, and the packages above them.

    Without its package a submodule is stopped at the import gate, and the layer under test is not reached.  D165 is
    about the package.
    """
    if case.number in _EXACT:
        return case.imports
    return tuple(dict.fromkeys(part for name in case.imports for part in packages_of(name)))


# A word of the manifest's `layer` -> what pycage calls that layer.
_LAYERS: Final = MappingProxyType(
    {
        # The language takes away reach, not syntax: a construct that RestrictedPython refuses may run, and what it
        # reaches is guarded or asks for permission.
        "compile": {"compile", "attribute guard", "write guard", "class guard", "permission"},
        # Literal names are judged at compile time, by the same table as the guards.
        "attr-guard": {"compile", "attribute guard"},
        "capability": {"compile", "attribute guard"},
        "write-guard": {"compile", "attribute guard", "write guard"},
        "per-sandbox module copies": {"private copy", "view", "import gate", "permission"},
        "import-policy": {"import gate", "view", "permission", "private copy"},
        "import policy": {"import gate", "view"},
        "facade": {"view", "permission"},
        "shim": {"view", "permission"},
        "audit": {"view", "permission"},
        "run boundary": {"run boundary"},
        "host API": {"exposure", "permission"},
        "policy objects": {"exposure"},
        "materialised": {"plain data"},
        "result codec": {"plain data"},
        "usable in sandbox": {"view", "permission"},
        # The other layers that manifests name are ways to check permissions.
        "": {"permission"},
    }
)

# Files that something else stops before the meant layer is reached.
_EARLIER: Final = MappingProxyType(
    {
        **dict.fromkeys(("D058", "D060"), ("attribute guard", "the frame is asked for before what it leads to")),
        **dict.fromkeys(
            ("D041", "D042"),
            ("attribute guard", "string.Formatter is the sandbox's own code, and reads through the guard"),
        ),
        "D064": ("nothing", "the locals of a frame are a copy"),
        "D113": ("refused", "sys.modules is the sandbox's own, and holds modules only"),
        "D168": ("compile", "importlib._bootstrap is refused as a private name"),
        "D169": ("write guard", "the module is marked before it is reloaded"),
        "D012": ("KeyError", "vars() of a class of the host has what may be read"),
        "D172": ("KeyError", "sys.modules has the sandbox's own modules only"),
        "D174": ("nothing", "nobody asks the finders of a sandbox"),
        "D182": ("nothing", "sys.modules has nothing of the host's, whatever is imported there"),
        "D233": ("nothing", "__reduce__ of an own object is inert: the pickle is that of a plain object"),
        "D240": ("private copy", "the logger is the sandbox's own"),
        "D243": ("write guard", "sys.displayhook is assigned to before it is called"),
        "D258": ("view", "sys.settrace is not shown"),
        "D274": ("view", "io.FileIO, which hands the object itself to the hook, is not shown"),
        **dict.fromkeys(("D277", "D399"), ("AttributeError", "what stands for code has no replace()")),
        "D280": ("attribute guard", "the code of a function of the host has no stand-in"),
        "D316": ("TypeError", "an address is made of exact values before anything is asked"),
        "D319": ("write guard", "socket.getaddrinfo is replaced before anything is resolved"),
        "D323": ("view", "socket.send_fds is not shown"),
        "D486": ("attribute guard", "os._exit is refused as a private name"),
        **dict.fromkeys(("D432", "D433"), ("nothing", "the source of no file but the sandbox's own is known")),
        "D359": ("refused", "only plain data is unpickled, whatever it names"),
        "D400": ("refused", "types.CellType makes no cells"),
        "D191": ("AttributeError", "find_spec() finds nothing that the sandbox cannot import"),
        "D361": ("refused", "marshal does nothing in a sandbox"),
        **dict.fromkeys(("D367", "D383"), ("TypeError", "ctypes is pycage_native, which loads libraries by name only")),
        "D395": ("OSError", "there is no source for inspect to read"),
    }
)


def meant_to_stop(case: Deny, stopper: str) -> bool:
    """Say whether the layer that stopped a file is the one that the manifest names."""
    kind = stopper.partition(":")[0]
    if case.number in _EARLIER:
        return _EARLIER[case.number][0] == kind
    if case.number in HARMLESS:
        return True
    module = stopper.removeprefix("import gate: ")
    if kind == "import gate" and (module not in granted(case) or refusal(module) is not None):
        return True  # it asked for a module that it does not have, or that nobody can have
    return any(word in case.layer and kind in layers for word, layers in _LAYERS.items())
