"""What is changed in the source of standard modules before it runs as a sandbox's own: data.

What is left out reaches for frames, code objects, the process or the host's files; what is added says the same in
other words, or says no.  Additions are code of the sandbox like the rest: they are judged, and trusted with nothing.
"""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EDITS", "PRIVATE", "Edit"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@attrs.frozen
class Edit:
    """The changes of one module.

    Attributes:
        without: Definitions that are left out, with the class in front: ``"Logger.findCaller _srcfile"``.
            Or the target of an assignment to an attribute, wherever it stands: ``"obj.__reduce__"``.
        reads: Attributes that a sandbox cannot read, with the function that is called instead: ``x.name`` becomes
            ``function(x)``.  Not in what is added.
        alone: Nothing of the module's own source is used.
        needed: Of a module that is copied in part: definitions that the copied names need.
        gone: What of `without` is public and does not come back in another form.
        first: Source that is put before the module's own.
        adding: Source that follows.
    """

    without: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    reads: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    alone: bool = attrs.field(default=False, kw_only=True)
    needed: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    gone: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    first: str = attrs.field(default="", kw_only=True)
    adding: str = attrs.field(default="", kw_only=True)


_COMPLETE_DIRS: Final = """
import zipfile

def _make(cls, source):
    if isinstance(source, CompleteDirs):
        return source
    if not isinstance(source, zipfile.ZipFile):
        return cls(source)
    if "r" not in source.mode:
        cls = CompleteDirs
    made = cls.__new__(cls)
    made.__dict__.update(source.__dict__)
    made._kept_open = source
    return made

CompleteDirs.make = classmethod(_make)
"""

_MONTHS: Final = """
from enum import IntEnum as _IntEnum

Month = _IntEnum(
    "Month",
    "JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER",
    module="calendar",
)
Day = _IntEnum("Day", "MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY", module="calendar", start=0)
globals().update({**Month.__members__, **Day.__members__})
"""

# Additions are code of the sandbox, so what they import of `_pycage` is what any copy can: see `inside`.
EDITS: Final = MappingProxyType(
    {
        # parse() compiles; here it only parses.  The old names of Constant would be attributes of the host's class.
        "ast": Edit(
            without="parse Constant.n Constant.s Tuple.dims",
            reads={"_attributes": "_attributes_of"},
            adding="""
from _pycage import attributes_of as _attributes_of, parse as _parse

def parse(source, filename="<unknown>", mode="exec", *, type_comments=False, feature_version=None, optimize=-1):
    flags = PyCF_TYPE_COMMENTS if type_comments else 0
    if isinstance(feature_version, tuple):
        major, minor = feature_version
        if major != 3:
            raise ValueError(f"Unsupported major version: {major}")
        feature_version = minor
    return _parse(source, filename, mode, flags, -1 if feature_version is None else feature_version)
""",
        ),
        # @global_enum changes modules and classes.
        "calendar": Edit(without="Month Day", first=_MONTHS) if sys.version_info >= (3, 12) else Edit(),
        # A host's pickle would obey __reduce_ex__.
        "codecs": Edit(
            without="StreamWriter.__reduce_ex__ StreamReader.__reduce_ex__ StreamReaderWriter.__reduce_ex__ "
            "StreamRecoder.__reduce_ex__",
        ),
        # The real ones exchange sys.stdout for the whole process.
        "contextlib": Edit(
            alone=True,
            adding="""
from _pycage import redirect as _redirect

class _RedirectStream:
    _number = 0

    def __init__(self, new_target):
        self._new_target = new_target
        self._old_targets = []

    def __enter__(self):
        self._old_targets.append(_redirect(self._number, self._new_target))
        return self._new_target

    def __exit__(self, exctype, excinst, exctb):
        _redirect(self._number, self._old_targets.pop())

class redirect_stdout(_RedirectStream):
    "Context manager for temporarily redirecting the sandbox's standard output to another file."

class redirect_stderr(_RedirectStream):
    "Context manager for temporarily redirecting the sandbox's standard error to another file."
    _number = 1
""",
        ),
        "dataclasses": Edit(
            alone=True,
            adding="""
def make_dataclass(cls_name, fields, *, bases=(), namespace=None, module=None, decorator=dataclass, **options):
    "Return a new dataclass; its names are judged like those of a class statement."
    annotations, body = {}, dict(namespace or {})
    for item in fields:
        if isinstance(item, str):
            name, kind = item, "typing.Any"
        elif len(item) == 2:
            name, kind = item
        elif len(item) == 3:
            name, kind, body[name] = item
        else:
            raise TypeError(f"Invalid field: {item!r}")
        if not isinstance(name, str) or not name.isidentifier():
            raise TypeError(f"Field names must be valid identifiers: {name!r}")
        if name in annotations:
            raise TypeError(f"Field name duplicated: {name!r}")
        annotations[name] = kind
    body["__annotations__"] = annotations
    body.setdefault("__module__", module or "types")
    return decorator(type(cls_name, tuple(bases), body), **options)
""",
        ),
        "email._policybase": Edit(
            without="_append_doc _extend_docstrings", first="def _extend_docstrings(cls): return cls"
        ),
        "email.contentmanager": Edit(
            reads={"__mro__": "_classes_of"}, adding="from _pycage import classes_of as _classes_of"
        ),
        "email.headerregistry": Edit(without="BaseHeader.__reduce__ _reconstruct_header"),
        "functools": Edit(reads={"__class__": "type"}),
        # It walks frames to say where a plural that is no integer came from, and looks where the host is installed.
        "gettext": Edit(
            without="_as_int _as_int2 _default_localedir",
            adding="""
_default_localedir = "/usr/share/locale"

def _as_int2(n):
    return n if isinstance(n, float) else operator.index(n)

_as_int = _as_int2
""",
        ),
        "logging": Edit(
            without="currentframe _srcfile _is_internal_frame Logger.findCaller Logger.__reduce__ "
            "RootLogger.__reduce__ Handler.handleError",
            reads={"__traceback__": "_traceback_of"},
            adding="""
from _pycage import stack as _stack, traceback_of as _traceback_of

_srcfile = "<standard logging>"

def _findCaller(self, stack_info=False, stacklevel=1):
    rows = _stack(max(stacklevel, 1))
    if not rows:
        return "(unknown file)", 0, "(unknown function)", None
    filename, lineno, name, _ = rows[-1]
    sinfo = "Stack (most recent call last):\\n" + "".join(traceback.format_stack()).rstrip() if stack_info else None
    return filename, lineno, name, sinfo

def _handleError(self, record):
    if raiseExceptions and sys.stderr:
        try:
            sys.stderr.write("--- Logging error ---\\n")
            traceback.print_exc(file=sys.stderr)
            sys.stderr.write("Call stack:\\n")
            traceback.print_stack(file=sys.stderr)
            sys.stderr.write(f"Message: {record.msg!r}\\nArguments: {record.args}\\n")
        except RecursionError:
            raise
        except Exception:
            pass

_findCaller.__name__, _handleError.__name__ = "findCaller", "handleError"
Logger.findCaller = _findCaller
Handler.handleError = _handleError
""",
        ),
        # fileConfig() evaluates what stands in the file, listen() is a server.
        "logging.config": Edit(
            without="fileConfig _create_formatters _install_handlers _install_loggers _resolve _encoded listen "
            "stopListening _listener DEFAULT_LOGGING_CONFIG_PORT",
            gone="fileConfig listen stopListening",
        ),
        # Records over a network, and pickled ones.
        "logging.handlers": Edit(
            without="SocketHandler DatagramHandler SysLogHandler SMTPHandler HTTPHandler NTEventLogHandler",
            gone="SocketHandler DatagramHandler SysLogHandler SMTPHandler HTTPHandler NTEventLogHandler",
            adding="""
class _Refused(logging.Handler):
    def __init__(self, *args, **kwargs):
        raise PermissionError("access denied: a handler that speaks to another machine")

class SMTPHandler(_Refused): pass
class SysLogHandler(_Refused): pass
""",
        ),
        # The host's files are not read.
        "mimetypes": Edit(without="knownfiles", adding="knownfiles = []"),
        # Cases and their assertions: packages derive from them.  Finding and running is the host's.
        "unittest": Edit(
            alone=True,
            adding="""
from unittest.case import FunctionTestCase, SkipTest, TestCase, expectedFailure, skip, skipIf, skipUnless
from unittest.result import TestResult
""",
        ),
        "unittest.result": Edit(
            without="TestResult._exc_info_to_string TestResult._clean_tracebacks TestResult._is_relevant_tb_level "
            "TestResult._remove_unittest_tb_frames",
            adding="""
def _exc_info_to_string(self, err, test):
    return "".join(traceback.format_exception_only(err[1]))

TestResult._exc_info_to_string = _exc_info_to_string
""",
        ),
        # What sys tells already, and nothing else.
        "platform": Edit(
            alone=True,
            adding="""
import sys as _sys

_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}

def system(): return _SYSTEMS.get(_sys.platform, "")
def python_version(): return _sys.version.split()[0].rstrip("+")
def python_version_tuple(): return tuple(python_version().split("."))
def python_implementation(): return "CPython" if _sys.implementation.name == "cpython" else _sys.implementation.name
def python_branch(): return ""
def python_revision(): return ""
def python_build(): return ("", "")
def python_compiler(): return ""
def platform(aliased=False, terse=False): return system()
def machine(): return ""
def processor(): return ""
def node(): return ""
def release(): return ""
def version(): return ""
def architecture(executable="", bits="", linkage=""): return ("64bit" if _sys.maxsize > 2**32 else "32bit", "")
def libc_ver(executable="", lib="", version="", chunksize=16384): return ("", "")
def mac_ver(release="", versioninfo=("", "", ""), machine=""): return ("", ("", "", ""), "")
def win32_ver(release="", version="", csd="", ptype=""): return ("", "", "", "")
""",
        ),
        "plistlib": Edit(without="UID.__reduce__"),
        "sched": Edit(
            without="Event.time.__doc__ Event.priority.__doc__ Event.action.__doc__ Event.argument.__doc__ "
            "Event.kwargs.__doc__ Event.sequence.__doc__"
        ),
        "string": Edit(needed="_sentinel_dict", adding="Template.__init_subclass__()"),
        "tokenize": Edit(
            reads={"__self__": "_self_of"}, adding="def _self_of(method): return getattr(method, '__self__', None)"
        ),
        # Frames and tracebacks of the sandbox only, as plain data.
        "traceback": Edit(
            without="walk_stack walk_tb _walk_tb_with_full_positions _get_code_position clear_frames print_stack "
            "format_stack extract_stack StackSummary.extract StackSummary._extract_from_extended_frame_gen "
            "_parse_value_tb _compute_suggestion_error _substitution_cost _levenshtein_distance",
            reads={"__cause__": "_cause", "__context__": "_context", "__traceback__": "_traceback_of"},
            adding="""
from _pycage import cause_of, context_of, frames as _frames, stack as _stack, traceback_of as _traceback_of

def _cause(exception):
    return cause_of(exception) if isinstance(exception, BaseException) else exception.__cause__

def _context(exception):
    return context_of(exception) if isinstance(exception, BaseException) else exception.__context__

def _parse_value_tb(exc, value, tb):
    if (value is _sentinel) != (tb is _sentinel):
        raise ValueError("Both or neither of value and tb must be given")
    if value is tb is _sentinel:
        if exc is not None and not isinstance(exc, BaseException):
            raise TypeError(f"Exception expected for value, {type(exc).__name__} found")
        return exc, _traceback_of(exc)
    return value, tb

def _compute_suggestion_error(exc_value, tb, wrong_name):
    return None

def _walk_tb_with_full_positions(tb):
    return _frames(tb)

def _extract(klass, rows, *, limit=None, lookup_lines=True, capture_locals=False):
    rows = list(rows)
    if isinstance(limit, int):
        rows = rows[:limit] if limit >= 0 else rows[limit:]
    result = klass()
    for filename, lineno, end_lineno, colno, end_colno, name in rows:
        result.append(FrameSummary(
            filename, lineno, name, lookup_line=False, end_lineno=end_lineno, colno=colno, end_colno=end_colno
        ))
    return result

StackSummary._extract_from_extended_frame_gen = classmethod(_extract)

def extract_stack(f=None, limit=None):
    rows = [(filename, lineno, None, None, None, name) for filename, lineno, name, _ in _stack()]
    if isinstance(limit, int):
        rows = rows[:limit] if limit >= 0 else rows[limit:]
    return _extract(StackSummary, reversed(rows))

def format_stack(f=None, limit=None):
    return format_list(extract_stack(limit=limit))

def print_stack(f=None, limit=None, file=None):
    print_list(extract_stack(limit=limit), file=file)

def clear_frames(tb):
    "Frames are not the sandbox's to clear."
""",
        ),
        # What is evaluated is source of the sandbox, with the sandbox's own built-ins.
        "typing": Edit(
            alone=True,
            adding="""
import functools, operator
from _pycage import classes_of, evaluate, forward_text, namespace_of

def get_type_hints(obj, globalns=None, localns=None, include_extras=False):
    "Return the annotations of one of the sandbox's own objects, with strings evaluated."
    hints = {}
    if isinstance(obj, type):
        for base in reversed(classes_of(obj)):
            names = namespace_of(base) if globalns is None else globalns
            for name, hint in getattr(base, "__annotations__", {}).items() if base.__module__ != "builtins" else ():
                hints[name] = _resolved(hint, names, localns, include_extras)
        return hints
    names = namespace_of(obj) if globalns is None else globalns
    for name, hint in (getattr(obj, "__annotations__", None) or {}).items():
        hints[name] = _resolved(hint, names, localns, include_extras)
    return hints

def _resolved(hint, names, localns, include_extras):
    text = forward_text(hint)
    if text is not None:
        return _resolved(evaluate(text, dict(names), localns), names, localns, include_extras)
    if hint is None:
        return type(None)
    origin = get_origin(hint)
    if origin is None or origin is Literal:
        return hint
    if origin is Annotated:
        first, *extras = get_args(hint)
        inner = _resolved(first, names, localns, include_extras)
        return Annotated[(inner, *extras)] if include_extras else inner
    before = hint.__args__
    after = tuple(_resolved(one, names, localns, include_extras) for one in before)
    if all(one is other for one, other in zip(before, after)):
        return hint
    if origin is Union:
        return Union[after]
    if hasattr(hint, "copy_with"):
        return hint.copy_with(after)
    return functools.reduce(operator.or_, after) if not isinstance(origin, type) or "|" in repr(hint) else origin[after]
""",
        ),
        "warnings": Edit(
            without="_is_internal_frame _next_external_frame warn _warn_unawaited_coroutine",
            adding="""
from _pycage import stack as _stack

_registries = {}

def warn(message, category=None, stacklevel=1, source=None, *, skip_file_prefixes=()):
    if isinstance(message, Warning):
        category = type(message)
    if category is None:
        category = UserWarning
    if not (isinstance(category, type) and issubclass(category, Warning)):
        raise TypeError(f"category must be a Warning subclass, not '{type(category).__name__}'")
    if not isinstance(skip_file_prefixes, tuple):
        raise TypeError("skip_file_prefixes must be a tuple of strs.")
    rows = [row for row in _stack() if not row[0].startswith(skip_file_prefixes)]
    filename, lineno, _, module = rows[min(max(stacklevel, 1), len(rows)) - 1] if rows else ("<sys>", 0, "", "sys")
    registry = _registries.setdefault(filename, {})
    warn_explicit(message, category, filename, lineno, module or "<string>", registry, None, source)
""",
        ),
        # PyZipFile compiles.  The make() of 3.11 turns one object into another.
        "zipfile": Edit(
            gone="PyZipFile",
            without="PyZipFile CompleteDirs.make",
            adding=_COMPLETE_DIRS if sys.version_info < (3, 12) else "",
        ),
        "zipfile._path": Edit(without="CompleteDirs.make", adding=_COMPLETE_DIRS),
        "zoneinfo": Edit(
            alone=True,
            adding="""
from _pycage import timezones as _timezones
from zoneinfo import _common, _zoneinfo

ZoneInfo = _zoneinfo.ZoneInfo
ZoneInfoNotFoundError = _common.ZoneInfoNotFoundError
TZPATH = ()

class InvalidTZPathWarning(RuntimeWarning):
    "Warning raised if an invalid path is specified in PYTHONTZPATH."

def available_timezones():
    "Return the names of the time zones that the host has."
    return _timezones()

def reset_tzpath(to=None):
    raise PermissionError("access denied: where time zones are is the host's to say")
""",
        ),
        "zoneinfo._common": Edit(
            without="load_tzdata",
            adding="""
import io
from _pycage import timezone_data as _data

def load_tzdata(key):
    try:
        return io.BytesIO(_data(key))
    except KeyError:
        pass
    raise ZoneInfoNotFoundError(f"No time zone found with key {key}")
""",
        ),
        "zoneinfo._zoneinfo": Edit(
            without="ZoneInfo.__reduce__ ZoneInfo._find_tzfile obj.__reduce__",
            adding="""
def _find_tzfile(cls, key):
    return None

ZoneInfo._find_tzfile = classmethod(_find_tzfile)
""",
        ),
    }
)
"""Standard module -> its changes; a copied module without a row runs as it is."""

PRIVATE: Final = frozenset(
    """
    _compression _markupbase email._encoded_words email._header_value_parser email._parseaddr email._policybase
    unittest.case unittest.result unittest.util xml.sax._exceptions zipfile._path zipfile._path.glob
    zoneinfo._common zoneinfo._zoneinfo
    """.split()  # noqa: SIM905  # names are read more easily without quotes
)
"""Modules that are copied for other copies only."""
