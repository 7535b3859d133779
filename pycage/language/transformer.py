"""The transformer: judges the syntax tree of a guest's source, and puts guards where names alone do not decide."""

# Problem.  Source has to be judged where it can be (a literal name, a binding) and guarded where it cannot (whose
# object is this?), without changing what it means and without a cost for ordinary code.
#
# Things that do not work:
#
# - Guards that the code finds by name: parameters, captures, class namespaces and dictionaries given to exec shadow
#   names (CVE-2026-55830).  So a guard is a *constant* of the code.  Here it is a placeholder, a string that holds a
#   secret of this process; compiler.bind puts the C function in its place.
# - A constant in the place of a function: the compiler warns about it.  `placeholder if True else placeholder` does not
#   make it warn, and is folded: what is left is a single LOAD_CONST.
# - Rewriting reads into getattr(x, "name"): it gives up the specialised LOAD_ATTR.  `guard(x)._name` keeps it, because
#   the guard returns the object itself or raises.
# - Temporaries in a class body or at module level: names there are looked up in a mapping that may be the guest's
#   (__prepare__, exec with locals), which answers what it likes.  So temporaries, whose names begin with a dot, are
#   locals of functions, or declared global: globals are a real dictionary that guests never hold, and no attribute or
#   import of such a name can be stored.  For the same reason nothing is looked up twice by name outside of functions.
#
# Before and after (W, P, G: the guards `write`, `private`, `getattr`):
#
#     x.a = v           ->  W(x).a = v              also +=, del, and for, with and tuple targets
#     x._a              ->  P(x, "_a")._a           P returns x, or something that judges the access (guards/private.c)
#     def f(self):      ->  def f(self):            V returns self, or something that judges every access: one guard
#         self.a = 1            s = V(self, ("_b",))    for each binding of a variable, see hoisting.py
#         self._b += 2          s.a = 1; s._b += 2
#     x.obj             ->  G(x, "obj")             names that are harmless on most objects only
#     x.format(a)       ->  F(x, a)                 the same, without a bound method
#     x.args += v       ->  A(x, "args").args += v   reads too: A is `augment`; x._a += v as well
#     x.__a             ->  x._Class__a              before anything else: guards must be told the name that is read
#     import a.b as c   ->  from a import b as c    the second form can be answered safely, see builtins.py
#     __import__        ->  a variable that only the transformer can name: what the import *statement* calls is another
#     super().__init__  ->  (super().__init__ if super is <super> else G(super(), "__init__"))
#     type(n, b, d)     ->  T(type, n, b, d)        the class becomes the sandbox's own
#     def __reduce__    ->  def __sandboxed_reduce__    in a class: the host's pickle and copy would obey the first
#     case C(a, b):     ->  case _ if (c := M(C)) is None or ...: pass
#                           case c(a, b):           M returns a stand-in with a fixed __match_args__, never None
#     except ImportError: -> except E(ImportError):  E adds ImportDenied, which cannot be derived from ImportError
#
# Real packages mention what nobody may have, in functions that are never called or prepared for the answer "no": a
# debugger looks at `tb.tb_frame`, a fall-back at `f.__code__`.  Source that a resolver found is judged *late*: such a
# line is no problem of the source, it is refused and recorded when it runs, or answered by a stand-in (stand_ins.py):
#
#     x.__code__        ->  G(x, "__code__")
#     x.__code__ = v    ->  L(x).__code__ = v       L returns something that judges the assignment
#     __builtins__      ->  __import__("builtins")  a view of the sandbox's built-ins
#
# What still fails.  A class pattern with positional sub-patterns evaluates its class when its case is reached, not when
# the match gets that far: in `case [Missing(x)]` a missing name is a NameError for every subject.

from __future__ import annotations

import ast
import copy
import sys
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, cast

from RestrictedPython.transformer import RestrictingNodeTransformer

from pycage.errors import SyntaxProblem
from pycage.language.hoisting import hoistable
from pycage.language.names import (
    CLASS,
    FORMAT,
    INERT,
    MUTATOR,
    NEVER,
    OWN,
    PLAIN,
    UNBINDABLE,
    UNREADABLE,
    VALUE,
    advice,
    classify,
    storable,
)
from pycage.language.nodes import NODES, Treatment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EXCEPT_STAR", "GUARDS", "IMPORT_FUNCTION", "Transformer"]

# The guards that may be asked for, by the names of GuardSet's methods; "super" is the built-in type itself.
GUARDS: Final = (
    "write",
    "augment",
    "private",
    "view",
    "view_private",
    "getattr",
    "format",
    "new_type",
    "pattern",
    "caught",
    "late",
    "super",
)

# CVE-2025-22153 (gh-128049): an exception group with its own split() confuses the types in `except*`.
EXCEPT_STAR: Final = sys.version_info >= (3, 13, 2)

# Of a class that is read off any object, these give text.
_CLASS_TEXT: Final = frozenset({"__name__", "__qualname__", "__module__", "__doc__"})

# In an except clause, these mean a denied import too.
_IMPORT_ERRORS: Final = frozenset({"ImportError", "ModuleNotFoundError"})

# Of a class that is read off any object, these only ask which one it is.
_EQUALITIES: Final = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.In, ast.NotIn)

# The variable that a guest's `__import__` becomes.
IMPORT_FUNCTION: Final = ".import"

_Scope: TypeAlias = Literal["module", "class", "function"]
_Node = TypeVar("_Node", bound=ast.AST)
_Any = TypeVar("_Any")


class Transformer(RestrictingNodeTransformer):
    """Rewrites one tree.  ``problems`` holds what was found, in no particular order; with any, the tree is useless.

    Args:
        placeholders: The constant for each name in `GUARDS`.
        secret: No literal of the source may contain it.
        late: What is never available is refused when the line runs, and is no problem of the source.

    """

    def __init__(self, placeholders: Mapping[str, str], secret: str, *, late: bool = False) -> None:
        super().__init__()
        self._late = late
        self.problems: list[SyntaxProblem] = []
        self._placeholders = placeholders
        self._secret = secret
        self._scope: _Scope = "module"
        self._class_variables: set[int] = set()  # ids of Name nodes that bind __class__ in a class body, harmlessly
        self._globals: list[str] = []  # temporaries of the current module or class body
        self._in_pattern = False
        self._checks: list[ast.expr] = []  # what has to be evaluated before the current case
        self._temporaries = 0
        self._class_name: str | None = None  # of the innermost class statement, for names like __this
        self._hoisted: set[int] = set()  # ids of Attribute nodes whose object is guarded where it was bound
        self._made: set[int] = set()  # ids of statements that are not the guest's

    # -- Dispatch and reports ----------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> ast.AST:
        """Treat a node as `NODES` says; a node without a row is a problem."""
        if id(node) in self._made:
            return node
        name = type(node).__name__
        row = NODES.get(name)
        if row is None or row.treatment is Treatment.REFUSED:
            self.problem(node, f"{name} syntax is not available to sandboxed code")
            return node
        if row.treatment is Treatment.PLAIN:
            self._visit_fields(node)
            return node
        judge = getattr(self, f"judge_{name}")
        result: ast.AST = judge(node)
        return result

    def _visit_fields(self, node: ast.AST, *skip: str) -> None:
        """Visit the parts of a node, in place.  One frame per level: depth of source is depth of the stack."""
        for name in node._fields:
            if name in skip:
                continue
            value = getattr(node, name, None)
            if isinstance(value, list):
                value[:] = [self.visit(item) if isinstance(item, ast.AST) else item for item in _split_imports(value)]
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))

    def problem(self, node: ast.AST, message: str) -> None:
        """Record one thing that sandboxed source may not do."""
        self.problems.append(SyntaxProblem(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, message))

    def _binding(self, node: ast.AST, name: str | None) -> None:
        """Judge a name that is bound or deleted here, in whatever form."""
        if name is None:
            return
        if name in UNBINDABLE or (name == "__class__" and id(node) not in self._class_variables):
            # A variable __class__ would tell super() in the functions inside of its scope whose methods to take.  Only
            # that of a class body is invisible to them.
            self.problem(node, f'variable "{name}" may not be bound or deleted; choose another name')
        elif self._scope == "class" and name in INERT:
            self.problem(node, f'special method "{name}" may be defined by "def" or by assignment only{advice(name)}')

    # -- Making nodes ------------------------------------------------------------------------------------------------

    def _placeholder(self, guard: str, where: ast.AST) -> ast.expr:
        text = self._placeholders[guard]
        return _at(where, ast.IfExp(ast.Constant(True), ast.Constant(text), ast.Constant(text)))  # noqa: FBT003

    def _guarded(self, guard: str, where: ast.expr, *arguments: ast.expr) -> ast.expr:
        call = ast.Call(func=self._placeholder(guard, where), args=list(arguments), keywords=[])
        return _at(where, call)

    # -- Attributes --------------------------------------------------------------------------------------------------

    def judge_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: C901, N802
        """``x.a``: by its name, or by a guard."""
        name = node.attr = self._mangled(node.attr)
        if not isinstance(node.ctx, ast.Load):
            if not storable(name):
                if self._late:
                    node.value = self._guarded("late", node.value, self._visit_expr(node.value))
                    return node
                self.problem(node, f'attribute "{name}" may not be assigned or deleted{advice(name, stored=True)}')
            if id(node) in self._hoisted:
                return node
            node.value = self._guarded("write", node.value, self._visit_expr(node.value))
            return node
        if id(node) in self._hoisted:
            return node
        kind = classify(name)
        if kind == NEVER and not self._late:
            self.problem(node, f'attribute "{name}" is not available to sandboxed code{advice(name)}')
        if kind == PLAIN or (kind == NEVER and not self._late):
            inner = node.value
            if name in _CLASS_TEXT and isinstance(inner, ast.Attribute) and inner.attr == "__class__":
                inner.value = self._visit_expr(inner.value)
            else:
                node.value = self._visit_expr(inner)
            return node
        if self._in_pattern:
            self.problem(node, f'attribute "{name}" may not be used in a pattern; give its value a name first')
            return node
        if self._scope == "function" and _is_plain_super(node.value) and kind == MUTATOR and name == "__init__":
            return self._super_init(node)
        value = self._visit_expr(node.value)
        if kind == OWN:
            node.value = self._guarded("private", node.value, value, _at(node, ast.Constant(name)))
            return node
        return self._guarded("getattr", node, value, _at(node, ast.Constant(name)))

    def _super_init(self, node: ast.Attribute) -> ast.expr:
        """``super().__init__`` concerns the sandbox's own object, if ``super`` is the built-in: checked first."""
        test = ast.Compare(
            left=ast.Name("super", ast.Load()), ops=[ast.Is()], comparators=[self._placeholder("super", node)]
        )
        # The other branch is for a guest that calls something else super.
        other = ast.Call(ast.Name("super", ast.Load()), [], [])
        guarded = self._guarded("getattr", node, other, ast.Constant(node.attr))
        return _at(node, ast.IfExp(test, node, guarded))

    def _call_super_init(self, node: ast.Call) -> ast.expr:
        """``super().__init__(a)``: the test around the whole call, as calling a method needs no method object."""
        function = cast("ast.Attribute", node.func)
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not _may_stand_twice(arguments):
            node.func = self._super_init(function)
            return node
        other = copy.deepcopy(node)
        choice = cast("ast.IfExp", self._super_init(function))
        other.func = choice.orelse
        choice.body, choice.orelse = node, other
        return choice

    def _mangled(self, name: str) -> str:
        """Return the attribute that the compiler will make of a name like ``__this`` here.  Source: ``_Py_Mangle``."""
        if self._class_name is None or not name.startswith("__") or name.endswith("__"):
            return name
        stripped = self._class_name.lstrip("_")
        return f"_{stripped}{name}" if stripped else name

    def judge_AugAssign(self, node: ast.AugAssign) -> ast.stmt:  # noqa: N802
        """``x.a += v``: also a read, and whoever stands on the right sees what was read."""
        target = node.target
        node.value = self._visit_expr(node.value)
        if not isinstance(target, ast.Attribute):
            self._visit_fields(node, "value")
            return node
        target.attr = self._mangled(target.attr)
        kind = classify(target.attr)
        if self._late and kind == NEVER:
            target.value = self._guarded("late", target.value, self._visit_expr(target.value))
        elif kind not in (PLAIN, OWN, VALUE) or target.attr.endswith("__"):
            self.problem(node, f'attribute "{target.attr}" may not be changed in place; write x.a = x.a + ...')
        elif kind == VALUE or (kind == OWN and id(target) not in self._hoisted):
            value = self._visit_expr(target.value)
            name = _at(target, ast.Constant(target.attr))
            target.value = self._guarded("augment", target.value, value, name)
        else:
            self.judge_Attribute(target)
        return node

    def judge_Compare(self, node: ast.Compare) -> ast.expr:  # noqa: N802
        """``x.__class__ == y.__class__``: honest in every __eq__, and tells no more than ``type(x)`` does."""
        operands = [node.left, *node.comparators]
        if all(isinstance(operator, _EQUALITIES) for operator in node.ops):
            for index, operand in enumerate(operands):
                if isinstance(operand, ast.Attribute) and classify(operand.attr) == CLASS:
                    operand.value = self._visit_expr(operand.value)
                else:
                    operands[index] = self._visit_expr(operand)
        else:
            operands = [self._visit_expr(operand) for operand in operands]
        node.left, *node.comparators = operands
        return node

    def judge_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        """``type(name, bases, namespace)`` makes an own class; every other call is what it is."""
        makes_class = (
            isinstance(node.func, ast.Name)
            and node.func.id == "type"
            and (len(node.args) > 1 or any(isinstance(argument, ast.Starred) for argument in node.args))
        )
        if isinstance(node.func, ast.Attribute) and classify(node.func.attr) == FORMAT and node.func.attr == "format":
            # "...".format(x): the common case, without making a bound method.
            function = node.func
            node.args.insert(0, function.value)
            self._visit_fields(node, "func")
            node.func = self._placeholder("format", function)
            return node
        if self._scope == "function" and _is_super_init(node.func):
            self._visit_fields(node, "func")
            return self._call_super_init(node)
        self._visit_fields(node)
        if makes_class:
            node.args.insert(0, node.func)
            node.func = self._placeholder("new_type", node.func)
        return node

    def judge_BinOp(self, node: ast.BinOp) -> ast.expr:  # noqa: N802
        """Judge ``a + b + c + ...``: a chain to the left, as deep as it is long."""
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        chain[-1].left = self._visit_expr(chain[-1].left)
        for link in chain:
            link.right = self._visit_expr(link.right)
        return node

    def judge_Constant(self, node: ast.Constant) -> ast.expr:  # noqa: N802
        """Judge a literal: none may look like a placeholder.  Should guests know the secret, this stops them."""
        if isinstance(node.value, str) and self._secret in node.value:
            self.problem(node, "this text is reserved")
        return node

    # -- Names -------------------------------------------------------------------------------------------------------

    def judge_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """Judge a variable."""
        if self._scope == "class":
            node.id = INERT.get(node.id, node.id)
        if isinstance(node.ctx, ast.Load):
            if self._late and node.id == "__builtins__":
                function = _at(node, ast.Name(IMPORT_FUNCTION, ast.Load()))
                return _at(node, ast.Call(function, [_at(node, ast.Constant("builtins"))], []))
            if self._late and node.id in UNREADABLE:
                return self._guarded("getattr", node, _at(node, ast.Constant(None)), _at(node, ast.Constant(node.id)))
            if node.id in UNREADABLE:
                self.problem(node, f'variable "{node.id}" is not available to sandboxed code{advice(node.id)}')
            elif node.id == "__import__":
                node.id = IMPORT_FUNCTION
        else:
            self._binding(node, node.id)
        return node

    def judge_Global(self, node: ast.Global) -> ast.stmt:  # noqa: N802
        """``global a, b``."""
        for name in node.names:
            self._binding(node, name)
        return node

    def judge_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt:  # noqa: N802
        """``nonlocal a, b``."""
        for name in node.names:
            self._binding(node, name)
        return node

    def judge_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:  # noqa: N802
        """``def``: its own name, decorators, defaults and annotations here, everything else inside."""
        self._function(node)
        return node

    def judge_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:  # noqa: N802
        """``async def``."""
        self._function(node)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if self._scope == "class":
            node.name = INERT.get(node.name, node.name)
        self._binding(node, node.name)
        entry = self._hoist(node)
        self._visit_fields(node, "body")
        has_docstring = ast.get_docstring(node, clean=False) is not None
        self._visit_scope("function", node, "body")
        position = 1 if entry and has_docstring else 0
        node.body[position:position] = entry

    def judge_Lambda(self, node: ast.Lambda) -> ast.expr:  # noqa: N802
        """``lambda``."""
        self._visit_fields(node, "body")
        self._visit_scope("function", node, "body")
        return node

    def judge_ClassDef(self, node: ast.ClassDef) -> ast.stmt:  # noqa: N802
        """``class``: registered as own by the sandbox's __build_class__, whatever the metaclass is."""
        self._binding(node, node.name)
        outer = self._class_name
        if getattr(node, "type_params", None):
            # PEP 695: parameters and bases are in a scope of their own, which already has the class's private names.
            self._visit_fields(node, "body", *(name for name in node._fields if name != "decorator_list"))
            self._class_name = node.name
            self._visit_fields(node, "body", "decorator_list")
        else:
            self._visit_fields(node, "body")
        self._class_name = node.name
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                self._class_variables.add(id(statement))
            elif isinstance(statement, ast.Assign):
                self._class_variables.update(id(target) for target in statement.targets)
        self._visit_scope("class", node, "body")
        self._class_name = outer
        return node

    def judge_Module(self, node: ast.Module) -> ast.mod:  # noqa: N802
        """Declare the temporaries that a module's own statements need."""
        self._visit_scope("module", node, "body")
        return node

    def _visit_scope(self, scope: _Scope, node: ast.AST, field: str) -> None:
        """Visit one field of a node as a scope of its own."""
        outer = self._scope, self._in_pattern, self._checks, self._globals
        self._scope, self._in_pattern, self._checks, self._globals = scope, False, [], []
        self._visit_fields(node, *(name for name in node._fields if name != field))
        body = getattr(node, field)
        if self._globals and isinstance(body, list):
            position = 0
            for statement in body:
                future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
                if not future and not (position == 0 and _is_text(statement)):
                    break
                position += 1
            body.insert(position, _at(body[0], ast.Global(self._globals)))
        self._scope, self._in_pattern, self._checks, self._globals = outer

    def _hoist(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """Point the guarded attributes of some variables to hidden ones; return what sets those of parameters.

        What sets the others is put into the body.  A guard there may not raise, because the attributes may never be
        used: `view` returns a stand-in that raises then, if it has to.
        """
        entry: list[ast.stmt] = []
        for name, uses, bindings, is_parameter in hoistable(node):
            hidden = f".p{name}"
            private = tuple(dict.fromkeys(self._mangled(use.attribute.attr) for use in uses if use.reads))
            for use, _ in uses:
                use.value = ast.copy_location(ast.Name(hidden, ast.Load()), use.value)
                self._hoisted.add(id(use))
            if is_parameter:
                entry.append(self._look(name, hidden, private, node.body[0]))
            for body, after in bindings:
                position = 0 if after is None else body.index(after) + 1
                body.insert(position, self._look(name, hidden, private, after or body[0]))
        return entry

    def _look(self, name: str, hidden: str, private: tuple[str, ...], where: ast.stmt) -> ast.stmt:
        """Make ``hidden = view(name)``."""
        # A tuple of constants is a constant; typeshed does not know.
        names: list[ast.expr] = [ast.Constant(cast("str", private))] if private else []
        guard = self._placeholder("view_private" if private else "view", where)
        call = ast.Call(guard, [ast.Name(name, ast.Load()), *names], [])
        made = _at(where, ast.Assign([ast.Name(hidden, ast.Store())], call))
        self._made.add(id(made))
        return made

    def judge_arguments(self, node: ast.arguments) -> ast.arguments:
        """Parameters of every form (CVE-2026-55830: the positional-only ones were forgotten)."""
        for argument in (*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg):
            if argument is not None:
                self._binding(argument, argument.arg)
        self._visit_fields(node)
        return node

    def judge_Import(self, node: ast.Import) -> ast.stmt:  # noqa: N802
        """``import a.b as c``."""
        self._imports(node, node.names, from_module=False)
        return node

    def judge_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:  # noqa: N802
        """``from a import b``: reads attributes; builtins.py judges names with underscores, as it has the module."""
        self._imports(node, node.names, from_module=True)
        return node

    def _imports(self, node: ast.stmt, aliases: Sequence[ast.alias], *, from_module: bool) -> None:
        if getattr(node, "is_lazy", False):
            self.problem(node, "lazy imports are not available to sandboxed code; write an ordinary import")
        for alias in aliases:
            parts = alias.name.split(".")
            self._binding(alias, alias.asname or parts[0])
            for part in parts if from_module else parts[1:]:
                if classify(part) == NEVER:
                    self.problem(alias, f'"{part}" may not be imported{advice(part)}')

    def judge_ExceptHandler(self, node: ast.ExceptHandler) -> ast.excepthandler:  # noqa: N802
        """``except E as name``: a denied import is caught by those who ask for an import error."""
        self._binding(node, node.name)
        self._visit_fields(node)
        if node.type is not None and _mentions_import_error(node.type):
            node.type = self._guarded("caught", node.type, node.type)
        return node

    def judge_TryStar(self, node: ast.stmt) -> ast.stmt:  # noqa: N802
        """``except*``."""
        if not EXCEPT_STAR:
            self.problem(
                node,
                "except* is refused because this Python is affected by CVE-2025-22153; "
                "write except ExceptionGroup and use its subgroup() or split()",
            )
        self._visit_fields(node)
        return node

    def judge_TypeVar(self, node: ast.AST) -> ast.AST:  # noqa: N802
        """``def f[T: bound]`` (PEP 695)."""
        self._binding(node, getattr(node, "name", None))
        self._visit_fields(node)
        return node

    judge_ParamSpec = judge_TypeVar  # noqa: N815
    judge_TypeVarTuple = judge_TypeVar  # noqa: N815

    # -- Patterns ----------------------------------------------------------------------------------------------------

    def judge_Match(self, node: ast.Match) -> ast.stmt:  # noqa: N802
        """``match``: puts a case that never matches before each case whose classes have to be looked at."""
        node.subject = self._visit_expr(node.subject)
        cases: list[ast.match_case] = []
        for case in node.cases:
            outer, self._checks = self._checks, []
            self._in_pattern = True
            case.pattern = _as_pattern(self.visit(case.pattern))
            self._in_pattern = False
            if self._checks:
                test = self._checks[0] if len(self._checks) == 1 else ast.BoolOp(ast.Or(), self._checks)
                never = ast.match_case(ast.MatchAs(), test, [ast.Pass()])
                cases.append(_at(case.pattern, never))
            self._checks = outer
            if case.guard is not None:
                case.guard = self._visit_expr(case.guard)
            case.body[:] = [_as_statement(self.visit(statement)) for statement in _split_imports(case.body)]
            cases.append(case)
        node.cases = cases
        return node

    def judge_MatchClass(self, node: ast.MatchClass) -> ast.pattern:  # noqa: N802
        """``case C(a, b, c=d)``: reads attributes named in C.__match_args__ and in the pattern."""
        for name in node.kwd_attrs:
            if classify(name) != PLAIN:
                self.problem(
                    node, f'attribute "{name}" may not be used in a pattern; use a guard: case C() as x if ...'
                )
        node.cls = self._visit_expr(node.cls)
        if node.patterns:
            name = f".c{self._temporaries}"
            self._temporaries += 1
            if self._scope != "function":
                self._globals.append(name)
            judged = ast.NamedExpr(ast.Name(name, ast.Store()), self._guarded("pattern", node.cls, node.cls))
            self._checks.append(_at(node, ast.Compare(judged, [ast.Is()], [ast.Constant(None)])))
            node.cls = _at(node.cls, ast.Name(name, ast.Load()))
        self._visit_fields(node, "cls")
        return node

    def judge_MatchAs(self, node: ast.MatchAs) -> ast.pattern:  # noqa: N802
        """``case p as name`` and ``case name``."""
        self._binding(node, node.name)
        self._visit_fields(node)
        return node

    def judge_MatchStar(self, node: ast.MatchStar) -> ast.pattern:  # noqa: N802
        """``case [*name]``."""
        self._binding(node, node.name)
        return node

    def judge_MatchMapping(self, node: ast.MatchMapping) -> ast.pattern:  # noqa: N802
        """``case {**name}``."""
        self._binding(node, node.rest)
        self._visit_fields(node)
        return node

    # -- Types of what a visit returns ---------------------------------------------------------------------------------

    def _visit_expr(self, node: ast.expr) -> ast.expr:
        visited = self.visit(node)
        if not isinstance(visited, ast.expr):
            raise TypeError(type(visited))
        return visited


def _at(where: ast.AST, node: _Node) -> _Node:
    """Give a made node and its made parts the place of another; parts that have one keep it."""
    ast.copy_location(node, where)
    stack: list[ast.AST] = [node]
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if not hasattr(child, "lineno"):
                ast.copy_location(child, where)
                stack.append(child)
            elif "lineno" not in child._attributes:
                stack.append(child)
    return node


def _split_imports(statements: list[_Any]) -> list[_Any]:
    """``import a, b.c as d`` -> ``import a``, ``from b import c as d``.  Other nodes, and other lists, are kept."""
    result: list[_Any] = []
    for statement in statements:
        if not isinstance(statement, ast.Import) or getattr(statement, "is_lazy", False):
            result.append(statement)
            continue
        for alias in statement.names:
            parent, dot, name = alias.name.rpartition(".")
            made: ast.stmt
            if dot and alias.asname is not None:
                renamed = ast.copy_location(ast.alias(name, alias.asname), alias)
                made = ast.ImportFrom(module=parent, names=[renamed], level=0)
            else:
                made = ast.Import(names=[alias])
            result.append(cast("_Any", ast.copy_location(made, statement)))
    return result


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a string, as a docstring is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _mentions_import_error(node: ast.expr) -> bool:
    """Whether an ``except`` clause names an error of imports, alone or in a tuple."""
    named = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(one, ast.Name) and one.id in _IMPORT_ERRORS for one in named)


def _is_plain_super(node: ast.expr) -> bool:
    """Whether a node is ``super()``."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "super"
        and not node.args
        and not node.keywords
    )


def _is_super_init(node: ast.expr) -> bool:
    """Whether a node is ``super().__init__``."""
    return isinstance(node, ast.Attribute) and node.attr == "__init__" and _is_plain_super(node.value)


# What an expression may consist of if there are to be two of it, of which one is evaluated.
_SIMPLE: Final = (
    *(ast.Name, ast.Attribute, ast.Constant, ast.Starred, ast.Tuple, ast.List, ast.Dict, ast.Subscript, ast.Call),
    *(ast.keyword, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp),
    *(ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop),
)
_AT_MOST: Final = 80


def _may_stand_twice(nodes: list[ast.expr]) -> bool:
    """Whether expressions are short, bind nothing and make no code."""
    count = 0
    for node in nodes:
        for part in ast.walk(node):
            count += 1
            if count > _AT_MOST or not isinstance(part, _SIMPLE):
                return False
    return True


def _as_pattern(node: ast.AST) -> ast.pattern:
    if not isinstance(node, ast.pattern):
        raise TypeError(type(node))
    return node


def _as_statement(node: ast.AST) -> ast.stmt:
    if not isinstance(node, ast.stmt):
        raise TypeError(type(node))
    return node
