"""A sandbox's loader with nothing else of a sandbox but import statements: plain compile, no privilege."""

from __future__ import annotations

import builtins
import types

import pytest
from pycage.imports import MappingResolver, SandboxLoader, Tools, UnrestrictedPolicy, rules
from pycage.language import GuardSet, attribute_denied
from pycage.language.builtins import Importer


class Shimmed:
    """What the tests' shim leaves behind: the functions that went through it."""

    def __init__(self):
        self.functions = []

    def __call__(self, function):
        self.functions.append(function)

        def shim(*args, **kwargs):
            return function(*args, **kwargs)

        return shim


class Box:
    """A loader and what it was made of."""

    def __init__(self, modules=None, *, resolver=None, scp=None, hcp=None, owns=None, **more):
        self.shim = Shimmed()
        self.depth = 0  # how many privileged calls are on the stack
        self.ran_with_privilege = []
        self.guards = GuardSet(object(), lambda _code: None, attribute_denied)
        self.loader = SandboxLoader(
            "pycage://sandbox/box",
            resolver=MappingResolver(modules or {}) if resolver is None else resolver,
            sandbox_policy=UnrestrictedPolicy.get() if scp is None else scp,
            host_policy=rules() if hcp is None else hcp,
            compile_module=lambda text, filename: compile(text, filename, "exec", dont_inherit=True),
            module_globals=lambda: {"__builtins__": self.builtins},
            shim=self.shim,
            privileged=self.privileged,
            tools=Tools(owns=owns if owns is not None else self.owns),
            **{"own_module": self.guards.own_module, **more},
        )
        # As the language layer does: import statements call one function, and the name __import__ is another.
        self.builtins = {**vars(builtins), "__import__": Importer(self.guards, self.loader.import_).import_}

    def privileged(self, action):
        self.depth += 1
        try:
            return action()
        finally:
            self.depth -= 1

    def owns(self, thing):
        """Own: classes and functions of the sandbox's modules, and instances of its classes."""
        kind = thing if isinstance(thing, (type, types.FunctionType)) else type(thing)
        return getattr(kind, "__module__", None) in ({*self.loader.modules, "guest"})

    def run(self, source):
        """Run source as the sandbox's code, outside any module, and return its globals."""
        names = {"__builtins__": self.builtins, "__name__": "guest", "__import__": self.loader.import_}
        exec(compile(source, "<guest>", "exec", dont_inherit=True), names)
        return names


@pytest.fixture
def box():
    return Box
