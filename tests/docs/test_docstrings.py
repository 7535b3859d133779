"""Every public name has a docstring with an example, and the example shows what happens."""

from __future__ import annotations

import doctest
import importlib
import inspect
import types

import docs.blocks  # how sessions are compared
import pycage
import pycage_native
import pytest

MODULES = ("pycage", "pycage.policy_files", "pycage.report", "pycage.testing", "pycage_native")


def names_of(module: types.ModuleType) -> list[str]:
    return getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]


NAMES = [(module, name) for module in MODULES for name in names_of(importlib.import_module(module))]
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE


def documented(module: str, name: str) -> tuple[object, str]:
    found = getattr(importlib.import_module(module), name)
    return found, inspect.getdoc(found) or ""


def examples_of(found: object, text: str, label: str) -> list[tuple[str, str]]:
    """Return the docstrings with examples of a name, and of its public methods if it is one of our classes."""
    texts = [(label, text)]
    if isinstance(found, type) and found.__module__.split(".")[0] in {"pycage", "pycage_native"}:
        for name, member in vars(found).items():
            doc = getattr(member, "__doc__", None)
            if not name.startswith("_") and isinstance(doc, str) and not isinstance(member, (int, str, tuple)):
                texts.append((f"{label}.{name}", inspect.cleandoc(doc)))
    return [(where, doc) for where, doc in texts if ">>>" in doc]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(each) for each in NAMES])
def test_a_public_name_is_explained_by_an_example_that_works(module, name, tmp_path, monkeypatch):
    found, text = documented(module, name)
    if callable(found):
        assert ">>>" in text, "it has no example"
    monkeypatch.chdir(tmp_path)
    variables = {
        "pycage": pycage,
        "pycage_native": pycage_native,
        **vars(importlib.import_module(module)),
    }
    for where, doc in examples_of(found, text, name):
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        runner.run(doctest.DocTestParser().get_doctest(doc, dict(variables), where, where, 0), out=report.append)
        assert runner.failures == 0, "".join(report)
