"""Modes: whether what a policy does not grant is refused, or only written down.

In audit mode a sandbox is allowed what it lacks, and each of these is recorded as ``"would deny"``.  What guards the
interpreter or pycage itself is never let pass: the table below.
"""

# Problem.  To learn what code needs, or to try a narrower policy on a running program, one must let it go on.  But the
# same checks keep a sandbox from the memory of the process, and from the switch that ends audit mode.
#
# Idea.  Audit mode concerns permissions only, and of these not the ones that reach around every check.  What is refused
# without asking a policy (arguments that cannot be judged, reflection, loader policies, syntax) stays refused.
#
# What still fails.  Code in audit mode can write to files that the host will import, or start a program: that is what
# it was allowed.  Audit mode is for code that one would run without a sandbox.

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pycage.permissions import (
    FilePermission,
    NativePermission,
    Permission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
)

if TYPE_CHECKING:
    from pycage.domains import Wanted

__all__ = ["NEVER_LET_PASS", "Mode", "checked_mode", "may_pass"]

Mode: TypeAlias = Literal["enforce", "audit"]
_MODES: Final[tuple[Mode, ...]] = ("enforce", "audit")

# What no mode lets pass, and why.
NEVER_LET_PASS: Final[dict[Permission, str]] = {
    SandboxAdminPermission("*", "*"): "it changes what sandboxes may do",
    SecurityPermission("*"): "it changes the policy, or who is asked",
    NativePermission("<<ALL FILES>>", "load,call"): "native code is bound by no check",
    NativePermission("*", "load,call"): "native code is bound by no check",
    FilePermission("/proc/-", "write,execute,delete"): "/proc/self/mem is the memory of the process",
    FilePermission("/dev/-", "delete,execute"): "devices are not the sandbox's",
    FilePermission("/dev/mem", "write"): "the memory of the machine",
    FilePermission("/dev/kmem", "write"): "the memory of the machine",
    FilePermission("/dev/port", "write"): "the ports of the machine",
    RuntimePermission("accessClassInPackage.*"): "private names of the host's modules",
    RuntimePermission("accessDeclaredMembers"): "attributes that lead out of the sandbox",
    RuntimePermission("accessMemory"): "it makes an object out of any number",
    RuntimePermission("addAuditHook"): "a hook sees what the host does",
    RuntimePermission("auditEvent.*"): "nobody knows what it does",
    RuntimePermission("closeFileDescriptor"): "descriptors of the host",
    RuntimePermission("createClassLoader"): "code that is not judged",
    RuntimePermission("createInterpreter"): "code that is out of sight",
    RuntimePermission("createSocket.fileno"): "descriptors of the host",
    RuntimePermission("debugger"): "a debugger sees every frame",
    RuntimePermission("defineCode"): "code that is not judged",
    RuntimePermission("getStackTrace"): "frames of the host",
    RuntimePermission("readFileDescriptor"): "descriptors of the host",
    RuntimePermission("setAsyncgenHooks"): "it sees what the host's event loop does",
    RuntimePermission("setConfig"): "the interpreter's own configuration",
    RuntimePermission("setOpenCodeHook"): "it replaces the source of what the host imports",
    RuntimePermission("setTrace"): "a trace function sees every frame",
    RuntimePermission("useExposed.*"): "the host has taken it back",
    RuntimePermission("writeFileDescriptor"): "descriptors of the host",
}
_NEVER: Final = tuple(NEVER_LET_PASS)


def checked_mode(mode: str) -> Mode:
    """Return the mode.

    Raises:
        ValueError: There is none of this name.
    """
    for known in _MODES:
        if type(mode) is str and mode == known:
            return known
    message = f"a mode is one of {', '.join(map(repr, _MODES))}"
    raise ValueError(message)


def may_pass(lacking: Wanted) -> bool:
    """Return whether audit mode lets pass what is lacking."""
    return bool(lacking) and not any(never.overlaps(one) for part in lacking for one in part for never in _NEVER)
