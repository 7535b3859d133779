"""Ground truth: the tables in ``vectors/``, which were produced by running JDK 17.

A row's own values are expected unless ``deviations.json`` names the row; then it is the values of its ``pycage``
column, and the row's recorded values must be those of its ``jdk`` column.  A value that begins with ``!`` is an
exception.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pycage.codesource import CodeSource
from pycage.permissions import (
    AllPermission,
    FilePermission,
    Permission,
    PermissionCollection,
    Permissions,
    PropertyPermission,
    RuntimePermission,
    SecurityPermission,
    SocketPermission,
    UnresolvedPermission,
)

VECTORS = Path(__file__).parent / "vectors"

EXCEPTIONS = {
    "!java.lang.IllegalArgumentException": ValueError,
    "!java.lang.NullPointerException": TypeError,
    "!ValueError": ValueError,
    "!TypeError": TypeError,
}

ROWS = {
    "codesource_implies.json": 235,
    "deviations.json": 14,
    "file_actions.json": 14,
    "file_collection.json": 6,
    "file_implies.json": 1028,
    "permissions_misc.json": 5,
    "property_implies.json": 45,
    "runtime_implies.json": 211,
    "socket_ctor.json": 19,
    "socket_implies.json": 505,
    "tostring.json": 5,
}

Row = dict[str, Any]


def load(file: str) -> list[Row]:
    rows: list[Row] = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    return rows


DEVIATIONS = load("deviations.json")


def is_match(row: Row, match: Row) -> bool:
    return all(field in row and row[field] == value for field, value in match.items())


def cases(file: str, *fields: str) -> list[Any]:
    """Return the rows that have all of ``fields``, with pycage's values in place of Java's."""
    chosen = []
    for row in load(file):
        if set(fields) <= set(row):
            expected = dict(row)
            for deviation in DEVIATIONS:
                if deviation["file"] == file and is_match(row, deviation["match"]):
                    expected |= deviation["pycage"]
            chosen.append(pytest.param(expected, id=" ".join(str(row[field]) for field in fields)))
    return chosen


def outcome(function: Any, *arguments: Any) -> Any:
    """Return what the call returns, or the type of the exception it raises."""
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        return type(error)


def expectation(value: Any) -> Any:
    return EXCEPTIONS[value] if isinstance(value, str) and value.startswith("!") else value


@pytest.mark.parametrize("file", sorted(ROWS))
def test_a_table_has_all_its_rows(file: str) -> None:
    assert ROWS[file] == len(load(file))


def test_there_is_no_table_that_is_not_tested() -> None:
    assert sorted(ROWS) == sorted(path.name for path in VECTORS.glob("*.json"))


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda deviation: f"{deviation['rule']} {deviation['match']}")
def test_a_deviation_names_exactly_one_row_and_what_java_says_there(deviation: Row) -> None:
    rows = [row for row in load(deviation["file"]) if is_match(row, deviation["match"])]

    assert 1 == len(rows)
    assert deviation["jdk"] == {field: rows[0][field] for field in deviation["jdk"]}
    assert deviation["jdk"] != deviation["pycage"]


@pytest.mark.parametrize("row", cases("file_implies.json", "grant", "request"))
def test_file_names_imply_and_equal_as_in_java(row: Row) -> None:
    grant, request = FilePermission(row["grant"], "read"), FilePermission(row["request"], "read")

    assert row["implies"] is grant.implies(request)
    assert row["equals"] is (grant == request)
    assert row["implies"] is Permissions([grant]).implies(request)


@pytest.mark.parametrize("row", cases("file_actions.json", "actions"))
def test_file_actions_are_read_as_in_java(row: Row) -> None:
    actual = outcome(lambda: FilePermission("/x", row["actions"]).actions)

    assert expectation(row["canonical"]) == actual


@pytest.mark.parametrize("row", cases("file_actions.json", "name"))
def test_file_names_are_accepted_as_in_java(row: Row) -> None:
    actual = outcome(lambda: str(FilePermission(row["name"], "read")))

    assert expectation(row["canonical"]) == actual


def file_permission(text: str) -> FilePermission:
    name, _, actions = text.strip().rpartition(":")
    return FilePermission(name, actions)


@pytest.mark.parametrize("row", cases("file_collection.json", "grants"))
def test_a_collection_of_files_adds_up_actions_as_in_java(row: Row) -> None:
    grants = [file_permission(text) for text in row["grants"].split(";")]
    request = file_permission(row["request"])

    assert row["implies"] is PermissionCollection(FilePermission, grants).implies(request)
    assert row["implies"] is Permissions(grants).implies(request)


@pytest.mark.parametrize("row", cases("runtime_implies.json", "grant", "request"))
def test_dotted_names_imply_and_equal_as_in_java(row: Row) -> None:
    grant, request = RuntimePermission(row["grant"]), RuntimePermission(row["request"])

    assert row["implies"] is grant.implies(request)
    assert row["collection_implies"] is PermissionCollection(RuntimePermission, [grant]).implies(request)
    assert row["equals"] is (grant == request)


@pytest.mark.parametrize("row", cases("runtime_implies.json", "ctor"))
def test_dotted_names_are_accepted_as_in_java(row: Row) -> None:
    assert expectation(row["ctor"]) == outcome(RuntimePermission, row["name"])


def property_permission(text: str) -> PropertyPermission:
    name, _, actions = text.strip().rpartition(":")
    return PropertyPermission(name, actions)


@pytest.mark.parametrize("row", cases("property_implies.json", "grant", "request"))
def test_properties_imply_as_in_java(row: Row) -> None:
    assert row["implies"] is property_permission(row["grant"]).implies(property_permission(row["request"]))


@pytest.mark.parametrize("row", cases("property_implies.json", "grants"))
def test_a_collection_of_properties_adds_up_actions_as_in_java(row: Row) -> None:
    grants = [property_permission(text) for text in row["grants"].split(";")]

    assert row["implies"] is Permissions(grants).implies(property_permission(row["request"]))


def socket_permission(text: str) -> SocketPermission:
    name, _, actions = text.rpartition("|")
    return SocketPermission(name, actions)


@pytest.mark.parametrize("row", cases("socket_implies.json", "grant", "request"))
def test_sockets_imply_as_in_java(row: Row) -> None:
    grant, request = socket_permission(row["grant"]), socket_permission(row["request"])

    assert row["implies"] is grant.implies(request)
    assert row["implies"] is Permissions([grant]).implies(request)


@pytest.mark.parametrize("row", cases("socket_ctor.json", "host"))
def test_hosts_are_accepted_as_in_java(row: Row) -> None:
    permission = outcome(SocketPermission, row["host"], "connect")

    actual = permission if isinstance(permission, type) else f"{permission.name}|{permission.actions}"
    assert expectation(row["result"]) == actual


@pytest.mark.parametrize("row", cases("socket_ctor.json", "actions"))
def test_socket_actions_are_read_as_in_java(row: Row) -> None:
    actual = outcome(lambda: SocketPermission("h", row["actions"]).actions)

    assert expectation(row["result"]) == actual


@pytest.mark.parametrize("row", cases("codesource_implies.json", "grant", "request"))
def test_code_sources_imply_as_in_java(row: Row) -> None:
    assert row["implies"] is CodeSource(row["grant"]).implies(CodeSource(row["request"]))


TEXTS: dict[str, Permission] = {
    "java.lang.RuntimePermission": RuntimePermission("exitVM.1"),
    "java.util.PropertyPermission": PropertyPermission("a", "write,read"),
    "java.net.SocketPermission": SocketPermission("h:80", "connect"),
    "java.security.AllPermission": AllPermission(),
    "java.security.SecurityPermission": SecurityPermission("getPolicy"),
}


@pytest.mark.parametrize("row", cases("tostring.json", "class"))
def test_permissions_are_written_as_in_java_but_for_the_name_of_the_type(row: Row) -> None:
    permission = TEXTS[row["class"]]

    assert (row["toString"], row["name"], row["actions"]) == (str(permission), permission.name, permission.actions)


MISCELLANEOUS: dict[str, Any] = {
    "RuntimePermission * implies SecurityPermission": lambda: RuntimePermission("*").implies(SecurityPermission("x")),
    "Unresolved resolves to RuntimePermission x": lambda: Permissions(
        [UnresolvedPermission("RuntimePermission", "x")]
    ).implies(RuntimePermission("x")),
    "Unresolved.implies self": lambda: (lambda p: p.implies(p))(UnresolvedPermission("RuntimePermission", "x")),
    "Permissions.implies(null)": lambda: Permissions([AllPermission()]).implies(None),  # type: ignore[arg-type]
    "Permissions.add(null)": lambda: Permissions().add(None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("row", cases("permissions_misc.json", "case"))
def test_the_remaining_cases_are_as_in_java(row: Row) -> None:
    assert expectation(row["v"]) == outcome(MISCELLANEOUS[row["case"]])


def test_every_row_is_a_case() -> None:
    """A misspelt column would leave rows out without a word."""
    columns = {
        "codesource_implies.json": ["grant"],
        "file_actions.json": ["actions", "name"],
        "file_collection.json": ["grants"],
        "file_implies.json": ["grant"],
        "permissions_misc.json": ["case"],
        "property_implies.json": ["grant", "grants"],
        "runtime_implies.json": ["grant", "ctor"],
        "socket_ctor.json": ["host", "actions"],
        "socket_implies.json": ["grant"],
        "tostring.json": ["class"],
    }

    for file, fields in columns.items():
        assert ROWS[file] == sum(len(cases(file, field)) for field in fields), file
