"""Every operation that raises no audit event, in a sandbox without permissions: which layer stops it, and that it does.

Under two policies: one that shares no module of the host, and one that shares all that can be shared, so that the
import gate does not stand in front of the layer that is meant.
"""

from __future__ import annotations

import copyreg  # noqa: F401  for the expressions of the table
import csv
import importlib
import itertools
import linecache  # noqa: F401  as above
import locale  # noqa: F401  as above
import logging  # noqa: F401  as above
import os
import random  # noqa: F401  as above
import re
import socket
import sys
import warnings  # noqa: F401  as above
from pathlib import Path

import pycage
import pytest
from authority import unaudited
from pycage import AccessDenied, Sandbox
from pycage.errors import ImportDenied, RestrictedSyntaxError
from pycage.imports.stdlib import refusal

_numbers = itertools.count()
ROOT = Path(__file__).resolve().parent.parent.parent
with open(ROOT / "tests/data/unaudited-operations.tsv", encoding="utf-8", newline="") as _file:
    ROWS = {row["operation"]: row for row in csv.DictReader(_file, delimiter="\t", quoting=csv.QUOTE_NONE)}
ENTRIES = [
    (layer, operation, entry) for layer, entries in unaudited.LAYERS.items() for operation, entry in entries.items()
]
COLUMN = f"on_{sys.version_info.major}.{sys.version_info.minor}"

POLICIES = {"strict": pycage.rules, "layer": lambda: pycage.rules(default="allow")}
NAMES = {"fd": 0, "s": 0, "w": 1, "a": [], "A": int}


def program_of(operation, entry):
    """Return the program of an entry; the operation itself, if there is none."""
    program = entry[0] if isinstance(entry, tuple) else entry
    if program is not None:
        return program
    module = re.match(r"(?:dict\()?((?:os\.path|[a-z_]+(?=\.)|collections\.abc)(?=[.]))", operation)
    name = "collections.abc" if operation.startswith("collections.abc") else module[1] if module else ""
    try:
        importlib.import_module(name)
    except (ImportError, ValueError):
        standard = name in sys.stdlib_module_names
        return f"import {name}\n{operation}" if standard else operation
    return f"import {name}\n{operation}"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory with a file and a link, where the program runs; a port that accepts."""
    (tmp_path / "f.txt").write_text("content")
    (tmp_path / "l").symlink_to("f.txt")
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {**NAMES, "PORT": server.getsockname()[1], "HERE": str(tmp_path)}


def run(program, names, policy="layer", permissions=()):
    with Sandbox(f"unaudited_{next(_numbers)}", host_policy=POLICIES[policy](), permissions=permissions) as sandbox:
        return sandbox.run(program, variables=dict(names)).value


def rows(*layers):
    return [
        pytest.param(layer, operation, entry, id=f"{layer}: {operation}"[:90])
        for layer, operation, entry in ENTRIES
        if layer in layers
    ]


def test_every_operation_has_exactly_one_layer():
    named = [operation for _, operation, _ in ENTRIES]

    assert sorted(named) == sorted(ROWS)


@pytest.mark.parametrize(("layer", "operation", "entry"), rows("import", "view", "facade", "guard"))
def test_it_is_stopped_by_its_layer(place, layer, operation, entry):
    program = program_of(operation, entry)

    with pytest.raises((AccessDenied, AttributeError, RestrictedSyntaxError, NotImplementedError)) as caught:
        run(program, place)

    error, text = caught.value, f"{caught.type.__name__}: {caught.value}"
    if layer == "import":
        assert type(error) is ImportDenied
        denied = text.rpartition(" ")[2]
        assert refusal(denied) is not None or refusal(denied.partition(".")[0]) is not None
    elif layer == "view":
        assert type(error) is AttributeError
        assert re.search(r"has no attribute '(\w+)'", text)[1] in program
    elif layer == "facade":
        assert re.search(entry[1], text)
        assert type(error) in {AccessDenied, NotImplementedError}
    else:
        assert type(error) in {AccessDenied, RestrictedSyntaxError}


@pytest.mark.parametrize(
    ("layer", "operation", "entry"), rows("import", "view", "facade", "guard", "copy", "own", "unset", "harmless")
)
def test_where_nothing_is_shared_the_import_gate_or_a_guard_stops_it(place, layer, operation, entry):
    program = program_of(operation, entry)

    try:
        run(program, place, "strict")
    except ImportDenied:
        return
    except (AccessDenied, RestrictedSyntaxError):
        assert layer in {"guard", "facade"}
        return
    except AttributeError:  # importlib is there under every policy
        assert layer == "view"
        return
    assert "import " not in program
    assert layer in {"copy", "harmless"}


@pytest.mark.parametrize(
    ("layer", "operation", "entry"),
    [row for row in rows("facade") if row.values[2][2] is not None],
)
def test_with_the_permission_it_works(place, layer, operation, entry):
    program, _, permissions = entry
    names = {name: getattr(pycage, name) for name in pycage.__all__ if name.endswith("Permission")}
    text = permissions.format(here=os.path.realpath(place["HERE"]), port=place["PORT"])
    text = text.replace("SIGNAL_SELF", f'ProcessPermission("{os.getpid()}", "signal")')

    run(program_of(operation, entry), place, permissions=list(eval(f"[{text}]", names)))


@pytest.mark.parametrize(("layer", "operation", "entry"), rows("own"))
def test_it_changes_nothing_of_the_host(place, layer, operation, entry):
    before = eval(entry[1])

    run(program_of(operation, entry), place)

    assert before == eval(entry[1])


@pytest.mark.parametrize(("layer", "operation", "entry"), rows("copy"))
def test_a_copy_leads_nowhere(place, layer, operation, entry):
    assert run(entry[0], place) is False


@pytest.mark.parametrize(("layer", "operation", "entry"), rows("unset"))
def test_a_variable_that_may_not_be_read_is_not_set(place, layer, operation, entry):
    try:
        value = run(program_of(operation, entry), place)
    except KeyError:
        return
    assert value in (None, {})
    assert eval(operation)


@pytest.mark.parametrize(("layer", "operation", "entry"), rows("bound", "harmless"))
def test_what_is_harmless_works(place, layer, operation, entry):
    run(program_of(operation, entry), place)


@pytest.mark.parametrize(("layer", "operation", "entry"), rows("process"))
def test_what_only_another_process_stops_has_a_line_in_the_threat_model(layer, operation, entry):
    page = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    section = page.split("## What only a process of its own stops")[1].split("\n## ")[0]

    assert entry in section


def test_the_threat_model_counts_the_operations_of_each_layer():
    page = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    counted = dict(re.findall(r"^\| (\w+) \| (\d+) \|", page.split("## Effects without an event")[1], re.MULTILINE))

    assert counted == {layer: str(len(entries)) for layer, entries in unaudited.LAYERS.items()}
