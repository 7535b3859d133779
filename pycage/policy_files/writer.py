"""Writing a profile: the one readable TOML text for a set of permissions, which reads back as the same set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pycage.errors import PolicyError
from pycage.imports.rules import rules
from pycage.permissions import FilePermission, Permissions, UnresolvedPermission
from pycage.permissions.text import escape, quote, type_name
from pycage.policy_files.notation import Refused, entry_of, write_permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pycage.permissions import Permission

__all__ = ["sorted_permissions", "write_profile"]

# The order of a profile, and the heading over each part; types of a host's own come last.
_HEADINGS: Final = (
    ("files", ("FilePermission", "LinkPermission")),
    ("network", ("SocketPermission",)),
    ("environment", ("EnvPermission", "PropertyPermission")),
    ("processes and threads", ("ProcessPermission", "ThreadPermission")),
    ("native code", ("NativePermission",)),
    ("modules", ("ImportPermission",)),
    ("the interpreter", ("RuntimePermission",)),
    ("pycage itself", ("SecurityPermission", "SandboxAdminPermission")),
    ("everything", ("AllPermission",)),
)
_OTHERS: Final = "types of the program"
_GROUP: Final = {kind: number for number, (_, kinds) in enumerate(_HEADINGS) for kind in kinds}

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_COMMENT: Final = 100
_FEW: Final = 4  # so many lines need no headings


def write_profile(
    name: str,
    permissions: Iterable[Permission],
    *,
    deny: Iterable[Permission] = (),
    imports: Iterable[str] = (),
    imports_default: str | None = None,
    description: str = "",
    comments: Mapping[Permission, str] | None = None,
) -> str:
    """Return the canonical text of a profile: grouped, sorted, one permission a line.

    >>> from pycage import FilePermission
    >>> print(write_profile("reader", [FilePermission("/srv/-", "read")]), end="")
    [profiles.reader]
    allow = [
        'FilePermission "/srv/-" "read"',
    ]

    Args:
        name: The name of the profile.
        permissions: What it allows.  Those that differ in their actions only become one line.
        deny: What it denies.
        imports: Its import rules, in their order.
        imports_default: ``vetted``, ``deny``, ``allow``, or None: unsaid.
        description: For people.
        comments: What to write behind a permission.

    Raises:
        PolicyError: A file name is relative, so that no file could say it; or an import rule is none.
    """
    lines = [f"[profiles.{_key(name)}]"]
    if description:
        lines.append(f"description = {_text(description)}")
    if imports_default is not None:
        lines.append(f"imports_default = {_text(imports_default)}")
    listed = tuple(imports)
    rules(*listed)
    if listed:
        lines += ["imports = [", *(f"    {_text(line)}," for line in listed), "]"]
    for key, wanted in (("allow", permissions), ("deny", deny)):
        held = sorted_permissions(wanted)
        if held:
            lines += [f"{key} = [", *_entries(held, comments or {}), "]"]
    return "\n".join(lines) + "\n"


def sorted_permissions(permissions: Iterable[Permission]) -> list[Permission]:
    """Return permissions as a profile lists them: merged where they differ in their actions only, in order."""
    return sorted(Permissions(permissions), key=_order)


def _order(permission: Permission) -> tuple[int, str, str, str]:
    entry = entry_of(permission)
    return (_group(permission), entry.kind, entry.name, entry.actions)


def _group(permission: Permission) -> int:
    return (
        len(_HEADINGS)
        if type(permission) is UnresolvedPermission
        else _GROUP.get(type_name(permission), len(_HEADINGS))
    )


def _entries(permissions: list[Permission], comments: Mapping[Permission, str]) -> list[str]:
    lines: list[str] = []
    last = -1
    for permission in permissions:
        group = _group(permission)
        if group != last and len(permissions) > _FEW:
            lines.append(f"    # {_HEADINGS[group][0] if group < len(_HEADINGS) else _OTHERS}")
            last = group
        comment = escape(comments.get(permission, ""))[:_LONGEST_COMMENT]
        lines.append(f"    {_text(_written(permission))},{f'  # {comment}' if comment else ''}")
    return lines


def _written(permission: Permission) -> str:
    if type(permission) is FilePermission:
        try:
            entry_of(permission).permission(lambda _: permission.name)
        except Refused as refused:
            message = f"{permission} cannot be written: {refused}"
            raise PolicyError(message) from None
    return write_permission(permission)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _basic(name)


def _text(text: str) -> str:
    """Return a TOML string: as it stands where that is possible."""
    return f"'{text}'" if "'" not in text and text.isprintable() and '"' in text else _basic(text)


def _basic(text: str) -> str:
    # The escapes of pycage's text form are TOML's, but for \xNN.
    return re.sub(r"(?<!\\)((?:\\\\)*)\\x([0-9a-f]{2})", r"\1\\u00\2", quote(text))
