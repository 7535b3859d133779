"""A bare object of the host, for tests of what a sandbox can have done with one by others, or later."""

from __future__ import annotations

import pycage

PERMISSION = pycage.RuntimePermission("launch")


class Rocket:
    """A bare object of the host: whoever has it calls its methods, and they ask for a permission."""

    def __init__(self) -> None:
        self.launched: list[object] = []

    def close(self) -> None:
        self.launch("close")

    def write(self, text: str) -> None:
        self.launch(text)

    def launch(self, *args: object, **_kwargs: object) -> object:
        pycage.check_permission(PERMISSION)
        self.launched.append(args)
        return args[0] if args else None

    @property
    def risky(self) -> object:
        return self.launch("property")
