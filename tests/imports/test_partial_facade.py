"""``functools.partial`` in a sandbox, copying by ``__reduce__``, and files beside an own module."""

from __future__ import annotations

import copy
import functools

import pytest

from pycage import AccessDenied, PathResolver, Sandbox, rules


@pytest.fixture
def sandbox():
    with Sandbox("partials") as made:
        yield made


# ---- partial ---------------------------------------------------------------------------------------------------------


def test_it_does_what_the_real_one_does(sandbox):
    source = """
import functools
def f(a, b=2, *rest, **kw): return a, b, rest, kw
p = functools.partial(f, 1, x=3)
q = functools.partial(p, 5, y=4)
class P(functools.partial): pass
s = P(f, 9)
s.note = "own"
import copy
(p(), p(7, z=1), q(), q.func is f, q.args, q.keywords, isinstance(q, functools.partial), callable(p), s(1), s.note,
 repr(functools.partial(len, [1])), copy.copy(p)(8), functools.reduce(functools.partial(max), [1, 3, 2]))
"""
    expected = (1, 2, (), {"x": 3}), (1, 7, (), {"x": 3, "z": 1}), (1, 5, (), {"x": 3, "y": 4}), True, (1, 5)

    value = sandbox.run(source).value

    assert value[:5] == expected
    assert value[5:] == (
        *({"x": 3, "y": 4}, True, True, (9, 1, (), {}), "own"),
        *("functools.partial(<built-in function len>, [1])", (1, 8, (), {"x": 3}), 3),
    )


@pytest.mark.parametrize(
    "attack",
    [
        "p.args",
        "p.func",
        "p.keywords",
        "functools.partial(p).func.args",
        "functools.partial(p, 1).args[0].args",
        "P(p).func.args",
        "functools.partial(p)._args",
        "functools.partial.__new__(object, p)",
        "functools.partial.func.fget(p)",
        "functools.partial.__call__(p)",
        "getattr(functools.partial(p), '__reduce__')()",
        "setattr(functools.partial, 'func', None)",
        "type(functools.partial)('x', (), {}).x",
        "functools.partial(1)",
    ],
)
def test_a_partial_object_of_the_host_shows_nothing(sandbox, attack):
    def secret(hidden, given=None):
        return given

    partial = functools.partial(secret, "hidden")

    assert sandbox.run(
        "import functools\nisinstance(p, functools.partial), functools.partial(p, 5)()", variables={"p": partial}
    ).value == (True, 5)
    with pytest.raises((AccessDenied, AttributeError, TypeError)):
        sandbox.run(f"import functools\nclass P(functools.partial): pass\n{attack}", variables={"p": partial})


# ---- copy ------------------------------------------------------------------------------------------------------------


def test_copy_obeys_what_a_class_defines_and_the_host_does_not(sandbox):
    source = """
import copy
calls = []
class C:
    def __init__(self, x): self.x = x
    def __reduce__(self):
        calls.append("reduce")
        return (C, (self.x + 1,))
class D:
    def __reduce_ex__(self, protocol):
        calls.append(protocol)
        return (D, (), {"y": 5})
class E(C):
    __reduce__ = getattr(object, "__reduce__")
c, d, e = copy.copy(C(1)).x, copy.deepcopy(D()).y, copy.copy(E(1)).x
made = C(1)
c, d, e, calls
"""
    assert sandbox.run(source).value == (2, 5, 1, ["reduce", 4])
    made = sandbox.run(source.replace("c, d, e, calls\n", "made")).value
    assert copy.copy(made).x == 1  # the host copies what the object is


@pytest.mark.parametrize("function", ["open", "len", "print", "victim.append", "type(victim)"])
def test_a_copy_is_never_made_of_something_else(sandbox, function):
    victim = []

    with pytest.raises((AccessDenied, TypeError)):
        sandbox.run(
            f"import copy\nclass C:\n    def __reduce__(self): return ({function}, ('/etc/hostname',), {{'x': 1}})\ncopy.copy(C())",
            variables={"victim": victim},
        )


# ---- Methods, registers, dictionaries of classes ---------------------------------------------------------------------


def test_a_method_of_a_display_shows_its_list(sandbox):
    source = """
import collections
groups = collections.defaultdict(lambda: [].append)
for word in ("a", "bb", "c"): groups[len(word)](word)
{key: method.__self__ for key, method in groups.items()}, [3, 1].count, [2, 1].sort()
"""
    value = sandbox.run(source).value

    assert value[0] == {1: ["a", "c"], 2: ["bb"]}
    assert (value[1](3), value[2]) == (1, None)


@pytest.mark.parametrize(
    "attack",
    [
        "append.__self__",
        "method.__self__",
        "upper.__self__.x",
        "getattr(append, '__self__')",
        "append.__func__",
        "'{0.__self__}'.format(append)",
    ],
)
def test_a_method_of_an_object_of_the_host_does_not(sandbox, attack):
    class Host(list):
        def method(self):
            pass

    host = Host()

    with pytest.raises((AccessDenied, AttributeError)):
        sandbox.run(attack, variables={"append": host.append, "method": host.method, "upper": "text".upper})


def test_own_classes_can_be_registered_and_others_cannot(sandbox):
    source = """
from collections.abc import Mapping
class Mine: pass
Mapping.register(Mine)
isinstance(Mine(), Mapping)
"""
    assert sandbox.run(source).value is True
    for attack in ("Mapping.register(int)", "Mapping.register(Text)", "Mapping.register(1)", "register(int)"):
        with pytest.raises((AccessDenied, TypeError)):
            sandbox.run(
                f"from collections.abc import Mapping\nregister = Mapping.register\n{attack}",
                variables={"Text": type(sandbox)},
            )
    assert not isinstance(1, __import__("collections.abc").abc.Mapping)


@pytest.mark.parametrize("name", ["__subclasses__", "__mro__", "__dict__", "__class__", "_secret", "mro"])
def test_the_dictionary_of_a_class_of_the_host_has_what_may_be_read(sandbox, name):
    class Host:
        shown = 1
        _secret = 2

    assert sandbox.run("vars(Host)['shown']", variables={"Host": Host}).value == 1
    with pytest.raises((AccessDenied, KeyError)):
        sandbox.run(f"vars(Host)[{name!r}]", variables={"Host": Host})
    with pytest.raises((AccessDenied, KeyError)):
        sandbox.run(f"vars(type)[{name!r}]")


# ---- Files beside the modules ----------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path):
    root = tmp_path / "site"
    (root / "pkg" / "sub").mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text(
        "from pathlib import Path\nHERE = Path(__file__).parent\ndef get(n, mode='r'):\n    with open(HERE / n, mode) as f: return f.read()\n"
    )
    (root / "pkg" / "data.txt").write_text("données\n", encoding="utf-8")
    (root / "pkg" / "secret.txt").write_text("no")
    (root / "pkg" / "sub" / "deep.txt").write_text("deep")
    (root / "outside.txt").write_text("outside")
    (tmp_path / "far.txt").write_text("far")
    (root / "pkg" / "link.txt").symlink_to(tmp_path / "far.txt")
    return root


def test_a_package_reads_the_files_that_its_loader_policy_allows(package):
    policy = rules("allow pkg.*", "allow resource pkg.*:*", "deny resource pkg.*:secret.txt")
    with Sandbox("beside", resolver=PathResolver(package), sandbox_policy=policy) as sandbox:
        module = sandbox.load("pkg")

        assert module.get("data.txt") == "données\n"
        assert module.get("data.txt", "rb") == "données\n".encode()
        assert module.get("sub/deep.txt") == "deep"
        for name, mode in (
            ("secret.txt", "r"),
            ("../outside.txt", "r"),
            ("sub/../../outside.txt", "r"),
            ("link.txt", "r"),
            ("data.txt", "w"),
            ("data.txt", "a"),
            ("data.txt", "r+"),
            ("missing.txt", "r"),
            ("/etc/hostname", "r"),
        ):
            with pytest.raises((AccessDenied, OSError)):
                module.get(name, mode)
    assert (package / "pkg" / "data.txt").read_text(encoding="utf-8") == "données\n"


def test_without_a_rule_for_resources_no_file_is_read(package):
    with Sandbox("nothing_beside", resolver=PathResolver(package), sandbox_policy=rules("allow pkg.*")) as sandbox:
        with pytest.raises(AccessDenied, match="FilePermission"):
            sandbox.load("pkg").get("data.txt")


# ---- Names that programs ask for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        "os.popen('true')",
        "zipimport.zipimporter('/etc')",
        "type('Z', (zipimport.zipimporter,), {})",
        "unittest.main()",
        "unittest.mock",
    ],
)
def test_what_is_there_to_be_asked_for_does_nothing(sandbox, attack):
    with pytest.raises((AccessDenied, AttributeError, TypeError)):
        sandbox.run(f"import os, unittest, zipimport\n{attack}")


def test_cases_can_be_derived_and_called(sandbox):
    source = """
import unittest
class T(unittest.TestCase):
    def test_one(self): self.assertEqual([1], [1])
    def test_two(self): self.assertEqual({"a": 1}, {"a": 2})
result = unittest.TestResult()
for name in ("test_one", "test_two"): T(name).run(result)
result.testsRun, len(result.failures), "'a': 2" in result.failures[0][1]
"""
    assert sandbox.run(source).value == (2, 1, True)
