"""The examples in the docstrings of all parts of policy files run, those that are not public included."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pycage
import pytest
from pycage import needs, policy_files

MODULES = [needs] + [
    importlib.import_module(f"pycage.policy_files.{module.name}")
    for module in pkgutil.iter_modules(policy_files.__path__)
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_of_a_module_give_what_they_say(module, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(module, extraglobs={"pycage": pycage})

    assert result.failed == 0
