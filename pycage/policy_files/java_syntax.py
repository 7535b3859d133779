"""The syntax of Java's policy files: ``grant codeBase "file:/plugins/-" { permission ...; };`` as it is written."""

# Source: sun.security.provider.PolicyParser and java.io.StreamTokenizer as it sets it up (JDK 17), and the page
# "Default Policy Implementation and Policy File Syntax".  What that reader does and this one does as well:
#
# - keywords in any case; // and /* */ comments; strings in double or single quotes, with the escapes of C;
# - an entry whose ${property} is not known is skipped, a grant whose code base has one as a whole; here with a report;
# - ${{self}} and its like are left alone.
#
# What it does not do: look at key stores, at the environment, or at the network.

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn, final

import attrs

from pycage.errors import PolicyFileError
from pycage.permissions.text import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Entry", "Grant", "parse_java_policy"]

_TOKEN: Final = re.compile(
    r"""
      (?P<blank>[\x00-\x20]+)
    | (?P<comment>//[^\n]*|/\*.*?\*/)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    | (?P<word>[A-Za-z0-9._$\u00a0-\uffff-]+)
    | (?P<mark>[{};,*])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_IGNORED: Final = ("keystore", "keystorepasswordurl")


@final
@attrs.frozen
class Entry:
    """One ``permission`` line, as it is written: strings without their quotes, nothing expanded."""

    type: str
    name: str | None
    actions: str | None
    signed_by: str | None
    line: int


@final
@attrs.frozen
class Grant:
    """One ``grant`` block, as it is written.

    Attributes:
        code_base: For which code; None: for all.
        signed_by: Signed by whom; None: it need not be.
        principals: Class and name of each principal, ``*`` for any.
        entries: Its permissions, in their order.
        line: Where it begins, from 1.
    """

    code_base: str | None
    signed_by: str | None
    principals: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    line: int


@attrs.frozen
class _Token:
    kind: str
    text: str
    line: int


def parse_java_policy(text: str, source: str) -> tuple[tuple[Grant, ...], tuple[tuple[str, int], ...]]:
    """Read the blocks of a policy file.

    Args:
        text: What is in it.
        source: How messages name it.

    Returns:
        The grants in order; and what else there is (``keystore`` lines), with their lines.

    Raises:
        PolicyFileError: It is not written in this syntax.
    """
    return _Parser(list(_tokens(text, source)), source).file()


def _tokens(text: str, source: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _fail(source, line, f"cannot read {shorten(text[position : position + 20])}", "close strings and comments")
        kind = match.lastgroup or ""
        if kind not in ("blank", "comment"):
            yield _Token(kind, match[0], line)
        line += match[0].count("\n")
        position = match.end()
    yield _Token("end", "the end of the file", line)


def _fail(source: str, line: int, message: str, fix: str) -> NoReturn:
    raise PolicyFileError([f"{source}, line {line}: {message}; {fix}"])


class _Parser:
    def __init__(self, tokens: list[_Token], source: str) -> None:
        self._tokens = tokens
        self._source = source
        self._at = 0

    def file(self) -> tuple[tuple[Grant, ...], tuple[tuple[str, int], ...]]:
        grants: list[Grant] = []
        others: list[tuple[str, int]] = []
        while self._here.kind != "end":
            if self._is("grant"):
                grants.append(self._grant())
            elif any(self._is(word) for word in _IGNORED):
                others.append((self._here.text, self._here.line))
                while self._here.kind != "end" and self._here.text != ";":
                    self._at += 1
            else:
                self._expected('"grant" or "keystore"')
            self._mark(";")
        return tuple(grants), tuple(others)

    def _grant(self) -> Grant:
        line = self._next().line
        code_base = signed_by = None
        principals: list[tuple[str, str]] = []
        while self._here.text != "{":
            if self._is("codebase") and code_base is None:
                self._at += 1
                code_base = self._string()
            elif self._is("signedby") and signed_by is None:
                self._at += 1
                signed_by = self._string()
            elif self._is("principal"):
                self._at += 1
                principals.append(self._principal())
            else:
                self._expected(
                    '"codeBase", "signedBy" or "principal" (each once, a principal as often as you like), or {'
                )
            if self._here.text == ",":
                self._at += 1
        self._mark("{")
        entries = []
        while self._here.text != "}":
            if not self._is("permission"):
                self._expected('"permission" or }')
            entries.append(self._entry())
            self._mark(";")
        self._mark("}")
        return Grant(code_base, signed_by, tuple(principals), tuple(entries), line)

    def _principal(self) -> tuple[str, str]:
        kind = "" if self._here.kind == "string" else self._next().text
        if self._here.text == "*":
            self._at += 1
            return kind, "*"
        return kind, self._string()

    def _entry(self) -> Entry:
        line = self._next().line
        if self._here.kind != "word":
            self._expected("the class of a permission, such as java.io.FilePermission")
        kind = self._next().text
        name = self._string() if self._here.kind == "string" else None
        actions = signed_by = None
        if self._comma() and self._here.kind == "string":
            actions = self._string()
            self._comma()
        if self._is("signedby"):
            self._at += 1
            signed_by = self._string()
        return Entry(kind, name, actions, signed_by, line)

    # ---- Tokens ----

    @property
    def _here(self) -> _Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _next(self) -> _Token:
        token = self._here
        self._at += 1
        return token

    def _is(self, word: str) -> bool:
        return self._here.kind == "word" and self._here.text.lower() == word

    def _comma(self) -> bool:
        found = self._here.text == ","
        self._at += found
        return found

    def _mark(self, mark: str) -> None:
        if self._here.text != mark or self._here.kind != "mark":
            self._expected(mark)
        self._at += 1

    def _string(self) -> str:
        if self._here.kind != "string":
            self._expected("text in quotes")
        return _ESCAPE.sub(_unescaped, self._next().text[1:-1])

    def _expected(self, what: str) -> NoReturn:
        _fail(self._source, self._here.line, f"found {shorten(self._here.text)}", f"expected {what}")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code, 8) & 0xFF) if code.isdigit() and code < "8" else _ESCAPES.get(code, code)
