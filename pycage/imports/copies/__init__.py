"""Copies: modules of the standard library whose own source runs again, as code of the sandbox.

* ``edits``: data: which modules, and what is left out of or added to their source.
* ``sources``: source to judged code, once for the process.
* ``inside``: what a copy imports where the sandbox has nothing of that name; ``questions`` and ``syntax_trees`` of it.
* ``library``: the copies of one sandbox.
"""

# Problem.  Much of the standard library is neither pure nor dangerous: `logging` keeps a tree of loggers for the whole
# process, `configparser` opens files, `argparse` prints and calls what it is given, `string.Formatter` reads attributes
# by name, `UserDict.__copy__` writes to whatever __new__ returned.
#
# Things that do not work:
#
# - Sharing them: each is host code that does on a sandbox's behalf what the guards refuse.
# - Rewriting each: ten thousand lines, which age with every Python version.
# - Wrapping them: what a wrapper checks, a subclass of the guest's gets around.
#
# Idea.  Their source is ordinary Python, and ordinary Python runs in a sandbox.  So it does: the file that the host
# has, judged by the same transformer, tagged with the sandbox's domain, with the sandbox's built-ins.  Such a module
# can do exactly what the guest could have written itself, and nothing else needs to be believed about it.  What the
# source needs of frames, tracebacks and the process is cut out and said again in a few lines (`edits`).
#
# Its import statements are not decided by the host loader policy, as those of a shared module are not: they give
# views that no guest holds, and the pieces of `inside`.  So the guest never gets the module itself, whose globals are
# full of these, but a view of what the module defines; and `eval` called by a copy finds no names (builtins.py).
#
# What still fails.  Classes of a copy are not the host's: a `logging.LogRecord` of the sandbox's is no instance of the
# host's class.  The first sandbox that imports one waits for the transformer (20 to 60 ms for the big ones).

from pycage.imports.copies.edits import EDITS, Edit
from pycage.imports.copies.library import Copies
from pycage.imports.copies.sources import Judged, judged

__all__ = ["EDITS", "Copies", "Edit", "Judged", "judged"]
