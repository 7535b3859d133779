"""``importlib`` in a sandbox: what can be found, and modules that are loaded a second time."""

from __future__ import annotations

import html.parser
import importlib.metadata
import sys

import pytest

from pycage import AccessDenied, MappingResolver, Sandbox, rules


@pytest.fixture
def sandbox():
    modules = {"plugin": "import other\nx = 1", "other": "y = 2", "pkg": "", "pkg.part": "z = 3"}
    with Sandbox("finding", resolver=MappingResolver(modules)) as made:
        yield made


def test_a_module_of_ones_own_can_be_loaded_again(sandbox):
    source = """
import importlib.util, plugin
spec = importlib.util.find_spec("plugin")
again = importlib.util.module_from_spec(spec)
before = hasattr(again, "x")
spec.loader.exec_module(again)
again.x = 5
nested = importlib.util.find_spec("pkg.part"), importlib.util.find_spec(".part", "pkg")
(before, again.x, plugin.x, again is plugin, again.__name__, spec.name, spec.origin, [one.name for one in nested],
 importlib.util.find_spec("pkg").submodule_search_locations)
"""
    assert sandbox.run(source).value == (
        *(False, 5, 1, False, "plugin", "plugin", "<plugin>", ["pkg.part", "pkg.part"], []),
    )


def test_what_is_not_for_the_sandbox_is_not_found(sandbox):
    source = """
import importlib.util
[importlib.util.find_spec(name) for name in ("numpy", "pip", "_ctypes", "gc", "not a name", "nowhere")]
"""
    assert sandbox.run(source).value == [None] * 6
    spec = sandbox.run("import importlib.util\nimportlib.util.find_spec('json')").value
    assert (spec.name, spec.loader, spec.origin) == ("json", None, None)


def test_a_standard_parser_can_be_copied_and_changed(sandbox):
    source = """
import importlib.util
spec = importlib.util.find_spec("html.parser")
copy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(copy)
import re
copy.piclose = re.compile(r"\\?>")
seen = []
class P(copy.HTMLParser):
    def handle_starttag(self, tag, attrs): seen.append((tag, attrs))
    def handle_data(self, data): seen.append(data)
    def handle_pi(self, data): seen.append(data)
p = P()
p.feed("<a href='x'>t</a><?php a>b ?>")
p.close()
seen
"""
    assert sandbox.run(source).value == [("a", [("href", "x")]), "t", "php a>b "]
    assert html.parser.piclose.pattern == ">"


def test_the_host_policy_decides_about_copies():
    with Sandbox("nocopies", host_policy=rules("allow importlib.*")) as sandbox:
        with pytest.raises(AccessDenied, match="html"):
            sandbox.run("import importlib.util\nimportlib.util.find_spec('html.parser')")


@pytest.mark.parametrize(
    "attack",
    [
        "util.module_from_spec(util.spec_from_loader('x', Loader()))",
        "util.module_from_spec(util.find_spec('json'))",
        "spec.loader.exec_module(json)",
        "spec.loader.exec_module(plugin)",
        "spec.loader.exec_module(util.module_from_spec(util.find_spec('other')))",
        "(m := util.module_from_spec(spec), spec.loader.exec_module(m), spec.loader.exec_module(m))",
        "spec.loader._execute",
        "spec.loader._made",
        "spec.loader.get_data('/etc/passwd')",
        "type(spec.loader)(print)",
        "type(spec.loader)._of(print)",
        "(a := object.__new__(type(spec.loader)), util.module_from_spec(machinery.ModuleSpec('x', a)))",
        "copy.copy(spec.loader)",
        "copy.deepcopy(spec)",
        "setattr(spec, 'origin', '/etc/passwd')",
        "util.find_spec(Text('plugin'))",
        "util.source_from_cache",
        "util.LazyLoader",
        "machinery.SourceFileLoader",
        "machinery.PathFinder",
        "metadata.EntryPoint",
        "metadata.Distribution",
        "metadata.version('pytest')",
        "metadata.files('pytest')",
        "type(metadata.entry_points())._from_text_for",
    ],
)
def test_nothing_of_the_host_can_be_found_or_loaded(sandbox, attack):
    with pytest.raises((AccessDenied, AttributeError, ImportError, TypeError)):
        sandbox.run(f"""
import copy, json, plugin
from importlib import machinery, metadata, util
class Text(str): pass
class Loader:
    def create_module(self, spec): return None
    def exec_module(self, module): pass
spec = util.find_spec("plugin")
{attack}
""")


def test_nothing_is_installed(sandbox):
    source = """
from importlib import metadata
try:
    metadata.version("pytest")
except metadata.PackageNotFoundError as error:
    missing = error.name
missing, list(metadata.entry_points(group="pytest11")), list(metadata.distributions()), metadata.packages_distributions()
"""
    assert sandbox.run(source).value == ("pytest", [], [], {})
    assert importlib.metadata.version("pytest")


def test_the_hosts_table_is_unchanged(sandbox):
    before = set(sys.modules)

    sandbox.run(
        "import importlib.util\nimportlib.util.find_spec('plugin')\nimport importlib\nimportlib.invalidate_caches()"
    )

    assert "plugin" not in set(sys.modules) - before
