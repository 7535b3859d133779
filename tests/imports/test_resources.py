"""Resources of a sandbox's own packages: inside, outside, and what the loader policy does not allow."""

from __future__ import annotations

import importlib.resources

import pytest
from pycage.errors import AccessDenied
from pycage.imports import MappingResolver, PathResolver, rules

FILES = {"pkg/data/a.txt": "grün", "pkg/data/secret.txt": "secret", "pkg/top.bin": b"\0\1", "pkg/data/deep/b.txt": "b"}
POLICY = rules("allow *", "allow resource *", "deny resource data/secret.txt", "deny resource data/gone.txt")


@pytest.fixture
def sandbox(box):
    return box(resolver=MappingResolver({"pkg": "", "pkg.mod": "", "single": ""}, resources=FILES), scp=POLICY)


def test_the_host_reads_resources_with_importlib(sandbox):
    files = importlib.resources.files(sandbox.loader.load("pkg"))

    assert (files / "data" / "a.txt").read_text(encoding="utf-8") == "grün"
    assert files.joinpath("data/a.txt").read_text() == "grün"
    assert files.joinpath("top.bin").read_bytes() == b"\0\1"
    with files.joinpath("data", "a.txt").open("rb") as file:
        assert file.read().decode() == "grün"
    with files.joinpath("data", "a.txt").open() as file:
        assert file.read() == "grün"


def test_the_sandbox_reads_its_own_resources(sandbox):
    result = sandbox.run(
        "import importlib.resources as r, pkg\nfrom importlib.resources import files\n"
        "a = (files('pkg') / 'data' / 'a.txt').read_text()\nb = r.read_binary(pkg, 'top.bin')\n"
        "c = sorted(x.name for x in files(pkg).joinpath('data').iterdir())\nd = r.is_resource('pkg', 'top.bin')\n"
        "e = r.read_text('pkg', 'data', 'deep', 'b.txt')"
    )

    assert [result[name] for name in "abcde"] == ["grün", b"\0\1", ["a.txt", "deep"], True, "b"]


@pytest.mark.parametrize("name", ["data/secret.txt", "data/gone.txt"])
def test_a_denied_resource_is_denied_whether_it_exists_or_not(sandbox, name):
    with pytest.raises(AccessDenied, match=f"^resource access denied: pkg/{name}$"):
        sandbox.run(f"from importlib.resources import files\n(files('pkg') / {name!r}).read_text()")
    with pytest.raises(AccessDenied):
        importlib.resources.files(sandbox.loader.load("pkg")).joinpath(name).read_bytes()
    with pytest.raises(AccessDenied):
        importlib.resources.files(sandbox.loader.load("pkg")).joinpath(name).open()


def test_a_denied_resource_is_no_file_and_not_listed(sandbox):
    data = importlib.resources.files(sandbox.loader.load("pkg")).joinpath("data")

    assert data.joinpath("secret.txt").is_file() is False
    assert sorted(entry.name for entry in data.iterdir()) == ["a.txt", "deep"]


def test_resources_have_the_default_of_the_policy(box):
    sandbox = box(resolver=MappingResolver({"pkg": ""}, resources=FILES), scp=rules("allow pkg"))

    with pytest.raises(AccessDenied):
        importlib.resources.files(sandbox.loader.load("pkg")).joinpath("top.bin").read_bytes()


def test_a_missing_resource_that_is_allowed_is_not_found(sandbox):
    files = importlib.resources.files(sandbox.loader.load("pkg"))

    with pytest.raises(FileNotFoundError):
        files.joinpath("nothing").read_bytes()
    with pytest.raises(NotADirectoryError):
        files.joinpath("nothing").iterdir()
    assert (files.joinpath("nothing").is_dir(), files.joinpath("data").is_dir(), files.is_dir()) == (False, True, True)


@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd", "data/../../x", "", ".", "a//b", "a\\b", "a\0"])
def test_a_path_does_not_leave_the_package(sandbox, path):
    with pytest.raises(ValueError, match="not the name of a resource"):
        importlib.resources.files(sandbox.loader.load("pkg")).joinpath(path)


def test_a_path_object_with_code_of_its_own_is_refused(sandbox):
    class Evil(str):
        def split(self, sep):
            return ["data", "secret.txt"]

    with pytest.raises(TypeError):
        importlib.resources.files(sandbox.loader.load("pkg")).joinpath(Evil("data"))


def test_a_resource_is_opened_for_reading_only(sandbox):
    resource = importlib.resources.files(sandbox.loader.load("pkg")).joinpath("top.bin")

    for mode in ("w", "a", "r+", "wb"):
        with pytest.raises(ValueError, match="mode"):
            resource.open(mode)


def test_the_types_behind_resources_cannot_be_derived_from(sandbox):
    module = sandbox.loader.load("pkg")
    reader = module.__loader__.get_resource_reader("pkg")

    for thing in (reader, reader.files(), module.__loader__):
        with pytest.raises(TypeError):
            type("Thief", (type(thing),), {})


def test_files_serves_the_sandboxs_own_packages_only(box):
    """D193."""
    sandbox = box({"single": ""}, hcp=rules("allow json"))

    assert importlib.resources.files("json").joinpath("decoder.py").read_text()  # control
    for anchor in ("'json'", "json", "None", "3", "'single'"):
        with pytest.raises(TypeError):
            sandbox.run(f"import json\nfrom importlib.resources import files\nfiles({anchor})")
    with pytest.raises(AccessDenied):
        sandbox.run("from importlib.resources import files\nfiles('os')")


def test_the_virtual_importlib_has_nothing_else(sandbox):
    names = sandbox.run("import importlib, importlib.resources")["importlib"]

    assert {name for name in vars(names) if not name.startswith("__")} == {
        "import_module",
        "invalidate_caches",
        "resources",
    }
    for source in ("import importlib.abc", "import importlib.simple", "import importlib._bootstrap"):
        with pytest.raises(AccessDenied):
            sandbox.run(source)


def test_reading_is_privileged_and_asks_every_time(box):
    asked = []

    class Policy:
        def allows_module(self, name):
            return True

        def allows_resource(self, name):
            asked.append((name, sandbox.depth))
            return len(asked) == 1

    sandbox = box(resolver=MappingResolver({"pkg": ""}, resources=FILES), scp=Policy())
    resource = importlib.resources.files(sandbox.loader.load("pkg")).joinpath("top.bin")
    resource.read_bytes()
    with pytest.raises(AccessDenied):
        resource.read_bytes()

    assert asked == [("pkg/top.bin", 1)] * 2


def test_resources_of_a_directory_are_read_through_the_path_resolver(box, tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "a.txt").write_text("content")
    (tmp_path / "outside").write_text("secret")
    sandbox = box(resolver=PathResolver(tmp_path))
    files = importlib.resources.files(sandbox.loader.load("pkg"))

    assert files.joinpath("a.txt").read_text() == "content"
    assert [entry.name for entry in files.iterdir() if entry.is_file()] == ["__init__.py", "a.txt"]
