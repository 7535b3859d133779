"""Templates: loops, macros, inheritance, filters, escaping, errors, the sandboxed environment."""

from jinja2 import DictLoader, Environment, StrictUndefined, TemplateSyntaxError, UndefinedError, pass_context
from jinja2.sandbox import SandboxedEnvironment, SecurityError
from markupsafe import Markup, escape

TEMPLATES = {
    "base.html": "<title>{% block title %}base{% endblock %}</title>{% block body %}{% endblock %}",
    "page.html": (
        "{% extends 'base.html' %}{% from 'macros.html' import item with context %}"
        "{% block title %}{{ super() }}/{{ name|upper }}{% endblock %}"
        "{% block body %}{% for user in users if user.age > 17 %}"
        "{{ loop.index }}:{{ item(user) }}{{ ', ' if not loop.last }}{% else %}none{% endfor %}{% endblock %}"
    ),
    "macros.html": "{% macro item(user, tag='li') %}<{{ tag }}>{{ user.name }}{{ suffix }}</{{ tag }}>{% endmacro %}",
    "include.html": "[{% include 'part.html' %}]{% set ns = namespace(n=0) %}"
    "{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "part.html": "{{ value|default('-') }}",
}


class User:
    def __init__(self, name, age):
        self.name, self.age = name, age
        self._secret = "hidden"


@pass_context
def shout(context, text):
    return f"{text}{context['mark']}"


def failing(environment, source, **names):
    try:
        return environment.from_string(source).render(**names)
    except (TemplateSyntaxError, UndefinedError, SecurityError, ZeroDivisionError) as error:
        return type(error).__name__, str(error)[:40]


def main():
    environment = Environment(loader=DictLoader(TEMPLATES), autoescape=True)
    environment.filters["shout"] = shout
    users = [User("<Ann>", 30), User("Bob", 12), User("Cid", 44)]
    page = environment.get_template("page.html").render(name="x", users=users, suffix="!")
    assert page == "<title>base/X</title>1:<li>&lt;Ann&gt;!</li>, 2:<li>Cid!</li>", page
    strict = Environment(undefined=StrictUndefined)
    sandboxed = SandboxedEnvironment()
    stream = environment.from_string("{% for i in range(3) %}{{ i }}{% endfor %}").generate()
    return {
        "include": environment.get_template("include.html").render(value=5),
        "filters": environment.from_string(
            "{{ [3,1,2]|sort|join('-') }} {{ 'a b'|title }} {{ x|tojson }} {{ 3.14159|round(2) }} {{ '%05d'|format(42) }}"
        ).render(x={"a": [1, None]}),
        "groups": environment.from_string(
            "{% for age, group in users|groupby('age') %}{{ age }}={{ group|map(attribute='name')|join }};{% endfor %}"
        ).render(users=users),
        "tests": environment.from_string("{{ 4 is even }} {{ none is none }} {{ x is defined }}").render(),
        "shout": environment.from_string("{{ 'hi'|shout }}").render(mark="!"),
        "call": environment.from_string(
            "{% macro box() %}[{{ caller() }}]{% endmacro %}{% call box() %}in{% endcall %}"
        ).render(),
        "whitespace": environment.from_string("{%- if true -%}  a  {%- endif %} b").render(),
        "stream": list(stream),
        "syntax": failing(environment, "{% for %}"),
        "undefined": failing(strict, "{{ nothing.at_all }}"),
        "division": failing(environment, "{{ 1 // 0 }}"),
        "unsafe": failing(sandboxed, "{{ user._secret }}", user=users[0]),
        "safe": sandboxed.from_string("{{ user.name }} {{ '{0.name}'.format(user) }}").render(user=users[1]),
        "markup": str(Markup("<b>{}</b>").format("<i>") + escape("&")) + Markup("<p>x</p> y").striptags(),
        "expression": environment.compile_expression("a * 2 + 1")(a=20),
        "ast": type(environment.parse("{{ a }}").body[0]).__name__,
    }
