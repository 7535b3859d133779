"""What a sandbox must not get hold of: a link takes any request, and could be made of any descriptors of the host."""

from __future__ import annotations

import pycage_native
import pytest
from pycage import NativePermission, Sandbox
from pycage_native import _channel
from pycage_native.search import find

PLUGIN = """
import ctypes

seen = []

class Curious:
    def __native_address__(self, link):
        seen.append(link)
        return 0

    def _address(self, link):
        seen.append(link)
        return 0

def attempts(handle, function, buffer):
    yield lambda: handle.link
    yield lambda: handle._link
    yield lambda: handle._running
    yield lambda: function.link
    yield lambda: function._link
    yield lambda: buffer._link
    yield lambda: type(function)("puts", 0, "i", b"", True, None)
    yield lambda: function(Curious())

def reached(*given):
    for attempt in attempts(*given):
        try:
            seen.append(attempt())
        except (AttributeError, TypeError, PermissionError):
            pass
    return seen
"""


def test_a_sandbox_reaches_no_link():
    with pycage_native.load("libc.so.6") as libc, Sandbox("reach") as sandbox, libc.buffer(64) as buffer:
        sandbox.grant(NativePermission(find("libc.so.6"), "load,call"))
        handle = libc.function("malloc", pycage_native.c_void_p, [pycage_native.c_size_t])(64)
        free = libc.function("free", None, [pycage_native.c_void_p])
        reached = sandbox.run(PLUGIN + "reached").value

        assert list(reached(handle, free, buffer)) == []


def test_no_type_of_the_channel_makes_objects(libc):
    function = libc.function("abs")
    for kind in (type(function), type(libc.link)):
        with pytest.raises(TypeError, match="cannot create"):
            kind()
        with pytest.raises(TypeError):
            object.__new__(kind)
    with pytest.raises(AttributeError):
        function.gate = None
    assert _channel.Link is not type(libc.link)
