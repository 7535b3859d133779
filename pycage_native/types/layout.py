"""Where the members of a structure or union lie: what GCC does on x86-64 and aarch64 Linux."""

# Where the rules stand: System V ABI, AMD64 supplement, 3.1.2; AAPCS64, 5.9 and 10.1.8.  For bit fields under
# #pragma pack they stand nowhere but in GCC (stor-layout.c: place_field, update_alignment_for_field).
#
# ctypes of Python 3.11 to 3.13 lays out bit fields of mixed types in a way of its own.  The compiler is right: it made
# the library.

from __future__ import annotations

from typing import NamedTuple


class Member(NamedTuple):
    """What is to be placed: sizes in bytes; ``bits`` None if it is no bit field."""

    name: str
    size: int
    align: int
    bits: int | None = None


class Placed(NamedTuple):
    """Where it lies.  ``bit`` counts from the start of the byte at ``offset``."""

    name: str
    offset: int
    bit: int = 0


class Layout(NamedTuple):
    """The whole: sizes in bytes."""

    members: tuple[Placed, ...]
    size: int
    align: int


def _up(value: int, to: int) -> int:
    return -(-value // to) * to


def lay_out(
    members: list[Member],
    *,
    union: bool = False,
    pack: int = 0,
    base_size: int = 0,
    base_align: int = 1,
    least_align: int = 1,
) -> Layout:
    """Place members one after the other, or all at the start.

    Args:
        members: In their order.
        union: Whether they share their place.
        pack: ``#pragma pack(n)``; 0: none.
        base_size: Bytes of the structure that is extended.
        base_align: And its alignment.
        least_align: Of the whole, as ``__attribute__((aligned(n)))``.
    """
    placed = []
    position = base_size * 8  # in bits
    end = position
    align = max(base_align, least_align)
    for member in members:
        own = min(member.align, pack) if pack else member.align
        align = max(align, own)
        if union:
            position = 0
        if member.bits is None:
            position = _up(position, own * 8)
            size = member.size * 8
        else:
            size = member.bits
            unit = member.size * 8
            # A bit field does not cross a boundary of its type, except where fields are packed.
            if not pack and position // unit != (position + size - 1) // unit:
                position = _up(position, unit)
        placed.append(Placed(member.name, position // 8, position % 8))
        position += size
        end = max(end, position)
    return Layout(tuple(placed), _up(_up(end, 8) // 8, align), align)
