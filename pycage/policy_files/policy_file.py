"""A policy file in use: sandboxes made from its profiles, and reloading all of them in one change."""

# A sandbox has one set of grants from its file and any number of others, made while it runs.  A reload replaces the
# first set and leaves the others alone, so what a person allowed for an hour survives it.  What was *revoked* of the
# file's own grants comes back with a reload, because the file says so: put a denial into the file, or call `deny`.
#
# Order of a reload: read, check everything (profiles that are in use, hashes of code that is running), and only then
# change: one new state of the policy for all sandboxes together.  A check sees all of the old file or all of the new
# one.  Import rules follow at once; they hold for the next import, and what is imported stays.

from __future__ import annotations

import os
import threading
import weakref
from types import MappingProxyType
from typing import TYPE_CHECKING, final

import attrs

from pycage import _core, manager
from pycage.access import check_permission, require_permissions
from pycage.administration import absolute, administering
from pycage.errors import PolicyError
from pycage.grants import Grant, collection_of
from pycage.permissions import SecurityPermission
from pycage.permissions.text import shorten, type_name
from pycage.policy_files.findings import suggestion
from pycage.policy_files.import_rules import LiveRules, host_rules, own_rules
from pycage.policy_files.notation import Refused
from pycage.policy_files.opening import document_of, text_of
from pycage.policy_files.pinned_code import judged_code, resolver_of
from pycage.policy_files.watching import Watch, report
from pycage.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pycage.imports import Resolver
    from pycage.permissions import Permission, Permissions
    from pycage.policy_files.document import Document, Effective, Plugin

__all__ = ["PolicyFile", "load_policy", "read_policy"]


@attrs.frozen(eq=False)
class _Extra:
    """What the command line adds to a profile for one sandbox."""

    allow: tuple[Permission, ...]
    deny: tuple[Permission, ...]
    imports: tuple[str, ...]


@attrs.define(eq=False)
class _Use:
    """One sandbox that a file has a say in."""

    sandbox: weakref.ref[Sandbox]
    name: str
    extra: _Extra
    host: LiveRules | None
    own: LiveRules | None
    sha256: str | None
    grants: tuple[Grant, ...] = ()


@final
@_core.seal
class PolicyFile:
    """A policy file that was read, and the sandboxes that follow it.

    Made by `load_policy` and `read_policy`.  May be used from any thread.

    >>> policy = read_policy('''
    ... [profiles.reader]
    ... allow = ['FilePermission "/srv/images/-" "read"']
    ... ''')
    >>> [str(permission) for permission in policy.permissions("reader")]
    ['("FilePermission" "/srv/images/-" "read")']
    """

    __slots__ = ("__weakref__", "_document", "_lock", "_path", "_text", "_uses", "_variables")

    def __init__(self, document: Document, text: str, path: str | None, variables: Mapping[str, str]) -> None:
        """Take what was read; use `load_policy`."""
        self._document = document
        self._text = text
        self._path = path
        self._variables = dict(variables)
        self._uses: list[_Use] = []
        self._lock = threading.RLock()

    # ---- What it says ----------------------------------------------------------------------------------------------

    @property
    def path(self) -> str | None:
        """The absolute path of the file; None if it was read from text."""
        return self._path

    @property
    def text(self) -> str:
        """The text that is in force."""
        return self._text

    @property
    def document(self) -> Document:
        """What the text says, an immutable value."""
        return self._document

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names of its profiles."""
        return tuple(self._document.profiles)

    @property
    def plugins(self) -> Mapping[str, Plugin]:
        """Its plugins by name, read-only."""
        return MappingProxyType(dict(self._document.plugins))

    def effective(self, name: str) -> Effective:
        """Return what a plugin or profile amounts to after merging, with where each rule stands.

        Raises:
            PolicyError: There is neither of that name, or it cannot be used like this.
        """
        return _effective(self._document, name)

    def permissions(self, name: str) -> Permissions:
        """Return what a plugin or profile allows, read-only.  Denials are not subtracted; see `denials`.

        Raises:
            PolicyError: As for `effective`.
        """
        return collection_of(self.effective(name).permissions)

    def denials(self, name: str) -> tuple[Permission, ...]:
        """Return what a plugin or profile denies, whatever is allowed.

        Raises:
            PolicyError: As for `effective`.
        """
        return self.effective(name).denials

    # ---- Sandboxes -------------------------------------------------------------------------------------------------

    @administering
    def sandbox(
        self,
        name: str,
        *,
        sandbox_name: str | None = None,
        resolver: Resolver | None = None,
        allow: Iterable[Permission] = (),
        deny: Iterable[Permission] = (),
        imports: Iterable[str] = (),
    ) -> Sandbox:
        """Make a sandbox from a plugin or profile.  It follows the file: see `reload`.

        The hash of a plugin's code is judged first; the sandbox loads the very bytes that were judged.

        Args:
            name: A plugin of the file, or a profile.
            sandbox_name: How the sandbox is called; None: like the plugin or profile, with ``_`` for ``-``.
            resolver: Where its own modules come from; for a plugin with a path, where else.
            allow: Permissions on top of the file, as from a command line.
            deny: Denials on top of the file.
            imports: Import rules on top of the file: the last that matches decides.

        Raises:
            PolicyError: There is neither of that name, the code is not what is pinned, or a rule cannot be read.
            DuplicateSandboxError: There is a sandbox of this name.
            AccessDenied: The caller may not create sandboxes.
        """
        extra = _extra(allow, deny, imports)
        with self._lock:
            document = self._document
            effective = _effective(document, name).with_more(extra.allow, extra.deny, extra.imports)
            code = judged_code(document, name)
            host = LiveRules(host_rules(effective.imports, effective.imports_default))
            own = LiveRules(own_rules(effective.own))
            made = Sandbox(
                name.replace("-", "_") if sandbox_name is None else sandbox_name,
                resolver=resolver_of(document.plugins.get(name), code, resolver),
                sandbox_policy=own,
                host_policy=host,
            )
            try:
                use = _Use(weakref.ref(made), name, extra, host, own, None if code is None else code.sha256)
                self._switch([(use, made, effective)])
                self._uses.append(use)
            except BaseException:
                made.close()
                raise
        return made

    @administering
    def apply(
        self, sandbox: Sandbox, profile: str, *, allow: Iterable[Permission] = (), deny: Iterable[Permission] = ()
    ) -> None:
        """Let a sandbox that exists follow a profile; one that it followed before is replaced, in one change.

        Raises:
            PolicyError: There is no such profile, or it has import rules, which belong to the making of a sandbox.
            AccessDenied: The caller may not administer the sandbox.
        """
        if type(sandbox) is not Sandbox:  # what it says of itself decides who gets the permissions
            message = f"expected a Sandbox, got {type_name(sandbox)}"
            raise TypeError(message)
        extra = _extra(allow, deny, ())
        sandbox._administer()
        with self._lock:
            effective = _effective(self._document, profile).with_more(extra.allow, extra.deny)
            if effective.imports or effective.own or effective.imports_default != "vetted":
                message = (
                    f"{self._document.source}: {shorten(profile)} has import rules, and this sandbox exists already; "
                    "make it with PolicyFile.sandbox(), or use a profile without them"
                )
                raise PolicyError(message)
            use = next((each for each in self._uses if each.sandbox() is sandbox), None)
            if use is None:
                use = _Use(weakref.ref(sandbox), profile, extra, None, None, None)
                self._uses.append(use)
            self._switch([(use, sandbox, effective)])
            use.name, use.extra = profile, extra

    @administering
    def reload(self) -> None:
        """Read the file again; all sandboxes that follow it switch in one change.

        What was granted to them otherwise stays.  A file that cannot be used changes nothing.

        Raises:
            PolicyError: The file cannot be read or used, or a sandbox could not follow it: its profile is gone, or
                it runs code that is not what is pinned now.
            AccessDenied: The caller may not administer one of the sandboxes.
        """
        if self._path is None:
            message = f"{self._document.source} is no file: read_policy() gives what cannot change"
            raise PolicyError(message)
        with self._lock:
            text = text_of(self._path)
            document = document_of(text, self._document.source, self._path, self._variables)
            self._uses = [use for use in self._uses if (one := use.sandbox()) is not None and not one.closed]
            switches = []
            for use in self._uses:
                sandbox = use.sandbox()
                if sandbox is not None:
                    switches.append((use, sandbox, _following(document, use, sandbox)))
            self._switch(switches)
            self._document, self._text = document, text

    @administering
    def watch(self, *, interval: float = 1.0, on_error: Callable[[Exception], object] = report) -> Watch:
        """Reload whenever the file changes, from a thread of its own, until the result is stopped.

        Args:
            interval: How often to look, in seconds.
            on_error: Called with what a reload raises; the policy in force stays.  By default it is logged.

        Raises:
            PolicyError: This policy was read from text.
            AccessDenied: A caller lacks ``SecurityPermission("setPolicy")``.
        """
        check_permission(SecurityPermission("setPolicy"))
        return Watch(self, interval, on_error)

    def _switch(self, switches: list[tuple[_Use, Sandbox, Effective]]) -> None:
        """Give sandboxes what they are to have from this file, in place of what they have from it now."""
        for _, sandbox, _ in switches:
            try:
                sandbox._administer()
            except PolicyError:
                if not sandbox.closed:
                    raise  # one that is closed meanwhile keeps no other from what it is to have now
        rules_of = [
            (host_rules(effective.imports, effective.imports_default), own_rules(effective.own))
            for _, _, effective in switches
        ]
        gone = [grant for use, _, _ in switches for grant in use.grants]
        new = [_grants(sandbox, effective) for _, sandbox, effective in switches]
        # A sandbox that is closed meanwhile has lost everything; what is granted to its name may be its successor's.
        domains = {sandbox._domain.code_source: sandbox._domain for _, sandbox, _ in switches}
        manager.POLICY.exchange(
            gone,
            [grant for grants in new for grant in grants],
            unless=lambda grant: domains[grant.source].closed,
        )
        for (use, _, _), grants, (host, own) in zip(switches, new, rules_of, strict=True):
            use.grants = grants
            if use.host is not None and use.own is not None:
                use.host.replace(host)
                use.own.replace(own)

    def __repr__(self) -> str:
        return f"<PolicyFile {self._document.source}: {', '.join([*self._document.profiles, *self._document.plugins])}>"


def load_policy(path: str | os.PathLike[str], *, variables: Mapping[str, str] | None = None) -> PolicyFile:
    """Read a policy file.

    >>> import pathlib
    >>> _ = pathlib.Path("policy.toml").write_text('''
    ... [profiles.reader]
    ... allow = ['FilePermission "/srv/-" "read"']
    ... ''')
    >>> with load_policy("policy.toml").sandbox("reader") as sandbox:
    ...     sandbox.query(pycage.FilePermission("/srv/a", "read"))
    'granted'

    Args:
        path: A TOML file.
        variables: Variables that names in it may contain, such as ``{"tenant": "acme"}``; they are stronger than
            those that the file defines.

    Raises:
        PolicyError: It cannot be read, or something in it is wrong; all that is wrong is in the message.
    """
    full = os.path.abspath(path)  # noqa: PTH100  # permissions speak of paths as text
    text = text_of(full)
    values = dict(variables or {})
    return PolicyFile(document_of(text, os.fspath(path), full, values), text, full, values)


def read_policy(
    text: str,
    *,
    source: str = "policy",
    directory: str | os.PathLike[str] = ".",
    variables: Mapping[str, str] | None = None,
) -> PolicyFile:
    """Read a policy from text; see `load_policy`.

    >>> read_policy("[profiles.nothing]").permissions("nothing")
    Permissions([])

    Args:
        text: What would be in the file.
        source: How messages name it.
        directory: What paths of plugins are relative to, and ``${policy_dir}``.
        variables: As for `load_policy`.

    Raises:
        PolicyError: Something in it is wrong.
    """
    values = dict(variables or {})
    full = os.path.join(os.path.abspath(directory), "policy.toml")  # noqa: PTH100, PTH118  # as above
    return PolicyFile(document_of(text, source, full, values), text, None, values)


# ---- What a sandbox gets ---------------------------------------------------------------------------------------------


def _effective(document: Document, name: str) -> Effective:
    if type(name) is not str or (name not in document.plugins and name not in document.profiles):
        known = [*document.plugins, *document.profiles]
        near = suggestion(name, known) if type(name) is str else ""
        shown = shorten(name) if type(name) is str else f"of type {type_name(name)}"
        message = (
            f"{document.source}: there is no plugin or profile {shown}; "
            f"{near + '  Known' if near else 'known'}: {', '.join(known) or 'none'}"
        )
        raise PolicyError(message)
    try:
        return document.effective(name)
    except Refused as refused:
        message = f"{refused}; {refused.fix}"
        raise PolicyError(message) from None


def _following(document: Document, use: _Use, sandbox: Sandbox) -> Effective:
    """Return what a sandbox gets from a new version of its file.

    Raises:
        PolicyError: It cannot follow.
    """
    effective = _effective(document, use.name).with_more(use.extra.allow, use.extra.deny, use.extra.imports)
    plugin = document.plugins.get(use.name)
    if plugin is not None and plugin.sha256 is not None and plugin.sha256 != use.sha256:
        message = (
            f"{document.source}: sandbox {sandbox.name!r} runs other code of {shorten(use.name)} than is pinned now "
            f"(sha256 {use.sha256}, not {plugin.sha256}); close it and make a new one"
        )
        raise PolicyError(message)
    return effective


# ---- Making ----------------------------------------------------------------------------------------------------------


def _extra(allow: Iterable[Permission], deny: Iterable[Permission], imports: Iterable[str]) -> _Extra:
    extra = _Extra(tuple(allow), tuple(deny), tuple(imports))
    require_permissions((*extra.allow, *extra.deny))
    own_rules(extra.imports)  # raises what is wrong with them
    return extra


def _grants(sandbox: Sandbox, effective: Effective) -> tuple[Grant, ...]:
    # The tag is where the rule stands: decisions and explanations show it, and one can revoke by it.
    source = sandbox._domain.code_source
    rules = [(rule, False) for rule in effective.allow] + [(rule, True) for rule in effective.deny]
    return tuple(
        Grant(source, permission, denied=denied, tag=rule.where)
        for rule, denied in rules
        for permission in absolute((rule.permission,))
    )
