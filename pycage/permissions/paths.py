"""Path names with wildcards, compared lexically: what `FilePermission` and its relatives mean by a name."""

# Problem.  A permission names files; a name can be spelt in many ways and may be a link to somewhere else.
#
# Things that do not work:
#
# - Ask the file system (realpath): implies() would do I/O, answer differently from one moment to the next, and still
#   say nothing about the moment when the file is opened.  Java removed this in JDK 9.
# - posixpath.normpath alone: it keeps a double slash at the beginning, and its C version cut names at a NUL
#   (CVE-2023-41105).
#
# Idea.  Fold `.`, `..` and double slashes in the text, once; refuse NUL; compare text.  The place that opens the file
# resolves links itself and asks about the real path.
#
# What still fails.  Behind a symbolic link, `link/..` is not what the text says.  Enforcement points must ask about
# the path that the kernel will use.

from __future__ import annotations

from typing import Final, NamedTuple

from pycage.permissions.text import shorten

__all__ = ["ALL_FILES", "CHILDREN", "EVERYTHING", "EXACT", "LITERAL", "TREE", "PathPattern", "exact_name"]

ALL_FILES: Final = "<<ALL FILES>>"

# Kinds of pattern.  The order of the first three matters: a request needs a grant of its own kind or a later one.
EXACT: Final = 0  # the path itself
CHILDREN: Final = 1  # p/*: what is directly in p; neither p nor anything deeper
TREE: Final = 2  # p/-: everything below p, but not p
LITERAL: Final = 3  # not a path but a word, equal to itself only
EVERYTHING: Final = 4  # <<ALL FILES>>

_WILDCARDS: Final = {"*": CHILDREN, "-": TREE}


class PathPattern(NamedTuple):
    """A set of paths.

    Attributes:
        base: Normalised path without the wildcard segment; ``""`` is the current directory.
        kind: One of the constants of this module.
    """

    base: str
    kind: int

    @classmethod
    def parse(cls, name: str) -> PathPattern:
        """Read a path name.

        ``*`` and ``-`` are wildcards only as the whole last segment: there is no globbing, and ``/a*`` is a file.

        Raises:
            ValueError: The name contains NUL.

        Source: ``java.io.FilePermission`` (Java SE 17), but for a trailing ``*`` within a segment and for NUL.
        """
        if "\0" in name:
            message = f"a path cannot contain NUL: {shorten(name)}"
            raise ValueError(message)
        if name == ALL_FILES:
            return cls("", EVERYTHING)
        kind = EXACT
        if name and name[-1] in _WILDCARDS and (len(name) == 1 or name[-2] == "/"):
            kind = _WILDCARDS[name[-1]]
            name = name[:-1]
        return cls(_normalise(name), kind)

    def covers(self, other: PathPattern) -> bool:
        """Tell whether every path that ``other`` stands for is one of this.  Relative never meets absolute."""
        base, kind = self
        other_base, other_kind = other
        if kind == EVERYTHING:
            return True
        if kind == LITERAL or other_kind >= LITERAL:
            return self == other
        if other_kind > kind:
            return False
        if base == other_base:
            # p/* and p/- do not contain p.
            return kind == other_kind or other_kind != EXACT
        if kind == EXACT:
            return False
        if base[:1] == "/":
            # The usual case, without a call.  A normalised absolute path has no "..".
            prefix = base if base == "/" else base + "/"
            if not other_base.startswith(prefix):
                return False
            return kind == TREE or (other_kind == EXACT and other_base.find("/", len(prefix)) < 0)
        depth = _depth_below(base, other_base)
        if kind == TREE:
            return depth >= 1
        return depth == 1 and other_kind == EXACT


def exact_name(path: str) -> str:
    """Spell ``path`` so that it is never a wildcard: a file may really be called ``*`` or ``-``."""
    if path == ALL_FILES:
        return "./" + path
    # The wildcard must be the last segment; behind it, "." is one more segment that normalising removes.
    return path + "/." if path[-1:] in _WILDCARDS and (len(path) == 1 or path[-2] == "/") else path


def _normalise(path: str) -> str:
    """Fold empty, ``.`` and ``..`` segments; ``..`` at the root vanishes, at the beginning of a relative path it stays.

    Lexical, idempotent.
    """
    if "/." not in path and "//" not in path and path[:1] != "." and (path[-1:] != "/" or len(path) == 1):
        return path
    root = path[0] == "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment in {"", "."}:
            continue
        if segment != "..":
            kept.append(segment)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not root:
            kept.append(segment)
    return ("/" if root else "") + "/".join(kept)


def _depth_below(base: str, path: str) -> int:
    """Return by how many segments ``path`` lies below ``base``, which is relative; 0 if it does not.

    A relative path may climb: ``../-`` contains ``x``, and ``../../*`` contains ``..``.  Both are normalised, and they
    differ.
    """
    if path[:1] == "/":
        return 0
    above = base.split("/") if base else []
    below = path.split("/") if path else []
    common = 0
    while common < len(above) and common < len(below) and above[common] == below[common]:
        common += 1
    above, below = above[common:], below[common:]
    if any(segment != ".." for segment in above) or below[:1] == [".."]:
        return 0
    return len(above) + len(below)
