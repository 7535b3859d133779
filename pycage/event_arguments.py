"""The arguments of audit events: what each kind of event asks for.  The readers that the table in `events` names.

A reader takes the argument tuple of an event and returns the `Request`s that must all be allowed.  It accepts exact
built-in types and raises for everything else; `pycage.events.requests_for` turns that into a denial.
"""

# The essay on events stands in `events`, those on files and addresses in `paths` and `addresses`;
# the readers of events about files in `file_arguments`.  For this file:
#
# - A reader sees data of an attacker.  No method, comparison, iteration or isinstance() of an object before its exact
#   type is known to be a built-in one; TypeError and IndexError mean "cannot be judged".
# - A reader only reads.  What it asks the system (links, directories, descriptors) raises no audit event.
# - Where an event does not tell which of several operations it is, the reader asks for all of them.

from __future__ import annotations

import os as _os
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Final

from pycage import _core
from pycage.addresses import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    Endpoint,
    family_name,
    family_of,
    host_names,
    internet_endpoint,
    is_ordinary_socket,
    unix_path,
)
from pycage.event_requests import EventRefused, Request
from pycage.file_arguments import at_place, file_request
from pycage.paths import Links, command_place, path_of_descriptor, path_text, place_of
from pycage.permissions import (
    EnvPermission,
    ImportPermission,
    NativePermission,
    ProcessPermission,
    RuntimePermission,
    SocketPermission,
)

if TYPE_CHECKING:
    from pycage.event_requests import Reader

__all__ = [
    "REFLECTION",
    "address",
    "environment_variable",
    "executed_program",
    "forked_program",
    "imported_module",
    "library",
    "new_socket",
    "read_attribute",
    "resolved_address",
    "resolved_host",
    "shell",
    "signalled_group",
    "signalled_process",
    "signalled_thread",
    "spawned_program",
    "started_program",
    "unpickled_global",
    "written_attribute",
]


# ---- Sockets ---------------------------------------------------------------------------------------------------------


def _endpoint(endpoint: Endpoint, actions: str) -> Request:
    shown = SocketPermission(endpoint.shown, actions)
    first, *others = (SocketPermission(name, actions) for name in endpoint.demanded)
    return Request(shown, alternatives=() if first == shown else (first,), also=tuple(others))


def address(actions: str) -> Reader:
    """Make a reader for events about a socket (argument 0) and an address (argument 1)."""

    def requests(args: tuple[object, ...]) -> tuple[Request, ...]:
        family, address = family_of(args[0]), args[1]
        if address is None:
            return ()  # sendmsg on a connected socket
        if family in {AF_INET, AF_INET6}:
            return (_endpoint(internet_endpoint(family, address, listening=actions == "listen"), actions),)
        if family == AF_UNIX:
            return (file_request(place_of(unix_path(address), Links.BOTH), "read,write"),)
        return (Request(RuntimePermission("createSocket." + family_name(family))),)

    return requests


def new_socket(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``socket.__new__``: the socket, family, type, protocol."""
    family, kind, protocol = args[1], args[2], args[3]
    if is_ordinary_socket(family, kind, protocol):
        return ()  # connecting and binding are asked
    if type(family) is not int or type(kind) is not int or type(protocol) is not int:
        raise TypeError
    if family == -1:
        return (Request(RuntimePermission("createSocket.fileno")),)
    name = "createSocket." + family_name(family)
    if family in (AF_INET, AF_INET6, AF_UNIX):  # a raw socket, another transport: not what its family says
        name += f".{kind}.{protocol}"
    return (Request(RuntimePermission(name)),)


def resolved_host(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read the look-ups: host first."""
    return (_endpoint(host_names(args[0]), "resolve"),)


def resolved_address(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``socket.getnameinfo``: a socket address."""
    address = args[0]
    if type(address) is not tuple:
        raise TypeError
    return (_endpoint(host_names(address[0]), "resolve"),)


# ---- Processes, libraries, environment -------------------------------------------------------------------------------

_ANY_PROGRAM: Final = ProcessPermission("<<ALL FILES>>", "execute")


def _program(value: object, directory: object, *, looked_up: bool, here: bool) -> tuple[Request, ...]:
    """Ask for starting a program.

    Args:
        value: The program.
        directory: Where the new process starts; None: here.
        looked_up: A bare name is looked up in this process's own ``PATH``, which the sandbox cannot change.
        here: A bare name is a file of the current directory, never looked up.
    """
    place = command_place(value, directory)
    if place is None and here:
        place = place_of(value, Links.FOLLOW)
    if place is not None:
        return (at_place(place, ProcessPermission.program),)
    named = ProcessPermission.program(path_text(value))
    # Java: SecurityManager.checkExec asks for <<ALL FILES>> when the command is not absolute.
    return (Request(named, also=() if looked_up else (_ANY_PROGRAM,)),)


def started_program(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``subprocess.Popen``: program, arguments, directory, environment."""
    # args[1] is a copy of the argument list; what is executed is args[0].
    return _program(args[0], args[2], looked_up=args[3] is None, here=False)


def executed_program(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.exec``: program (or a descriptor of it), arguments, environment."""
    if type(args[0]) is int:  # fexecve
        path = path_of_descriptor(args[0])
        return (Request(_ANY_PROGRAM if path is None else ProcessPermission.program(path)),)
    return _program(args[0], None, looked_up=False, here=True)


def spawned_program(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.posix_spawn``, which is also the event of ``os.posix_spawnp``: program, arguments, environment."""
    return _program(args[0], None, looked_up=False, here=False)  # posix_spawnp raises the same event


def forked_program(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``_posixsubprocess.fork_exec``: the places to try, arguments, environment."""
    programs = args[0]
    if type(programs) is not tuple and type(programs) is not list:
        raise TypeError
    copied = tuple(programs)  # a list can grow meanwhile
    if not copied:
        raise ValueError
    return tuple(request for item in copied for request in _program(item, None, looked_up=False, here=False))


def shell(_args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.system``: whatever the command is, a shell reads it."""
    return (Request(ProcessPermission("/bin/sh", "execute")),)


def signalled_process(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.kill``: process id, signal."""
    pid = args[0]
    if type(pid) is not int:
        raise TypeError
    return (_signal(pid),)


def signalled_group(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.killpg``: process group, signal."""
    group = args[0]
    if type(group) is not int or group < 0:
        raise TypeError
    return (_signal(-group),)


def _signal(pid: int) -> Request:
    # kill(2): -1 is everybody; other numbers below 1 are groups, which are granted by their number.
    return Request(ProcessPermission("*" if pid == -1 else str(pid), "signal"))


def signalled_thread(_args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``signal.pthread_kill``: it can only be a thread of this process."""
    return (Request(ProcessPermission(str(_os.getpid()), "signal")),)


def library(position: int) -> Reader:
    """Make a reader for events that load a library, argument ``position``: path or bare name, None for the program."""

    def requests(args: tuple[object, ...]) -> tuple[Request, ...]:
        value = args[position]
        name = "" if value is None else path_text(value)
        if name == "":
            return (Request(NativePermission("<main program>", "load")),)
        if "/" not in name:  # looked up by the dynamic linker, whose search path is fixed at start
            return (Request(NativePermission(name, "load")),)
        return (at_place(place_of(name, Links.FOLLOW), lambda text: NativePermission(text, "load")),)

    return requests


def environment_variable(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``os.putenv`` and ``os.unsetenv``: name first."""
    return (Request(EnvPermission(path_text(args[0]), "write")),)


# ---- Code and reflection ---------------------------------------------------------------------------------------------

REFLECTION: Final = RuntimePermission("accessDeclaredMembers")
_FUNCTION_CODE: Final = frozenset({"__defaults__", "__kwdefaults__"})


def imported_module(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``import``: module, and the file name if it is an extension about to be loaded."""
    name, filename = args[0], args[1]
    if type(name) is not str:
        raise TypeError
    asked = (Request(ImportPermission(name)),)
    return asked if filename is None else asked + library(1)(args)


def unpickled_global(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Read ``pickle.find_class``: module, qualified name."""
    module, name = args[0], args[1]
    if type(module) is not str or type(name) is not str:
        raise TypeError
    return (Request(RuntimePermission(f"accessClassInPackage.{module}.{name}")),)


def read_attribute(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Judge the attributes of functions, frames and code whose reading is audited.

    The guards of `language` have judged the object; the defaults of a function that a sandbox wrote are what it wrote.
    """
    target, name = args[0], args[1]
    if type(name) is not str:
        raise TypeError
    if type(target) is FunctionType and name in _FUNCTION_CODE and _core.code_domain(target.__code__) is not None:
        return ()
    return (Request(REFLECTION),)


def written_attribute(args: tuple[object, ...]) -> tuple[Request, ...]:
    """Attributes of functions are judged here; those of classes and instances by the write guard of `language`.

    The event cannot tell whose object it is, and dataclasses, enum and functools set ``__doc__``, ``__qualname__`` or
    ``__module__`` of a sandbox's own classes all the time.  For a function, its code tells: a sandbox may change
    the defaults of a function that some sandbox wrote (collections.namedtuple does it on its behalf), not of a host
    function.  Its ``__code__`` it may not replace either: code made elsewhere would run with the function's globals.
    """
    target, name = args[0], args[1]
    if type(name) is not str:
        raise TypeError
    if type(target) is not FunctionType:
        return ()
    if _is_ours(target):
        raise EventRefused(REFLECTION, "functions of pycage cannot be changed")
    if name in _FUNCTION_CODE and _core.code_domain(target.__code__) is not None:
        return ()
    return (Request(REFLECTION),)


def _is_ours(function: FunctionType) -> bool:
    """Compare the globals by identity: names in them are anybody's to choose, and keys may be of any type."""
    variables = function.__globals__
    for name, module in tuple(sys.modules.items()):
        ours = type(name) is str and (name == "pycage" or name[:7] == "pycage.")
        if ours and type(module) is ModuleType and module.__dict__ is variables:
            return True
    return False
