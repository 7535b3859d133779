"""How permissions are written, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycage.permissions import (
    AllPermission,
    FilePermission,
    Permission,
    RuntimePermission,
    SocketPermission,
    UnresolvedPermission,
    parse,
)
from pycage.permissions.text import escape, shorten, type_name, unescape


@given(st.text(st.characters(), max_size=20))
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    assert text == unescape(escape(text))


@given(st.text(st.characters(), max_size=20))
def test_escaped_text_is_printable_and_has_no_bare_quote(text: str) -> None:
    escaped = escape(text)

    assert escaped.isprintable()
    assert '"' not in escaped.replace("\\\\", "").replace('\\"', "")


def test_a_name_cannot_forge_the_rest_of_the_text() -> None:
    permission = FilePermission('/x" "read") allowed ("FilePermission" "/y', "write")

    assert r'("FilePermission" "/x\" \"read\") allowed (\"FilePermission\" \"/y" "write")' == str(permission)
    assert permission == parse(str(permission))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/x\nroot: allowed", r"/x\x0aroot: allowed"),
        ("/x\x1b[2J", r"/x\x1b[2J"),
        ("/x\u202etxt.exe", r"/x\u202etxt.exe"),
        ("/x\u2028", r"/x\u2028"),
        ("/x\udcff", r"/x\udcff"),
        ("/x\U000e0041", r"/x\U000e0041"),
        ("/x\\n", r"/x\\n"),
        ("/é/中", "/é/中"),
    ],
)
def test_a_name_cannot_control_a_terminal_or_a_log(name: str, shown: str) -> None:
    permission = FilePermission(name, "read")

    assert f'("FilePermission" "{shown}" "read")' == str(permission)
    assert permission == parse(str(permission))


def test_the_third_part_is_left_out_where_there_are_no_actions() -> None:
    assert '("RuntimePermission" "exitVM.1")' == str(RuntimePermission("exitVM.1"))


def test_actions_are_written_in_canonical_order() -> None:
    assert '("SocketPermission" "h:80" "connect,accept,resolve")' == str(SocketPermission("h:80", "accept,connect"))


@pytest.mark.parametrize(
    ("text", "permission"),
    [
        ('("FilePermission" "/x" "read,write")', FilePermission("/x", "read,write")),
        ('(  "FilePermission"\n"/x"\t"WRITE, read" )', FilePermission("/x", "read,write")),
        ('("RuntimePermission" "a.*")', RuntimePermission("a.*")),
        ('("RuntimePermission" "a.*" "")', RuntimePermission("a.*")),
        ('("AllPermission" "" "")', AllPermission()),
        (r'("FilePermission" "\x2fx\u002fy\U0000002fz" "read")', FilePermission("/x/y/z", "read")),
        ("(unresolved x.Foo n act)", UnresolvedPermission("x.Foo", "n", "act")),
        ('(unresolved x.Foo "a b" "")', UnresolvedPermission("x.Foo", "a b", "")),
    ],
)
def test_the_text_form_is_read(text: str, permission: Permission) -> None:
    assert permission == parse(text)
    assert permission == Permission.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "FilePermission /x read",
        '("FilePermission")',
        '("FilePermission" "/x" "read"',
        '("FilePermission" "/x" "read") ',
        '("FilePermission" "/x" "read" "write")',
        '("FilePermission""/x" "read")',
        '("FilePermission" "/x" "read"))',
        '("FilePermission" "/x\\" "read")',
        '("FilePermission" "/\\q" "read")',
        '("FilePermission" "/\\U00110000" "read")',
        '("FilePermission" "/x" "list")',
        '("FilePermission" "/x")',
        '("SocketPermission" "127.1" "connect")',
        '("java.io.FilePermission" "/x" "read")',
        '("UnresolvedPermission" "x" "y")',
        '("Permission" "x" "y")',
        "(unresolved x.Foo n)",
        "(unresolved x.Foo a b c)",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r'unknown permission type "FilePermision"; known are .*FilePermission'):
        parse('("FilePermision" "/x" "read")')


@pytest.mark.parametrize("wrong", [None, b'("AllPermission" "")', 1])
def test_only_text_is_read(wrong: object) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        parse(wrong)  # type: ignore[arg-type]


def test_error_messages_are_cut_and_escaped() -> None:
    assert 130 > len(shorten("x" * 10_000))
    assert '"\\x1b"' == shorten("\x1b")
    with pytest.raises(ValueError, match="is none of read") as caught:
        FilePermission("/x", "\x1b[2J" * 1000)
    assert str(caught.value).isprintable()
    assert 1000 > len(str(caught.value))


def test_the_name_of_a_type_is_read_without_asking_the_metaclass() -> None:
    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            return "FilePermission"

    assert "Guest" == type_name(Meta("Guest", (), {})())
    assert r"\x1b" == type_name(type("\x1b", (), {})())
