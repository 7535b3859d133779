"""Modules of the standard library that a sandbox never gets, each with the reason.

A row is a top-level module with everything below it, or one module of a package of which others are offered.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["DENIED", "ONE_MODULE"]

DENIED: Final = MappingProxyType(
    {
        name: reason
        for reason, names in {
            "it is the interpreter, with every loaded module and frame": "builtins gc faulthandler "
            "tracemalloc atexit __main__",
            "it is the operating system; use the built-in open, or an API of the host": "posix nt genericpath "
            "nturl2path fileinput pwd grp resource fcntl termios mmap "
            "select selectors syslog crypt spwd nis ossaudiodev winreg winsound msvcrt msilib _winapi",
            "it reads files of the host": "netrc mailbox mailcap tabnanny pyclbr imghdr sndhdr",
            "it opens files without a check, and wraps any descriptor; let the host make the connection": "ssl",
            "it is a client or a server of a network; use socket, or an API of the host": "socketserver ftplib "
            "imaplib poplib smtplib smtpd nntplib telnetlib xmlrpc wsgiref asynchat asyncore cgi cgitb antigravity "
            "http.client http.server http.cookiejar urllib.error urllib.request urllib.response urllib.robotparser",
            "it runs what it is given in processes of its own": "concurrent.futures.process",
            "it is the inside of concurrent.futures, which is offered": "concurrent.futures.thread",
            "it starts processes": "multiprocessing _posixsubprocess pdb webbrowser pipes",
            "it talks to a terminal or a screen": "pty tty curses readline rlcompleter getpass tkinter turtle "
            "turtledemo idlelib cmd",
            "it is native code or loads it": "_ctypes cffi _cffi_backend _testcapi _testinternalcapi "
            "_xxsubinterpreters _interpreters _interpchannels _interpqueues audioop",
            "it is a database in native code, which opens files and loads extensions": "sqlite3",
            "it loads modules past the sandbox's loader": "importlib imp _imp pkgutil runpy site "
            "modulefinder pydoc pydoc_data venv ensurepip pip setuptools pkg_resources zipapp",
            "it makes or runs code that was never judged": "code codeop dis py_compile compileall timeit trace doctest "
            "profile cProfile pstats bdb symtable opcode test lib2to3",
            "it makes objects from bytes": "_pickle pickletools shelve dbm",
            "it is the import and build configuration of the host": "distutils _distutils_hack",
            "codecs are found by their names: codecs.lookup()": "encodings",
            "it is the inside of another module, which is offered": "pyexpat sre_compile sre_constants sre_parse "
            "json.scanner xml.etree.cElementTree",
            "it is a command for the shell": "json.tool",
            "it is for other systems": "ctypes.macholib ctypes.test ctypes.wintypes",
            "it finds, runs or replaces parts of any module": "unittest.async_case unittest.case unittest.loader "
            "unittest.main unittest.mock unittest.result unittest.runner unittest.signals unittest.suite unittest.test "
            "unittest.util",
            "it prints when it is imported": "this",
            "it is deprecated, and gone in Python 3.13": "aifc chunk sunau uu xdrlib binhex",
            "pycage is offered as a fixed set of names only": "pycage pycage_native RestrictedPython",
        }.items()
        for name in names.split()
    }
)
"""Module -> why there is no view of it."""

ONE_MODULE: Final = frozenset({"asyncio"})
"""Packages that are offered as one module, whatever their modules below are."""
