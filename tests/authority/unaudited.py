"""What stops each operation that raises no audit event: one entry for every row of tests/data/unaudited-operations.tsv.

Where no program is given, the operation itself is one: its first name is imported, and ``fd``, ``s``, ``w``, ``a`` stand
for descriptors and the like.  The layers:

==========  ============================================================================================================
import      the module is never shared with a sandbox, whatever the host's loader policy says
view        the module is shared, the name is not in it
facade      the function asks; the entry names the permission, and more that it needs to work
guard       the language: refused when it is compiled, or when it runs
copy        what the sandbox gets is a copy, or leaves out what may not be read
own         it works on something of the sandbox's own; the entry names what must not have changed in the host
unset       a variable that may not be read is not set
bound       what is stored is bound to who stored it: tests/test_handoff.py and its like
harmless    it works; the entry says why it may
process     only a process of its own helps: a line of docs/threat-model.md
==========  ============================================================================================================
"""

from __future__ import annotations

import textwrap

_FUNCTION = "def f(): pass\n"
_COROUTINE = "async def m():\n    loop = asyncio.get_running_loop()\n    {}\nimport asyncio\nasyncio.run(m())"
_FILE = 'FilePermission("{here}/-", "read,write,delete,readlink"), FilePermission("{here}", "read")'
_SYSTEM = 'RuntimePermission("getSystemInformation")'
_TIMER = 'RuntimePermission("setSignalTimer")'
_THREAD = 'ThreadPermission("start")'
_CONNECT = "import socket\nwith socket.socket() as c:\n    c.connect(('127.0.0.1', PORT))\n    {}"
_TO_PORT = 'SocketPermission("127.0.0.1:{port}", "connect,resolve")'
_DESCRIPTOR = 'RuntimePermission("readFileDescriptor"), RuntimePermission("writeFileDescriptor")'
_OWN_DESCRIPTOR = "import os\nfd = os.open(HERE + '/f.txt', os.O_RDWR)\n"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in textwrap.dedent(text).strip().splitlines()]


IMPORT: dict[str, str | None] = {
    "__import__ (cached)": "__import__('gc')",
    "import (already in sys.modules)": "import gc",
    "importlib.import_module (cached)": "import importlib\nimportlib.import_module('gc')",
    "mock.patch('os.getcwd')": "import unittest.mock",
    "CFUNCTYPE(address)()": "import _ctypes",
    "cffi call": "import cffi",
    "cffi cast int to pointer": "import _cffi_backend",
    "cffi dlopen": "import cffi.api",
    "cffi from_buffer": "import cffi",
    "subinterpreter create": "import _interpreters",
    "subinterpreter run_string (os.listdir, open inside)": "import _xxsubinterpreters",
    "multiprocessing Process(spawn)": "import multiprocessing",
    "sqlite3 ATTACH DATABASE file": "import sqlite3",
    "sqlite3 VACUUM INTO file": "import sqlite3",
    "sqlite3 Connection.backup": "import sqlite3",
    "sqlite3 create_function": "import sqlite3",
    "sqlite3 deserialize/serialize": "import sqlite3",
    "ssl load_cert_chain(file)": "import ssl",
    "ssl load_verify_locations(file)": "import ssl",
    "dbm.gnu.open / dbm.ndbm.open": "import dbm.gnu",
    "tkinter / turtle": "import tkinter",
    "nis, ossaudiodev, spwd, crypt, msilib (<=3.12)": "import crypt",
    "spwd.getspall (<=3.12)": "import spwd",
    **dict.fromkeys(
        _lines("""
        _imp.create_builtin
        pkgutil.resolve_name('os:system')
        pydoc.locate('os.system')
        _ctypes.resize
        _posixsubprocess.fork_exec
        multiprocessing.util.spawnv_passfds
        atexit.register(abs,1)
        posix.environ[b'PATH']
        termios.tcgetattr(s)
        termios.tcsetattr(s,0,a)
        mmap.resize
        gc.callbacks.append(lambda *a:0)
        gc.collect()
        gc.disable()
        gc.freeze()
        gc.set_debug(0)
        gc.set_threshold(0)
        tracemalloc.start
        curses.setupterm('xterm',1)
        faulthandler.dump_traceback(file=2)
        faulthandler.dump_traceback_later(100,exit=True)
        faulthandler.enable(1)
        faulthandler.register(10,file=1)
        readline.read_history_file('f.txt')
        readline.read_init_file('f.txt')
        readline.write_history_file('g.txt')
        select.epoll().close()
        select.select([],[],[],0)
        _multiprocessing.SemLock
        _posixshmem.shm_open
        getpass.getuser()
        grp.getgrall()
        pwd.getpwall()
        pwd.getpwnam('root')
        resource.getrlimit(resource.RLIMIT_AS)
        resource.getrusage(0)
        site.getsitepackages()
        ssl.create_default_context()
        """)
    ),
}

VIEW: dict[str, str | None] = {
    "Unpickler subclass own find_class": (
        "import pickle\nclass U(pickle.Unpickler):\n    def find_class(self, *a): return super().find_class(*a)"
    ),
    "BuiltinImporter.load_module": "import importlib.machinery\nimportlib.machinery.BuiltinImporter",
    "loop.add_signal_handler(10,abs,1)": _COROUTINE.format("loop.add_signal_handler(10, abs, 1)"),
    "ctypes.cast(id,py_object)": "import ctypes\nctypes.cast(id([]), ctypes.py_object)",
    "ctypes.pythonapi call": "import ctypes\nctypes.pythonapi.Py_GetVersion()",
    "socket.recvmsg (SCM_RIGHTS)": "import socket\nsocket.socket.recvmsg",
    "sys.monitoring.set_events (3.12)": "import sys\nsys.monitoring.set_events(1, 1)",
    "sys.monitoring.use_tool_id (3.12)": "import sys\nsys.monitoring.use_tool_id(1, 'x')",
    **dict.fromkeys(
        _lines("""
        sys.path_hooks.append(1)
        weakref.getweakrefs(A)
        _thread.interrupt_main
        _thread.start_new_thread
        codecs.register(lambda n:None)
        codecs.register_error('zz',lambda e:('',0))
        os.environb[b'PATH']
        os.closerange(100,110)
        os.copy_file_range
        os.dup2(1,77)
        os.login_tty(s)
        os.posix_fadvise(fd,0,0,0)
        os.posix_fallocate(fd,0,100)
        os.readv(fd,[bytearray(1)])
        os.sendfile(w,fd,0,5)
        os.set_blocking(fd,True)
        os.set_inheritable(fd,True)
        os.splice(fd,w,5)
        os.ttyname(s)
        os.writev(fd,[b'a'])
        os.chroot('/')
        os.mkfifo('ff')
        os.mknod('nn')
        os.umask(0o77)
        sys.activate_stack_trampoline('perf')
        sys.call_tracing(abs,(1,))
        sys.set_coroutine_origin_tracking_depth(1)
        threading.setprofile(None)
        threading.settrace(None)
        os.abort()
        os.initgroups('root',0)
        os.nice(0)
        os.register_at_fork(before=lambda:0)
        os.sched_setscheduler(0,0,os.sched_param(0))
        os.setgid(0)
        os.setgroups([0])
        os.setns(0,0)
        os.setpgid(0,0)
        os.setpriority(0,0,0)
        os.setresuid(0,0,0)
        os.setsid()
        os.setuid(0)
        os.unshare(0)
        signal.pidfd_send_signal
        signal.pthread_sigmask(signal.SIG_BLOCK,[])
        signal.set_wakeup_fd(-1)
        contextvars.Context().run(abs,1)
        decimal.setcontext(decimal.Context())
        time.tzset()
        os.eventfd(0)
        os.memfd_create('x')
        os.openpty()
        os.posix_openpt(os.O_RDWR)
        os.timerfd_create(0)
        os.fstatvfs(fd)
        sys.set_int_max_str_digits(0)
        sys.setdlopenflags(2)
        sys.setrecursionlimit(1000)
        sys.setswitchinterval(0.005)
        socket.recv_fds
        socket.setdefaulttimeout(None)
        os.waitpid(-1,os.WNOHANG)
        platform.uname()
        time.clock_settime(time.CLOCK_MONOTONIC,0)
        uuid.getnode()
        uuid.uuid1()
        os.pidfd_open(os.getpid())
        os.sync()
        os.sched_setaffinity(0,os.sched_getaffinity(0))
        """)
    ),
}

# Operation -> (program, permission that the denial names, permissions with which it works or None: nothing helps here).
FACADE: dict[str, tuple[str | None, str, str | None]] = {
    "from os import system (cached)": (
        "from os import system\nsystem('true')",
        '"ProcessPermission" "/bin/sh" "execute"',
        'ProcessPermission("/bin/sh", "execute"), FilePermission("/bin/sh", "read")',
    ),
    "logging dictConfig dotted factory": (
        "import logging.config\n"
        "logging.config.BaseConfigurator({}).configure_custom({'()': 'os.system', 'command': 'true'})",
        '"ProcessPermission" "/bin/sh" "execute"',
        'ProcessPermission("/bin/sh", "execute"), FilePermission("/bin/sh", "read")',
    ),
    "L.getpid()": ("import ctypes\nctypes.CDLL('libc.so.6').getpid()", '"NativePermission"', None),
    "ThreadPoolExecutor.submit": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool:\n    x = pool.submit(abs, -1).result()\nx",
        '"ThreadPermission" "start"',
        _THREAD,
    ),
    **dict.fromkeys(
        ("threading.Thread.start", "threading.Thread.start on 3.11"),
        (
            "import threading\nt = threading.Thread(target=abs, args=(1,))\nt.start()\nt.join()",
            '"ThreadPermission" "start"',
            _THREAD,
        ),
    ),
    "threading.Timer.start": (
        "import threading\nt = threading.Timer(0, abs, (1,))\nt.start()\nt.join()",
        '"ThreadPermission" "start"',
        _THREAD,
    ),
    "os.close(fd)": (None, '"RuntimePermission" "closeFileDescriptor"', None),
    "os.fstat(0)": (None, "access denied", None),
    "os.fsync(fd)": (None, "access denied", None),
    "os.isatty(0)": (None, "access denied", None),
    **{
        operation: (None, f'"RuntimePermission" "{kind}FileDescriptor"', None)
        for operation, kind in (
            ("os.lseek(fd,0,0)", "read"),
            ("os.pread(fd,1,0)", "read"),
            ("os.pwrite(fd,b'x',0)", "write"),
            ("os.read(fd,1)", "read"),
            ("os.write(1,b'')", "write"),
            ("os.dup(0)", "read"),
        )
    },
    **{
        operation: (program, '"FilePermission" ".*f.txt" "(read|write|read,write)"', _FILE)
        for operation, program in (
            ("file.read()", "with open('f.txt') as file: x = file.read()\nx"),
            ("file.write()", "with open('f.txt', 'w') as file: file.write('x')"),
            ("file.truncate()", "with open('f.txt', 'r+') as file: file.truncate()"),
        )
    },
    "sys._clear_type_cache()": (None, "accessDeclaredMembers", None),
    "os._exit(0)": (None, "accessDeclaredMembers", None),
    "signal.alarm(0)": (None, "setSignalTimer", _TIMER),
    "signal.setitimer(signal.ITIMER_REAL,0)": (None, "setSignalTimer", _TIMER),
    "signal.raise_signal(signal.SIGCHLD)": (None, '"ProcessPermission" "[0-9]+" "signal"', "SIGNAL_SELF"),
    "signal.signal(signal.SIGUSR1,lambda *a:0)": (
        None,
        "setSignalHandler.SIGUSR1",
        'RuntimePermission("setSignalHandler.SIGUSR1")',
    ),
    "os.getcwd()": (None, "getWorkingDirectory", 'RuntimePermission("getWorkingDirectory")'),
    **{
        operation: (None, '"FilePermission" ".*" "(read|readlink)"', _FILE)
        for operation in _lines("""
            os.access('f.txt',os.R_OK)
            os.lstat('f.txt')
            os.path.exists('f.txt')
            os.path.getsize('f.txt')
            os.path.isdir('.')
            os.path.isfile('f.txt')
            os.path.realpath('l')
            os.path.samefile('f.txt','l')
            os.pathconf('.','PC_NAME_MAX')
            os.readlink('l')
            os.stat('f.txt')
            os.statvfs('.')
            pathlib.Path('.').resolve()
            pathlib.Path('f').exists()
            shutil.disk_usage('.')
        """)
    },
    "pathlib.Path('.').owner()": (None, '"FilePermission"', f"{_FILE}, {_SYSTEM}"),
    "shutil.which('ls')": (
        None,
        '"FilePermission"',
        'EnvPermission("PATH", "read"), FilePermission("<<ALL FILES>>", "read")',
    ),
    **{
        operation: (_CONNECT.format(program), '"SocketPermission" "127.0.0.1:[0-9]+" "connect,resolve"', _TO_PORT)
        for operation, program in (
            ("c.getpeername()", "c.getpeername()"),
            ("c.makefile()", "c.makefile().close()"),
            ("c.recv(1)", "c.setblocking(False)\n    try: c.recv(1)\n    except BlockingIOError: pass"),
            (
                "c.recvfrom_into(bytearray(1))",
                "c.setblocking(False)\n    try: c.recv_into(bytearray(1))\n    except BlockingIOError: pass",
            ),
            ("c.send(b'x')", "c.send(b'x')"),
            ("c.sendall(b'x')", "c.sendall(b'x')"),
            ("c.shutdown(2)", "c.shutdown(2)"),
        )
    },
    "l.listen()": (
        "import socket\nwith socket.socket() as l:\n    l.bind(('127.0.0.1', 0))\n    l.listen()",
        '"SocketPermission" "127.0.0.1:0" "listen,resolve"',
        'SocketPermission("127.0.0.1:*", "listen,resolve")',
    ),
    "name resolution inside socket.connect/bind/sendto": (
        "import socket\nwith socket.socket() as c: c.connect(('localhost', PORT))",
        '"SocketPermission" "localhost:[0-9]+" "connect,resolve"',
        'SocketPermission("localhost:{port}", "connect,resolve"), ' + _TO_PORT,
    ),
    "socket.if_nameindex()": (None, "getNetworkInformation", 'RuntimePermission("getNetworkInformation")'),
    **{
        operation: (None, "getSystemInformation", _SYSTEM)
        for operation in _lines("""
            os.ctermid()
            os.getgroups()
            os.getloadavg()
            os.getpgid(0)
            os.getppid()
            os.getpriority(0,0)
            os.getsid(0)
            os.getuid()
            os.sched_getaffinity(0)
            os.sysconf('SC_PAGESIZE')
            os.times()
            os.uname()
        """)
    },
    "os.getlogin()": (None, "getSystemInformation", None),  # fails without a terminal
}

GUARD: dict[str, str | None] = {
    "builtins.open=": "import builtins\nbuiltins.open = 1",
    "warnings.showwarning =": "import warnings\nwarnings.showwarning = len",
    "module attribute set (os.getcwd=)": "import os\nos.getcwd = len",
    "a.m.__func__": "import json\njson.JSONDecoder().decode.__func__",
    "a.m.__self__": "x = []\nx.append.__self__",
    "cell_contents write": "def f():\n    x = 1\n    return lambda: x\nf().__closure__[0].cell_contents = 2",
    "ex.__traceback__": "try: int('x')\nexcept ValueError as e: y = e.__traceback__.tb_frame.f_back.f_globals",
    "ex.__traceback__.tb_next": "try: int('x')\nexcept ValueError as e: y = e.__traceback__.tb_next.tb_frame.f_globals",
    "frame.f_trace=": "import inspect\ninspect.currentframe().f_trace = len",
    "collections.abc.Sized.register(int)": None,
    "cls.__init__ = (method replace)": "import json\njson.JSONDecoder.__init__ = len",
    "cls.attr = (plain)": "import json\njson.JSONDecoder.attr = 1",
    "f.__annotations__ =": "import json\njson.dumps.__annotations__ = {}",
    "f.__dict__ =": "import json\njson.dumps.__dict__ = {}",
    "sys.excepthook/displayhook/unraisablehook =": "import sys\nsys.excepthook = len",
    "sys.stdout =": "import sys\nsys.__stdout__",
    "object.__setattr__(a,'x',1)": "import json\nobject.__setattr__(json.JSONDecoder(), 'strict', 1)",
    "inst.attr =": "import json\njson.JSONDecoder().strict = False",
    **dict.fromkeys(
        _lines("""
        '{0.__class__.__mro__}'.format(1)
        (1).__class__
        f.__builtins__
        f.__globals__
        fr.f_back
        fr.f_builtins
        fr.f_globals
        fr.f_locals
        fr.f_lineno
        co.cr_await
        g.gi_yieldfrom
        getattr(1,'__class__')
        h.__closure__
        int.__mro__
        len.__self__
        object.__subclasses__()
        operator.attrgetter('__class__.__mro__')(1)
        """)
    ),
}

# Operation -> (program, expression about the host that must not have changed).
OWN: dict[str, tuple[str | None, str]] = {
    "sys.meta_path.insert(0,1)": (None, "list(sys.meta_path)"),
    "sys.modules[...]=": ("import sys\ntry: sys.modules['json'] = 1\nexcept Exception: pass", "sys.modules.get('json')"),
    "sys.path.insert(0,'.')": (None, "list(sys.path)"),
    "copyreg.pickle(int,lambda x:x)": (None, "dict(copyreg.dispatch_table)"),
    "linecache.cache[...]=": ("import linecache\nlinecache.cache['x'] = 1", "'x' in linecache.cache"),
    "logging.getLogger().addHandler(logging.NullHandler())": (None, "len(logging.getLogger().handlers)"),
    "locale.setlocale(locale.LC_ALL,'C')": (None, "locale.setlocale(locale.LC_ALL)"),
    "random.seed(1)": (None, "hash(random.getstate())"),
    "sys.exit()": ("import sys\ntry: sys.exit()\nexcept SystemExit: pass", "1"),
    "ctypes.CFUNCTYPE(None)(lambda:None)": (None, "1"),
    "ctypes.cast(ad,PI).contents": (
        "import ctypes\nn = ctypes.c_int(5)\nctypes.cast(ctypes.addressof(n), ctypes.POINTER(ctypes.c_int)).contents", "1",
    ),
    "ctypes.memmove(b,b,1)": ("import ctypes\nb = ctypes.create_string_buffer(4)\nctypes.memmove(b, b, 1)", "1"),
    "ctypes.memset(b,0,1)": ("import ctypes\nb = ctypes.create_string_buffer(4)\nctypes.memset(b, 0, 1)", "1"),
    "pointer deref": ("import ctypes\nctypes.pointer(ctypes.c_int(5)).contents", "1"),
    "pointer out of bounds index": (
        "import ctypes\ntry: ctypes.pointer(ctypes.c_int(5))[1 << 40]\nexcept Exception: pass", "1",
    ),
    "c_char_p(addr).value": ("import ctypes\ntry: ctypes.c_char_p(1 << 40).value\nexcept Exception: pass", "1"),
    "loop.call_soon(abs,1)": (_COROUTINE.format("loop.call_soon(abs, 1)"), "1"),
}  # fmt: skip

# Operation -> (program whose value is False, what it is that the sandbox gets).
COPY: dict[str, tuple[str, str]] = {
    "inspect.getmembers(A)": (
        "import inspect, json\n'__globals__' in dict(inspect.getmembers(json.dumps))",
        "what may be read",
    ),
    "int.__dict__": ("'__class__' in object.__dict__", "what may be read"),
    "vars(A)": ("import json\nvars(json.JSONDecoder)['x'] = 1\nhasattr(json.JSONDecoder, 'x')", "a copy"),
    "mappingproxy | operand leak": (
        "seen = []\nclass X:\n    def __ror__(self, other): seen.append(other)\n"
        "int.__dict__ | X()\nseen[0]['x'] = 1\nhasattr(int, 'x')",
        "a copy, which the operator shows",
    ),
    "globals()": ("'__builtins__' in globals()", "its own names"),
}

UNSET: dict[str, str | None] = dict.fromkeys(
    ("dict(os.environ)", "os.environ.get('HOME')", "os.environ['PATH']", "os.getenv('PATH')")
)

BOUND: dict[str, str | None] = dict.fromkeys(("weakref.finalize(A,abs,1)", "weakref.ref(A,abs)"))

HARMLESS: dict[str, tuple[str | None, str]] = {
    "contextvars.copy_context().run(abs,1)": (None, "pycage keeps nothing in context variables that a guest can drop"),
    "os.path.expanduser('~root')": (None, "the user database is not asked: the text comes back"),
    "s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)": (
        "import socket\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\ns.close()",
        "an option of its own socket",
    ),
    "socket.getprotobyname('tcp')": (None, "the system's table of protocols"),
    "type('X',(),{})": (None, "its own class"),
    "def / lambda statement": ("def f(): pass\n(lambda: 0)()", "its own code"),
    "pickle.loads (no globals)": ("import pickle\npickle.loads(pickle.dumps([1]))", "data, and classes of its own"),
    "threading.Lock().acquire()": (None, "its own lock; time is limited from outside"),
    "locale.getlocale()": (None, "how numbers are written"),
    "os.confstr('CS_PATH')": (None, "how the C library was built"),
    "os.cpu_count()": (None, "a number by which programs divide their work"),
    "os.getpid()": (None, "a number; signalling needs a permission"),
    "time.perf_counter()": (None, "a clock"),
    "time.sleep(0)": (None, "time is limited from outside"),
    "time.time()": (None, "a clock"),
    "os.pipe()": ("import os\nfor fd in os.pipe(): os.close(fd)", "its own pipe"),
    "os.pipe2(0)": ("import os\nfor fd in os.pipe2(0): os.close(fd)", "its own pipe"),
    "print('')": (None, "its own standard output"),
    "memoryview cast / write": ("b = bytearray(8)\nmemoryview(b).cast('I')[0] = 1", "its own bytes"),
    "os.getrandom(4)": (None, "chance"),
    "os.urandom(4)": (None, "chance"),
    "random.random()": (None, "chance"),
    "secrets.token_bytes()": (None, "chance"),
    "uuid.uuid4()": (None, "chance"),
    "xml.sax default (external entity off)": ("import xml.sax\nxml.sax.make_parser()", "external entities are off"),
}

PROCESS = {
    "third-party C extensions (numpy.fromfile/memmap/ctypeslib, lxml, PIL, pandas, psycopg, uvloop, ...)": (
        "extension modules of third parties"
    ),
}
"""Operation -> words by which docs/threat-model.md names it."""

LAYERS = {
    "import": IMPORT,
    "view": VIEW,
    "facade": FACADE,
    "guard": GUARD,
    "copy": COPY,
    "own": OWN,
    "unset": UNSET,
    "bound": BOUND,
    "harmless": HARMLESS,
    "process": PROCESS,
}
