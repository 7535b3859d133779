"""The sandbox's import system: loader policies, resolvers, resources, views of host modules, the loader.

* ``rules``: which modules a sandbox has of its own (SCP) and which it gets from the host (HCP).
* ``sources``, ``resolvers``, ``path_resolver``: where the sandbox's own modules come from (SCR).
* ``stdlib``, ``facades``, ``copies``, ``views``: what a sandbox sees of a host module.
* ``resources``: ``importlib.resources`` for the sandbox's own packages.
* ``loader``: the import itself, which decides what a name gives; ``names``, ``c_imports``, ``failures``.
* ``own_modules``, ``locks``: the sandbox's own modules.  ``host_modules``, ``virtual_modules``: those that it is given.
"""

import pycage.imports.raw_futures  # noqa: F401  # tells the guards
from pycage.imports.c_imports import C_IMPORTS
from pycage.imports.copies import Copies
from pycage.imports.loader import SandboxLoader
from pycage.imports.path_resolver import PathResolver
from pycage.imports.resolvers import CallableResolver, ChainResolver, MappingResolver
from pycage.imports.rules import (
    Conclusion,
    LoaderPolicy,
    SequentialPolicy,
    SequentialPolicyBuilder,
    UnrestrictedPolicy,
    rules,
)
from pycage.imports.sources import MAX_SOURCE_BYTES, Resolver, Resources, Source
from pycage.imports.stdlib import OFFERS
from pycage.imports.tools import Tools
from pycage.imports.views import ModuleView, Views, view_of

__all__ = [
    "C_IMPORTS",
    "MAX_SOURCE_BYTES",
    "OFFERS",
    "CallableResolver",
    "ChainResolver",
    "Conclusion",
    "Copies",
    "LoaderPolicy",
    "MappingResolver",
    "ModuleView",
    "PathResolver",
    "Resolver",
    "Resources",
    "SandboxLoader",
    "SequentialPolicy",
    "SequentialPolicyBuilder",
    "Source",
    "Tools",
    "UnrestrictedPolicy",
    "Views",
    "rules",
    "view_of",
]
