"""Language: source to restricted code.

`names` says what each attribute name means, `nodes` what each syntax node, `transformer` rewrites (its parts are
`attributes`, `bindings` and `patterns`, which stand on `rewriting`), `compiler` compiles and binds, `_guards` (C)
decides at run time, `stand_ins` (`function_stand_ins`, `class_stand_ins`) has what can be given in place of what is
refused, `builtins` is what a sandbox has for built-ins.
"""

from pycage.language._guards import GuardSet as GuardSet
from pycage.language.builtins import Importer as Importer
from pycage.language.builtins import RestrictedCode as RestrictedCode
from pycage.language.builtins import make_builtins as make_builtins
from pycage.language.compiler import Mode as Mode
from pycage.language.compiler import Unbound as Unbound
from pycage.language.compiler import bind as bind
from pycage.language.compiler import transform as transform
from pycage.language.compiler import transform_tree as transform_tree
from pycage.language.denials import attribute_denied as attribute_denied
from pycage.language.stand_ins import StandIns as StandIns

__all__ = [
    "GuardSet",
    "Importer",
    "Mode",
    "RestrictedCode",
    "StandIns",
    "Unbound",
    "attribute_denied",
    "bind",
    "make_builtins",
    "transform",
    "transform_tree",
]
