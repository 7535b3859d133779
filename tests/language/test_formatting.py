"""str.format, whose fields read attributes."""

from __future__ import annotations

import collections
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycage.language.formatting import format_safely

if TYPE_CHECKING:
    from collections.abc import Callable


def test_formatting_means_what_it_means(honest: Callable[..., None]) -> None:
    honest("""
class P:
    def __init__(self): self.x = 1; self.items = {'k': [1, 2]}
    def __format__(self, spec): return f'P<{spec}>'
class S(str):
    def format(self, *args): return 'own'
p = P()
result = (
    '{} {:>5} {n!r:^6}|{{}}'.format(1, 'a', n='b'), '{0.x} {0.items[k][1]} {p.x:03}'.format(p, p=p), '{:{}}'.format(3, 5),
    '{:{w}.{d}f}'.format(3.14159, w=8, d=2), '{x[0]}'.format_map({'x': [7]}), str.format('{0}{1}', 1, 2), S('x').format(1),
    list(map('<{}>'.format, [1, 2])), '{:abc}'.format(p), '{!s:>4}'.format('a'), str.format_map('{a}', {'a': 1}),
)
""")


@pytest.mark.parametrize("template", ["{", "}", "{0", "{!x}", "{0} {}", "{} {0}", "{a}", "{5}", "{0.}", "{:{:{}}}"])
def test_a_wrong_template_is_the_same_error(template: str) -> None:
    with pytest.raises((ValueError, KeyError, IndexError, AttributeError)) as plain:
        template.format(1, 2)
    with pytest.raises(type(plain.value)):
        format_safely(template, (1, 2), {}, getattr)


@given(
    st.lists(
        st.sampled_from(
            ["{}", "{0}", "{1!r}", "{n}", "{0[1]}", "{n.real}", "{:>4}", "{0!s:{1}}", "{{", "}}", "x.y", "[a]", ":"]
        )
    ).map("".join)
)
def test_the_safe_formatter_formats_as_the_built_in(template: str) -> None:
    try:
        expected = template.format("ab", 5, n=7)
    except (ValueError, IndexError) as error:
        with pytest.raises(type(error)):
            format_safely(template, ("ab", 5), {"n": 7}, getattr)
    else:
        assert expected == format_safely(template, ("ab", 5), {"n": 7}, getattr)


@pytest.mark.parametrize(
    "expression",
    [
        "'{0._secret}'.format(host)",
        "'{h._secret}'.format(h=host)",
        "'{h._secret}'.format_map({'h': host})",
        "str.format('{0._secret}', host)",
        "str.format_map('{h._secret}', {'h': host})",
        "getattr('{0._secret}', 'for' + 'mat')(host)",
        "getattr(str, 'format')('{0._secret}', host)",
        "object.__getattribute__('{0._secret}', 'format')(host)",
        "list(map('{0._secret}'.format, [host]))[0]",
        "'{0:{1._secret}}'.format(type('Show', (), {'__format__': lambda self, spec: spec})(), host)",
        "'{0.call.__func__.__globals__}'.format(host)",
        "UserString('{0._secret}').format(host)",
        "Formatter().format('{0._secret}', host)",
        "Formatter().vformat('{0._secret}', (host,), {})",
        "Formatter().get_field('0._secret', (host,), {})",
        "Formatter.format(Formatter(), '{0._secret}', host)",
    ],
)
def test_a_template_does_not_read_what_an_expression_may_not(attack: Callable[..., None], expression: str) -> None:
    attack(f"escaped = {expression}", Formatter=string.Formatter, UserString=collections.UserString)


def test_a_subclass_of_str_does_not_help(attack: Callable[..., None]) -> None:
    attack("class S(str): pass\nescaped = S('{0._secret}').format(host)")
    attack("class S(str):\n    def go(self, h): return super().format(h)\nescaped = S('{0._secret}').go(host)")


def test_a_subclass_of_formatter_does_not_help(attack: Callable[..., None]) -> None:
    """CVE-2026-76825."""
    attack("class F(Formatter): pass\nescaped = F().vformat('{0._secret}', (host,), {})", Formatter=string.Formatter)
    attack(
        "class F(Formatter):\n    def go(self): return super().format('{0._secret}', host)\nescaped = F().go()",
        Formatter=string.Formatter,
    )
