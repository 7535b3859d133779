"""Standard modules that C code imports for itself through the ``__import__`` of the running frame."""

from __future__ import annotations

from typing import Final

__all__ = ["C_IMPORTS"]

C_IMPORTS: Final = frozenset(
    {
        "_strptime",
        "array",
        "builtins",
        "codecs",
        "collections",
        "collections.abc",
        "copyreg",
        "datetime",
        "decimal",
        "encodings",
        "enum",
        "fractions",
        "functools",
        "io",
        "json.decoder",
        "numbers",
        "operator",
        "re",
        "string",
        "time",
        "types",
        "typing",
        "unicodedata",
        "warnings",
        "weakref",
        "zoneinfo",
    }
)
"""Standard modules that C code imports for itself through the ``__import__`` of the running frame.

``PyImport_Import`` calls it with a *list* as ``fromlist``, throws the result away and reads ``sys.modules``.  So the
host imports the module and the call returns ``None``: a guest that imitates the call gets nothing.
"""
