"""Arguments by reference: objects of this process, laid out in the arena for the time of one call."""

# Problem.  A library gets pointers to objects whose bytes are here.  It must see all that is reachable from them, and
# what it changes must come back; and no address of this process, and no byte that is not the object's, may go there.
#
# Idea.  Each object that is reachable gets a place in the arena once (so cycles end), pointers in it become addresses
# of those places in the executor, and after the call each place is copied once into private memory and judged there:
# a pointer that is what it was stays what it was, one into the arena becomes one to the local object, and every other
# one becomes a handle.
#
# What still fails.  A library that keeps such a pointer after the call has one into memory that later calls use.  That
# is its own memory; the host only ever copies from it what a call may change.

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any

from pycage_native import _channel
from pycage_native.types.handles import MASK, POINTER_SIZE, Handle, StaleHandle, registered
from pycage_native.types.memory import Local, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pycage_native._channel import Link


class Area:
    """The place of (a part of) one object."""

    __slots__ = ("block", "goes_in", "goes_out", "image", "offset", "sent", "size", "start", "to_zero", "views")

    def __init__(self, block: Local, start: int, size: int, offset: int) -> None:
        self.block = block
        self.start = start
        self.size = size
        self.offset = offset  # in the link's memory
        self.goes_in = True
        self.goes_out = not block.frozen
        self.to_zero = False
        self.sent: dict[int, int] = {}  # pointers, by their offset in the area
        self.views: set[tuple[Any, int]] = set()  # types that a pointer says are at an offset of the block
        self.image: bytes | None = None

    def pointers(self) -> set[int]:
        """Where in the area the types say that pointers are."""
        kind = self.block.kind
        if not self.views and (kind is None or not kind._pointers_):
            return set()
        views = self.views if kind is None else self.views | {(kind, 0)}
        return {
            at + offset - self.start
            for kind, at in views
            for offset in kind._pointers_
            if self.start <= at + offset <= self.start + self.size - POINTER_SIZE
        }


class Arena:
    """The arena of one channel, during one call."""

    def __init__(self, link: Link, channel: int) -> None:
        self.link = link
        self.channel = channel
        self.memory = memoryview(link).cast("B")
        self._areas: dict[int, Area] = {}
        self._order: list[Area] = []
        self._written = 0

    def address(self, target: Any, kind: Any = None) -> int:
        """Return the number that stands for a target in the executor.

        Args:
            target: What a pointer points to.
            kind: Type of what lies there, if the pointer says it.

        Raises:
            StaleHandle: It is in the memory of an executor that has ended, or of another one.
            MemoryError: The arena is full.
        """
        if target is None:
            return 0
        if isinstance(target, Place):
            area = self._area(target._block)
            if kind is not None and kind._pointers_ and kind is not target._block.kind:
                area.views.add((kind, target.at))
            return self._remote(area, target.at)
        if isinstance(target, Handle):
            return number_of(target, self.link)
        if type(target) is int:
            return target & MASK
        return registered(target, self.link, self.channel)

    def _remote(self, area: Area, at: int) -> int:
        if not area.start <= at <= area.start + area.size:
            raise ValueError("two arguments are parts of one object, of which an annotation passes less than both need")
        return (self.link.remote + area.offset + at - area.start) & MASK

    def _area(self, block: Local) -> Area:
        found = self._areas.get(id(block))
        return self._new(block, 0, len(block.data)) if found is None else found

    def _new(self, block: Local, start: int, size: int) -> Area:
        area = Area(block, start, size, self.link.reserve(self.channel, size))
        self._areas[id(block)] = area
        self._order.append(area)
        return area

    def address_of_part(self, target: Place, size: int | None, *, goes_in: bool, goes_out: bool, to_zero: bool) -> int:
        """As `address`, for an annotated argument.

        Raises:
            ValueError: The object has fewer bytes behind the place, or no NUL.
        """
        block = target._block
        rest = len(block.data) - target.at
        if size is not None and size > rest:
            raise ValueError(f"the annotation says {size} bytes, but the object has only {rest}")
        if to_zero and not goes_out:
            end = bytes(block.data[target.at :]).find(0)
            if end < 0:
                raise ValueError("the string has no NUL within its object")
            size = end + 1
        area = self._areas.get(id(block))
        if area is None:
            area = self._new(block, target.at, rest if size is None else size)
            area.goes_in, area.goes_out, area.to_zero = goes_in, goes_out and not block.frozen, to_zero and goes_out
        else:  # also another argument: what either of them needs
            area.goes_in = area.goes_in or goes_in
            area.goes_out = area.goes_out or (goes_out and not block.frozen)
            area.to_zero = False
            self._remote(area, target.at + (size or 0))
        return self._remote(area, target.at)

    def bytes_of(self, block: Local | Handle, at: int, size: int) -> bytes:
        """Return the bytes of a structure that is passed by value, with its pointers."""
        data = bytearray(block.read(at, size))
        for offset, aim in block.aims_in(at, size):
            data[offset : offset + POINTER_SIZE] = self.address(aim).to_bytes(POINTER_SIZE, "little")
        return bytes(data)

    def reserve(self, size: int) -> tuple[int, int]:
        """Room without an object: its offset in the link's memory, zeroed, and its address."""
        offset = self.link.reserve(self.channel, size)
        self.memory[offset : offset + size] = bytes(size)
        return offset, (self.link.remote + offset) & MASK

    def write(self) -> None:
        """Copy everything in that is reachable."""
        while self._written < len(self._order):
            area = self._order[self._written]
            self._written += 1
            memory, offset, block = self.memory, area.offset, area.block
            if not area.goes_in:
                memory[offset : offset + area.size] = bytes(area.size)
                continue
            whole = area.size == len(block.data)
            memory[offset : offset + area.size] = (
                block.data if whole else block.data[area.start : area.start + area.size]
            )
            for at, aim in block.aims_in(area.start, area.size) if block.aims else ():
                number = self.address(aim)
                area.sent[at] = number
                memory[offset + at : offset + at + POINTER_SIZE] = number.to_bytes(POINTER_SIZE, "little")

    def copy_back(self) -> None:
        """Copy everything out that may have changed.  Each byte is read once."""
        for area in self._order[: self._written]:
            if area.goes_out:
                self._copy_back(area, bytes(self.memory[area.offset : area.offset + area.size]))
        for area in self._order[: self._written]:
            if area.block.origin is not None and area.goes_out:
                area.block.origin.restore(area.block)

    def _copy_back(self, area: Area, fresh: bytes) -> None:
        block, start = area.block, area.start
        if area.to_zero:
            end = fresh.find(0)
            fresh = fresh if end < 0 else fresh[: end + 1]
        typed = area.pointers()
        if not typed and not area.sent:
            block.write(start, fresh)
            return
        data = bytearray(fresh)
        aims = {}
        for at in typed | area.sent.keys():
            if at + POINTER_SIZE > len(data):
                continue
            number = int.from_bytes(data[at : at + POINTER_SIZE], "little")
            if area.sent.get(at) == number:
                aims[at] = block.aims.get(start + at)
            elif at in typed and number:
                aims[at] = self.target(number)
            if aims.get(at) is not None and not isinstance(aims[at], Handle):
                data[at : at + POINTER_SIZE] = bytes(POINTER_SIZE)
        block.write(start, data)
        block.aims.update({start + at: aim for at, aim in aims.items() if aim is not None})

    def target(self, number: int) -> Any:
        """Return what a number of the library means: a local object's place, or a handle; None for NULL."""
        if number == 0:
            return None
        offset = number - self.link.remote
        if 0 <= offset < self.link.size:
            # Reserved one after the other, so they are in order.
            index = bisect.bisect_right(self._order, offset, key=lambda area: area.offset) - 1
            if index >= 0:
                area = self._order[index]
                if offset <= area.offset + area.size:
                    return Place(area.block, area.start + offset - area.offset)
        return Handle(self.link, number)

    def adopt(self, block: Local, offsets: Iterable[int]) -> None:
        """Give meaning to the pointers of a structure that was returned by value."""
        for offset in offsets:
            aim = self.target(int.from_bytes(block.data[offset : offset + POINTER_SIZE], "little"))
            block.set_aim(offset, aim)


def number_of(handle: Handle, link: Link) -> int:
    """Return the number of a handle, for words to its own executor.

    Raises:
        StaleHandle: It belongs to another executor.
    """
    if handle._running is not link:
        raise StaleHandle("this handle belongs to another library, or to its executor before a restart")
    return _channel.number(handle)
