"""Attributes: the judges of attributes, of calls that concern them, and of what stands between."""

from __future__ import annotations

import ast
import copy
from typing import Final, cast

from pycage.language.names import (
    CLASS,
    FORMAT,
    MUTATOR,
    NEVER,
    OWN,
    PLAIN,
    VALUE,
    advice,
    classify,
    storable,
)
from pycage.language.rewriting import Rewriter, at

__all__ = ["Attributes"]

# Of a class that is read off any object, these give text.
_CLASS_TEXT: Final = frozenset({"__name__", "__qualname__", "__module__", "__doc__"})

# Of a class that is read off any object, these only ask which one it is.
_EQUALITIES: Final = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.In, ast.NotIn)


class Attributes(Rewriter):
    """Judges expressions.  Most are what they are; the name of an attribute decides, or a guard does."""

    def judge_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: C901, N802, PLR0912
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
        if kind == PLAIN and isinstance(node.value, ast.List) and id(node) not in self._called and not self._in_pattern:
            return self._guarded("method", node, self._visit_expr(node.value), at(node, ast.Constant(name)))
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
            node.value = self._guarded("private", node.value, value, at(node, ast.Constant(name)))
            return node
        return self._guarded("getattr", node, value, at(node, ast.Constant(name)))

    def _super_init(self, node: ast.Attribute) -> ast.expr:
        """``super().__init__`` concerns the sandbox's own object, if ``super`` is the built-in: checked first."""
        test = ast.Compare(
            left=ast.Name("super", ast.Load()), ops=[ast.Is()], comparators=[self._placeholder("super", node)]
        )
        # The other branch is for a guest that calls something else super.
        other = ast.Call(ast.Name("super", ast.Load()), [], [])
        guarded = self._guarded("getattr", node, other, ast.Constant(node.attr))
        return at(node, ast.IfExp(test, node, guarded))

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

    def judge_AugAssign(self, node: ast.AugAssign) -> ast.stmt:  # noqa: N802
        """``x.a += v``: also a read, and whoever stands on the right sees what was read."""
        target = node.target
        node.value = self._visit_expr(node.value)
        if not isinstance(target, ast.Attribute):
            self._visit_fields(node, "value")
            return node
        target.attr = self._mangled(target.attr)
        kind = classify(target.attr)
        never = kind == NEVER or not storable(target.attr)
        if self._late and never:
            target.value = self._guarded("late", target.value, self._visit_expr(target.value))
        elif never or kind not in (PLAIN, OWN, VALUE) or target.attr.endswith("__"):
            self.problem(node, f'attribute "{target.attr}" may not be changed in place; write x.a = x.a + ...')
        elif kind == VALUE or (kind == OWN and id(target) not in self._hoisted):
            value = self._visit_expr(target.value)
            name = at(target, ast.Constant(target.attr))
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
        self._called.add(id(node.func))
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
