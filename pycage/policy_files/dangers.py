"""What a sandbox should not be granted by accident: the grants that give away more than they look."""

# A sandbox that may write where programs are imported or started from, read what the host logs in with, or start a
# program that does anything, has the permissions of the host, only later.  Sources: Coker et al., "Evaluating the
# flexibility of the Java sandbox" (ACSAC 2015), on grants that defeat a sandbox; the advice of cloud providers on
# metadata services; what cron, shells, loaders and CPython read when they start.
#
# A row is dangerous if a grant covers it or lies within it, and no denial covers what both have in common.

from __future__ import annotations

import os
import sys
import sysconfig
from typing import TYPE_CHECKING, Final, final

import attrs

from pycage.permissions import (
    EnvPermission,
    FilePermission,
    NativePermission,
    ProcessPermission,
    RuntimePermission,
    SandboxAdminPermission,
    SecurityPermission,
    SocketPermission,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pycage.permissions import Permission

__all__ = ["EVERYTHING", "Danger", "dangers", "file_and_below"]


@final
@attrs.frozen
class Danger:
    """A permission that is more than it looks.

    Attributes:
        code: As in `Finding`; rows with the same code are reported together.
        permission: What is dangerous.
        why: What can be done with it.
        whole: Whether only a grant of all of it is dangerous, and not one of a part.
    """

    code: str
    permission: Permission
    why: str
    whole: bool = False


# Whoever has one of these needs no other finding.
EVERYTHING: Final = (
    Danger("write-everything", FilePermission("/-", "write"), "it may change every program and file of the machine"),
    Danger("run-everything", ProcessPermission("/-", "execute"), "a program that it starts is in no sandbox"),
    Danger("read-everything", FilePermission("/-", "read"), "it may read every key, password and process"),
)

_WHY: Final = {
    "write-policy": "it may change its own policy or code",
    "write-import-path": "a module there is run by the next program that imports it, outside of the sandbox",
    "write-startup-file": "what is written there is run outside of the sandbox",
    "write-device": "the memory of the host can be written there (/proc/self/mem), and its devices",
    "read-processes": "environment, memory map and command line of every process of this user, the host's first of all",
    "read-secrets": "keys and passwords are there",
    "engine-socket": "who may talk to it may start any program as root",
    "write-loader-variable": "programs that the host starts run what it names",
    "read-environment": "tokens and passwords are often passed that way",
    "run-interpreter": "it runs any other program, in no sandbox",
    "signal-anybody": "it may stop the host and others",
    "load-anything": "native code does what it likes",
    "cloud-metadata": "the credentials of the machine are handed out there",
    "interpreter": "code with it can leave the sandbox, or look into the host",
    "administer": "it may change what sandboxes may do, itself among them",
}
_WHOLE: Final = frozenset({"read-environment", "load-anything"})

_STARTUP_FILES: Final = (
    "/etc/-", "/bin/-", "/sbin/-", "/usr/bin/-", "/usr/sbin/-", "/usr/local/bin/-", "/usr/local/sbin/-", "/lib/-",
    "/lib64/-", "/usr/lib/-", "/usr/local/lib/-", "/boot/-", "/var/spool/cron/-", "/var/spool/at/-", "/opt/-",
)  # fmt: skip
_STARTUP_AT_HOME: Final = (
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv", ".zprofile", ".kshrc",
    ".pythonrc", ".pythonrc.py", ".pdbrc", ".xinitrc", ".xprofile", ".vimrc", ".gitconfig", ".config/git/-",
    ".config/autostart/-", ".config/systemd/-", ".config/fish/-", ".ssh/-", ".local/bin/-", "bin/-",
)  # fmt: skip
_SECRETS: Final = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/-", "/root/-", "/run/secrets/-")
_SECRETS_AT_HOME: Final = (
    ".ssh/-", ".gnupg/-", ".aws/-", ".azure/-", ".config/gcloud/-", ".kube/-", ".docker/config.json", ".netrc",
    ".pypirc", ".npmrc", ".git-credentials", ".pgpass", ".password-store/-", ".mozilla/-", ".config/google-chrome/-",
    ".bash_history", ".local/share/keyrings/-",
)  # fmt: skip
_LOADER_VARIABLES: Final = (
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT",
    "PYTHONBREAKPOINT", "BASH_ENV", "ENV", "IFS", "PERL5LIB", "NODE_OPTIONS", "GIT_SSH_COMMAND", "EDITOR", "PAGER",
)  # fmt: skip
_INTERPRETERS: Final = (
    "sh", "bash", "dash", "zsh", "ksh", "fish", "busybox", "env", "xargs", "find", "sudo", "su", "doas", "pkexec",
    "python", "python3", "perl", "ruby", "node", "php", "lua", "awk", "gawk", "mawk", "sed", "make", "git", "ssh",
    "vim", "tar", "gdb", "strace", "nc", "socat", "docker", "podman", "systemctl", "systemd-run", "crontab", "at",
    "nsenter", "unshare", "chroot", "ld.so",
)  # fmt: skip
_PROGRAM_DIRECTORIES: Final = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")
# Names and addresses under which cloud providers hand out the credentials of a machine.
_METADATA: Final = (
    "169.254.169.254:80", "169.254.170.2:80", "[fd00:ec2::254]:80", "100.100.100.200:80", "168.63.129.16:80",
    "metadata.google.internal:80",
)  # fmt: skip
_ENGINE_SOCKETS: Final = ("/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/dbus/-")

_INTERPRETER_NAMES: Final = (
    "createClassLoader", "defineCode", "accessDeclaredMembers", "accessMemory", "debugger", "setTrace", "addAuditHook",
    "setOpenCodeHook", "createInterpreter", "readFileDescriptor", "writeFileDescriptor", "setConfig", "ensurepip",
)  # fmt: skip


def dangers(*, home: str | None = None, own_files: Iterable[str] = ()) -> list[Danger]:
    """Return every row, for this machine and interpreter.

    Args:
        home: The home directory; None: that of who runs this.
        own_files: What says what the sandbox may do, and its own code: the policy file, the code of plugins.
    """
    at_home = os.path.expanduser("~") if home is None else home  # noqa: PTH111  # text, as permissions are
    rows: tuple[tuple[str, type[Permission], Iterable[str], str], ...] = (
        ("write-policy", FilePermission, _each(own_files), "write"),
        ("write-import-path", FilePermission, _each(_import_directories()), "write"),
        ("write-startup-file", FilePermission, _STARTUP_FILES, "write"),
        ("write-startup-file", FilePermission, [f"{at_home}/{name}" for name in _STARTUP_AT_HOME], "write"),
        ("write-device", FilePermission, ("/proc/-", "/sys/-", "/dev/-"), "write"),
        ("read-processes", FilePermission, ("/proc/-",), "read"),
        ("read-secrets", FilePermission, _SECRETS, "read"),
        ("read-secrets", FilePermission, [f"{at_home}/{name}" for name in _SECRETS_AT_HOME], "read"),
        ("engine-socket", FilePermission, _ENGINE_SOCKETS, "write"),
        ("write-loader-variable", EnvPermission, _LOADER_VARIABLES, "write"),
        ("read-environment", EnvPermission, ("*",), "read"),
        ("run-interpreter", ProcessPermission, [sys.executable, *_interpreters()], "execute"),
        ("signal-anybody", ProcessPermission, ("1", "0", "-1"), "signal"),
        ("load-anything", NativePermission, ("/-",), "load"),
        ("cloud-metadata", SocketPermission, _METADATA, "connect"),
        ("interpreter", RuntimePermission, _INTERPRETER_NAMES, ""),
        ("administer", SecurityPermission, ("*",), ""),
        ("administer", SandboxAdminPermission, ("*",), "*"),
    )
    return [
        Danger(code, kind(name, actions), _WHY[code], code in _WHOLE)
        for code, kind, names, actions in rows
        for name in dict.fromkeys(names)
    ]


def file_and_below(path: str) -> tuple[str, str]:
    """Return the names for a file or directory and what is below it."""
    return path, f"{path.rstrip('/')}/-"


def _each(paths: Iterable[str]) -> list[str]:
    return [name for path in paths for name in file_and_below(path)]


def _interpreters() -> list[str]:
    return [f"{directory}/{name}" for directory in _PROGRAM_DIRECTORIES for name in _INTERPRETERS]


def _import_directories() -> list[str]:
    known = [*sys.path, *(sysconfig.get_paths().get(key, "") for key in ("stdlib", "platstdlib", "purelib", "platlib"))]
    user = sysconfig.get_path("purelib", f"{os.name}_user")
    # "" is the current directory: where scripts are started from it, it is an import path as well.
    return list(dict.fromkeys(path for path in [*known, user] if path.startswith("/")))
