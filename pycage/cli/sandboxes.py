"""A sandbox from a command line: flags, a policy file, the audit log, audit mode, questions."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from typing import TYPE_CHECKING, Final

import attrs

import pycage
from pycage.cli.exits import Mistake
from pycage.cli.flags import add_flags, allowed
from pycage.cli.programs import own_modules
from pycage.cli.prompting import prompter
from pycage.imports.facades.standard_input import READ as STANDARD_INPUT
from pycage.permissions import FilePermission
from pycage.permissions.text import shorten
from pycage.policy_files import load_policy, read_policy

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pycage.imports import Source
    from pycage.policy_files import PolicyFile
    from pycage.sandbox import Sandbox

__all__ = [
    "add_module_options",
    "add_policy_options",
    "add_sandbox_options",
    "free_name",
    "listed",
    "opened",
    "policy_and_profile",
    "user_policy",
]

_NO_FILE: Final = "command-line"


def add_sandbox_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags, and the options of ``run``, ``repl`` and ``learn`` about the sandbox."""
    add_policy_options(parser)
    add_module_options(parser)
    add_flags(parser)


def add_module_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--path`` and ``--package``."""
    where = parser.add_argument_group("where its modules come from")
    where.add_argument("--path", metavar="DIR,...", action="append", default=[], help="directories or zip files, too")
    where.add_argument(
        "--package",
        metavar="NAME,...",
        action="append",
        default=[],
        help="installed packages that run inside the sandbox, as its own code",
    )


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--policy`` and ``--profile``."""
    group = parser.add_argument_group("policy")
    group.add_argument("--policy", metavar="FILE", help="a policy file; flags come on top of it")
    group.add_argument(
        "-p",
        "--profile",
        metavar="NAME",
        help="its profile or plugin; without --policy, of the file policy.toml in the user's configuration",
    )


def user_policy() -> str:
    """Return where the user's own policy file is.

    Source: the XDG Base Directory Specification 0.8.
    """
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.config")
    return f"{base}/pycage/policy.toml"


def policy_and_profile(options: argparse.Namespace) -> tuple[PolicyFile, str]:
    """Return the policy file that options name, and the profile; without either, an empty one.

    Raises:
        Mistake: Several profiles, and none is named.
        PolicyError: The file cannot be used.
    """
    if options.policy is None and options.profile is None:
        return read_policy(f"[profiles.{_NO_FILE}]", source="command line"), _NO_FILE
    path = user_policy() if options.policy is None else options.policy
    if options.policy is None and not os.path.exists(path):
        message = f"--profile: there is no {path}; name a file with --policy FILE"
        raise Mistake(message)
    policy = load_policy(path)
    if options.profile is not None:
        return policy, options.profile
    known = [*policy.profiles, *policy.plugins]
    if len(known) == 1:
        return policy, known[0]
    message = f"{path} has {len(known)} profiles; say --profile NAME: {', '.join(map(shorten, known)) or 'none'}"
    raise Mistake(message)


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values of an option that takes several, separated by commas."""
    return tuple(part for value in values for part in value.split(",") if part)


@attrs.frozen
class _Guarded:
    """Files that decide or record what the sandbox may do: it never writes to them, whatever is allowed."""

    paths: tuple[str, ...]

    def denials(self) -> tuple[FilePermission, ...]:
        names = dict.fromkeys(each for path in self.paths for each in (os.path.abspath(path), os.path.realpath(path)))
        return tuple(FilePermission.exact(name, "write,delete") for name in names)


@contextlib.contextmanager
def opened(
    options: argparse.Namespace,
    name: str,
    *,
    path: Sequence[str] = (),
    program: Source | None = None,
    audit: bool = False,
) -> Iterator[Sandbox]:
    """Make the sandbox that options describe, for a ``with`` block.

    Args:
        options: With what `add_sandbox_options` adds, and perhaps ``audit_log``.
        name: Of the sandbox; another one if it is taken.
        path: Where its own modules are.
        program: What it is to run.
        audit: Whether it is in audit mode.

    Raises:
        Mistake, PolicyError: The options make no sense.
    """
    flags = allowed(options)
    policy, profile = policy_and_profile(options)
    if program is not None:
        _require_pinned(policy, profile, program)
    log = getattr(options, "audit_log", None)
    guarded = _Guarded(tuple(each for each in (policy.path, log) if each is not None))
    with contextlib.ExitStack() as stack:
        if log is not None:
            try:
                stack.enter_context(pycage.decisions().to_json_lines(log))
            except OSError as error:
                message = f"--audit-log: {shorten(log)} cannot be written: {error.strerror}"
                raise Mistake(message) from None
        sandbox = stack.enter_context(
            policy.sandbox(
                profile,
                sandbox_name=free_name(name),
                resolver=own_modules(path, listed(options.package)),
                allow=(*flags.allow, STANDARD_INPUT),
                deny=(*flags.deny, *guarded.denials()),
                imports=flags.imports,
            )
        )
        if audit:
            sandbox.set_mode("audit")
        if getattr(options, "prompt", False):
            sandbox.on_request(prompter(_seconds(getattr(options, "prompt_timeout", None))))
        yield sandbox


def _require_pinned(policy: PolicyFile, profile: str, program: Source) -> None:
    """Return if a program may have the permissions of a plugin: of pinned code only that code, and what somebody types.

    The hash is taken of the very text that is run.

    Raises:
        Mistake: It is another program, or not what is pinned.
    """
    plugin = policy.plugins.get(profile)
    if plugin is None or plugin.path is None or plugin.sha256 is None or program.filename.startswith("<"):
        return
    code, run = os.path.realpath(plugin.path), os.path.realpath(program.filename)
    if run.startswith(code + os.sep):  # a package, which is judged as a whole
        return
    if run != code:
        message = (
            f"--profile={shorten(profile)} is for the code that is pinned in {policy.path}, {shorten(plugin.path)}, "
            f"and {shorten(program.filename)} is not it; run that, or name a profile: "
            f"{', '.join(map(shorten, policy.profiles)) or 'there is none'}"
        )
        raise Mistake(message)
    if hashlib.sha256(program.text).hexdigest() != plugin.sha256:
        policy.sandbox(profile).close()  # says it better
        message = f"{shorten(program.filename)} changed while it was read"
        raise Mistake(message)


def _seconds(given: float | None) -> float | None:
    if given is not None and not 0 < given < math.inf:
        message = f"--prompt-timeout={given}: write a positive number of seconds"
        raise Mistake(message)
    return given


def free_name(name: str) -> str:
    """Return a name for a sandbox that no other has."""
    taken = pycage.Sandboxes.get()
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
