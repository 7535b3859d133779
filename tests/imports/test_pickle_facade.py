"""``pickle``, ``copyreg`` and ``marshal`` in a sandbox: plain data only."""

from __future__ import annotations

import copyreg
import io
import os
import pickle

import pytest

from pycage import AccessDenied, Sandbox


@pytest.fixture
def sandbox():
    with Sandbox("pickling") as made:
        yield made


def test_plain_data_goes_through(sandbox):
    source = """
import io, pickle
data = {"a": [1, 2.5, None, True, b"x", (1, {2}, frozenset({3}))], 5: "text", "big": 10 ** 30, "c": 1j}
data["self"] = data["a"]
file = io.BytesIO()
pickle.dump(data, file, 4)
file.seek(0)
pickle.loads(pickle.dumps(data, 2)) == data, pickle.load(file) == data, pickle.HIGHEST_PROTOCOL, pickle.dumps((3, 2), 2)
"""
    value = sandbox.run(source).value

    assert value == (True, True, pickle.HIGHEST_PROTOCOL, pickle.dumps((3, 2), 2))


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x14int.__base__.__new__\x93.",
        b"\x80\x02\x82\xf1(U\x01/tR.",
        b"(ios\nsystem\n.",
        b"Pid\n.",
        pickle.dumps(os.getcwd),
        pickle.dumps(io.BytesIO, 0),
    ],
)
def test_what_names_anything_is_not_unpickled(sandbox, data):
    try:
        copyreg.add_extension("os", "listdir", 241)
        with pytest.raises((AccessDenied, ValueError, pickle.UnpicklingError)):
            sandbox.run(f"import pickle\npickle.loads({data!r})")
    finally:
        copyreg.remove_extension("os", "listdir", 241)


@pytest.mark.parametrize(
    "thing",
    ["C()", "C", "len", "[C()]", "{'a': C()}", "{C(): 1}", "Int(1)", "List()", "print", "pickle", "(1, [Int(2)])"],
)
def test_nothing_but_plain_data_is_pickled(sandbox, thing):
    source = f"""
import pickle
called = []
class C:
    def __reduce__(self): called.append(1); return (print, ("called",))
    def __getstate__(self): called.append(1)
class Int(int):
    def __reduce_ex__(self, protocol): called.append(1); return (print, ("called",))
class List(list): pass
try:
    pickle.dumps({thing})
    refused = False
except pickle.PicklingError:
    refused = True
refused, called
"""
    assert sandbox.run(source).value == (True, [])


@pytest.mark.parametrize(
    "attack",
    [
        "pickle.Unpickler",
        "pickle.Pickler",
        "pickle.PickleBuffer",
        "pickle.whichmodule",
        "pickle.loads.__globals__",
        "pickle.dumps(1, Int(2))",
        "pickle.loads(Bytes(b'N.'))",
        "marshal.loads(b'')",
        "marshal.dumps(1)",
        "copyreg.add_extension('os', 'listdir', 241)",
        "copyreg.__newobj__",
    ],
)
def test_what_is_not_there(sandbox, attack):
    with pytest.raises((AccessDenied, AttributeError, TypeError, SyntaxError)):
        sandbox.run(f"import copyreg, marshal, pickle\nclass Int(int): pass\nclass Bytes(bytes): pass\n{attack}")


def test_the_registry_is_the_sandboxes_own(sandbox):
    before = dict(copyreg.dispatch_table)

    assert sandbox.run("import copyreg\ncopyreg.pickle(complex, print)\nlist(copyreg.dispatch_table)").value == [
        complex
    ]
    assert copyreg.dispatch_table == before
