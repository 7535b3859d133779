"""Expressions: names, functions, limits, comprehensions, what it refuses."""

import ast

import simpleeval
from simpleeval import DEFAULT_FUNCTIONS, EvalWithCompoundTypes, SimpleEval, simple_eval


def failing(expression, **options):
    try:
        return simple_eval(expression, **options)
    except (simpleeval.InvalidExpression, SyntaxError, ZeroDivisionError) as error:
        return type(error).__name__


class Thing:
    value = 42
    _hidden = 1


def main():
    assert simple_eval("21 + 21") == 42
    assert simple_eval("2 ** 10 > 1000 and not False") is True
    assert simple_eval("square(11)", functions={"square": lambda x: x * x}) == 121
    assert simple_eval("a if b else c", names={"a": 1, "b": 0, "c": 3}) == 3
    evaluator = SimpleEval(functions={**DEFAULT_FUNCTIONS, "size": len}, names={"text": "hello", "thing": Thing()})
    compound = EvalWithCompoundTypes(names={"items": [3, 1, 2]})
    custom = SimpleEval()
    custom.operators[ast.BitXor] = lambda a, b: a**b
    parsed = evaluator.parse("size(text) * 2")
    return {
        "names": evaluator.eval("text + '!' * size(text)"),
        "attribute": evaluator.eval("thing.value"),
        "parsed": evaluator.eval("size(text) * 2", previously_parsed=parsed),
        "slices": evaluator.eval("text[1:3] + text[-1]"),
        "compound": compound.eval("[x * 2 for x in items if x > 1]"),
        "dictionary": compound.eval("{'a': (1, 2), 'b': [1][0]}['a'][1]"),
        "custom": custom.eval("2 ^ 5"),
        "format": evaluator.eval("f'{text}!'"),
        "chained": simple_eval("1 < 2 < 3"),
        "function": simple_eval("int('7') + float('0.5')"),
        "failing": [
            failing("unknown"),
            failing("f()"),
            failing("9 ** 9 ** 9"),
            failing("'a' * 10000000"),
            failing("x._hidden", names={"x": Thing()}),
            failing("x.__class__", names={"x": 1}),
            failing("1 +"),
            failing("lambda: 1"),
            failing("1 / 0"),
        ],
        "dynamic": simple_eval("a + b", names=lambda node: {"a": 1, "b": 2}[node.id]),
    }
