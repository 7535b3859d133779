"""Numbers that a facade hands to the host: plain ones, so that nothing of a guest is asked a second time."""

from __future__ import annotations

import math

from pycage.errors import type_name
from pycage.imports.facades.checks import exact

__all__ = ["exact_integer", "exact_seconds"]


def exact_integer(value: object, what: str) -> int:
    """Return an integer as a plain one.

    Args:
        value: An int or of a class derived from it, such as a member of an enumeration.
        what: What it is, for the message.
    """
    number = exact(value)
    if type(number) is bool:
        return int(number)
    if type(number) is not int:
        message = f"{what} must be an integer, not {type_name(value)}"
        raise TypeError(message)
    return number


def exact_seconds(value: object) -> float:
    """Return a number of seconds as a plain one: who waits compares it with those of others, as long as it waits."""
    kind = type(value)
    if kind is int or kind is float:
        seconds: float = value  # type: ignore[assignment]  # exactly one of these
    elif issubclass(kind, (str, bytes, bytearray)):
        message = f"a number of seconds is needed, not {type_name(value)}"
        raise TypeError(message)
    else:
        seconds = float(value)  # type: ignore[arg-type]  # TypeError if it is no number
    if math.isnan(seconds):
        message = "Invalid value NaN (not a number)"
        raise ValueError(message)
    return seconds
