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
#     [].append         ->  M([], "append")         a method whose list is the sandbox's: its __self__ may be read
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

from typing import final

from pycage.language.attributes import Attributes
from pycage.language.bindings import EXCEPT_STAR, IMPORT_FUNCTION, Bindings
from pycage.language.patterns import Patterns
from pycage.language.rewriting import GUARDS

__all__ = ["EXCEPT_STAR", "GUARDS", "IMPORT_FUNCTION", "Transformer"]


@final
class Transformer(Attributes, Bindings, Patterns):
    """Rewrites one tree: `Rewriter` says how it is made and what comes out."""
