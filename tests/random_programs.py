"""Random Python programs that mostly run, built from every construct that sandboxed code may use.

A program is drawn from a source of choices: hypothesis in the test-suite, `random.Random` in long runs.  Expressions have
types (int, str, list of int, dict, object of a known class), so that most programs do something before they end; loops
and calls are counted, so that all of them end.  What a program computed is its last expression; what it printed, and the
exception that ended it, count as well.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Choices(Protocol):
    """Where decisions come from."""

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1."""


PEP_695 = sys.version_info >= (3, 12)
EXCEPT_STAR = sys.version_info >= (3, 13, 2)

_HEAD = '''\
from dataclasses import dataclass, field
from enum import Enum, IntEnum, Flag
from typing import NamedTuple
from contextlib import contextmanager, nullcontext
import functools
import math as mathematics
log = []
steps = [0]
def tick():
    steps[0] += 1
    if steps[0] > 400:
        raise RuntimeError("out of steps")
def drive(coroutine):
    """Run a coroutine that waits for nothing real."""
    try:
        while True:
            tick()
            coroutine.send(None)
    except StopIteration as done:
        return done.value
class Pause:
    """Something to await."""
    def __init__(self, value):
        self._value = value
    def __await__(self):
        yield
        return self._value
'''


@dataclasses.dataclass
class Class:
    """What is known of a generated class."""

    name: str
    arity: int  # of the constructor; all ints
    attributes: list[str] = dataclasses.field(default_factory=list)  # int attributes that outsiders can read
    stored: list[str] = dataclasses.field(default_factory=list)  # those that can be assigned
    methods: list[tuple[str, int]] = dataclasses.field(default_factory=list)  # int parameters, int result
    class_attributes: list[str] = dataclasses.field(default_factory=list)
    can: set[str] = dataclasses.field(default_factory=set)
    match_args: list[str] = dataclasses.field(default_factory=list)
    final: bool = False


@dataclasses.dataclass
class Scope:
    """What can be used where code is being written."""

    kind: str  # module, class, function, async
    names: dict[str, list[str]] = dataclasses.field(default_factory=dict)  # type -> expressions
    assignable: list[str] = dataclasses.field(default_factory=list)  # int variables of this very scope
    outer: list[str] = dataclasses.field(default_factory=list)  # int variables of an enclosing function
    cell: str | None = None  # the class whose method this is, for super()
    loops: int = 0
    parent: Scope | None = None

    def of(self, kind: str) -> list[str]:
        """Return the expressions of a type."""
        return self.names.setdefault(kind, [])

    def child(self, kind: str) -> Scope:
        """Make a scope inside this one, which sees its names."""
        inner = Scope(kind, {key: list(value) for key, value in self.names.items()}, parent=self, cell=self.cell)
        if self.kind in ("function", "async"):
            inner.outer = [*self.assignable]
        return inner


class Writer:
    """Writes one program."""

    def __init__(self, choices: Choices, size: int = 30) -> None:
        self.choices = choices
        self.left = size  # statements that may still be written
        self.lines: list[str] = []
        self.level = 0
        self.numbers = 0
        self.classes: list[Class] = []
        self.functions: list[tuple[str, int]] = []
        self.coroutines: list[tuple[str, int]] = []
        self.generators: list[str] = []
        self.managers: list[str] = []

    # -- Choices and lines ---------------------------------------------------------------------------------------------

    def pick(self, things: Sequence):
        return things[self.choices.below(len(things))]

    def often(self, parts: int = 2) -> bool:
        return self.choices.below(parts) == 0

    def fresh(self, prefix: str) -> str:
        self.numbers += 1
        return f"{prefix}{self.numbers}"

    def line(self, text: str) -> None:
        self.lines.append("    " * self.level + text)

    def lines_of(self, *texts: str) -> None:
        for text in texts:
            self.line(text)

    def indented(self, head: str, write: Callable[[], object]) -> None:
        self.line(head)
        self.level += 1
        before = len(self.lines)
        write()
        if len(self.lines) == before:
            self.line("pass")
        self.level -= 1

    # -- Expressions ---------------------------------------------------------------------------------------------------

    def number(self) -> str:
        return str(self.choices.below(12) - 3)

    def word(self) -> str:
        return repr(self.pick(["a", "b", "key", "", "x y", "\u00e9", "{}", "{0.real}", "_under", "__dunder__"]))

    def name_of(self, scope: Scope, kind: str) -> str | None:
        found = scope.of(kind)
        return self.pick(found) if found else None

    def int_(self, scope: Scope, depth: int = 2) -> str:
        """Write an expression of type int."""
        simple = depth <= 0
        if simple or self.often(3):
            found = self.name_of(scope, "int")
            return found if found is not None and not self.often(3) else self.number()
        options = (
            self._arithmetic,
            self._arithmetic,
            self._conditional,
            self._attribute,
            self._attribute,
            self._call,
            self._call,
            self._method,
            self._method,
            self._item,
            self._reduction,
            self._walrus,
            self._lambda,
            self._builtin,
            self._reflection,
            self._evaluated,
            self._operator,
        )
        return self.pick(options)(scope, depth - 1) or self.number()

    def _arithmetic(self, scope: Scope, depth: int) -> str:
        left, right = self.int_(scope, depth), self.int_(scope, depth)
        operator = self.pick(["+", "-", "*", "&", "|", "^", "+", "//", "%", "<<"])
        if operator in ("//", "%") and not self.often(6):
            right = f"({right} or 1)"
        if operator == "<<":
            right = f"({right} % 5)"
        text = f"({left} {operator} {right})"
        return f"{text} % 1009" if operator in ("*", "<<") else self.pick([text, f"-{text}", f"+{text}", f"~{text}"])

    def _conditional(self, scope: Scope, depth: int) -> str:
        return f"({self.int_(scope, depth)} if {self.bool_(scope, depth)} else {self.int_(scope, depth)})"

    def _some_object(self, scope: Scope, need: Callable[[Class], object]) -> tuple[str, Class] | None:
        found = [(expression, cls) for cls in self.classes if need(cls) for expression in scope.of(cls.name)]
        if found and not self.often(4):
            return self.pick(found)
        makable = [cls for cls in self.classes if need(cls) and cls.arity >= 0]
        if not makable:
            return self.pick(found) if found else None
        cls = self.pick(makable)
        return f"{cls.name}({', '.join(self.int_(scope, 0) for _ in range(cls.arity))})", cls

    def _attribute(self, scope: Scope, depth: int) -> str | None:
        found = self._some_object(scope, lambda cls: cls.attributes or cls.class_attributes)
        if found is None:
            return None
        expression, cls = found
        if cls.class_attributes and self.often(3):
            holder = self.pick([cls.name, expression, f"type({expression})", f"{expression}.__class__"])
            return f"{holder}.{self.pick(cls.class_attributes)}"
        if not cls.attributes:
            return None
        return f"{expression}.{self.pick(cls.attributes)}"

    def _call(self, scope: Scope, depth: int) -> str | None:
        if not self.functions:
            return None
        name, arity = self.pick(self.functions)
        return self._called(name, arity, scope, depth)

    def _called(self, name: str, arity: int, scope: Scope, depth: int) -> str:
        arguments = [self.int_(scope, min(depth, 1)) for _ in range(arity)]
        if arity > 1 and self.often(5):
            return f"{name}(*[{', '.join(arguments)}])"
        if self.often(40):
            arguments.append("0")  # one too many
        return f"{name}({', '.join(arguments)})"

    def _method(self, scope: Scope, depth: int) -> str | None:
        found = self._some_object(scope, lambda cls: cls.methods)
        if found is None:
            return None
        expression, cls = found
        name, arity = self.pick(cls.methods)
        called = self._called(f"{expression}.{name}", arity, scope, depth)
        if self.often(8) and not name.startswith("__"):
            arguments = "".join(f", {self.int_(scope, 0)}" for _ in range(arity))
            return f"{cls.name}.{name}({expression}{arguments})"
        return called

    def _item(self, scope: Scope, depth: int) -> str:
        which = self.choices.below(3)
        if which == 0:
            return f"({self.list_(scope, depth)} or [{self.number()}])[{self.pick(['0', '-1', self.int_(scope, 0)])}]"
        if which == 1:
            return f"{self.dict_(scope, depth)}.get({self.str_(scope, 0)}, {self.int_(scope, 0)})"
        return f"{self.dict_(scope, depth)}[{self.str_(scope, 0)}]" if self.often(6) else f"len({self.dict_(scope, 0)})"

    def _reduction(self, scope: Scope, depth: int) -> str:
        inner = self.list_(scope, depth)
        return self.pick([f"sum({inner})", f"len({inner})", f"max({inner}, default=0)", f"sum(x % 7 for x in {inner})"])

    def _walrus(self, scope: Scope, depth: int) -> str | None:
        if scope.kind == "class" or scope.loops < 0:
            return None
        name = self.fresh("w")
        text = f"({name} := {self.int_(scope, depth)})"
        return f"({text} + {name})"

    def _lambda(self, scope: Scope, depth: int) -> str:
        inner = scope.child("function")
        inner.loops = -1
        inner.of("int").extend(["p", "q"])
        default = self.int_(scope, 0)
        body = self.int_(inner, depth)
        form = self.pick(["p, q={}", "p, /, q={}", "p, *, q={}", "p, *r, q={}", "p, q={}, **r"]).format(default)
        return f"(lambda {form}: {body})({self.int_(scope, 0)})"

    def _builtin(self, scope: Scope, depth: int) -> str:
        one = self.int_(scope, depth)
        return self.pick(
            [
                f"abs({one})",
                f"int(str({one}))",
                f"len(str({one}))",
                f"min({one}, {self.int_(scope, 0)})",
                f"divmod({one}, 7)[1]",
                f"round({one} / 4)",
                f"hash({one}) % 101",
                f"ord(chr(65 + {one} % 20))",
                f"pow({one}, 2, 101)",
                f"mathematics.gcd({one}, 12)",
                f"functools.reduce(lambda a, b: (a + b) % 50, {self.list_(scope, depth)}, {one})",
                f"int('{{0}}'.format({one}))",
                f"int('{{x.real}}'.format(x={one}))",
                f"len('{{:>{{w}}}}'.format({one}, w={self.pick(['3', '6'])}))",
                f"({one}).__add__({self.int_(scope, 0)})",
                f"int.__mul__({one}, 2)",
                f"int(f'{{{self.int_(scope, 0)}}}')",
                f"len(f'{{{self.int_(scope, 0)}!r:>{{8}}}}')",
                f"len(f'{{{self.int_(scope, 0)} = :d}}')",
            ]
        )

    def _reflection(self, scope: Scope, depth: int) -> str | None:
        found = self._some_object(scope, lambda cls: cls.attributes)
        if found is None:
            return None
        expression, cls = found
        attribute = self.pick(cls.attributes)
        return self.pick(
            [
                f"getattr({expression}, {attribute!r})",
                f"getattr({expression}, {attribute!r}, -7)",
                f"getattr({expression}, 'missing', {self.int_(scope, 0)})",
                f"int(hasattr({expression}, {attribute!r}))",
                f"int(hasattr({expression}, '_missing'))",
                f"int(isinstance({expression}, {cls.name}))",
                f"len({expression}.__class__.__name__)",
                f"len(type({expression}).__qualname__)",
                f"int(callable({expression}))",
                f"int({attribute!r} in dir({expression}))",
                f"int('{{0.{attribute}}}'.format({expression}))",
                f"int(f'{{{expression}.{attribute}}}')",
                f"int('%d' % {expression}.{attribute})",
                f"int(type({expression}) is {cls.name})",
            ]
        )

    def _evaluated(self, scope: Scope, depth: int) -> str:
        value = self.int_(scope, 0)
        return self.pick(
            [
                f"eval('a + b', {{'a': {value}, 'b': {self.number()}}})",
                f"eval('(lambda q: q + a)(2)', {{'a': {value}}})",
                f"eval(compile('a * 2', '<expr>', 'eval'), {{'a': {value}}})",
                f"eval('a - b', {{'a': 1}}, {{'b': {value}}})",
                f"eval('[a for _ in range(2)]', {{'a': {value}}})[0]",
            ]
        )

    def _operator(self, scope: Scope, depth: int) -> str | None:
        found = self._some_object(
            scope, lambda cls: cls.can & {"add", "len", "getitem", "iter", "call", "int", "matmul"}
        )
        if found is None:
            return None
        expression, cls = found
        ability = self.pick(sorted(cls.can & {"add", "len", "getitem", "iter", "call", "int", "matmul"}))
        value = self.int_(scope, depth)
        return {
            "add": f"({expression} + {value})",
            "matmul": f"({expression} @ {value})",
            "len": f"len({expression})",
            "getitem": f"{expression}[{value}]",
            "iter": f"sum({expression})",
            "call": f"{expression}({value})",
            "int": f"int({expression})",
        }[ability]

    def bool_(self, scope: Scope, depth: int = 1) -> str:
        """Write an expression of type bool."""
        if depth <= 0:
            return self.pick(["True", "False"])
        which = self.choices.below(7)
        left, right = self.int_(scope, depth - 1), self.int_(scope, depth - 1)
        if which == 0:
            return f"({left} {self.pick(['<', '<=', '==', '!=', '>', '>='])} {right})"
        if which == 1:
            return f"({left} < {right} <= {self.int_(scope, 0)})"
        if which == 2:
            return f"({self.bool_(scope, depth - 1)} {self.pick(['and', 'or'])} not {self.bool_(scope, depth - 1)})"
        if which == 3:
            return f"({left} {self.pick(['in', 'not in'])} {self.list_(scope, depth - 1)})"
        if which == 4:
            return f"({self.str_(scope, 0)} {self.pick(['==', 'in', '<'])} {self.str_(scope, 0)})"
        if which == 5:
            found = self._some_object(scope, lambda cls: cls.can & {"eq", "lt", "contains", "bool"})
            if found is not None:
                expression, cls = found
                ability = self.pick(sorted(cls.can & {"eq", "lt", "contains", "bool"}))
                return {
                    "eq": f"({expression} == {expression})",
                    "lt": f"({expression} < {expression})",
                    "contains": f"({left} in {expression})",
                    "bool": f"bool({expression})",
                }[ability]
        return f"bool({left})"

    def str_(self, scope: Scope, depth: int = 1) -> str:
        """Write an expression of type str."""
        if depth <= 0 or self.often(3):
            return self.name_of(scope, "str") if self.often() and scope.of("str") else self.word()
        value = self.int_(scope, depth - 1)
        return self.pick(
            [
                f"str({value})",
                f"f'{{{self.int_(scope, 0)}:>4}}|{{{self.int_(scope, 0)}!r}}'",
                f"'-'.join(map(str, {self.list_(scope, depth - 1)}))",
                f"'{{0}} {{k}}'.format({value}, k={self.int_(scope, 0)})",
                f"'{{a}}'.format_map({{'a': {value}}})",
                f"'%s:%d' % ({self.str_(scope, 0)}, {value})",
                f"({self.str_(scope, 0)} * 2)[{self.pick(['::-1', '1:', ':2', '-2:'])}]",
                f"({self.str_(scope, 0)} + {self.str_(scope, 0)}).upper()",
                f"repr({self.list_(scope, depth - 1)})",
            ]
        )

    def list_(self, scope: Scope, depth: int = 1) -> str:
        """Write an expression of type list of int."""
        if depth <= 0 or self.often(4):
            found = self.name_of(scope, "list")
            return found if found is not None and self.often() else f"[{self.number()}, {self.number()}]"
        inner = scope.child("function")
        inner.loops = -1
        inner.of("int").append("x")
        source = self.list_(scope, depth - 1)
        return self.pick(
            [
                f"[{self.int_(inner, depth - 1)} for x in {source}]",
                f"[{self.int_(inner, depth - 1)} for x in {source} if {self.bool_(inner, depth - 1)}]",
                f"list({{x % 4 for x in {source}}})",
                f"[*{source}, {self.int_(scope, depth - 1)}]",
                f"list({{str(x): {self.int_(inner, 0)} for x in {source}}}.values())",
                f"list({self.int_(inner, 0)} for x in {source} for y in range(2))",
                f"sorted({source}, key=lambda v: (v % 3, v))",
                f"({source})[{self.pick(['1:', ':-1', '::2', '::-1', '-1:5'])}]",
                f"list(range({self.int_(scope, 0)} % 4))",
                f"list(zip(*[{source}]))[0:0] + {source}",
                f"[a + b for a, *_, b in [({self.int_(scope, 0)}, 0, {self.int_(scope, 0)})]]",
                f"list(map(lambda v: v + {self.int_(scope, 0)}, {source}))",
            ]
        )

    def dict_(self, scope: Scope, depth: int = 1) -> str:
        """Write an expression of type dict of str to int."""
        found = self.name_of(scope, "dict")
        if found is not None and (depth <= 0 or self.often()):
            return found
        pairs = ", ".join(f"{self.word()}: {self.int_(scope, 0)}" for _ in range(self.choices.below(3)))
        if self.often(4):
            return f"{{**{{{pairs}}}, 'b': {self.int_(scope, 0)}}}"
        return f"{{{pairs}}}"

    # -- Statements ----------------------------------------------------------------------------------------------------

    def block(self, scope: Scope, most: int = 3) -> None:
        """Write some statements."""
        for _ in range(1 + self.choices.below(most)):
            self.statement(scope)

    def statement(self, scope: Scope) -> None:
        """Write one statement."""
        if self.left <= 0 or self.level > 6:
            self.line(f"log.append({self.int_(scope, 0)})")
            return
        self.left -= 1
        options: list[Callable[[Scope], object]] = [
            self.s_log,
            self.s_assign,
            self.s_assign,
            self.s_unpack,
            self.s_augment,
            self.s_object,
            self.s_object,
            self.s_store,
            self.s_store,
            self.s_store,
            self.s_items,
            self.s_if,
            self.s_for,
            self.s_while,
            self.s_try,
            self.s_with,
            self.s_match,
            self.s_match,
            self.s_delete,
            self.s_function,
            self.s_function,
            self.s_generator,
            self.s_coroutine,
            self.s_exec,
            self.s_print,
            self.s_reflect,
            self.s_import,
            self.s_assert,
            self.s_class,
            self.s_class,
            self.s_special_class,
            self.s_type_call,
            self.s_closure,
            self.s_bindings,
            self.s_bindings,
        ]
        if PEP_695:
            options.append(self.s_pep695)
        if EXCEPT_STAR:
            options.append(self.s_try_star)
        self.pick(options)(scope)

    def bind(self, scope: Scope, name: str, kind: str = "int") -> None:
        """Note a variable of this scope."""
        if name not in scope.of(kind):
            scope.of(kind).append(name)
        if kind == "int" and name not in scope.assignable:
            scope.assignable.append(name)

    def s_log(self, scope: Scope) -> None:
        value = self.pick([self.int_, self.str_, self.list_, self.dict_, self.bool_])(scope)
        self.line(f"log.append({value})")

    def s_print(self, scope: Scope) -> None:
        self.line(f"print({self.str_(scope)}, {self.int_(scope)}, sep={self.word()})")

    def s_assert(self, scope: Scope) -> None:
        self.line(f"assert {self.bool_(scope)} or True, {self.str_(scope, 0)}")

    def s_assign(self, scope: Scope) -> None:
        kind = self.pick(["int", "int", "str", "list", "dict"])
        name = self.fresh(self.pick(["v", "_v", "v"]))
        value = {"int": self.int_, "str": self.str_, "list": self.list_, "dict": self.dict_}[kind](scope)
        form = self.choices.below(4)
        if form == 0:
            self.line(f"{name}: {self.pick(['int', 'object', repr('unknown name')])} = {value}")
        elif form == 1:
            other = self.fresh("v")
            self.line(f"{name} = {other} = {value}")
            self.bind(scope, other, kind)
        else:
            self.line(f"{name} = {value}")
        self.bind(scope, name, kind)

    def s_unpack(self, scope: Scope) -> None:
        a, b, c = self.fresh("u"), self.fresh("u"), self.fresh("u")
        one, two = self.int_(scope), self.int_(scope)
        targets = self.pick([f"{a}, (*{c}, {b})", f"[{a}, *{c}, {b}]", f"{a}, *{c}, {b}"])
        value = f"{one}, (5, {two})" if "(" in targets else f"{one}, 5, 6, {two}"
        self.line(f"{targets} = {value}")
        self.bind(scope, a)
        self.bind(scope, b)
        self.bind(scope, c, "list")

    def s_augment(self, scope: Scope) -> None:
        operator = self.pick(["+=", "-=", "|=", "^=", "%=", "//=", "*="])
        value = self.int_(scope)
        if operator in ("%=", "//="):
            value = f"{value} or 1"
        found = self._some_object(scope, lambda cls: cls.stored) if self.often() else None
        if found is not None:
            expression, cls = found
            target = f"{expression}.{self.pick(cls.stored)}"
        elif scope.assignable:
            target = self.pick(scope.assignable)
        else:
            return
        self.line(f"{target} {operator} {value}")
        if operator == "*=":
            self.line(f"{target} %= 503")

    def s_object(self, scope: Scope) -> None:
        makable = [cls for cls in self.classes if cls.arity >= 0]
        if not makable:
            self.s_class(scope)
            return
        cls = self.pick(makable)
        name = self.fresh("o")
        self.line(f"{name} = {cls.name}({', '.join(self.int_(scope, 1) for _ in range(cls.arity))})")
        self.bind(scope, name, cls.name)

    def s_store(self, scope: Scope) -> None:
        found = self._some_object(scope, lambda cls: cls.stored)
        if found is None:
            self.s_object(scope)
            return
        expression, cls = found
        attribute = self.pick(cls.stored)
        target = f"{expression}.{attribute}"
        value = self.int_(scope)
        form = self.choices.below(8)
        if form == 0:
            self.line(f"setattr({expression}, {attribute!r}, {value})")
        elif form == 1:
            self.indented(f"for {target} in {self.list_(scope)}:", lambda: self.line(f"log.append({target})"))
        elif form == 2:
            self.line(f"{target}, *_ignored = {value}, 2, 3")
        elif form == 3 and "slots" not in cls.can:
            self.line(f"vars({expression})[{attribute!r}] = {value}")
        elif form == 4:
            self.line(f"{target}: int = {value}")
        elif form == 5 and "slots" not in cls.can:
            self.line(f"{expression}.__dict__.update({attribute}={value})")
        else:
            self.line(f"{target} = {value}")

    def s_items(self, scope: Scope) -> None:
        lists, dicts = scope.of("list"), scope.of("dict")
        value = self.int_(scope)
        forms = []
        if lists:
            one = self.pick(lists)
            forms += [
                f"{one}.append({value})",
                f"{one}[0:0] = [{value}]",
                f"{one}[:1] = [{value}, 1]",
                f"{one}[-1:] += [{value}]",
                f"del {one}[2:]",
                f"{one} += [{value}]" if one in scope.names.get("own", ()) else f"{one}.extend([{value}])",
            ]
        if dicts:
            one = self.pick(dicts)
            forms += [
                f"{one}[{self.word()}] = {value}",
                f"{one}.setdefault('n', 0)",
                f"{one}['b'] = {one}.get('b', 0) + {value}",
                f"{one}.update(a={value})",
            ]
        if forms:
            self.line(self.pick(forms))
        else:
            self.s_assign(scope)

    def s_if(self, scope: Scope) -> None:
        self.indented(f"if {self.bool_(scope)}:", lambda: self.block(_hypothetical(scope), 2))
        if self.often():
            self.indented(f"elif {self.bool_(scope)}:", lambda: self.block(_hypothetical(scope), 1))
        if self.often():
            self.indented("else:", lambda: self.block(_hypothetical(scope), 2))

    def _loop_body(self, scope: Scope) -> None:
        self.line("tick()")
        inner = _hypothetical(scope)
        inner.loops = scope.loops + 1
        self.block(inner, 2)
        if self.often(3):
            self.indented(f"if {self.bool_(inner)}:", lambda: self.line(self.pick(["break", "continue"])))

    def s_for(self, scope: Scope) -> None:
        name = self.fresh("i")
        form = self.choices.below(4)
        if form == 0:
            head = f"for {name} in range({self.int_(scope, 0)} % 4):"
        elif form == 1:
            head = f"for _k, {name} in enumerate({self.list_(scope)}):"
        elif form == 2 and self.generators:
            head = f"for {name} in {self.pick(self.generators)}({self.int_(scope, 0)}):"
        else:
            head = f"for {name} in {self.list_(scope)}:"
        self.line(f"{name} = 0")
        self.bind(scope, name)
        self.indented(head, lambda: self._loop_body(scope))
        if self.often(4):
            self.indented("else:", lambda: self.block(_hypothetical(scope), 1))

    def s_while(self, scope: Scope) -> None:
        name = self.fresh("n")
        self.line(f"{name} = {self.choices.below(4)}")

        def body() -> None:
            self.line(f"{name} -= 1")
            self._loop_body(scope)

        self.indented(f"while {name} > 0 and {self.bool_(scope)}:", body)

    def s_try(self, scope: Scope) -> None:
        trouble = self.pick(
            [
                f"{self.int_(scope)} // ({self.int_(scope)} % 2)",
                "raise ValueError('v')",
                f"[1][{self.int_(scope)}]",
                "{}['k']",
                "raise KeyError(1) from ValueError(2)",
                "undefined_name",
                "None.attribute",
                f"{self.int_(scope)}",
                "raise LookupError",
                "(lambda a: a)()",
            ]
        )

        def body() -> None:
            self.line(trouble)
            if self.often():
                self.block(_hypothetical(scope), 1)

        self.indented("try:", body)
        caught = self.pick(
            [
                "ZeroDivisionError",
                "(ValueError, LookupError)",
                "Exception",
                "ImportError",
                "(KeyError, ModuleNotFoundError)",
                "LookupError",
            ]
        )
        handlers = [caught, "Exception"] if self.often(8) is False else [caught]
        for kind in handlers:
            if self.often() and kind != "ImportError":
                report = (
                    "log.append((type(e).__name__, str(e)))"
                    if "Module" not in kind
                    else "log.append(isinstance(e, Exception))"
                )

                def handler(report: str = report) -> None:
                    self.line(report)
                    if self.often(4):
                        self.block(_hypothetical(scope), 1)

                self.indented(f"except {kind} as e:", handler)
            else:
                self.indented(f"except {kind}:", lambda: self.block(_hypothetical(scope), 1))
        if self.often(3):
            self.indented("else:", lambda: self.block(_hypothetical(scope), 1))
        if self.often(3):
            self.indented("finally:", lambda: self.block(_hypothetical(scope), 1))

    def s_try_star(self, scope: Scope) -> None:
        def body() -> None:
            self.line("raise ExceptionGroup('g', [ValueError(1), TypeError(2), ImportError('i')])")

        self.indented("try:", body)
        self.indented("except* (ValueError, ImportError) as g:", lambda: self.line("log.append(len(g.exceptions))"))
        self.indented("except* Exception:", lambda: self.block(_hypothetical(scope), 1))

    def s_with(self, scope: Scope) -> None:
        name = self.fresh("m")
        usable = [cls for cls in self.classes if "with" in cls.can and cls.arity >= 0]
        if usable and self.often():
            cls = self.pick(usable)
            head = f"with {cls.name}({', '.join(self.int_(scope, 0) for _ in range(cls.arity))}) as {name}:"
        elif self.managers:
            head = f"with {self.pick(self.managers)}({self.int_(scope)}) as {name}:"
        else:
            manager = self.fresh("manager")
            self.managers.append(manager) if self.level == 0 else None

            def body() -> None:
                self.lines_of("tick()", f"log.append('enter')")
                self.indented("try:", lambda: self.line(f"yield value + {self.number()}"))
                self.indented("finally:", lambda: self.line("log.append('exit')"))

            self.line("@contextmanager")
            self.indented(f"def {manager}(value):", body)
            head = f"with {manager}({self.int_(scope)}) as {name}:"
        inner = _hypothetical(scope)
        inner.of("int").append(name)
        self.indented(head, lambda: self.block(inner, 2))

    def s_delete(self, scope: Scope) -> None:
        found = self._some_object(scope, lambda cls: cls.stored)
        if found is not None and self.often():
            expression, cls = found
            attribute = self.pick(cls.stored)
            self.line(f"{expression}.{attribute} = {self.int_(scope)}")
            self.line(self.pick([f"del {expression}.{attribute}", f"delattr({expression}, {attribute!r})"]))
            self.line(f"{expression}.{attribute} = {self.int_(scope)}")
            return
        name = self.fresh("d")
        self.line(f"{name} = [{self.int_(scope)}, 1]")
        self.line(self.pick([f"del {name}[0]", f"del {name}", f"del ({name}[0], {name}[0])"]))

    def s_import(self, scope: Scope) -> None:
        if self.often(4):
            missing = self.pick(
                ["import no_such_module_here", "from json import no_such_name", "import no.such as module"]
            )
            self.indented("try:", lambda: self.line(missing))
            caught = self.pick(["ImportError", "(KeyError, ImportError)", "(ImportError, AttributeError) as e"])
            self.indented(f"except {caught}:", lambda: self.block(_hypothetical(scope), 1))
            self.indented("else:", lambda: self.line("log.append('found')"))
            return
        self.line(
            self.pick(
                [
                    "import json",
                    "import math, functools as tools",
                    "from math import gcd as common, floor",
                    "import collections.abc",
                    "import collections.abc as abstract",
                    "from collections import OrderedDict, namedtuple",
                    "from json import dumps",
                    "import itertools; log.append(list(itertools.accumulate([1, 2, 3])))",
                    "from string import ascii_lowercase; log.append(ascii_lowercase[:3])",
                    "import operator; log.append(operator.attrgetter('real')(3))",
                ]
            )
        )

    def s_match(self, scope: Scope) -> None:
        subject, patterns = self._subject(scope)
        name = self.fresh("c")

        def cases() -> None:
            for pattern, captured in patterns:
                inner = _hypothetical(scope)
                inner.of("int").extend(captured)
                guard = f" if {self.bool_(inner)}" if self.often(3) else ""
                self.indented(f"case {pattern}{guard}:", lambda inner=inner: self.block(inner, 1))
            self.indented(f"case {name}:", lambda: self.line(f"log.append('other')"))

        self.indented(f"match {subject}:", cases)

    def _subject(self, scope: Scope) -> tuple[str, list[tuple[str, list[str]]]]:
        form = self.choices.below(5)
        if form <= 1:
            found = self._some_object(scope, lambda cls: cls.attributes)
            if found is not None:
                expression, cls = found
                public = [attribute for attribute in cls.attributes if not attribute.startswith("_")]
                patterns: list[tuple[str, list[str]]] = []
                if cls.match_args:
                    a = self.fresh("p")
                    patterns.append((f"{cls.name}({a},)", [a]))
                    patterns.append((f"{cls.name}({self.choices.below(4)})", []))
                    b = self.fresh("p")
                    patterns.append((f"[{cls.name}({b})] | {cls.name}({b})", [b]))
                if public:
                    one, b = self.pick(public), self.fresh("p")
                    patterns.append((f"{cls.name}({one}={b})", [b]))
                    patterns.append((f"{cls.name}({one}={self.choices.below(4)} | {self.choices.below(9)})", []))
                patterns.append((f"{cls.name}()", []))
                other = self.pick(self.classes)
                patterns.insert(self.choices.below(len(patterns)), (f"{other.name}()", []))
                return expression, patterns
        if form == 2:
            a, b = self.fresh("p"), self.fresh("p")
            return (
                f"({self.int_(scope)}, {self.str_(scope, 0)}, {self.list_(scope)})",
                [
                    (f"(0 | 1 as {a}, str(), _)", [a]),
                    (f"(int({a}), _, [{b}, *_])", [a, b]),
                    (f"({a}, str(), [])", [a]),
                    (f"[_, 'a' | 'b', *_]", []),
                ],
            )
        if form == 3:
            a, b = self.fresh("p"), self.fresh("p")
            return (
                self.dict_(scope, 1),
                [
                    (f"{{'a': {a}, 'b': {b}}}", [a, b]),
                    (f"{{'key': int({a}), **{self.fresh('rest')}}}", [a]),
                    ("{'': None}", []),
                    ("{}", []),
                ],
            )
        a = self.fresh("p")
        return (
            self.int_(scope),
            [
                ("-1 | 0", []),
                ("mathematics.pi", []),
                ("True | None", []),
                (f"(1 | 2 | 3) as {a}", [a]),
                (f"int({a})", [a]),
            ],
        )

    def s_exec(self, scope: Scope) -> None:
        name = self.fresh("e")
        value = self.int_(scope, 0)
        self.line(f"{name} = {{'a': {value}}}")
        source = self.pick(
            [
                "b = a + 1",
                "class K:\\n    _x = 3\\n    def m(self): self.y = self._x; return self.y\\nb = K().m() + a",
                "def f(n): return n * 2\\nb = f(a)",
                "b = [x + a for x in range(3)][-1]",
                "import json\\nb = len(json.dumps([a]))",
                "b = (lambda: a)()",
                "global b\\nb = a",
                "for b in range(3): pass\\ndel a",
                "b = eval('a - 1')",
                "b = type('T', (), {'z': a}).z",
            ]
        )
        self.line(self.pick([f'exec("{source}", {name})', f'exec(compile("{source}", "<made>", "exec"), {name})']))
        self.line(f"log.append({name}['b'])")
        self.line(f"log.append(sorted(k for k in {name} if not k.startswith('__')))")

    def s_reflect(self, scope: Scope) -> None:
        found = self._some_object(scope, lambda cls: cls.stored and "slots" not in cls.can)
        if found is None:
            self.line("log.append(sorted(globals())[:0])")
            return
        expression, cls = found
        self.line(
            self.pick(
                [
                    f"log.append(sorted(vars({expression})))",
                    f"log.append(sorted({expression}.__dict__))",
                    f"vars({expression}).update({self.pick(cls.stored)}={self.int_(scope)})",
                    f"log.append([n for n in dir({expression}) if not n.startswith('__')])",
                    f"log.append(({cls.name}.__doc__ or 'none')[:1])",
                    f"log.append({cls.name}.__module__)",
                    f"log.append(sorted(n for n in {cls.name}.__dict__ if not n.startswith('__')))",
                    f"log.append(issubclass({cls.name}, object))",
                    f"log.append({expression}.__class__ is {cls.name})",
                    f"log.append({expression}.__class__.__name__ + type({expression}).__qualname__)",
                    f"log.append('_x' in {expression}.__dict__)",
                ]
            )
        )

    # -- Functions -----------------------------------------------------------------------------------------------------

    def s_function(self, scope: Scope) -> None:
        name = self.fresh(self.pick(["f", "_f", "f"]))
        arity = self.choices.below(3)
        if self.often(3):
            self._decorate(scope)
        self._write_function(name, arity, scope)
        if scope.kind == "module" and self.level == 0:
            self.functions.append((name, arity))
        else:
            called = self._called(name, arity, scope, 1)
            self.line(f"log.append({called})")

    def _decorate(self, scope: Scope) -> None:
        name = self.fresh("decorator")

        def body() -> None:
            def inner() -> None:
                self.line("inner.calls += 1")
                self.line(f"return function(*args, **kwargs) + {self.number()}")

            self.line(self.pick(["@functools.wraps(function)"] * 2))
            self.indented("def inner(*args, **kwargs):", inner)
            self.lines_of("inner.calls = 0", "log.append(inner.__name__)", "return inner")

        self.indented(f"def {name}(function):", body)
        self.line(f"@{name}")

    def _parameters(self, arity: int, scope: Scope) -> tuple[str, list[str]]:
        names = [self.fresh("a") for _ in range(arity)]
        parts = list(names)
        if arity and self.often(4):
            parts.insert(self.choices.below(arity) + 1, "/")
        if self.often(4):
            parts.append("*rest")
        elif self.often(4):
            parts.append("*")
        if parts and (parts[-1] == "*" or self.often(4)):
            extra = self.fresh("k")
            parts.append(f"{extra}={self.int_(scope, 0)}")
            names.append(extra)
        if self.often(6):
            parts.append("**more")
        return ", ".join(parts), names

    def _write_function(
        self, name: str, arity: int, scope: Scope, *, method: bool = False, cls: str | None = None
    ) -> None:
        parameters, names = self._parameters(arity, scope)
        inner = scope.child("function")
        inner.names["int"] = [one for one in inner.of("int") if scope.kind != "class" or not one[0].isalpha()]
        inner.assignable = list(names)
        inner.of("int").extend(names)
        returns = self.pick(["", "", " -> int", " -> 'Anything'"])

        def body() -> None:
            if self.often(4):
                self.line('"""Text."""')
            self.line("tick()")
            if inner.outer and self.often():
                outer = self.pick(inner.outer)
                if outer not in names:
                    self.line(f"nonlocal {outer}")
                    inner.assignable.append(outer)
            self.block(inner, 3)
            self._return(inner)

        self.indented(f"def {name}({parameters}){returns}:", body)

    def _return(self, inner: Scope) -> None:
        value = self.int_(inner)
        if self.often(6):
            self.indented("try:", lambda: self.line(f"return {value}"))
            self.indented("finally:", lambda: self.line("log.append('finally')"))
        else:
            self.line(f"return {value}")

    def s_generator(self, scope: Scope) -> None:
        name = self.fresh("g")

        def body() -> None:
            inner = scope.child("function")
            inner.of("int").append("a")
            inner.assignable.append("a")
            self.line("tick()")
            if self.generators and self.often(3):
                self.line(f"yield from {self.pick(self.generators)}(a)")
            self.line(f"got = yield {self.int_(inner)}")
            self.line("log.append(got)")
            self.indented("try:", lambda: self.line(f"yield {self.int_(inner)}"))
            self.indented("except ValueError as e:", lambda: self.line("log.append(str(e)); yield 3"))
            self.indented(f"for j in {self.list_(inner)}:", lambda: self.lines_of("tick()", "yield j"))
            if self.often(3):
                self.line(f"return {self.int_(inner)}")

        self.indented(f"def {name}(a):", body)
        if self.level == 0:
            self.generators.append(name)
        made = self.fresh("it")
        self.line(f"{made} = {name}({self.int_(scope)})")
        self.line(
            self.pick(
                [
                    f"log.append(list({made}))",
                    f"log.append([next({made}), {made}.send(4), next({made}, None)])",
                    f"next({made}); next({made}); log.append({made}.throw(ValueError('thrown'))); {made}.close()",
                    f"log.append(next(iter({made})))",
                    f"log.append(sum(x for x in {made}))",
                ]
            )
        )

    def s_coroutine(self, scope: Scope) -> None:
        if self.level > 3:
            self.s_log(scope)
            return
        name = self.fresh("co")
        inner = scope.child("async")
        inner.of("int").append("a")
        inner.assignable.append("a")

        def agen() -> None:
            self.line("tick()")
            self.line(f"yield {self.int_(inner, 1)}")
            self.line("got = await Pause(a)")
            self.line("yield got")

        def manager() -> None:
            self.indented(
                "async def __aenter__(self):",
                lambda: self.line(f"self._held = await Pause({self.number()}); return self._held"),
            )
            self.indented(
                "async def __aexit__(self, *info):", lambda: self.line("log.append('aexit'); self._held = None")
            )

        def body() -> None:
            self.line("tick()")
            form = self.choices.below(5)
            inner_g, inner_m = self.fresh("ag"), self.fresh("AM")
            if form == 0:
                self.indented(f"async def {inner_g}(a):", agen)
                self.indented(f"async for z in {inner_g}(a):", lambda: self.line("log.append(z)"))
            elif form == 1:
                self.indented(f"async def {inner_g}(a):", agen)
                self.line(f"log.append([z async for z in {inner_g}(a) if z is not None])")
            elif form == 2:
                self.indented(f"class {inner_m}:", manager)
                self.indented(f"async with {inner_m}() as z:", lambda: self.line("log.append(z)"))
            elif form == 3 and self.coroutines:
                self.line(f"log.append(await {self.pick(self.coroutines)[0]}(a))")
            else:
                self.line(f"log.append([await Pause(z) for z in {self.list_(inner, 0)}])")
            self.block(inner, 2)
            self.line(f"return await Pause({self.int_(inner)})")

        self.indented(f"async def {name}(a):", body)
        if self.level == 0 and scope.kind == "module":
            self.coroutines.append((name, 1))
        self.line(f"log.append(drive({name}({self.int_(scope)})))")

    def s_closure(self, scope: Scope) -> None:
        name = self.fresh("counter")

        def body() -> None:
            self.line("tick()")
            self.line(f"count = {self.int_(scope, 0)}")

            def step() -> None:
                self.line("nonlocal count")
                self.line(f"count {self.pick(['+=', '-=', '^='])} by")
                self.line("return count")

            self.indented("def step(by=1):", step)
            self.line("step.extra = 5")
            self.line("return step, lambda: count + step.extra")

        self.indented(f"def {name}():", body)
        step, peek = self.fresh("s"), self.fresh("s")
        self.line(f"{step}, {peek} = {name}()")
        self.line(f"{step}(); {step}(3)")
        self.line(f"log.append({peek}())")
        if self.level == 0:
            counter = self.fresh("total")
            self.line(f"{counter} = 1")
            self.bind(scope, counter)
            update = self.fresh("f")
            self.indented(
                f"def {update}(a):",
                lambda: self.lines_of("tick()", f"global {counter}", f"{counter} += a % 10", f"return {counter}"),
            )
            self.functions.append((update, 1))

    def s_bindings(self, scope: Scope) -> None:
        """Write a function that binds variables to objects in many ways, and uses attributes of them in between.

        Guards stand where a variable is bound: this is where they could be in the wrong place.
        """
        makable = [cls for cls in self.classes if cls.arity >= 0 and cls.stored]
        if not makable or self.level > 2:
            self.s_object(scope)
            return
        cls = self.pick(makable)
        attribute, other = self.pick(cls.stored), self.pick(cls.stored)
        name, variables = self.fresh("b"), ["r", "s", "t"]

        def made() -> str:
            numbers = ", ".join(self.number() for _ in range(cls.arity))
            return self.pick([f"{cls.name}({numbers})"] * 4 + ["None", "3", "given", self.pick(variables)])

        def use(one: str) -> str:
            return self.pick(
                [
                    f"{one}.{attribute} = 4",
                    f"{one}.{attribute} += 2",
                    f"{one}.{attribute}, {one}.{other} = 1, 2",
                    f"log.append({one}.{attribute})",
                    f"log.append([{one}.{attribute} + {one}.{other} for _ in range(2)])",
                    f"log.append([k.{attribute} for k in [{one}]])",
                    f"log.append((lambda: {one}.{attribute})())",
                    f"{one}.{attribute} = {one}.{other} = 6",
                    f"del {one}.{attribute}; {one}.{attribute} = 2",
                    f"{one}, {self.pick(variables)} = {self.pick(variables)}, {one}",
                    f"{one} = [{one}][0]",
                    f"{one} = {made()}",
                    f"({one} := {made()})",
                    f"log.append(getattr({one}, {attribute!r}, 'none'))",
                    f"log.append(({one} := {made()}).{attribute})",
                    f"hook({one}, {made()})",
                    f"del {one}",
                ]
            )

        def some(most: int) -> None:
            for _ in range(1 + self.choices.below(most)):
                compound()

        def compound() -> None:
            one = self.pick(variables)
            form = self.choices.below(14)
            if form == 0:
                head = self.pick([f"for {one} in [{made()}, {made()}]:", f"for {one}, _ in zip([{made()}], [1]):"])
                self.indented(head, lambda: (self.line("tick()"), some(2)))
            elif form == 1:
                self.indented(f"with nullcontext({made()}) as {one}:", lambda: some(2))
            elif form == 2:
                self.indented(f"match {made()}:", lambda: self.indented(f"case {one}:", lambda: some(2)))
            elif form == 3:
                self.indented("try:", lambda: some(2))
                self.indented(
                    f"except (AttributeError, TypeError, NameError) as {one}:",
                    lambda: self.line("log.append('caught')"),
                )
            elif form == 4:
                self.indented(f"if {self.pick(['given', 'len(log) % 2', 'True', 'None'])}:", lambda: some(2))
                self.indented("else:", lambda: some(1))
            elif form == 5 and self.level < 4:
                inner = self.fresh("n")
                self.indented(f"def {inner}():", lambda: (self.line(f"nonlocal {one}"), self.line("tick()"), some(2)))
                self.line(f"{inner}()")
            elif form == 6:
                self.indented("while len(log) % 3 and steps[0] % 7:", lambda: (self.line("tick()"), some(2)))
            else:
                self.line(use(one))

        def body() -> None:
            self.line("tick()")
            self.line(
                self.pick(["r = s = t = given", f"r, s, t = {made()}, given, given", f"r = {made()}; s, t = given, r"])
            )
            self.indented("def hook(x, y):", lambda: self.lines_of(f"x.{attribute} = 8", "x = y", f"return x.{other}"))
            self.indented("try:", lambda: some(4))
            self.indented(
                "except (AttributeError, TypeError, NameError) as e:", lambda: self.line("log.append(type(e).__name__)")
            )
            self.line("log.append([getattr(x, %r, 'gone') for x in [given, r]])" % attribute)

        self.indented(f"def {name}(given, *more, extra=None):", body)
        self.indented("try:", lambda: self.line(f"{name}({cls.name}({', '.join('1' for _ in range(cls.arity))}))"))
        self.indented("except (NameError, AttributeError) as e:", lambda: self.line("log.append(str(e))"))

    # -- Classes -------------------------------------------------------------------------------------------------------

    def s_class(self, scope: Scope) -> None:
        if self.level > 2:
            self.s_log(scope)
            return
        bases = [cls for cls in self.classes if cls.arity >= 0 and not cls.final]
        parent = self.pick(bases) if bases and self.often() else None
        name = self.fresh(self.pick(["C", "_C", "__C", "C"])) if self.level == 0 else self.fresh("C")
        if name.startswith("__"):
            name = name[1:]
        decorated = self.often(5)
        if decorated and parent is None:
            self._write_dataclass(name, scope)
            return
        made = Class(name, 2 if parent is None else parent.arity)
        if parent is not None:
            made.attributes, made.stored = list(parent.attributes), list(parent.stored)
            made.methods, made.can = list(parent.methods), set(parent.can)
            made.class_attributes, made.match_args = list(parent.class_attributes), list(parent.match_args)
            made.can.discard("slots")
        head = (
            f"class {name}({parent.name}):"
            if parent is not None
            else self.pick([f"class {name}:", f"class {name}(object):"])
        )
        self.indented(head, lambda: self._class_body(made, parent, scope))
        if self.level == 0:
            self.classes.append(made)
        else:
            arguments = ", ".join(self.int_(scope, 0) for _ in range(made.arity))
            one = self.fresh("o")
            self.line(f"{one} = {name}({arguments})")
            for attribute in made.attributes[:2]:
                self.line(f"log.append({one}.{attribute})")
            for method, arity in made.methods[:1]:
                self.line(f"log.append({one}.{method}({', '.join('1' for _ in range(arity))}))")

    def _class_body(self, made: Class, parent: Class | None, scope: Scope) -> None:
        if self.often(4):
            self.line('"""A class."""')
        public, private, mangled = self.fresh("x"), self.fresh("_x"), self.fresh("__x")
        shared = self.fresh(self.pick(["K", "_K"]))
        self.line(f"{shared} = {self.number()}")
        made.class_attributes.append(shared)
        body_scope = scope.child("class")
        if parent is None and self.often(6):
            self.line(f"__slots__ = ({public!r}, {private!r}, {mangled!r})")
            made.can.add("slots")
        if self.often(4):
            self.line(f"__match_args__ = ({public!r},)")
            made.match_args = [public]
        if self.often(5):
            self.statement(body_scope)
        inside = ["self." + public, "self." + private, "self." + mangled, f"self.{shared}", f"{made.name}.{shared}"]
        self.indented(
            "def __init__(self, p, q):" if parent is None else "def __init__(self, *args):",
            lambda: self._init(parent, public, private, mangled, scope),
        )
        if parent is not None:
            made.arity = parent.arity
            inside += [f"self.{one}" for one in parent.attributes] + [
                f"super().{one}" for one in parent.class_attributes
            ]
        made.attributes += [public, private]
        made.stored += [public, private]
        for _ in range(1 + self.choices.below(3)):
            self._member(made, parent, inside, scope)

    def _init(self, parent: Class | None, public: str, private: str, mangled: str, scope: Scope) -> None:
        self.line("tick()")
        if parent is not None:
            self.line(self.pick(["super().__init__(*args)", f"{parent.name}.__init__(self, *args)"]))
            self.line("p, q = (*args, 1, 2)[:2]")
        first, second = self.pick([("p", "q"), ("q", "p + q"), ("p % 5", "abs(q)")])
        self.line(f"self.{public} = {first}")
        self.line(
            self.pick([f"self.{private} = self.{mangled} = {second}", f"self.{private}, self.{mangled} = {second}, 3"])
        )
        if self.often(4):
            self.line(f"self.{mangled} += 1")

    def _inside(self, made: Class, inside: list[str], scope: Scope) -> Scope:
        inner = scope.child("function")
        inner.of("int").extend(inside * 2)
        inner.of(made.name).append("self")
        inner.cell = made.name
        return inner

    def _member(self, made: Class, parent: Class | None, inside: list[str], scope: Scope) -> None:
        inner = self._inside(made, inside, scope)
        form = self.choices.below(19)
        name = self.fresh(self.pick(["m", "_m", "m"]))

        def value_of(kind: Scope) -> Callable[[], None]:
            def write() -> None:
                self.line("tick()")
                if self.often():
                    self.block(kind, 2)
                self.line(f"return {self.int_(kind)}")

            return write

        if form <= 3:
            inner.of("int").append("a")
            inner.assignable.append("a")
            self.indented(f"def {name}(self, a):", value_of(inner))
            made.methods.append((name, 1))
        elif form == 4:
            hidden = self.fresh("__m")
            self.indented(f"def {hidden}(self):", value_of(inner))
            self.indented(
                f"def {name}(self):",
                lambda: self.line(f"return self.{hidden}() + type(self).{made.class_attributes[-1]}"),
            )
            made.methods.append((name, 0))
        elif form == 5:
            self.line("@property")
            self.indented(f"def {name}(self):", value_of(inner))
            if self.often():
                self.line(f"@{name}.setter")
                target = made.stored[-1]
                self.indented(f"def {name}(self, value):", lambda: self.line(f"self.{target} = value % 100"))
            made.attributes.append(name)
        elif form == 6:
            self.line("@classmethod")
            klass = scope.child("function")
            klass.of("int").extend([f"cls.{one}" for one in made.class_attributes])
            self.indented(f"def {name}(cls):", value_of(klass))
            made.methods.append((name, 0))
        elif form == 7:
            self.line("@staticmethod")
            static = scope.child("function")
            static.of("int").append("a")
            self.indented(f"def {name}(a):", value_of(static))
        elif form == 8 and parent is not None and parent.methods:
            method, arity = self.pick(parent.methods)
            names = ", ".join(f"b{i}" for i in range(arity))
            inner.of("int").extend(f"b{i}" for i in range(arity))
            self.indented(
                f"def {method}(self{', ' if names else ''}{names}):",
                lambda: self.lines_of("tick()", f"return super().{method}({names}) + {self.int_(inner, 1)}"),
            )
        elif form == 9:
            special, ability, arguments = self.pick(
                [
                    ("__add__", "add", ", other"),
                    ("__matmul__", "matmul", ", other"),
                    ("__call__", "call", ", other"),
                    ("__getitem__", "getitem", ", other"),
                    ("__int__", "int", ""),
                ]
            )
            if arguments:
                inner.of("int").append("other") if special != "__getitem__" else None
            self.indented(f"def {special}(self{arguments}):", value_of(inner))
            if special == "__getitem__":
                self.indented("def __iter__(self):", lambda: self.line(f"yield from (self.{made.stored[-1]}, 2)"))
                made.can.add("iter")
            made.can.add(ability)
        elif form == 10:
            self.indented("def __len__(self):", lambda: self.line(f"return abs({self.int_(inner, 1)}) % 7"))
            made.can.add("len")
        elif form == 11:
            one = made.stored[-1]
            self.indented(
                "def __eq__(self, other):",
                lambda: self.line(f"return self.__class__ is other.__class__ and self.{one} == other.{one}"),
            )
            self.indented("def __lt__(self, other):", lambda: self.line(f"return self.{one} < other.{one}"))
            self.indented("def __hash__(self):", lambda: self.line(f"return hash(self.{one})"))
            made.can |= {"eq", "lt"}
        elif form == 12:
            self.indented(
                "def __enter__(self):",
                lambda: self.lines_of("tick()", f"self.{made.stored[-1]} = 1", f"return {self.int_(inner, 1)}"),
            )
            self.indented(
                "def __exit__(self, kind, error, traceback):",
                lambda: self.line(
                    f"log.append(kind is None); return {self.pick(['False', 'None', 'kind is not None and issubclass(kind, LookupError)'])}"
                ),
            )
            made.can.add("with")
        elif form == 13:
            self.indented(
                "def __repr__(self):",
                lambda: self.line(f"return f'{{type(self).__name__}}({{self.{made.stored[-1]}!r}})'"),
            )
            self.indented("def __contains__(self, other):", lambda: self.line("return other % 2 == 0"))
            made.can.add("contains")
        elif form == 14 and "slots" not in made.can:
            asked = self.fresh("lazy")
            self.indented(
                "def __getattr__(self, name):",
                lambda: (
                    self.indented(f"if name == {asked!r}:", lambda: self.line("return 11"))
                    or self.line("raise AttributeError(name)")
                ),
            )
            made.attributes.append(asked)
        elif form == 15:
            self.indented(
                "def __setattr__(self, name, value):",
                lambda: self.lines_of(
                    "tick()",
                    f"{self.pick(['super().__setattr__', 'object.__setattr__'])}({self.pick(['name', 'name'])})".replace(
                        "super().__setattr__(name)", "super().__setattr__(name, value)"
                    ).replace("object.__setattr__(name)", "object.__setattr__(self, name, value)"),
                ),
            )
        elif form == 16:
            helper = self.fresh("D")

            def descriptor() -> None:
                self.indented("def __set_name__(self, owner, name):", lambda: self.line("self._name = '_d_' + name"))
                self.indented(
                    "def __get__(self, instance, owner):",
                    lambda: self.lines_of(
                        "tick()", "return 5 if instance is None else getattr(instance, self._name, 6)"
                    ),
                )
                if "slots" not in made.can:
                    self.indented(
                        "def __set__(self, instance, value):", lambda: self.line("setattr(instance, self._name, value)")
                    )

            self.indented(f"class {helper}:", descriptor)
            self.line(f"{name} = {helper}()")
            made.attributes.append(name)
            if "slots" not in made.can:
                made.stored.append(name) if False else None
        elif form == 17:
            self.indented(
                "def __init_subclass__(cls, **options):",
                lambda: self.lines_of(
                    "super().__init_subclass__(**options)", "log.append(cls.__name__)", "cls._made = len(cls.__name__)"
                ),
            )
            self.indented("def __class_getitem__(cls, item):", lambda: self.line("return (cls.__name__, item)"))
        else:
            # `self` used in ways that a guard at the entry must get right.
            target = made.stored[-1]
            forms = [
                [
                    "def {n}(self, a):",
                    "    tick()",
                    "    for self.{t} in range(a % 3): log.append(self.{t})",
                    "    return self.{t}",
                ],
                [
                    "def {n}(self, a):",
                    "    tick()",
                    "    first = self.{t}",
                    "    self, other = type(self)(*[a] * {r}), self",
                    "    self.{t} = 9",
                    "    return other.{t} + self.{t} + first",
                ],
                [
                    "def {n}(self, a):",
                    "    tick()",
                    "    def inner():",
                    "        self.{t} += a",
                    "        return self.{t}",
                    "    return inner() + self.{t} + inner()",
                ],
                ["def {n}(self, a):", "    tick()", "    return sum([self.{t} + k for k in range(3)]) + self.{t}"],
                [
                    "def {n}(this, a):",
                    "    tick()",
                    "    this.{t}, this.{u} = this.{u}, this.{t}",
                    "    return this.{t}",
                ],
                ["def {n}(self, a):", "    tick()", "    with nullcontext(a) as self.{t}:", "        return self.{t}"],
                ["def {n}(*args):", "    tick()", "    args[0].{t} = args[1]", "    return args[0].{t}"],
                [
                    "def {n}(self, a):",
                    "    tick()",
                    "    copy = self",
                    "    copy.{t} = a",
                    "    del self",
                    "    return copy.{t}",
                ],
                [
                    "def {n}(self, a):",
                    "    tick()",
                    "    match self:",
                    "        case {c}({v}=b): return b + self.{t}",
                    "    return self.{t}",
                ],
            ]
            text = self.pick(forms)
            public = [one for one in made.stored if not one.startswith("_")]
            for row in text:
                self.line(row.format(n=name, t=target, u=made.stored[0], c=made.name, v=public[0], r=made.arity))
            made.methods.append((name, 1))

    def _write_dataclass(self, name: str, scope: Scope) -> None:
        options = self.pick(["", "", "(order=True)", "(frozen=True)", "(slots=True)", "(eq=True, unsafe_hash=True)"])
        self.line(f"@dataclass{options}")
        a, b, c = self.fresh("x"), self.fresh("_y"), self.fresh("z")
        made = Class(name, 2, [a, b], [] if "frozen" in options else [a, b], final="slots" in options)

        def body() -> None:
            self.line(f"{a}: int")
            self.line(f"{b}: int = {self.number()}")
            self.line(f"{c}: list = field(default_factory=list)")
            if self.often() and "frozen" not in options:
                self.indented("def __post_init__(self):", lambda: self.line(f"self.{a} += 1"))
            inner = self._inside(made, [f"self.{a}", f"self.{b}"], scope)
            method = self.fresh("m")
            self.indented(f"def {method}(self):", lambda: self.lines_of("tick()", f"return {self.int_(inner)}"))
            made.methods.append((method, 0))

        self.indented(f"class {name}:", body)
        made.match_args = [a]
        made.can |= {"eq"} | ({"slots"} if "slots" in options else set())
        if "order" in options:
            made.can.add("lt")
        if "frozen" in options:
            made.can.add("slots")
        self.line(f"log.append({name}({self.int_(scope, 0)}))")
        self.line("log[-1] = repr(log[-1])")
        if self.level == 0:
            self.classes.append(made)

    def s_special_class(self, scope: Scope) -> None:
        if self.level > 1:
            self.s_log(scope)
            return
        name = self.fresh("S")
        form = self.choices.below(6)
        if form == 0:
            base = self.pick(["Enum", "IntEnum"])
            self.indented(
                f"class {name}({base}):",
                lambda: self.lines_of(
                    "ONE = 1", "TWO = 2", "UNO = 1", "def next_(self):", "    return type(self)(3 - self.value)"
                ),
            )
            self.line(
                f"log.append([m.name for m in {name}] + [{name}.ONE.next_().name, {name}['TWO'].value, {name}.UNO.name])"
            )
            self.indented(
                f"match {name}({self.pick(['1', '2'])}):",
                lambda: (
                    self.indented(f"case {name}.ONE:", lambda: self.line("log.append('one')")),
                    self.indented("case _:", lambda: self.line("log.append('two')")),
                ),
            )
        elif form == 1:
            self.indented(
                f"class {name}(NamedTuple):",
                lambda: self.lines_of("x: int", "y: int = 4", "def total(self): return self.x + self.y"),
            )
            value = self.int_(scope)
            self.line(f"log.append({name}({value}).total())")
            self.line(f"log.append(repr({name}({value})._replace(y=1)))")
            self.line(f"log.append({name}(1)._asdict())")
            if self.level == 0:
                self.classes.append(
                    Class(name, 2, ["x", "y"], [], [("total", 0)], [], {"eq", "lt", "slots"}, ["x", "y"])
                )
        elif form == 2:
            meta = self.fresh("M")

            def body() -> None:
                self.indented(
                    "def __new__(mcls, name, bases, namespace, **options):",
                    lambda: self.lines_of(
                        "made = super().__new__(mcls, name, bases, namespace)",
                        "made.tag = len(namespace) > 0",
                        "return made",
                    ),
                )
                if self.often():
                    self.indented(
                        "def __call__(cls, *args):",
                        lambda: self.lines_of("made = super().__call__(*args)", "made.called = True", "return made"),
                    )
                self.indented("def __getitem__(cls, item):", lambda: self.line("return item"))

            self.indented(f"class {meta}(type):", body)
            self.indented(
                f"class {name}(metaclass={meta}):", lambda: self.lines_of("def __init__(self, v=1):", "    self.v = v")
            )
            self.line(f"log.append(({name}.tag, {name}(3).v, {name}[4], type({name}).__name__))")
        elif form == 3:
            self.indented(
                f"class {name}(Exception):",
                lambda: self.lines_of(
                    "def __init__(self, code):",
                    "    super().__init__(f'code {code}')",
                    "    self._code = code",
                    "@property",
                    "def code(self): return self._code",
                ),
            )
            self.indented("try:", lambda: self.line(f"raise {name}({self.int_(scope)})"))
            self.indented(f"except {name} as e:", lambda: self.line("log.append((e.code, str(e), e.args))"))
        elif form == 4:
            self.indented(
                f"class {name}({self.pick(['list', 'dict', 'str', 'int', 'tuple'])}):",
                lambda: self.lines_of("def __repr__(self): return 'S' + super().__repr__()", "_extra = 2"),
            )
            self.line(f"log.append((repr({name}()), {name}()._extra, isinstance({name}(), {name})))")
        else:

            def mixed() -> None:
                self.indented(
                    "def __init__(self, **kwargs):",
                    lambda: self.lines_of(
                        "tick()", "super().__init__(**kwargs)", "self._trace = ['A'] + getattr(self, '_trace', [])"
                    ),
                )

            a, b = self.fresh("A"), self.fresh("B")
            self.indented(f"class {a}:", lambda: self.lines_of("def go(self): return ['a']"))
            self.indented(f"class {b}({a}):", lambda: self.lines_of("def go(self): return ['b'] + super().go()"))
            self.indented(
                f"class {name}({a}):",
                lambda: self.lines_of(
                    "def go(self): return ['c'] + super(__class__, self).go()"
                    if self.often()
                    else "def go(self): return ['c'] + super().go()"
                ),
            )
            both = self.fresh("S")
            self.indented(f"class {both}({b}, {name}):", mixed)
            self.line(f"log.append(({both}().go(), {both}()._trace))")

    def s_type_call(self, scope: Scope) -> None:
        name = self.fresh("T")
        bases = [cls.name for cls in self.classes if cls.arity == 2 and not cls.final and self.level == 0][:1]
        self.line(
            f"{name} = type({name!r}, ({', '.join(bases)}{',' if bases else ''}), {{'k': {self.int_(scope)}, '_h': 2, 'm': lambda self: self._h + self.k}})"
        )
        arguments = "1, 2" if bases else ""
        one = self.fresh("o")
        self.line(f"{one} = {name}({arguments})")
        self.line(f"{one}.k += {self.number()}")
        self.line(f"log.append(({one}.m(), {one}._h, {name}.__name__, {name}.k))")

    def s_pep695(self, scope: Scope) -> None:
        name = self.fresh("G")
        form = self.choices.below(3)
        # 3.12 goes on mangling names with the name of a generic class after its end; sandboxed code does not.
        if form == 0 and (self.level == 0 or sys.version_info >= (3, 13)):
            self.indented(
                f"class {name}[T, *Ts]:",
                lambda: self.lines_of(
                    "def __init__(self, v: T):",
                    "    self.__v = v",
                    "def get[U](self, u: U) -> T:",
                    "    return self.__v",
                ),
            )
            self.line(f"log.append(({name}({self.int_(scope)}).get(1), [str(t) for t in {name}.__type_params__]))")
        elif form == 1:
            self.indented(f"def {name}[T: int, **P](a: T) -> T:", lambda: self.line("return a"))
            self.line(f"log.append({name}({self.int_(scope)}))")
        else:
            self.line(f"type {name}[T] = list[T] | {self.pick(['int', 'undefined_later'])}")
            self.line(f"log.append({name}.__name__)")


def _hypothetical(scope: Scope) -> Scope:
    """Return the same scope for statements that may not be run: what they bind is not known afterwards."""
    return Scope(
        scope.kind,
        {key: list(value) for key, value in scope.names.items()},
        list(scope.assignable),
        list(scope.outer),
        scope.cell,
        scope.loops,
        scope.parent,
    )


def program(choices: Choices, size: int = 30) -> str:
    """Return the source of a program; its value is what it logged."""
    writer = Writer(choices, size)
    scope = Scope("module")
    while writer.left > 0:
        writer.statement(scope)
    return _HEAD + "\n".join(writer.lines) + "\nlog, sorted(n for n in globals() if not n.startswith('__'))\n"
