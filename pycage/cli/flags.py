"""The flags that allow and deny: ``--allow-read=DIR`` to permissions, and a permission to the flag that allows it."""

# Problem.  A flag that means more than it looks gives away the machine: an empty variable in `--allow-read=$DIR`, a
# name that ends in what is a wildcard, a comma in a name.
#
# Idea.  A bare flag means everything, an empty value is a mistake.  A path is the path itself and all below it, also
# where a link leads that stands on its way.  What ends in `/*` or `/-` keeps its meaning of policy files.  `,,` is a
# comma.  What has no flag of its own is said with `--allow 'Type "name" "actions"'`, as in a policy file, so that every
# denial can name what allows it.

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Final

import attrs

from pycage.cli.exits import Mistake
from pycage.imports.names import is_module_name
from pycage.permissions import (
    AllPermission,
    EnvPermission,
    FilePermission,
    ImportPermission,
    NativePermission,
    Permission,
    ProcessPermission,
    SocketPermission,
    ThreadPermission,
)
from pycage.permissions.text import shorten
from pycage.policy_files.notation import Refused, read_entry, write_permission

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "BARE",
    "FLAGS",
    "Allowed",
    "Flag",
    "add_flags",
    "allowed",
    "flags_for",
    "require_value_attached",
    "with_bare_flags",
]

BARE: Final = "\0everything"
_EVERYTHING: Final = "<<ALL FILES>>"
_READ: Final = "read,readlink"
_WRITE: Final = "write,delete"
_ANYBODY: Final = SocketPermission("*", "accept")


@attrs.frozen
class Flag:
    """One pair of flags, ``--allow-<word>`` and ``--deny-<word>``.

    Attributes:
        word: As in the flags.
        value: What its values are, for the help.
        help: What it is about.
        everything: What the bare flag means.
        one: What one value means.
    """

    word: str
    value: str
    help: str
    everything: tuple[Permission, ...]
    one: Callable[[str], tuple[Permission, ...]]


@attrs.frozen
class Allowed:
    """What the flags of a command line say."""

    allow: tuple[Permission, ...]
    deny: tuple[Permission, ...]
    imports: tuple[str, ...]


# ---- One value ------------------------------------------------------------------------------------------------------


def _files(actions: str) -> Callable[[str], tuple[Permission, ...]]:
    def one(path: str) -> tuple[Permission, ...]:
        path = os.path.expanduser(path)
        if os.path.basename(path) in {"*", "-"} and len(path) > 1:
            return (FilePermission(os.path.abspath(path), actions),)
        named = os.path.abspath(path)
        # Whoever names a link means what it leads to; a check asks for both.
        return tuple(
            permission
            for each in dict.fromkeys((named, os.path.realpath(named)))
            for permission in (FilePermission.exact(each, actions), FilePermission(each.rstrip("/") + "/-", actions))
        )

    return one


def _connect(host: str) -> tuple[Permission, ...]:
    return (SocketPermission(host, "connect"),)


def _listen(where: str) -> tuple[Permission, ...]:
    # Who may listen may answer whoever calls.
    name = f"*:{where}" if where.isdecimal() else where
    return SocketPermission(name, "listen"), _ANYBODY


def _run(program: str) -> tuple[Permission, ...]:
    from shutil import which  # noqa: PLC0415  # slow to import, and rarely needed

    found = which(program)
    if found is None:
        message = f"there is no program {shorten(program)} to run; name one on the PATH, or its path"
        raise Mistake(message)
    real = os.path.realpath(found)
    names = dict.fromkeys((os.path.abspath(found), real))
    return tuple(ProcessPermission.program(name) for name in names)


def _environment(name: str) -> tuple[Permission, ...]:
    return (EnvPermission(name, "read"),)


def _library(name: str) -> tuple[Permission, ...]:
    from pycage_native.search import find  # noqa: PLC0415  # rarely needed

    try:
        found = find(name)
    except (OSError, ValueError) as error:
        raise Mistake(str(error)) from None
    # Asked for is the file that the loader finds.
    return tuple(NativePermission(each, "load,call") for each in dict.fromkeys((os.path.abspath(found), found)))


def _module(name: str) -> tuple[Permission, ...]:
    if not is_module_name(name):
        message = f"{shorten(name)} is not the name of a module; write --allow-import=package or package.module"
        raise Mistake(message)
    return (ImportPermission(name),)


_READING: Final = (FilePermission(_EVERYTHING, _READ),)
_WRITING: Final = (FilePermission(_EVERYTHING, _WRITE),)
_CONNECTING: Final = (SocketPermission("*", "connect"),)
_LISTENING: Final = (SocketPermission("*", "listen,accept"),)
_STARTING: Final = (ProcessPermission(_EVERYTHING, "execute"),)
_LOADING: Final = (NativePermission("*", "load,call"),)

FLAGS: Final = (
    Flag("read", "PATH", "reading files: a file, or a directory and all below it", _READING, _files(_READ)),
    Flag("write", "PATH", "writing and deleting files", _WRITING, _files(_WRITE)),
    Flag("connect", "HOST[:PORT]", "connecting to hosts, and asking for their addresses", _CONNECTING, _connect),
    Flag("listen", "[HOST:]PORT", "listening, and accepting whoever calls", _LISTENING, _listen),
    Flag(
        "env", "NAME", "reading environment variables; NAME* is a prefix", (EnvPermission("*", "read"),), _environment
    ),
    Flag("run", "PROGRAM", "starting programs, which no sandbox contains", _STARTING, _run),
    Flag("import", "MODULE", "modules of the host, beyond the vetted ones", (ImportPermission("*"),), _module),
    Flag("ffi", "LIBRARY", "native libraries, each in a confined process", _LOADING, _library),
    Flag("threads", "", "starting threads", (ThreadPermission("start"),), lambda _: ()),
)


# ---- The command line -----------------------------------------------------------------------------------------------


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add all flags to a parser."""
    for verb, title in (("allow", "what the code may do"), ("deny", "what it may not do, whatever is allowed")):
        group = parser.add_argument_group(title)
        for flag in FLAGS:
            if not flag.value:
                group.add_argument(f"--{verb}-{flag.word}", action="append_const", const=BARE, help=flag.help)
                continue
            group.add_argument(
                f"--{verb}-{flag.word}",
                metavar=f"{flag.value},...",
                action="append",
                nargs="?",
                const=BARE,
                help=flag.help,
            )
        group.add_argument(
            f"--{verb}",
            metavar="PERMISSION",
            action="append",
            help='any other, as in a policy file: \'EnvPermission "LANG" "write"\'',
        )
        if verb == "allow":
            group.add_argument("-A", "--allow-all", action="store_true", help="everything, of trusted code only")


_BARE_FLAGS: Final = {f"--{verb}-{flag.word}" for verb in ("allow", "deny") for flag in FLAGS if flag.value}


def with_bare_flags(options: Iterable[str]) -> list[str]:
    """Return options in which a bare ``--allow-read`` is told from one whose value is the next argument.

    >>> with_bare_flags(["--allow-read", "script.py"]) == ["--allow-read=" + BARE, "script.py"]
    True
    """
    return [f"{option}={BARE}" if option in _BARE_FLAGS else option for option in options]


def require_value_attached(options: Sequence[str], words: Sequence[str]) -> None:
    """Return unless what is to be run is the value that somebody meant for the bare flag in front of it.

    Raises:
        Mistake: It is: ``--allow-read data script.py``, where no script ``data`` can be run.
    """
    flag, _, value = options[-1].partition("=") if options else ("", "", "")
    if value != BARE or not words or words[0].startswith("-") or os.path.isfile(words[0]):
        return
    if not os.path.isfile(os.path.join(words[0], "__main__.py")):
        message = (
            f"{flag} stands alone, which means everything of its kind, and {shorten(words[0])} behind it is no script; "
            f"for {shorten(words[0])} alone, write {flag}={shlex.quote(words[0]) if words[0].isprintable() else '...'}"
        )
        raise Mistake(message)


def allowed(options: argparse.Namespace) -> Allowed:
    """Return what the flags in parsed options say.

    Raises:
        Mistake: A value means nothing.
    """
    lines: list[str] = []
    found: dict[str, list[Permission]] = {"allow": [], "deny": []}
    for verb, meant in found.items():
        for flag in FLAGS:
            for value in getattr(options, f"{verb}_{flag.word}") or ():
                meant.extend(_meaning(flag, verb, value))
        meant.extend(_written(f"--{verb}", text) for text in getattr(options, verb) or ())
    if options.allow_all:
        found["allow"].append(AllPermission())
        lines.append("allow *")
    for verb, permissions in found.items():
        modules = [permission.name for permission in permissions if type(permission) is ImportPermission]
        # A package comes with what is below it.
        lines += [f"{verb} *" if name == "*" else f"{verb} {name.removesuffix('.*')}.*" for name in modules]
    # What may be imported is decided by rules, and by no permission.
    allow, deny = (tuple(one for one in each if type(one) is not ImportPermission) for each in found.values())
    return Allowed(allow, deny, tuple(lines))


def _meaning(flag: Flag, verb: str, value: str) -> list[Permission]:
    if value == BARE:
        return list(flag.everything)
    found: list[Permission] = []
    for part in split_values(value):
        if not part:
            message = (
                f"--{verb}-{flag.word}= names nothing; write --{verb}-{flag.word}={flag.value}, "
                f"or --{verb}-{flag.word} alone for everything"
            )
            raise Mistake(message)
        try:
            found += flag.one(part)
        except ValueError as error:
            message = f"--{verb}-{flag.word}={shorten(part)}: {error}"
            raise Mistake(message) from None
    # To deny listening here is not to deny answering elsewhere.
    return [one for one in found if verb == "allow" or one != _ANYBODY]


def split_values(text: str) -> list[str]:
    """Return the values between single commas; two commas are one that belongs to a value.

    >>> split_values("a,b,,c")
    ['a', 'b,c']
    """
    return [part.replace("\0", ",") for part in text.replace(",,", "\0").split(",")]


def _written(option: str, text: str) -> Permission:
    try:
        return read_entry(text).permission()
    except Refused as refused:
        # The variables of a policy file are not there: the shell has its own.
        fix = "write the whole path" if refused.code == "relative-path" else refused.fix
        message = f"{option}: {refused}{f'; {fix}' if fix else ''}"
        raise Mistake(message) from None


# ---- From a permission to its flag ----------------------------------------------------------------------------------


def flags_for(permission: Permission) -> tuple[str, ...]:
    """Return the flags, quoted for a shell, that allow what was asked for.

    >>> flags_for(FilePermission("/etc/hosts", "read"))
    ('--allow-read=/etc/hosts',)
    """
    if type(permission) is AllPermission:
        return ("--allow-all",)
    named = _short_flags(permission)
    if named and all(flag.isprintable() for flag in named):
        return tuple(map(shlex.quote, named))
    return (f"--allow={shlex.quote(write_permission(permission))}",)


def _short_flags(permission: Permission) -> Sequence[str]:
    name = permission.name.replace(",", ",,")
    actions = set(permission.actions.split(","))
    if type(permission) is FilePermission and permission.name.startswith("/"):
        words = [word for word, known in (("read", _READ), ("write", _WRITE)) if actions & set(known.split(","))]
        return [f"--allow-{word}={name}" for word in words] if "execute" not in actions else ()
    if type(permission) is SocketPermission:
        if actions <= {"connect", "resolve"}:
            return (f"--allow-connect={name}",)
        return (f"--allow-listen={name}",) if actions <= {"listen", "resolve"} else ()
    if type(permission) is EnvPermission:
        return (f"--allow-env={name}",) if actions == {"read"} else ()
    if type(permission) is ProcessPermission:
        return (f"--allow-run={name}",) if actions == {"execute"} and permission.name != "fork" else ()
    if type(permission) is NativePermission:
        return (f"--allow-ffi={name}",)
    if type(permission) is ImportPermission:
        return (f"--allow-import={name}",)
    return ("--allow-threads",) if permission == ThreadPermission("start") else ()
