"""Exposed host objects: what a sandbox sees of one, what it may pass, and that all of it can be taken back."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import TYPE_CHECKING, Any

import pycage
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PERMISSION = pycage.RuntimePermission("store")


class Store:
    """A host object: what it does is lent to whoever calls."""

    def __init__(self) -> None:
        self.items: list[object] = ["first"]
        self.size = 1
        self.entered: list[object] = []
        self.hook = self.add
        self.count = len

    def add(self, *items: object, **named: object) -> int:
        self.items += [*items, *named.values()]
        return len(self.items)

    def checked(self, path: Any, meanwhile: Any = None) -> object:
        """Check first, then use: what a careless host API does."""
        if any(not str(part).isalpha() for part in path):
            raise ValueError("a bad name")
        if meanwhile is not None:
            meanwhile[0]()
        return pycage.do_privileged(lambda: self.add("/".join(path)))

    def checked_later(self, path: Any) -> object:
        first = str(path)
        if first.startswith("/"):
            raise ValueError("a bad name")
        return self.add(str(path))

    def lines(self) -> Iterator[object]:
        yield from self.items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: int) -> object:
        return self.items[key]

    def __setitem__(self, key: int, value: object) -> None:
        self.items[key] = value

    def __delitem__(self, key: int) -> None:
        del self.items[key]

    def __contains__(self, item: object) -> bool:
        return item in self.items

    def __iter__(self) -> Iterator[object]:
        return iter(self.items)

    def __call__(self, item: object) -> object:
        return ("called", item)

    def __enter__(self) -> Store:
        self.entered.append("in")
        return self

    def __exit__(self, *error: object) -> bool:
        self.entered.append("out")
        return error[0] is KeyError


@pytest.fixture
def store() -> Store:
    return Store()


# ---- What it looks like ----------------------------------------------------------------------------------------------


def test_a_proxy_has_the_manners_of_an_object_and_nothing_of_the_real_one(
    sandbox: pycage.Sandbox, store: Store
) -> None:
    sandbox.expose("store", store, methods=["add"], attributes=["size"])
    value = sandbox.run("""
import copy
from host import store
from host import store as again
{store: 1}[again], store == again, repr(store), store != 3, copy.copy(store) is store, copy.deepcopy([store])[0] is store
""").value
    proxy = sandbox.run("from host import store\nstore").value

    assert value == (1, True, "<exposed object store>", True, True, True)
    assert not isinstance(proxy, Store)
    assert not issubclass(type(proxy), Store)
    assert copy.copy(proxy) is proxy
    assert copy.deepcopy(proxy) is proxy
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(proxy, protocol)


@pytest.mark.parametrize(
    "attack",
    [
        "store.items",
        "store.lines",
        "store._target",
        "store.add.__self__",
        "store.add.__func__.__closure__",
        "store.__init__()",
        "store.size = 2",
        "type(store).add = 1",
        "type(store).size.fget.__closure__",
        "len(store)",
        "store[0]",
        "list(store)",
        "store()",
        "with store: pass",
        "class C(type(store)): pass\nC().items",
    ],
)
def test_nothing_but_what_was_named_is_there(sandbox: pycage.Sandbox, store: Store, attack: str) -> None:
    sandbox.expose("store", store, methods=["add"], attributes=["size"])

    with pytest.raises((AttributeError, TypeError, SyntaxError, pycage.AccessDenied)):
        sandbox.run(f"from host import store\n{attack}")
    assert store.items == ["first"]


def test_special_methods_work_by_their_syntax_if_they_were_named(sandbox: pycage.Sandbox, store: Store) -> None:
    names = "__len__ __getitem__ __setitem__ __delitem__ __contains__ __iter__ __call__ __enter__ __exit__".split()
    sandbox.expose("store", store, methods=names)
    value = sandbox.run("""
from host import store
store[0] = "new"
seen = len(store), store[0], "new" in store, list(store), store(3)
del store[0]
with store:
    raise KeyError
seen, len(store)
""").value

    assert value == ((1, "new", True, ["new"], ("called", 3)), 0)
    assert store.entered == ["in", "out"]


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__reduce__", "__init__", "__getattribute__", "_private"])
def test_other_names_with_an_underscore_cannot_be_exposed(sandbox: pycage.Sandbox, store: Store, name: str) -> None:
    with pytest.raises(pycage.PolicyError, match="public names"):
        sandbox.expose("store", store, methods=[name])
    with pytest.raises(pycage.PolicyError, match="public names"):
        sandbox.expose("store", store, attributes=["__len__"])


# ---- What it is passed -----------------------------------------------------------------------------------------------

LIAR = """
class Path(str):
    asked = 0
    def __str__(self):
        self.asked += 1
        return "good" if self.asked == 1 else "/etc/passwd"
"""


def test_an_object_that_answers_differently_the_second_time_is_harmless_with_plain_arguments(
    sandbox: pycage.Sandbox, store: Store
) -> None:
    attack = f"{LIAR}\nfrom host import store\nstore.checked_later(Path('x'))"
    sandbox.expose("store", store, methods=["checked_later"])
    sandbox.run(attack)

    assert store.items == ["first", "/etc/passwd"]  # what it is good for

    sandbox.expose("store", store, methods=["checked_later"], plain_arguments=True)
    with pytest.raises(pycage.NotPlainError, match="argument 1: a Path object"):
        sandbox.run(attack)
    assert len(store.items) == 2


def test_a_list_that_changes_between_check_and_use_is_harmless_with_plain_arguments(store: Store) -> None:
    attack = """
from host import store
parts = ["a", "b"]
store.checked(parts, [lambda: parts.append("../../etc")])
"""
    changing = """
from host import store, change
parts = ["a", "b"]
change(parts)
store.checked(parts, [0])
"""
    for plain, expected in ((False, "a/b/../../etc"), (True, "a/b")):
        with pycage.Sandbox("mutable") as sandbox:
            given: list[list[str]] = []
            # The host's own code in the middle is told to change the very list.
            checked = store.checked
            sandbox.expose("change", lambda parts, given=given: given.append(parts))

            def meddling(path: Any, _meanwhile: object, given: Any = given, checked: Any = checked) -> object:
                return checked(path, [lambda: given[0].append("../../etc")])

            sandbox.expose(
                "store",
                type("S", (), {"checked": staticmethod(meddling)})(),
                methods=["checked"],
                plain_arguments=plain,
            )
            sandbox.run(changing)
            assert store.items[-1] == expected
            if plain:
                with pytest.raises(pycage.NotPlainError, match=r"argument 2\[0\]: a function object"):
                    sandbox.run(attack)


def test_plain_arguments_of_every_kind_arrive_equal_and_as_copies(sandbox: pycage.Sandbox, store: Store) -> None:
    sandbox.expose("store", store, methods=["add"], plain_arguments=True)
    own = sandbox.run("""
import datetime
from host import store
own = {"a": [1, (2, b"3")], 4: {5}}
store.add(own, 1.5, named=own, when=datetime.date(2026, 1, 2))
own
""").value

    assert store.items[1:] == [own, 1.5, own, dt.date(2026, 1, 2)]
    assert all(item is not own for item in store.items)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("add(lambda: 0)", "argument 1: a function object"),
        ("add(1, x=[object()])", r"argument x\[0\]: a object object"),
        ("add(**{type('S', (str,), {})('x'): 1})", "a keyword: it must be exactly str"),
        ("add([[]] * 200000)", "argument 1.*: more than max_items"),
    ],
)
def test_what_is_no_plain_data_is_refused_before_the_object_sees_it(
    sandbox: pycage.Sandbox, store: Store, call: str, message: str
) -> None:
    sandbox.expose("store", store, methods=["add"], plain_arguments=True)

    with pytest.raises((pycage.NotPlainError, pycage.LimitExceeded), match=message):
        sandbox.run(f"from host import store\nstore.{call}")
    assert store.items == ["first"]


def test_functions_take_plain_arguments_too(sandbox: pycage.Sandbox) -> None:
    seen: list[object] = []
    sandbox.expose("keep", seen.append, plain_arguments=True)
    sandbox.run("from host import keep\nkeep([1])")

    with pytest.raises(pycage.NotPlainError):
        sandbox.run("from host import keep\nkeep(print)")
    assert seen == [[1]]


# ---- Taking it back --------------------------------------------------------------------------------------------------

# What a sandbox keeps, and how it is used afterwards.
KEPT = {
    "the proxy": ("store", "kept.add(1)"),
    "an attribute of the proxy": ("store", "kept.size"),
    "a bound method": ("store.add", "kept(1)"),
    "a method in a partial object": ("partial(store.add, 1)", "kept()"),
    "a method in a method": ("MethodType(store.add, 1)", "kept()"),
    "a method in map": ("map(store.add, [1])", "list(kept)"),
    "an unbound method": ("type(store).add", "kept(None, 1)"),
    "a property": ("type(store)", "kept.size.__get__(kept())"),
    "a new proxy": ("type(store)", "kept().add(1)"),
    "a derived class": ("type('D', (type(store),), {})()", "kept.add(1)"),
    "a method that an attribute holds": ("store.hook", "kept(1)"),
    "a built-in that an attribute holds": ("store.count", "kept([])"),
    "a special method": ("store", "len(kept)"),
    "an item": ("store", "kept[0]"),
    "a call": ("store", "kept(1)"),
    "a context": ("store", "with kept: pass"),
    "a copy": ("__import__('copy').copy(store)", "kept.add(1)"),
    "a function": ("function", "kept(1)"),
    "a function in a dictionary": ("{'f': function}['f']", "kept(1)"),
    "a lambda": ("lambda: store.add(1)", "kept()"),
}


@pytest.mark.parametrize("way", ["unexpose", "close", "expose again"])
@pytest.mark.parametrize("name", KEPT)
def test_whatever_was_kept_raises_after_the_object_was_taken_back(store: Store, name: str, way: str) -> None:
    kept, use = KEPT[name]
    methods = ["add", "__len__", "__getitem__", "__call__", "__enter__", "__exit__"]
    sandbox = pycage.Sandbox("recalled")
    try:
        sandbox.expose("store", store, methods=methods, attributes=["size", "hook", "count"])
        sandbox.expose("function", store.add)
        using = sandbox.run(f"""
from functools import partial
from types import MethodType
from host import store, function
def using(): return {kept}
kept = using()
def use():
    {use}
use
""").value
        fresh = sandbox.run(f"""
from functools import partial
from types import MethodType
from host import store, function
kept = {kept}
def use():
    {use}
use()
""")
        assert fresh.value is None  # it works before
        before = list(store.items)

        if way == "unexpose":
            sandbox.unexpose("store")
            sandbox.unexpose("function")
        elif way == "expose again":
            sandbox.expose("store", 1)
            sandbox.expose("function", 2)
        else:
            sandbox.close()

        # Guards of a closed sandbox refuse by themselves.
        with pytest.raises(PermissionError, match=r"useExposed\.(store|function)|the sandbox is closed"):
            using()
        assert store.items == before
    finally:
        if not sandbox.closed:
            sandbox.close()


def test_a_method_that_an_attribute_holds_runs_with_the_sandbox_on_the_stack(sandbox: pycage.Sandbox) -> None:
    done: list[object] = []

    class Holder:
        @property
        def launch(self) -> Any:
            return self._launch

        def _launch(self, what: object) -> None:
            pycage.check_permission(PERMISSION)
            done.append(what)

    sandbox.expose("holder", Holder(), attributes=["launch"])
    launch = sandbox.run("from host import holder\nholder.launch").value

    with pytest.raises(pycage.AccessDenied):
        launch("the host calls it")
    sandbox.grant(PERMISSION)
    launch("now it may")
    assert done == ["now it may"]
