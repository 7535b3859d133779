"""Tracebacks of sandboxed code show its source, and nobody else's."""

from __future__ import annotations

import linecache
import traceback

import pycage
import pytest
from pycage.source_lines import RESERVED, SourceLines


def formatted(action):
    with pytest.raises(Exception) as caught:
        action()
    return "".join(traceback.format_exception(caught.value))


@pytest.fixture
def sandbox():
    modules = {"plugin": "def half(x):\n    # by zero\n    return 1 / x\n", "pack": "", "pack.inner": "x = {}['key']\n"}
    with pycage.Sandbox("lines", resolver=pycage.MappingResolver(modules)) as made:
        yield made


def registered():
    return [name for name in linecache.cache if isinstance(name, str) and name.startswith(RESERVED)]


def test_a_traceback_of_a_run_shows_its_lines(sandbox):
    text = formatted(lambda: sandbox.run("def f(x):\n    return x['missing']\nf({})"))

    assert '  File "<sandbox "lines">", line 2, in f\n    return x[\'missing\']\n' in text
    assert '  File "<sandbox "lines">", line 3, in <module>\n    f({})\n' in text


def test_a_traceback_of_a_loaded_module_shows_its_lines(sandbox):
    plugin = sandbox.load("plugin")

    assert '  File "<sandbox "lines": plugin>", line 3, in half\n    return 1 / x\n' in formatted(
        lambda: plugin.half(0)
    )


def test_a_module_that_fails_while_it_is_imported_shows_the_line(sandbox):
    text = formatted(lambda: sandbox.run("import pack.inner"))

    assert "    import pack.inner\n" in text
    assert '  File "<sandbox "lines": pack.inner>", line 1, in <module>\n    x = {}[\'key\']\n' in text


def test_every_run_has_lines_of_its_own(sandbox):
    first = sandbox.run("def f():\n    return undefined_one\nf").value
    second = sandbox.run("def f():\n    return undefined_two\nf").value

    assert "return undefined_one" in formatted(first)
    assert "return undefined_two" in formatted(second)


def test_a_module_in_a_directory_keeps_its_path(tmp_path):
    (tmp_path / "disk.py").write_text("def f():\n    return undefined_name\n")
    with pycage.Sandbox("lines_disk", resolver=pycage.PathResolver(tmp_path)) as made:
        disk = made.load("disk")

        text = formatted(disk.f)

    assert f'File "{tmp_path / "disk.py"}", line 2, in f\n    return undefined_name\n' in text


def test_modules_of_the_same_name_in_two_sandboxes_are_told_apart():
    def make(name):
        return pycage.Sandbox(name, resolver=pycage.MappingResolver({"m": f"def f():\n    return {name}_missing\n"}))

    with make("lines_a") as a, make("lines_b") as b:
        f, g = a.load("m").f, b.load("m").f

        assert "return lines_a_missing" in formatted(f)
        assert "return lines_b_missing" in formatted(g)


@pytest.mark.parametrize(
    "code",
    [
        "exec(compile({source!r}, {name!r}, 'exec'))",
        "eval(compile('(1).missing', {name!r}, 'eval'))",
        "d = {{}}\nexec(compile({source!r}, {name!r}, 'exec'), d)",
    ],
)
def test_a_sandbox_cannot_make_code_that_shows_the_lines_of_another(sandbox, code):
    """Whatever formats a traceback for it would print them."""
    sandbox.load("plugin")
    name = '<sandbox "lines": plugin>'
    assert name in registered()
    with pycage.Sandbox("lines_thief") as thief:
        text = formatted(lambda: thief.run(code.format(source="\n\nundefined", name=name)))

    assert "return 1 / x" not in text


def test_lines_are_gone_when_the_sandbox_is_closed():
    before = registered()
    with pycage.Sandbox("lines_closed", resolver=pycage.MappingResolver({"m": "x = 1"})) as made:
        made.load("m")
        made.run("2")
        assert len(registered()) == len(before) + 2

    assert registered() == before


def test_lines_survive_the_check_for_changed_files(sandbox):
    plugin = sandbox.load("plugin")
    linecache.checkcache()

    assert "return 1 / x" in formatted(lambda: plugin.half(0))


def test_many_runs_keep_a_bounded_number_of_sources():
    lines = SourceLines('sandbox "many"')
    before = len(registered())
    names = [lines.name_run(f"x = {number}") for number in range(100)]

    assert len(set(names)) == 100
    assert len(registered()) - before == 32
    assert linecache.getline(names[-1], 1) == "x = 99\n"
    assert linecache.getline(names[0], 1) == ""

    lines.forget()
    assert len(registered()) == before


def test_large_sources_keep_a_bounded_amount_of_text():
    lines = SourceLines('sandbox "large"')
    before = len(registered())
    for number in range(10):
        lines.name_module(b"#" * (1 << 20), f"<module {number}>")
    lines.name_module(b"#" * (5 << 20), "<too large>")

    assert len(registered()) - before == 4
    lines.forget()


def test_the_same_source_keeps_its_name():
    lines = SourceLines('sandbox "same"')

    assert lines.name_run("a") == lines.name_run("a") == '<sandbox "same">'
    assert lines.name_run("b") == '<sandbox "same", run 2>'
    lines.forget()


def test_a_module_in_utf_8_has_its_lines():
    lines = SourceLines('sandbox "text"')
    name = lines.name_module("\ufeffx = 'é'\r\ny = 2".encode(), "<m>")

    assert linecache.getlines(name)[:] == ["x = 'é'\n", "y = 2\n"]
    lines.forget()


@pytest.mark.parametrize("name", ['<sandbox "lines": plugin>', '<sandbox "lines">', __file__])
def test_the_lines_of_the_host_or_of_another_sandbox_cannot_be_asked_for(sandbox, name):
    sandbox.load("plugin")
    sandbox.run("1 / 1")
    assert linecache.getlines(name)[:]

    with pycage.Sandbox("lines_curious") as curious:
        try:
            lines = curious.run(f"import linecache\nlinecache.getlines({name!r})").value
        except pycage.AccessDenied:
            lines = []

    assert list(lines) == []


def test_a_traceback_that_a_sandbox_formats_shows_no_lines_of_the_host_or_of_another(sandbox):
    def secret(x):
        return 1 / x  # of the host

    plugin = sandbox.load("plugin")
    source = "import traceback\ntry: call(0)\nexcept ZeroDivisionError: text = traceback.format_exc()\ntext"
    with pycage.Sandbox("lines_reader") as reader:
        of_host = reader.run(source, variables={"call": secret}).value
        reader.run("def call(x):\n    return 1 / x  # mine")
        of_other = reader.run(source, variables={"call": plugin.half}).value

    assert "# of the host" not in of_host
    assert "return 1 / x" not in of_other
