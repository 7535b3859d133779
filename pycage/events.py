"""Audit events: which permissions each one asks for.  One table, `EVENTS`; `event_arguments` has its readers.

The C core looks up the kind of an event here once, when it is installed; the security manager calls `requests_for` for
the events that are left.  Nothing here looks at the stack, and nothing here knows what anybody was granted.
"""

# Problem.  CPython raises some two hundred audit events.  Their arguments were made for logging: raw objects of the
# program, one name for several operations, missing directories, and names that change from version to version.
#
# Things that do not work:
#
#  - Judge the objects as given: a str subclass, a tuple subclass or an os.PathLike answers differently each time it is
#    asked; sqlite3.connect(T(("granted.db",))) even makes its own argument the argument tuple of the event.
#  - Judge `open` by its mode: os.open() has none.  By its flags alone: C code that uses fopen() (the key log of ssl,
#    for one) shows a mode and no flags.  So both are read, and each can only add.
#  - Judge the high-level events (shutil.*, os.walk, http.client.connect): their arguments are evaluated again later.
#  - Trust that what is not in the table is harmless: a new version brings new events.
#
# Idea.  Every event has a row, and a row says one of four things: nothing to ask (with the reason), ask for this, never
# (with the reason), or code (`import`, `exec`), which the core handles.  A reader accepts exact built-in types and
# raises `EventRefused` for everything else.  An event without a row asks for RuntimePermission("auditEvent.<name>"), so
# that the events of other packages can be granted by name and are denied until then.
#
# Some events are raised by the standard library on behalf of whoever called it: logging walks frames, namedtuple
# compiles, asyncio installs hooks.  Rows marked `when_top_is_guest` are asked only if the newest frame is the
# sandbox's own; the library keeps what it finds to itself.  A row must not have this mark if the library passes on
# names or objects that its caller chose: functools.update_wrapper() sets any attribute of any function.
#
# What still fails.  294 operations raise no event at all on 3.11 to 3.13; views and shims judge those.  A check by
# name can be overtaken by a change of the file system (pycage.paths).  An event of an effect that has already happened
# (name resolution before socket.connect) can only stop what follows.

from __future__ import annotations

import enum
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from pycage import event_arguments as asks
from pycage import file_arguments as files
from pycage.addresses import AddressRefused
from pycage.event_arguments import REFLECTION
from pycage.event_requests import EventRefused, Reader, Request, shown_permission
from pycage.paths import Links, PathRefused
from pycage.permissions import (
    FilePermission,
    NativePermission,
    Permission,
    ProcessPermission,
    RuntimePermission,
    SocketPermission,
    ThreadPermission,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EVENTS", "EventRefused", "Kind", "Request", "Rule", "read", "requests_for"]


class Kind(enum.IntEnum):
    """What the core does with an event."""

    DROP = 0  # nothing to ask; dropped before any stack is walked
    CHECK = 1  # ask `requests_for`
    IMPORT = 2  # an import statement of host code passes; otherwise as CHECK
    EXEC = 3  # the core gives the code object to the sandbox that is about to run it; nothing to ask


@attrs.frozen
class Rule:
    """A row of the table.

    Attributes:
        kind: What the core does with the event.
        reason: Why nothing is asked, or why no grant helps; empty where the request speaks for itself.
        requests: Reads the event's arguments; None if there is nothing to ask, or no grant helps.
        denied: No grant helps.
        permission: What the denial shows if ``denied``; None: ``RuntimePermission("auditEvent.<name>")``.
        when_top_is_guest: Ask only if the newest frame is the sandbox's own code.
        actions: What a denial shows beside the name if the arguments cannot be judged.
    """

    kind: Kind
    reason: str = ""
    requests: Reader | None = None
    denied: bool = False
    permission: Permission | None = None
    when_top_is_guest: bool = False
    actions: str = ""


def requests_for(event: str, args: object) -> tuple[Request, ...]:
    """Return what must be allowed before an event may go on; all of it.

    Args:
        event: Name of the event.
        args: The arguments as CPython passed them; data of an attacker.

    Raises:
        EventRefused: No grant helps: see there.  Any other exception (``RecursionError``, ``MemoryError``, ...) must be
            treated as a denial too.
    """
    if type(event) is not str:
        raise EventRefused(RuntimePermission("auditEvent"), "the name of the event is not a plain str")
    rule = EVENTS.get(event)
    if rule is None:
        return (Request(_event_permission(event)),)
    if rule.denied:
        raise EventRefused(rule.permission or _event_permission(event), rule.reason)
    if rule.requests is None:
        return ()
    if type(args) is not tuple:
        # "O" formats: CPython bug, the program's own tuple subclass became the argument tuple.
        raise EventRefused(_event_permission(event), "the arguments of the event are not a plain tuple")
    return read(event, rule.requests, args, rule.actions)


def read(event: str, requests: Reader, args: tuple[object, ...], actions: str = "") -> tuple[Request, ...]:
    """Return what a reader asks for; a problem with the arguments becomes a refusal.

    Args:
        event: Name of the event, or of an operation that should have one.
        requests: The reader.
        args: The arguments, data of an attacker.
        actions: What a denial shows beside the name if the arguments cannot be judged.

    Raises:
        EventRefused: The arguments cannot be judged.
    """
    try:
        return requests(args)
    except PathRefused as problem:
        shown = shown_permission(FilePermission, problem.given, actions)
        raise EventRefused(shown or _event_permission(event), problem.reason) from None
    except AddressRefused as problem:
        shown = shown_permission(SocketPermission, problem.given, actions)
        raise EventRefused(shown or _event_permission(event), problem.reason) from None
    except (IndexError, TypeError, ValueError):
        raise EventRefused(_event_permission(event), "the arguments of the event cannot be judged") from None


def _event_permission(event: str) -> Permission:
    try:
        return RuntimePermission("auditEvent." + event)
    except ValueError:
        return RuntimePermission("auditEvent")


def _drop(reason: str) -> Rule:
    return Rule(Kind.DROP, reason)


def _ask(requests: Reader, actions: str = "", *, when_top_is_guest: bool = False) -> Rule:
    return Rule(Kind.CHECK, requests=requests, actions=actions, when_top_is_guest=when_top_is_guest)


def _fixed(permission: Permission, *, when_top_is_guest: bool = False) -> Rule:
    requests = (Request(permission),)
    return Rule(Kind.CHECK, requests=lambda _args: requests, when_top_is_guest=when_top_is_guest)


def _ask_file(actions: str, links: Links, dir_fd: int | None = None) -> Rule:
    return _ask(files.file(actions, links, dir_fd), actions)


def _ask_for(name: str, *, when_top_is_guest: bool = False) -> Rule:
    return _fixed(RuntimePermission(name), when_top_is_guest=when_top_is_guest)


def _never(reason: str, name: str | None = None) -> Rule:
    return Rule(Kind.CHECK, reason, denied=True, permission=RuntimePermission(name) if name is not None else None)


def _by_name(event: str) -> Rule:
    """Windows only, where pycage is not tested: may be granted as the event, nothing finer is claimed."""
    return _ask_for("auditEvent." + event)


_FILES_FOLLOW: Final = "the events of the files that it touches follow and decide; these arguments are read again later"
_SOCKETS_FOLLOW: Final = "socket.getaddrinfo and socket.connect follow and decide"
_CONTENT: Final = "what is sent on a connection that was allowed already"
_HARMLESS: Final = "no effect outside the caller's own data"
_NOTICE: Final = "a notification of CPython: too late to stop anything"
_BEFORE: Final = "interpreter start-up; a sandbox on the stack means that somebody forged it"

_FORK: Final = _fixed(ProcessPermission("fork", "execute"))
_START_THREAD: Final = _fixed(ThreadPermission("start"))
_CALL_NATIVE: Final = _fixed(NativePermission("*", "call"))
_TRACE: Final = _ask_for("setTrace")
_DEFINE_CODE: Final = _ask_for("defineCode")
_SYSLOG: Final = _ask_for("syslog")
_RESOURCE: Final = _ask_for("setResourceLimit")
_REFLECT: Final = _fixed(REFLECTION)
_STACKS: Final = _ask_for("getStackTrace")
# asyncio.run() does it, on behalf of the sandbox's own coroutines.
_ASYNCGEN: Final = _ask_for("setAsyncgenHooks", when_top_is_guest=True)

_WINDOWS: Final = (  # noqa: SIM905  # 43 quoted lines would not be easier to compare
    "_winapi.CopyFile2 _winapi.CreateEventW _winapi.CreateFile _winapi.CreateJunction _winapi.CreateMutexW "
    "_winapi.CreateNamedPipe _winapi.CreatePipe _winapi.CreateProcess _winapi.OpenEventW _winapi.OpenMutexW "
    "_winapi.OpenProcess _winapi.TerminateProcess ctypes.get_last_error ctypes.seh_exception ctypes.set_exception "
    "ctypes.set_last_error msvcrt.get_osfhandle msvcrt.locking msvcrt.open_osfhandle os.add_dll_directory "
    "os.listdrives os.listmounts os.listvolumes os.spawn os.startfile os.startfile/2 winreg.ConnectRegistry "
    "winreg.CreateKey winreg.DeleteKey winreg.DeleteValue winreg.DisableReflectionKey winreg.EnableReflectionKey "
    "winreg.EnumKey winreg.EnumValue winreg.ExpandEnvironmentStrings winreg.LoadKey winreg.OpenKey "
    "winreg.OpenKey/result winreg.PyHKEY.Detach winreg.QueryInfoKey winreg.QueryReflectionKey winreg.QueryValue "
    "winreg.SaveKey winreg.SetValue"
).split()

# Denying it on 3.12 kills the process with a segmentation fault (new_interpreter() goes on without one).  There it
# must pass; the core refuses what runs in a sub-interpreter, and the imports refuse _xxsubinterpreters.
_NEW_INTERPRETER: Final = (
    _drop("raising inside this event crashes CPython 3.12; the core refuses all events of sub-interpreters instead")
    if sys.version_info[:2] == (3, 12)
    else _never("code in another interpreter is out of sight of every check", "createInterpreter")
)

EVENTS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        # Files.  The low-level events are authoritative.
        "open": _ask(files.opened_file, "read,write"),
        "os.chflags": _ask_file("write", Links.BOTH),
        "os.chmod": _ask_file("write", Links.BOTH, dir_fd=2),
        "os.chown": _ask_file("write", Links.BOTH, dir_fd=3),
        "os.getxattr": _ask_file("read", Links.BOTH),
        "os.link": _ask(files.hard_link, "read,write"),
        "os.listdir": _ask_file("read", Links.FOLLOW),
        "os.listxattr": _ask_file("read", Links.BOTH),
        "os.mkdir": _ask_file("write", Links.KEEP, dir_fd=2),
        "os.remove": _ask_file("delete", Links.KEEP, dir_fd=1),
        "os.removexattr": _ask_file("write", Links.BOTH),
        "os.rename": _ask(files.renamed_file, "read,write,delete"),
        "os.rmdir": _ask_file("delete", Links.KEEP, dir_fd=1),
        "os.scandir": _ask_file("read", Links.FOLLOW),
        "os.setxattr": _ask_file("write", Links.BOTH),
        "os.symlink": _ask(files.symbolic_link, "read,write"),
        "os.truncate": _ask_file("write", Links.FOLLOW),
        "os.utime": _ask_file("write", Links.BOTH, dir_fd=3),
        "sqlite3.connect": _ask(files.data_base, "read,write"),
        "sqlite3.connect/handle": _drop("the connection that sqlite3.connect allowed"),
        # Process-wide: every relative path of the host would mean another file.
        "os.chdir": _ask_for("chdir"),
        "glob.glob": _drop(_FILES_FOLLOW),
        "glob.glob/2": _drop(_FILES_FOLLOW),
        "os.fwalk": _drop(_FILES_FOLLOW),
        "os.walk": _drop(_FILES_FOLLOW),
        "pathlib.Path.glob": _drop(_FILES_FOLLOW),
        "pathlib.Path.rglob": _drop(_FILES_FOLLOW),
        "pathlib.Path.walk": _drop(_FILES_FOLLOW),
        "shutil.chown": _drop(_FILES_FOLLOW),
        "shutil.copyfile": _drop(_FILES_FOLLOW),
        "shutil.copymode": _drop(_FILES_FOLLOW),
        "shutil.copystat": _drop(_FILES_FOLLOW),
        "shutil.copytree": _drop(_FILES_FOLLOW),
        "shutil.make_archive": _drop(_FILES_FOLLOW),
        "shutil.move": _drop(_FILES_FOLLOW),
        "shutil.rmtree": _drop(_FILES_FOLLOW),
        "shutil.unpack_archive": _drop(_FILES_FOLLOW),
        "tempfile.mkdtemp": _drop(_FILES_FOLLOW),
        "tempfile.mkstemp": _drop(_FILES_FOLLOW),
        # Descriptors.
        "fcntl.fcntl": _ask_for("writeFileDescriptor"),
        "fcntl.flock": _ask(files.locked_file),
        "fcntl.ioctl": _ask_for("writeFileDescriptor"),
        "fcntl.lockf": _ask(files.locked_file),
        "mmap.__new__": _ask(files.mapped_file),
        "os.lockf": _ask(files.locked_file),
        # Network.
        "socket.__new__": _ask(asks.new_socket),
        "socket.bind": _ask(asks.address("listen"), "listen"),
        "socket.connect": _ask(asks.address("connect"), "connect"),
        "socket.getaddrinfo": _ask(asks.resolved_host, "resolve"),
        "socket.gethostbyaddr": _ask(asks.resolved_host, "resolve"),
        "socket.gethostbyname": _ask(asks.resolved_host, "resolve"),
        "socket.gethostname": _ask_for("getHostName"),
        "socket.getnameinfo": _ask(asks.resolved_address, "resolve"),
        "socket.getservbyname": _drop("the system's table of well-known ports"),
        "socket.getservbyport": _drop("the system's table of well-known ports"),
        "socket.sendmsg": _ask(asks.address("connect"), "connect"),
        "socket.sendto": _ask(asks.address("connect"), "connect"),
        "socket.sethostname": _ask_for("setHostName"),
        "ftplib.connect": _drop(_SOCKETS_FOLLOW),
        "ftplib.sendcmd": _drop(_CONTENT),
        "http.client.connect": _drop(_SOCKETS_FOLLOW),
        "http.client.send": _drop(_CONTENT),
        "imaplib.open": _drop(_SOCKETS_FOLLOW),
        "imaplib.send": _drop(_CONTENT),
        "nntplib.connect": _drop(_SOCKETS_FOLLOW),
        "nntplib.putline": _drop(_CONTENT),
        "poplib.connect": _drop(_SOCKETS_FOLLOW),
        "poplib.putline": _drop(_CONTENT),
        "smtplib.connect": _drop(_SOCKETS_FOLLOW),
        "smtplib.send": _drop(_CONTENT),
        "telnetlib.Telnet.open": _drop(_SOCKETS_FOLLOW),
        "telnetlib.Telnet.write": _drop(_CONTENT),
        "urllib.Request": _drop(
            "open, socket.getaddrinfo and socket.connect follow and decide, whatever the scheme is"
        ),
        # Processes and signals.
        "_posixsubprocess.fork_exec": _ask(asks.forked_program, "execute"),
        "ensurepip.bootstrap": _ask_for("ensurepip"),
        "os.exec": _ask(asks.executed_program, "execute"),
        "os.fork": _FORK,
        "os.forkpty": _FORK,
        "os.kill": _ask(asks.signalled_process),
        "os.killpg": _ask(asks.signalled_group),
        "os.posix_spawn": _ask(asks.spawned_program, "execute"),
        "os.system": _ask(asks.shell),
        "pty.spawn": _drop("os.forkpty and os.exec follow and decide"),
        "signal.pthread_kill": _ask(asks.signalled_thread),
        "subprocess.Popen": _ask(asks.started_program, "execute"),
        "webbrowser.open": _ask_for("openBrowser"),
        "sys.remote_exec": _never("it runs code in another process, or in this one outside every frame", "debugger"),
        "cpython.remote_debugger_script": _never("a debugger's code runs between any two frames", "debugger"),
        # Threads.  The hand-off part captures the context; these ask whether there may be one.
        "_thread.start_joinable_thread": _START_THREAD,
        "_thread.start_new_thread": _START_THREAD,
        # The process as a whole.
        "os.putenv": _ask(asks.environment_variable),
        "os.unsetenv": _ask(asks.environment_variable),
        "resource.prlimit": _RESOURCE,
        "resource.setrlimit": _RESOURCE,
        "syslog.closelog": _SYSLOG,
        "syslog.openlog": _SYSLOG,
        "syslog.setlogmask": _SYSLOG,
        "syslog.syslog": _SYSLOG,
        "builtins.input": _ask_for("readStandardInput"),
        "builtins.input/result": _drop("the answer to an input() that was allowed"),
        "time.sleep": _drop("limits of time are kept from outside"),
        # Code.
        "exec": Rule(Kind.EXEC, "the core gives the code to the sandbox that runs it"),
        "import": Rule(Kind.IMPORT, requests=asks.imported_module),
        # collections, dataclasses, typing and ast compile on behalf of their caller; the core tags what they run.
        "compile": _ask_for("createClassLoader", when_top_is_guest=True),
        "code.__new__": _DEFINE_CODE,
        "function.__new__": _DEFINE_CODE,
        "marshal.dumps": _DEFINE_CODE,
        "marshal.load": _DEFINE_CODE,
        "marshal.loads": _DEFINE_CODE,
        "pickle.find_class": _ask(asks.unpickled_global),
        # Reflection.
        "builtins.id": _drop("a number; copy.deepcopy, reprlib and inspect ask for it all the time"),
        "gc.get_objects": _REFLECT,
        "gc.get_referents": _REFLECT,
        "gc.get_referrers": _REFLECT,
        # Raised by inspect, traceback, asyncio and dataclasses for their callers; the attribute guard judges the reads
        # of a sandbox itself, and this is its second line.
        "object.__getattr__": _ask(asks.read_attribute, when_top_is_guest=True),
        "object.__setattr__": _ask(asks.written_attribute),
        "object.__delattr__": _ask(asks.written_attribute),
        # logging, warnings, namedtuple and enum look for their caller's module.
        "sys._getframe": _ask_for("getStackTrace", when_top_is_guest=True),
        "sys._getframemodulename": _drop("the name of a module, as text"),
        "sys._current_exceptions": _STACKS,
        "sys._current_frames": _STACKS,
        # Hooks.
        "sys.addaudithook": _never(
            "a hook of the sandbox would see, and could deny, what the host does", "addAuditHook"
        ),
        "setopencodehook": _never("it replaces the source of every module that is imported later", "setOpenCodeHook"),
        "sys.monitoring.register_callback": _TRACE,
        "sys.setprofile": _TRACE,
        "sys.settrace": _TRACE,
        "sys.set_asyncgen_hook_finalizer": _ASYNCGEN,
        "sys.set_asyncgen_hook_firstiter": _ASYNCGEN,
        # The names in CPython's documentation, which no version raises.
        "sys.set_asyncgen_hooks_finalizer": _ASYNCGEN,
        "sys.set_asyncgen_hooks_firstiter": _ASYNCGEN,
        "builtins.breakpoint": _ask_for("debugger"),
        "pdb.Pdb": _ask_for("debugger"),
        "sys.excepthook": _drop(_NOTICE),
        "sys.unraisablehook": _drop(_NOTICE),
        # The interpreter.
        "cpython.PyConfig_Set": _ask_for("setConfig"),
        "cpython.PyInterpreterState_Clear": _drop(_NOTICE),
        "cpython.PyInterpreterState_New": _NEW_INTERPRETER,
        "cpython._PySys_ClearAuditHooks": _drop(_NOTICE),
        "cpython.run_command": _never(_BEFORE),
        "cpython.run_file": _never(_BEFORE),
        "cpython.run_interactivehook": _never(_BEFORE),
        "cpython.run_module": _never(_BEFORE),
        "cpython.run_startup": _never(_BEFORE),
        "cpython.run_stdin": _never(_BEFORE),
        # Native code.  Calls through ctypes raise no event at all: whoever may load a library is not contained.
        "ctypes.PyObj_FromPtr": _never(
            "it makes an object out of any number, checks of types included", "accessMemory"
        ),
        "ctypes.dlopen": _ask(asks.library(0)),
        "ctypes.addressof": _CALL_NATIVE,
        "ctypes.call_function": _CALL_NATIVE,
        "ctypes.cdata": _CALL_NATIVE,
        "ctypes.cdata/buffer": _CALL_NATIVE,
        "ctypes.create_string_buffer": _CALL_NATIVE,
        "ctypes.create_unicode_buffer": _CALL_NATIVE,
        "ctypes.dlsym": _CALL_NATIVE,
        "ctypes.dlsym/handle": _CALL_NATIVE,
        "ctypes.get_errno": _CALL_NATIVE,
        "ctypes.set_errno": _CALL_NATIVE,
        "ctypes.string_at": _CALL_NATIVE,
        "ctypes.wstring_at": _CALL_NATIVE,
        "sqlite3.enable_load_extension": _fixed(NativePermission("*", "load")),
        "sqlite3.load_extension": _ask(asks.library(1)),
        "array.__new__": _drop(_HARMLESS),
    }
    | {event: _by_name(event) for event in _WINDOWS}
)
