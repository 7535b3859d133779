"""Loader policies: which modules and resources a sandbox has of its own (SCP), and which it gets from the host (HCP).

A loader policy shapes what is shared.  It grants no permission: what code may *do* is the business of the policy in
``pycage.policy``.  Source: ``JCClassLoaderPolicyType``, ``JCSequentialPolicy`` and ``JCClassLoaderPolicyUnrestricted``
of jcage; the order of evaluation is that of OpenBSD's PF.
"""

# Two ways to write rules, one way to evaluate them:
#
# - `SequentialPolicy.builder()` takes regular expressions, as jcage does.  A dot in one is a regex dot: "java.lang"
#   matches "javaXlang" (jcage's J18).  Kept, because every port of a jcage policy relies on the syntax.
# - `rules()` takes what people write without thinking: "allow plugins.*".  Dots are dots there.
#
# What is fixed against jcage: `build()` copies, so a rule added to the builder later cannot change a policy that is in
# use (J6), and resources are really decided by their rules (J5).

from __future__ import annotations

import enum
import re
from typing import Final, Protocol, final, runtime_checkable

import attrs

from pycage.errors import PolicyError

__all__ = [
    "Conclusion",
    "LoaderPolicy",
    "SequentialPolicy",
    "SequentialPolicyBuilder",
    "UnrestrictedPolicy",
    "rules",
]


class Conclusion(enum.Enum):
    """What a rule concludes.

    Example:
        >>> builder = pycage.SequentialPolicy.builder(module_default=pycage.Conclusion.ALLOW)
        >>> policy = builder.add_module_rule("plugins[.]old", pycage.Conclusion.DENY).build()
        >>> policy.allows_module("plugins.new"), policy.allows_module("plugins.old")
        (True, False)
    """

    ALLOW = "allow"
    DENY = "deny"


@runtime_checkable
class LoaderPolicy(Protocol):
    """Decides by name what a sandbox may load.  Asked on every import that is not the sandbox's own cached module.

    The loader calls it with the host's privilege, so it must not do more than decide.  A policy may also have a method
    ``explain(name) -> str`` that says in a few words which rule decides about a module; denials quote it.

    Example:
        >>> class OnlyPlugins:
        ...     def allows_module(self, name, /):
        ...         return name.startswith("plugins.")
        ...     def allows_resource(self, name, /):
        ...         return False
        >>> isinstance(OnlyPlugins(), pycage.LoaderPolicy)
        True
    """

    def allows_module(self, name: str, /) -> bool:
        """Say whether the module of this dotted name may be loaded."""
        ...

    def allows_resource(self, name: str, /) -> bool:
        """Say whether a resource may be read; ``name`` is ``<package>/<path>``: ``plugins.icons/data/a.png``."""
        ...


@final
class UnrestrictedPolicy:
    """Allows every module and every resource.  There is one: `UnrestrictedPolicy.get()`.

    Example:
        >>> pycage.UnrestrictedPolicy.get().allows_module("anything")
        True
    """

    __slots__ = ()
    _instance: UnrestrictedPolicy | None = None

    def __new__(cls) -> UnrestrictedPolicy:
        """Return the one instance."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    @classmethod
    def get(cls) -> UnrestrictedPolicy:
        """Return the one instance."""
        return cls()

    def allows_module(self, _name: str, /) -> bool:
        """Allow."""
        return True

    def allows_resource(self, _name: str, /) -> bool:
        """Allow."""
        return True

    def explain(self, _name: str, /) -> str:
        """Say that nothing is restricted."""
        return "allowed: this policy is unrestricted"

    def __repr__(self) -> str:
        return "UnrestrictedPolicy.get()"


@attrs.frozen
class _Rule:
    """One rule: a name that ``pattern`` matches as a whole gets ``conclusion``; ``quick`` ends the evaluation."""

    pattern: re.Pattern[str]
    conclusion: Conclusion
    quick: bool
    text: str


@final
@attrs.frozen
class SequentialPolicy:
    """An immutable list of rules.  Made by `SequentialPolicy.builder` or `rules`; may be shared between sandboxes.

    Evaluation starts with the default.  The rules are tried in order, and the *last* one that matches decides, unless
    one that matches is ``quick``: it decides at once.  A pattern must match the whole name.
    Modules and resources have separate lists.

    Example:
        >>> policy = pycage.rules("allow plugins.*", "deny plugins.old")
        >>> policy.allows_module("plugins.mail"), policy.explain("plugins.old")
        (True, 'denied by rule 2, "deny plugins.old"')
    """

    _module_rules: tuple[_Rule, ...] = ()
    _resource_rules: tuple[_Rule, ...] = ()
    _module_default: Conclusion = Conclusion.DENY
    _resource_default: Conclusion = Conclusion.DENY

    @staticmethod
    def builder(
        *,
        module_default: Conclusion = Conclusion.DENY,
        resource_default: Conclusion = Conclusion.DENY,
    ) -> SequentialPolicyBuilder:
        """Return an empty builder.

        Args:
            module_default: What holds for a module that no rule matches.
            resource_default: What holds for a resource that no rule matches.

        Raises:
            TypeError: A default is not a `Conclusion`.
        """
        return SequentialPolicyBuilder(module_default, resource_default)

    def allows_module(self, name: str, /) -> bool:
        """Say whether the rules allow the module."""
        return _evaluate(self._module_rules, self._module_default, name)[0] is Conclusion.ALLOW

    def allows_resource(self, name: str, /) -> bool:
        """Say whether the rules allow the resource ``<package>/<path>``."""
        return _evaluate(self._resource_rules, self._resource_default, name)[0] is Conclusion.ALLOW

    def explain(self, name: str, /) -> str:
        """Return which rule decides about a module, such as ``denied by rule 2, "deny a.b"``."""
        return _explain(*_evaluate(self._module_rules, self._module_default, name))

    def explain_resource(self, name: str, /) -> str:
        """Return which rule decides about a resource."""
        return _explain(*_evaluate(self._resource_rules, self._resource_default, name))


@final
class SequentialPolicyBuilder:
    """Collects rules.  ``build()`` may be called any number of times; what it returned never changes."""

    def __init__(self, module_default: Conclusion, resource_default: Conclusion) -> None:
        self._module_default = _conclusion(module_default)
        self._resource_default = _conclusion(resource_default)
        self._module_rules: list[_Rule] = []
        self._resource_rules: list[_Rule] = []

    def add_module_rule(
        self, pattern: str | re.Pattern[str], conclusion: Conclusion, *, quick: bool = False
    ) -> SequentialPolicyBuilder:
        """Append a rule about modules and return the builder.

        Args:
            pattern: A regular expression for the whole dotted name.  An unescaped dot matches any character.
            conclusion: What the rule concludes.
            quick: Whether a match ends the evaluation.

        Raises:
            PolicyError: ``pattern`` is not a regular expression.
        """
        self._module_rules.append(_regex_rule(pattern, conclusion, quick=quick))
        return self

    def add_resource_rule(
        self, pattern: str | re.Pattern[str], conclusion: Conclusion, *, quick: bool = False
    ) -> SequentialPolicyBuilder:
        """Append a rule about resources, matched against ``<package>/<path>``, and return the builder."""
        self._resource_rules.append(_regex_rule(pattern, conclusion, quick=quick))
        return self

    def build(self) -> SequentialPolicy:
        """Return an immutable policy with the rules so far."""
        return SequentialPolicy(
            tuple(self._module_rules), tuple(self._resource_rules), self._module_default, self._resource_default
        )


def rules(*lines: str, default: str = "deny", resource_default: str | None = None) -> SequentialPolicy:
    """Return a policy from lines such as ``allow plugins.*``, ``deny plugins.old``, ``allow resource data/*``.

    A line is ``[quick] allow|deny [resource] <pattern>``; the last line that matches decides, a ``quick`` one at once.
    ``allow resource`` alone is about the module ``resource``.

    Patterns for modules:

    * ``a.b`` is exactly that module.  The package ``a`` needs a rule of its own: importing ``a.b`` loads ``a`` first.
    * ``a.*`` is ``a`` and everything below it, at any depth, so that one line is enough to import ``a.b``.
    * ``*`` is every module.  A ``*`` elsewhere stands for any text within one part: ``a.test_*``.

    Patterns for resources are paths inside a package: ``data/logo.png``; ``data/*`` is everything below ``data``, at
    any depth; ``*`` is every resource; a ``*`` elsewhere is any text without a slash.  ``plugins.icons:data/*`` holds
    for that package only, otherwise every package is meant.

    Args:
        lines: The rules, in order.
        default: ``"allow"`` or ``"deny"``: what holds where no rule matches.
        resource_default: The same for resources; ``None`` means as ``default``.

    Raises:
        PolicyError: A line or a default is not of that form.  Nothing is guessed.

    Example:
        >>> policy = pycage.rules("allow json", "allow plugins.*", "deny plugins.test_*", "allow resource data/*")
        >>> [policy.allows_module(name) for name in ("json", "os", "plugins.mail", "plugins.test_mail")]
        [True, False, True, False]
        >>> policy.allows_resource("plugins/data/logo.png")
        True
    """
    builder = SequentialPolicyBuilder(
        _word(default, "default"),
        _word(default if resource_default is None else resource_default, "resource_default"),
    )
    for line in lines:
        kind, rule = _parse(line)
        (builder._resource_rules if kind == "resource" else builder._module_rules).append(rule)  # same file
    return builder.build()


def _evaluate(listed: tuple[_Rule, ...], default: Conclusion, name: str) -> tuple[Conclusion, int, _Rule | None]:
    """Return the conclusion, and the rule it is from with its number (from 1), or ``None`` for the default."""
    conclusion, number, decisive = default, 0, None
    for position, rule in enumerate(listed, 1):
        if rule.pattern.fullmatch(name) is not None:
            conclusion, number, decisive = rule.conclusion, position, rule
            if rule.quick:
                break
    return conclusion, number, decisive


def _explain(conclusion: Conclusion, number: int, rule: _Rule | None) -> str:
    verdict = "allowed" if conclusion is Conclusion.ALLOW else "denied"
    if rule is None:
        return f"{verdict} by default: no rule matches"
    return f'{verdict} by rule {number}, "{rule.text}"'


def _conclusion(value: Conclusion) -> Conclusion:
    if type(value) is not Conclusion:
        message = f"a conclusion is Conclusion.ALLOW or Conclusion.DENY, not a {type(value).__name__}"
        raise TypeError(message)
    return value


def _regex_rule(pattern: str | re.Pattern[str], conclusion: Conclusion, *, quick: bool) -> _Rule:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        message = (
            f"not a regular expression: {pattern!r} ({error}).  "
            "Write a pattern for the whole name, such as r'plugins\\.[a-z]+', or use rules('allow plugins.*')."
        )
        raise PolicyError(message) from error
    if type(compiled.pattern) is not str:
        message = f"a rule's pattern matches text, not bytes: {pattern!r}.  Drop the b prefix."
        raise PolicyError(message)
    text = f"{'quick ' if quick else ''}{_conclusion(conclusion).value} /{compiled.pattern}/"
    return _Rule(compiled, conclusion, bool(quick), text)


# ---- The lines of rules() ------------------------------------------------------------------------------------------

_FORM: Final = (
    'A rule is "[quick] allow|deny [resource] <pattern>", such as "allow plugins.*" or "allow resource data/*".'
)
_SHORT_FORM: Final = ("allow", "plugins.*")
_LONG_FORM: Final = ("allow", "resource", "data/*")
_MODULE_PART: Final = re.compile(r"(?:[^\W\d]|\*)(?:\w|\*)*")
_RESOURCE_PART: Final = re.compile(r"[^/\\\0:]+")


def _word(text: str, what: str) -> Conclusion:
    if text == "allow":
        return Conclusion.ALLOW
    if text == "deny":
        return Conclusion.DENY
    message = f'{what}={text!r} is neither "allow" nor "deny".'
    raise PolicyError(message)


def _parse(line: str) -> tuple[str, _Rule]:
    """Return ``"module"`` or ``"resource"``, and the rule."""
    if type(line) is not str:
        message = f"a rule is text, not a {type(line).__name__}.  {_FORM}"
        raise PolicyError(message)
    words = line.split()
    quick = words[:1] == ["quick"]
    rest = words[1:] if quick else words
    about_resource = len(rest) == len(_LONG_FORM) and rest[1] == "resource"
    if not (about_resource or len(rest) == len(_SHORT_FORM)) or rest[0] not in ("allow", "deny"):
        message = f"cannot read the rule {line!r}.  {_FORM}"
        raise PolicyError(message)
    kind = "resource" if about_resource else "module"
    regex = _resource_regex(line, rest[-1]) if kind == "resource" else _module_regex(line, rest[-1])
    return kind, _Rule(re.compile(regex, re.DOTALL), _word(rest[0], "conclusion"), quick, " ".join(words))


def _module_regex(line: str, pattern: str) -> str:
    r"""Before: ``a.b*.*``; after: ``a\.b[^.]*(?:\..*)?``."""
    if pattern == "*":
        return ".*"
    parts = pattern.split(".")
    below = len(parts) > 1 and parts[-1] == "*"
    if below:
        parts.pop()
    if not all(_MODULE_PART.fullmatch(part) for part in parts):
        message = (
            f'"{pattern}" in the rule {line!r} is not a dotted module name.  '
            'Write "a.b", "a.*" (a and everything below it) or "*".'
        )
        raise PolicyError(message)
    return r"\.".join(_glob(part, "[^.]*") for part in parts) + (r"(?:\..*)?" if below else "")


def _resource_regex(line: str, pattern: str) -> str:
    """Before: ``pkg:data/*``; after: ``pkg/data/.*``."""
    package, colon, path = pattern.rpartition(":")
    prefix = _module_regex(line, package) if colon else "[^/]*"
    if path == "*":
        return prefix + "/.*"
    parts = path.split("/")
    below = len(parts) > 1 and parts[-1] == "*"
    if below:
        parts.pop()
    if not all(_RESOURCE_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        message = (
            f'"{pattern}" in the rule {line!r} is not a path inside a package.  '
            'Write "data/logo.png", "data/*" (everything below data) or "package:data/*", '
            'without "..", without a leading /.'
        )
        raise PolicyError(message)
    return prefix + "/" + "/".join(_glob(part, "[^/]*") for part in parts) + ("/.*" if below else "")


def _glob(part: str, star: str) -> str:
    return star.join(re.escape(piece) for piece in part.split("*"))
