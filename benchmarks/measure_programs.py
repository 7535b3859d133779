"""Runs programs plainly, in a sandbox or under RestrictedPython, as asked on standard input; see programs.py."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).parent / "programs"


def plain() -> Callable[[str], Any]:
    """CPython: an ordinary import."""
    sys.path[0] = str(PROGRAMS)
    return importlib.import_module


def caged() -> Callable[[str], Any]:
    """A sandbox without permissions and with the default host policy; its functions are called by the host."""
    import pycage  # noqa: PLC0415  only here

    return pycage.Sandbox("programs", resolver=pycage.PathResolver(PROGRAMS)).load


def stock() -> Callable[[str], Any]:
    """RestrictedPython."""
    import stock  # noqa: PLC0415  only here

    def load(name: str) -> Any:
        path = PROGRAMS / f"{name}.py"
        return types.SimpleNamespace(**stock.load(path.read_text(encoding="utf-8"), str(path)))

    return load


load = {"plain": plain, "caged": caged, "stock": stock}[sys.argv[1]]()
functions: dict[str, Callable[[], object]] = {}

for line in sys.stdin:
    item = line.strip()
    module, _, name = item.partition(":")
    try:
        if item not in functions:
            functions[item] = getattr(load(module), name)
        gc.collect()
        started = time.process_time()  # they wait for nothing; others may be using the machine
        value = functions[item]()
        answer = {"seconds": time.process_time() - started, "value": repr(value)}
    except Exception as error:  # noqa: BLE001  printed by whoever asked
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
