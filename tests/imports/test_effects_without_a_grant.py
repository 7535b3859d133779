"""Every function with an effect, called in a sandbox that may do nothing.

The tables are compared with what is offered, so a function that is offered without a row here fails the run.
"""

from __future__ import annotations

import importlib
import itertools
import os
import pathlib

import pytest
from pycage import AccessDenied, Sandbox
from pycage.imports.stdlib import OFFERS

_numbers = itertools.count()

READ = '"FilePermission" ".*" "read"'
WRITE = '"FilePermission" ".*" "write"'
DELETE = '"FilePermission" ".*" "delete"'
OPEN = '"FilePermission" ".*" "read,write"'
SYSTEM = '"RuntimePermission" "getSystemInformation"'
HERE = '"RuntimePermission" "getWorkingDirectory"'
RUN = '"ProcessPermission" ".*" "execute"'
SIGNAL = '"ProcessPermission" ".*" "signal"'
LINK = '"LinkPermission"'

# Function -> arguments, and the permission that the denial names.  P: a file that is there; Q: one that is not; D: a
# directory; L: a link.
OS = {
    "access": ("P, 0", READ),
    "chdir": ("D", '"RuntimePermission" "chdir"'),
    "chmod": ("P, 0o600", WRITE),
    "chown": ("P, 0, 0", WRITE),
    "close": ("0", '"RuntimePermission" "closeFileDescriptor"'),
    "ctermid": ("", SYSTEM),
    "dup": ("0", '"RuntimePermission" "readFileDescriptor"'),
    "execv": ("P, ['x']", RUN),
    "execve": ("P, ['x'], {}", RUN),
    "fdatasync": ("0", "Permission"),
    "fdopen": ("0", "Permission"),
    "fork": ("", RUN),
    "forkpty": ("", RUN),
    "fstat": ("0", "Permission"),
    "fsync": ("0", "Permission"),
    "ftruncate": ("0, 0", "Permission"),
    "getcwd": ("", HERE),
    "getcwdb": ("", HERE),
    "getegid": ("", SYSTEM),
    "geteuid": ("", SYSTEM),
    "getgid": ("", SYSTEM),
    "getgrouplist": ("'root', 0", SYSTEM),
    "getgroups": ("", SYSTEM),
    "getloadavg": ("", SYSTEM),
    "getlogin": ("", SYSTEM),
    "getpgid": ("0", SYSTEM),
    "getpgrp": ("", SYSTEM),
    "getppid": ("", SYSTEM),
    "getpriority": ("0, 0", SYSTEM),
    "getresgid": ("", SYSTEM),
    "getresuid": ("", SYSTEM),
    "getsid": ("0", SYSTEM),
    "getuid": ("", SYSTEM),
    "getxattr": ("P, 'user.x'", READ),
    "isatty": ("0", "Permission"),
    "kill": ("1, 0", SIGNAL),
    "killpg": ("1, 0", SIGNAL),
    "lchown": ("P, 0, 0", WRITE),
    "link": ("P, Q", LINK),
    "listdir": ("D", READ),
    "listxattr": ("P", READ),
    "lseek": ("0, 0, 0", '"RuntimePermission" "readFileDescriptor"'),
    "lstat": ("P", READ),
    "makedirs": ("Q", WRITE),
    "mkdir": ("Q", WRITE),
    "open": ("P, 0", READ),
    "pathconf": ("P, 'PC_NAME_MAX'", READ),
    "posix_spawn": ("P, ['x'], {}", RUN),
    "posix_spawnp": ("P, ['x'], {}", RUN),
    "pread": ("0, 1, 0", '"RuntimePermission" "readFileDescriptor"'),
    "process_cpu_count": ("", SYSTEM),
    "putenv": ("'PYCAGE_TEST', 'x'", '"EnvPermission" "PYCAGE_TEST" "write"'),
    "pwrite": ("0, b'', 0", '"RuntimePermission" "writeFileDescriptor"'),
    "read": ("0, 1", '"RuntimePermission" "readFileDescriptor"'),
    "readlink": ("L", '"FilePermission" ".*" "readlink"'),
    "remove": ("P", DELETE),
    "removedirs": ("D", DELETE),
    "removexattr": ("P, 'user.x'", WRITE),
    "rename": ("P, Q", '"FilePermission" ".*" "read,delete"'),
    "renames": ("P, Q", '"FilePermission" ".*" "read,delete"'),
    "replace": ("P, Q", '"FilePermission" ".*" "read,delete"'),
    "rmdir": ("D", DELETE),
    "scandir": ("D", READ),
    "sched_getaffinity": ("0", SYSTEM),
    "setxattr": ("P, 'user.x', b''", WRITE),
    "stat": ("P", READ),
    "statvfs": ("P", READ),
    "symlink": ("P, Q", LINK),
    "sysconf": ("'SC_PAGESIZE'", SYSTEM),
    "system": ("'true'", RUN),
    "times": ("", SYSTEM),
    "truncate": ("P, 0", WRITE),
    "uname": ("", SYSTEM),
    "unlink": ("P", DELETE),
    "unsetenv": ("'PYCAGE_TEST'", '"EnvPermission" "PYCAGE_TEST" "write"'),
    "utime": ("P", WRITE),
    "walk": ("D", READ),
    "write": ("0, b''", '"RuntimePermission" "writeFileDescriptor"'),
}
OS_PATH = {
    "abspath": ("'x'", HERE),
    **dict.fromkeys(("exists", "isdir", "isfile", "lexists", "islink", "ismount"), ("P", READ)),
    **dict.fromkeys(("getatime", "getctime", "getmtime", "getsize", "realpath"), ("P", READ)),
    "relpath": ("'../x'", HERE),
    "samefile": ("P, P", READ),
}
GLOB = dict.fromkeys(("glob", "iglob"), ("D + '/*'", READ))
SHUTIL = {
    **dict.fromkeys(("copy", "copy2", "copyfile"), ("P, Q", READ)),
    "copymode": ("P, Q", READ),
    "copystat": ("P, Q", READ),
    "copytree": ("D, Q", READ),
    "disk_usage": ("D", READ),
    "move": ("P, Q", "FilePermission"),
    "rmtree": ("D", "FilePermission"),
    "which": ("P", READ),
}
TEMPFILE = {
    **dict.fromkeys(("NamedTemporaryFile", "TemporaryFile", "mkstemp"), ("dir=D", OPEN)),
    "mkdtemp": ("dir=D", WRITE),
}
FILECMP = {"cmp": ("P, P", READ), "cmpfiles": ("D, D, ['file']", None)}

HARMLESS = {
    "os": {"getenv": "what may not be read is not set", "pipe": "its own", "pipe2": "its own"},
    "os.path": dict.fromkeys(("expanduser", "expandvars"), "what may not be read is not set"),
    "shutil": {
        "copyfileobj": "works on open files",
        "get_terminal_size": "reads variables: what may not be read is not set",
        "ignore_patterns": "works on text",
    },
    "tempfile": dict.fromkeys(("gettempdir", "gettempdirb"), "asks for the name of a place that is not a usual one"),
    "filecmp": {"clear_cache": "the sandbox's own", "cmpfiles": "lists what it cannot compare"},
}

TABLES = {"os": OS, "os.path": OS_PATH, "glob": GLOB, "shutil": SHUTIL, "tempfile": TEMPFILE, "filecmp": FILECMP}

# Methods of Path, with arguments after the path.
PATH = {
    **dict.fromkeys(("exists", "is_dir", "is_file", "is_mount", "is_symlink", "lstat", "owner", "stat"), ("", READ)),
    **dict.fromkeys(("is_block_device", "is_char_device", "is_fifo", "is_socket", "group", "resolve"), ("", READ)),
    **dict.fromkeys(("iterdir", "walk", "read_bytes", "read_text", "open"), ("", READ)),
    **dict.fromkeys(("glob", "rglob"), ("'*'", READ)),
    "absolute": (None, HERE),
    "chmod": ("0o600", WRITE),
    "cwd": ("", HERE),
    "expanduser": (None, '"EnvPermission" "HOME" "read"'),
    "hardlink_to": ("Q", LINK),
    "home": ("", '"EnvPermission" "HOME" "read"'),
    "lchmod": ("0o600", WRITE),
    "link_to": ("Q", LINK),
    "mkdir": ("", WRITE),
    "readlink": ("", '"FilePermission" ".*" "readlink"'),
    "rename": ("Q", '"FilePermission" ".*" "read,delete"'),
    "replace": ("Q", '"FilePermission" ".*" "read,delete"'),
    "rmdir": ("", DELETE),
    "samefile": ("P", READ),
    "symlink_to": ("P", LINK),
    "touch": ("", WRITE),
    "unlink": ("", DELETE),
    "write_bytes": ("b''", WRITE),
    "write_text": ("''", WRITE),
}
PATH_HARMLESS = {"from_uri": "works on text", "is_junction": "there are none here"}


@pytest.fixture
def sandbox():
    with Sandbox(f"no_grant_{next(_numbers)}") as made:
        yield made


@pytest.fixture
def names(tmp_path, monkeypatch):
    """The files of the tables, in a directory of their own, which is also the current one."""
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "directory").mkdir()
    monkeypatch.chdir(tmp_path)
    return {
        key: str(tmp_path / name) for key, name in (("P", "file"), ("Q", "none"), ("D", "directory"), ("L", "link"))
    }


def left(tmp_path):
    status = (tmp_path / "file").stat()
    return sorted(os.listdir(tmp_path)), (tmp_path / "file").read_text(), status.st_mode, status.st_mtime_ns


ROWS = [
    pytest.param(module, name, *row, id=f"{module}.{name}")
    for module, table in TABLES.items()
    for name, row in table.items()
    if hasattr(importlib.import_module(module), name) and row[1] is not None
]


@pytest.mark.parametrize("name", TABLES)
def test_every_function_with_an_effect_has_a_row(name):
    offered = {effect for effect in OFFERS[name].effects if hasattr(importlib.import_module(name), effect)}
    placed = {*TABLES[name], *HARMLESS.get(name, ())}

    assert offered - placed == set()
    assert placed <= OFFERS[name].effects


@pytest.mark.parametrize(("module", "name", "arguments", "permission"), ROWS)
def test_a_function_with_an_effect_is_denied(sandbox, names, tmp_path, module, name, arguments, permission):
    before = left(tmp_path)
    call = f"import {module}\nx = {module}.{name}({arguments})\nlist(x) if hasattr(x, '__next__') else x"

    with pytest.raises(AccessDenied, match=permission):
        sandbox.run(call, variables=names)
    assert left(tmp_path) == before


@pytest.mark.parametrize(("module", "name", "arguments", "permission"), ROWS)
def test_a_function_with_an_effect_is_denied_to_whoever_calls_it_later(
    sandbox, names, tmp_path, module, name, arguments, permission
):
    """D199, D206, D250: `map(os.unlink, names)`, left behind for the host."""
    before = left(tmp_path)
    bare = sandbox.run(f"import {module}\n{module}.{name}").value

    with pytest.raises(AccessDenied, match=permission):
        made = eval(f"bare({arguments})", {"bare": bare, **names})
        list(made)
    assert left(tmp_path) == before


def path_rows():
    for name, (arguments, permission) in PATH.items():
        if hasattr(pathlib.Path, name):
            path = {"absolute": "'x'", "expanduser": "'~'", "mkdir": "Q", "readlink": "L", "rmdir": "D"}.get(name, "P")
            path = "D" if name in {"iterdir", "walk", "glob", "rglob"} else path
            yield pytest.param(name, path, arguments or "", permission, id=name)


PATH_ROWS = list(path_rows())


def test_every_method_of_a_path_has_a_row():
    real = {name for name in dir(pathlib.Path) if not name.startswith("_")} - set(dir(pathlib.PurePosixPath))

    assert real - set(PATH) - set(PATH_HARMLESS) == set()


@pytest.mark.parametrize(("name", "path", "arguments", "permission"), PATH_ROWS)
def test_a_method_of_a_path_is_denied(sandbox, names, tmp_path, name, path, arguments, permission):
    before = left(tmp_path)
    call = f"import pathlib\nx = pathlib.Path({path}).{name}({arguments})\nlist(x) if hasattr(x, '__next__') else x"

    with pytest.raises(AccessDenied, match=permission):
        sandbox.run(call, variables=names)
    assert left(tmp_path) == before


@pytest.mark.parametrize(("name", "path", "arguments", "permission"), PATH_ROWS)
def test_a_method_of_a_path_is_denied_to_whoever_calls_it_later(
    sandbox, names, tmp_path, name, path, arguments, permission
):
    before = left(tmp_path)
    bound = sandbox.run(f"import pathlib\npathlib.Path({path}).{name}", variables=names).value

    with pytest.raises(AccessDenied, match=permission):
        list(eval(f"bound({arguments})", {"bound": bound, **names}))
    assert left(tmp_path) == before


def test_the_classes_of_tempfile_are_denied(sandbox, names):
    for call in ("TemporaryDirectory(dir=D)", "SpooledTemporaryFile(dir=D).fileno()"):
        with pytest.raises(AccessDenied, match="FilePermission"):
            sandbox.run(f"import tempfile\ntempfile.{call}", variables=names)


def test_importing_them_needs_no_permission(sandbox):
    modules = "os os.path posixpath ntpath pathlib glob shutil tempfile filecmp stat errno io"

    assert sandbox.run(f"import {modules.replace(' ', ', ')}\nos.path is not None").value is True
    assert sandbox.run("from os import *\nfrom os.path import *\nfrom pathlib import *\nPath('x').name").value == "x"
