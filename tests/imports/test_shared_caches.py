"""Values with an `__eq__` of their own do not change what the host gets from caches of the standard library."""

from __future__ import annotations

import copy
import datetime
import fractions
import ipaddress
import itertools
import pathlib
import re
import string
import struct
import subprocess
import sys
import textwrap
import time
import typing
import urllib.parse

import pytest
from pycage import Sandbox
from pycage.errors import AccessDenied

_numbers = itertools.count()

LIKE = """
def like(kind, key):
    class Like(kind):
        def __hash__(self): return hash(key)
        def __eq__(self, other): return True
    return Like
"""


@pytest.fixture
def sandbox():
    with Sandbox(f"caches_{next(_numbers)}") as made:
        yield made


def quietly(sandbox, source):
    """Run it; whether it is refused or does no harm, what counts is what the host gets afterwards."""
    try:
        return sandbox.run(LIKE + source).value
    except (AccessDenied, AttributeError, TypeError) as error:
        return error


def test_the_netmask_of_a_network_of_the_host_stays(sandbox):
    quietly(sandbox, "import ipaddress\nipaddress.IPv4Network(('10.0.0.0', like(str, '23')('8')))")

    assert ipaddress.ip_network("10.0.0.0/23").num_addresses == 512


def test_what_is_private_stays_private(sandbox):
    source = "import ipaddress\nlike(ipaddress.IPv4Address, ipaddress.IPv4Address('10.9.8.7'))('8.8.8.8').is_private"
    assert isinstance(quietly(sandbox, source), AccessDenied)

    assert ipaddress.ip_address("10.9.8.7").is_private


NUMBER = """
class Number(int):
    meant = 0
    def __int__(self): return Number.meant
    def __hash__(self): return hash(Number.meant)
    def __eq__(self, other): return True
    def __and__(self, other): return -1
    def __rrshift__(self, other): return other
    def __lt__(self, other): return False
    __gt__ = __lt__
"""


@pytest.mark.parametrize(("kind", "address"), [("IPv4Address", "10.9.8.6"), ("IPv6Address", "fe80::9:8:6")])
def test_an_address_is_the_number_that_it_was_made_of(sandbox, kind, address):
    meant = int(ipaddress.ip_address(address))
    source = (
        f"import ipaddress\nNumber.meant = {meant}\nmade = ipaddress.{kind}(Number(5))\nmade.is_private, made\nmade"
    )
    made = sandbox.run(NUMBER + source).value

    assert type(made._ip) is int
    assert int(made) == 5
    assert ipaddress.ip_address(address).is_private


def test_a_mask_is_the_number_that_it_was_made_of(sandbox):
    quietly(sandbox, NUMBER + "import ipaddress\nipaddress.IPv4Network(('10.0.0.0', Number(21)))")
    quietly(sandbox, NUMBER + "import ipaddress\nipaddress.IPv6Network(('fe80::', Number(125)))")

    assert ipaddress.ip_network(("10.0.0.0", 21)).num_addresses == 2048
    assert ipaddress.ip_network(("fe80::", 125)).num_addresses == 8


# In a process of its own: nobody has imported the modules in a sandbox.
LENT = """
import datetime, ipaddress
import pycage

def run(source, lent):
    with pycage.Sandbox("lent", host_policy=pycage.rules()) as sandbox:
        sandbox.run(LIKE + NUMBER + source, variables={"lent": lent})

run("Number.meant = int(lent)\\ntype(lent)(Number(5)).is_private", ipaddress.IPv4Address("10.7.7.7"))
assert ipaddress.IPv4Address("10.7.7.7").is_private
run("type(lent).strptime('2021-05', like(str, '%Y-%d')('%Y-%m'))", datetime.datetime(2026, 1, 1))
assert datetime.datetime.strptime("2021-05", "%Y-%d").day == 5
"""


def test_an_object_that_is_lent_leads_to_no_cache_without_an_import(tmp_path):
    program = f"LIKE = {LIKE!r}\nNUMBER = {NUMBER!r}\n{LENT}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stderr == ""


def test_what_only_says_that_it_is_a_number_makes_no_address(sandbox):
    source = (
        "import ipaddress\nclass Liar:\n __class__ = int\n def __lt__(self, other): return False\n __gt__ = __lt__\n"
        "ipaddress.IPv4Address(Liar())"
    )
    with pytest.raises((TypeError, AccessDenied)):
        sandbox.run(source)


def test_addresses_and_networks_are_made_as_ever(sandbox):
    source = """
import ipaddress as ip
network = ip.IPv4Network(("10.0.0.0", 22))
(network, ip.IPv4Address(True), ip.ip_address(address=b"abcd"), ip.IPv6Interface("fe80::1%eth0/64"),
 list(network.subnets(new_prefix=23))[1], ip.ip_network("10.0.0.0/255.255.0.0"), network.is_private)
"""
    assert sandbox.run(source).value == (
        ipaddress.ip_network("10.0.0.0/22"),
        ipaddress.ip_address(1),
        ipaddress.ip_address("97.98.99.100"),
        ipaddress.ip_interface("fe80::1%eth0/64"),
        ipaddress.ip_network("10.0.2.0/23"),
        ipaddress.ip_network("10.0.0.0/16"),
        True,
    )


@pytest.mark.parametrize(
    "change",
    [
        "wrapper.unicode_whitespace_trans[97] = 98",
        "wrapper().unicode_whitespace_trans.update({97: 98})",
        "class W(wrapper):\n def change(self): super().unicode_whitespace_trans[97] = 98\nW().change()",
    ],
)
def test_a_table_that_a_class_shows_stays(sandbox, change):
    sandbox.run(f"from textwrap import TextWrapper as wrapper\n{change}")

    assert textwrap.fill("a\ta") == "a       a"
    assert textwrap.TextWrapper.unicode_whitespace_trans[9] == 32


def test_a_wrapper_with_a_table_of_its_own_uses_it(sandbox):
    source = """
from textwrap import TextWrapper
class Wrapper(TextWrapper):
    unicode_whitespace_trans = {**TextWrapper.unicode_whitespace_trans, 160: 32}
Wrapper().fill("a\u00a0b"), TextWrapper().fill("a\u00a0b\x0bc")
"""
    assert sandbox.run(source).value == ("a b", "a\u00a0b c")


def test_formats_of_struct_stay(sandbox):
    assert isinstance(quietly(sandbox, "import struct\nstruct.pack(like(str, '<QHB')('<H'), 3)"), TypeError)

    assert len(struct.pack("<QHB", 1, 2, 3)) == 11


def test_flags_of_patterns_stay(sandbox):
    quietly(sandbox, "import re\nre.compile('caches', like(int, 0)(2))")

    assert re.compile("caches", 0).match("CACHES") is None


@pytest.mark.parametrize("call", ["datetime.datetime.strptime('2020-05', f)", "time.strptime('2020-05', f)"])
def test_formats_of_dates_stay(sandbox, call):
    quietly(sandbox, f"import datetime, time\nf = like(str, '%Y-%d')('%Y-%m')\n{call}")

    assert datetime.datetime.strptime("2020-05", "%Y-%d").day == 5  # noqa: DTZ007
    assert time.strptime("2020-05", "%Y-%d").tm_mday == 5


@pytest.mark.parametrize("call", ["quote('a<b', safe)", "quote_plus('a<b', safe)", "urlencode({'a': '<'}, safe=safe)"])
def test_what_is_quoted_in_urls_stays(sandbox, call):
    source = """
from urllib.parse import quote, quote_plus, urlencode
class Safe(str):
    def encode(self, *options): return like(bytes, b"/")(b"<>&/")
    def __add__(self, other): return self
safe = Safe("/")
"""
    quietly(sandbox, source + call)

    assert urllib.parse.quote("a/b<c") == "a/b%3Cc"


def test_a_function_of_the_sandbox_is_no_overload_of_one_of_the_hosts(sandbox):
    source = """
from typing import overload
def f(x): return x
f.__module__, f.__qualname__ = names
overload(f)
"""
    function = typing.overload
    sandbox.run(source, variables={"names": (function.__module__, function.__qualname__)})

    assert typing.get_overloads(function) == []


PATHS = """
from pathlib import PurePath, PurePosixPath
Text = like(str, "*.cached")
class Path(PurePosixPath):
    parts = _parts = _tail = property(lambda self: [Text("*")])
    _lines = property(lambda self: Text("*"))
    drive = root = ""
"""


@pytest.mark.parametrize("call", ["PurePath('x').match(Path('*'))", "PurePath('x').match(Text('*'))"])
def test_patterns_of_paths_stay(sandbox, call):
    quietly(sandbox, PATHS + call)

    assert not pathlib.PurePath("x").match("*.cached")
    assert pathlib.PurePath("x.cached").match("*.cached")


def test_the_modules_work(sandbox):
    source = """
import re, struct, ipaddress, datetime, time, copy
(re.compile('A', re.I).match('a').group(), re.sub('a', 'b', 'aA', flags=re.I), re.split(',', 'a,b', maxsplit=1),
 re.findall('[ab]', 'abc'), struct.unpack('<H', struct.pack('<H', 3)), struct.unpack_from('<H', b'__\\x01\\x00', offset=2),
 ipaddress.ip_network('10.0.0.0/30').num_addresses, ipaddress.IPv4Network(('10.0.0.0', 24)).prefixlen,
 datetime.datetime.strptime('2020-05', '%Y-%m').month, time.strptime('2020', '%Y').tm_year)
"""
    plain = {}
    exec(f"import re, struct, ipaddress, datetime, time\nresult = {source.rpartition('copy')[2].strip()}", plain)

    assert sandbox.run(source).value == plain["result"]


# ---- Copies ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "memo",
    ["{id(thing.template): 'evil'}", "{id(thing.template): ['evil']}", "{id(thing): 'evil'}"],
)
def test_a_memo_does_not_make_another_object_of_the_host(sandbox, memo):
    source = f"import copy\ncopied = copy.deepcopy(thing, {memo})"
    plain = {"thing": string.Template("plain")}
    exec(source, plain)
    assert getattr(plain["copied"], "template", "evil") != "plain"

    try:
        copied = sandbox.run(f"{source}\ncopied", variables={"thing": string.Template("plain")}).value
    except AccessDenied:
        return
    assert copied.template == "plain"


def test_deep_copies_work(sandbox):
    source = """
import copy
class Node:
    def __init__(self, next=None): self.next, self.items = next, [1, {'a': (2,)}]
class Kept:
    def __init__(self): self.parts = [self]
    def __deepcopy__(self, memo):
        made = type(self)()
        memo[id(self)] = made
        made.parts = copy.deepcopy(self.parts, memo)
        return made
class Other:
    def __deepcopy__(self, memo): return 'other'
a = Node()
a.next = a
b = copy.deepcopy(a)
k = copy.deepcopy(Kept())
shared = []
x, y = copy.deepcopy([shared, shared])
b.next is b, b.items == a.items, b.items is not a.items, k.parts[0] is k, copy.deepcopy([Other()]), x is y, copy.deepcopy({1: {2}})
"""
    assert sandbox.run(source).value == (True, True, True, True, ["other"], True, {1: {2}})
    assert copy.deepcopy([1]) == [1]


def test_generic_types_of_the_host_stay(sandbox):
    quietly(
        sandbox,
        """
import typing
class Callable(int):
    def __hash__(self): return hash(bytearray)
    def __eq__(self, other): return True
    def __call__(self): pass
typing.Deque[Callable(5)]
typing.Optional[Callable(5)]
""",
    )

    assert typing.get_args(typing.Deque[bytearray]) == (bytearray,)
    assert type(typing.get_args(typing.Optional[bytearray])[0]) is type


def test_generic_types_work_in_a_sandbox(sandbox):
    source = (
        "import typing\n(typing.List[int] == typing.List[int], typing.get_args(typing.Dict[str, int]) == (str, int))"
    )

    assert sandbox.run(source).value == (True, True)


def test_combined_flags_of_the_host_stay(sandbox):
    quietly(sandbox, "import re\nre.RegexFlag(like(int, 4 | 8 | 64)(2 | 256))")

    assert int(re.RegexFlag(4 | 8 | 64)) == 4 | 8 | 64


def test_flags_combine_in_a_sandbox(sandbox):
    source = "import enum\nclass F(enum.Flag):\n    A = 1\n    B = 2\n(F.A | F.B == F(3), F(3).name, F(like(int, 3)(3)).value)"

    assert sandbox.run(LIKE + source).value == (True, "A|B", 3)


def test_hashes_of_fractions_of_the_host_stay(sandbox):
    before = hash(fractions.Fraction(12345, 6789))
    fractions._hash_algorithm.cache_clear() if hasattr(fractions, "_hash_algorithm") else None
    quietly(
        sandbox,
        """
import fractions
class Lying(fractions.Fraction):
    pass
f = Lying(1, 3)
n, d = fractions.Fraction(12345, 6789).as_integer_ratio()
f._numerator = like(int, n)(1)
f._denominator = like(int, d)(3)
hash(f)
""",
    )

    assert hash(fractions.Fraction(12345, 6789)) == before


def test_replacements_of_patterns_of_the_host_stay(sandbox):
    re.compile("b").sub("<\\g<0>>", "b")  # C keeps what it finds at the first use
    text = "<\\g<0>>"
    quietly(sandbox, f"import re\nre.compile('a').sub(like(str, {text!r})('evil\\\\g<0>'), 'a')")

    assert re.compile("a").sub(text, "a") == "<a>"
