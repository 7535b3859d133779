"""Stores of `test_places`: objects and classes of the standard library that keep a callable for everybody who uses them."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import logging.handlers
import multiprocessing.managers
import multiprocessing.process
import multiprocessing.reduction
import sched
import types
import unittest
import unittest.case
import webbrowser
import wsgiref.simple_server
from email.contentmanager import ContentManager
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Effect = Callable[..., object] if TYPE_CHECKING else object


class Referent:
    """Something of the host's."""


def process(effect: Effect) -> Callable[[], object]:
    return multiprocessing.process.BaseProcess(target=effect).run


def manager(effect: Effect) -> Callable[[], object]:
    class Manager(multiprocessing.managers.BaseManager):
        """A register of its own: it is made with the class."""

        _registry: dict[str, Any] = {}  # noqa: RUF012  # as its base has it

    Manager.register("one", effect)
    return lambda: Manager._registry["one"][0]()


def pickler(effect: Effect) -> Callable[[], object]:
    multiprocessing.reduction.ForkingPickler.register(Referent, effect)

    def run() -> None:
        try:
            with contextlib.suppress(Exception):  # what comes back makes nothing
                multiprocessing.reduction.ForkingPickler.dumps(Referent())
        finally:
            del multiprocessing.reduction.ForkingPickler._extra_reducers[Referent]

    return run


def timetable(effect: Effect) -> Callable[[], object]:
    return functools.partial(sched.scheduler(effect).enter, 1, 1, print)


def window(effect: Effect) -> Callable[[], object]:
    import tkinter

    widget = types.SimpleNamespace(_report_exception=lambda: None)
    return tkinter.CallWrapper(effect, None, widget)


def formatter(effect: Effect) -> Callable[[], object]:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(types.SimpleNamespace(format=effect))
    return functools.partial(handler.format, logging.makeLogRecord({}))


def target(effect: Effect) -> Callable[[], object]:
    handler = logging.handlers.MemoryHandler(1000)
    handler.setTarget(types.SimpleNamespace(handle=effect))
    handler.buffer.append(logging.makeLogRecord({}))
    return handler.flush


def content_got(effect: Effect) -> Callable[[], object]:
    content, message = ContentManager(), EmailMessage()
    content.add_get_handler("text/plain", effect)
    message["Content-Type"] = "text/plain"
    return lambda: content.get_content(message)


def content_set(effect: Effect) -> Callable[[], object]:
    content = ContentManager()
    content.add_set_handler(str, effect)
    return lambda: content.set_content(EmailMessage(), "text")


def module_cleanup(effect: Effect) -> Callable[[], object]:
    unittest.addModuleCleanup(effect)
    return unittest.doModuleCleanups


def class_cleanup(effect: Effect) -> Callable[[], object]:
    class Case(unittest.TestCase):
        """Cleanups of its own."""

        _class_cleanups: list[Any] = []  # noqa: RUF012  # as its base has it

    Case.addClassCleanup(effect)
    return Case.doClassCleanups


def cleanup(effect: Effect) -> Callable[[], object]:
    case = unittest.FunctionTestCase(lambda: None)
    case.addCleanup(effect)
    with contextlib.suppress(AttributeError):
        case._outcome = types.SimpleNamespace(testPartExecutor=lambda *_, **__: contextlib.nullcontext(), success=True)
    return case.doCleanups


def browser(effect: Effect) -> Callable[[], object]:
    webbrowser.register("browser of a test", effect)

    def run() -> None:
        try:
            webbrowser.get("browser of a test")
        finally:
            del vars(webbrowser)["_browsers"]["browser of a test"]

    return run


def application(effect: Effect) -> Callable[[], object]:
    server = wsgiref.simple_server.WSGIServer.__new__(wsgiref.simple_server.WSGIServer)
    server.set_app(effect)
    return lambda: server.get_app()()


STORES = {
    ("multiprocessing.process:BaseProcess", "__init__"): process,
    ("multiprocessing.managers:BaseManager", "register"): manager,
    ("multiprocessing.reduction:ForkingPickler", "register"): pickler,
    ("sched:scheduler", "__init__"): timetable,
    ("tkinter:CallWrapper", "__init__"): window,
    ("logging:Handler", "setFormatter"): formatter,
    ("logging.handlers:MemoryHandler", "setTarget"): target,
    ("email.contentmanager:ContentManager", "add_get_handler"): content_got,
    ("email.contentmanager:ContentManager", "add_set_handler"): content_set,
    ("unittest.case", "addModuleCleanup"): module_cleanup,
    ("unittest.case:TestCase", "addClassCleanup"): class_cleanup,
    ("unittest.case:TestCase", "addCleanup"): cleanup,
    ("webbrowser", "register"): browser,
    ("wsgiref.simple_server:WSGIServer", "set_app"): application,
}
# Not in every Python.
OPTIONAL = {("tkinter:CallWrapper", "__init__"): "tkinter"}
