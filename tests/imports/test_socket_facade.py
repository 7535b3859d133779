"""socket in a sandbox: whom it may talk to is asked, by name or by number, once and for what is used."""

from __future__ import annotations

import itertools
import socket
import threading

import pytest
from pycage import AccessDenied, FilePermission, RuntimePermission, Sandbox, SocketPermission

_numbers = itertools.count()
# Programs that are denied something leave their sockets behind.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def sandbox():
    with Sandbox(f"socket_{next(_numbers)}") as made:
        yield made


@pytest.fixture
def server():
    """A listener of the host's, and what it received from one connection, answered in capitals."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(100).upper())

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def local(port, actions):
    return SocketPermission(f"127.0.0.1:{port}", actions)


def test_a_client_talks_to_what_it_was_granted(sandbox, server):
    sandbox.grant(local(server, "connect"))
    source = f"""
import socket
with socket.create_connection(('127.0.0.1', {server}), timeout=5) as s:
    s.sendall(b'abc')
    r = s.recv(10), s.getpeername()[1], isinstance(s, socket.socket), s.family == socket.AF_INET, s.gettimeout()
r
"""
    assert sandbox.run(source).value == (b"ABC", server, True, True, 5)


def test_a_client_with_file_objects(sandbox, server):
    sandbox.grant(local(server, "connect"))
    source = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.connect(('127.0.0.1', {server}))
f = s.makefile('rwb')
f.write(b'line')
f.flush()
r = f.readline()
s.close()
r, s.fileno() == -1
"""
    assert sandbox.run(source).value[0] == b"LINE"


@pytest.mark.parametrize("how", ["s = socket.socket(); s.connect(A)", "socket.create_connection(A)", "s = socket.socket(); s.connect_ex(A)", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'', A)", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'', 0, A)"])  # fmt: skip
def test_connecting_without_a_grant_is_denied(sandbox, server, how):
    sandbox.grant(local(server + 1 if server < 65535 else 1, "connect"))
    with pytest.raises(AccessDenied, match=f'SocketPermission" "127.0.0.1:{server}" "connect'):
        sandbox.run(f"import socket\nA = ('127.0.0.1', {server})\n{how}")


def test_a_name_is_granted_by_name_and_reached_by_number(sandbox, server, monkeypatch):
    """The look-up goes to a system that is asked once; the grant says the name."""
    asked = []

    def getaddrinfo(host, port, *_args, **_more):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("198.51.100.7", port))]

    connected = []
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: connected.append(address))
    sandbox.grant(SocketPermission("api.example.org:443", "connect"))

    sandbox.run("import socket\nsocket.socket().connect(('api.example.org', 443))")
    with pytest.raises(AccessDenied, match=r"api\.example\.org:80"):
        sandbox.run("import socket\nsocket.socket().connect(('api.example.org', 80))")

    assert asked == ["api.example.org"] * 2
    assert connected == [("198.51.100.7", 443)]


@pytest.mark.parametrize("answer", ["127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1"])  # noqa: S104
def test_a_name_that_means_this_machine_or_the_link_is_not_enough(sandbox, monkeypatch, answer):
    """Who answers for the name chooses the address (DNS rebinding)."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, *_: [(2, 1, 6, "", (answer, port))])
    sandbox.grant(SocketPermission("evil.example.org:*", "connect"))

    with pytest.raises(AccessDenied, match="SocketPermission"):
        sandbox.run("import socket\nsocket.socket().connect(('evil.example.org', 9))")


def test_a_server_needs_listen_and_accept(sandbox):
    source = """
import socket
listener = socket.create_server(('127.0.0.1', 0))
def take():
    connection, peer = listener.accept()
    with connection:
        connection.sendall(b'hello ' + connection.recv(10))
    return peer[0]
listener.getsockname()[1], take
"""
    with pytest.raises(AccessDenied, match='"127.0.0.1:0" "listen'):
        sandbox.run(source)
    sandbox.grant(local("*", "listen"))
    port, take = sandbox.run(source).value

    with socket.create_connection(("127.0.0.1", port)) as client, pytest.raises(AccessDenied, match="accept"):
        take()
    assert client.fileno() == -1

    sandbox.grant(local("*", "accept"))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"me")
        assert take() == "127.0.0.1"
        assert client.recv(20) == b"hello me"


def test_listening_without_bind_is_listening_on_everything(sandbox):
    """The kernel chooses a port of all interfaces, and no event says so."""
    sandbox.grant(local("*", "listen"))

    with pytest.raises(AccessDenied, match=r"0\.0\.0\.0:0.*listen"):
        sandbox.run("import socket\nsocket.socket().listen()")


def test_datagrams_of_strangers_ask(sandbox):
    sandbox.grant(local("*", "listen"))
    source = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
s.settimeout(5)
s.getsockname()[1], lambda: s.recv(10), lambda: s.recvfrom(10)[0], lambda: s.recv_into(bytearray(10)), lambda: s.recvfrom_into(bytearray(10))[0], lambda: s.close()
"""
    port, *takes, close = sandbox.run(source).value
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for take in takes:
            sender.sendto(b"x", ("127.0.0.1", port))
            with pytest.raises(AccessDenied, match="accept"):
                take()
        sandbox.grant(local("*", "accept"))
        answers = []
        for take in takes:
            sender.sendto(b"x", ("127.0.0.1", port))
            answers.append(take())
    close()

    assert answers == [b"x", b"x", 1, 1]


def test_local_sockets_ask_for_the_file(sandbox, tmp_path):
    path = str(tmp_path / "s")
    source = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind(p)\ns.listen()\ns.getsockname()"
    with pytest.raises(AccessDenied, match="FilePermission"):
        sandbox.run(source, variables={"p": path})

    sandbox.grant(FilePermission(path, "read,write"))

    assert sandbox.run(source, variables={"p": path}).value == path


def test_a_pair_needs_nothing_and_has_both_ends(sandbox):
    source = (
        "import socket\na, b = socket.socketpair()\na.sendall(b'x')\nr = b.recv(1), a.dup().send(b'y'), b.recv(1)\nr"
    )
    assert sandbox.run(source).value == (b"x", 1, b"y")


DENIED = {
    "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, 0)": "createSocket.fileno",
    "socket.socket(fileno=0)": "createSocket.fileno",
    "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)": "createSocket.AF_INET",
    "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)": "createSocket.AF_NETLINK",
    "socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)": "setSocketOption",
    "socket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo')": "setSocketOption",
    "socket.socket().getsockopt(0, 16)": "setSocketOption",
    "socket.create_server(('127.0.0.1', 0), reuse_port=True)": "setSocketOption",
    "socket.socket().bind(('127.0.0.1', 0))": "listen",
    "socket.socket().bind(('', 0))": "listen",
    "socket.create_server(('127.0.0.1', 0))": "listen",
    "socket.create_connection(('127.0.0.1', 9), source_address=('127.0.0.1', 0))": "resolve",
    "socket.socket().connect(('localhost', 9))": "connect",
    "socket.socket().connect(('example.org', 9))": "resolve",
    "socket.getaddrinfo('example.org', 80)": "resolve",
    "socket.gethostbyname('example.org')": "resolve",
    "socket.gethostbyname_ex('example.org')": "resolve",
    "socket.gethostbyaddr('127.0.0.1')": "resolve",
    "socket.getnameinfo(('127.0.0.1', 80), 0)": "resolve",
    "socket.getfqdn('example.org')": "resolve",
    "socket.getfqdn()": "getHostName",
    "socket.gethostname()": "getHostName",
    "socket.if_nameindex()": "getNetworkInformation",
    "socket.if_nametoindex('lo')": "getNetworkInformation",
    "socket.if_indextoname(1)": "getNetworkInformation",
}


@pytest.mark.parametrize("expression", DENIED)
def test_everything_with_an_effect_asks(sandbox, expression):
    with pytest.raises(AccessDenied, match=DENIED[expression]):
        sandbox.run(f"import socket\n{expression}")


@pytest.mark.parametrize("name", ["fromfd", "dup", "close", "send_fds", "recv_fds", "SocketType", "setdefaulttimeout", "sethostname", "SocketIO", "os"])  # fmt: skip
def test_what_is_withheld_is_not_there(sandbox, name):
    with pytest.raises(AttributeError):
        sandbox.run(f"import socket\nsocket.{name}")


@pytest.mark.parametrize("name", ["_real", "_accept", "detach", "sendmsg", "recvmsg", "sendfile", "share", "ioctl"])
def test_the_socket_behind_and_what_takes_descriptors_are_not_there(sandbox, name):
    with pytest.raises((AttributeError, AccessDenied)):
        sandbox.run(f"import socket\nsocket.socket().{name}")


LIES = {
    "a tuple that changes": "class T(tuple):\n    n = 0\n    def __getitem__(self, i): T.n += 1; return super().__getitem__(i) if T.n > 2 else ('10.0.0.1', 1)[i]\n    def __iter__(self): T.n += 1; return iter(('10.0.0.1', 1))\nA = T(('127.0.0.1', P))",
    "a str that changes": "class S(str):\n    def __str__(self): return '10.0.0.1'\n    def __eq__(self, o): return o == '10.0.0.1'\n    def __hash__(self): return 1\n    def encode(self, *a): return b'10.0.0.1'\nA = (S('127.0.0.1'), P)",
    "an int that changes": "class I(int):\n    def __int__(self): return 1\n    def __index__(self): return 1\nA = ('127.0.0.1', I(P))",
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_the_address_that_is_judged_is_the_address_that_is_used(sandbox, server, lie):
    sandbox.grant(SocketPermission("10.0.0.1:1", "connect"))

    with pytest.raises(AccessDenied, match=f"127.0.0.1:{server}"):
        sandbox.run(f"import socket\nP = {server}\n{LIES[lie]}\nsocket.socket().connect(A)")


@pytest.mark.parametrize("address", ["bytearray(b'x')", "['127.0.0.1', 1]", "('127.0.0.1', 1.0)", "(bytearray(b'127.0.0.1'), 1)", "Index()"])  # fmt: skip
def test_an_address_of_anything_else_is_an_error(sandbox, address):
    sandbox.grant(SocketPermission("*", "connect"))
    with pytest.raises(TypeError):
        sandbox.run(f"import socket\nclass Index: __index__ = lambda self: 3\nsocket.socket().connect({address})")


def test_methods_take_sockets_of_their_own_sandbox_only(sandbox):
    theirs = sandbox.run("import socket\nsocket.socketpair()[0]").value
    with Sandbox(f"socket_{next(_numbers)}") as other:
        for call in (
            "socket.socket.send(theirs, b'x')",
            "socket.socket.fileno(real)",
            "socket.socket.__init__(theirs)",
        ):
            with pytest.raises((TypeError, AccessDenied)), socket.socket() as real:
                other.run(f"import socket\n{call}", variables={"theirs": theirs, "real": real})


def test_no_class_is_derived_from_a_socket(sandbox):
    with pytest.raises(TypeError):
        sandbox.run("import socket\nclass S(socket.socket): pass")


def test_a_method_called_by_the_host_later_is_called_by_the_sandbox(sandbox, server):
    """map(sock.connect, ...) is iterated by the host, with no frame of the sandbox but the shim's."""
    late = sandbox.run(f"import socket\nmap(socket.socket().connect, [('127.0.0.1', {server})])").value

    with pytest.raises(AccessDenied):
        list(late)


def test_pure_functions_and_numbers_are_there(sandbox):
    source = "import socket\nsocket.inet_aton('1.2.3.4'), socket.htons(1), socket.AF_INET6 == socket.AddressFamily.AF_INET6, socket.SOL_SOCKET, socket.timeout is TimeoutError, socket.has_ipv6 in (True, False)"
    assert sandbox.run(source).value == (b"\1\2\3\4", socket.htons(1), True, socket.SOL_SOCKET, True, True)


def test_a_grant_for_descriptors_lets_them_be_adopted(sandbox):
    first, second = socket.socketpair()
    with first, second:
        sandbox.grant(RuntimePermission("createSocket.fileno"))
        found = sandbox.run(
            "import socket\ns = socket.socket(fileno=n)\ns.sendall(b'x')\ns",
            variables={"n": socket.dup(first.fileno())},
        )
        assert second.recv(1) == b"x"
        found.value.close()
