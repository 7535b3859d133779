"""Calling conventions: tables for both machines, and the compiler's own opinion on this one."""

from __future__ import annotations

import platform
import random

import pytest
from pycage_native import types
from pycage_native.abi import STACK, Scalar, Shape, convention, shape_of
from pycage_native.types.base import Data


def struct(*kinds, pack=0):
    return type("S", (types.Structure,), {"_pack_": pack, "_fields_": [(f"f{i}", k) for i, k in enumerate(kinds)]})


def words(placed):
    return [[piece.word for piece in assigned.pieces] for assigned in placed.arguments]


I, L, F, D, C = types.c_int, types.c_long, types.c_float, types.c_double, types.c_char
FOUR_FLOATS = shape_of(struct(F, F, F, F))
THREE_DOUBLES = shape_of(struct(D, D, D))
MIXED = shape_of(struct(L, D))
PAIR = shape_of(struct(I, I))
BIG = shape_of(struct(L, L, L))

# (machine, arguments, result) -> words of the arguments, words on the stack, words of the result, hidden word
TABLE = [
    ("x86_64", "iriri", None, [[0], [8], [1], [9], [2]], 0, [], None),
    ("x86_64", "i" * 8, None, [[0], [1], [2], [3], [4], [5], [STACK], [STACK + 1]], 2, [], None),
    ("x86_64", "r" * 9, None, [[8 + i] for i in range(8)] + [[STACK]], 1, [], None),
    ("x86_64", [MIXED], MIXED, [[0, 8]], 0, [0, 2], None),
    ("x86_64", [PAIR], PAIR, [[0]], 0, [0], None),
    ("x86_64", [FOUR_FLOATS], FOUR_FLOATS, [[8, 9]], 0, [2, 3], None),
    ("x86_64", [THREE_DOUBLES, "i"], THREE_DOUBLES, [[STACK, STACK + 1, STACK + 2], [1]], 3, [], 0),
    ("x86_64", [BIG, "i"], None, [[STACK, STACK + 1, STACK + 2], [0]], 3, [], None),
    # Five integers leave one register: a structure of two does not fit, the next integer does.
    ("x86_64", ["i"] * 5 + [shape_of(struct(L, L)), "i"], None,
     [[0], [1], [2], [3], [4], [STACK, STACK + 1], [5]], 2, [], None),
    ("x86_64", [shape_of(struct(C, L, pack=1))], None, [[STACK, STACK + 1]], 2, [], None),
    ("x86_64", [shape_of(struct(I, F))], None, [[0]], 0, [], None),
    ("aarch64", "iriri", None, [[0], [8], [1], [9], [2]], 0, [], None),
    ("aarch64", "i" * 9, None, [[i] for i in range(8)] + [[STACK]], 1, [], None),
    ("aarch64", [FOUR_FLOATS], FOUR_FLOATS, [[8, 9, 10, 11]], 0, [2, 3, 4, 5], None),
    ("aarch64", [THREE_DOUBLES, "r"], THREE_DOUBLES, [[8, 9, 10], [11]], 0, [2, 3, 4], None),
    ("aarch64", [MIXED], MIXED, [[0, 1]], 0, [0, 1], None),
    ("aarch64", [BIG, "i"], BIG, [[0], [1]], 0, [], 16),
    # No structure is split, and no later one goes back to the registers that were left.
    ("aarch64", ["i"] * 7 + [shape_of(struct(L, L)), "i"], None,
     [[0], [1], [2], [3], [4], [5], [6], [STACK, STACK + 1], [STACK + 2]], 3, [], None),
    ("aarch64", ["r"] * 7 + [shape_of(struct(D, D)), "r"], None,
     [[8], [9], [10], [11], [12], [13], [14], [STACK, STACK + 1], [STACK + 2]], 3, [], None),
]  # fmt: skip


@pytest.mark.parametrize(("machine", "arguments", "result", "expected", "stack", "returned", "hidden"), TABLE)
def test_arguments_go_where_the_standard_says(machine, arguments, result, expected, stack, returned, hidden):
    placed = convention(machine, tuple(arguments), result)

    assert words(placed) == expected
    assert placed.stack == stack
    assert [piece.word for piece in placed.returned] == returned
    assert placed.hidden == hidden


def test_a_large_structure_is_passed_by_a_copy_on_aarch64():
    assert convention("aarch64", (BIG,)).arguments[0].copied
    assert not convention("x86_64", (BIG,)).arguments[0].copied


def test_a_structure_of_one_float_array_is_homogeneous():
    shape = shape_of(struct(F * 3))

    assert shape == Shape(12, 4, (Scalar(0, 4, True), Scalar(4, 4, True), Scalar(8, 4, True)))
    assert words(convention("aarch64", (shape,))) == [[8, 9, 10]]
    assert words(convention("x86_64", (shape,))) == [[8, 9]]


def test_an_empty_structure_takes_no_place():
    placed = convention("x86_64", (shape_of(struct()), "i"), shape_of(struct()))

    assert words(placed) == [[], [0]]
    assert placed.hidden is None


def test_another_machine_is_refused():
    with pytest.raises(NotImplementedError, match="riscv64"):
        convention("riscv64", ("i",))


KINDS = {
    "c_byte": "signed char", "c_ushort": "unsigned short", "c_int": "int", "c_long": "long", "c_float": "float",
    "c_double": "double", "c_bool": "_Bool", "c_void_p": "void *",
}  # fmt: skip


def described(chooser, depth=1):
    """A random structure or union: (C text of its members, our type)."""
    union = chooser.random() < 0.2
    text, fields = [], []
    for i in range(chooser.randint(1, 4)):
        length = chooser.choice([0, 0, 0, 2, 3])
        if depth and chooser.random() < 0.3:
            inner_text, kind = described(chooser, depth - 1)
            c_name = inner_text
        else:
            name = chooser.choice([n for n in KINDS if n != "c_void_p"])
            kind, c_name = getattr(types, name), KINDS[name]
        text.append(f"{c_name} f{i}{f'[{length}]' if length else ''};")
        fields.append((f"f{i}", kind * length if length else kind))
    made = type("S", (types.Union if union else types.Structure,), {"_fields_": fields})
    return f"{'union' if union else 'struct'} {{ {' '.join(text)} }}", made


def random_signature(seed):
    chooser = random.Random(seed)
    arguments = []
    for _ in range(chooser.randint(1, 10)):
        if chooser.random() < 0.4:
            arguments.append(described(chooser))
        else:
            name = chooser.choice([n for n in KINDS if n != "c_void_p"])
            arguments.append((KINDS[name], getattr(types, name)))
    return arguments, chooser.randrange(len(arguments))


def scalars(kind, at=0):
    """(offset, size) of every number in a type, but of one member of a union."""
    if issubclass(kind, (types.Structure, types.Union)):
        members = kind._members_[:1] if issubclass(kind, types.Union) else kind._members_
        return [s for m in members for s in scalars(m.kind, at + m.offset)]
    if issubclass(kind, types.Array):
        size = types.sizeof(kind._type_)
        return [s for i in range(kind._length_) for s in scalars(kind._type_, at + i * size)]
    return [(at, types.sizeof(kind))]


def filled(kind, chooser):
    """An object of random bytes, where 0 and 1 are the bytes that a bool may have."""
    data = bytes(chooser.randint(0, 1) for _ in range(types.sizeof(kind)))
    return kind.from_buffer_copy(data)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the tables are for x86-64; others are only read")
def test_structures_by_value_arrive_and_return_as_the_compiler_has_them(load):
    count = 120
    text = ["#include <string.h>"]
    for seed in range(count):
        arguments, returned = random_signature(seed)
        text += [f"typedef {c_name} T{seed}_{i};" for i, (c_name, _) in enumerate(arguments)]
        parameters = ", ".join(f"T{seed}_{i} a{i}" for i in range(len(arguments)))
        copies = " ".join(f"memcpy(out + {i * 512}, &a{i}, sizeof a{i});" for i in range(len(arguments)))
        text.append(f"static char out{seed}[5120];")
        text.append(
            f"T{seed}_{returned} f{seed}({parameters}) {{ char *out = out{seed}; {copies} return a{returned}; }}"
        )
        text.append(f"void g{seed}(void *to) {{ memcpy(to, out{seed}, 5120); }}")
    library = load("\n".join(text))
    for seed in range(count):
        arguments, returned = random_signature(seed)
        kinds = [kind for _, kind in arguments]
        chooser = random.Random(seed)
        values = [filled(kind, chooser) for kind in kinds]
        function = library.function(f"f{seed}", kinds[returned], kinds)
        result = function(*values)
        seen = types.create_string_buffer(5120)
        library.function(f"g{seed}", None, [types.c_void_p])(seen)
        for i, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            for offset, size in scalars(kind):
                got = seen.raw[i * 512 + offset : i * 512 + offset + size]
                assert got == bytes(value)[offset : offset + size], (seed, i, arguments)
        if isinstance(result, Data):
            for offset, size in scalars(kinds[returned]):
                assert bytes(result)[offset : offset + size] == bytes(values[returned])[offset : offset + size], seed
        else:
            assert repr(result) == repr(values[returned].value)
