"""Sandboxes with a module of their own that asks for permissions, calls what it is given, and makes others."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from pycage import MappingResolver, Permission, RuntimePermission, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

X = RuntimePermission("x")
Y = RuntimePermission("y")
PLUGIN = """
import pycage
def ask(permission):
    pycage.check_permission(permission)
    return "done"
def call(function, *args, **kwargs):
    return function(*args, **kwargs)
def make_child(mine, name, **arguments):
    return pycage.Sandboxes.get().find(mine).create_child(name, **arguments)
def make_sandbox(name, **arguments):
    return pycage.Sandboxes.get().create(name, **arguments)
def allows(permission):
    try:
        pycage.check_permission(permission)
    except pycage.AccessDenied:
        return False
    return True
"""
_numbers = itertools.count()


@contextlib.contextmanager
def making() -> Iterator[Callable[..., Sandbox]]:
    """Give what makes sandboxes that have the plugin as ``m``; close them all."""
    with contextlib.ExitStack() as stack:

        def make(*permissions: Permission, **more: object) -> Sandbox:
            name = f"plugged_{next(_numbers)}"
            resolver = MappingResolver({"m": PLUGIN})
            return stack.enter_context(Sandbox(name, resolver=resolver, permissions=permissions, **more))

        yield make
