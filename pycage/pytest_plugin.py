"""The pytest plugin: a sandbox for each test that asks for one, with the permissions of its mark.

    import pytest

    @pytest.mark.pycage(allow=['FilePermission "/srv/-" "read"'])
    def test_the_plugin_reads(sandbox):
        assert sandbox.run("1 + 2").value == 3

It is there wherever pycage is installed, and imports pycage when the first test asks for a sandbox.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pycage.sandbox import Sandbox

__all__ = ["pytest_configure", "pytest_runtest_makereport", "sandbox"]

_MARK: Final = (
    "pycage(allow=[...], deny=[...], **options): permissions, and options of Sandbox, of the fixture 'sandbox'"
)
_OPTIONS: Final = ("allow", "deny", "resolver", "sandbox_policy", "host_policy")
_numbers: Final = itertools.count(1)
_sandboxes: Final = pytest.StashKey["Sandbox"]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Give a test a sandbox of its own, closed at its end; `pytest.mark.pycage` says what it may do.

    Of several marks (of the class and the function, say) the permissions are added up; of options the nearest counts.
    What it was denied is shown with a test that fails.
    """
    from pycage.sandbox import Sandbox  # noqa: PLC0415  not for tests that do not ask
    from pycage.testing import permissions_of  # noqa: PLC0415

    options: dict[str, Any] = {}
    allow: list[Any] = []
    deny: list[Any] = []
    for mark in request.node.iter_markers("pycage"):
        unknown = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in _OPTIONS)]
        if unknown:
            message = f"@pytest.mark.pycage takes {', '.join(_OPTIONS)} by name, not {', '.join(unknown)}"
            raise pytest.UsageError(message)
        allow += permissions_of(mark.kwargs.get("allow", ()))
        deny += permissions_of(mark.kwargs.get("deny", ()))
        options = {name: mark.kwargs[name] for name in _OPTIONS[2:] if name in mark.kwargs} | options
    name = re.sub(r"\W", "_", request.node.name)[:60]
    with Sandbox(f"{name}_{next(_numbers)}", permissions=allow, **options) as made:
        if deny:
            made.deny(*deny)
        request.node.stash[_sandboxes] = made
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the sandbox of a failed test was denied."""
    report = yield
    made = item.stash.get(_sandboxes, None)
    if made is not None and report.when == "call" and report.failed:
        from pycage.manager import decisions  # noqa: PLC0415  as above

        lines = [str(record) for record in decisions().denials() if record.sandbox == made.name]
        if lines:
            report.sections.append(("denied to the sandbox", "\n".join(lines)))
    return report
