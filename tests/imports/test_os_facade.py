"""``os`` and ``os.path`` in a sandbox: honest programs with grants, and attacks on what is checked."""

from __future__ import annotations

import itertools
import os
import threading

import pytest
from pycage import (
    AccessDenied,
    EnvPermission,
    FilePermission,
    LinkPermission,
    ProcessPermission,
    RuntimePermission,
    Sandbox,
    access,
)
from pycage.imports.descriptors import Descriptors

_numbers = itertools.count()


class Box:
    """A sandbox with a directory: ``granted`` may be used, ``secret`` beside it may not."""

    def __init__(self, sandbox, root):
        self.sandbox = sandbox
        self.root = root

    def run(self, source, **variables):
        names = {"root": self.root, "granted": f"{self.root}/granted", "secret": f"{self.root}/secret", **variables}
        return self.sandbox.run(f"import os\n{source}", variables=names).value

    def denied(self, source, permission="FilePermission", **variables):
        with pytest.raises(AccessDenied, match=permission):
            self.run(source, **variables)
        return True


@pytest.fixture
def box(tmp_path):
    root = os.path.realpath(tmp_path)
    os.makedirs(f"{root}/granted/inner/deep")
    for name in ("secret", "granted/file", "granted/inner/other"):
        with open(f"{root}/{name}", "w") as file:
            file.write(name)
    os.symlink(f"{root}/secret", f"{root}/granted/out")
    os.symlink("file", f"{root}/granted/in")
    permissions = [
        FilePermission(f"{root}/granted", "read"),
        FilePermission(f"{root}/granted/-", "read,write,delete,readlink"),
    ]
    with Sandbox(f"files_{next(_numbers)}", permissions=permissions) as sandbox:
        yield Box(sandbox, root)


# ---- Honest programs -------------------------------------------------------------------------------------------------


def test_a_program_works_in_its_directory(box):
    source = """
os.makedirs(granted + "/a/b/c")
os.makedirs(granted + "/a/b/c", exist_ok=True)
with open(os.path.join(granted, "a", "b", "new"), "w") as file:
    file.write("text")
os.rename(granted + "/a/b/new", granted + "/a/b/renamed")
os.replace(granted + "/a/b/renamed", granted + "/a/b/replaced")
seen = [os.path.exists(granted + "/a/b/" + name) for name in ("new", "replaced")]
os.chmod(granted + "/a/b/replaced", 0o600)
os.utime(granted + "/a/b/replaced", (1, 2))
status = os.stat(granted + "/a/b/replaced")
os.truncate(granted + "/a/b/replaced", 2)
size = os.path.getsize(granted + "/a/b/replaced")
os.remove(granted + "/a/b/replaced")
os.removedirs(granted + "/a/b/c")
seen, status.st_size, status.st_mtime, size, sorted(os.listdir(granted))
"""

    assert box.run(source) == ([False, True], 4, 2.0, 2, ["file", "in", "inner", "out"])


@pytest.mark.parametrize("options", ["", "topdown=False", "followlinks=True"])
def test_walk_sees_what_the_real_one_sees(box, options):
    seen = box.run(f"[(a, sorted(b), sorted(c)) for a, b, c in os.walk(granted, {options})]")
    real = eval(f"list(os.walk('{box.root}/granted', {options}))")

    assert seen == [(here, sorted(inner), sorted(files)) for here, inner, files in real]


def test_the_lists_of_walk_can_be_changed_on_the_way(box):
    source = "for here, inner, _ in os.walk(granted):\n    inner[:] = [name for name in inner if name != 'inner']\nhere"

    assert box.run(source) == f"{box.root}/granted"


def test_entries_of_a_directory_tell_what_they_are(box):
    source = """
with os.scandir(granted) as entries:
    found = {e.name: (e.is_file(), e.is_dir(), e.is_symlink(), e.path == granted + "/" + e.name, e.inode() > 0,
                      e.stat(follow_symlinks=False).st_size, os.fspath(e) == e.path, repr(e))
             for e in entries if e.name != "out"}
found, isinstance(e := next(os.scandir(granted)), os.DirEntry)
"""
    found, is_entry = box.run(source)

    assert is_entry
    assert found["file"][:6] == (True, False, False, True, True, 12)
    assert found["inner"][:3] == (False, True, False)
    assert found["in"][:3] == (True, False, True)
    assert found["file"][6:] == (True, "<DirEntry 'file'>")


def test_paths_as_bytes_give_bytes(box):
    source = """
b = os.fsencode(granted)
os.listdir(b) and [type(e.name) for e in os.scandir(b)][0], os.path.join(b, b"x")[-1:], os.path.realpath(b) == b
"""
    assert box.run(source) == (bytes, b"x", True)


def test_a_descriptor_is_read_written_and_closed(box):
    source = """
fd = os.open(granted + "/new", os.O_RDWR | os.O_CREAT, 0o600)
os.write(fd, b"content")
os.lseek(fd, 0, os.SEEK_SET)
first = os.read(fd, 3), os.pread(fd, 2, 0), os.fstat(fd).st_size, os.isatty(fd)
os.fsync(fd)
os.ftruncate(fd, 4)
with os.fdopen(fd, "rb") as file:
    rest = file.read()
fd = os.open(granted + "/new", os.O_RDONLY)
os.close(fd)
with open(granted + "/new") as file:
    of_file = os.fstat(file.fileno()).st_size
first, rest, of_file
"""

    assert box.run(source) == ((b"con", b"co", 7, False), b"t", 4)


def test_a_relative_path_can_be_opened_by_descriptor(box, monkeypatch):
    monkeypatch.chdir(f"{box.root}/granted")

    assert box.run("fd = os.open('file', os.O_RDONLY)\nos.read(fd, 20)") == b"granted/file"
    assert box.denied("os.open('../secret', os.O_RDONLY)", r'"\.\./secret" "read"')


def test_links_are_made_and_read_with_their_permissions(box):
    box.sandbox.grant(LinkPermission("symbolic"))

    assert box.run("os.symlink('file', granted + '/new'); os.readlink(granted + '/new')") == "file"
    assert box.denied("os.symlink(secret, granted + '/newer')")


def test_paths_of_text_need_no_permission(box):
    source = """
p = os.path
[p.join("a", "b"), p.basename("/a/b"), p.dirname("/a/b"), p.splitext("a.b"), p.normpath("a/../b"), p.isabs("/a"),
 p.commonpath(["/a/b", "/a/c"]), p.abspath("/a/../b"), p.relpath("a/b", "a"), p.relpath("/a/b", "/c"), os.sep,
 os.fsencode("a"), os.fspath("a"), os.O_RDONLY, os.path is p]
"""

    assert box.run(source) == [
        *("a/b", "b", "/a", ("a", ".b"), "b", True, "/a", "/b", "b", "../a/b", "/", b"a", "a", 0, True)
    ]


def test_two_paths_are_relative_to_each_other_without_the_current_directory(box):
    for path, start in (("a/b/c", "a/d"), ("a", "b"), ("a/../b", "."), ("a", "a")):
        assert box.run("os.path.relpath(path, start)", path=path, start=start) == os.path.relpath(path, start)
    for path, start in (("../a", "b"), ("a", "../b"), ("..", ".")):
        assert box.denied("os.path.relpath(path, start)", "getWorkingDirectory", path=path, start=start)


# ---- The environment -------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setenv("APP_SHOWN", "shown")
    monkeypatch.setenv("PYCAGE_SECRET", "hidden")


def test_a_variable_that_may_be_read_is_there_by_all_ways(box, environment):
    box.sandbox.grant(EnvPermission("APP_*", "read"))
    source = """
e = os.environ
[e["APP_SHOWN"], e.get("APP_SHOWN"), os.getenv("APP_SHOWN"), "APP_SHOWN" in e, list(e), len(e), e.copy(), dict(e),
 list(e.items()), e | {}, {"a": "b"} | e, os.path.expandvars("$APP_SHOWN ${APP_SHOWN}"), repr(e), {**e}, e == {"APP_SHOWN": "shown"}]
"""
    table = {"APP_SHOWN": "shown"}

    assert box.run(source) == [
        *("shown", "shown", "shown", True, ["APP_SHOWN"], 1, table, table, [("APP_SHOWN", "shown")], table),
        *({"a": "b", **table}, "shown shown", "environ({'APP_SHOWN': 'shown'})", table, True),
    ]


def test_a_variable_that_may_not_be_read_is_not_set_by_any_way(box, environment):
    source = """
e = os.environ
class Name(str):
    __slots__ = ()
    def __eq__(self, other): return True
    def __hash__(self): return hash("PYCAGE_SECRET")
class Taker:
    def __ror__(self, other): return dict(other)
    def __eq__(self, other): return dict(other)
[e.get("PYCAGE_SECRET"), os.getenv("PYCAGE_SECRET", "d"), "PYCAGE_SECRET" in e, list(e), e.copy(), dict(e), list(e.values()),
 list(e.items()), e | {}, {} | e, {**e}, len(e), os.path.expandvars("$PYCAGE_SECRET"), repr(e), e.get(Name("PYCAGE_SECRET")),
 e.get(Name("x")), os.path.expanduser("~/x"), [*map(e.get, ["PYCAGE_SECRET"])]]
"""

    assert box.run(source) == [
        *(None, "d", False, [], {}, {}, [], [], {}, {}, {}, 0, "$PYCAGE_SECRET", "environ({})", None, None),
        *("~/x", [None]),
    ]
    with pytest.raises(KeyError) as caught:
        box.run("os.environ['PYCAGE_SECRET']")
    with pytest.raises(KeyError) as absent:
        box.run("os.environ['PYCAGE_IS_NOT_SET']")
    assert caught.value.__notes__ == absent.value.__notes__


def test_that_a_variable_was_asked_for_is_recorded(box, environment):
    box.run("os.environ.get('PYCAGE_SECRET')\nos.getenv('PYCAGE_OTHER')")
    asked = [denial.permission for denial in access.LOG.denials()]

    assert '("EnvPermission" "PYCAGE_SECRET" "read")' in asked
    assert '("EnvPermission" "PYCAGE_OTHER" "read")' in asked


def test_writing_to_the_environment_needs_its_own_permission(box, environment):
    for change in ("e['PYCAGE_SECRET'] = 'x'", "del e['PYCAGE_SECRET']", "e.update(PYCAGE_SECRET='x')",
                   "e |= {'PYCAGE_SECRET': 'x'}", "os.putenv('PYCAGE_SECRET', 'x')", "os.unsetenv('PYCAGE_SECRET')",
                   "e.setdefault('PYCAGE_SECRET', 'x')"):  # fmt: skip
        assert box.denied(f"e = os.environ\n{change}", '"EnvPermission" "PYCAGE_SECRET" "write"')
    assert os.environ["PYCAGE_SECRET"] == "hidden"
    box.sandbox.grant(EnvPermission("APP_NEW", "read,write"))
    assert box.run("os.environ['APP_NEW'] = '1'\nx = os.environ.pop('APP_NEW')\nx, 'APP_NEW' in os.environ") == (
        "1",
        False,
    )
    with pytest.raises(KeyError):  # writing does not let anybody read
        box.sandbox.grant(EnvPermission("PYCAGE_SECRET", "write"))
        box.run("os.environ.pop('PYCAGE_SECRET')")


def test_the_environment_is_closed_to_whoever_asks_later(box, environment):
    """D206: a bound method of the sandbox's, left behind for the host to call."""
    get = box.run("os.environ.get")
    item = box.run("os.environ.__getitem__")

    assert get("PYCAGE_SECRET") is None
    with pytest.raises(KeyError):
        item("PYCAGE_SECRET")
    assert list(map(box.run("os.getenv"), ["PYCAGE_SECRET"])) == [None]


# ---- Attacks on paths ------------------------------------------------------------------------------------------------

LOOKS = ["os.stat({})", "os.path.exists({})", "os.listdir({})", "os.access({}, 0)", "open({})", "os.open({}, 0)",
         "os.path.realpath({})", "os.remove({})", "list(os.walk({}))", "os.truncate({}, 0)", "os.chmod({}, 0)"]  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    "path",
    ["secret", "granted + '/../secret'", "granted + '/out'", "os.fsencode(secret)", "granted + '/inner/../../secret'",
     "'/proc/self/root' + secret", "secret + '/.'", "root + '//secret'"],
)  # fmt: skip
def test_a_file_outside_is_denied_however_it_is_spelt(box, look, path):
    if path == "granted + '/out'" and "remove" in look:  # the link itself is granted
        return
    assert box.denied(look.format(path))
    with open(f"{box.root}/secret") as file:
        assert file.read() == "secret"


@pytest.mark.parametrize("look", [look for look in LOOKS if "remove" not in look and "walk" not in look])
def test_a_path_that_changes_its_answer_is_asked_once(box, look):
    source = f"""
class Path:
    answers = [granted + "/file", secret, secret, secret]
    def __fspath__(self):
        return self.answers.pop(0)
try:
    found = {look.format("Path()")}
    if hasattr(found, "close"):
        found.close()
except NotADirectoryError:
    pass
len(Path.answers)
"""

    assert box.run(source) == 3


@pytest.mark.parametrize("look", LOOKS)
def test_a_text_that_lies_is_what_it_contains(box, look):
    source = f"""
class Text(str):
    def __fspath__(self): return granted + "/file"
    __str__ = __repr__ = __fspath__
    def startswith(self, *args): return True
    def encode(self, *args): return os.fsencode(granted + "/file")
    def __eq__(self, other): return True
    __hash__ = str.__hash__
{look.format("Text(secret)")}
"""

    assert box.denied(source)


@pytest.mark.parametrize("look", ["os.stat({})", "os.path.realpath({})", "os.listdir({})", "os.access({}, 0)"])
def test_a_path_with_nul_goes_nowhere(box, look):
    with pytest.raises((AccessDenied, ValueError)):
        box.run(look.format("granted + '/file\\0' + secret"))


def test_what_is_no_path_is_refused(box):
    for look in (
        "os.stat(True)",
        "os.stat(0)",
        "os.listdir(0)",
        "os.scandir(3)",
        "os.path.exists(0)",
        "os.chmod(0, 0)",
    ):
        with pytest.raises((TypeError, AccessDenied)):
            box.run(look)


def test_there_is_no_other_directory_to_start_from(box):
    """gh-116429: a name relative to a descriptor looks relative to the current directory."""
    with open(f"{box.root}/granted/file") as file:
        for look in ("os.stat('secret', dir_fd=fd)", "os.open('secret', 0, dir_fd=fd)", "os.mkdir('new', dir_fd=fd)",
                     "os.rename('a', 'b', src_dir_fd=fd)", "os.unlink('secret', dir_fd=fd)"):  # fmt: skip
            with pytest.raises(NotImplementedError, match="dir_fd"):
                box.run(look, fd=file.fileno())


def test_an_entry_of_a_directory_asks_again(box):
    for look in ("e.stat()", "e.is_dir()", "e.is_file()"):
        assert box.denied(f"e = [e for e in os.scandir(granted) if e.name == 'out'][0]\n{look}")
    box.sandbox.grant(FilePermission(f"{box.root}", "read"))
    assert box.denied("e = [e for e in os.scandir(root) if e.name == 'secret'][0]\ne.stat()")
    entry = box.run("[e for e in os.scandir(root) if e.name == 'secret'][0]")
    with pytest.raises(AccessDenied):
        list(map(box.run("os.DirEntry.stat"), [entry]))
    with pytest.raises(AccessDenied):
        entry.stat()


def test_an_entry_cannot_be_forged(box):
    class Entry:
        path = f"{box.root}/secret"

    for attack in ("os.DirEntry()", "os.DirEntry.stat(host)", "class E(os.DirEntry): pass", "os.DirEntry.path.fget(host)",
                   "os.DirEntry.__new__(os.DirEntry).stat()", "object.__new__(os.DirEntry).path",
                   "e = next(os.scandir(granted))\ne._entry", "e = next(os.scandir(granted))\ne.path = secret"):  # fmt: skip
        with pytest.raises((TypeError, AttributeError, AccessDenied)):
            box.run(attack, host=Entry())


def test_a_walk_is_judged_with_who_began_it(box):
    """D199: a generator that the host iterates over."""
    box.sandbox.grant(FilePermission(box.root, "read"))
    box.sandbox.deny(FilePermission(f"{box.root}/granted/inner", "read"))
    walk = box.run("os.walk(root)")

    assert [here for here, _, _ in walk] == [box.root, f"{box.root}/granted"]


# ---- Attacks on descriptors ------------------------------------------------------------------------------------------


def test_a_descriptor_of_the_host_cannot_be_used(box):
    """D287, D417."""
    with open(f"{box.root}/secret", "r+b") as file:
        fd = file.fileno()
        for attack in ("os.read(fd, 1)", "os.pread(fd, 1, 0)", "os.write(fd, b'x')", "os.lseek(fd, 0, 0)", "os.fstat(fd)",
                       "os.close(fd)", "os.fdopen(fd)", "open(fd)", "open(fd, closefd=False)", "os.ftruncate(fd, 0)",
                       "os.fsync(fd)"):  # fmt: skip
            assert box.denied(attack, "Permission", fd=fd)
        assert file.read() == b"secret"


def test_the_number_of_a_closed_descriptor_is_worth_nothing(box):
    """The host gets the same number next."""
    source = """
fd = os.open(granted + "/file", os.O_RDONLY)
real = open(fd, "rb", closefd=False)
again = open(real.fileno(), "rb", closefd=False)
number = real.fileno()
os.close(fd)
real.close()
fd, number, again
"""
    fd, number, again = box.run(source)
    with open(f"{box.root}/secret", "rb") as one, open(f"{box.root}/secret", "rb"):
        for attack in ("os.read(fd, 9)", "os.fstat(fd)", "os.fdopen(fd)", "os.close(fd)"):
            with pytest.raises(OSError, match="Bad file descriptor"):
                box.run(attack, fd=fd)
        assert box.denied("os.read(number, 9)", "readFileDescriptor", number=number)
        assert again.read() == b"granted/file"
        assert one.read() == b"secret"
    again.close()


def test_a_descriptor_that_a_file_object_took_over_is_gone(box):
    with pytest.raises(OSError, match="Bad file descriptor"):
        box.run("fd = os.open(granted + '/file', 0)\nf = os.fdopen(fd)\nf.close()\nos.read(fd, 1)")


def test_an_opener_returns_a_descriptor_of_the_sandbox(box):
    source = """
with open(granted + "/new", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    file.write("text")
with open(granted + "/new", "a+", opener=os.open) as file:
    file.write("!")
    file.seek(0)
    text = file.read()
text, os.stat(granted + "/new").st_mode & 0o777
"""

    assert box.run(source) == ("text!", 0o600)
    with pytest.raises(FileExistsError):
        box.run("open(granted + '/new', 'x', opener=os.open)")
    box.denied("open(secret, opener=os.open)")
    box.denied("open(granted + '/new', opener=lambda path, flags: os.open(secret, flags))")
    for number in ("0", "-1", "'x'", "None", "1 << 30"):
        with pytest.raises((ValueError, OSError)):
            box.run(f"open(granted + '/new', opener=lambda path, flags: {number})")


def test_a_descriptor_of_another_sandbox_cannot_be_used(box):
    fd = box.run("os.open(granted + '/file', 0)")
    with Sandbox(f"other_{next(_numbers)}") as other:
        for attack in ("os.read(fd, 1)", "os.close(fd)", "os.fdopen(fd)"):
            with pytest.raises(OSError):
                other.run(f"import os\n{attack}", variables={"fd": fd})
    assert box.run("os.read(fd, 7)", fd=fd) == b"granted"


def test_a_descriptor_is_closed_when_its_last_user_is_ready():
    """No read of one thread may meet what another thread opened meanwhile."""
    descriptors = Descriptors()
    reader, writer = os.pipe()
    number = descriptors.add(reader)
    reading, got = threading.Event(), []

    def read():
        with descriptors.use(number) as real:
            reading.set()
            got.append(os.read(real, 1))

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(10)
    descriptors.close(number)
    with pytest.raises(OSError, match="Bad file descriptor"), descriptors.use(number):
        pass
    os.write(writer, b"x")
    thread.join()

    assert got == [b"x"]
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"x")
    os.close(writer)


def test_closing_a_sandbox_closes_its_descriptors(tmp_path):
    (tmp_path / "file").write_text("x")
    before = len(os.listdir("/proc/self/fd"))
    with Sandbox(f"closed_{next(_numbers)}", permissions=[FilePermission(f"{tmp_path}/-", "read")]) as sandbox:
        sandbox.run("import os\nfor _ in range(5): os.open(path, 0)", variables={"path": str(tmp_path / "file")})
        assert len(os.listdir("/proc/self/fd")) == before + 5
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_opens_no_files_for_the_sandbox(box):
    """Its file actions run in the child, without an event."""
    box.sandbox.grant(ProcessPermission("<<ALL FILES>>", "execute"))
    actions = "[(os.POSIX_SPAWN_OPEN, 1, secret, os.O_WRONLY | os.O_TRUNC, 0)]"
    with pytest.raises(NotImplementedError):
        box.run(f"os.posix_spawn('/bin/true', ['true'], {{}}, file_actions={actions})")
    child = box.run("os.posix_spawn('/bin/true', ['true'], {})")
    os.waitpid(child, 0)
    with open(f"{box.root}/secret") as file:
        assert file.read() == "secret"


# ---- What is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["umask", "chroot", "setuid", "nice", "dup2", "openpty", "_exit", "abort", "waitpid", "fwalk",
                                  "environb", "memfd_create", "register_at_fork", "sys", "abc", "st"])  # fmt: skip
def test_what_cannot_be_judged_is_not_there(box, name):
    with pytest.raises((AttributeError, AccessDenied)):
        box.run(f"os.{name}")
    with pytest.raises((ImportError, AccessDenied)):
        box.run(f"from os import {name}")


def test_the_module_behind_it_stays_closed(box):
    for module in ("posix", "genericpath", "nt", "_posixsubprocess"):
        with pytest.raises(AccessDenied):
            box.run(f"import {module}")


def test_the_current_directory_is_told_to_who_may_know_it(box, monkeypatch):
    monkeypatch.chdir(f"{box.root}/granted")

    assert box.run("os.getcwd(), os.getcwdb(), os.path.abspath('x')") == (
        f"{box.root}/granted",
        os.fsencode(f"{box.root}/granted"),
        f"{box.root}/granted/x",
    )
    monkeypatch.chdir(box.root)
    box.denied("os.getcwd()", "getWorkingDirectory")
    box.sandbox.grant(RuntimePermission("getWorkingDirectory"))
    assert box.run("os.getcwd()") == box.root


def test_a_pipe_and_a_copy_of_a_descriptor_are_the_sandboxs_own(box):
    source = """
reading, writing = os.pipe()
other = os.dup(writing)
os.close(writing)
os.write(other, b"through")
os.close(other)
found = os.read(reading, 100), os.read(reading, 1), os.fstat(reading).st_size
with os.fdopen(reading) as file:
    pass
found, reading, other
"""

    found, reading, other = box.run(source)

    assert found == (b"through", b"", 0)
    for number in (reading, other):
        with pytest.raises(OSError):
            os.fstat(number)  # no descriptor of the process


def test_a_copy_of_a_descriptor_of_the_host_needs_both_permissions(box):
    with open(f"{box.root}/secret") as file:
        box.denied("os.dup(fd)", permission="readFileDescriptor", fd=file.fileno())
        box.sandbox.grant(RuntimePermission("readFileDescriptor"))
        box.denied("os.dup(fd)", permission="writeFileDescriptor", fd=file.fileno())
