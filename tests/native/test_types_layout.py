"""Sizes, alignments and offsets: against the real ctypes, and against the compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycage_native import types
from pycage_native.types.layout import Member, lay_out

SIMPLE = [
    "c_bool", "c_char", "c_wchar", "c_byte", "c_ubyte", "c_short", "c_ushort", "c_int", "c_uint", "c_long", "c_ulong",
    "c_longlong", "c_ulonglong", "c_int8", "c_int16", "c_int32", "c_int64", "c_uint8", "c_uint16", "c_uint32",
    "c_uint64", "c_size_t", "c_ssize_t", "c_float", "c_double", "c_char_p", "c_wchar_p", "c_void_p",
]  # fmt: skip


@pytest.mark.parametrize("name", SIMPLE)
def test_simple_types_are_as_large_as_those_of_ctypes(name):
    ours, theirs = getattr(types, name), getattr(ctypes, name)
    assert types.sizeof(ours) == ctypes.sizeof(theirs)
    assert types.alignment(ours) == ctypes.alignment(theirs)
    assert ours.__name__ == theirs.__name__
    if name not in {"c_longlong", "c_ulonglong"}:
        assert ours._type_ == theirs._type_


# A type is described by a value, from which both kinds of types are made.
def describe(depth: int) -> st.SearchStrategy:
    simple = st.sampled_from(SIMPLE)
    if depth == 0:
        return simple
    inner = describe(depth - 1)
    return st.one_of(
        simple,
        st.tuples(st.just("array"), inner, st.integers(0, 3)),
        st.tuples(st.just("pointer"), inner),
        st.tuples(
            st.sampled_from(["struct", "union"]),
            st.lists(inner, min_size=1, max_size=5),
            st.sampled_from([None, None, 1, 2, 4]),
        ),
    )


def make(description, module):
    if isinstance(description, str):
        return getattr(module, description)
    kind, *rest = description
    if kind == "array":
        return make(rest[0], module) * rest[1]
    if kind == "pointer":
        return module.POINTER(make(rest[0], module))
    fields, pack = rest
    namespace = {} if pack is None else {"_pack_": pack}
    namespace["_fields_"] = [(f"f{i}", make(field, module)) for i, field in enumerate(fields)]
    return type("T", (module.Structure if kind == "struct" else module.Union,), namespace)


def same_layout(ours, theirs):
    assert types.sizeof(ours) == ctypes.sizeof(theirs)
    assert types.alignment(ours) == ctypes.alignment(theirs)
    for name, *_ in getattr(theirs, "_fields_", ()):
        field, expected = getattr(ours, name), getattr(theirs, name)
        assert (field.offset, field.size) == (expected.offset, expected.size)


@settings(max_examples=300, deadline=None)
@given(describe(3))
def test_nested_types_are_laid_out_as_ctypes_does(description):
    same_layout(make(description, types), make(description, ctypes))


@settings(max_examples=100, deadline=None)
@given(st.lists(describe(1), min_size=1, max_size=4), st.lists(describe(1), min_size=1, max_size=4))
def test_an_extended_structure_begins_with_its_base(first, second):
    def extended(module):
        base = type("B", (module.Structure,), {"_fields_": [(f"a{i}", make(d, module)) for i, d in enumerate(first)]})
        return type("D", (base,), {"_fields_": [(f"b{i}", make(d, module)) for i, d in enumerate(second)]})

    same_layout(extended(types), extended(ctypes))


INTEGERS = {"c_byte": 8, "c_ushort": 16, "c_int": 32, "c_uint": 32, "c_ulong": 64, "c_long": 64}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(INTEGERS)), st.data())
def test_bit_fields_of_one_type_are_laid_out_as_ctypes_does(name, data):
    widths = data.draw(st.lists(st.integers(1, INTEGERS[name]), min_size=1, max_size=8))

    def made(module):
        fields = [(f"f{i}", getattr(module, name), width) for i, width in enumerate(widths)]
        return type("T", (module.Structure,), {"_fields_": fields})

    ours, theirs = made(types), made(ctypes)
    assert types.sizeof(ours) == ctypes.sizeof(theirs)
    for i in range(len(widths)):
        field, expected = getattr(ours, f"f{i}"), getattr(theirs, f"f{i}")
        assert field.offset * 8 + field.bit == expected.offset * 8 + (expected.size & 0xFFFF)


C_NAMES = {
    "c_char": "char", "c_byte": "signed char", "c_ubyte": "unsigned char", "c_short": "short",
    "c_ushort": "unsigned short", "c_int": "int", "c_uint": "unsigned", "c_long": "long", "c_ulong": "unsigned long",
    "c_float": "float", "c_double": "double", "c_bool": "_Bool",
}  # fmt: skip


def random_members(seed: int):
    """Deterministic structures of plain members and bit fields of mixed types."""
    import random

    chooser = random.Random(seed)
    members = []
    for i in range(chooser.randint(1, 7)):
        name = chooser.choice(sorted(C_NAMES))
        size = types.sizeof(getattr(types, name))
        bits = None
        if name not in {"c_char", "c_float", "c_double"} and chooser.random() < 0.7:
            bits = 1 if name == "c_bool" else chooser.randint(1, size * 8)
        members.append((f"f{i}", name, bits))
    return members, chooser.choice([0, 0, 0, 1, 2, 4, 8]), chooser.random() < 0.2


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_bit_fields_of_mixed_types_are_laid_out_as_the_compiler_does(tmp_path):
    count = 400
    text = ["#include <stdio.h>", "#include <string.h>"]
    body = []
    for seed in range(count):
        members, pack, union = random_members(seed)
        text.append(f"#pragma pack(push, {pack})" if pack else "#pragma pack(push)")
        text.append(f"{'union' if union else 'struct'} S{seed} {{")
        text += [f"{C_NAMES[name]} {field}{'' if bits is None else f' : {bits}'};" for field, name, bits in members]
        text += ["};", "#pragma pack(pop)"]
        body.append(f'printf("%zu %zu", sizeof(union_or_{seed}), _Alignof(union_or_{seed}));')
        text.append(f"typedef {'union' if union else 'struct'} S{seed} union_or_{seed};")
        for field, _name, _bits in members:
            body.append(
                f"{{ union_or_{seed} s; memset(&s, 0, sizeof s); s.{field} = 1; unsigned char *p = (void *)&s; int at = -1;"
                f" for (int i = 0; i < (int)sizeof s * 8 && at < 0; i++) if (p[i / 8] >> i % 8 & 1) at = i;"
                f' printf(" %d", at); }}'
            )
        body.append('printf("\\n");')
    source = tmp_path / "layout.c"
    source.write_text("\n".join([*text, "int main(void) {", *body, "return 0; }"]))
    subprocess.run(["cc", "-O0", "-w", str(source), "-o", str(tmp_path / "layout")], check=True)
    lines = subprocess.run([str(tmp_path / "layout")], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == count
    for seed, line in enumerate(lines):
        members, pack, union = random_members(seed)
        size, align, *first_bits = map(int, line.split())
        fields = [(f, getattr(types, n)) if b is None else (f, getattr(types, n), b) for f, n, b in members]
        made = type("S", (types.Union if union else types.Structure,), {"_pack_": pack, "_fields_": fields})
        assert (types.sizeof(made), types.alignment(made)) == (size, align), (seed, members, pack, union)
        for (field, name, _bits), bit in zip(members, first_bits, strict=True):
            if name in {"c_float", "c_double"}:
                continue  # the first bit of 1.0 is not the first bit of the member
            placed = getattr(made, field)
            assert placed.offset * 8 + placed.bit == bit, (seed, field, members, pack, union)


def test_the_layout_of_a_packed_structure_without_types():
    layout = lay_out([Member("a", 1, 1), Member("b", 8, 8)], pack=2)

    assert (layout.members[1].offset, layout.size, layout.align) == (2, 10, 2)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="ctypes has _align_ since 3.13")
def test_an_explicit_alignment_is_that_of_ctypes():
    def made(module):
        return type("T", (module.Structure,), {"_align_": 32, "_fields_": [("a", module.c_int)]})

    same_layout(made(types), made(ctypes))
