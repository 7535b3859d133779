"""`FilePermission`, beyond the tables that come from Java."""

from __future__ import annotations

import itertools
import posixpath

import pytest
from hypothesis import given
from strategies import path_names

from pycage.permissions import FilePermission, Permissions, parse
from pycage.permissions.paths import PathPattern

# A small file system, deep enough that no two patterns below differ only beyond its end.
PATHS = ["/", *("/" + "/".join(path) for depth in range(1, 5) for path in itertools.product("ab", repeat=depth))]
PATTERNS = [
    *PATHS[:7],
    *("/*", "/-", "/a/*", "/a/-", "/b/*", "/b/-", "/a/a/*", "/a/a/-", "/a/b/-"),
    "<<ALL FILES>>",
]


def read(name: str) -> FilePermission:
    return FilePermission(name, "read")


def paths_of(pattern: str) -> set[str]:
    """Say by hand which paths of the small file system a pattern stands for."""
    if pattern == "<<ALL FILES>>":
        return {*PATHS, "somewhere else"}
    if not pattern.endswith(("/*", "/-")):
        return {pattern}
    directory = pattern[:-1]
    below = {path for path in PATHS if path.startswith(directory) and path != directory}
    return below if pattern.endswith("-") else {path for path in below if "/" not in path[len(directory) :]}


@pytest.mark.parametrize("grant", PATTERNS)
@pytest.mark.parametrize("request_name", PATTERNS)
def test_a_name_implies_another_if_it_stands_for_all_of_its_paths(grant: str, request_name: str) -> None:
    assert (paths_of(request_name) <= paths_of(grant)) is read(grant).implies(read(request_name))


@pytest.mark.parametrize("rule", PATTERNS)
@pytest.mark.parametrize("request_name", PATTERNS)
def test_a_deny_rule_touches_a_request_if_they_share_a_path(rule: str, request_name: str) -> None:
    assert bool(paths_of(rule) & paths_of(request_name)) is read(rule).overlaps(read(request_name))


def exact_base(name: str) -> str:
    """Normalise a name; the dot at the end keeps a wildcard from being one."""
    return PathPattern.parse(name + "/." if name else ".").base


@given(path_names())
def test_normalising_is_idempotent_and_agrees_with_the_library(name: str) -> None:
    """The library keeps two slashes at the beginning, as POSIX allows; to Linux they are one."""
    library = posixpath.normpath(name)
    library = "/" + library.lstrip("/") if library.startswith("/") else library

    assert ("" if library == "." else library) == exact_base(name)
    assert exact_base(name) == exact_base(exact_base(name))


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("/srv/-", "/srv/../etc/passwd"),
        ("/srv/-", "/srv/a/../../etc/passwd"),
        ("/srv/-", "//etc/passwd"),
        ("/srv/-", "/srv2/x"),
        ("/srv/-", "/srv-/x"),
        ("/srv/-", "/srv"),
        ("/srv/-", "/SRV/x"),
        ("/srv/-", "srv/x"),
        ("/srv/*", "/srv/a/b"),
        ("/srv/*", "/srv/a/.."),
        ("/srv", "/srv/x"),
        ("-", "/etc/passwd"),
        ("-", "../x"),
        ("a/-", "a/../../x"),
        ("/a*", "/ab"),
        ("/*.txt", "/a.txt"),
    ],
)
def test_a_grant_does_not_reach_out_of_its_directory(grant: str, request_name: str) -> None:
    assert not read(grant).implies(read(request_name))


@pytest.mark.parametrize(
    ("grant", "request_name"),
    [
        ("/srv/-", "/srv/a/b/c"),
        ("/srv/-", "/srv/a/../b"),
        ("/srv/-", "/etc/../srv/x"),
        ("/srv/-", "//srv//x"),
        ("/srv/*", "/srv/a"),
        ("/srv/*", "/srv/.hidden"),
        ("/-", "/etc"),
        ("-", "a/b"),
        ("../-", "x"),
        ("../../*", ".."),
        ("<<ALL FILES>>", "/etc/passwd"),
        ("<<ALL FILES>>", "relative"),
    ],
)
def test_a_grant_reaches_what_is_in_its_directory(grant: str, request_name: str) -> None:
    assert read(grant).implies(read(request_name))


@pytest.mark.parametrize("name", ["/srv/x\0.png", "\0", "x\0"])
def test_nul_is_refused(name: str) -> None:
    """The kernel would stop reading at the NUL; V2 of the deviations from Java, and CVE-2023-41105."""
    with pytest.raises(ValueError, match="cannot contain NUL"):
        read(name)


def test_all_actions_must_be_granted() -> None:
    held = FilePermission("/x", "read,write")

    assert held.implies(FilePermission("/x", "write"))
    assert not held.implies(FilePermission("/x", "write,delete"))
    assert not held.implies(FilePermission("/x", "readlink"))


@pytest.mark.parametrize("name", ["*", "-", "/tmp/*", "/tmp/-", "a/-", "<<ALL FILES>>", "/tmp/x", "", "/", "a*"])
def test_an_exact_permission_is_never_a_pattern(name: str) -> None:
    exact = FilePermission.exact(name, "read")

    assert not exact.implies(FilePermission(name.replace("*", "x").replace("-", "x/y") + "/more", "read"))
    assert not exact.implies(FilePermission("/tmp/x/y", "read"))
    assert exact == parse(str(exact))


def test_a_file_that_is_called_like_a_wildcard_needs_only_a_grant_for_its_directory() -> None:
    """A request for a pattern would need more: /tmp/- stands for everything below /tmp."""
    held = Permissions([read("/tmp/*")])

    assert held.implies(FilePermission.exact("/tmp/-", "read"))
    assert held.implies(FilePermission.exact("/tmp/*", "read"))
    assert not held.implies(read("/tmp/-"))
    assert not Permissions([read("/tmp")]).implies(FilePermission.exact("/tmp/-", "read"))


def test_an_exact_permission_checks_its_argument() -> None:
    with pytest.raises(TypeError, match="name must be a str"):
        FilePermission.exact(None, "read")  # type: ignore[arg-type]


def test_actions_are_taken_away_where_the_name_is_covered() -> None:
    held = FilePermission("/srv/a/-", "read,write,delete")

    assert FilePermission("/srv/a/-", "read") == held.without(FilePermission("/srv/-", "write,delete,execute"))
    assert held.without(FilePermission("<<ALL FILES>>", "read,write,delete")) is None
    assert held.without(FilePermission("/srv/-", "execute")) is held


def test_a_hole_is_not_cut_into_a_tree() -> None:
    """It could not be written as a permission; this is what deny rules are for."""
    held = FilePermission("/srv/-", "read")
    hole = FilePermission("/srv/private/-", "read")

    assert held.without(hole) is held
    assert hole.overlaps(held)


def test_a_deny_rule_touches_a_request_for_several_actions_or_a_whole_tree() -> None:
    rule = FilePermission("/etc/shadow", "read")

    assert rule.overlaps(FilePermission("/etc/shadow", "read,write"))
    assert rule.overlaps(FilePermission("/-", "read"))
    assert not rule.overlaps(FilePermission("/etc/shadow", "write"))
    assert not rule.overlaps(FilePermission("/etc/passwd", "read"))


def test_it_splits_into_single_actions() -> None:
    parts = FilePermission("/x", "delete,read").split()

    assert (read("/x"), FilePermission("/x", "delete")) == parts
    assert (read("/x"),) == read("/x").split()
