"""Careless functions of the host: each does for its caller what Java's platform classes do, and lends no privilege.

In Java a sandbox calls System.loadLibrary, Policy.getPolicy and new Thread itself.  A sandbox of pycage has no module
that offers them, so here it calls a host that does.
"""

import ctypes
import threading
import types

import pycage

# A function of the platform, shared by mistake: the frame that calls it is the sandbox's.
define_class = compile

__all__ = [
    "current_thread",
    "define_class",
    "function_from",
    "get_policy",
    "load_library",
    "set_policy",
    "start_thread",
]


def load_library(name):
    return ctypes.CDLL(name)


def get_policy():
    return pycage.get_policy()


def set_policy():
    pycage.install(allow_subinterpreters=True)


def start_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def current_thread():
    return threading.current_thread()


def function_from(function):
    return types.FunctionType(function.__code__, {})
