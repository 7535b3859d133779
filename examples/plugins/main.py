"""A plugin host: a real package runs in a sandbox, which is given a write permission for a moment."""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pycage
from pycage import AccessDenied, FilePermission

HERE = Path(__file__).resolve().parent
PAGES = HERE / "pages"

package = find_spec("mistune")
if package is None or package.origin is None:
    sys.exit("this example renders with mistune: pip install mistune")

sandbox = pycage.Sandbox(
    "plugins",
    # The sandbox's own modules: the plugin, and the package, both compiled inside.
    resolver=pycage.PathResolver(HERE / "plugin", Path(package.origin).parent.parent),
    sandbox_policy=pycage.rules("allow renderer", "allow mistune.*"),
    permissions=[FilePermission(f"{PAGES}/-", "read")],
)

with sandbox, tempfile.TemporaryDirectory() as output:
    target = Path(output).resolve() / "page.html"
    may_write = FilePermission(str(target), "write")
    plugin = sandbox.load("renderer")

    def attempt(what: str) -> None:
        """Let the plugin render, and say how it went."""
        try:
            written = plugin.render(str(PAGES / "page.md"), str(target))
        except AccessDenied as denied:
            print(f"{what}: refused: {str(denied).replace(str(target), 'page.html')}")
        else:
            print(f"{what}: wrote {written} characters")

    attempt("without the permission")
    sandbox.grant(may_write)
    attempt("granted")
    sandbox.revoke(may_write)
    attempt("revoked")

    print("table and list are there:", all(tag in target.read_text() for tag in ("<table>", "<li>read one directory,")))
    try:
        plugin.render("/etc/hostname", str(target))
    except AccessDenied as denied:
        print(f"another directory: refused: {denied}")
