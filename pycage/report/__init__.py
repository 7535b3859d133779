"""Reports: an audit log as one page for people, which needs nothing but a browser.

* ``reading``: lines of JSON to decisions; what is no decision is counted, not lost silently.
* ``summary``: who asked for what, when, and what was refused where.
* ``page``: the summary as HTML, with its style and its behaviour inside.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pycage.report.page import page
from pycage.report.reading import read
from pycage.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["write"]


def write(lines: Iterable[str], path: str | os.PathLike[str], *, title: str = "Audit log") -> int:
    """Write a report about an audit log; a file that is there is replaced as a whole.

    Args:
        lines: What `JsonLines` and ``pycage run --audit-log`` write: one decision a line.
        path: Of the page, one HTML file without anything beside it.
        title: What the page is about; the name of the log, for example.

    Returns:
        How many lines were no decision; the page says so, too.

    Raises:
        OSError: The page cannot be written there.

    >>> import pathlib, tempfile
    >>> import pycage.report
    >>> with pycage.Sandbox("curious") as sandbox:
    ...     result = sandbox.run("import os; os.environ.get('HOME')")
    >>> lines = [decision.to_json() for decision in pycage.decisions()]
    >>> pycage.report.write(lines, pathlib.Path(tempfile.mkdtemp(), "report.html"))
    0
    """
    log = read(lines)
    text = page(summarize(log.decisions), title=title, unread=log.unread)
    target = Path(path)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return log.unread


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
