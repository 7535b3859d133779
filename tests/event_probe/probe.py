"""Raises as many audit events as the standard library can on this machine, and prints their names as JSON.

Run in a process and an empty directory of its own.  Every operation stands alone and may fail: what is of interest is
the name of the event that it raised on the way.
"""

import sys

seen: set[str] = set()
sys.addaudithook(lambda event, _arguments: seen.add(event))

import array
import ast
import asyncio
import code
import collections
import ctypes
import dataclasses
import enum
import fcntl
import ftplib
import gc
import glob
import http.client
import imaplib
import importlib
import importlib.util
import inspect
import io
import json
import logging
import marshal
import mmap
import os
import pathlib
import pickle
import poplib
import pty
import resource
import runpy
import shelve
import shutil
import signal
import smtplib
import socket
import sqlite3
import subprocess
import syslog
import tempfile
import threading
import time
import traceback
import types
import typing
import urllib.request
import warnings
import webbrowser
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

warnings.simplefilter("ignore")

OPERATIONS: list[Callable[[], object]] = []


def operation(function: Callable[[], object]) -> Callable[[], object]:
    OPERATIONS.append(function)
    return function


def listener() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def in_child(action: Callable[[], object]) -> None:
    """Run in a forked child that reports what it saw; for operations that replace or end the process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sys.addaudithook(lambda event, _arguments: os.write(writer, event.encode() + b"\n") and None)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(0, 1)
            os.dup2(0, 2)
            action()
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        seen.update(stream.read().decode().split())
    os.waitpid(child, 0)


@operation
def files() -> None:
    pathlib.Path("f").write_text("x")
    pathlib.Path("t").touch()
    os.chmod("f", 0o600)
    os.chown("f", os.getuid(), os.getgid())
    os.link("f", "hard")
    os.symlink("f", "soft")
    os.rename("hard", "hard2")
    os.utime("f")
    os.truncate("f", 1)
    os.mkdir("d")
    os.listdir("d")
    list(os.scandir("."))
    list(os.walk("."))
    list(os.fwalk("."))
    os.rmdir("d")
    os.remove("hard2")


@operation
def attributes() -> None:
    for action in (
        lambda: os.setxattr("f", "user.a", b"x"),
        lambda: os.getxattr("f", "user.a"),
        lambda: os.listxattr("f"),
        lambda: os.removexattr("f", "user.a"),
    ):
        attempt(action)


@operation
def descriptors() -> None:
    with open("f", "r+b") as stream:
        stream.write(b"1234")
        stream.flush()
        fcntl.fcntl(stream, fcntl.F_GETFL)
        fcntl.flock(stream, fcntl.LOCK_SH)
        fcntl.lockf(stream, fcntl.LOCK_UN)
        os.lockf(stream.fileno(), os.F_TEST, 1)
        mmap.mmap(stream.fileno(), 4).close()
        attempt(lambda: fcntl.ioctl(stream, 0x541B, b"1234"))


@operation
def directories() -> None:
    here = os.getcwd()
    os.makedirs("a/b")
    os.chdir("a")
    os.chdir(here)
    glob.glob("*")
    list(pathlib.Path().glob("*"))
    list(pathlib.Path().rglob("*"))
    if hasattr(pathlib.Path, "walk"):
        list(pathlib.Path().walk())
    shutil.copytree("a", "c")
    shutil.rmtree("c")


@operation
def copies() -> None:
    shutil.copyfile("f", "g")
    shutil.copymode("f", "g")
    shutil.copystat("f", "g")
    shutil.chown("g", os.getuid())
    shutil.move("g", "h")
    shutil.make_archive("archive", "zip", "a")
    shutil.unpack_archive("archive.zip", "unpacked")


@operation
def temporary() -> None:
    os.close(tempfile.mkstemp(dir=".")[0])
    tempfile.mkdtemp(dir=".")
    tempfile.TemporaryFile(dir=".").close()


@operation
def data_bases() -> None:
    connection = sqlite3.connect("data.db")
    attempt(lambda: connection.enable_load_extension(True))
    attempt(lambda: connection.load_extension("./nowhere.so"))
    connection.close()
    shelve.open("shelf").close()


@operation
def processes() -> None:
    subprocess.run(["true"])
    os.system("true")
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    os.kill(os.getpid(), 0)
    os.killpg(os.getpgid(0), 0)
    signal.pthread_kill(threading.get_ident(), 0)


@operation
def executed() -> None:
    in_child(lambda: os.execv("/bin/true", ["true"]))
    in_child(lambda: pty.spawn(["/bin/true"]))
    in_child(os.forkpty)


@operation
def limits() -> None:
    in_child(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    in_child(lambda: resource.prlimit(0, resource.RLIMIT_CORE))
    in_child(syslog.openlog)
    in_child(lambda: syslog.setlogmask(0))
    in_child(lambda: syslog.syslog(""))
    in_child(syslog.closelog)
    in_child(lambda: socket.sethostname(socket.gethostname()))  # the name that it has


@operation
def environment() -> None:
    os.environ["PROBE"] = "1"
    del os.environ["PROBE"]


@operation
def sockets() -> None:
    with listener() as server:
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()
    one, other = socket.socketpair()
    socket.send_fds(one, [b"x"], [0])
    one.close()
    other.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"", ("127.0.0.1", 9))
    socket.gethostname()
    socket.getaddrinfo("127.0.0.1", 80)
    socket.gethostbyname("127.0.0.1")
    attempt(lambda: socket.gethostbyaddr("127.0.0.1"))
    socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    attempt(lambda: socket.getservbyname("http"))
    attempt(lambda: socket.getservbyport(80))


def conversation(client: Callable[[int], object], *lines: bytes) -> None:
    """Let a client of a text protocol talk to a server that says what it is told to."""
    with listener() as server:

        def serve() -> None:
            peer = server.accept()[0]
            with peer, peer.makefile("rwb") as stream:
                for line in lines:
                    stream.write(line + b"\r\n")
                    stream.flush()
                    stream.readline()

        thread = threading.Thread(target=serve)
        thread.start()
        attempt(lambda: client(server.getsockname()[1]))
        thread.join()


@operation
def protocols() -> None:
    def ftp(port: int) -> None:
        client = ftplib.FTP()
        client.connect("127.0.0.1", port, timeout=5)
        client.voidcmd("NOOP")

    def pop(port: int) -> None:
        poplib.POP3("127.0.0.1", port, timeout=5).noop()

    def smtp(port: int) -> None:
        smtplib.SMTP("127.0.0.1", port, timeout=5).noop()

    def imap(port: int) -> None:
        imaplib.IMAP4("127.0.0.1", port, timeout=5)

    def web(port: int) -> None:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/", timeout=5)

    conversation(ftp, b"220 hello", b"200 ok")
    conversation(pop, b"+OK hello", b"+OK")
    conversation(smtp, b"220 hello", b"250 ok")
    conversation(imap, b"* OK hello")
    conversation(web, b"HTTP/1.0 204 none\r\n")

    def news(port: int) -> None:
        nntplib = importlib.import_module("nntplib")
        nntplib.NNTP("127.0.0.1", port, timeout=5).date()

    def terminal(port: int) -> None:
        client = importlib.import_module("telnetlib").Telnet("127.0.0.1", port, timeout=5)
        client.write(b"x\n")

    if sys.version_info < (3, 13):
        conversation(news, b"200 hello", b"101 none\r\n.", b"111 20200101000000")
        conversation(terminal, b"hello")


@operation
def threads() -> None:
    thread = threading.Thread(target=time.sleep, args=(0,))
    thread.start()
    thread.join()
    done = threading.Event()
    importlib.import_module("_thread").start_new_thread(done.set, ())
    done.wait(10)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()


async def nothing() -> None:
    await asyncio.sleep(0)


@operation
def loops() -> None:
    asyncio.run(nothing())
    sys.set_asyncgen_hooks(firstiter=lambda _: None, finalizer=lambda _: None)
    sys.set_asyncgen_hooks(None, None)


@operation
def compiled() -> None:
    exec(compile("1", "<probe>", "exec"))
    ast.literal_eval("[1]")
    code.InteractiveInterpreter().runsource("pass")
    types.FunctionType(compile("1", "<probe>", "eval"), {})
    compile("1", "<probe>", "eval").replace(co_name="other")
    marshal.loads(marshal.dumps(1))
    marshal.load(io.BytesIO(marshal.dumps(1)))
    pathlib.Path("module.py").write_text("x = 1\n")
    runpy.run_path("module.py")
    spec = importlib.util.spec_from_file_location("module", "module.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    with zipfile.ZipFile("code.zip", "w") as archive:
        archive.write("module.py")
    sys.path.insert(0, "code.zip")
    import module  # noqa: F401


@operation
def pickled() -> None:
    pickle.loads(pickle.dumps(collections.OrderedDict(a=1)))


@operation
def reflected() -> None:
    def function(value: int = 1) -> int:
        return value

    def generator() -> typing.Iterator[int]:
        yield 1

    function.__code__ = function.__code__
    function.__defaults__ = (2,)
    del function.__defaults__
    _ = generator().gi_frame
    inspect.stack(0)
    inspect.signature(function)
    gc.get_objects()
    gc.get_referrers(1)
    gc.get_referents(int)
    sys._current_frames()
    sys._current_exceptions()
    id(1)
    collections.namedtuple("N", "x y", defaults=(1,))
    dataclasses.make_dataclass("D", ["x"])
    enum.Enum("E", "x")
    logging.getLogger("probe").debug("x")
    array.array("b", b"x")


@operation
def interactive() -> None:
    sys.breakpointhook = lambda *_args, **_keywords: None  # type: ignore[assignment]
    breakpoint()
    sys.stdin = io.StringIO("x\n")
    sys.stdout, kept = io.StringIO(), sys.stdout
    attempt(lambda: input("?"))
    sys.stdout = kept
    pdb = importlib.import_module("pdb")
    pdb.Pdb(stdin=io.StringIO(), stdout=io.StringIO())
    attempt(lambda: webbrowser.GenericBrowser(["true"]).open("http://127.0.0.1/"))


@operation
def hooks() -> None:
    sys.addaudithook(lambda _event, _arguments: None)
    sys.setprofile(None)
    sys.settrace(None)
    if hasattr(sys, "monitoring"):
        sys.monitoring.use_tool_id(4, "probe")
        sys.monitoring.register_callback(4, sys.monitoring.events.LINE, None)
        sys.monitoring.free_tool_id(4)

    class Noisy:
        def __del__(self) -> None:
            raise ValueError

    sys.unraisablehook = lambda _unraisable: None
    Noisy()
    traceback.format_stack()
    in_child(lambda: exec(compile("def f(): yield\nraise ValueError", "<probe>", "exec")))


@operation
def native() -> None:
    ctypes.CDLL(None)
    library = ctypes.CDLL(None)
    _ = library.getpid
    internal = importlib.import_module("_ctypes")
    handle = internal.dlopen(None, 2)
    symbol = internal.dlsym(handle, "getpid")
    internal.call_function(symbol, ())
    buffer = ctypes.create_string_buffer(8)
    ctypes.create_unicode_buffer(8)
    address = ctypes.addressof(buffer)
    ctypes.c_int.from_address(address)
    ctypes.c_int.from_buffer(bytearray(8))
    ctypes.string_at(address, 1)
    ctypes.wstring_at(address, 1)
    ctypes.get_errno()
    ctypes.set_errno(0)
    kept = [1]
    internal.PyObj_FromPtr(id(kept))


@operation
def installed() -> None:
    attempt(lambda: in_child(lambda: importlib.import_module("ensurepip")._bootstrap(root="nowhere", verbosity=-9)))


@operation
def interpreters() -> None:
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    module = importlib.import_module(name)
    module.destroy(module.create())


def attempt(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception as problem:
        failures.append(repr(problem))


failures: list[str] = []
for item in OPERATIONS:
    try:
        item()
    except Exception as problem:
        failures.append(f"{item.__name__}: {problem!r}")
json.dump({"events": sorted(seen), "failures": failures}, sys.stdout)
