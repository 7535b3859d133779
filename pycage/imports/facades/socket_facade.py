"""``socket`` for a sandbox: a class of its own around a real socket, and the functions of the module."""

# Problem.  A real socket adopts any descriptor (`socket(fileno=3)` with a family raises the event of an ordinary
# socket), takes descriptors of other processes with a message (SCM_RIGHTS), and listens, accepts and receives without
# any event.
#
# Idea.  The real one is in a slot.  What the events check is left to them: the methods are shims, so the sandbox is on
# the stack, and they are given exact values.  What no event checks is asked here: listen() on an address that the
# kernel chooses, who connects, who sends, other people's descriptors, and options that do more than tune.  Sending and
# receiving on what was connected asks nothing: that was the question.
#
# What still fails.  A connection stays open when its permission is revoked.  fileno() tells the real number, which no
# function of a sandbox takes.

from __future__ import annotations

import socket as real_module
from typing import TYPE_CHECKING, Any, Final, Self

from pycage.access import check_permission
from pycage.errors import AccessDenied, type_name
from pycage.event_arguments import address as address_reader
from pycage.imports.facades.checks import check_event, check_runtime, exact
from pycage.imports.facades.exact_numbers import exact_integer, exact_seconds
from pycage.imports.facades.shimmed_class import shimmed, slot
from pycage.imports.facades.socket_addresses import (
    INTERNET,
    check_peer,
    exact_address,
    reach,
    resolved,
)
from pycage.permissions import RuntimePermission

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.tools import Tools

__all__ = ["make"]

_HOST_AND_PORT: Final = 2
_DATAGRAM: Final = int(real_module.SOCK_DGRAM)
_LISTENING: Final = address_reader("listen")

_TUNING: Final = (
    "SOL_SOCKET: SO_BROADCAST SO_ERROR SO_KEEPALIVE SO_LINGER SO_OOBINLINE SO_RCVBUF SO_RCVLOWAT SO_REUSEADDR",
    "SOL_SOCKET: SO_SNDBUF SO_TYPE SO_ACCEPTCONN SO_DOMAIN SO_PROTOCOL",
    "IPPROTO_TCP: TCP_CORK TCP_KEEPCNT TCP_KEEPIDLE TCP_KEEPINTVL TCP_MAXSEG TCP_NODELAY TCP_QUICKACK TCP_USER_TIMEOUT",
    "IPPROTO_IP: IP_TOS IP_TTL IP_MULTICAST_LOOP IP_MULTICAST_TTL",
    "IPPROTO_IPV6: IPV6_V6ONLY IPV6_UNICAST_HOPS IPV6_MULTICAST_HOPS IPV6_MULTICAST_LOOP",
)
# (level, option) that only change how a socket of the sandbox's own works.  Others are asked for by their numbers: they
# join groups, choose interfaces, take connections from whoever listens on the same port (SO_REUSEPORT), ...
TUNING: Final = frozenset(
    (int(getattr(real_module, level)), int(getattr(real_module, option)))
    for level, _, options in (line.partition(": ") for line in _TUNING)
    for option in options.split()
    if hasattr(real_module, level) and hasattr(real_module, option)
)


def _check_option(level: int, option: int) -> None:
    if (level, option) not in TUNING:
        check_permission(RuntimePermission(f"setSocketOption.{level}.{option}"))


def _text(value: object) -> Any:
    """Return a host, port or name for a look-up as an exact value."""
    plain = exact(value)
    if plain is not None and type(plain) not in (str, bytes, int):
        message = f"str, bytes, int or None is needed, not {type_name(value)}"
        raise TypeError(message)
    return plain


def make(tools: Tools) -> dict[str, object]:  # noqa: C901, PLR0915  # a list of small methods
    """Return what ``pycage.imports.stdlib`` says is made anew."""

    @shimmed(tools, "socket")
    class socket:  # noqa: N801  # the name it stands for
        """A socket; see ``socket.socket``.  Descriptors are neither adopted nor sent."""

        __slots__ = ("__weakref__", "_real")

        def __init__(self, family: object = -1, type: object = -1, proto: object = -1, fileno: object = None) -> None:  # noqa: A002  # the real one's
            number = None
            if fileno is not None:
                number = exact_integer(fileno, "fileno")
                check_runtime("createSocket.fileno")
            numbers = [exact_integer(value, "a constant") for value in (family, type, proto)]
            write(self, real_module.socket(numbers[0], numbers[1], numbers[2], number))

        def __repr__(self) -> str:
            real = read(self)
            return f"<socket.socket family={real.family!r} type={real.type!r} closed={real.fileno() == -1}>"

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None:
            read(self).close()

        @property
        def family(self) -> int:
            """AF_INET or the like."""
            return read(self).family

        @property
        def type(self) -> int:
            """SOCK_STREAM or the like."""
            return read(self).type

        @property
        def proto(self) -> int:
            """The protocol's number."""
            return read(self).proto

        @property
        def timeout(self) -> float | None:
            """As gettimeout()."""
            return read(self).gettimeout()

        # ---- Whom it talks to ----

        def connect(self, address: object) -> None:
            """Connect; asks for SocketPermission(host:port, "connect")."""
            real = read(self)
            target, name = resolved(real, exact_address(address))
            reach(target, name, real.connect)

        def connect_ex(self, address: object) -> int:
            """Connect, and return the number of the error."""
            real = read(self)
            target, name = resolved(real, exact_address(address))
            return reach(target, name, real.connect_ex)  # type: ignore[return-value]  # what it returns

        def bind(self, address: object) -> None:
            """Take an address; asks for SocketPermission(host:port, "listen")."""
            read(self).bind(exact_address(address))

        def listen(self, backlog: object = 128) -> None:
            """Accept connections from now on; without bind() the kernel chooses a port of all interfaces."""
            real = read(self)
            check_event("socket.listen", _LISTENING, (real, real.getsockname()), "listen")
            real.listen(exact_integer(backlog, "backlog"))

        def accept(self) -> tuple[object, object]:
            """Take a connection; asks for SocketPermission(peer, "accept")."""
            real = read(self)
            connection, peer = real.accept()
            try:
                check_peer(real.family, peer)
            except BaseException:
                connection.close()
                raise
            return around(connection), peer

        def getsockname(self) -> object:
            """Return its own address."""
            return read(self).getsockname()

        def getpeername(self) -> object:
            """Return the address that it is connected to."""
            return read(self).getpeername()

        # ---- Data ----

        def send(self, data: Any, flags: object = 0) -> int:
            """Send some of the data."""
            return read(self).send(data, exact_integer(flags, "flags"))

        def sendall(self, data: Any, flags: object = 0) -> None:
            """Send all of the data."""
            read(self).sendall(data, exact_integer(flags, "flags"))

        def sendto(self, data: Any, *flags_and_address: object) -> int:
            """Send a datagram; asks for SocketPermission(host:port, "connect")."""
            if len(flags_and_address) not in (1, 2):
                message = f"sendto() takes 2 or 3 arguments ({1 + len(flags_and_address)} given)"
                raise TypeError(message)
            real = read(self)
            *given, address = flags_and_address
            flags = exact_integer(given[0], "flags") if given else 0
            target, name = resolved(real, exact_address(address))
            return reach(target, name, lambda where: real.sendto(data, flags, where))  # type: ignore[return-value]  # as above

        def recv(self, bufsize: object, flags: object = 0) -> bytes:
            """Receive."""
            real, size, bits = read(self), exact_integer(bufsize, "bufsize"), exact_integer(flags, "flags")
            return self._from(real, real.recvfrom(size, bits))[0] if is_open(real) else real.recv(size, bits)

        def recvfrom(self, bufsize: object, flags: object = 0) -> tuple[bytes, object]:
            """Receive, and tell from whom; of others than its peer it asks for SocketPermission(sender, "accept")."""
            real, size, bits = read(self), exact_integer(bufsize, "bufsize"), exact_integer(flags, "flags")
            asks = is_open(real)
            received = real.recvfrom(size, bits)
            return self._from(real, received) if asks else received

        def recv_into(self, buffer: Any, nbytes: object = 0, flags: object = 0) -> int:
            """Receive into a buffer."""
            real, size, bits = read(self), exact_integer(nbytes, "nbytes"), exact_integer(flags, "flags")
            if not is_open(real):
                return real.recv_into(buffer, size, bits)
            data, _ = self._from(real, real.recvfrom(size or memoryview(buffer).nbytes, bits))
            memoryview(buffer).cast("B")[: len(data)] = data
            return len(data)

        def recvfrom_into(self, buffer: Any, nbytes: object = 0, flags: object = 0) -> tuple[int, object]:
            """Receive into a buffer, and tell from whom."""
            real, size, bits = read(self), exact_integer(nbytes, "nbytes"), exact_integer(flags, "flags")
            if not is_open(real):
                return real.recvfrom_into(buffer, size, bits)
            data, peer = self._from(real, real.recvfrom(size or memoryview(buffer).nbytes, bits))
            memoryview(buffer).cast("B")[: len(data)] = data
            return len(data), peer

        def makefile(
            self,
            mode: object = "r",
            buffering: object = None,
            *,
            encoding: object = None,
            errors: object = None,
            newline: object = None,
        ) -> object:
            """Return a file object for the connection."""
            real = read(self)
            if is_open(real):
                message = "makefile() needs a connected socket"
                raise OSError(message)
            size = None if buffering is None else exact_integer(buffering, "buffering")
            text = {"encoding": _text(encoding), "errors": _text(errors), "newline": _text(newline)}
            return real.makefile(_text(mode), size, **text)

        @staticmethod
        def _from(real: real_module.socket, received: tuple[bytes, object]) -> tuple[bytes, object]:
            check_peer(real.family, received[1], replies=True)
            return received

        # ---- How ----

        def settimeout(self, value: object) -> None:
            """Wait no longer than this."""
            read(self).settimeout(None if value is None else exact_seconds(value))

        def gettimeout(self) -> float | None:
            """Return how long it waits."""
            return read(self).gettimeout()

        def setblocking(self, flag: object) -> None:
            """Wait for ever, or never."""
            read(self).setblocking(bool(flag))

        def getblocking(self) -> bool:
            """Say whether it waits."""
            return read(self).getblocking()

        def getsockopt(self, level: object, optname: object, buflen: object = None) -> int | bytes:
            """Read an option; others than those that tune ask for RuntimePermission("setSocketOption...")."""
            numbers = exact_integer(level, "level"), exact_integer(optname, "optname")
            _check_option(*numbers)
            real = read(self)
            return (
                real.getsockopt(*numbers)
                if buflen is None
                else real.getsockopt(*numbers, exact_integer(buflen, "buflen"))
            )

        def setsockopt(self, level: object, optname: object, value: object, optlen: object = None) -> None:
            """Set an option; others than those that tune ask for RuntimePermission("setSocketOption...")."""
            numbers = exact_integer(level, "level"), exact_integer(optname, "optname")
            _check_option(*numbers)
            if optlen is not None:
                message = "setsockopt() without a value is not available to sandboxed code"
                raise TypeError(message)
            plain = exact(value)
            read(self).setsockopt(*numbers, plain if type(plain) is bytes else exact_integer(value, "value"))

        def shutdown(self, how: object) -> None:
            """End sending, receiving or both."""
            read(self).shutdown(exact_integer(how, "how"))

        def close(self) -> None:
            """Close it."""
            read(self).close()

        def dup(self) -> object:
            """Return another socket for the same connection."""
            return around(read(self).dup())

        def fileno(self) -> int:
            """Return its number, -1 if it is closed; no function of a sandbox takes it."""
            return read(self).fileno()

    read, write = slot(socket, "_real", real_module.socket)

    def around(real: real_module.socket) -> object:
        made = object.__new__(socket)
        write(made, real)
        return made

    def socketpair(
        family: object = real_module.AF_UNIX,
        type: object = real_module.SOCK_STREAM,  # noqa: A002  # the real one's
        proto: object = 0,
    ) -> tuple[object, object]:
        """Return two connected local sockets."""
        numbers = exact_integer(family, "family"), exact_integer(type, "type"), exact_integer(proto, "proto")
        first, second = real_module.socketpair(*numbers)
        return around(first), around(second)

    def create_connection(
        address: object,
        timeout: object = unset,
        source_address: object = None,
        *,
        all_errors: bool = False,
    ) -> object:
        """Connect to the first of the addresses of a host that answers."""
        target = exact_address(address)
        if type(target) is not tuple or len(target) != _HOST_AND_PORT:
            message = "the address must be a tuple (host, port)"
            raise ValueError(message)
        host, port = target
        problems: list[Exception] = []
        for family, kind, proto, _, found in real_module.getaddrinfo(host, port, 0, real_module.SOCK_STREAM):
            real = real_module.socket(family, kind, proto)
            try:
                if timeout is not unset:
                    real.settimeout(None if timeout is None else exact_seconds(timeout))
                if source_address is not None:
                    real.bind(exact_address(source_address))
                name = host if type(host) is str and host not in ("", "localhost", found[0]) else None
                reach(found, name, real.connect)
            except OSError as error:
                problems.append(error)
                real.close()
            except BaseException:
                real.close()
                raise
            else:
                return around(real)
        if not problems:
            message = "getaddrinfo returns an empty list"
            raise OSError(message)
        if all_errors:
            message = "create_connection failed"
            raise ExceptionGroup(message, problems)
        raise problems[0]

    def create_server(
        address: object,
        *,
        family: object = real_module.AF_INET,
        backlog: object = None,
        reuse_port: bool = False,
        dualstack_ipv6: bool = False,
    ) -> object:
        """Return a socket that listens."""
        made = socket(family, real_module.SOCK_STREAM)
        try:
            made.setsockopt(real_module.SOL_SOCKET, real_module.SO_REUSEADDR, 1)
            if reuse_port:
                made.setsockopt(real_module.SOL_SOCKET, real_module.SO_REUSEPORT, 1)
            if exact_integer(family, "family") == real_module.AF_INET6:
                made.setsockopt(real_module.IPPROTO_IPV6, real_module.IPV6_V6ONLY, 0 if dualstack_ipv6 else 1)
            made.bind(address)
            made.listen(128 if backlog is None else backlog)
        except BaseException:
            made.close()
            raise
        return made

    def getaddrinfo(  # noqa: PLR0917  # the real one's
        host: object,
        port: object,
        family: object = 0,
        type: object = 0,  # noqa: A002  # the real one's
        proto: object = 0,
        flags: object = 0,
    ) -> object:
        """Return the addresses of a host; asks for SocketPermission(host, "resolve")."""
        numbers = [exact_integer(value, "family, type, proto and flags") for value in (family, type, proto, flags)]
        return real_module.getaddrinfo(_text(host), _text(port), *numbers)

    def getnameinfo(sockaddr: object, flags: object) -> tuple[str, str]:
        """Return the names of an address; asks for SocketPermission(host, "resolve")."""
        address = exact_address(sockaddr)
        return real_module.getnameinfo(address, exact_integer(flags, "flags"))  # type: ignore[arg-type]  # judged by the event

    def getfqdn(name: object = "") -> str:
        """Return a full name of a host."""
        host = _text(name)
        if host in ("", "0.0.0.0", "::"):  # noqa: S104  # compared with, not bound to
            host = real_module.gethostname()
        try:
            first, aliases, _ = real_module.gethostbyaddr(host)
        except AccessDenied:
            raise
        except OSError:
            return str(host)
        return next((alias for alias in (first, *aliases) if "." in alias), first)

    def of_one_text(function: Callable[[Any], object]) -> Callable[[object], object]:
        def looked_up(name: object) -> object:
            return function(_text(name))

        looked_up.__name__, looked_up.__doc__ = function.__name__, function.__doc__
        return looked_up

    def asking(function: Callable[..., object]) -> Callable[..., object]:
        def told(*args: object) -> object:
            check_runtime("getNetworkInformation")
            return function(*map(_text, args))

        told.__name__, told.__doc__ = function.__name__, function.__doc__
        return told

    texts = ("gethostbyaddr", "gethostbyname", "gethostbyname_ex")
    interfaces = ("if_indextoname", "if_nameindex", "if_nametoindex")
    return {
        "create_connection": create_connection,
        "create_server": create_server,
        "getaddrinfo": getaddrinfo,
        "getfqdn": getfqdn,
        "getnameinfo": getnameinfo,
        "socket": socket,
        "socketpair": socketpair,
        **{name: of_one_text(getattr(real_module, name)) for name in texts},
        **{name: asking(getattr(real_module, name)) for name in interfaces},
    }


unset: Final = object()


def is_open(real: real_module.socket) -> bool:
    """Say whether a socket takes datagrams from anybody: it is not connected to one peer."""
    if int(real.family) not in INTERNET or int(real.type) & 0xF != _DATAGRAM:
        return False
    try:
        real.getpeername()
    except OSError:
        return True
    return False
