"""Enumerations of sandboxes: no member may stand for a guarded attribute of its value."""

# Problem.  A member with the name of a descriptor that a base class has is replaced by an `enum.property` which reads
# the attribute of that name off the member's *value*: with a member `_secret`, `E.A._secret` is `E.A.value._secret`,
# and the value is any object that the sandbox holds.  What reads is the standard library, so no guard stands between.
#
# Things that do not work:
#
# - Looking at the class when it is ready: a metaclass saw the redirecting object before, and puts it anywhere.
# - Refusing metaclasses derived from EnumType: an `__iter__` or `__contains__` of one's own is ordinary.
#
# Idea.  Such an object is refused where the standard library makes it, if a sandbox is on the stack and the name is
# one that a guard would have to judge.  CPython 3.11 makes none.
#
# What still fails.  A host that makes an Enum with such members from names of a sandbox's choice, later.

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING

from pycage import _core, access
from pycage.errors import AccessDenied
from pycage.imports.tools import CLASS_DICT, MRO
from pycage.language.names import VALUE, classify

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["install"]


def _judge(cls: type, name: object) -> None:
    if type(name) is str and not name.startswith("_") and classify(name) != VALUE:
        return
    if _core.snapshot() is None or not any(name in CLASS_DICT(base) for base in MRO(cls)[1:]):
        return
    message = "a member of an Enum in a sandbox cannot have this name, because a base class has it too"
    denied = AccessDenied(message)
    access.record_denial(denied)
    raise denied


def _judging_add(original: Callable[..., None]) -> Callable[..., None]:  # 3.13
    @functools.wraps(original)
    def _add_member_(cls: type, name: object, member: object) -> None:
        _judge(cls, name)
        original(cls, name, member)

    return _add_member_


def _judging_set_name(original: Callable[..., None]) -> Callable[..., None]:  # 3.12
    @functools.wraps(original)
    def __set_name__(self: object, enum_class: type, member_name: object) -> None:  # noqa: N807  # it is that
        _judge(enum_class, member_name)
        original(self, enum_class, member_name)

    return __set_name__


def _exact_missing(original: Callable[..., object]) -> Callable[..., object]:
    # A combination of flags is kept under its value: a number with an __eq__ of its own would be found for others.
    @functools.wraps(original)
    def _missing_(cls: type, value: object) -> object:
        plain = int.__index__(value) if isinstance(value, int) and type(value) is not int else value
        return original(cls, plain)

    return _missing_


@functools.cache
def install() -> None:
    """Put the wrapper in place, once, before the first sandbox is made."""
    missing = vars(enum.Flag)["_missing_"].__func__
    enum.Flag._missing_ = classmethod(_exact_missing(missing))  # type: ignore[method-assign, assignment]  # the point
    if hasattr(enum.EnumType, "_add_member_"):
        enum.EnumType._add_member_ = _judging_add(enum.EnumType._add_member_)
    elif hasattr(enum.property, "_attr_type"):
        member = vars(enum)["_proto_member"]
        member.__set_name__ = _judging_set_name(member.__set_name__)
