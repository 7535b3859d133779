"""What a resolver returns: the source of one module, and the resources beside it.

A resolver answers one question, *what is the source of this module?*, and has no authority of its own: the loader
asks it with the host's privilege, after the sandbox's loader policy allowed the name.  Source:
``JCClassNameResolverType`` of jcage, where ``null`` means not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import attrs

from pycage.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_SOURCE_BYTES", "Resolver", "Resources", "Source", "bounded"]

MAX_SOURCE_BYTES: Final = 16 * 1024 * 1024
"""Largest source text and largest resource, in bytes."""


class Resources(Protocol):
    """The files beside a package's modules.  Paths are relative, with ``/``, and were validated by the caller."""

    def read(self, path: str, /) -> bytes | None:
        """Return the content of a file, ``None`` if there is no such file.

        Raises:
            LimitExceeded: It is larger than `MAX_SOURCE_BYTES`.
        """
        ...

    def children(self, path: str, /) -> Sequence[tuple[str, bool]] | None:
        """Return names in a directory, each with whether it is a directory; ``None`` if there is no such directory.

        The path ``""`` is the package itself.
        """
        ...


@attrs.frozen
class Source:
    """The source of one module.

    Attributes:
        name: The dotted name it was found under.
        text: The source, encoded as PEP 263 says; ``compile`` decodes it.
        filename: What tracebacks and ``__file__`` show.  The sandbox can read it.
        is_package: Whether modules below it may exist.
        resources: Its package's resources, ``None`` if it has none.

    Example:
        >>> source = pycage.Source("plugins.thumb", b"SIZE = 64", "<plugins.thumb>")
        >>> source.name, source.is_package
        ('plugins.thumb', False)
    """

    name: str = attrs.field(validator=attrs.validators.instance_of(str))
    text: bytes = attrs.field(validator=attrs.validators.instance_of(bytes), repr=False)
    filename: str = attrs.field(validator=attrs.validators.instance_of(str))
    is_package: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))
    resources: Resources | None = attrs.field(default=None, repr=False)


@runtime_checkable
class Resolver(Protocol):
    """Finds source by module name.  Runs with the host's privilege, so it must not act beyond reading.

    Example:
        >>> class Numbered:
        ...     def find(self, name, /):
        ...         text = f"NUMBER = {name[1:]}".encode()
        ...         return pycage.Source(name, text, f"<{name}>") if name[1:].isdecimal() else None
        >>> with pycage.Sandbox("numbers", resolver=Numbered()) as sandbox:
        ...     sandbox.load("n17").NUMBER
        17
    """

    def find(self, name: str, /) -> Source | None:
        """Return the module's source, or ``None`` if there is no such module.

        Args:
            name: A valid dotted name (``pycage.imports.names``); a resolver called directly checks it itself.

        Raises:
            LimitExceeded: The source is too large.
            PolicyError: The source is there but may not be used, such as a link that leads out of its directory.
        """
        ...


def bounded(content: bytes, what: str) -> bytes:
    """Return ``content``.

    Raises:
        LimitExceeded: It is longer than `MAX_SOURCE_BYTES`; the message begins with ``what``.
    """
    if len(content) > MAX_SOURCE_BYTES:
        message = f"{what} is larger than {MAX_SOURCE_BYTES} bytes"
        raise LimitExceeded(message)
    return content
