"""Resolvers in memory, and the path resolver's directories and archives."""

from __future__ import annotations

import os
import zipfile

import pytest
from pycage.errors import LimitExceeded, PolicyError
from pycage.imports import CallableResolver, ChainResolver, MappingResolver, PathResolver, Resolver, Source, sources


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "root"
    (root / "pkg" / "sub").mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text("NAME = 'pkg'")
    (root / "pkg" / "mod.py").write_text("NAME = 'mod'")
    (root / "pkg" / "data").mkdir()
    (root / "pkg" / "data" / "a.txt").write_text("content")
    (root / "bare" / "deep").mkdir(parents=True)
    (root / "bare" / "deep" / "leaf.py").write_text("NAME = 'leaf'")
    (root / "single.py").write_text("NAME = 'single'")
    return root


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("pkg/__init__.py", "NAME = 'zipped'")
        file.writestr("pkg/mod.py", "NAME = 'zipped mod'")
        file.writestr("pkg/data/a.txt", "zipped content")
        file.writestr("bare/leaf.py", "")
        file.writestr("../evil.py", "")
        file.writestr("/abs.py", "")
        file.writestr("w\\in.py", "")
    return path


class TestJCClassNameResolverClasspathTest:
    """jcage's JCClassNameResolverClasspathTest, by name."""

    def test_InvalidURL(self):
        """jcage: testInvalidURL. An element that cannot be used is reported instead of dropped (J10)."""
        with pytest.raises(PolicyError, match="in val id:"):
            PathResolver("in val id:")

    def test_Nonexistent(self, tree):
        """jcage: testNonexistent"""
        assert PathResolver(tree).find("nonexistent") is None

    def test_Inaccessible_0(self, tree):
        """jcage: testInaccessible_0. A built-in module is not on the path."""
        assert PathResolver(tree).find("sys") is None

    def test_OK_0(self, archive):
        """jcage: testOK_0. A module inside a wheel on the path."""
        assert PathResolver(archive).find("pkg.mod").text == b"NAME = 'zipped mod'"


# ---- Paths -------------------------------------------------------------------------------------------------------------


def test_a_directory_gives_modules_packages_and_namespace_packages(tree):
    resolver = PathResolver(tree)
    found = {
        name: resolver.find(name) for name in ("single", "pkg", "pkg.mod", "bare", "bare.deep.leaf", "pkg.nothing")
    }

    assert (found["single"].text, found["single"].is_package) == (b"NAME = 'single'", False)
    assert (found["pkg"].text, found["pkg"].is_package) == (b"NAME = 'pkg'", True)
    assert (found["pkg.mod"].text, found["pkg.mod"].is_package) == (b"NAME = 'mod'", False)
    assert (found["bare"].text, found["bare"].is_package) == (b"", True)
    assert found["bare.deep.leaf"].text == b"NAME = 'leaf'"
    assert found["pkg.nothing"] is None
    assert found["pkg"].filename == str(tree / "pkg" / "__init__.py")


def test_a_package_is_preferred_to_a_module_and_both_to_a_bare_directory(tree, tmp_path):
    (tree / "pkg.py").write_text("NAME = 'not me'")
    (tree / "bare.py").write_text("NAME = 'bare module'")

    assert PathResolver(tree).find("pkg").text == b"NAME = 'pkg'"
    assert PathResolver(tree).find("bare").text == b"NAME = 'bare module'"


def test_elements_are_tried_in_order(tree, archive):
    assert PathResolver(tree, archive).find("pkg").text == b"NAME = 'pkg'"
    assert PathResolver(archive, tree).find("pkg").text == b"NAME = 'zipped'"


def test_a_relative_element_is_resolved_once(tree, tmp_path, monkeypatch):
    """jcage's J10."""
    monkeypatch.chdir(tree.parent)
    resolver = PathResolver("root")
    monkeypatch.chdir(tmp_path.parent)

    assert resolver.find("single") is not None
    assert resolver.elements == (str(tree),)


@pytest.mark.parametrize("make", [lambda p: p / "missing", lambda p: p / "file.txt", lambda _: "", lambda _: "a\0b"])
def test_an_element_that_cannot_be_used_is_reported_at_once(tmp_path, make):
    """jcage's J10: it was ignored, and failed later with an error about something else."""
    (tmp_path / "file.txt").write_text("neither directory nor zip")

    with pytest.raises(PolicyError):
        PathResolver(make(tmp_path))


def test_a_path_resolver_without_elements_is_a_mistake():
    with pytest.raises(PolicyError, match="nowhere to look"):
        PathResolver()


@pytest.mark.parametrize(
    "name", ["../outside", "..outside", "/etc/passwd", "pkg/mod", "pkg.__init__", "a\0", "pkg..mod", "", "evil", ".abs"]
)
def test_a_name_never_leaves_the_element(tree, archive, name):
    (tree.parent / "outside.py").write_text("SECRET = 1")

    assert PathResolver(tree, archive).find(name) is None


def test_a_link_inside_the_element_is_followed(tree):
    (tree / "alias.py").symlink_to(tree / "single.py")

    assert PathResolver(tree).find("alias").text == b"NAME = 'single'"


@pytest.mark.parametrize("kind", ["file", "directory", "package", "dotdot"])
def test_a_link_out_of_the_element_is_refused(tree, kind):
    outside = tree.parent / "root-outside"
    outside.mkdir()
    (outside / "__init__.py").write_text("SECRET = 1")
    (outside / "secret.py").write_text("SECRET = 1")
    if kind == "file":
        (tree / "secret.py").symlink_to(outside / "secret.py")
    elif kind == "directory":
        (tree / "link").symlink_to(outside)
    elif kind == "package":
        (tree / "new").mkdir()
        (tree / "new" / "__init__.py").symlink_to(outside / "secret.py")
    else:
        (tree / "secret.py").symlink_to("../root-outside/secret.py")
    name = {"file": "secret", "directory": "link.secret", "package": "new", "dotdot": "secret"}[kind]

    with pytest.raises(PolicyError, match="leads out of it"):
        PathResolver(tree).find(name)


def test_an_element_may_itself_be_a_link(tree):
    (tree.parent / "alias").symlink_to(tree)

    assert PathResolver(tree.parent / "alias").find("single") is not None


def test_a_fifo_does_not_stop_the_host(tree):
    os.mkfifo(tree / "pipe.py")

    with pytest.raises(PolicyError, match="not a regular file"):
        PathResolver(tree).find("pipe")


def test_a_source_that_is_too_large_is_refused(tree, archive, monkeypatch):
    monkeypatch.setattr(sources, "MAX_SOURCE_BYTES", 4)
    monkeypatch.setattr("pycage.imports.path_resolver.MAX_SOURCE_BYTES", 4)

    for resolver, name in ((PathResolver(tree), "single"), (PathResolver(archive), "pkg.mod")):
        with pytest.raises(LimitExceeded, match="larger than 4 bytes"):
            resolver.find(name)


def test_an_archive_gives_packages_without_an_entry_of_their_own(archive):
    source = PathResolver(archive).find("bare")

    assert (source.text, source.is_package) == (b"", True)


def test_resources_come_from_the_directory_or_archive_of_the_package(tree, archive):
    for element, content in ((tree, b"content"), (archive, b"zipped content")):
        resources = PathResolver(element).find("pkg").resources

        assert resources.read("data/a.txt") == content
        assert resources.read("data/missing") is None
        assert resources.read("data") is None
        assert ("data", True) in resources.children("")
        assert resources.children("data") == [("a.txt", False)]
        assert resources.children("nothing") is None


def test_a_resource_that_is_a_link_out_of_the_element_is_refused(tree):
    (tree.parent / "secret.txt").write_text("secret")
    (tree / "pkg" / "data" / "link.txt").symlink_to(tree.parent / "secret.txt")

    with pytest.raises(PolicyError, match="leads out of it"):
        PathResolver(tree).find("pkg").resources.read("data/link.txt")


# ---- Mappings, functions, chains ----------------------------------------------------------------------------------------


def test_a_mapping_gives_modules_and_the_packages_above_them():
    resolver = MappingResolver({"a.b.c": "X = 1", "single": b"Y = 2"})

    assert resolver.find("a.b.c") == Source("a.b.c", b"X = 1", "<a.b.c>")
    assert (resolver.find("a").text, resolver.find("a").is_package) == (b"", True)
    assert resolver.find("single").is_package is False
    assert resolver.find("a.b.d") is None


def test_a_mapping_is_copied():
    given = {"a": "X = 1"}
    resolver = MappingResolver(given)
    given["os"] = "EVIL = 1"

    assert resolver.find("os") is None


def test_text_with_a_coding_line_means_what_it_says():
    text = "# -*- coding: latin-1 -*-\nX = 'grün'\n"
    names = {}
    exec(compile(MappingResolver({"a": text}).find("a").text, "a", "exec"), names)

    assert names["X"] == "grün"


@pytest.mark.parametrize(
    ("modules", "what"),
    [
        ({"a/b": ""}, "not a module name"),
        ({"pkg.__init__": ""}, "not a module name"),
        ({"__future__": ""}, "not a module name"),
        ({1: ""}, "not a module name"),
        ({"a": 1}, "is a int"),
        ({"a": "# coding: nonsense\n"}, "cannot be encoded"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(modules, what):
    with pytest.raises(PolicyError, match=what):
        MappingResolver(modules)


def test_a_mapping_can_have_resources():
    resources = MappingResolver({"p": ""}, resources={"p/d/x.txt": "x", "p/y": b"y"}).find("p").resources

    assert (resources.read("d/x.txt"), resources.read("y"), resources.read("d")) == (b"x", b"y", None)
    assert resources.children("") == [("d", True), ("y", False)]
    assert resources.children("d") == [("x.txt", False)]
    assert resources.children("e") is None


@pytest.mark.parametrize("key", ["p", "/p/x", "p/../x", "p//x", "p/", 3, "p/\0"])
def test_the_name_of_a_resource_stays_in_its_package(key):
    with pytest.raises(PolicyError, match="name of a resource"):
        MappingResolver({"p": ""}, resources={key: b""})


def test_a_function_can_be_a_resolver():
    source = Source("c", b"", "c.py", is_package=True)
    resolver = CallableResolver({"a": "X = 1", "b": b"Y = 2", "c": source}.get)

    assert resolver.find("a").text == b"X = 1"
    assert resolver.find("b").text == b"Y = 2"
    assert resolver.find("c") is source
    assert resolver.find("d") is None


def test_a_function_never_sees_a_name_that_is_none():
    seen = []
    CallableResolver(seen.append).find("../etc/passwd")

    assert seen == []


def test_a_function_that_returns_something_else_is_reported():
    with pytest.raises(PolicyError, match="Give str or bytes"):
        CallableResolver(lambda name: 3).find("a")
    with pytest.raises(TypeError):
        CallableResolver("a")


def test_a_chain_asks_in_order():
    chain = ChainResolver(MappingResolver({"a": "1"}), MappingResolver({"a": "2", "b": "3"}))

    assert [chain.find(name) and chain.find(name).text for name in "abc"] == [b"1", b"3", None]
    assert isinstance(chain, Resolver)
    with pytest.raises(TypeError, match="find"):
        ChainResolver({})
