"""Modules of the standard library that a sandbox never gets, each with the reason."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["DENIED"]

DENIED: Final = MappingProxyType(
    {
        name: reason
        for reason, names in {
            "it is the interpreter, with every loaded module and frame": "builtins gc inspect _thread "
            "faulthandler tracemalloc "
            "atexit signal __main__",
            "it is the operating system; use the built-in open, or an API of the host": "posix nt fileinput "
            "pwd grp resource fcntl termios pty tty mmap select selectors platform syslog",
            "it starts processes": "multiprocessing _posixsubprocess pdb webbrowser",
            "it is native code or loads it": "ctypes _ctypes cffi _cffi_backend _testcapi _testinternalcapi "
            "_xxsubinterpreters "
            "_interpreters _interpchannels _interpqueues",
            "it loads modules past the sandbox's loader": "importlib imp _imp pkgutil runpy zipimport site "
            "modulefinder pydoc venv "
            "ensurepip pip setuptools pkg_resources",
            "it makes or runs code that was never judged": "code codeop dis py_compile compileall timeit trace "
            "doctest unittest "
            "profile cProfile pstats bdb cmd symtable opcode test",
            "it makes objects from bytes": "pickle _pickle pickletools marshal shelve copyreg dbm",
            "it is the import and build configuration of the host": "sysconfig distutils _distutils_hack",
            "pycage is offered as a fixed set of names only": "pycage pycage_native RestrictedPython",
        }.items()
        for name in names.split()
    }
)
"""Top-level modules without a view for ever, with the reason."""
