"""The command line ``pycage``; see docs/cli.md.

* ``main``: the table of commands; ``run``, ``repl``, ``learn``, ``check``, ``diff``, ``explain``, ``selftest``,
  ``report``: one module each.
* ``flags``: permissions on the command line, and the flag that allows a permission.
* ``programs``, ``sandboxes``: what to run, and in what; ``endings``, ``denials``: how that ended.
* ``console``, ``exits``: what is printed, and the exit codes.
"""

from pycage.cli.main import main

__all__ = ["main"]
