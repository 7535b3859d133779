"""``python -m pycage``: the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if not sys.flags.safe_path and Path(__file__).parent.parent != Path.cwd() and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109  # as text
    # `python -m` puts the current directory in front: what lies there beside a script is not the host's to import.
    del sys.path[0]

from pycage.cli import main

if __name__ == "__main__":
    sys.exit(main())
