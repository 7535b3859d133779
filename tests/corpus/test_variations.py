"""Variations of the corpus's techniques: what its files would do in other words, on the same stage."""

from __future__ import annotations

import pytest
from corpus.cases import DENY, Deny
from corpus.expectations import HARMLESS, granted
from corpus.stage import Stage

CASES = {case.number: case for case in DENY}
PROTECTED = ("__builtins__", "__import__", "__build_class__", "__loader__", "__spec__")
SHADOWING = [case for case in DENY if case.kind == "guard-shadow" and case.applies and case.number not in HARMLESS]


@pytest.mark.parametrize("name", PROTECTED)
@pytest.mark.parametrize("case", SHADOWING, ids=lambda case: case.path.stem)
def test_a_name_that_statements_depend_on_cannot_be_bound_in_any_way(stage: Stage, case: Deny, name: str) -> None:
    source = case.path.read_text(encoding="utf-8").replace("_getattr_", name).replace("_write_", name)
    assert name in source

    outcome = stage.run(case.path, "layer", granted(case), source=source)

    assert outcome.stopped_by == "compile"
    assert name in outcome.reports["load-error"]
    assert outcome.complete


OTHERS_DESCRIPTOR = """
def reach(kind):
    for number in range(3, 32):
        try:
            found = kind(ALLOWED_DIR + '/ok.txt', opener=lambda path, flags: number)
            found.seek(0)
            if b'SECRET' in found.read():
                return True
        except OSError:
            pass
"""

# Number of a corpus file -> other bodies that must have no effect either.
VARIATIONS = {
    "D022": [
        "ESCAPED = host.privileged_cm().func",
        "ESCAPED = host.privileged_cm().args",
        "ESCAPED = host.privileged_cm().gen",
        "ESCAPED = getattr(host.privileged_cm(), 'args')[0]",
    ],
    "D257": [
        OTHERS_DESCRIPTOR + "ESCAPED = reach(open)",
        OTHERS_DESCRIPTOR + "ESCAPED = reach(type(open(ALLOWED_DIR + '/ok.txt').buffer.raw))",
        OTHERS_DESCRIPTOR + "ESCAPED = reach(type(open(ALLOWED_DIR + '/ok.txt', 'rb').detach()))",
        OTHERS_DESCRIPTOR + "ESCAPED = reach(type(open(ALLOWED_DIR + '/ok.txt').detach().detach()))",
        OTHERS_DESCRIPTOR + "ESCAPED = reach(type(open(ALLOWED_DIR + '/ok.txt', 'rb', 0)))",
        OTHERS_DESCRIPTOR + "T = type(open(ALLOWED_DIR + '/ok.txt', 'rb', 0))\nclass C(T): pass\nESCAPED = reach(C)",
        OTHERS_DESCRIPTOR + "T = type(open(ALLOWED_DIR + '/ok.txt', 'rb', 0))\nf = T.__new__(T)\n"
        "def make(*args, **more):\n    super(T, f).__init__(*args, **more)\n    return f\nESCAPED = reach(make)",
        "import os\nESCAPED = os.fdopen(3, 'rb', 0).read()",
    ],
    "D095": [
        "ESCAPED = ｅｖal('open(SECRET_PATH).read()')",
        "ESCAPED = ｅｖal('().__cl' + 'ass__')",
        "ESCAPED = ｅｘｅｃ('import os') or True",
        "ESCAPED = ＿＿builtins＿＿",
        "ESCAPED = host.ｇｉ_frame",
        "ESCAPED = host.call.＿＿globals＿＿",
    ],
    "D097": [
        "class Host:\n    def f(self): return host.__internal\nclass X:\n    ESCAPED = host\nESCAPED = Host().f()",
        "class _:\n    def f(self): return host._internal\nESCAPED = _().f()",
        "class C:\n    def f(self): return getattr(host, '_internal')\nESCAPED = C().f()",
    ],
    "D162": [
        "ESCAPED = eval('[' * 5000 + ']' * 5000)",
        "ESCAPED = eval('-' * 100000 + '1')",
        "ESCAPED = eval('f(' * 5000 + ')' * 5000)",
        "ESCAPED = eval('a' + '.b' * 100000)",
        "ESCAPED = eval('lambda: ' * 50000 + '1')",
        "ESCAPED = eval('1 if ' * 50000 + '1')",
        "ESCAPED = eval('not ' * 100000 + '1') is None",
        "exec('if 1:\\n' + ''.join(' ' * n + 'if 1:\\n' for n in range(1, 400)) + ' ' * 400 + 'x = 1')\nESCAPED = x",
        "ESCAPED = exec('class A:\\n' + ''.join(' ' * n + 'class A:\\n' for n in range(1, 99)) + ' ' * 99 + 'x', {})",
        "ESCAPED = eval('a[' * 5000 + '0' + ']' * 5000)",
        "match 1:\n    case 2: pass\nESCAPED = exec('match 1:\\n case ' + '[' * 5000 + ']' * 5000 + ': pass')",
        "ESCAPED = eval('await ' * 50000 + 'x')",
    ],
}


@pytest.mark.parametrize(
    ("number", "source"), [(number, source) for number, sources in VARIATIONS.items() for source in sources]
)
def test_it_has_no_effect_in_other_words_either(stage: Stage, number: str, source: str) -> None:
    case = CASES[number]

    outcome = stage.run(case.path, "layer", granted(case), source=source)

    assert not outcome.effect("escaped"), outcome
    assert outcome.complete, outcome
