"""A calculator, JSON, key-value lines, error messages."""

import operator

import pyparsing as pp
from pyparsing import pyparsing_common as ppc


def calculator():
    def chain(tokens):
        values = tokens[0]
        total = values[0]
        for sign, value in zip(values[1::2], values[2::2]):
            total = OPERATORS[sign](total, value)
        return total

    number = ppc.number()
    return pp.infix_notation(
        number,
        [
            ("-", 1, pp.OpAssoc.RIGHT, lambda t: -t[0][1]),
            (pp.one_of("* /"), 2, pp.OpAssoc.LEFT, chain),
            (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT, chain),
        ],
    )


OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def json_grammar():
    value = pp.Forward()
    string = pp.dbl_quoted_string().set_parse_action(pp.remove_quotes)
    constant = pp.one_of("true false null").set_parse_action(
        lambda t: [{"true": True, "false": False, "null": None}[t[0]]]
    )
    array = pp.Group(pp.Suppress("[") + pp.Optional(pp.DelimitedList(value)) + pp.Suppress("]"), aslist=True)
    member = pp.Group(string + pp.Suppress(":") + value)
    table = pp.Dict(pp.Suppress("{") + pp.Optional(pp.DelimitedList(member)) + pp.Suppress("}"), asdict=True)
    value <<= string | ppc.number() | constant | array | table
    return value


def main():
    calc = calculator()
    assert calc.parse_string("1 + 2 * (3 - -4) / 7", parse_all=True)[0] == 3
    data = json_grammar().parse_string('{"a": [1, 2.5, true], "b": {"c": null}}')[0]
    assert data == {"a": [1, 2.5, True], "b": {"c": None}}
    key = pp.Word(pp.alphas)("key")
    line = key + "=" + pp.Word(pp.nums).set_parse_action(lambda s, loc, toks: int(toks[0]) + loc)("value")
    found = [result.as_dict() for result, start, end in line.scan_string("x=1; yy=22")]
    try:
        calc.parse_string("1 +\n* 2", parse_all=True)
    except pp.ParseException as error:
        failure = (error.lineno, error.column, error.explain(depth=0).splitlines()[-1][:20])
    one = pp.Word(pp.nums).set_parse_action(lambda: "no arguments")
    checked = ppc.integer().add_condition(lambda t: t[0] > 10, message="too small")
    try:
        checked.parse_string("5")
    except pp.ParseException as error:
        too_small = error.msg
    pp.ParserElement.enable_packrat()
    quoted = pp.QuotedString("'", esc_char="\\")
    return {
        "found": found,
        "failure": failure,
        "one": one.parse_string("3").as_list(),
        "too_small": too_small,
        "transformed": pp.Word(pp.nums).set_parse_action(lambda t: f"<{t[0]}>").transform_string("a1b22"),
        "quoted": quoted.parse_string(r"'it\'s'")[0],
        "nested": pp.nested_expr().parse_string("(a (b c) d)").as_list(),
        "original": pp.original_text_for(pp.Word("a") + pp.Word("b")).parse_string("aa  bb")[0],
        "regex": pp.Regex(r"(?P<y>\d+)-(?P<m>\d+)").parse_string("2024-05").as_dict(),
        "cjk": pp.Word(pp.pyparsing_unicode.Greek.alphas).parse_string("αβγ").as_list(),
    }
