"""What a program must not do without permission; run by `run_guest.py`, once as host code and once as a guest."""

import code as stdlib_code
import functools
import gc
import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import threading
import types

import pycage.paths

ATTACKS = []


def attack(function):
    ATTACKS.append(function)
    return function


def own():
    yield 1


class Borrowed:
    """Something whose attributes functools.update_wrapper() copies."""

    __code__ = SOME_CODE  # lent by run_guest.py: a guest cannot read it from a function
    __defaults__ = (1,)


@attack
def compile_source():
    compile("1", "<attack>", "eval")


@attack
def read_the_code_of_a_function():
    own.__code__


@attack
def read_a_frame():
    own().gi_frame


@attack
def walk_the_stack():
    sys._getframe()


@attack
def let_the_library_replace_the_defaults_of_a_host_function():
    functools.update_wrapper(stdlib_code.interact, Borrowed, assigned=("__defaults__",), updated=())


@attack
def let_the_library_replace_the_code_of_a_host_function():
    functools.update_wrapper(stdlib_code.compile_command, Borrowed, assigned=("__code__",), updated=())


@attack
def replace_the_code_of_a_function_of_pycage():
    pycage.paths.is_directory.__code__ = SOME_CODE


@attack
def replace_the_defaults_of_a_function_of_pycage():
    pycage.paths.place_of.__defaults__ = (-1,)


@attack
def replace_the_code_of_an_own_function():
    attack.__code__ = Borrowed.__code__


@attack
def make_a_function():
    types.FunctionType(Borrowed.__code__, {})


@attack
def make_code():
    Borrowed.__code__.replace(co_name="other")


@attack
def look_through_memory():
    gc.get_objects()


@attack
def read_a_file():
    open(__file__).close()


@attack
def read_a_file_by_bytes():
    os.close(os.open(os.fsencode(__file__), os.O_RDONLY))


@attack
def write_a_file():
    open("written", "w").close()


@attack
def write_a_data_base():
    sqlite3.connect("data").close()


class Forged(tuple):
    def __fspath__(self):
        return "forged"


@attack
def write_a_data_base_under_another_name():
    sqlite3.connect(Forged((":memory:",))).close()


@attack
def list_a_directory():
    os.listdir()


@attack
def run_a_program():
    subprocess.run(["true"])


@attack
def run_a_command():
    os.system("true")


@attack
def change_the_environment():
    os.putenv("ATTACK", "1")


@attack
def listen_on_a_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))


@attack
def resolve_a_name():
    socket.getaddrinfo("127.0.0.1", 80)


@attack
def unpickle_a_global():
    pickle.loads(b"cos\nsystem\n.")


@attack
def trace():
    sys.settrace(None)


@attack
def hook_the_generators():
    sys.set_asyncgen_hooks(None, None)


if sys.version_info >= (3, 12):  # 3.11 raises nothing when a thread starts

    @attack
    def start_a_thread():
        thread = threading.Thread(target=len, args=((),))
        thread.start()
        thread.join()


results = {}
for function in ATTACKS:
    name = function.__name__
    try:
        function()
    except PermissionError:
        results[name] = "refused"
    else:
        results[name] = "took effect"
done = True
