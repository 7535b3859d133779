"""Native libraries in confined processes: three that one likes to use, and one that nobody does."""

import errno
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pycage_native as native
from pycage import FilePermission

HERE = Path(__file__).resolve().parent


def mathematics() -> None:
    """Numbers: one call, and many in one turn."""
    with native.load("libm.so.6") as libm:
        power = libm.function("pow", native.c_double, [native.c_double, native.c_double])
        print(f"libm: 2 to the 10th is {power(2.0, 10.0):.0f}; squares: {power.map([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])}")


def compression() -> None:
    """Bytes in and out: the annotations say which argument is how large, so nothing else is copied."""
    text = b"never trust a decompressor " * 100
    with native.load("libz.so.1") as zlib:
        size = native.c_ulong(len(text))
        packed = native.create_string_buffer(len(text))
        compress = zlib.function(
            "compress",
            native.c_int,
            [native.c_char_p, native.POINTER(native.c_ulong), native.c_char_p, native.c_ulong],
            names=["into", "size", "data", "length"],
            sync={"data": native.In(size="length")},
        )
        assert compress(packed, native.byref(size), text, len(text)) == 0
        small = size.value

        uncompress = zlib.function(
            "uncompress",
            native.c_int,
            [native.c_char_p, native.POINTER(native.c_ulong), native.c_char_p, native.c_ulong],
        )
        unpacked, size = native.create_string_buffer(len(text)), native.c_ulong(len(text))
        assert uncompress(unpacked, native.byref(size), packed, small) == 0
        print(f"zlib: {len(text)} bytes became fewer: {small < len(text)}; and the same again: {unpacked.raw == text}")


def database() -> None:
    """Handles and callbacks: a database in the memory of the executor calls back for each row."""
    rows = []
    kind = native.CFUNCTYPE(
        native.c_int, native.c_void_p, native.c_int, native.POINTER(native.c_char_p), native.POINTER(native.c_char_p)
    )

    def row(_context: object, columns: int, values: object, _names: object) -> int:
        rows.append(tuple(values[column].decode() for column in range(columns)))
        return 0

    with native.load("libsqlite3.so.0") as sqlite:
        handle = native.c_void_p()
        opened = sqlite.function("sqlite3_open", native.c_int, [native.c_char_p, native.POINTER(native.c_void_p)])
        execute = sqlite.function(
            "sqlite3_exec",
            native.c_int,
            [native.c_void_p, native.c_char_p, kind, native.c_void_p, native.c_void_p],
        )
        assert opened(b":memory:", native.byref(handle)) == 0
        for statement in (
            b"CREATE TABLE bird (name TEXT, eggs INTEGER)",
            b"INSERT INTO bird VALUES ('robin', 5), ('swift', 3), ('crane', 2)",
            b"SELECT name, eggs FROM bird WHERE eggs > 2 ORDER BY eggs",
        ):
            assert execute(handle, statement, kind(row), None, None) == 0
        print(f"SQLite: {', '.join(f'{name} {eggs}' for name, eggs in rows)}")
        assert opened(b"/tmp/birds.db", native.byref(handle)) != 0
        print("SQLite: a database in a file cannot be opened: the library was given no file")


def hostility() -> None:
    """A library that was written to do harm."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "hostile.so")
        subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", HERE / "hostile.c", "-o", path], check=True)
        with native.load(path, limits=native.Limits(wall=0.2)) as library:
            add = library.function("add", native.c_int, [native.c_int, native.c_int])
            print(f"hostile: confined by {', '.join(sorted(library.layers.active))}")
            for name, tries in (
                ("what_the_constructor_got", "reads /etc/passwd while it is loaded"),
                ("passwords", "reads /etc/passwd"),
                ("forks", "forks"),
                ("connects", "connects to port 80"),
            ):
                got = library.function(name, native.c_int, [])()
                print(f"hostile: {tries}: {errno.errorcode.get(-got, got)}")
            for name in ("crashes", "never_ends"):
                try:
                    library.function(name, native.c_int, [])()
                except native.NativeCrash as crash:
                    ended = signal.Signals(crash.signal or 0).name
                    print(f"hostile: {crash.function}: {ended}; the next call: {add(2, 3)}")
                except native.NativeTimeout as timeout:
                    print(f"hostile: {timeout.function}: stopped after 0.2 s; the next call: {add(2, 3)}")
            library.grant(FilePermission("/etc/passwd", "read"))
            got = library.function("passwords", native.c_int, [])()
            print(f"hostile: with a permission it reads /etc/passwd: {got} bytes")


for show, library in ((mathematics, "libm"), (compression, "zlib"), (database, "SQLite"), (hostility, "hostile")):
    try:
        show()
    except native.LibraryError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        print(f"{library}: not found on this machine, skipped")
