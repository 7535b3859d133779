"""What a sandbox is given for files uses the place that was judged, whatever is exchanged meanwhile.

Every attack is shown first on a check and a use by name.
"""

from __future__ import annotations

import errno
import itertools
import os
import sys
import threading
import time

import pytest
from pycage import FilePermission, LinkPermission, Sandbox, held_paths
from pycage.imports.facades import held

_numbers = itertools.count()
OUTSIDE = "content from outside"

# What a program does with PATH, a file below a directory that is exchanged, or HERE, that directory.  Each has an
# effect that can be seen from outside, or a value that tells.
USES = {
    "open": "opened(PATH).read()",
    "open without a buffer": "opened(PATH, 'rb', buffering=0).read()",
    "open for writing": "opened(PATH, 'w').write('x')",
    "open for appending": "opened(PATH, 'a').write('x')",
    "os.open": "os.read(os.open(PATH, os.O_RDONLY), 100)",
    "os.open, truncating": "os.open(PATH, os.O_WRONLY | os.O_TRUNC)",
    "os.open, creating": "os.open(NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL)",
    "Path.read_text": "pathlib.Path(PATH).read_text()",
    "Path.write_text": "pathlib.Path(PATH).write_text('x')",
    "Path.unlink": "pathlib.Path(PATH).unlink()",
    "Path.touch": "pathlib.Path(NEW).touch()",
    "Path.iterdir": "[str(p) for p in pathlib.Path(HERE).iterdir()]",
    "os.stat": "os.stat(PATH).st_size",
    "os.lstat": "os.lstat(PATH).st_size",
    "os.path.getsize": "os.path.getsize(PATH)",
    "os.path.exists": "os.path.exists(ONLY_OUTSIDE)",
    "os.access": "os.access(ONLY_OUTSIDE, os.F_OK)",
    "os.listdir": "os.listdir(HERE)",
    "os.scandir": "[e.name for e in os.scandir(HERE)]",
    "os.walk": "list(os.walk(HERE))",
    "glob": "__import__('glob').glob(HERE + '/*')",
    "os.remove": "os.remove(PATH)",
    "os.mkdir": "os.mkdir(NEW)",
    "os.rmdir": "os.rmdir(EMPTY)",
    "os.rename from there": "os.rename(PATH, MINE)",
    "os.rename to there": "os.rename(OTHER, NEW)",
    "os.link": "os.link(PATH, MINE)",
    "os.symlink": "os.symlink(OTHER, NEW)",
    "os.readlink": "os.readlink(LINK)",
    "os.chmod": "os.chmod(PATH, 0o777)",
    "os.utime": "os.utime(PATH, (1, 1))",
    "os.truncate": "os.truncate(PATH, 0)",
    "shutil.copy": "shutil.copy(PATH, MINE)",
    "shutil.rmtree": "shutil.rmtree(HERE)",
    "tempfile": "tempfile.mkstemp(dir=HERE)[1]",
    "tempfile.mkdtemp": "tempfile.mkdtemp(dir=HERE)",
}


class Tree:
    """``granted/here`` is a directory, or a link to ``outside``, which looks the same."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.here, self.outside = f"{self.root}/granted/here", f"{self.root}/outside"
        for directory, content in ((self.here, "mine"), (self.outside, OUTSIDE)):
            os.makedirs(f"{directory}/empty")
            with open(f"{directory}/file", "w") as file:
                file.write(content)
            os.symlink(content.replace(" ", "_"), f"{directory}/link")
        with open(f"{self.outside}/only", "w"):
            pass
        with open(f"{self.root}/granted/other", "w"):
            pass
        os.symlink(self.outside, f"{self.root}/trap")
        self.names = {
            "HERE": self.here, "PATH": f"{self.here}/file", "NEW": f"{self.here}/new", "LINK": f"{self.here}/link",
            "EMPTY": f"{self.here}/empty", "MINE": f"{self.root}/granted/mine", "OTHER": f"{self.root}/granted/other",
            "ONLY_OUTSIDE": f"{self.here}/only",
        }  # fmt: skip
        self.permissions = [
            FilePermission(f"{self.root}/granted/-", "read,write,delete,readlink"),
            LinkPermission("hard"),
            LinkPermission("symbolic"),
        ]

    def exchange(self):
        """Put the link where the directory was."""
        os.rename(self.here, f"{self.root}/kept")
        os.rename(f"{self.root}/trap", self.here)

    def exchange_back(self):
        os.rename(self.here, f"{self.root}/trap")
        os.rename(f"{self.root}/kept", self.here)

    def outside_now(self):
        """Return all that an effect could have changed."""
        found = []
        for here, directories, files in os.walk(self.outside):
            for name in (*directories, *files):
                status = os.lstat(f"{here}/{name}")
                found.append((f"{here}/{name}", status.st_mode, status.st_size, status.st_mtime_ns, status.st_nlink))
        try:
            with open(f"{self.outside}/file") as file:
                return sorted(found), file.read()
        except FileNotFoundError:
            return sorted(found), None


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture(params=["openat2", "walk"])
def way(request, monkeypatch):
    """Both ways of opening: in one call of the kernel, and from directory to directory."""
    monkeypatch.setattr(held_paths, "_walks", request.param == "walk")
    if request.param == "openat2" and not held_paths._has_openat2():
        pytest.skip("this kernel has no openat2")
    return request.param


IMPORTS = """
import os, pathlib, shutil, tempfile
files = []
def opened(*args, **kwargs):
    files.append(open(*args, **kwargs))
    return files[-1]
def done(value):
    for file in files:
        file.close()
    return value
"""


def tells(value):
    """Say whether a value came from outside."""
    text = repr(value)
    return (
        any(sign in text for sign in ("outside", "only", repr(len(OUTSIDE)), "True"))
        and "granted" not in text
        or ("only" in text)
    )


@pytest.mark.parametrize("use", USES)
def test_without_the_exchange_it_works(tree, way, use):
    with Sandbox(f"held_{next(_numbers)}", permissions=tree.permissions) as sandbox:
        before = tree.outside_now()

        value = sandbox.run(f"{IMPORTS}done({USES[use]})", variables=tree.names).value

    assert not tells(value)
    assert before == tree.outside_now()


@pytest.mark.parametrize("use", USES)
def test_by_name_it_reaches_what_was_put_there(tree, use):
    """The control: a check before the exchange, a use by name after it."""
    before = tree.outside_now()
    os.path.realpath(tree.here)
    tree.exchange()

    exec(f"{IMPORTS}", names := dict(tree.names))
    value = error = None
    try:
        value = eval(f"done({USES[use]})", names)
    except OSError as caught:  # rmtree sees that it is a link
        error = caught

    assert before != tree.outside_now() or tells(value) or (use == "shutil.rmtree" and error) or "copy" in use


@pytest.mark.parametrize("use", USES)
def test_what_is_exchanged_between_check_and_use_is_not_used(tree, way, use, monkeypatch):
    exchanged = []

    def after_the_exchange(function):
        def called(path, *args):
            if not exchanged and path.startswith(tree.here):
                exchanged.append(path)
                tree.exchange()
            return function(path, *args)

        return called

    monkeypatch.setattr(held, "open_held", after_the_exchange(held.open_held))
    monkeypatch.setattr(held, "open_parent", after_the_exchange(held.open_parent))
    with Sandbox(f"held_{next(_numbers)}", permissions=tree.permissions) as sandbox:
        before = tree.outside_now()

        value = None
        try:
            value = sandbox.run(f"{IMPORTS}done({USES[use]})", variables=tree.names).value
        except OSError:  # a denial; or it is not there, or rmtree sees a link
            pass

        assert exchanged
        assert not tells(value)
        assert before == tree.outside_now()


def test_a_race_for_a_directory_is_never_won(tree, monkeypatch):
    """For 0.3 s, a thread exchanges a directory and a link as fast as it can."""
    done = threading.Event()

    def exchange_for_ever():
        while not done.is_set():
            tree.exchange()
            tree.exchange_back()

    program = """
import os
def read():
    with open(PATH) as file:
        return file.read()
def look():
    seen = []
    for use in (read, lambda: os.listdir(HERE), lambda: os.stat(PATH).st_size):
        try:
            seen.append(use())
        except OSError:
            seen.append(None)
    return seen
look
"""
    interval = sys.getswitchinterval()
    seen = []
    with Sandbox(f"held_{next(_numbers)}", permissions=tree.permissions) as sandbox:
        look = sandbox.run(program, variables=tree.names).value
        look()
        thread = threading.Thread(target=exchange_for_ever)
        sys.setswitchinterval(1e-6)
        thread.start()
        try:
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                seen += look()
        finally:
            sys.setswitchinterval(interval)
            done.set()
            thread.join()

    assert not any(tells(value) for value in seen)
    assert len(seen) > 10


# ---- The kernel below ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM])
def test_where_there_is_no_openat2_the_walk_does_it(tree, monkeypatch, error):
    def refuse(*_args):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(held_paths, "_walks", None)
    monkeypatch.setattr(held_paths._core, "open_without_links", refuse)
    with Sandbox(f"held_{next(_numbers)}", permissions=tree.permissions) as sandbox:
        assert sandbox.run("with open(PATH) as f: x = f.read()\nx", variables=tree.names).value == "mine"
        with pytest.raises(FileNotFoundError):
            sandbox.run("open(PATH + 'x')", variables=tree.names)
    assert held_paths._walks is True


@pytest.mark.parametrize(
    "path",
    ["/proc/self/cwd/x", "/proc/self/root/etc/passwd", "{root}/trap/file", "{root}/trap", "{here}/link"],
)
def test_a_path_with_a_link_is_not_opened(tree, way, path):
    with pytest.raises(held_paths.Overtaken):
        held_paths.open_held(path.format(root=tree.root, here=tree.here), os.O_RDONLY)


def test_a_descriptor_is_not_inherited(tree, way):
    descriptor = held_paths.open_held(tree.here, os.O_RDONLY)

    inherited = os.get_inheritable(descriptor)

    os.close(descriptor)
    assert not inherited


# ---- The same as Python ----------------------------------------------------------------------------------------------

SPELLINGS = [
    "file", "file/", "file/.", "dir", "dir/", "dir/.", "dir/..", "dir/../file", "dir//deep", "./file", "missing",
    "missing/", "missing/../file", "missing/x", "file/x", "file/..", "", ".", "..", "link", "link/", "link/.", "to_dir",
    "to_dir/", "to_dir/.", "to_dir/deep", "to_dir/../file", "dangling", "dangling/", "knot/loop", "knot/loop/x", "x" * 300,
]  # fmt: skip
# Each gets a tree of its own for each spelling, if it changes anything.
CHANGES = ("'x'", "'a'", "mkdir", "rmdir", "unlink", "rename", "link(", "truncate", "chmod", "utime", "O_CREAT")
LOOKS = [
    "read({})", "read({}, 'rb', buffering=0)", "open({}, 'x').close()", "open({}, 'a').close()",
    "os.stat({}).st_ino", "os.lstat({}).st_ino", "sorted(os.listdir({}))", "sorted(e.path for e in os.scandir({}))",
    "sorted((e.name, e.is_dir(), e.is_file(), e.is_symlink()) for e in os.scandir({}))", "os.access({}, os.R_OK)",
    "os.readlink({})", "os.path.exists({})", "os.path.lexists({})", "os.path.isdir({})", "os.mkdir({})",
    "os.rmdir({})", "os.unlink({})", "os.rename({}, 'renamed')", "os.rename('file', {})", "os.symlink('x', {})",
    "os.link({}, 'linked')", "os.truncate({}, 0)", "os.chmod({}, 0o700)", "os.utime({}, (1, 1))", "os.statvfs({}).f_bsize",
    "os.close(os.open({}, os.O_RDONLY | os.O_NOFOLLOW))", "os.close(os.open({}, os.O_RDONLY))",
    "os.close(os.open({}, os.O_WRONLY | os.O_CREAT | os.O_EXCL))", "os.close(os.open({}, os.O_PATH))",
    "os.close(os.open({}, os.O_PATH | os.O_NOFOLLOW))", "os.close(os.open({}, os.O_RDONLY | os.O_DIRECTORY))",
]  # fmt: skip


READ = """
import os
def read(path, *args, **kwargs):
    with open(path, *args, **kwargs) as file:
        return file.read()
"""
# It cannot be told where they lead, so they are refused, with another error.
REFUSED = {"knot/loop", "knot/loop/x", "x" * 300}


def plant(root):
    os.makedirs(f"{root}/dir/deep")
    os.mkdir(f"{root}/knot")
    for name in ("file", "dir/inner"):
        with open(f"{root}/{name}", "w") as file:
            file.write(name)
    for text, name in (("file", "link"), ("dir", "to_dir"), ("nothing", "dangling"), ("loop", "knot/loop")):
        os.symlink(text, f"{root}/{name}")


def outcome(action, filename):
    try:
        return action()
    except OSError as error:
        return type(error).__name__, errno.errorcode.get(error.errno), error.filename or filename


def there(root):
    return sorted(os.path.join(here, name) for here, inner, files in os.walk(root) for name in (*inner, *files))


@pytest.mark.parametrize("look", LOOKS)
def test_paths_mean_what_they_mean_to_python(tmp_path, monkeypatch, look):
    differences = []
    with Sandbox(
        f"held_{next(_numbers)}",
        permissions=[
            FilePermission("<<ALL FILES>>", "read,write,delete,readlink"),
            LinkPermission("hard"),
            LinkPermission("symbolic"),
        ],
    ) as sandbox:
        run = sandbox.run(f"{READ}lambda path: {look.format('path')}").value
        exec(READ, names := {})
        plain = eval(f"lambda path: {look.format('path')}", names)
        for number, spelling in enumerate(SPELLINGS):
            seen = []
            tree = number if any(change in look for change in CHANGES) else 0
            for place in ("inside", "outside"):
                if not (tmp_path / f"{tree}" / place).exists():
                    plant(tmp_path / f"{tree}" / place)
            for place, action in (("inside", run), ("outside", plain)):
                root = tmp_path / f"{tree}" / place
                monkeypatch.chdir(root)
                seen.append(
                    (outcome(lambda: action(spelling), spelling), [path[len(str(root)) :] for path in there(root)])
                )
            monkeypatch.chdir(tmp_path)
            inside, outside = seen
            if ("st_ino" in look or "os.open" in look) and type(inside[0]) is type(outside[0]) is int:
                continue
            if (
                spelling in REFUSED
                and type(inside[0]) is tuple
                and inside[0][:2] == ("AccessDenied", None)
                and type(outside[0]) is not int
            ):
                continue
            if "rmdir" in look and spelling in {"..", "dir/.."} and inside[1] == outside[1]:  # EINVAL, not ENOTEMPTY
                continue
            if inside != outside:
                differences.append((spelling, inside[0], outside[0]))

    assert differences == []


@pytest.mark.parametrize(
    "use",
    ["os.mkdir(NEW, N())", "os.chmod(PATH, N())", "os.chown(PATH, N(), 0)", "os.truncate(PATH, N())", "os.access(PATH, N())",
     "os.utime(PATH, (N(), N()))", "os.utime(PATH, ns=(N(), N()))", "os.setxattr(PATH, 'user.x', b'', N())",
     "os.open(PATH, N())", "os.open(PATH, 0, N())"],
)  # fmt: skip
def test_code_of_the_sandbox_never_runs_with_what_is_lent(tree, use):
    """The use is privileged, so its values are plain before it begins."""
    source = f"""
import os
import pycage
seen = []
class N:
    def ask(self):
        try: pycage.check_permission(pycage.RuntimePermission('x'))
        except PermissionError: seen.append('denied')
        else: seen.append('allowed')
        return 0
    __index__ = __int__ = __float__ = ask
try: {use}
except (TypeError, OSError): pass
seen
"""
    with Sandbox(f"held_{next(_numbers)}", permissions=tree.permissions) as sandbox:
        assert "allowed" not in sandbox.run(source, variables=tree.names).value
