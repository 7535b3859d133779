"""Odd names of files and hosts, and objects that change between check and use: what is judged is what is used.

Each name is tried first without a sandbox, where it must reach what it is about.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import threading

import pycage
import pytest
from pycage import AccessDenied, FilePermission, ProcessPermission, Sandbox, SocketPermission

_numbers = itertools.count()
SECRET = "the secret"

# ---- Files -----------------------------------------------------------------------------------------------------------

# Names of ``{root}/secret`` for who may read ``{root}/granted/-``; the current directory is ``{root}/granted``.
OUTSIDE = {
    "its name": "{root}/secret",
    "two dots": "{root}/granted/../secret",
    "two dots from an inner directory": "{root}/granted/inner/../../secret",
    "dots and slashes": "{root}/granted/.//..///./secret",
    "two slashes before it": "/{root}/secret",
    "three slashes before it": "//{root}/secret",
    "relative": "../secret",
    "relative, with a dot": "./../secret",
    "relative, through an inner directory": "inner/../../secret",
    "a link": "{root}/granted/out",
    "a link to a link": "{root}/granted/far",
    "a relative link": "{root}/granted/relative",
    "a link to a directory": "{root}/granted/up/secret",
    "two dots behind a link": "{root}/granted/elsewhere/../secret",
    "the root of the process": "/proc/self/root{root}/secret",
    "the root of the thread": "/proc/thread-self/root{root}/secret",
    "the directory of the process": "/proc/self/cwd/../secret",
    "a link to the root of the process": "{root}/granted/root{root}/secret",
    "a descriptor": "/proc/self/fd/{fd}",
    "a descriptor of the process by its number": "/proc/{pid}/fd/{fd}",
    "a device for a descriptor": "/dev/fd/{fd}",
    "a link to a descriptor": "{root}/granted/held",
    "below a descriptor of a directory": "/proc/self/fd/{directory}/secret",
    "a directory of a longer name": "{root}/granted2/secret",
    "a directory of a longer name with a dot": "{root}/granted./secret",
    "a directory of other case": "{root}/Granted/secret",
    "a directory with a space": "{root}/granted /secret",
    "another name of the file": "{root}/other_name",
}
INSIDE = {
    "its name": "{root}/granted/file",
    "relative": "file",
    "a dot": "{root}/granted/./file",
    "two slashes": "{root}/granted//file",
    "two dots that stay inside": "{root}/granted/inner/../file",
    "a link that stays inside": "{root}/granted/in",
    "two dots that come back": "{root}/granted2/../granted/file",
    "a name that begins with two dots": "{root}/granted/..file",
    "a name that ends with a dot": "{root}/granted/file.",
    "a name with a new line": "{root}/granted/a\nb",
    "a name that is not text": "{root}/granted/\udcff",
}
READ = "def read(path, *more):\n    with open(path, *more) as file: return file.read()\n"
WAYS = {
    "open": "read(NAME)",
    "open, bytes": "read(os.fsencode(NAME))",
    "open without a buffer": "(lambda f: (f.read(), f.close())[0])(open(NAME, 'rb', 0))",
    "os.open": "(lambda fd: (os.read(fd, 100), os.close(fd))[0])(os.open(NAME, os.O_RDONLY))",
    "os.open, bytes": "(lambda fd: (os.read(fd, 100), os.close(fd))[0])(os.open(os.fsencode(NAME), 0))",
    "os.stat": "os.stat(NAME).st_size",
    "os.path.getsize": "os.path.getsize(os.fsencode(NAME))",
    "pathlib": "pathlib.Path(NAME).read_text()",
    "shutil": "shutil.copyfile(NAME, COPY)",
    "by a function of the host": "host_read(NAME)",
    "by a function of the host, bytes": "host_read(os.fsencode(NAME))",
}


def plant(root):
    for directory in ("granted/inner", "granted2", "granted.", "Granted", "granted ", "other"):
        os.makedirs(f"{root}/{directory}")
    for name in ("secret", "granted2/secret", "granted./secret", "Granted/secret", "granted /secret"):
        with open(f"{root}/{name}", "w") as file:
            file.write(SECRET)
    for name in ("file", "..file", "file.", "a\nb", "\udcff"):
        with open(f"{root}/granted/{name}", "w") as file:
            file.write("content")
    os.link(f"{root}/secret", f"{root}/other_name")
    for text, name in (
        (f"{root}/secret", "out"), ("out", "far"), ("../secret", "relative"), ("..", "up"), (f"{root}/other", "elsewhere"),
        ("/proc/self/root", "root"), ("inner/../file", "in"),
    ):  # fmt: skip
        os.symlink(text, f"{root}/granted/{name}")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """The files, and what the names above need."""
    root = os.path.realpath(tmp_path)
    plant(root)
    monkeypatch.chdir(f"{root}/granted")
    with open(f"{root}/secret") as secret:
        directory = os.open(root, os.O_RDONLY)
        os.symlink(f"/proc/self/fd/{secret.fileno()}", f"{root}/granted/held")
        yield {"root": root, "fd": secret.fileno(), "directory": directory, "pid": os.getpid()}
        os.close(directory)


def host_read(path):
    with open(path) as file:
        return file.read()


def permissions(tree):
    return [FilePermission(f"{tree['root']}/granted/-", "read,write,delete")]


def read_in_sandbox(tree, way, name):
    with Sandbox(f"names_{next(_numbers)}", permissions=permissions(tree)) as sandbox:
        sandbox.expose("host_read", host_read)
        source = f"import os, pathlib, shutil\nfrom host import host_read\n{READ}{WAYS[way]}"
        return sandbox.run(source, variables={"NAME": name, "COPY": f"{tree['root']}/granted/copy"}).value


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_leads_outside(tree, name):
    """The control."""
    assert host_read(OUTSIDE[name].format(**tree)) == SECRET


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_outside_is_out_of_reach_by_whatever_name(tree, name):
    for way in WAYS:
        with pytest.raises(AccessDenied, match="FilePermission"):
            read_in_sandbox(tree, way, OUTSIDE[name].format(**tree))
            pytest.fail(way)


@pytest.mark.parametrize("name", INSIDE)
def test_a_file_inside_is_found_by_whatever_name(tree, name):
    for way in WAYS:
        value = read_in_sandbox(tree, way, INSIDE[name].format(**tree))

        assert value in ("content", b"content", len("content"), f"{tree['root']}/granted/copy"), way


@pytest.mark.parametrize("way", [way for way in WAYS if "host" not in way])
def test_a_way_through_a_directory_does_not_tell_whether_it_is_there(tree, way):
    values = [
        read_in_sandbox(tree, way, f"{tree['root']}/{between}/../granted/file")
        for between in ("granted2", "missing", "secret")
    ]

    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["{root}/granted/file\0", "{root}/granted/file\0/../../secret", "{root}/secret\0"])
def test_a_name_with_nul_leads_nowhere(tree, way, name):
    with pytest.raises((AccessDenied, ValueError)):
        read_in_sandbox(tree, way, name.format(**tree))


def test_a_directory_that_becomes_the_current_one_changes_what_relative_names_are_asked_for(tree, monkeypatch):
    with Sandbox(f"names_{next(_numbers)}", permissions=permissions(tree)) as sandbox:
        read = sandbox.run(f"{READ}read").value
        assert read("file") == "content"

        monkeypatch.chdir(f"{tree['root']}/granted2")

        with pytest.raises(AccessDenied, match='"secret" "read"'):
            read("secret")


def test_a_sandbox_cannot_change_the_current_directory_even_to_its_own(tree):
    with Sandbox(f"names_{next(_numbers)}", permissions=permissions(tree)) as sandbox:
        with pytest.raises(AccessDenied, match='"RuntimePermission" "chdir"'):
            sandbox.run("import os\nos.chdir(NAME)", variables={"NAME": f"{tree['root']}/granted/inner"})
    assert os.getcwd() == f"{tree['root']}/granted"


@pytest.mark.parametrize(("name", "needed"), [("{root}/granted/out", "{root}/secret"), ("../secret", "{root}/secret")])
def test_what_a_name_leads_to_is_told_to_the_host_only(tree, name, needed):
    """A grant for the name itself would not help, and where a link leads is nothing for the sandbox."""
    told_here = "try:\n    open(NAME)\nexcept OSError as denied:\n    told = ' '.join(denied.__notes__)\ntold"
    with Sandbox(f"names_{next(_numbers)}", permissions=permissions(tree)) as sandbox:
        with pytest.raises(AccessDenied) as caught:
            sandbox.run("open(NAME)", variables={"NAME": name.format(**tree)})
        told = sandbox.run(told_here, variables={"NAME": name.format(**tree)}).value

        newest = pycage.decisions().denials()[-1]
        hint = f'"FilePermission" "{needed.format(**tree)}" "read"'
        assert needed.format(**tree) not in told
        assert "grant(" not in told
        assert f'sandbox.grant(FilePermission("{needed.format(**tree)}", "read"))' in "".join(caught.value.__notes__)
        assert hint in newest.reason
        sandbox.grant(FilePermission(needed.format(**tree), "read"))
        sandbox.run(f"{READ}read(NAME)", variables={"NAME": name.format(**tree)})


# ---- Objects that change ---------------------------------------------------------------------------------------------

# Each makes ``P``, which says GRANTED the first time and SECRET ever after, or the other way round.
CHANGING = {
    "a path object": "class Path:\n    n = 0\n    def __fspath__(self):\n        Path.n += 1\n        return GRANTED if Path.n == 1 else SECRET\nP = Path()",
    "a path object that gives a text that lies": "class Text(str):\n    def __str__(self): return SECRET\n    def encode(self, *a): return SECRET.encode()\n    def __fspath__(self): return SECRET\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\nclass Path:\n    def __fspath__(self): return Text(GRANTED)\nP = Path()",
    "a text that lies": "class Text(str):\n    def __str__(self): return SECRET\n    def encode(self, *a): return SECRET.encode()\n    def __fspath__(self): return SECRET\nP = Text(GRANTED)",
    "bytes that lie": "class Bytes(bytes):\n    def __bytes__(self): return SECRET.encode()\n    def decode(self, *a): return SECRET\n    def __fspath__(self): return SECRET\nP = Bytes(GRANTED.encode())",
    "a path whose class lies": "import pathlib\nclass Path(pathlib.PurePosixPath):\n    n = 0\n    def __str__(self): return SECRET\n    def __fspath__(self):\n        Path.n += 1\n        return GRANTED if Path.n == 1 else SECRET\nP = Path('x')",
}  # fmt: skip
USES = ["read(P)", "os.stat(P).st_size", "os.listdir(os.path.dirname(P))", "os.rename(P, NEW)", "os.remove(P)",
        "shutil.copy(P, NEW)", "pathlib.Path(P).read_text()", "os.truncate(P, 0)", "os.link(P, NEW)"]  # fmt: skip


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("changing", CHANGING)
def test_what_is_judged_is_what_is_used(tree, changing, use):
    """It says the file that may be used first, so it works; on that file."""
    with Sandbox(f"names_{next(_numbers)}", permissions=permissions(tree)) as sandbox:
        names = {"GRANTED": f"{tree['root']}/granted/file", "SECRET": f"{tree['root']}/secret"}
        names["NEW"] = f"{tree['root']}/granted/new"
        try:
            value = sandbox.run(f"import os, pathlib, shutil\n{READ}{CHANGING[changing]}\n{use}", variables=names).value
        except (AccessDenied, FileNotFoundError, TypeError):  # pathlib takes no bytes, and another path by its parts
            value = None

    assert value != SECRET
    assert value != len(SECRET)
    assert host_read(f"{tree['root']}/secret") == SECRET
    if os.path.exists(names["NEW"]):
        assert host_read(names["NEW"]) == "content"


@pytest.mark.parametrize(
    "target",
    ["bytearray(GRANTED.encode())", "memoryview(GRANTED.encode())", "[GRANTED]", "(GRANTED,)", "iter(GRANTED)",
     "(c for c in GRANTED)", "1.5"],
)  # fmt: skip
@pytest.mark.parametrize("use", ["open({})", "os.stat({})", "os.open({}, 0)", "os.listdir({})", "os.rename({}, 'x')"])
def test_a_buffer_that_can_change_is_no_path(tree, target, use):
    with Sandbox(f"names_{next(_numbers)}", permissions=permissions(tree)) as sandbox:
        with pytest.raises(TypeError):
            sandbox.run(f"import os\n{use.format(target)}", variables={"GRANTED": f"{tree['root']}/granted/file"})


TRUE, FALSE = "/bin/true", "/bin/false"
# Each makes ``A``, the arguments of a program: TRUE, as long as nobody looks twice.
ARGUMENTS = {
    "a generator": "A = (a for a in [TRUE, 'x'])",
    "a list that changes while it is read": "class Later:\n    def __fspath__(self):\n        A[0] = FALSE\n        return 'x'\nA = [TRUE, Later()]",
    "a list that another thread changes": "A = SHARED",
    "a tuple that changes": "class T(tuple):\n    n = 0\n    def __iter__(self):\n        T.n += 1\n        return iter([TRUE] if T.n == 1 else [FALSE])\n    def __getitem__(self, i): return FALSE\nA = T((FALSE,))",
    "an iterator that can be read once": "A = iter([TRUE])",
}  # fmt: skip


@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("start", ["subprocess.run(A).returncode", "subprocess.Popen(A).wait()", "subprocess.call(A)"])
def test_the_program_that_is_judged_is_the_program_that_runs(arguments, start):
    """Only one program may run; if another one did, the status would be 1."""
    granted = [ProcessPermission(os.path.realpath(TRUE), "execute"), ProcessPermission(TRUE, "execute")]
    shared, done = [TRUE], threading.Event()

    def change():
        while not done.is_set():
            shared[0] = FALSE
            shared[0] = TRUE

    with Sandbox(f"names_{next(_numbers)}", permissions=granted) as sandbox:
        thread = threading.Thread(target=change)
        thread.start()
        try:
            source = f"import subprocess\n{ARGUMENTS[arguments]}\n{start}"
            value = sandbox.run(source, variables={"TRUE": TRUE, "FALSE": FALSE, "SHARED": shared}).value
        except AccessDenied as denied:
            assert "/bin/false" in str(denied) or "/usr/bin/false" in str(denied)
            assert "another thread" in arguments
            value = 0
        finally:
            done.set()
            thread.join()

    assert value == 0


# ---- Hosts -----------------------------------------------------------------------------------------------------------

# Spellings of this machine, for who may connect to 203.0.113.9 and to *.example.org.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "2130706433", "127.000.000.001",
    "0", "0.0.0.0", "", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain",
    "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "ｌｏｃａｌｈｏｓｔ", "127.0.0.1\0.example.org", "127.0.0.1 ", " 127.0.0.1",
    "127.0.0.1%lo", "127.0.0.1#.example.org", "127.0.0.1/.example.org", "203.0.113.9@127.0.0.1", "127.0.0.1:80",
    "example.org.127.0.0.1", "example.org", "example.org.", "xexample.org", "example.org.evil.test", "x.example.org.evil",
]  # fmt: skip
SPELLINGS6 = [
    "::1", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0001", "::0.0.0.1", "[::1]", "::1%lo", "::1%1",
    "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:127.0.0.1", "::127.0.0.1", "fe80::1%lo", "::FFFF:127.0.0.1",
]  # fmt: skip
CONNECTING = {
    "connect": "s.connect(({host!r}, 9))",
    "connect_ex": "s.connect_ex(({host!r}, 9))",
    "sendto": "u.sendto(b'', ({host!r}, 9))",
    "create_connection": "socket.create_connection(({host!r}, 9), 1)",
    "by a function of the host": "host_connect(s, ({host!r}, 9))",
}
# A function of the host that connects to a name has it looked up before anybody is asked: docs/threat-model.md.
REFUSED = {use: (AccessDenied, ValueError) for use in CONNECTING}
REFUSED["by a function of the host"] += (TypeError, socket.gaierror)
PROGRAM = """
import socket
from host import host_connect
with socket.socket({family}) as s, socket.socket({family}, socket.SOCK_DGRAM) as u:
    {use}
"""


@pytest.fixture
def looked_up(monkeypatch):
    """What is looked up; nothing leaves this machine.  The event comes first, as in the real one."""
    asked = []

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        sys.audit("socket.getaddrinfo", host, port, family, type, proto)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def connect_in_sandbox(use, host, family="socket.AF_INET"):
    granted = [
        SocketPermission("203.0.113.9:*", "connect"),
        SocketPermission("*.example.org:*", "connect"),
        SocketPermission("[2001:db8::1]:*", "connect"),
    ]
    reached = []

    def host_connect(_sock, address):
        kind = socket.AF_INET6 if "6" in family else socket.AF_INET
        with socket.socket(kind) as real:
            reached.append(address)
            real.connect(address)

    with Sandbox(f"names_{next(_numbers)}", permissions=granted) as sandbox:
        sandbox.expose("host_connect", host_connect)
        sandbox.run(PROGRAM.format(family=family, use=CONNECTING[use].format(host=host)))


@pytest.mark.parametrize("use", CONNECTING)
def test_this_machine_is_out_of_reach_however_it_is_spelt(looked_up, use):
    for host in SPELLINGS:
        if "function of the host" in use and ("." in host.strip("0123456789abcdefx.") or "l" in host.lower()):
            continue  # it would be looked up
        with pytest.raises(REFUSED[use]):
            connect_in_sandbox(use, host)
            pytest.fail(f"{use} {host!r}")
    assert looked_up == []


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
@pytest.mark.parametrize("use", [use for use in CONNECTING if use != "create_connection"])
def test_this_machine_is_out_of_reach_by_ipv6_too(looked_up, use):
    for host in SPELLINGS6:
        try:
            with pytest.raises(REFUSED[use]):
                connect_in_sandbox(use, host, "socket.AF_INET6")
                pytest.fail(f"{use} {host!r}")
        except OSError as error:  # this kernel has no IPv6: no socket
            assert not isinstance(error, AccessDenied)
            pytest.skip(str(error))
    assert looked_up == []


def test_a_name_that_is_granted_is_looked_up_and_then_asked_for_by_number(looked_up):
    """x.example.org may be looked up; that it leads to this machine is refused."""
    with pytest.raises(AccessDenied, match=r"127\.0\.0\.1:9"):
        connect_in_sandbox("connect", "x.example.org")

    assert looked_up == ["x.example.org"]


@pytest.mark.parametrize(
    "look",
    [
        "socket.gethostbyname({!r})", "socket.gethostbyname_ex({!r})", "socket.gethostbyaddr({!r})", "socket.getfqdn({!r})",
        "socket.getaddrinfo({!r}, 80)", "socket.getnameinfo(({!r}, 80), 0)", "socket.create_connection(({!r}, 80))",
    ],
)  # fmt: skip
@pytest.mark.parametrize("host", ["secret.attacker.test", "203.0.113.77"])
def test_nothing_is_looked_up_without_permission(look, host):
    """A name is a message to whoever answers for it."""
    with Sandbox(f"names_{next(_numbers)}") as sandbox:
        with pytest.raises(AccessDenied, match="SocketPermission.*(resolve|connect)"):
            sandbox.run("import socket\n" + look.format(host))
