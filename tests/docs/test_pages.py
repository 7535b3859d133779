"""Every code block of the documentation runs, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.blocks import blocks_of, run_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(ROOT.glob("docs/**/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    run_page(page.name, text, tmp_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\n1 / 0\n```\n", ZeroDivisionError),
        ("```python\n>>> 1 + 1\n3\n```\n", AssertionError),
        ("```toml\n[profiles.x]\nallowed = []\n```\n", AssertionError),
        ("```console\n$ echo one\ntwo\n```\n", AssertionError),
        ("```pyhton\n1 / 0\n```\n", AssertionError),
    ],
)
def test_a_block_that_is_wrong_is_found(text, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        run_page("page", text, tmp_path)


def test_what_is_right_runs_in_order_and_files_are_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (
        "<!-- file: a/b.txt -->\n```text\nhello\n```\n\n"
        "```python\nfrom pathlib import Path\nvalue = Path('a/b.txt').read_text()\n```\n"
        "* a list\n\n    ```python\n    >>> value\n    'hello\\n'\n    ```\n"
        "```console\n$ cat a/b.txt\nhello\n$ echo one; echo two\none\n...\n```\n"
    )
    assert run_page("page", page, tmp_path) == 3
    assert [block.kind for block in blocks_of(page)] == ["text", "python", "python", "console"]
