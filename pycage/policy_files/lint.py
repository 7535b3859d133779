"""`check`: what is wrong with a policy file, gives away more than it looks, or says nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pycage.errors import PolicyError
from pycage.permissions import (
    AllPermission,
    FilePermission,
    NativePermission,
    UnresolvedPermission,
)
from pycage.permissions.paths import EXACT
from pycage.policy_files.dangers import EVERYTHING, Danger, dangers, file_and_below
from pycage.policy_files.findings import Finding
from pycage.policy_files.notation import write_permission
from pycage.policy_files.opening import text_of
from pycage.policy_files.pinned_code import digest_of
from pycage.policy_files.policy_file import PolicyFile
from pycage.policy_files.reader import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pycage.permissions import Permission
    from pycage.policy_files.document import Document, Plugin, Rule

__all__ = ["check"]

_ORDER: Final = {"error": 0, "warning": 1, "note": 2}
_PLACEHOLDER: Final = "/plugin_dir"
_MOST_NAMED: Final = 3


def check(
    policy: PolicyFile | str | os.PathLike[str], *, variables: Mapping[str, str] | None = None, home: str | None = None
) -> list[Finding]:
    """Look through a policy file.

    >>> policy = pycage.read_policy('''
    ... [profiles.a]
    ... allow = ['FilePermission "/etc/-" "write"']
    ... ''')
    >>> [finding.code for finding in check(policy)]
    ['write-startup-file']

    Args:
        policy: A file that was read, the path of one, or its text, if that has more than one line.
        variables: As for `load_policy`; for a path only.
        home: Whose home directory is meant; None: that of who runs this.

    Returns:
        Errors first, then warnings, then notes; empty if there is nothing to say.
    """
    document, path, findings = _document(policy, variables)
    if document is None:
        return findings
    own_files = [plugin.path for plugin in document.plugins.values() if plugin.path is not None]
    known = dangers(home=home, own_files=[*own_files, *([path] if path is not None else [])])
    found = [finding for plugin in document.plugins.values() for finding in _code_findings(plugin)]
    for name in ("", *document.profiles, *document.plugins):
        found += _findings(document, name, known)
    return sorted(dict.fromkeys(found), key=lambda finding: _ORDER[finding.severity])


def _document(
    policy: PolicyFile | str | os.PathLike[str], variables: Mapping[str, str] | None
) -> tuple[Document | None, str | None, list[Finding]]:
    """Return the document and its path; or None, and why."""
    if isinstance(policy, PolicyFile):
        return policy.document, policy.path, []
    if isinstance(policy, str) and "\n" in policy:
        read, findings = read_document(policy, source="policy", directory=os.getcwd(), variables=variables)  # noqa: PTH109
        return read, None, findings
    path = os.path.abspath(policy)  # noqa: PTH100  # text, as permissions are
    try:
        text = text_of(path)
    except PolicyError as error:
        return None, path, [Finding("error", "unreadable", os.fspath(policy), str(error), "name a TOML file")]
    directory = path.rpartition("/")[0] or "/"
    read, findings = read_document(text, source=os.fspath(policy), directory=directory, variables=variables)
    return read, path, findings


def _findings(document: Document, name: str, known: Sequence[Danger]) -> list[Finding]:
    """Return what there is to say about the rules that stand in this very profile or plugin."""
    effective = document.effective(name, plugin_dir=_PLACEHOLDER)
    last = document.layers(name)[-1]
    first = len(effective.allow) - len(last.allow)
    denials = effective.denials
    found = [
        *_redundant(effective.allow, first),
        *_redundant(effective.deny, len(effective.deny) - len(last.deny)),
    ]
    for rule in effective.allow[first:]:
        if type(rule.permission) is UnresolvedPermission:
            found.append(_unresolved(rule))
            continue
        shadow = next((denied for denied in effective.deny if _hides(denied.permission, rule.permission)), None)
        if shadow is not None:
            found.append(
                Finding(
                    "warning",
                    "shadowed",
                    rule.where,
                    f"{rule.permission} has no effect: {shadow.permission} is denied ({shadow.where})",
                    "take one of them out",
                )
            )
        else:
            found += _dangerous(rule, denials, known)
            found += _loadable(rule, effective.permissions)
    return found


# ---- Rules that say nothing ------------------------------------------------------------------------------------------


def _redundant(rules: Sequence[Rule], first: int) -> list[Finding]:
    """Return what could be taken out of the rules from ``first`` on, one after the other, without a difference."""
    found: list[Finding] = []
    places = {id(rule): place for place, rule in enumerate(rules)}
    candidates = _candidates(rules)
    gone: set[int] = set()
    for implied in (_implied, _implied_together):
        for rule in rules[first:]:
            if id(rule) in gone:
                continue
            others = [other for other in candidates(rule) if other is not rule and id(other) not in gone]
            finding = implied(rule, others, places)
            if finding is not None:
                found.append(finding)
                gone.add(id(rule))
    return found


def _candidates(rules: Sequence[Rule]) -> Callable[[Rule], list[Rule]]:
    """Return a function that gives the rules which could imply one: a name without a wildcard implies only itself."""
    wide: list[Rule] = []
    exact: dict[str, list[Rule]] = {}
    for rule in rules:
        base = _exact_base(rule)
        (wide if base is None else exact.setdefault(base, [])).append(rule)
    return lambda rule: wide if (base := _exact_base(rule)) is None else [*exact[base], *wide]


def _exact_base(rule: Rule) -> str | None:
    permission = rule.permission
    return permission._path.base if type(permission) is FilePermission and permission._path.kind == EXACT else None


def _implied(rule: Rule, others: Sequence[Rule], places: Mapping[int, int]) -> Finding | None:
    asked = rule.permission
    for other in others:
        # Of two that say the same, the later one is too many.
        if other.permission.implies(asked) and (
            places[id(other)] < places[id(rule)] or not asked.implies(other.permission)
        ):
            if other.permission == asked:
                return _note("duplicate", rule, f"{asked} stands there twice, first in {other.where}")
            return _note("unused", rule, f"{asked} adds nothing: {other.permission} implies it ({other.where})")
    return None


def _implied_together(rule: Rule, others: Sequence[Rule], _places: Mapping[int, int]) -> Finding | None:
    parts = rule.permission.split()
    # Only actions add up: what has one is implied by one other rule, or by none.
    if len(parts) == 1 or not all(any(other.permission.implies(part) for other in others) for part in parts):
        return None
    return _note("unused", rule, f"{rule.permission} adds nothing: other rules imply it together")


def _note(code: str, rule: Rule, message: str) -> Finding:
    return Finding("note", code, rule.where, message, "take it out")


def _unresolved(rule: Rule) -> Finding:
    message = f"{rule.permission} has no effect until the program registers that type"
    return Finding("note", "unresolved-type", rule.where, message, "register_permission_type(...)")


def _hides(denied: Permission, allowed: Permission) -> bool:
    return all(denied.overlaps(part) and denied.implies(part) for part in allowed.split())


# ---- Rules that say more than they look ------------------------------------------------------------------------------


def _dangerous(rule: Rule, denials: Sequence[Permission], known: Iterable[Danger]) -> list[Finding]:
    if type(rule.permission) is AllPermission:
        message = "AllPermission: this is no sandbox, but for what is denied"
        return [Finding("warning", "all-permission", rule.where, message, "list what it needs; `learn` finds out")]
    parts = rule.permission.split()
    for danger in EVERYTHING:
        if any(part.implies(danger.permission) for part in parts) and not _denied(danger.permission, denials):
            parts = tuple(part for part in parts if not part.implies(danger.permission))
            return [
                Finding("warning", danger.code, rule.where, f"{rule.permission}: {danger.why}", "name what it needs"),
                *_matching(rule, parts, denials, known),
            ]
    return _matching(rule, parts, denials, known)


def _matching(
    rule: Rule, parts: Sequence[Permission], denials: Sequence[Permission], known: Iterable[Danger]
) -> list[Finding]:
    matches: dict[str, list[Danger]] = {}
    for danger in known:
        if any(_meet(part, danger, denials) for part in parts):
            matches.setdefault(danger.code, []).append(danger)
    return [
        Finding(
            "warning",
            code,
            rule.where,
            f"{rule.permission} covers {_named(rows)}: {rows[0].why}",
            f"name something narrower, or deny '{write_permission(rows[0].permission)}'",
        )
        for code, rows in matches.items()
    ]


def _meet(part: Permission, danger: Danger, denials: Sequence[Permission]) -> bool:
    """Return whether a permission and a danger have something in common that no denial covers."""
    if part.implies(danger.permission):
        return not _denied(danger.permission, denials)
    return not danger.whole and danger.permission.implies(part) and not _denied(part, denials)


def _denied(permission: Permission, denials: Sequence[Permission]) -> bool:
    return any(denied.implies(permission) for denied in denials)


def _named(rows: Sequence[Danger]) -> str:
    names = list(dict.fromkeys(row.permission.name for row in rows))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _loadable(rule: Rule, allowed: Sequence[Permission]) -> list[Finding]:
    """Find native code that the sandbox can write itself."""
    if type(rule.permission) is not NativePermission or "load" not in rule.permission.actions:
        return []
    name = rule.permission.name
    written = FilePermission(name, "write") if name.startswith("/") else None
    for other in allowed:
        if (
            written is not None
            and type(other) is FilePermission
            and (other.implies(written) or _within(other, written))
        ):
            message = f"{rule.permission}: it may write what it may load ({other}), and native code does what it likes"
            return [Finding("warning", "load-written", rule.where, message, "load from where it cannot write")]
    return []


def _within(held: Permission, wanted: Permission) -> bool:
    return any(wanted.implies(part) for part in held.split())


# ---- The code of plugins ---------------------------------------------------------------------------------------------


def _code_findings(plugin: Plugin) -> list[Finding]:
    where = plugin.profile.where
    if plugin.path is None:
        return []
    try:
        digest = digest_of(plugin.path)
    except PolicyError as error:
        return [Finding("error", "bad-code", where, str(error), "correct the path")]
    if plugin.sha256 is None:
        message = f"the code at {file_and_below(plugin.path)[0]} is not pinned: whoever changes it has its permissions"
        return [Finding("note", "unpinned", where, message, f'write sha256 = "{digest}"')]
    if plugin.sha256 != digest:
        message = f"{plugin.path} is not the code that is pinned: it has sha256 {digest}"
        return [Finding("error", "bad-digest", where, message, "look at what changed, then pin that")]
    return []
