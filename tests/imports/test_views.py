"""Views: what a sandbox sees of host modules that are not standard, and that it cannot change them."""

from __future__ import annotations

import functools
import json
import os
import sys
import types

import pycage
import pytest
from pycage.errors import AccessDenied, RestrictedSyntaxError
from pycage.imports import ModuleView, rules, view_of
from pycage.imports.views import NoViewError, Views, private


def module(name, source="", **names):
    made = types.ModuleType(name)
    sys.modules[name] = made
    try:
        exec(compile(source, name, "exec"), vars(made))
    finally:
        del sys.modules[name]
    vars(made).update(names)
    return made


class Shims(list):
    def __call__(self, function):
        self.append(function)
        return lambda *args, **kwargs: ("shimmed", function(*args, **kwargs))


def see(host, *allowed, shims=None):
    return view_of(
        host, rules(*(f"allow {name}" for name in allowed)).allows_module, Shims() if shims is None else shims
    )


def test_functions_are_shimmed_and_classes_are_the_same_types():
    host = module(
        "hostapi", "def f(): return 1\nclass C: pass\nN = 3\nobj = C()", part=functools.partial(int, "2"), run=len
    )
    host.__all__ = ["f", "C", "N", "obj", "part", "run"]
    view = see(host)

    assert (view.f(), view.part(), view.run("ab")) == (("shimmed", 1), ("shimmed", 2), ("shimmed", 2))
    assert view.C is host.C
    assert view.obj is host.obj
    assert view.N == 3


def test_a_view_is_a_module_to_those_who_ask():
    view = see(module("hostapi"))

    assert isinstance(view, types.ModuleType)
    assert view.__name__ == "hostapi"
    assert repr(view) == "<module 'hostapi' (view)>"


def test_a_view_has_no_special_attributes_of_the_module():
    view = see(module("hostapi", "'''doc'''\n__version__ = '1'\n_private = 1\n__secret__ = 2"))

    assert vars(view) == {"__name__": "hostapi", "__doc__": "doc", "__version__": "1"}
    for name in ("__loader__", "__spec__", "__file__", "__path__", "__builtins__", "_private", "__package__"):
        assert not hasattr(view, name)


def test_a_view_cannot_be_changed():
    host = module("hostapi", "x = 1")
    view = see(host)

    for change in (
        lambda: setattr(view, "x", 2),
        lambda: delattr(view, "x"),
        lambda: setattr(view, "__class__", type(os)),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()
    with pytest.raises(TypeError):
        type("V", (ModuleView,), {})
    assert (view.x, host.x) == (1, 1)


def test_a_module_in_a_module_is_shown_only_if_it_is_allowed_itself():
    """CVE-2026-32640 (simpleeval), D024, D025, D028."""
    host = module("hostapi", "import posix, sys, json\nimport hashlib as h")

    assert {name for name in vars(see(host)) if not name.startswith("__")} == set()
    view = see(host, "*")
    assert {name for name in vars(view) if not name.startswith("__")} == {"json", "h", "sys"}
    assert type(view.json) is type(view.sys) is ModuleView
    assert view.sys.modules == {}
    assert not hasattr(view.sys, "settrace")
    assert view.json.loads is json.loads
    assert not hasattr(view.json, "codecs")


def test_even_a_declared_module_is_not_shown_unless_allowed():
    host = module("hostapi", "import posix, json\n__all__ = ['posix', 'json']")

    assert not hasattr(see(host), "json")
    assert see(host, "*").__all__ == ["json"]


def test_without_all_what_a_module_imported_is_judged_as_an_import():
    source = (
        "from os import listdir, getcwd\nfrom subprocess import Popen\nfrom json import loads\nfrom decimal import Decimal\n"
        "from threading import main_thread\nfrom types import FunctionType\nopen_ = open\ndef mine(): pass\nclass Mine: pass"
    )
    host = module("hostapi", source)

    assert {n for n in vars(see(host)) if not n.startswith("__")} == {"mine", "Mine"}
    assert {n for n in vars(see(host, "*")) if not n.startswith("__")} == {"mine", "Mine", "loads", "Decimal"}


def test_what_all_declares_is_shown_wherever_it_comes_from():
    host = module("hostapi", "from subprocess import Popen\n__all__ = ['Popen', 'nothing', '_x']\n_x = 1")

    assert [n for n in vars(see(host)) if not n.startswith("__")] == ["Popen"]
    assert see(host).__all__ == ["Popen"]


def test_parts_of_one_package_belong_together():
    impl = module("hostpkg._impl", "def f(): return 1\nclass C: pass")
    host = module("hostpkg", f=impl.f, C=impl.C)

    assert {n for n in vars(see(host)) if not n.startswith("__")} == {"f", "C"}


def test_without_all_only_plain_values_and_the_packages_own_objects_are_shown():
    host = module(
        "hostapi",
        "import logging, io, datetime, re, typing\nlog = logging.getLogger('x')\nout = io.StringIO()\nday = datetime.date(2020, 1, 1)\n"
        "rx = re.compile('a')\nT = typing.Optional[int]\nclass C: pass\nc = C()\nn = None\nf = 1.5\ngen = (x for x in ())\nmv = memoryview(b'')",
    )

    assert {n for n in vars(see(host)) if not n.startswith("__")} == {"day", "rx", "T", "C", "c", "n", "f"}


def test_containers_are_copies_all_the_way_down():
    host = module(
        "hostapi", config={"a": [1]}, names=[{1}], proxy=types.MappingProxyType({"k": [2]}), buffer=bytearray(b"x")
    )
    view = see(host)
    view.config["a"].append(2)
    view.config["b"] = 1
    view.names[0].add(2)
    view.proxy["k"].append(3)
    view.buffer.extend(b"y")

    assert (host.config, host.names, dict(host.proxy), host.buffer) == ({"a": [1]}, [{1}], {"k": [2]}, b"x")


def test_a_read_only_proxy_does_not_lead_to_the_hosts_dictionary():
    """``proxy | mine`` hands the dictionary behind the proxy to ``mine.__ror__``."""

    class Thief:
        def __ror__(self, other):
            other["stolen"] = 1

    secret = {"a": 1}
    types.MappingProxyType(secret) | Thief()
    assert secret.pop("stolen") == 1  # control

    see(module("hostapi", table=types.MappingProxyType(secret))).table | Thief()

    assert secret == {"a": 1}


def test_a_container_may_contain_itself():
    loop = [1]
    loop.append(loop)
    copy = private(loop)

    assert copy is not loop
    assert copy[1] is copy


def test_modules_that_lead_to_each_other_are_no_problem():
    one, two = module("hostone"), module("hosttwo")
    one.two, two.one = two, one
    view = see(one, "*")

    assert view.two.one is view


def test_views_are_cached_for_each_sandbox():
    host = module("hostapi")
    one = Views(lambda _: True, Shims())
    two = Views(lambda _: True, Shims())

    assert one.of("hostapi", host) is one.of("hostapi", host)
    assert one.of("hostapi", host) is not two.of("hostapi", host)


def test_a_view_that_could_not_be_made_leaves_nothing_behind():
    host = module("hostapi", "def f(): pass")
    broken = []

    def shim(function):
        broken.append(function)
        if len(broken) == 1:
            raise RuntimeError
        return function

    views = Views(lambda _: True, shim)
    with pytest.raises(RuntimeError):
        views.of("hostapi", host)

    assert views.of("hostapi", host).f is host.f


def test_another_name_for_a_powerful_module_does_not_help():
    for name in ("hostos", "json"):
        with pytest.raises(NoViewError):
            Views(lambda _: True, Shims()).of(name, os)


def test_a_standard_module_has_what_is_offered_under_its_own_name_only():
    views = Views(lambda _: True, Shims())

    assert views.of("os.path", os.path).join is os.path.join
    for name in ("hostos", "json", "hostapi.path"):
        for real in (os, os.path, json):
            if real.__name__ != name:
                with pytest.raises(NoViewError, match="another name"):
                    views.of(name, real)


def test_a_lazy_attribute_that_is_declared_is_fetched():
    host = module(
        "hostapi",
        "__all__ = ['lazy']\ndef __getattr__(name):\n    if name == 'lazy': return 7\n    raise AttributeError(name)",
    )

    assert see(host).lazy == 7


def test_standard_functions_are_handed_out_as_they_are():
    shims = Shims()
    import math

    view = view_of(math, lambda _: False, shims)

    assert view.sqrt is math.sqrt
    assert shims == []


# ---- Private names ---------------------------------------------------------------------------------------------------


def test_a_private_name_that_a_view_shows_is_read_in_every_way():
    source = """
import html, operator
from html import _replace_charref as imported
get = getattr(html, '_replace_charref')
len({imported, html._replace_charref, get, operator.attrgetter('_replace_charref')(html)}), hasattr(html, '_replace_charref')
"""
    with pycage.Sandbox("views_private") as sandbox:
        assert sandbox.run(source).value == (1, True)


@pytest.mark.parametrize(
    "source",
    [
        "import html\nhtml._charref",
        "import html\nhtml.__loader__",
        "import html\nhtml._x = 1",
        "import html\nclass C(type(html)): pass",
        "from html import _charref",
        "from html import __dict__ as d",
        "from html import __class__ as c",
    ],
)
def test_a_private_name_that_a_view_does_not_show_is_not_read(source):
    with (
        pycage.Sandbox("views_hidden") as sandbox,
        pytest.raises((AccessDenied, RestrictedSyntaxError, ImportError, TypeError)) as caught,
    ):
        sandbox.run(source)
    if caught.type is TypeError:
        assert "derived" in str(caught.value)
    if caught.type is ImportError:
        assert "cannot import name '_charref'" in str(caught.value)


@pytest.mark.parametrize(
    "read", ["vars(html)", "getattr(html, '__dict__')", "object.__getattribute__(html, '__dict__')"]
)
def test_the_dictionary_of_a_view_is_a_copy_of_what_it_shows(read):
    with pycage.Sandbox("views_dictionary") as sandbox:
        names = sandbox.run(f"import html\nd = {read}\nd['escape'] = None\nd['x'] = 1\nd").value
        again = sandbox.run("import html\nhtml.escape('<'), hasattr(html, 'x')").value

    assert set(names) - {"x"} <= {
        "__name__",
        "__doc__",
        "__all__",
        "_replace_charref",
        "escape",
        "unescape",
        "parser",
        "entities",
    }
    assert again == ("&lt;", False)


def test_an_own_module_object_is_no_view():
    """Only the type of views counts as judged, not the type of modules."""
    module = types.ModuleType("m")
    vars(module)["_secret"] = 1

    with pycage.Sandbox("views_module") as sandbox, pytest.raises(AccessDenied):
        sandbox.run("m._secret", variables={"m": module})
