"""A plugin that uses ctypes, in a sandbox: its libraries run in confined processes, and it does not notice."""

from pathlib import Path

from pycage import AccessDenied, NativePermission, PathResolver, Sandbox
from pycage_native.search import find

HERE = Path(__file__).parent

with Sandbox("geometry", resolver=PathResolver(HERE / "plugin")) as sandbox:
    plugin = sandbox.load("geometry")
    try:
        plugin.hypotenuse(3.0, 4.0)
    except AccessDenied as denied:
        print("without the permission: refused:", str(denied).splitlines()[0].replace(find("libm.so.6"), "libm"))

    for name in ("libm.so.6", "libc.so.6"):
        sandbox.grant(NativePermission(find(name), "load,call"))
    print("hypotenuse of 3 and 4:", plugin.hypotenuse(3.0, 4.0))
    print("sorted by qsort:", plugin.sort([5, 1, 4, 2, 3]))
    print("the library opens /etc/passwd:", plugin.peek())
    try:
        plugin.crash()
    except Exception as error:  # noqa: BLE001  # whatever a plugin raises
        print("the library crashes:", type(error).__name__)
    print("and is there again:", plugin.sort([2, 1]))
