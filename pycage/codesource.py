"""Where code came from: the key under which permissions are granted."""

# Problem.  Java's CodeSource compares URLs as strings and hosts through DNS: `file:/a/b/-` implies
# `file:/a/b/../c.jar`, a code base without a port matches every port, and equality may look up names.
#
# Idea.  A URL is parsed once, when the code source is made: scheme and host in lower case, the scheme's own port where
# none is written, percent-escapes decoded once, dot segments folded after that.  What cannot be parsed in one way only
# (a path that climbs above its root, an escape that is still there after decoding, control characters, a user name) is
# refused then.  From there on it is comparison of text.
#
# The wildcards `/-` and `/*` are looked for in the URL as it is written: `/a/%2A` is a file called `*`.

from __future__ import annotations

import re
from typing import Final, NamedTuple, final
from urllib.parse import unquote_to_bytes

import attrs

from pycage.permissions.text import shorten, type_name

__all__ = ["CodeSource"]

_URL: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?"  # RFC 3986, appendix B
)
_AUTHORITY: Final = re.compile(r"(\*|(?:\*\.)?[A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

_DEFAULT_PORTS: Final = {"ftp": 21, "http": 80, "https": 443}
_LAST_PORT: Final = 65535

_EXACT: Final = 0
_CHILDREN: Final = 1
_TREE: Final = 2
_WILDCARDS: Final = {"/*": _CHILDREN, "/-": _TREE}


class _Location(NamedTuple):
    """A URL, taken apart.  ``path`` of a pattern is the directory, with its slash."""

    scheme: str
    host: str
    port: int | None
    path: str
    kind: int
    query: str | None
    fragment: str | None


@final
@attrs.frozen(cache_hash=True)
class CodeSource:
    """Where code came from: a URL, and where it is known a digest of the code.

    One stands for the code of a sandbox (``pycage://sandbox/<name>``) or, in a grant, for all code that it implies:
    ``None`` for any, ``…/*`` for what is directly in a directory and the directory itself, ``…/-`` for everything
    below it.

    Two are equal if their texts are; nothing is looked up or normalised for that.

    Attributes:
        url: The URL as it was given, or ``None``: no location, which a grant reads as any.
        digest: Names the exact code, as in ``sha256:…``; an opaque text.  ``None``: unknown, or any.

    Raises:
        TypeError: An argument is neither exactly a ``str`` nor ``None``.
        ValueError: The URL cannot be read in one way only, or the digest is empty.

    Example:
        >>> everything = pycage.CodeSource("file:/srv/plugins/-")
        >>> everything.implies(pycage.CodeSource("file:/srv/plugins/mail/main.py"))
        True
    """

    url: str | None
    digest: str | None = None
    _location: _Location | None = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check and parse."""
        for what, value in (("url", self.url), ("digest", self.digest)):
            if value is not None and type(value) is not str:
                message = f"CodeSource: the {what} must be a str or None, not {type_name(value)}"
                raise TypeError(message)
        if self.digest == "":
            message = "CodeSource: the digest is empty; pass None if it is not known"
            raise ValueError(message)
        object.__setattr__(self, "_location", None if self.url is None else _parse(self.url))

    def implies(self, other: CodeSource) -> bool:
        """Tell whether what is granted to this code source is granted to ``other``.

        A grant without a URL implies every location, one without a digest every code.  Otherwise scheme and port are
        the same (a missing port is the scheme's own), the path is the same, the same with a slash behind it, or
        matches a wildcard, the fragment is the same if the grant has one, and the host is the same (in any case;
        empty is ``localhost``) or ends with the ``.x`` of a grant for ``*.x``.

        A pattern can be asked for too: ``/*`` is implied by the same ``/*`` or by a ``/-`` at or above it.

        Source: ``java.security.CodeSource.implies`` (Java SE 17), without DNS, with ports and paths compared exactly.
        """
        if type(other) is not CodeSource:
            return False
        if self.digest is not None and self.digest != other.digest:
            return False
        grant, request = self._location, other._location
        if grant is None:
            return True
        if request is None:
            return False
        return (
            grant.scheme == request.scheme
            and grant.port == request.port
            and _path_implies(grant, request)
            and grant.fragment in {None, request.fragment}
            and _host_implies(grant.host, request.host)
        )


def _host_implies(grant: str, request: str) -> bool:
    if grant.startswith("*"):
        return request.endswith(grant[1:])
    return grant == request


def _path_implies(grant: _Location, request: _Location) -> bool:
    if request.kind > grant.kind:
        return False
    if grant.kind == _TREE:
        return request.path.startswith(grant.path)
    if grant.kind == _CHILDREN:
        return request.path[: request.path.rfind("/") + 1] == grant.path
    return grant.query == request.query and request.path in {grant.path, grant.path + "/"}


def _parse(url: str) -> _Location:
    match = _URL.fullmatch(url) if url.isprintable() and " " not in url else None
    if match is None:
        message = f"{shorten(url)} is not a URL; write scheme:path or scheme://host/path, without blanks"
        raise ValueError(message)
    scheme, authority, raw_path, query, fragment = match.groups()
    scheme = scheme.lower()
    where = _AUTHORITY.fullmatch(authority or "")
    if where is None:
        message = f"{shorten(url)}: the host must be a name or an address, with nothing before it and a port behind it"
        raise ValueError(message)
    host, port_text = where.groups()
    port = int(port_text) if port_text else _DEFAULT_PORTS.get(scheme)
    if port is not None and port > _LAST_PORT:
        message = f"{shorten(url)}: the port is above 65535"
        raise ValueError(message)
    # With a query or fragment behind it, the last segment of the path is not the end of the URL, hence no wildcard.
    kind = _WILDCARDS.get(raw_path[-2:], _EXACT) if query is None and fragment is None else _EXACT
    path = _fold(_decode(raw_path[:-1] if kind else raw_path, url), url)
    return _Location(scheme, host.lower() or "localhost", port, path, kind, query, fragment)


def _decode(path: str, url: str) -> str:
    """Decode percent-escapes once."""
    if "%" not in path:
        return path
    if _BROKEN_ESCAPE.search(path):
        message = f"{shorten(url)}: a percent sign without two hexadecimal digits behind it"
        raise ValueError(message)
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        message = f"{shorten(url)}: the path is not UTF-8"
        raise ValueError(message) from None
    if not decoded.isprintable() or _ESCAPE.search(decoded):
        message = f"{shorten(url)}: the path is escaped twice, or hides control characters"
        raise ValueError(message)
    return decoded


def _fold(path: str, url: str) -> str:
    """Fold empty, ``.`` and ``..`` segments.  A slash at the end stays, since it makes the path a directory."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if not kept:
                message = f"{shorten(url)}: the path climbs above its root"
                raise ValueError(message)
            kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    directory = bool(kept) and segments[-1] in {"", ".", ".."}
    return ("/" if path.startswith("/") else "") + "/".join(kept) + ("/" if directory else "")
