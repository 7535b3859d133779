"""For tests of plugins, and of programs that run them: what one needed, and whether that is what it was given.

The fixture and the mark for pytest are in `pycage.pytest_plugin`; these functions need no pytest.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pycage.errors import AccessDenied
from pycage.manager import decisions
from pycage.permissions import Permission, Permissions
from pycage.policy_files.notation import Refused, read_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pycage.sandbox import Sandbox

__all__ = ["asked", "assert_permissions", "denied", "permissions_of"]


def permissions_of(given: Iterable[Permission | str]) -> tuple[Permission, ...]:
    """Return permissions that are given as such or as text, as in policy files.

    Raises:
        ValueError: A text is none, or of an unknown type.

    >>> pycage.testing.permissions_of(['FilePermission "/srv/-" "read"', pycage.EnvPermission("HOME", "read")])
    (FilePermission("/srv/-", "read"), EnvPermission("HOME", "read"))
    """
    if isinstance(given, (str, Permission)):
        message = f"expected a list of permissions, got {given!r:.80}; put it into brackets"
        raise TypeError(message)
    return tuple(_read(one) if isinstance(one, str) else one for one in given)


def _read(text: str) -> Permission:
    try:
        return read_entry(text).permission()
    except Refused as refused:
        refused.add_note(refused.fix)
        raise


def asked(sandbox: Sandbox) -> tuple[Permission, ...]:
    """Return what a sandbox has asked for, each once, granted or not, as far as `pycage.decisions` remembers it.

    Raises:
        ValueError: It asked for something so long that only a part of it was recorded.

    >>> with pycage.Sandbox("asking") as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> pycage.testing.asked(sandbox)
    (EnvPermission("HOME", "read"),)
    """
    return tuple(dict.fromkeys(record.asked() for record in decisions() if record.sandbox == sandbox.name))


def assert_permissions(sandbox: Sandbox, *, minimal: Iterable[Permission | str]) -> None:
    """Assert that what a sandbox asked for is just what ``minimal`` names: nothing beyond it, and no line for nothing.

    Works for an open and for a closed sandbox; names of sandboxes should be used once in a test.

    Args:
        sandbox: Which; the code in it has run.
        minimal: Permissions, or their text.

    Raises:
        AssertionError: It asked for more, or does not need something; the message lists both.

    >>> with pycage.Sandbox("homely", permissions=[pycage.EnvPermission("*", "read")]) as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> pycage.testing.assert_permissions(sandbox, minimal=['EnvPermission "HOME" "read"'])
    >>> pycage.testing.assert_permissions(sandbox, minimal=['EnvPermission "PATH" "read"'])
    Traceback (most recent call last):
      ...
    AssertionError: sandbox "homely" and its minimal permissions differ
      asked for, and not among them: EnvPermission("HOME", "read")
      among them, and not needed:    EnvPermission("PATH", "read")
    """
    wanted, given = asked(sandbox), permissions_of(minimal)
    beyond = [one for one in wanted if not _together(given).implies(one)]
    needless = [
        one
        for at, one in enumerate(given)
        if not any(
            _together(given).implies(each) and not _together(given[:at] + given[at + 1 :]).implies(each)
            for each in wanted
        )
    ]
    lines = [f"  asked for, and not among them: {one!r}" for one in beyond]
    lines += [f"  among them, and not needed:    {one!r}" for one in needless]
    if lines:
        raise AssertionError("\n".join([f'sandbox "{sandbox.name}" and its minimal permissions differ', *lines]))


@contextlib.contextmanager
def denied(*permissions: Permission | str) -> Iterator[None]:
    """Assert that a block ends with `AccessDenied`, about one of ``permissions`` if any are given.

    Raises:
        AssertionError: Nothing was denied, or something else.

    >>> with pycage.Sandbox("curious") as sandbox, pycage.testing.denied('FilePermission "/etc/passwd" "read"'):
    ...     sandbox.run("open('/etc/passwd')")
    """
    expected = permissions_of(permissions)
    try:
        yield
    except AccessDenied as denial:
        if expected and denial.permission not in expected:
            message = f"denied was {denial.permission!r}, not {' or '.join(map(repr, expected))}"
            raise AssertionError(message) from denial
        return
    message = f"nothing was denied; expected {' or '.join(map(repr, expected)) or 'any denial'}"
    raise AssertionError(message)


def _together(permissions: Iterable[Permission]) -> Permissions:
    collection = Permissions()
    for permission in permissions:
        collection.add(permission)
    return collection
