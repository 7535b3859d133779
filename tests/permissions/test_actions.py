"""Action words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycage.permissions import ActionTable, FilePermission

TABLE = ActionTable("read", "write", "link")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("read", "read"),
        ("LINK,Read", "read,link"),
        (" write ,\tread\n", "read,write"),
        ("read,read,READ", "read"),
        ("link,write,read", "read,write,link"),
    ],
)
def test_words_are_read_in_any_case_and_order(text: str, canonical: str) -> None:
    assert canonical == TABLE.text(TABLE.parse(text))


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "read,", ",read", "read,,write", "read write", "read;write", "reads", "*", "all", "read,\xa0write"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a list of actions"):
        TABLE.parse(text)


@pytest.mark.parametrize("text", ["lin\u212a", "\uff52ead", "w\u0131ite", "wr\u0130te"])
def test_look_alike_letters_do_not_make_a_word(text: str) -> None:
    """The Kelvin sign in lower case is an ordinary k."""
    with pytest.raises(ValueError, match="is not a list of actions"):
        TABLE.parse(text)


@given(st.lists(st.sampled_from(TABLE.words), min_size=1))
def test_the_canonical_text_is_a_fixed_point(words: list[str]) -> None:
    canonical = TABLE.text(TABLE.parse(",".join(words)))

    assert sorted(set(words), key=TABLE.words.index) == canonical.split(",")
    assert canonical == TABLE.text(TABLE.parse(canonical))


def test_the_message_says_what_is_wrong_and_what_is_right() -> None:
    with pytest.raises(
        ValueError, match=r'^FilePermission: "read,lst" is not a list of actions: "lst" is none of read, '
    ):
        FilePermission("/x", "read,lst")
