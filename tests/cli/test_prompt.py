"""`--prompt` and `repl` at a terminal."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pycage as library
import pytest
from pycage import EnvPermission, FilePermission, Sandbox
from pycage.cli.prompting import ANSWERS, Prompter

READ = "import os; print(os.environ.get('PYCAGE_TEST'))"


class Person:
    """Sits at the other end of a terminal, reads what is shown, and types."""

    def __init__(self) -> None:
        self.end, self.terminal = pty.openpty()
        attributes = termios.tcgetattr(self.terminal)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.terminal, termios.TCSANOW, attributes)
        self.shown = ""

    def until(self, text: str) -> None:
        while text not in self.shown:
            try:
                data = os.read(self.end, 4096)
            except OSError:  # nobody is there any more
                data = b""
            assert data, f"{text!r} was never shown, but {self.shown!r}"
            self.shown += data.decode()

    def types(self, text: str) -> None:
        os.write(self.end, text.encode())

    def rest(self) -> str:
        """Return all that is shown until nobody has the terminal open."""
        while True:
            try:
                data = os.read(self.end, 4096)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode()
        return self.shown

    def answers(self, *lines: str) -> threading.Thread:
        """Type a line whenever one is asked for."""

        def answer() -> None:
            for line in lines:
                self.until("[d] ")
                self.shown = self.shown.partition("[d] ")[2]
                self.types(line)

        thread = threading.Thread(target=answer)
        thread.start()
        return thread

    def leaves(self) -> None:
        for descriptor in (self.end, self.terminal):
            try:
                os.close(descriptor)
            except OSError:
                pass


@pytest.fixture
def person():
    there = Person()
    yield there
    there.leaves()


@pytest.fixture
def asked(person, monkeypatch):
    """A sandbox whose requests a person answers."""
    monkeypatch.setenv("PYCAGE_TEST", "x")
    with Sandbox("asked") as sandbox, open(person.terminal, "w", closefd=False) as out:
        sandbox.on_request(Prompter(person.terminal, out))
        yield sandbox


@pytest.mark.parametrize(
    ("typed", "now", "later"),
    [("o\n", True, "prompt"), ("hour\n", True, "granted"), ("A\n", True, "granted"), ("d\n", False, "prompt"), ("n\n", False, "denied")],
)  # fmt: skip
def test_an_answer_holds_as_long_as_it_says(person, asked: Sandbox, typed: str, now: bool, later: str) -> None:
    thread = person.answers(typed)

    try:
        allowed = asked.run("import os; os.environ['PYCAGE_TEST']; True").value
    except KeyError:
        allowed = False
    thread.join()

    assert now is allowed
    assert later == asked.query(EnvPermission("PYCAGE_TEST", "read"))


@pytest.mark.parametrize("typed", [["\n"], ["\x04"], ["maybe\n", "what\n", "yes please\n"]])
def test_everything_else_means_no(person, asked: Sandbox, typed: list[str]) -> None:
    thread = person.answers(*typed)

    with pytest.raises(KeyError):
        asked.run("import os; os.environ['PYCAGE_TEST']")
    thread.join()


def test_what_was_typed_before_the_question_is_no_answer(person, asked: Sandbox) -> None:
    person.types("always\n")
    thread = person.answers("d\n")

    with pytest.raises(KeyError):
        asked.run("import os; os.environ['PYCAGE_TEST']")
    thread.join()


def test_the_end_of_the_time_means_no(person, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox("asked") as sandbox:
        sandbox.on_request(Prompter(person.terminal, io.StringIO(), timeout=0.01))
        with pytest.raises(library.AccessDenied) as caught:
            sandbox.run("open('/etc/hosts')")

    assert "nobody answered" in "".join(caught.value.__notes__)


def test_what_is_asked_for_cannot_write_on_the_terminal() -> None:
    out = io.StringIO()
    read, write = os.pipe()
    os.write(write, b"d\n")
    try:
        with Sandbox("asked", permissions=[FilePermission("/srv/-", "read")]) as sandbox:
            sandbox.on_request(Prompter(read, out))
            with pytest.raises(library.AccessDenied):
                sandbox.run(r"open('/etc/\x1b[2J\x1b]0;title\x07\u202ehosts\r\nallow')")
    finally:
        os.close(read)
        os.close(write)

    shown = out.getvalue().removeprefix("\r\x1b[0m\n")
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert "\\x1b[2J" in shown


def test_without_a_terminal_nobody_is_asked_and_nothing_waits(pycage) -> None:
    pycage.monkeypatch.setattr("sys.stdin", io.StringIO("always\n"))

    called = pycage("run", "--prompt", "-c", "open('/etc/hosts')")

    assert called.code == 77
    assert "always" not in called.err
    assert sys.stdin.tell() == 0


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "x"])
def test_the_timeout_is_a_positive_number(pycage, seconds: str) -> None:
    assert pycage("run", "--prompt", f"--prompt-timeout={seconds}", "-c", "pass").code == 2


def test_there_is_one_letter_for_each_answer() -> None:
    assert len({word[0] for word in ANSWERS}) == len(ANSWERS)


# ---- As processes ----------------------------------------------------------------------------------------------------


def started(person: Person, directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pycage", *arguments],
        cwd=directory, stdin=person.terminal, stdout=person.terminal, stderr=person.terminal,
        env={**os.environ, "PYCAGE_TEST": "x", "TERM": "dumb"},
    )  # fmt: skip
    os.close(person.terminal)
    return process


def test_a_script_asks_at_its_terminal(person, pycage) -> None:
    pycage.write("script.py", READ + "\n" + READ + "\nprint('done', input())\n")

    with started(person, pycage.directory, "run", "--prompt", "script.py") as process:
        person.until("[d] ")
        person.types("hour\n")
        person.until("x\r\nx\r\n")
        person.types("typed\n")
        person.until("done typed")

    assert process.returncode == 0
    assert person.shown.count("asks for") == 1


def test_the_console_shows_values_takes_blocks_and_survives_errors(person, pycage) -> None:
    with started(person, pycage.directory, "repl") as process:
        for typed, shown in (
            ("x = 20", ">>> "),
            ("x + 1", "21"),
            ("_ * 2", "42"),
            ("for i in range(2):\n    print('at', i)\n", "at 1"),
            ("1 / 0", "ZeroDivisionError"),
            ("open('/etc/hosts')", "to allow it: --allow-read=/etc/hosts"),
            ("exit(7)", ""),
        ):
            person.types(typed + "\n")
            person.until(shown)
        person.rest()

    assert process.returncode == 7
