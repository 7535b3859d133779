"""Colours and tables are for terminals; text that is not pycage's own is never markup, and never moves the cursor."""

from __future__ import annotations

import io

import pytest
from pycage.cli.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def rich():
    return pytest.importorskip("rich")


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch):
    """Return what puts both streams on a terminal; to be called in the test, because pytest sets them before it."""

    def attach() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr("sys.stdout", stream)
        monkeypatch.setattr("sys.stderr", stream)
        return stream

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return attach


def test_a_terminal_gets_colours_and_a_table(rich, at_terminal) -> None:
    terminal = at_terminal()
    console = Console()
    console.line("bad", "error")
    console.table(("one", "two"), [("1", "2")])

    assert "\x1b[1;31mbad\x1b[0m" in terminal.getvalue()
    assert "\x1b[1m" in terminal.getvalue().partition("bad")[2]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colours_gets_none(at_terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    terminal = at_terminal()
    console = Console()
    console.line("bad", "error")
    console.table(("one", "two"), [("1", "22")])
    assert list(console.progress([1, 2], "counting")) == [1, 2]

    assert terminal.getvalue() == "bad\none  two\n1    22\n"


def test_a_pipe_gets_no_colours(rich, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    Console().line("bad", "error")

    assert stream.getvalue() == "bad\n"


def test_text_is_neither_markup_nor_control_characters(rich, at_terminal) -> None:
    terminal = at_terminal()
    console = Console()
    console.line("[red]x[/red] \x1b]0;title\x07", "error")
    console.table(("[b]head",), [("[link=x]\x1b[2J",)])

    shown = terminal.getvalue()
    assert "[red]x[/red]" in shown
    assert "[link=x]" in shown
    assert "\x1b]0" not in shown
    assert "\x1b[2J" not in shown


def test_progress_passes_everything_on(rich, at_terminal) -> None:
    at_terminal()
    assert list(Console().progress(iter("abc"), "going", "abc")) == ["a", "b", "c"]
    assert list(Console(as_json=True).progress(iter("abc"), "going")) == ["a", "b", "c"]
