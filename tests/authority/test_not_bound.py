"""What the table of hand-offs does not have: what host code keeps there for a sandbox runs as the host's, as documented."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import logging.handlers
import queue
import sys
import types
import urllib.request
import xml.sax
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pycage
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PERMISSION = pycage.RuntimePermission("launch")
Effect = Any


def opener(effect: Effect) -> Callable[[], object]:
    handler, director = urllib.request.BaseHandler(), urllib.request.OpenerDirector()
    handler.other_open = effect  # type: ignore[attr-defined]  # found by its name
    director.add_handler(handler)
    return lambda: director.open("other:x")


def listener(effect: Effect) -> Callable[[], object]:
    handler: Any = types.SimpleNamespace(handle=effect, level=0)
    one = logging.handlers.QueueListener(queue.SimpleQueue(), handler)
    return lambda: one.handle(logging.makeLogRecord({}))


def content(effect: Effect) -> Callable[[], object]:
    parser, handler = xml.sax.make_parser(), xml.sax.ContentHandler()
    handler.startDocument = effect  # type: ignore[method-assign]  # as a class would
    parser.setContentHandler(handler)
    return lambda: parser.feed("<a/>")  # type: ignore[attr-defined]  # of expat


def argument(effect: Effect) -> Callable[[], object]:
    parser = argparse.ArgumentParser()
    parser.add_argument("one", type=effect)
    return lambda: parser.parse_args(["x"])


def callback(effect: Effect) -> Callable[[], object]:
    function: Any = ctypes.CFUNCTYPE(None)(effect)
    return lambda: function()


def logger(effect: Effect) -> Callable[[], object]:
    class Logger(logging.Logger):
        def __init__(self, name: str) -> None:
            effect(name)

    manager = logging.Manager(logging.RootLogger(logging.INFO))
    manager.setLoggerClass(Logger)
    return lambda: manager.getLogger("one")


def initializer(effect: Effect) -> Callable[[], object]:
    pool: Any = ProcessPoolExecutor(1, initializer=effect)
    return pool._initializer  # type: ignore[no-any-return]  # what a process of the pool calls first


def hooks(effect: Effect) -> Callable[[], object]:
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=effect)

    async def generator() -> Any:
        yield 1

    def run() -> None:
        try:
            generator().__anext__()
        finally:
            sys.set_asyncgen_hooks(*before)

    return run


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("store", [opener, listener, content, argument, callback, logger, initializer, hooks])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_an_object_uses_is_the_hosts(
    store: Callable[[Effect], Callable[[], object]], monkeypatch: pytest.MonkeyPatch, *, by_hand: bool
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda *_: None)
    done: list[str] = []
    kept: list[Callable[[], object]] = []

    def effect(*_arguments: object) -> None:
        pycage.check_permission(PERMISSION)
        done.append("done")

    def keep() -> None:
        kept.append(store(pycage.get_context().bind(effect) if by_hand else effect))

    with pycage.Sandbox("kept_for") as sandbox:
        sandbox.expose("keep", keep)
        sandbox.run("from host import keep\nkeep()")
        with contextlib.suppress(pycage.AccessDenied, AttributeError):  # what was made is no logger
            kept.pop()()

    assert done == ([] if by_hand else ["done"])
