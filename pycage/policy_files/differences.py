"""`diff`: what another version of a policy file changes, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import attrs

from pycage.imports import OFFERS
from pycage.permissions import Permissions
from pycage.permissions.text import quote
from pycage.policy_files.import_rules import host_rules
from pycage.policy_files.policy_file import PolicyFile, load_policy
from pycage.policy_files.words import in_words
from pycage.policy_files.writer import sorted_permissions

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from pycage.permissions import Permission
    from pycage.policy_files.document import Document, Effective, Plugin

__all__ = ["Change", "diff"]

Direction: TypeAlias = Literal["more", "less", "other"]

_PLACEHOLDER: Final = "/plugin_dir"


@final
@attrs.frozen
class Change:
    """One difference between two policies.

    Attributes:
        name: The plugin or profile that it is about.
        direction: ``more``: more is allowed than before; ``less``; ``other``: neither can be said.
        text: A sentence without its subject, such as ``may now also read everything below /srv``.
        permission: The permission that it is about, if it is about one.

    Example:
        >>> str(Change("reader", "more", "may now read /srv/a"))
        'reader may now read /srv/a'
    """

    name: str
    direction: Direction
    text: str
    permission: Permission | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.text}"


def diff(old: PolicyFile | str | os.PathLike[str], new: PolicyFile | str | os.PathLike[str]) -> list[Change]:
    """Tell in words what changes from ``old`` to ``new``, for each profile and plugin after merging.

    >>> old = pycage.read_policy('''profiles.a.allow = ['FilePermission "/srv/-" "read"']''')
    >>> new = pycage.read_policy('''profiles.a.allow = ['FilePermission "/srv/x/-" "read,write"']''')
    >>> for change in diff(old, new):
    ...     print(change)
    a may now also write everything below /srv/x
    a may no longer read everything below /srv, only everything below /srv/x

    Args:
        old: A policy, or the path of its file.
        new: The same.

    Returns:
        What is allowed now that was not, then what is not any more, for each name in the order of ``new``; empty if
        both allow the same.

    Raises:
        PolicyError: A file cannot be used.
    """
    before, after = (
        (policy if isinstance(policy, PolicyFile) else load_policy(policy)).document for policy in (old, new)
    )
    names = dict.fromkeys([*after.profiles, *after.plugins, *before.profiles, *before.plugins])
    return [change for name in names for change in _changes(name, before, after)]


def _changes(name: str, before: Document, after: Document) -> Iterator[Change]:
    old, new = _effective(before, name), _effective(after, name)
    if old is None and new is not None:
        yield Change(name, "more", "is new")
    if new is None and old is not None:
        yield Change(name, "less", "is gone")
        return
    nothing = _Side((), (), frozenset(), ())
    one, other = old or nothing, new or nothing
    yield from _plugin_changes(name, before.plugins.get(name), after.plugins.get(name))
    yield from _allowed(name, one, other)
    yield from _denied(name, one, other)
    yield from _imports(name, one, other)


@attrs.frozen
class _Side:
    """What one version of a policy says about one name."""

    allow: tuple[Permission, ...]
    deny: tuple[Permission, ...]
    modules: frozenset[str]
    rules: tuple[str, ...]


def _effective(document: Document, name: str) -> _Side | None:
    if name not in document.profiles and name not in document.plugins:
        return None
    effective = document.effective(name, plugin_dir=_PLACEHOLDER)
    return _Side(effective.permissions, effective.denials, _modules(effective), _rule_texts(effective))


def _modules(effective: Effective) -> frozenset[str]:
    """Return which of the modules that can be told apart are let in: the vetted ones, and those that rules name."""
    policy = host_rules(effective.imports, effective.imports_default)
    named = [word for line in effective.imports for word in line.split()[-1:] if "*" not in word]
    return frozenset(module for module in [*OFFERS, *named] if policy.allows_module(module))


def _rule_texts(effective: Effective) -> tuple[str, ...]:
    wide = [line for line in effective.imports if "*" in line or " resource " in line]
    return (*wide, *(f"own: {line}" for line in effective.own))


# ---- Permissions -----------------------------------------------------------------------------------------------------


def _allowed(name: str, old: _Side, new: _Side) -> Iterator[Change]:
    gained, lost = _more(new.allow, old.allow), _more(old.allow, new.allow)
    also = "now also" if old.allow else "now"
    for permission in gained:
        yield Change(name, "more", f"may {also} {in_words(permission)}", permission)
    for permission in lost:
        parts = sorted_permissions(part for one in new.allow for part in one.split() if permission.implies(part))
        left = [in_words(part) for part in parts]
        only = f", only {_without_verb(left, permission)}" if left else ""
        yield Change(name, "less", f"may no longer {in_words(permission)}{only}", permission)


def _without_verb(left: list[str], permission: Permission) -> str:
    """Before: ``read everything below /srv/x``; after, where the verb is that of ``permission``: without it."""
    verb = in_words(permission).partition(" ")[0] + " "
    return " and ".join(text.removeprefix(verb) for text in left)


def _denied(name: str, old: _Side, new: _Side) -> Iterator[Change]:
    for permission in _more(new.deny, old.deny):
        yield Change(name, "less", f"is now refused to {in_words(permission)}, whatever else is allowed", permission)
    for permission in _more(old.deny, new.deny):
        yield Change(name, "more", f"is no longer refused to {in_words(permission)}", permission)


def _more(these: Iterable[Permission], those: Iterable[Permission]) -> list[Permission]:
    """Return what of ``these`` is not implied by ``those``, action by action."""
    held = Permissions(those)
    equal = set(held)  # an unresolved permission implies nothing, not even itself
    by_name = {(type(one), one.name): one for one in held}  # mostly the same file is there: found without a search

    def is_held(atom: Permission) -> bool:
        same = by_name.get((type(atom), atom.name))
        return (same is not None and same.implies(atom)) or atom in equal or held.implies(atom)

    return sorted_permissions(atom for one in these for atom in one.split() if not is_held(atom))


# ---- Imports and code ------------------------------------------------------------------------------------------------


def _imports(name: str, old: _Side, new: _Side) -> Iterator[Change]:
    gained, lost = sorted(new.modules - old.modules), sorted(old.modules - new.modules)
    if not old.modules and not old.allow and not old.rules and set(gained) == set(OFFERS):
        gained = []  # a new profile with the usual modules
    if gained:
        yield Change(name, "more", f"may now import {_listed(gained)}")
    if lost:
        yield Change(name, "less", f"may no longer import {_listed(lost)}")
    for rule in new.rules:
        if rule not in old.rules:
            yield Change(name, "other", f"has a new import rule: {rule}")
    for rule in old.rules:
        if rule not in new.rules:
            yield Change(name, "other", f"has lost an import rule: {rule}")


def _listed(modules: list[str], most: int = 8) -> str:
    more = f" and {len(modules) - most} more" if len(modules) > most else ""
    return ", ".join(modules[:most]) + more


def _plugin_changes(name: str, old: Plugin | None, new: Plugin | None) -> Iterator[Change]:
    if old is None or new is None:
        return
    if old.path != new.path:
        yield Change(name, "other", f"has its code elsewhere: {quote(new.path or '')}, before {quote(old.path or '')}")
    if old.sha256 != new.sha256:
        if new.sha256 is None:
            yield Change(name, "more", "is no longer pinned: any code will be run")
        elif old.sha256 is None:
            yield Change(name, "less", f"is pinned now: sha256 {new.sha256}")
        else:
            yield Change(name, "other", f"is other code: sha256 {new.sha256}, before {old.sha256}")
    for package in new.packages:
        if package not in old.packages:
            yield Change(name, "other", f"loads the installed package {package}")
    for package in old.packages:
        if package not in new.packages:
            yield Change(name, "other", f"no longer loads the installed package {package}")
