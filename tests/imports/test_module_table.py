"""``sys.modules`` of a sandbox."""

from __future__ import annotations

import json
import sys

import pytest

from pycage import AccessDenied, MappingResolver, Sandbox


@pytest.fixture
def sandbox():
    modules = {
        "plugin": "import sys, json\nimport plugin_part\nname = __name__\nmine = sys.modules[__name__]",
        "plugin_part": "x = 1",
        "victim": "x = 'real'",
    }
    with Sandbox("table", resolver=MappingResolver(modules)) as made:
        yield made


def test_it_has_the_modules_that_the_sandbox_has(sandbox):
    plugin = sandbox.load("plugin")

    assert plugin.mine is plugin
    table = plugin.sys.modules
    assert {"plugin", "plugin_part", "sys", "json"} <= set(table)
    assert table["json"] is plugin.json
    assert table.get("os") is None
    assert "decimal" not in table  # not imported yet
    assert len(table) == len(list(table))


def test_the_real_table_is_not_behind_it(sandbox):
    source = """
import sys
import json
(sys.modules["json"] is json, "pycage" in sys.modules, "os" in sys.modules, sys.modules.get("__main__"),
 sys.modules.get("builtins"), sys.modules.get("threading"))
"""
    assert sandbox.run(source).value == (True, False, False, None, None, None)


def test_a_module_can_be_given_another_name(sandbox):
    sandbox.load("plugin")

    source = """
import sys, plugin
sys.modules["alias"] = plugin
import alias
found = alias is plugin
del sys.modules["alias"]
try:
    import alias
except ImportError:
    found = found, "gone"
found
"""
    assert sandbox.run(source).value == (True, "gone")
    assert "alias" not in sys.modules


def test_what_the_sandbox_stored_is_not_what_the_host_loads(sandbox):
    sandbox.run("""
import sys, types
class Fake(types.ModuleType):
    x = "fake"
sys.modules["victim"] = Fake("victim")
sys.modules["json"] = Fake("json")
""")

    assert sandbox.run("import victim, json\nvictim.x, json.x").value == ("fake", "fake")
    assert sandbox.load("victim").x == "real"
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    "attack",
    [
        "sys.modules['x'] = 1",
        "sys.modules['x'] = None",
        "sys.modules['pycage'] = json",
        "sys.modules['host'] = json",
        "sys.modules['host.account'] = json",
        "sys.modules['not a name'] = json",
        "sys.modules[Text('x')] = json",
        "del sys.modules['json']",
        "sys.modules.pop('json')",
        "sys.modules.clear()",
        "sys.modules._register",
        "sys.modules._known.__self__",
        "getattr(sys.modules, '_names')",
        "import copy; copy.copy(sys.modules)",
        "import copy; copy.deepcopy(sys.modules)",
        "type(sys.modules)(json)",
        "type('X', (type(sys.modules),), {})",
        "sys.modules = {}",
        "sys.meta_path = []",
    ],
)
def test_nothing_else_can_be_stored_or_reached(sandbox, attack):
    with pytest.raises((AccessDenied, AttributeError, TypeError)):
        sandbox.run(f"import sys, json\nclass Text(str): pass\n{attack}")

    assert sandbox.run("import json\njson.dumps(1)").value == "1"


def test_what_stands_in_meta_path_is_not_asked(sandbox):
    source = """
import sys
asked = []
class Finder:
    def find_spec(self, *args): asked.append(args)
sys.meta_path.append(Finder())
sys.path.append("/tmp")
try:
    import nowhere_at_all
except ImportError: pass
asked
"""
    assert sandbox.run(source).value == []
    assert not any(type(finder).__name__ == "Finder" for finder in sys.meta_path)


def test_a_closed_sandbox_has_none():
    with Sandbox("closing") as sandbox:
        sys_view = sandbox.run("import sys\nsys").value

    assert dict(sys_view.modules) in ({}, {"sys": sys_view})
