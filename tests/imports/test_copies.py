"""Copies: modules of the standard library whose source runs as code of the sandbox.

Each honest program runs in a real sandbox with no permission at all; each attack is a program that would succeed with
the module of the host, and that is shown first.
"""

from __future__ import annotations

import ast
import collections
import io
import itertools
import logging
import string
import textwrap
import threading
import types
import warnings

import pycage
import pytest
from pycage.errors import AccessDenied, RestrictedSyntaxError, SandboxExited
from pycage.imports.copies import EDITS, Edit, judged
from pycage.imports.copies.edits import PRIVATE
from pycage.imports.copies.sources import edited
from pycage.imports.stdlib import OFFERS

_numbers = itertools.count()


class Secret:
    """Something of the host's that a guest holds."""

    def __init__(self):
        self.public = "seen"
        self._private = "hidden"


@pytest.fixture
def sandbox():
    with pycage.Sandbox(f"copies_{next(_numbers)}") as made:
        yield made


def run(sandbox, program, **variables):
    return sandbox.run(textwrap.dedent(program), variables=variables)


# ---- Honest programs ------------------------------------------------------------------------------------------------


PROGRAMS = {
    "argparse": (
        """
        import argparse
        parser = argparse.ArgumentParser(prog="p")
        parser.add_argument("-n", type=int, default=1)
        sub = parser.add_subparsers(dest="what").add_parser("do", help="does it")
        sub.add_argument("names", nargs="*")
        vars(parser.parse_args(["-n", "2", "do", "a", "b"])), "usage: p" in parser.format_help()
        """,
        ({"n": 2, "what": "do", "names": ["a", "b"]}, True),
    ),
    "ast": (
        """
        import ast
        class Renames(ast.NodeTransformer):
            def visit_Name(self, node):
                return ast.copy_location(ast.Name(id=node.id.upper(), ctx=node.ctx), node)
        tree = ast.fix_missing_locations(Renames().visit(ast.parse("a = b + 1")))
        tree.body[0].lineno = 7
        ast.unparse(tree), ast.literal_eval("{'a': [1, -2.5, (None,)]}"), ast.dump(ast.parse("1", mode="eval").body)
        """,
        ("A = B + 1", {"a": [1, -2.5, (None,)]}, "Constant(value=1)"),
    ),
    "bz2, gzip, lzma": (
        """
        import bz2, gzip, io, lzma
        text, packed = b"text" * 50, io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb") as file:
            file.write(text)
        [m.decompress(m.compress(text)) == text for m in (bz2, gzip, lzma)], gzip.decompress(packed.getvalue()) == text
        """,
        ([True, True, True], True),
    ),
    "codecs": (
        """
        import codecs, io
        codecs.lookup("UTF8").name, codecs.encode("ab", "rot13"), codecs.getreader("utf-8")(io.BytesIO(b"\\xc3\\xa4")).read()
        """,
        ("utf-8", "no", "ä"),
    ),
    "collections": (
        """
        import copy
        from collections import UserDict, UserList
        class Lower(UserDict):
            def __setitem__(self, key, value):
                super().__setitem__(key.lower(), value)
        one = Lower(A=1)
        two = one.copy()
        two["B"] = 2
        dict(one), dict(two), copy.copy(UserList([1, 2])) + [3] == [1, 2, 3], repr(one)
        """,
        ({"a": 1}, {"a": 1, "b": 2}, True, "{'a': 1}"),
    ),
    "configparser": (
        """
        import configparser, io
        config = configparser.ConfigParser()
        config.read_string("[a]\\nx = 1\\ny = %(x)s2\\n")
        config["b"] = {"k": "v"}
        out = io.StringIO()
        config.write(out)
        config["a"].getint("y"), config.sections(), out.getvalue()
        """,
        (12, ["a", "b"], "[a]\nx = 1\ny = %(x)s2\n\n[b]\nk = v\n\n"),
    ),
    "contextlib": (
        """
        import contextlib, io, sys
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            print("one")
            print("two", file=sys.stderr)
            with contextlib.redirect_stdout(errors):
                print("three")
            print("four")
        out.getvalue(), errors.getvalue()
        """,
        ("one\nfour\n", "two\nthree\n"),
    ),
    "csv": (
        """
        import csv, io
        out = io.StringIO()
        csv.register_dialect("semicolons", delimiter=";")
        csv.writer(out, "semicolons").writerow([1, "a;b"])
        class Bars(csv.excel):
            delimiter = "|"
        list(csv.reader(["a|b"], Bars)), out.getvalue(), csv.list_dialects()[-1], next(csv.DictReader(["x,y", "1,2"]))
        """,
        ([["a", "b"]], '1;"a;b"\r\n', "semicolons", {"x": "1", "y": "2"}),
    ),
    "dataclasses": (
        """
        import dataclasses
        Point = dataclasses.make_dataclass("Point", [("x", int), ("y", int, 2)], namespace={"sum": lambda self: self.x + self.y})
        point = Point(1)
        point.x = 5
        repr(point), point.sum(), Point(1) == Point(1, 2)
        """,
        ("Point(x=5, y=2)", 7, True),
    ),
    "email": (
        """
        from email import message_from_string, policy
        from email.message import EmailMessage
        from email.utils import parseaddr
        message = EmailMessage()
        message["Subject"], message["To"] = "Grüße", "A <a@b.c>"
        message.set_content("text")
        message.add_attachment(b"x", maintype="application", subtype="x", filename="f")
        again = message_from_string(message.as_string(), policy=policy.default)
        again["subject"], again.get_body().get_content(), [a.get_filename() for a in again.iter_attachments()], parseaddr("A <b@c>")
        """,
        ("Grüße", "text\n", ["f"], ("A", "b@c")),
    ),
    "functools": (
        """
        from functools import singledispatchmethod
        class Shows:
            @singledispatchmethod
            def show(self, thing):
                return "something"
            @show.register(int)
            def _(self, thing):
                return "a number"
        Shows().show(1), Shows().show("")
        """,
        ("a number", "something"),
    ),
    "getopt, optparse": (
        """
        import getopt, optparse
        parser = optparse.OptionParser(prog="p")
        parser.add_option("-f", dest="f", type="int")
        getopt.getopt(["-a", "1", "b"], "a:"), parser.parse_args(["-f", "3", "x"])[0].f
        """,
        (([("-a", "1")], ["b"]), 3),
    ),
    "gettext, locale": (
        """
        import gettext, locale
        gettext.gettext("x"), gettext.ngettext("a", "b", 2), locale.localeconv()["decimal_point"], locale.atof("1.5")
        """,
        ("x", "b", ".", 1.5),
    ),
    "http.cookies": (
        """
        from http.cookies import SimpleCookie
        from http import HTTPStatus
        cookie = SimpleCookie("a=b")
        cookie["c"] = "d"
        cookie["c"]["path"] = "/"
        cookie["a"].value, cookie.output(), HTTPStatus.OK.phrase
        """,
        ("b", "Set-Cookie: a=b\r\nSet-Cookie: c=d; Path=/", "OK"),
    ),
    "platform": ("import platform\nplatform.node(), platform.python_implementation()", ("", "CPython")),
    "plistlib": (
        """
        import plistlib
        data = {"a": [1, 2.5, b"x", True]}
        [plistlib.loads(plistlib.dumps(data, fmt=f)) == data for f in (plistlib.FMT_XML, plistlib.FMT_BINARY)]
        """,
        [True, True],
    ),
    "sched": (
        """
        import sched
        times, ran = iter(range(99)), []
        scheduler = sched.scheduler(lambda: next(times), lambda _: None)
        scheduler.enter(3, 1, ran.append, ("later",))
        scheduler.enter(1, 1, ran.append, ("first",))
        scheduler.run()
        ran
        """,
        ["first", "later"],
    ),
    "shlex, stringprep": (
        "import shlex, stringprep\nshlex.split(\"a 'b c'\"), list(shlex.shlex('a=b')), stringprep.in_table_b1('\\u00ad')",
        (["a", "b c"], ["a", "=", "b"], True),
    ),
    "string": (
        """
        import string
        class Loud(string.Formatter):
            def format_field(self, value, spec):
                return super().format_field(value, spec).upper()
        class Point:
            x = 3
        Loud().format("{0}{p.x:>3}{d[k]}", "a", p=Point(), d={"k": "v"})
        """,
        "A  3V",
    ),
    "tarfile, zipfile": (
        """
        import io, tarfile, zipfile
        one, two = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a/b.txt", "text")
        with tarfile.open(fileobj=two, mode="w:gz") as file:
            info = tarfile.TarInfo("c")
            info.size = 3
            file.addfile(info, io.BytesIO(b"abc"))
        two.seek(0)
        zipped, tarred = zipfile.ZipFile(one), tarfile.open(fileobj=two)
        zipped.namelist(), (zipfile.Path(zipped) / "a" / "b.txt").read_text(), tarred.getnames(), tarred.extractfile("c").read()
        """,
        (["a/b.txt"], "text", ["c"], b"abc"),
    ),
    "tokenize": (
        """
        import io, token, tokenize
        [t.string for t in tokenize.generate_tokens(io.StringIO("a = 1").readline)][:3], token.tok_name[1]
        """,
        (["a", "=", "1"], "NAME"),
    ),
    "weakref": (
        """
        import weakref
        class Thing:
            def method(self):
                return 1
        thing, seen = Thing(), []
        method, end = weakref.WeakMethod(thing.method), weakref.finalize(thing, seen.append, "gone")
        before = method()(), end.alive
        del thing
        before, method(), end.alive, seen
        """,
        ((1, True), None, False, ["gone"]),
    ),
    "typing, importlib.metadata": (
        """
        import importlib.metadata, typing
        class Node:
            next: "typing.Optional[Node]"
            names: "list[str]"
            def of(self, other: "Node | None", all: typing.List["Node"]) -> "str": ...
        try:
            importlib.metadata.version("pycage")
        except importlib.metadata.PackageNotFoundError:
            found = False
        hints = typing.get_type_hints(Node.of)
        hints == {"other": Node | None, "all": typing.List[Node], "return": str}, list(typing.get_type_hints(Node)), found
        """,
        (True, ["next", "names"], False),
    ),
    "wave": (
        """
        import io, wave
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
            out.writeframes(bytes(20))
        file.seek(0)
        wave.open(file).getnframes()
        """,
        10,
    ),
    "xml": (
        """
        import io, xml.etree.ElementTree as ET, xml.sax
        from xml.dom import minidom
        from xml.sax.saxutils import escape, quoteattr
        root = ET.fromstring("<a x='1'><b>t</b></a>")
        root.find("b").text = "new"
        ET.SubElement(root, "c")
        names = []
        class Handler(xml.sax.ContentHandler):
            def startElement(self, name, attributes):
                names.append(name)
        xml.sax.parseString(b"<q><r/></q>", Handler())
        out = io.BytesIO()
        ET.ElementTree(root).write(out)
        out.getvalue(), names, minidom.parseString("<a><b/></a>").documentElement.toxml(), escape("<"), quoteattr("a")
        """,
        (b'<a x="1"><b>new</b><c /></a>', ["q", "r"], "<a><b/></a>", "&lt;", '"a"'),
    ),
    "zoneinfo": (
        """
        import datetime, zoneinfo
        zone = zoneinfo.ZoneInfo("Europe/Berlin")
        try:
            zoneinfo.ZoneInfo("Nowhere/Land")
        except zoneinfo.ZoneInfoNotFoundError:
            pass
        str(datetime.datetime(2024, 7, 1, tzinfo=zone).utcoffset()), zoneinfo.ZoneInfo("UTC") is zoneinfo.ZoneInfo("UTC")
        """,
        ("2:00:00", True),
    ),
}


@pytest.mark.parametrize("modules", PROGRAMS)
def test_an_ordinary_program_works_without_any_permission(sandbox, modules):
    program, expected = PROGRAMS[modules]

    assert run(sandbox, program).value == expected


def test_pprint_prints_to_the_output_of_the_run(sandbox):
    result = run(sandbox, "import pprint\npprint.pprint({'b': 1, 'a': [2]})\npprint.PrettyPrinter().pformat((1,))")

    assert (result.stdout, result.value) == ("{'a': [2], 'b': 1}\n", "(1,)")


def test_a_parser_of_arguments_ends_the_sandbox_and_not_the_host(sandbox):
    with pytest.raises(SandboxExited):
        run(sandbox, "import argparse\nargparse.ArgumentParser(prog='p').parse_args(['--wrong'])")


# ---- Logging --------------------------------------------------------------------------------------------------------


def test_logging_works_and_says_where_it_was_called(sandbox):
    result = run(
        sandbox,
        """
        import io, logging
        out = io.StringIO()
        logging.basicConfig(level="INFO", format="%(levelname)s %(name)s %(funcName)s %(lineno)d %(message)s", stream=out)
        log = logging.getLogger("a.b")
        def f():
            log.warning("hi %s", 3)
        f()
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("failed")
        logging.LoggerAdapter(log, {}).info("adapted")
        log.debug("not shown")
        out.getvalue().splitlines()
        """,
    )

    assert [line for line in result.value if line[0].isupper() and "Trace" not in line] == [
        "WARNING a.b f 7 hi 3",
        "ERROR a.b <module> 12 failed",
        "ZeroDivisionError: division by zero",
        "INFO a.b <module> 13 adapted",
    ]


def test_logging_can_be_configured_from_a_dictionary(sandbox):
    result = run(
        sandbox,
        """
        import logging.config
        logging.config.dictConfig({
            "version": 1,
            "formatters": {"f": {"format": "%(message)s!"}},
            "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
            "root": {"handlers": ["h"], "level": "INFO"},
        })
        logging.info("configured")
        """,
    )

    assert result.stderr == "configured!\n"


def test_logging_does_not_touch_the_loggers_of_the_host(sandbox):
    before = (logging.root.level, list(logging.root.handlers), dict(logging.root.manager.loggerDict))
    run(
        sandbox,
        """
        import logging
        logging.disable()
        logging.addLevelName(30, "changed")
        logging.basicConfig(level=1)
        logging.getLogger("pycage.imports").setLevel(1)
        logging.shutdown()
        """,
    )

    assert (logging.root.level, list(logging.root.handlers), dict(logging.root.manager.loggerDict)) == before
    assert (logging.root.manager.disable, logging.getLevelName(30)) == (0, "WARNING")


@pytest.mark.parametrize("style", ["%(message)s {0._private}", "{thing._private}"])
def test_a_format_of_logging_reads_nothing_private(sandbox, style):
    program = f"""
        import io, logging
        out = io.StringIO()
        handler = logging.StreamHandler(out)
        handler.setFormatter(logging.Formatter({style!r}, style={style[0]!r}, validate=False))
        log = logging.Logger("x")
        log.addHandler(handler)
        log.warning("m", extra={{"thing": thing}})
        out.getvalue()
        """
    assert "{0._private}".format(Secret()) == "hidden"

    result = run(sandbox, program, thing=Secret())

    assert "hidden" not in result.value + result.stderr
    assert ("AccessDenied" in result.stderr) == (style[0] == "{")


def test_a_handler_for_files_opens_them_as_the_sandbox(sandbox, tmp_path):
    with pytest.raises(AccessDenied):
        run(sandbox, f"import logging\nlogging.FileHandler({str(tmp_path / 'log')!r})")

    assert list(tmp_path.iterdir()) == []


# ---- Warnings and tracebacks ----------------------------------------------------------------------------------------


def test_warnings_are_filtered_recorded_and_shown_in_the_sandbox_only(sandbox):
    before = list(warnings.filters)
    result = run(
        sandbox,
        """
        import warnings
        def old():
            warnings.warn("old", DeprecationWarning, stacklevel=2)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            old()
        warnings.filterwarnings("ignore", message="no")
        warnings.warn("no")
        warnings.warn("yes")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                warnings.warn("raised")
            except UserWarning as error:
                raised = str(error)
        [(str(one.message), one.category, one.lineno) for one in caught], raised
        """,
    )

    assert result.value == ([("old", DeprecationWarning, 7)], "raised")
    assert "UserWarning: yes" in result.stderr
    assert "no" not in result.stderr
    assert warnings.filters == before


def test_tracebacks_tell_of_the_sandboxs_frames(sandbox):
    result = run(
        sandbox,
        """
        import sys, traceback
        def inner():
            raise KeyError("k")
        def outer():
            try:
                inner()
            except KeyError as error:
                raise ValueError("v") from error
        try:
            outer()
        except ValueError as error:
            traceback.print_exc()
            text, names = traceback.format_exc(), [f.name for f in traceback.extract_tb(sys.exc_info()[2])]
            last = traceback.format_exception_only(error)
        text, names, last
        """,
    )

    text, names, last = result.value
    assert text == result.stderr
    assert [line for line in text.splitlines() if not line.startswith("  ")] == [
        "Traceback (most recent call last):",
        "KeyError: 'k'",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        "ValueError: v",
    ]
    assert "line 4, in inner" in text
    assert (names, last) == (["<module>", "outer"], ["ValueError: v\n"])


def test_a_traceback_shows_no_frame_and_no_inner_error_of_the_host(sandbox):
    class Host:
        def fail(self):
            try:
                raise KeyError("password")
            except KeyError:
                raise ValueError("public")

    sandbox.expose("api", Host(), methods=["fail"])
    text = run(
        sandbox,
        """
        import traceback
        from host import api
        try:
            api.fail()
        except ValueError:
            text = traceback.format_exc()
        text
        """,
    ).value

    assert "public" in text
    assert "password" not in text
    assert __file__ not in text


def test_a_frame_summary_reads_no_file(sandbox):
    with open(__file__) as file:
        first = file.readline().strip()
    program = f"""
        import traceback
        frame = traceback.FrameSummary({__file__!r}, 1, "f")
        frame.line, traceback.format_list([({__file__!r}, 1, "f", None)])
        """
    import linecache
    import traceback

    assert traceback.FrameSummary(__file__, 1, "f").line == first
    assert linecache.getline(__file__, 1).strip() == first

    assert first not in repr(run(sandbox, program).value)


# ---- Attacks --------------------------------------------------------------------------------------------------------


def test_a_formatter_reads_through_the_guard(sandbox):
    assert string.Formatter().format("{0._private}", Secret()) == "hidden"

    for attempt in (
        'F().format("{0._private}", s)',
        'F().vformat("{0._private}", (s,), {})',
        'F().get_field("0._private", (s,), {})',
        'F().format("{0.__init__.__globals__}", s)',
    ):
        with pytest.raises(AccessDenied):
            run(sandbox, f"import string\nclass F(string.Formatter): pass\n{attempt}", s=Secret())


def test_copying_a_userdict_does_not_write_to_what_new_returned(sandbox):
    host = Secret()
    program = """
        from collections import UserDict
        class Thief(UserDict):
            def __new__(cls, *args):
                return host if armed else object.__new__(cls)
        armed = []
        thief = Thief({"a": 1})
        thief.public = "evil"
        armed.append(1)
        {copy}
        """

    class Thief(collections.UserDict):
        def __new__(cls, *args):
            return victim if armed else object.__new__(cls)

    victim, armed = Secret(), []
    thief = Thief({"a": 1})
    thief.public = "evil"
    armed.append(1)
    thief.__copy__()
    assert victim.public == "evil"

    for copy in ("thief.__copy__()", "import copy; copy.copy(thief)"):
        with pytest.raises(AccessDenied):
            run(sandbox, program.replace("{copy}", copy), host=host)
    assert host.public == "seen"


def test_a_configuration_is_read_with_the_sandboxs_open(sandbox, tmp_path):
    file = tmp_path / "c.ini"
    file.write_text("[a]\nx = 1\n")
    program = f"import configparser\nc = configparser.ConfigParser()\nc.read({str(file)!r})\nc.sections()"

    with pytest.raises(AccessDenied):
        run(sandbox, f"open({str(file)!r})")
    # As read() does with files that it cannot open.
    assert run(sandbox, program).value == []
    with sandbox.granted(pycage.FilePermission(str(file), "read")):
        assert run(sandbox, program).value == ["a"]


@pytest.mark.parametrize("module", ["gzip", "bz2", "lzma", "zipfile", "tarfile", "wave", "tokenize", "codecs"])
def test_files_are_opened_with_the_sandboxs_open(sandbox, module, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    opens = {"zipfile": "ZipFile"}.get(module, "open")

    with pytest.raises(AccessDenied):
        run(sandbox, f"import {module}\n{module}.{opens}({str(file)!r})")


def test_a_copy_does_not_lend_its_names_to_what_it_calls(sandbox):
    """`type=eval`: the built-in is called by code that has all that the copy imported."""
    result = run(
        sandbox,
        """
        import argparse
        def attempt(kind, text):
            parser = argparse.ArgumentParser(exit_on_error=False)
            parser.add_argument("x", type=kind)
            try:
                return parser.parse_args([text]).x
            except (NameError, argparse.ArgumentError) as error:
                return type(error).__name__
        attempt(eval, "_os"), attempt(eval, "_sys.modules"), attempt(eval, "1 + 2")
        """,
    )

    assert result.value == ("NameError", "NameError", 3)


def test_globals_called_by_a_copy_are_empty(sandbox):
    """The scheduler calls timefunc() itself and compares what it returns."""
    result = run(
        sandbox,
        """
        import sched
        seen = []
        class Time:
            def __gt__(self, other):
                seen.append(other)
                return False
            __lt__ = __gt__
        scheduler = sched.scheduler(globals, lambda _: None)
        scheduler.enterabs(Time(), 1, lambda: None)
        scheduler.run(blocking=False)
        [sorted(one) for one in seen]
        """,
    )

    assert result.value == [[]]


@pytest.mark.parametrize(
    "attempt",
    [
        "getattr(f, '__globals__')['_os']",
        "setattr(f, '__code__', getattr(lambda *_: _os, '__code__')) or f(1)",
        "setattr(f, '__annotations__', {'x': '_os'}) or typing.get_type_hints(f)",
        "sys.modules['argparse']._os",
        "called(lambda: getattr(sys._getframe(2), 'f_globals')['_os'])",
        "called(lambda: getattr(getattr(sys._getframe(1), 'f_back'), 'f_globals')['_os'])",
        "[name for name in vars(argparse) if name == '_os'][0]",
    ],
)
def test_no_name_that_a_copy_imported_is_reached_through_its_functions(sandbox, attempt):
    program = f"""
        import argparse, sys, typing
        f = argparse.ArgumentParser.parse_args
        def called(function):
            parser = argparse.ArgumentParser()
            seen = []
            parser.add_argument("x", type=lambda text: seen.append(function()))
            parser.parse_args(["1"])
            return seen
        {attempt}
        """

    with pytest.raises((AccessDenied, NameError, KeyError, IndexError, AttributeError, ValueError)):
        run(sandbox, program)


def test_annotations_are_evaluated_as_source_of_the_sandbox(sandbox):
    for text in ("().__class__.__subclasses__()", "s._private", "__import__('sqlite3')"):
        with pytest.raises((AccessDenied, RestrictedSyntaxError)):
            run(sandbox, f"import typing\nclass C:\n    x: {text!r}\ntyping.get_type_hints(C, {{'s': s}})", s=Secret())


def test_a_dialect_of_a_sandbox_is_not_the_hosts(sandbox):
    import csv

    run(sandbox, "import csv\ncsv.register_dialect('excel', delimiter=';')")

    assert csv.get_dialect("excel").delimiter == ","
    with pytest.raises(AccessDenied):
        run(sandbox, "import csv\ncsv.field_size_limit(1)")


def test_no_module_that_the_policy_denies_is_reached_through_a_copy():
    policy = pycage.rules("allow argparse", "allow logging", default="deny")
    with pycage.Sandbox("few", host_policy=policy) as sandbox:
        assert run(sandbox, "import argparse, logging\nlogging.getLogger('x').name").value == "x"
        for name in ("os", "re", "sys", "_os", "_re", "traceback", "threading"):
            with pytest.raises((AttributeError, AccessDenied)):
                run(sandbox, f"import argparse, logging\ngetattr(argparse, {name!r}, None) or logging.{name}")
            with pytest.raises((ImportError, AccessDenied)):
                run(sandbox, f"from logging import {name}")


def test_a_view_of_a_copy_cannot_be_changed_and_copies_are_apart():
    with pycage.Sandbox("one") as one, pycage.Sandbox("two") as two:
        with pytest.raises((AttributeError, AccessDenied)):
            run(one, "import logging\nlogging.getLogger = None")
        run(one, "import logging\nlogging.Logger.name = 'changed'\nlogging.getLogger('x')")

        assert run(two, "import logging\nlogging.getLogger('x').name").value == "x"
        assert logging.getLogger("x").name == "x"


def test_parsing_does_not_compile_and_a_tree_does_not_run(sandbox):
    assert isinstance(ast.parse("import os"), ast.Module)

    assert type(run(sandbox, "import ast\nast.parse('import os')").value) is ast.Module
    with pytest.raises(TypeError):
        run(sandbox, "import ast\nexec(compile(ast.parse('import os'), '<x>', 'exec'))")
    for source in ("class S(str): pass\nast.parse(S('1'))", "ast.parse(b'# coding: latin-1\\n1'.__class__)"):
        with pytest.raises((TypeError, AccessDenied, RestrictedSyntaxError)):
            run(sandbox, f"import ast\n{source}")
    with pytest.raises(ValueError, match="malformed"):
        run(sandbox, "import ast\nast.literal_eval('__import__(\"os\").getcwd()')")


def test_the_classes_of_nodes_cannot_be_changed(sandbox):
    with pytest.raises(AccessDenied):
        run(sandbox, "import ast\nast.Name.id = 1")


@pytest.mark.parametrize("key", ["../../../etc/passwd", "/etc/passwd", "Europe/../../passwd", "a\\0b", "", "./UTC"])
def test_the_name_of_a_zone_is_no_path(sandbox, key):
    with pytest.raises((ValueError, KeyError)):
        run(sandbox, f'import zoneinfo\nzoneinfo.ZoneInfo("{key}")')


def test_a_zone_of_the_host_is_not_what_a_sandbox_put_into_the_cache(sandbox):
    import zoneinfo

    run(
        sandbox,
        """
        import zoneinfo
        class Like(str):
            def __hash__(self): return hash("Europe/Paris")
            def __eq__(self, other): return True
        try:
            zoneinfo.ZoneInfo(Like("UTC"))
        except (TypeError, ValueError):
            pass
        """,
    )

    assert zoneinfo.ZoneInfo("Europe/Paris").key == "Europe/Paris"


def test_an_entity_of_xml_reads_no_file(sandbox, tmp_path):
    file = tmp_path / "secret"
    file.write_text("hidden")
    document = f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{file}">]><a>&e;</a>'
    program = f"""
        import io, xml.sax
        texts = []
        class Handler(xml.sax.ContentHandler):
            def characters(self, text):
                texts.append(text)
        parser = xml.sax.make_parser()
        parser.setFeature(xml.sax.handler.feature_external_ges, True)
        parser.setContentHandler(Handler())
        parser.parse(io.StringIO({document!r}))
        texts
        """
    import xml.sax

    texts = []
    handler = xml.sax.ContentHandler()
    handler.characters = texts.append
    parser = xml.sax.make_parser()
    parser.setFeature(xml.sax.handler.feature_external_ges, True)
    parser.setContentHandler(handler)
    parser.parse(io.StringIO(document))
    assert texts == ["hidden"]

    with pytest.raises((AccessDenied, OSError)):
        run(sandbox, program)


def test_what_is_finalized_runs_as_the_sandbox(sandbox, tmp_path):
    """The host drops the last reference: the callback has no more permissions for that."""
    kept = run(
        sandbox,
        f"""
        import weakref
        class Thing: pass
        thing, outcome = Thing(), []
        def opens():
            try:
                open({str(tmp_path / "made")!r}, "w")
            except PermissionError:
                outcome.append("denied")
        weakref.finalize(thing, opens)
        kept = [thing]
        del thing
        kept, outcome
        """,
    ).value
    kept[0].clear()

    assert kept[1] == ["denied"]
    assert list(tmp_path.iterdir()) == []


def test_a_redirected_output_is_the_sandboxs_own():
    with pycage.Sandbox("one") as one, pycage.Sandbox("two") as two:
        run(one, "import contextlib, io\nkeep = contextlib.redirect_stdout(io.StringIO())\nkeep.__enter__()")

        assert run(two, "print('here')").stdout == "here\n"


def test_threads_that_import_the_same_copy_get_one():
    with pycage.Sandbox("threads") as sandbox:
        found = []

        def work():
            found.append(run(sandbox, "import logging, email.message, argparse\nlogging.root").value)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(found) == 4
    assert len({id(root) for root in found}) == 1


# ---- The mechanism --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(EDITS))
def test_every_edit_is_of_a_module_that_is_copied(name):
    assert name in PRIVATE or OFFERS[name].copied


def test_an_edit_leaves_out_what_it_names_and_keeps_the_lines():
    tree = ast.parse(
        "import a, b\nclass C:\n    def f(self): a\n    def g(self): b\nx = 1\nC.y = 2\n@_simple_enum(E)\nclass D: pass"
    )
    made = edited(tree, Edit(without="C.f x C.y", reads={"__class__": "kind"}, adding="C().__class__"))

    assert ast.unparse(made).splitlines() == [
        "import b",
        "",
        "class C:",
        "",
        "    def g(self):",
        "        b",
        "",
        "class D(E):",
        "    pass",
        "C().__class__",
    ]
    assert made.body[1].body[0].lineno == 4


def test_code_of_a_copy_is_judged_like_any_other():
    """Nothing is believed about the source: an edit that is missing is an error, and no hole."""
    with pytest.raises(RestrictedSyntaxError):
        from pycage.language import transform_tree

        transform_tree(ast.parse("f.__globals__"), "f.__globals__", "<x>")


def test_a_copy_is_judged_once_for_all_sandboxes():
    assert judged("shlex") is judged("shlex")


def test_no_view_of_a_copy_shows_a_module_or_a_function_of_the_host(sandbox):
    view = sandbox._cage._loader._chain("logging")

    shown = {key for key, value in vars(view).items() if isinstance(value, types.ModuleType)}

    assert shown <= {"config", "handlers"}
    assert all(
        sandbox._cage._guards.own(value) for value in vars(view).values() if isinstance(value, types.FunctionType)
    )
