"""Loader policies: PF order, full match, immutability, the lines of rules()."""

from __future__ import annotations

import pytest
from pycage.errors import PolicyError
from pycage.imports import Conclusion, LoaderPolicy, SequentialPolicy, UnrestrictedPolicy, rules

ALLOW, DENY = Conclusion.ALLOW, Conclusion.DENY


class TestJCSequentialPolicyTest:
    """jcage's JCSequentialPolicyTest, by name; the dots in its patterns are escaped there too."""

    def test_PolicyEmpty_0(self):
        """jcage: testPolicyEmpty_0"""
        policy = SequentialPolicy.builder().build()

        assert policy.allows_module("java.lang.Object") is False
        assert policy.allows_resource("file.txt") is False

    def test_Policy_0(self):
        """jcage: testPolicy_0"""
        policy = SequentialPolicy.builder().add_module_rule(r"java\.lang\.Object", ALLOW, quick=True).build()

        assert policy.allows_module("java.lang.Object") is True
        assert policy.allows_module("java.lang.Object.More") is False
        assert policy.allows_module("java.lang.Nothing") is False
        assert policy.allows_resource("file.txt") is False

    def test_Policy_1(self):
        """jcage: testPolicy_1"""
        builder = SequentialPolicy.builder()
        builder.add_module_rule(r"java\.lang\.Object", ALLOW)
        builder.add_module_rule(r"java\.lang\.Object\.More", ALLOW)
        policy = builder.build()

        assert policy.allows_module("java.lang.Object") is True
        assert policy.allows_module("java.lang.Object.More") is True
        assert policy.allows_module("java.lang.Nothing") is False
        assert policy.allows_resource("file.txt") is False

    def test_Policy_2(self):
        """jcage: testPolicy_2"""
        builder = SequentialPolicy.builder()
        builder.add_module_rule(r"java\.lang\.Object", ALLOW)
        builder.add_module_rule(r"java\.lang\.Object", DENY)
        policy = builder.build()

        assert policy.allows_module("java.lang.Object") is False
        assert policy.allows_module("java.lang.Object.More") is False
        assert policy.allows_module("java.lang.Nothing") is False
        assert policy.allows_resource("file.txt") is False


class TestJCClassLoaderPolicyUnrestrictedTest:
    """jcage's JCClassLoaderPolicyUnrestrictedTest, by name."""

    def test_Class(self):
        """jcage: testClass"""
        assert UnrestrictedPolicy.get().allows_module("something") is True

    def test_Resource(self):
        """jcage: testResource"""
        assert UnrestrictedPolicy.get().allows_resource("something") is True


def test_there_is_one_unrestricted_policy():
    assert UnrestrictedPolicy.get() is UnrestrictedPolicy.get() is UnrestrictedPolicy()


@pytest.mark.parametrize("policy", [UnrestrictedPolicy.get(), rules(), SequentialPolicy.builder().build()])
def test_every_policy_satisfies_the_protocol(policy):
    assert isinstance(policy, LoaderPolicy)


def test_a_rule_added_after_build_does_not_change_the_policy():
    """jcage's J6, measured as M7b."""
    builder = SequentialPolicy.builder()
    before = builder.build()
    after = builder.add_module_rule("os", ALLOW).add_resource_rule("p/x", ALLOW).build()

    assert (before.allows_module("os"), before.allows_resource("p/x")) == (False, False)
    assert (after.allows_module("os"), after.allows_resource("p/x")) == (True, True)


def test_an_unescaped_dot_of_a_regular_expression_matches_any_character():
    """jcage's J18: kept, and documented."""
    policy = SequentialPolicy.builder().add_module_rule("java.lang", ALLOW).build()

    assert policy.allows_module("javaXlang") is True


def test_a_dot_in_rules_is_a_dot():
    assert rules("allow a.b").allows_module("aXb") is False


@pytest.mark.parametrize("name", ["a", "a.b", "a.b.c", "a._b"])
def test_a_star_below_a_package_covers_the_package_and_all_below(name):
    assert rules("allow a.*").allows_module(name) is True


@pytest.mark.parametrize("name", ["ab", "ab.c", "b", "b.a", "xa", "a\n", "a.b\n" * 0 + "A"])
def test_a_star_below_a_package_covers_nothing_beside_it(name):
    assert rules("allow a.*").allows_module(name) is False


def test_an_exact_name_does_not_cover_what_is_below_or_above():
    policy = rules("allow a.b")

    assert [policy.allows_module(name) for name in ("a", "a.b", "a.b.c")] == [False, True, False]


def test_a_star_inside_a_name_stays_in_its_part():
    policy = rules("allow a.test_*")

    assert [policy.allows_module(n) for n in ("a.test_x", "a.test_", "a.test_x.y", "a.tes")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_last_match_wins_and_quick_stops():
    assert rules("allow a.*", "deny a.b").allows_module("a.b") is False
    assert rules("quick allow a.*", "deny a.b").allows_module("a.b") is True
    assert rules("deny a.b", "allow a.*").allows_module("a.b") is True


def test_the_default_holds_where_no_rule_matches():
    assert rules("deny a", default="allow").allows_module("b") is True
    assert rules("deny a", default="allow").allows_module("a") is False
    assert rules("allow a").allows_module("b") is False


def test_resources_have_the_default_of_modules_unless_told():
    assert rules(default="allow").allows_resource("p/x") is True
    assert rules(default="deny").allows_resource("p/x") is False
    assert rules(default="allow", resource_default="deny").allows_resource("p/x") is False


@pytest.mark.parametrize(
    ("rule", "name", "allowed"),
    [
        ("allow resource data/*", "p/data/x.png", True),
        ("allow resource data/*", "p.q/data/deep/x.png", True),
        ("allow resource data/*", "p/data", False),
        ("allow resource data/*", "p/other/data/x", False),
        ("allow resource data/*", "p/database/x", False),
        ("allow resource data/*.png", "p/data/x.png", True),
        ("allow resource data/*.png", "p/data/deep/x.png", False),
        ("allow resource logo.svg", "p/logo.svg", True),
        ("allow resource logo.svg", "p/logoXsvg", False),
        ("allow resource *", "p/a/b/c", True),
        ("allow resource p.q:data/*", "p.q/data/x", True),
        ("allow resource p.q:data/*", "p/data/x", False),
        ("allow resource p.*:data/*", "p.q/data/x", True),
        ("allow p.*", "p/data/x", False),
    ],
)
def test_a_resource_rule_is_a_path_inside_a_package(rule, name, allowed):
    assert rules(rule).allows_resource(name) is allowed


def test_a_resource_rule_allows_no_module():
    assert rules("allow resource *").allows_module("a") is False


def test_explain_names_the_rule_that_decides():
    policy = rules("allow a.*", "deny a.b", "quick allow x")

    assert policy.explain("a.c") == 'allowed by rule 1, "allow a.*"'
    assert policy.explain("a.b") == 'denied by rule 2, "deny a.b"'
    assert policy.explain("x") == 'allowed by rule 3, "quick allow x"'
    assert policy.explain("y") == "denied by default: no rule matches"
    assert rules("allow resource x").explain_resource("p/x") == 'allowed by rule 1, "allow resource x"'


@pytest.mark.parametrize(
    "line",
    [
        "", "allow", "permit a", "allow a b", "allow a b c", "quick", "quick a", "deny a..b", "allow .a",
        "allow a.", "allow 1a", "allow a/b", "allow resource /etc/passwd", "allow resource ../x", "allow resource a/../b",
        "allow resource a//b", "allow (a)", "allow a-b", "quick quick allow a", "Allow a",
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_refused_with_the_form(line):
    with pytest.raises(PolicyError) as caught:
        rules(line)

    assert repr(line) in str(caught.value)


def test_a_mistaken_default_is_refused():
    with pytest.raises(PolicyError, match="default=\"denied\"|default='denied'"):
        rules(default="denied")


def test_a_mistaken_regular_expression_is_refused():
    with pytest.raises(PolicyError, match="not a regular expression"):
        SequentialPolicy.builder().add_module_rule("(", ALLOW)
    with pytest.raises(PolicyError, match="not bytes"):
        SequentialPolicy.builder().add_module_rule(b"a", ALLOW)


def test_a_conclusion_is_no_truth_value():
    with pytest.raises(TypeError, match="Conclusion"):
        SequentialPolicy.builder().add_module_rule("a", True)
    with pytest.raises(TypeError, match="Conclusion"):
        SequentialPolicy.builder(module_default=True)
