"""`input` and `sys.stdin` of a sandbox: the host's standard input, for who may read it."""

from __future__ import annotations

import io

import pycage
import pytest
from pycage import AccessDenied, RuntimePermission, Sandbox

MAY_READ = RuntimePermission("readStandardInput")

READS = {
    "input()": "first",
    "import sys; sys.stdin.readline()": "first\n",
    "import sys; sys.stdin.read(3)": "fir",
    "import sys; sys.stdin.read()": "first\nlast",
    "import sys; sys.stdin.readlines()": ["first\n", "last"],
    "import sys; [line for line in sys.stdin]": ["first\n", "last"],
    "import sys; next(sys.stdin)": "first\n",
    "import sys; list(map(sys.stdin.readline, [2, None]))": ["fi", "rst\n"],
}


@pytest.fixture(autouse=True)
def standard_input(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO("first\nlast")
    monkeypatch.setattr("sys.stdin", stream)
    return stream


@pytest.mark.parametrize("source", READS)
def test_standard_input_is_read_by_who_may(source: str) -> None:
    with Sandbox("reader", permissions=[MAY_READ]) as sandbox:
        assert READS[source] == sandbox.run(source).value


@pytest.mark.parametrize("source", READS)
def test_standard_input_is_not_read_by_others(source: str, standard_input: io.StringIO) -> None:
    with Sandbox("reader") as sandbox, pytest.raises(AccessDenied, match="readStandardInput"):
        sandbox.run(source)

    assert standard_input.tell() == 0


def test_a_method_that_the_host_calls_later_is_still_the_sandboxes(standard_input: io.StringIO) -> None:
    with Sandbox("reader") as sandbox:
        lines = sandbox.run("import sys; sys.stdin.readline").value

        with pytest.raises(AccessDenied, match="readStandardInput"):
            lines()

    assert standard_input.tell() == 0


def test_input_prompts_and_says_where_it_ends() -> None:
    with Sandbox("reader", permissions=[MAY_READ]) as sandbox:
        assert sandbox.run("input('name? ')").stdout == "name? "
        with pytest.raises(EOFError):
            sandbox.run("input(); input()")


def test_the_size_is_an_exact_number(standard_input: io.StringIO) -> None:
    source = "import sys\nclass Size(int): pass\nsys.stdin.read(Size(3))"
    with Sandbox("reader", permissions=[MAY_READ]) as sandbox, pytest.raises(TypeError, match="must be an int"):
        sandbox.run(source)

    assert standard_input.tell() == 0


def test_there_is_no_descriptor_to_read_past_the_permission() -> None:
    with Sandbox("reader", permissions=[MAY_READ]) as sandbox, pytest.raises(io.UnsupportedOperation):
        sandbox.run("import sys; sys.stdin.fileno()")


def test_no_standard_input_is_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pycage.Sandbox("reader", permissions=[MAY_READ]) as sandbox:
        assert sandbox.run("import sys; sys.stdin.read()").value == ""
