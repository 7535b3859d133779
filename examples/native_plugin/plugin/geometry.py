"""A plugin as its author wrote it, who knows ctypes and nothing of sandboxes."""

import ctypes
import ctypes.util
import functools


@functools.cache
def library(name):
    return ctypes.CDLL(ctypes.util.find_library(name), use_errno=True)


def hypotenuse(a, b):
    hypot = library("m").hypot
    hypot.restype = ctypes.c_double
    hypot.argtypes = [ctypes.c_double, ctypes.c_double]
    return hypot(a, b)


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def compare(a, b):
    return a[0] - b[0]


def sort(numbers):
    values = (ctypes.c_int * len(numbers))(*numbers)
    library("c").qsort(values, len(values), ctypes.sizeof(ctypes.c_int), compare)
    return list(values)


def peek():
    descriptor = library("c").open(b"/etc/passwd", 0)
    return "opened" if descriptor >= 0 else f"errno {ctypes.get_errno()}"


def crash():
    library("c").abort()
