"""What people do wrong first is refused at once, and the message says what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycage import (
    EnvPermission,
    FilePermission,
    ImportDenied,
    MappingResolver,
    ModuleMissingError,
    Sandbox,
    SocketPermission,
    rules,
    vetted,
)

READ = FilePermission("/srv/a", "read")


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ("plugins", "PathResolver(path)"),
        (Path("plugins"), "PathResolver(path)"),
        (["plugins"], "PathResolver(first, second)"),
        ({"plugin": "X = 1"}, "MappingResolver(sources)"),
        (lambda _: None, "CallableResolver(function)"),
    ],
)
def test_what_is_no_resolver_is_refused_before_there_is_a_sandbox(given: object, instead: str) -> None:
    with pytest.raises(TypeError) as raised:
        Sandbox("mistaken", resolver=given)  # type: ignore[arg-type]  # the mistake

    assert instead in str(raised.value)


@pytest.mark.parametrize("word", ["sandbox_policy", "host_policy"])
@pytest.mark.parametrize("given", ["allow json", ["allow json"], {"json"}])
def test_what_is_no_loader_policy_is_refused_before_there_is_a_sandbox(word: str, given: object) -> None:
    with pytest.raises(TypeError, match=rf'{word} is a loader policy, not \w+; write rules\("allow json"'):
        Sandbox("mistaken", **{word: given})  # type: ignore[arg-type]  # the mistake


def test_resolvers_and_loader_policies_of_the_programs_own_are_good() -> None:
    class Nothing:
        def find(self, _name: str, /) -> None:
            return None

    class Anything:
        def allows_module(self, _name: str, /) -> bool:
            return True

        def allows_resource(self, _name: str, /) -> bool:
            return True

    with Sandbox("own_parts", resolver=Nothing(), sandbox_policy=Anything(), host_policy=Anything()) as sandbox:
        assert sandbox.run("import json; json.dumps(1)").value == "1"


@pytest.mark.parametrize("given", [READ, 'FilePermission "/srv/a" "read"'])
def test_one_permission_without_a_list_is_told_to_be_put_into_brackets(given: object) -> None:
    with pytest.raises(TypeError, match=r"permissions=\[\.\.\.\]"):
        Sandbox("mistaken", permissions=given)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ([READ], "with a star in front"),
        ((READ,), "with a star in front"),
        ('FilePermission "/srv/a" "read"', "parse(text)"),
        (FilePermission, "call it"),
        (3, "register_permission_type()"),
    ],
)
def test_a_grant_of_something_else_says_what_to_pass(given: object, instead: str) -> None:
    with Sandbox("granted") as sandbox:
        with pytest.raises(TypeError) as raised:
            sandbox.grant(given)  # type: ignore[arg-type]  # the mistake

        assert instead in str(raised.value)
        assert list(sandbox.permissions) == []


def test_a_url_is_told_from_a_host() -> None:
    with pytest.raises(ValueError, match=r"is a URL; write the host and the port, as in example\.com:443"):
        SocketPermission("https://example.com/", "connect")


def test_a_module_that_nobody_finds_is_told_to_need_a_resolver() -> None:
    with Sandbox("bare") as sandbox, pytest.raises(ImportDenied) as raised:
        sandbox.load("plugin")

    assert "give the sandbox a resolver that finds it" in raised.value.__notes__[-1]
    assert "vetted(...)" in raised.value.__notes__[0]


def test_a_module_that_the_rules_refuse_is_told_to_need_a_rule() -> None:
    own = MappingResolver({"plugin": "X = 1"})

    with Sandbox("ruled", resolver=own, sandbox_policy=rules("allow other")) as sandbox:
        with pytest.raises(ImportDenied) as raised:
            sandbox.load("plugin")

    assert "to the sandbox loader policy" in raised.value.__notes__[-1]
    assert "resolver" not in raised.value.__notes__[-1]


def test_vetted_adds_to_what_a_sandbox_has_anyway_and_takes_from_it() -> None:
    with Sandbox(
        "more", host_policy=vetted("allow pytest", "deny csv"), permissions=[EnvPermission("*", "read")]
    ) as box:
        assert box.run("import json, pytest; json.dumps(pytest.__name__)").value == '"pytest"'
        for name in ("csv", "gc", "ctypes.macholib"):
            with pytest.raises(ImportDenied):
                box.run(f"import {name}")


def test_a_file_in_place_of_source_or_of_a_module_is_told() -> None:
    with Sandbox("told", resolver=MappingResolver({"plugin": "X = 1"})) as sandbox:
        with pytest.raises(TypeError, match="of a file: its text"):
            sandbox.run(Path("plugin.py"))  # type: ignore[arg-type]  # the mistake
        with pytest.raises(ModuleMissingError, match="name the module, not its file"):
            sandbox.load("plugin.py")
        assert sandbox.load("plugin").X == 1


@pytest.mark.parametrize("name", ["/srv/*.txt", "/srv/**", "/srv/"])
def test_other_patterns_are_names_of_one_file(name: str) -> None:
    assert not FilePermission(name, "read").implies(FilePermission("/srv/a.txt", "read"))
