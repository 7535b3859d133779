"""The packages that run in a sandbox: data for the test and for docs/packages.md."""

from __future__ import annotations

from typing import NamedTuple


class Package(NamedTuple):
    """One package.

    Attributes:
        name: On the index.
        program: Its file in ``programs``.
        modules: What the sandbox loads itself: the package's own modules and those of its dependencies.
    """

    name: str
    program: str
    modules: tuple[str, ...]


PACKAGES = (
    Package("toolz", "toolz", ("toolz",)),
    Package("more-itertools", "more_itertools", ("more_itertools",)),
    Package("sortedcontainers", "sortedcontainers", ("sortedcontainers",)),
    Package("Markdown", "markdown", ("markdown",)),
    Package("tabulate", "tabulate", ("tabulate",)),
    Package("pyparsing", "pyparsing", ("pyparsing",)),
    Package("python-dateutil", "dateutil", ("dateutil", "six")),
    Package("packaging", "packaging", ("packaging",)),
    Package("mpmath", "mpmath", ("mpmath",)),
    Package("networkx", "networkx", ("networkx",)),
    Package("PyYAML", "yaml", ("yaml",)),
    Package("Jinja2", "jinja2", ("jinja2", "markupsafe")),
    Package("attrs", "attrs", ("attrs", "attr")),
    Package("simpleeval", "simpleeval", ("simpleeval",)),
    Package("sqlparse", "sqlparse", ("sqlparse",)),
    Package("textdistance", "textdistance", ("textdistance",)),
)
