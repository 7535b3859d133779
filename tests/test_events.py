"""The table of audit events: complete, and each row asks for what the operation does."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pycage import _core
from pycage.event_requests import Request
from pycage.events import EVENTS, EventRefused, Kind, requests_for
from pycage.permissions import FilePermission, Permission, RuntimePermission, parse

HERE = Path(__file__).parent
VERSION = "python_{}.{}".format(*sys.version_info)

# Raised by this version, but by no operation of the probe.
NOT_PROBED = {
    "builtins.input/result": "needs a terminal",
    "cpython.PyInterpreterState_Clear": "after the probe has printed",
    "cpython._PySys_ClearAuditHooks": "after the probe has printed",
    "cpython.run_command": "before the probe's hook exists",
    "cpython.run_file": "before the probe's hook exists",
    "cpython.run_interactivehook": "before the probe's hook exists",
    "cpython.run_module": "before the probe's hook exists",
    "cpython.run_startup": "before the probe's hook exists",
    "cpython.run_stdin": "before the probe's hook exists",
    "setopencodehook": "C API only",
    "sys.excepthook": "ends the program",
    # Listed as raised by 3.13, where creating an interpreter raises nothing any more.
    "cpython.PyInterpreterState_New": "3.12 and before only",
}


def names() -> dict[str, str]:
    """Return the events of `data/audit-events.tsv` and whether this version raises them."""
    rows = [line.split("\t") for line in (HERE / "data" / "audit-events.tsv").read_text().splitlines()]
    column = rows[0].index(VERSION) if VERSION in rows[0] else -1
    return {row[0]: row[column] for row in rows[1:]}


# ---- The table is complete


def test_every_known_event_has_a_row_and_every_row_is_known() -> None:
    assert len(names()) > 200
    assert set(names()) == set(EVENTS)


def test_what_is_never_asked_or_never_allowed_says_why() -> None:
    unexplained = [
        name for name, rule in EVENTS.items() if (rule.kind is Kind.DROP or rule.denied) and len(rule.reason) < 10
    ]

    assert [] == unexplained


def test_a_row_asks_or_refuses_unless_it_says_that_there_is_nothing_to_ask() -> None:
    for name, rule in EVENTS.items():
        asks = rule.requests is not None
        expected = {Kind.DROP: (False, False), Kind.EXEC: (False, False), Kind.IMPORT: (True, False)}
        assert (asks, rule.denied) == expected.get(rule.kind, (not rule.denied, rule.denied)), name


def test_only_code_events_have_a_kind_of_their_own() -> None:
    special = {name: rule.kind for name, rule in EVENTS.items() if rule.kind in {Kind.IMPORT, Kind.EXEC}}

    assert {"import": Kind.IMPORT, "exec": Kind.EXEC} == special


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the events that a program using much of the standard library raised."""
    done = subprocess.run(
        [sys.executable, "-B", HERE / "event_probe" / "probe.py"],
        cwd=tmp_path_factory.mktemp("probe"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout)["events"])


def test_the_interpreter_raises_no_event_without_a_row(probed: set[str]) -> None:
    """A new version of Python, or a new event in an old one, must be looked at before pycage runs on it."""
    assert set() == probed - set(EVENTS)


@pytest.mark.skipif(
    VERSION not in (HERE / "data" / "audit-events.tsv").read_text(), reason="no column for this version"
)
@pytest.mark.skipif(sys.platform != "linux", reason="the columns are for Linux")
def test_the_probe_raises_what_this_version_is_known_to_raise(probed: set[str]) -> None:
    """Otherwise the test above would compare nothing with the table."""
    known = {name for name, raised in names().items() if raised == "yes"}

    assert set() == known - probed - set(NOT_PROBED)


def test_the_standard_library_names_no_event_without_a_row() -> None:
    library = Path(sysconfig.get_path("stdlib"))
    literal = re.compile(r"""\b_?sys\.audit\(\s*["']([^"']+)["']""")
    skipped = {"test", "tests", "idlelib", "site-packages", "dist-packages", "lib2to3"}
    named: set[str] = set()
    for source in library.rglob("*.py"):
        if skipped.isdisjoint(source.relative_to(library).parts):
            named.update(literal.findall(source.read_text(encoding="utf-8", errors="replace")))

    assert {"glob.glob", "subprocess.Popen", "shutil.rmtree"} <= named
    assert set() == named - set(EVENTS)


# ---- A program without permissions


def as_guest(program: str, directory: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-B", HERE / "event_probe" / "run_guest.py", program],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_the_ordinary_standard_library_works_without_permissions(tmp_path: Path) -> None:
    """dataclasses, enum, namedtuple, copy, inspect, logging, asyncio raise sensitive events for their callers."""
    result = as_guest("guest.py", tmp_path)

    assert result["done"] is True
    # 3.13 looks for the source of a line in a traceback, and goes on without it.
    assert {'("FilePermission" "<unknown>" "read")'} >= set(result["refused"])  # type: ignore[call-overload]


def test_attacks_take_effect_as_host_code_and_are_refused_to_a_guest(tmp_path: Path) -> None:
    result = as_guest("attacks.py", tmp_path)
    as_host, guest = result["as host"], result["as guest"]

    assert isinstance(as_host, dict) and isinstance(guest, dict) and len(as_host) > 20
    assert {name: "took effect" for name in as_host} == as_host
    assert {name: "refused" for name in as_host} == guest


# ---- Real events


class Recorder:
    def __init__(self) -> None:
        self.wanted: str | None = None
        self.arguments: list[tuple[object, ...]] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == self.wanted:
            self.arguments.append(arguments)

    def first(self, event: str, operation: Callable[[], object]) -> tuple[object, ...]:
        """Return the arguments of the first such event that an operation raises, whether it succeeds or not."""
        self.arguments.clear()
        self.wanted = event
        try:
            operation()
        except (OSError, RuntimeError, sqlite3.Error):
            pass
        finally:
            self.wanted = None
        assert self.arguments, f"{event} was not raised"
        return self.arguments[0]


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    return Recorder()  # one for all tests: a hook cannot be removed


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = Path(os.path.realpath(tmp_path))
    (root / "granted" / "inside").mkdir(parents=True)
    (root / "granted" / "file").write_text("x")
    (root / "secret").mkdir()
    (root / "secret" / "file").write_text("s")
    (root / "granted" / "way_out").symlink_to("../secret")
    (root / "granted" / "link").symlink_to("../secret/file")
    monkeypatch.chdir(root / "granted")
    return root


@pytest.fixture
def directory(tree: Path) -> Iterator[int]:
    descriptor = os.open(tree / "secret", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def allowed(requests: tuple[Request, ...], *grants: Permission) -> bool:
    """Decide as the manager does."""

    def implied(permission: Permission) -> bool:
        return any(grant.implies(permission) for grant in grants)

    return all(
        any(map(implied, request.alternatives or (request.permission,))) and all(map(implied, request.also))
        for request in requests
    )


def demanded(event: str, args: tuple[object, ...]) -> list[str]:
    """Return, as text, all that must be implied."""
    return [
        str(permission)
        for request in requests_for(event, args)
        for permission in (*(request.alternatives or (request.permission,)), *request.also)
    ]


def file(path: object, actions: str) -> str:
    return str(FilePermission(str(path), actions))


@pytest.mark.parametrize(
    ("mode", "actions"),
    [
        ("r", "read"),
        ("rb", "read"),
        ("w", "write"),
        ("x", "write"),
        ("a", "write"),
        ("r+", "read,write"),
        ("w+b", "read,write"),
    ],
)
def test_opening_asks_for_what_the_mode_does(recorder: Recorder, tree: Path, mode: str, actions: str) -> None:
    args = recorder.first("open", lambda: open("file", mode).close())

    (request,) = requests_for("open", args)
    assert FilePermission("file", actions) == request.permission
    assert (FilePermission(f"{tree}/granted/file", actions),) == request.alternatives


@pytest.mark.parametrize(
    ("flags", "actions"),
    [
        (os.O_RDONLY, "read"),
        (os.O_WRONLY, "write"),
        (os.O_RDWR, "read,write"),
        (os.O_RDONLY | os.O_CREAT, "read,write"),
        (os.O_RDONLY | os.O_TRUNC, "read,write"),
        (os.O_RDONLY | os.O_APPEND, "read,write"),
        (3, "read,write"),
        (os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, "read"),
        (os.O_PATH | os.O_CREAT, "read"),
    ],
)
def test_opening_asks_for_what_the_flags_do(flags: int, actions: str) -> None:
    (request,) = requests_for("open", ("/a", None, flags))

    assert FilePermission("/a", actions) == request.permission


@pytest.mark.parametrize("mode", ["w", "a", "r+", "x"])
def test_a_mode_without_flags_counts_too(mode: str) -> None:
    """C code that calls fopen() shows a mode and 0: the key log of ssl appends to a file that way."""
    (request,) = requests_for("open", ("/a", mode, 0))

    assert FilePermission("/a", "read,write") == request.permission


def test_the_key_log_of_ssl_is_a_write(recorder: Recorder, tree: Path) -> None:
    ssl = pytest.importorskip("ssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    args = recorder.first("open", lambda: setattr(context, "keylog_filename", str(tree / "log")))

    assert [file(tree / "log", "read,write")] == demanded("open", args)


def test_a_file_without_a_name_is_a_write_into_its_directory(recorder: Recorder, tree: Path) -> None:
    args = recorder.first("open", lambda: os.close(os.open(tree, os.O_TMPFILE | os.O_RDWR)))

    assert [str(FilePermission(f"{tree}/*", "read,write"))] == demanded("open", args)


def test_a_relative_name_needs_a_grant_for_the_absolute_one(recorder: Recorder, tree: Path) -> None:
    requests = requests_for("open", recorder.first("open", lambda: open("file").close()))

    assert allowed(requests, FilePermission(f"{tree}/granted/-", "read"))
    assert not allowed(requests, FilePermission("file", "read"), FilePermission("-", "read"))


def test_a_link_out_of_what_is_granted_is_refused(recorder: Recorder, tree: Path) -> None:
    granted, secret = (FilePermission(f"{tree}/{name}/-", "read") for name in ("granted", "secret"))
    requests = requests_for("open", recorder.first("open", lambda: open("link").close()))

    assert "link" == requests[0].permission.name
    assert not allowed(requests, granted)
    assert not allowed(requests, secret)
    assert allowed(requests, granted, secret)


@pytest.mark.parametrize(
    "name", ["{}/granted/way_out/file", "/proc/self/root{}/secret/file", "{}/granted/way_out/../secret/file"]
)
def test_detours_to_a_file_that_is_not_granted_are_refused(recorder: Recorder, tree: Path, name: str) -> None:
    path = name.format(tree)
    requests = requests_for("open", recorder.first("open", lambda: open(path).close()))

    assert "s" == Path(path).read_text()
    assert not allowed(requests, FilePermission(f"{tree}/granted/-", "read"), FilePermission("/proc/-", "read"))


def test_a_relative_name_for_os_open_is_refused_because_of_directory_descriptors(
    recorder: Recorder, tree: Path, directory: int
) -> None:
    """gh-116429: both raise the same event, and only one of them opens the file that was granted."""
    here = recorder.first("open", lambda: os.close(os.open("file", os.O_RDONLY)))
    there = recorder.first("open", lambda: os.close(os.open("file", os.O_RDONLY, dir_fd=directory)))

    assert here == there
    with pytest.raises(EventRefused, match="dir_fd") as caught:
        requests_for("open", there)
    assert FilePermission("file", "read") == caught.value.permission


def test_a_descriptor_is_judged_by_its_file(recorder: Recorder, tree: Path, directory: int) -> None:
    listed = recorder.first("os.listdir", lambda: os.listdir(directory))
    with open("file", "rb") as stream:
        opened = recorder.first("open", lambda: open(stream.fileno(), "rb", closefd=False).close())
        truncated = recorder.first("os.truncate", lambda: os.ftruncate(stream.fileno(), 0))

        assert [file(tree / "secret", "read")] == demanded("os.listdir", listed)
        assert [file(tree / "granted" / "file", "read")] == demanded("open", opened)
        assert [file(tree / "granted" / "file", "write")] == demanded("os.truncate", truncated)


def test_a_descriptor_without_a_file_is_judged_as_such(recorder: Recorder) -> None:
    reader, writer = os.pipe()
    try:
        args = recorder.first("open", lambda: open(writer, "wb", closefd=False).close())

        assert ['("RuntimePermission" "writeFileDescriptor")'] == demanded("open", args)
    finally:
        os.close(reader)
        os.close(writer)


FILES: dict[str, tuple[str, Callable[[], object], list[tuple[str, str]]]] = {
    "mkdir": ("os.mkdir", lambda: os.mkdir("new"), [("granted/new", "write")]),
    "mkdir through a link": (
        "os.mkdir",
        lambda: os.mkdir("way_out/new"),
        [("granted/way_out/new", "write"), ("secret/new", "write")],
    ),
    "remove": ("os.remove", lambda: os.remove("file"), [("granted/file", "delete")]),
    "remove a link": ("os.remove", lambda: os.remove("link"), [("granted/link", "delete")]),
    "rmdir": ("os.rmdir", lambda: os.rmdir("inside"), [("granted/inside", "delete")]),
    "chmod": ("os.chmod", lambda: os.chmod("file", 0o600), [("granted/file", "write")]),
    "chmod a link": (
        "os.chmod",
        lambda: os.chmod("link", 0o600),
        [("granted/link", "write"), ("secret/file", "write")],
    ),
    "chown": ("os.chown", lambda: os.chown("file", -1, -1), [("granted/file", "write")]),
    "utime": ("os.utime", lambda: os.utime(b"file"), [("granted/file", "write")]),
    "truncate": ("os.truncate", lambda: os.truncate("file", 0), [("granted/file", "write")]),
    "listdir": ("os.listdir", os.listdir, [("granted", "read")]),
    "scandir": ("os.scandir", lambda: os.scandir("inside").close(), [("granted/inside", "read")]),
    "listdir of bytes": ("os.listdir", lambda: os.listdir(b"inside"), [("granted/inside", "read")]),
    "getxattr": ("os.getxattr", lambda: os.getxattr("file", "user.a"), [("granted/file", "read")]),
    "setxattr": ("os.setxattr", lambda: os.setxattr("file", "user.a", b""), [("granted/file", "write")]),
    "rename": (
        "os.rename",
        lambda: os.rename("file", "other"),
        [("granted/file", "read,delete"), ("granted/other", "write")],
    ),
    "rename a directory": (
        "os.rename",
        lambda: os.rename("inside", "other"),
        [
            ("granted/inside", "read,delete"),
            ("granted/other", "write"),
            ("granted/inside/-", "read,delete"),
            ("granted/other/-", "write"),
        ],
    ),
    "a data base": ("sqlite3.connect", lambda: sqlite3.connect("data").close(), [("granted/data", "read,write")]),
}


@pytest.mark.parametrize("name", FILES)
def test_file_operations_ask_for_what_they_do(recorder: Recorder, tree: Path, name: str) -> None:
    event, operation, expected = FILES[name]

    args = recorder.first(event, operation)
    if event in {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}:  # it has happened already; undo it
        for path in ("new", "../secret/new", "other"):
            if os.path.isdir(path):
                os.rename(path, "inside") if name == "rename a directory" else os.rmdir(path)

    assert [file(tree / path, actions) for path, actions in expected] == demanded(event, args)


def test_a_directory_descriptor_is_the_base_of_a_relative_name(recorder: Recorder, tree: Path, directory: int) -> None:
    args = recorder.first("os.remove", lambda: os.remove("nothing", dir_fd=directory))
    both = recorder.first(
        "os.rename", lambda: os.rename("nothing", "nothing", src_dir_fd=directory, dst_dir_fd=directory)
    )

    assert [file(tree / "secret" / "nothing", "delete")] == demanded("os.remove", args)
    assert [
        file(tree / "secret" / "nothing", "read,delete"),
        file(tree / "secret" / "nothing", "write"),
    ] == demanded("os.rename", both)


def test_a_hard_link_asks_for_the_old_name_too(recorder: Recorder, tree: Path) -> None:
    args = recorder.first("os.link", lambda: os.link("../secret/file", "stolen"))
    requests = requests_for("os.link", args)
    link = parse('("LinkPermission" "hard")')

    assert not allowed(requests, link, FilePermission(f"{tree}/granted/-", "read,write"))
    assert not allowed(requests, FilePermission(f"{tree}/-", "read,write"))
    assert allowed(requests, link, FilePermission(f"{tree}/-", "read,write"))


def test_a_symbolic_link_asks_for_what_it_will_lead_to(recorder: Recorder, tree: Path) -> None:
    args = recorder.first("os.symlink", lambda: os.symlink("../../secret/file", "inside/new"))

    assert [
        '("LinkPermission" "symbolic")',
        file(tree / "granted" / "inside" / "new", "write"),
        file(tree / "secret" / "file", "read"),
    ] == demanded("os.symlink", args)[:3]


@pytest.mark.parametrize("name", [":memory:", ""])
def test_a_data_base_in_memory_needs_nothing(recorder: Recorder, name: str) -> None:
    args = recorder.first("sqlite3.connect", lambda: sqlite3.connect(name).close())

    assert () == requests_for("sqlite3.connect", args)


def test_a_uri_of_a_data_base_asks_for_its_file(tree: Path) -> None:
    uri = f"file://{tree}/granted/file"

    assert [file(tree / "granted" / "file", "read")] == demanded("sqlite3.connect", (uri + "?mode=ro",))
    assert [file(tree / "granted" / "file", "read,write")] == demanded("sqlite3.connect", (uri,))


# ---- Arguments that lie


class Text(str):
    __class__ = str  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked")

    __hash__ = str.__hash__
    __str__ = __repr__ = __fspath__ = __len__ = startswith = __eq__  # type: ignore[assignment]


class Arguments(tuple[object, ...]):
    __class__ = tuple  # type: ignore[assignment]

    def __getitem__(self, index: object) -> object:
        raise AssertionError("asked")

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]


class Pathlike:
    __class__ = str  # type: ignore[assignment]

    def __fspath__(self) -> str:
        raise AssertionError("asked")


class Number(int):
    __class__ = int  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked")

    __hash__ = int.__hash__
    __index__ = __and__ = __lt__ = __int__ = __eq__  # type: ignore[assignment]


HOSTILE = (
    Text("/a"),
    type("B", (bytes,), {})(b"/a"),
    Pathlike(),
    bytearray(b"/a"),
    Number(3),
    True,
    1.0,
    [],
    object(),
    ...,
)
ASKING = sorted(name for name, rule in EVENTS.items() if rule.requests is not None)


@pytest.mark.parametrize("event", ASKING)
def test_a_hostile_argument_is_refused_or_not_looked_at(event: str) -> None:
    """And none of its methods is called: they raise AssertionError, which nothing catches."""
    judged = []
    for value in HOSTILE:
        try:
            requests_for(event, (value,) * 9)
        except EventRefused:
            continue
        judged.append(value)

    # Attributes of objects that are not functions are not this table's business.
    passes = not _reads_arguments(event) or event in {"object.__setattr__", "object.__delattr__"}
    assert [] == judged or passes


def _reads_arguments(event: str) -> bool:
    """Whether a row looks at the arguments at all: it refuses when there are none."""
    try:
        requests_for(event, ())
    except EventRefused:
        return True
    return False


def test_most_rows_that_matter_look_at_their_arguments() -> None:
    reading = {event for event in ASKING if _reads_arguments(event)}

    assert {"open", "os.rename", "socket.connect", "subprocess.Popen", "os.kill", "os.putenv", "import"} <= reading


@pytest.mark.parametrize("event", ASKING)
def test_an_argument_tuple_of_another_type_is_refused(event: str) -> None:
    for args in (Arguments(("/a", None, 0)), ["/a", None, 0], None, "/a"):
        with pytest.raises(EventRefused, match="not a plain tuple"):
            requests_for(event, args)


@pytest.mark.parametrize("event", [event for event in ASKING if _reads_arguments(event)])
def test_too_few_arguments_are_refused(event: str) -> None:
    with pytest.raises(EventRefused, match="cannot be judged"):
        requests_for(event, ())


def test_the_name_of_an_event_must_be_plain_text() -> None:
    with pytest.raises(EventRefused):
        requests_for(Text("builtins.id"), ())


def test_a_forged_argument_tuple_of_sqlite_is_refused(recorder: Recorder, tree: Path) -> None:
    """CPython passes a tuple subclass as the argument tuple itself, while the file behind __fspath__ is opened."""

    class Forged(tuple[object, ...]):
        def __fspath__(self) -> str:
            return "other"

    args = recorder.first("sqlite3.connect", lambda: sqlite3.connect(Forged((":memory:",))).close())  # type: ignore[arg-type]

    with pytest.raises(EventRefused):
        requests_for("sqlite3.connect", args)


@pytest.mark.parametrize("name", ["a\0b", b"a\0b"])
def test_a_name_with_nul_is_refused(name: object) -> None:
    with pytest.raises(EventRefused, match="NUL"):
        requests_for("os.remove", (name, -1))


def test_a_refusal_shows_what_was_asked_for(tree: Path) -> None:
    os.symlink("loop", "loop")

    with pytest.raises(EventRefused) as caught:
        requests_for("os.chmod", ("loop", 0, -1))

    assert FilePermission("loop", "write") == caught.value.permission


# ---- Sockets


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        yield sock


def test_connecting_asks_for_the_address(recorder: Recorder, sock: socket.socket) -> None:
    args = recorder.first("socket.connect", lambda: sock.connect(("127.0.0.1", 1)))

    assert ['("SocketPermission" "127.0.0.1:1" "connect,resolve")'] == demanded("socket.connect", args)


def test_binding_asks_to_listen(recorder: Recorder, sock: socket.socket) -> None:
    args = recorder.first("socket.bind", lambda: sock.bind(("127.0.0.1", 0)))
    everywhere = recorder.first("socket.bind", lambda: sock.bind(("", 0)))

    assert ['("SocketPermission" "127.0.0.1:0" "listen,resolve")'] == demanded("socket.bind", args)
    assert ['("SocketPermission" "0.0.0.0:0" "listen,resolve")'] == demanded("socket.bind", everywhere)


def test_sending_asks_for_the_address(recorder: Recorder) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        args = recorder.first("socket.sendto", lambda: datagrams.sendto(b"", ("127.0.0.1", 9)))
        message = recorder.first("socket.sendmsg", lambda: datagrams.sendmsg([b""], [], 0, ("127.0.0.1", 9)))
        connected = recorder.first("socket.sendmsg", lambda: datagrams.sendmsg([b""]))

    expected = ['("SocketPermission" "127.0.0.1:9" "connect,resolve")']
    assert expected == demanded("socket.sendto", args) == demanded("socket.sendmsg", message)
    assert [] == demanded("socket.sendmsg", connected)


def test_connecting_by_name_is_refused_with_the_way_out(recorder: Recorder, sock: socket.socket) -> None:
    args = recorder.first("socket.connect", lambda: sock.connect(("127.1", 1)))

    with pytest.raises(EventRefused, match="resolve it with socket.getaddrinfo"):
        requests_for("socket.connect", args)


def test_localhost_needs_both_addresses(sock: socket.socket) -> None:
    requests = requests_for("socket.connect", (sock, ("localhost", 80)))
    four, six = (parse(f'("SocketPermission" "{host}:80" "connect,resolve")') for host in ("127.0.0.1", "[::1]"))
    name = parse('("SocketPermission" "localhost:80" "connect,resolve")')

    assert "localhost:80" == requests[0].permission.name
    assert allowed(requests, four, six)
    assert allowed(requests, name)
    assert not allowed(requests, four)


def test_a_deny_rule_for_this_machine_touches_the_unspecified_address(sock: socket.socket) -> None:
    (request,) = requests_for("socket.connect", (sock, ("0.0.0.0", 80)))

    assert "127.0.0.1:80" in [permission.name for permission in request.also]


def test_a_local_socket_is_a_file(recorder: Recorder, tree: Path) -> None:
    with socket.socket(socket.AF_UNIX) as local:
        args = recorder.first("socket.connect", lambda: local.connect("way_out/socket"))
        abstract = recorder.first("socket.connect", lambda: local.connect("\0name"))

    assert [
        file(tree / "granted" / "way_out" / "socket", "read,write"),
        file(tree / "secret" / "socket", "read,write"),
    ] == demanded("socket.connect", args)
    with pytest.raises(EventRefused):
        requests_for("socket.connect", abstract)


def test_ordinary_sockets_need_nothing_and_others_are_asked_for(recorder: Recorder) -> None:
    def asked(*arguments: int) -> list[str]:
        return demanded("socket.__new__", recorder.first("socket.__new__", lambda: socket.socket(*arguments).close()))

    assert [] == asked() == asked(socket.AF_INET6, socket.SOCK_DGRAM) == asked(socket.AF_UNIX)
    assert ['("RuntimePermission" "createSocket.AF_INET.3.1")'] == asked(socket.AF_INET, socket.SOCK_RAW, 1)
    assert ['("RuntimePermission" "createSocket.AF_NETLINK")'] == asked(socket.AF_NETLINK, socket.SOCK_DGRAM)


def test_adopting_a_descriptor_as_a_socket_is_asked_for(recorder: Recorder, sock: socket.socket) -> None:
    args = recorder.first("socket.__new__", lambda: socket.socket(fileno=sock.fileno()).detach())

    assert ['("RuntimePermission" "createSocket.fileno")'] == demanded("socket.__new__", args)


def test_looking_a_host_up_asks_to_resolve(recorder: Recorder) -> None:
    args = recorder.first("socket.getaddrinfo", lambda: socket.getaddrinfo("127.0.0.1", 80))
    back = recorder.first("socket.getnameinfo", lambda: socket.getnameinfo(("::1", 80, 0, 0), socket.NI_NUMERICHOST))

    assert ['("SocketPermission" "127.0.0.1" "resolve")'] == demanded("socket.getaddrinfo", args)
    assert ['("SocketPermission" "[::1]" "resolve")'] == demanded("socket.getnameinfo", back)


# ---- Processes, libraries, environment


def test_a_program_is_asked_for_by_its_path(recorder: Recorder, tree: Path) -> None:
    args = recorder.first("subprocess.Popen", lambda: subprocess.run(["/bin/true"]))
    real = os.path.realpath("/bin/true")

    expected = ["/bin/true"] if real == "/bin/true" else ["/bin/true", real]
    assert [f'("ProcessPermission" "{name}" "execute")' for name in expected] == demanded("subprocess.Popen", args)


def test_what_is_executed_counts_not_what_it_is_called() -> None:
    names = demanded("subprocess.Popen", ("/nowhere/evil", ["/bin/true"], None, None))

    assert ['("ProcessPermission" "/nowhere/evil" "execute")'] == names


def test_a_shell_is_asked_for_as_a_shell(recorder: Recorder) -> None:
    args = recorder.first("os.system", lambda: os.system("true"))

    assert ['("ProcessPermission" "/bin/sh" "execute")'] == demanded("os.system", args)


def test_a_bare_name_is_enough_only_with_the_own_search_path() -> None:
    """With another environment the new process finds another program under that name."""
    here = requests_for("subprocess.Popen", ("true", ["true"], None, None))
    elsewhere = requests_for("subprocess.Popen", ("true", ["true"], None, {"PATH": "/evil"}))
    grant = parse('("ProcessPermission" "true" "execute")')

    assert allowed(here, grant)
    assert not allowed(elsewhere, grant)
    assert allowed(elsewhere, grant, parse('("ProcessPermission" "<<ALL FILES>>" "execute")'))


def test_a_relative_program_starts_in_the_directory_of_the_new_process(tree: Path) -> None:
    args = ("./file", ["./file"], f"{tree}/secret", None)

    assert [f'("ProcessPermission" "{tree}/secret/file" "execute")'] == demanded("subprocess.Popen", args)


def test_a_program_called_fork_is_not_forking() -> None:
    fork = parse('("ProcessPermission" "fork" "execute")')

    assert allowed(requests_for("os.fork", ()), fork)
    assert not allowed(requests_for("subprocess.Popen", ("fork", [], None, None)), fork)


def test_signals_name_their_process(recorder: Recorder) -> None:
    own = str(os.getpid())
    args = recorder.first("os.kill", lambda: os.kill(os.getpid(), 0))
    group = recorder.first("os.killpg", lambda: os.killpg(os.getpgid(0), 0))

    assert [f'("ProcessPermission" "{own}" "signal")'] == demanded("os.kill", args)
    assert [f'("ProcessPermission" "-{os.getpgid(0)}" "signal")'] == demanded("os.killpg", group)
    assert ['("ProcessPermission" "*" "signal")'] == demanded("os.kill", (-1, 9))
    assert ['("ProcessPermission" "*" "signal")'] == demanded("os.killpg", (1, 9))


def test_libraries_are_asked_for_by_path_or_bare_name(recorder: Recorder, tree: Path) -> None:
    ctypes = pytest.importorskip("ctypes")
    own = recorder.first("ctypes.dlopen", lambda: ctypes.CDLL(None))
    bare = recorder.first("ctypes.dlopen", lambda: ctypes.CDLL("libnowhere.so.1"))

    assert ['("NativePermission" "<main program>" "load")'] == demanded("ctypes.dlopen", own)
    assert ['("NativePermission" "libnowhere.so.1" "load")'] == demanded("ctypes.dlopen", bare)
    assert [
        f'("NativePermission" "{tree}/granted/way_out/a.so" "load")',
        f'("NativePermission" "{tree}/secret/a.so" "load")',
    ] == demanded("ctypes.dlopen", ("way_out/a.so",))


def test_writing_the_environment_asks_for_the_variable(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    args = recorder.first("os.putenv", lambda: monkeypatch.setenv("PYCAGE_PROBE", "1"))

    assert ['("EnvPermission" "PYCAGE_PROBE" "write")'] == demanded("os.putenv", args)


# ---- Code and reflection


def test_an_import_asks_for_the_module_and_for_its_library() -> None:
    assert ['("ImportPermission" "a.b")'] == demanded("import", ("a.b", None, [], [], []))
    assert ['("ImportPermission" "a")', '("NativePermission" "/nowhere/a.so" "load")'] == demanded(
        "import", ("a", "/nowhere/a.so", None, None, None)
    )


def test_unpickling_names_the_global() -> None:
    assert ['("RuntimePermission" "accessClassInPackage.os.system")'] == demanded("pickle.find_class", ("os", "system"))


def test_attributes_of_classes_and_instances_are_left_to_the_write_guard() -> None:
    assert () == requests_for("object.__setattr__", (type("C", (), {}), "__doc__", "x"))
    assert () == requests_for("object.__setattr__", (object(), "__class__", int))


@pytest.mark.parametrize("name", ["__code__", "__defaults__", "__kwdefaults__"])
@pytest.mark.parametrize("event", ["object.__setattr__", "object.__delattr__"])
def test_changing_a_host_function_is_asked_for(event: str, name: str) -> None:
    assert ['("RuntimePermission" "accessDeclaredMembers")'] == demanded(event, (lambda: None, name, None))
    assert ['("RuntimePermission" "accessDeclaredMembers")'] == demanded("object.__getattr__", (lambda: None, name))


def test_defaults_of_a_function_of_a_sandbox_are_its_own_business_but_code_is_not() -> None:
    """collections.namedtuple() sets the defaults of a function that it has just made for its caller."""
    function = types.FunctionType(compile("1", "<guest>", "eval"), {})
    _core.tag(function.__code__, _core.Domain())

    assert [] == demanded("object.__setattr__", (function, "__defaults__", (1,)))
    assert [] == demanded("object.__getattr__", (function, "__defaults__"))
    assert ['("RuntimePermission" "accessDeclaredMembers")'] == demanded("object.__getattr__", (function, "__code__"))
    assert ['("RuntimePermission" "accessDeclaredMembers")'] == demanded(
        "object.__setattr__", (function, "__code__", function.__code__)
    )


def test_functions_of_pycage_can_never_be_changed() -> None:
    for name in ("__code__", "__defaults__", "__kwdefaults__"):
        with pytest.raises(EventRefused, match="functions of pycage"):
            requests_for("object.__setattr__", (requests_for, name, None))


def test_globals_with_hostile_keys_are_not_looked_into() -> None:
    class Key(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise AssertionError("asked")

    variables: dict[str, object] = {}
    function = types.FunctionType((lambda: None).__code__, variables)
    variables[Key("__name__")] = "pycage.events"

    assert ['("RuntimePermission" "accessDeclaredMembers")'] == demanded(
        "object.__setattr__", (function, "__code__", None)
    )


@pytest.mark.parametrize("event", ["sys.addaudithook", "setopencodehook", "sys.remote_exec", "ctypes.PyObj_FromPtr"])
def test_what_no_grant_makes_safe_is_refused(event: str) -> None:
    with pytest.raises(EventRefused) as caught:
        requests_for(event, ())

    assert type(caught.value.permission) is RuntimePermission
    assert EVENTS[event].reason == caught.value.reason


def test_another_interpreter_is_refused_where_that_does_not_crash_this_one() -> None:
    rule = EVENTS["cpython.PyInterpreterState_New"]

    assert (sys.version_info[:2] == (3, 12)) == (rule.kind is Kind.DROP)
    assert rule.kind is Kind.DROP or rule.denied


def test_an_event_without_a_row_can_be_granted_by_its_name() -> None:
    requests = requests_for("somebody.else", (object(),))

    assert allowed(requests, RuntimePermission("auditEvent.somebody.else"))
    assert allowed(requests, RuntimePermission("auditEvent.*"))
    assert not allowed(requests, RuntimePermission("auditEvent.somebody"))


def test_dropped_events_ask_for_nothing() -> None:
    assert () == requests_for("builtins.id", (1,))
    assert () == requests_for("exec", (compile("1", "", "eval"),))
