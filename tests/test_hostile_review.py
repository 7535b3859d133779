"""Ways out that a hostile review found, each closed: attacks through the real sandbox, and what honest code gets instead."""

from __future__ import annotations

import ast
import asyncio
import calendar
import collections.abc
import contextvars
import copy
import decimal
import functools
import gc
import ipaddress
import itertools
import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pycage
import pytest
from cast import Role
from pycage import (
    AccessDenied,
    AllPermission,
    FilePermission,
    MappingResolver,
    RuntimePermission,
    Sandbox,
    access,
    manager,
)
from pycage.access import check_permission, do_privileged, get_context, privileged

_numbers = itertools.count()
ASKED = RuntimePermission("x.y")


@pytest.fixture
def sandbox():
    with Sandbox(f"review_{next(_numbers)}") as made:
        yield made


@pytest.fixture
def box() -> Role:
    return Role("box")


def ask() -> str:
    check_permission(ASKED)
    return "allowed"


# ---- Lazy results ---------------------------------------------------------------------------------------------------


class Api:
    """A host API whose methods do their work later, or step by step."""

    def lines(self):
        yield ask()
        yield ask()

    async def fetch(self) -> str:
        await asyncio.sleep(0)
        return ask()

    async def stream(self):
        yield ask()

    @privileged
    async def lend(self) -> str:
        await asyncio.sleep(0)
        return ask()


METHODS = ["lines", "fetch", "stream", "lend"]


def test_a_generator_that_an_exposed_method_returns_runs_with_the_stack_of_the_call(sandbox: Sandbox) -> None:
    """Its body has no frame of the sandbox below it when somebody else iterates it."""
    sandbox.expose("api", Api(), methods=METHODS)
    source = "from host import api\napi.lines()"

    lazy = sandbox.run(source).value
    with pytest.raises(AccessDenied):
        next(lazy)

    sandbox.grant(ASKED)
    assert list(sandbox.run(source).value) == ["allowed", "allowed"]
    assert sandbox.run("from host import api\nlist(api.lines())").value == ["allowed", "allowed"]


def test_a_coroutine_that_an_exposed_method_returns_runs_with_the_stack_of_the_call(sandbox: Sandbox) -> None:
    sandbox.expose("api", Api(), methods=METHODS)

    async def consume(stream) -> list[str]:
        return [item async for item in stream]

    async def wait(coroutine) -> str:
        return await coroutine

    for name, finish in (("fetch", wait), ("stream", consume)):
        source = f"from host import api\napi.{name}()"
        with pytest.raises(AccessDenied):
            asyncio.run(finish(sandbox.run(source).value))
        with sandbox.granted(ASKED):
            assert "allowed" in asyncio.run(finish(sandbox.run(source).value))
    assert asyncio.run(wait(sandbox.run("from host import api\napi.lend()").value)) == "allowed"


def test_an_exception_reaches_a_generator_behind_a_shim(sandbox: Sandbox) -> None:
    seen = []

    def generator():
        try:
            yield 1
        except ValueError:
            seen.append("thrown")
            yield 2
        finally:
            seen.append("closed")

    sandbox.expose("generator", generator)
    running = sandbox.run("from host import generator\ngenerator()").value

    assert next(running) == 1
    assert running.throw(ValueError()) == 2
    running.close()
    assert seen == ["thrown", "closed"]


# ---- The handle -----------------------------------------------------------------------------------------------------


def test_granted_asks_when_it_is_called_and_not_when_it_is_entered(sandbox: Sandbox) -> None:
    with pytest.raises(AccessDenied):
        sandbox.run("handle.granted(everything)", variables={"handle": sandbox, "everything": AllPermission()})


def test_what_a_handle_lends_by_method_is_judged_with_who_took_the_method(sandbox: Sandbox) -> None:
    variables = {"handle": sandbox, "everything": AllPermission()}
    for source in (
        "map(handle.grant, [everything])",
        "map(handle.granted, [everything])",
        "map(lambda c: c(), [handle.close])",
    ):
        lazy = sandbox.run(source, variables=variables).value
        with pytest.raises(AccessDenied):
            list(lazy)

    assert sandbox.query(ASKED) == "prompt"
    assert not sandbox.closed


def test_another_sandbox_cannot_have_code_made_in_a_stronger_one(sandbox: Sandbox) -> None:
    with Sandbox("stronger", permissions=[ASKED]) as stronger:
        for source in ("handle.run('1')", "handle.load('m')"):
            with pytest.raises(AccessDenied, match="runCode"):
                sandbox.run(source, variables={"handle": stronger})
        assert sandbox.run("handle.run('1').value", variables={"handle": sandbox}).value == 1


def test_the_registry_in_a_sandbox_is_a_stand_in(sandbox: Sandbox) -> None:
    for attack in (
        "Sandboxes()",
        "Sandboxes.find('x')",
        "class Mine(Sandboxes): pass",
        "Sandboxes.get()",
        "Sandboxes._the_one()",
    ):
        with pytest.raises((AccessDenied, TypeError, AttributeError)):
            result = sandbox.run(f"from pycage import Sandboxes\n{attack}").value
            list(result)


def test_classes_that_carry_authority_cannot_be_derived_from() -> None:
    """Not even with a base in front that does not call super().__init_subclass__."""

    class InFront:
        def __init_subclass__(cls) -> None:
            pass

    for sealed in (
        pycage.Sandbox, pycage.Sandboxes, pycage.Policy, pycage.ProtectionDomain, pycage.AccessControlContext,
        pycage.GuardedObject, pycage.Grant, pycage.Result, pycage.run_as, pycage.DecisionLog,
    ):  # fmt: skip
        with pytest.raises(TypeError, match="not an acceptable base type"):
            type("Mine", (InFront, sealed), {})


def test_a_policy_asks_only_real_code_sources() -> None:
    class Everybody:
        def implies(self, other: object) -> bool:
            return True

    with pytest.raises(TypeError, match="CodeSource"):
        manager.POLICY.grant(Everybody(), AllPermission())


def test_concurrent_and_nested_runs_keep_recording(sandbox: Sandbox) -> None:
    sandbox.grant(ASKED)
    source = (
        "import pycage\nif again:\n    handle.run(source, variables={'again': False})\npycage.check_permission(asked)"
    )
    variables = {"handle": sandbox, "source": "0", "asked": ASKED, "again": True}

    for _ in range(2):
        assert [r.permission for r in sandbox.run(source, variables=variables).requests] == [ASKED]


def test_closing_takes_everything_away_before_finalizers_of_the_sandbox_run() -> None:
    source = """
import pycage
outcomes = []
def ask():
    try:
        pycage.check_permission(pycage.RuntimePermission("x.y"))
        outcomes.append("allowed")
    except PermissionError:
        outcomes.append("denied")
class C:
    def __del__(self, ask=ask):
        ask()
kept = C()
ask()
"""
    with Sandbox("dies", resolver=MappingResolver({"m": source}), permissions=[ASKED]) as sandbox:
        module = sandbox.load("m")
    outcomes = module.outcomes
    module.kept = None

    assert outcomes == ["allowed", "denied"]


# ---- Privilege ------------------------------------------------------------------------------------------------------


def test_the_decorator_factory_remembers_who_asked_for_it(box: Role) -> None:
    """Applied where no sandbox frame is on the stack, it would lend everything."""
    decorator = box.call(functools.partial(privileged, limit=None))

    with pytest.raises(AccessDenied):
        decorator(ask)()
    assert privileged(limit=None)(ask)() == "allowed"


def test_a_finalizer_of_c_parts_that_runs_during_a_decision_is_judged_with_the_stack(box: Role) -> None:
    """It has no frame of its own; pycage's frames above it lend it nothing."""
    outcomes = []

    def in_the_middle(*_: object) -> None:
        try:
            ask()
            outcomes.append("allowed")
        except AccessDenied:
            outcomes.append("denied")

    original = access._conclude
    access._conclude = lambda *args: (setattr(access, "_conclude", original), in_the_middle(), original(*args))[-1]
    try:
        with pytest.raises(AccessDenied):
            box.call(check_permission, RuntimePermission("other"))
    finally:
        access._conclude = original

    assert outcomes == ["denied"]


def test_a_context_counts_on_an_empty_stack_too(box: Role) -> None:
    import _thread
    import sys

    context = box.call(get_context)
    errors: list[str] = []
    done = threading.Event()

    def hook(unraisable) -> None:
        errors.append(type(unraisable.exc_value).__name__)
        done.set()

    saved, sys.unraisablehook = sys.unraisablehook, hook
    try:
        _thread.start_new_thread(do_privileged, (check_permission, ASKED), {"context": context})
        assert done.wait(30)
    finally:
        sys.unraisablehook = saved

    assert errors == ["AccessDenied"]


def test_millions_of_nested_bound_calls_do_not_overflow_the_stack_when_they_die() -> None:
    bound = ask
    context = get_context()
    for _ in range(200_000):
        bound = context.bind(bound)
    del bound

    assert ask() == "allowed"


def test_a_metaclass_of_a_sandbox_does_not_answer_for_its_permission_type(box: Role) -> None:
    ran = []

    class Meta(type):
        def __hash__(cls) -> int:
            ran.append("hash")
            return hash(RuntimePermission)

        def __eq__(cls, other: object) -> bool:
            ran.append("eq")
            return True

    forged = Meta("RuntimePermission", (), {})()

    for ask_for in (check_permission, get_context().check_permission):
        with pytest.raises(TypeError, match="registered"):
            ask_for(forged)
    assert ran == []


# ---- Files ----------------------------------------------------------------------------------------------------------


def test_open_takes_no_opener_in_a_sandbox(sandbox: Sandbox, tmp_path) -> None:
    """The event shows the name that is granted; the opener returns a descriptor of the host."""
    (tmp_path / "granted").write_text("granted")
    sandbox.grant(FilePermission(str(tmp_path / "granted"), "read"))
    variables = {"path": str(tmp_path / "granted")}

    with (tmp_path / "granted").open() as secret:
        variables["fd"] = secret.fileno()
        with pytest.raises(ValueError, match="an opener in a sandbox"):
            sandbox.run("open(path, opener=lambda path, flags: fd)", variables=variables)
    assert sandbox.run("with open(path) as f: text = f.read()\ntext", variables=variables).value == "granted"


def test_a_path_is_read_once_to_an_exact_type(sandbox: Sandbox, tmp_path) -> None:
    (tmp_path / "granted").write_text("granted")
    (tmp_path / "secret").write_text("secret")
    sandbox.grant(FilePermission(str(tmp_path / "granted"), "read"))
    source = """
class Path:
    def __init__(self, *paths):
        self.paths = list(paths)
    def __fspath__(self):
        return self.paths.pop(0)
class Text(str):
    pass
def read(path, mode="r"):
    with open(path, mode) as file:
        return file.read()
try:
    text = read(Path(granted, secret, secret))
except PermissionError:
    text = "refused"
class Lying(Text):
    def __fspath__(self):
        return secret
    __str__ = __repr__ = __fspath__
for lying in (Path(Lying(granted)), Lying(granted)):  # what a str is stands in it, not in what it says
    if read(lying) != "granted":
        text = "taken"
try:
    read(granted, Text("r"))
    text = "taken"
except TypeError:
    pass
text
"""
    variables = {"granted": str(tmp_path / "granted"), "secret": str(tmp_path / "secret")}

    assert sandbox.run(source, variables=variables).value == "granted"


# ---- Hand-off -------------------------------------------------------------------------------------------------------


def test_a_callback_of_a_future_carries_who_added_it(box: Role) -> None:
    outcomes: list[str] = []

    def callback(_: object) -> None:
        try:
            outcomes.append(ask())
        except AccessDenied:
            outcomes.append("denied")

    for add in (
        lambda future: future.add_done_callback(callback),
        lambda future: box.call(future.add_done_callback, callback),
    ):
        future: Future[None] = Future()
        add(future)
        future.set_result(None)

    assert outcomes == ["allowed", "denied"]


def test_a_copy_of_a_thread_or_pool_carries_who_made_the_original() -> None:
    box = Role("box", pycage.ThreadPermission("start"))
    outcomes: list[str] = []

    def target() -> None:
        try:
            outcomes.append(ask())
        except AccessDenied:
            outcomes.append("denied")

    thread = copy.copy(box.call(functools.partial(threading.Thread, target=target)))
    thread.start()
    thread.join()

    assert outcomes == ["denied"]


def test_what_only_looks_like_a_pool_lends_nothing(box: Role) -> None:
    outcomes: list[str] = []

    class Fake(ThreadPoolExecutor):
        def __init__(self) -> None:
            pass

    def chain() -> None:
        try:
            outcomes.append(ask())
        except AccessDenied:
            outcomes.append("denied")

    with ThreadPoolExecutor(1) as real:
        real.submit(int).result()
        fake = Fake()
        fake.__dict__.update(real.__dict__, _adjust_thread_count=chain)
        box.call(ThreadPoolExecutor.submit, fake, int)
        box.call(lambda: None)

    assert outcomes == ["denied"]


# ---- Bounds ---------------------------------------------------------------------------------------------------------


def test_the_record_of_a_denial_is_short_whatever_was_asked_for(sandbox: Sandbox) -> None:
    long = RuntimePermission("x" * 1_000_000)

    with pytest.raises(AccessDenied):
        sandbox.run("import pycage\npycage.check_permission(long)", variables={"long": long})

    assert max(len(decision.permission) for decision in pycage.decisions()) < 1000


def test_the_name_of_an_exception_is_text_before_it_is_shown(sandbox: Sandbox) -> None:
    """Formatting a subclass of str is code of the sandbox, and it would run outside of what contains it."""
    source = """
class Text(str):
    def __format__(self, spec):
        raise SystemExit
class E(BaseException):
    pass
E.__name__ = Text("E")
raise E
"""
    with pytest.raises(pycage.SandboxExited):
        sandbox.run(source)


def test_code_is_tagged_whole_or_not_at_all(box: Role) -> None:
    from pycage import _core

    inner = compile("0", "<inner>", "eval")
    _core.tag(inner, Role("other").domain)
    outer = compile("lambda: 0", "<outer>", "eval")
    outer = outer.replace(co_consts=(inner, *outer.co_consts))

    with pytest.raises(ValueError, match="another domain"):
        _core.tag(outer, box.domain)

    assert _core.code_domain(outer) is None


def test_a_copied_context_does_not_keep_the_principals(sandbox: Sandbox) -> None:
    """A sandbox could leave run_as and come back to it."""
    ann = pycage.Principal("ann")
    manager.POLICY.grant(pycage.CodeSource(sandbox.url), ASKED, principals=[ann])
    source = "import contextvars\ncontextvars.copy_context()"

    with pycage.run_as(ann):
        sandbox.run("import pycage\npycage.check_permission(asked)", variables={"asked": ASKED})
        kept = sandbox.run(source).value
    with pytest.raises(AccessDenied):
        sandbox.run("import pycage\nkept.run(pycage.check_permission, asked)", variables={"asked": ASKED, "kept": kept})
    assert isinstance(kept, contextvars.Context) or kept is not None


# ---- Objects that the whole process has the same ----------------------------------------------------------------------


def test_nodes_that_all_trees_have_in_common_cannot_be_written_to(sandbox: Sandbox) -> None:
    """A __deepcopy__ on the context of a name would be called by the transformer, for the source of other sandboxes."""
    every = "x = x; del x; x and x or x; +x - -x * ~x; not x; x == x < x in x not in x is x is not x; x ** x // x"
    source = f"""
import ast
for node in list(ast.walk(ast.parse({every!r}))):
    node.mine = 1
refused = 0
for given in (ast.Name('x', ctx) for ctx in (getattr(ast.Name('x'), 'ctx', None),) if ctx is not None):
    for write in (lambda: setattr(given.ctx, 'mine', 1), lambda: ast.Load.__init__(given.ctx, mine=1)):
        try:
            write()
        except PermissionError:
            refused += 1
refused
"""

    assert sandbox.run(source).value == (2 if hasattr(ast.Name("x"), "ctx") else 0)

    assert [vars(node) for node in ast.walk(ast.parse(every)) if not node._fields and vars(node)] == []


# ---- The variables of a module ----------------------------------------------------------------------------------------

_WAYS_TO_VARIABLES = {
    "its built-ins, merged into a wrapper": """
given.append(vars(functools.update_wrapper(Anything(), module)))
""",
    "a variable of the transformer, merged": """
thing = Anything()
thing.__dict__['.c0'] = 1
functools.update_wrapper(module, thing)
""",
    "its built-ins, cached": """
cached = functools.cached_property(lambda self: 1)
module.__class__ = type('M', (types.ModuleType,), {'__builtins__': cached})
given.append(cached.__get__(module))
""",
    "its built-ins, cached under a name that changes": """
class Cached(functools.cached_property):
    asked = 0
    @property
    def attrname(self):
        type(self).asked += 1
        return '__builtins__' if type(self).asked > 3 else 'name'
    @attrname.setter
    def attrname(self, name): pass
class M(types.ModuleType):
    name = Cached(lambda self: 1)
module.__class__ = M
given.append(module.name)
given.append(module.name)
""",
    "a variable of the transformer, cached": """
module.__class__ = type('M', (types.ModuleType,), {'.c0': functools.cached_property(lambda self: 1)})
getattr(module, '.c0')
""",
    "all of them, copied": """
class M(types.ModuleType):
    def __getnewargs__(self): return ('x',)
    def __setstate__(self, state): given.append(state)
module.__class__ = M
copy.copy(module)
""",
}


@pytest.mark.parametrize("way", _WAYS_TO_VARIABLES.values(), ids=_WAYS_TO_VARIABLES)
def test_no_facade_hands_out_or_fills_the_dictionary_of_a_module(way: str) -> None:
    """It holds the built-ins, and the classes of patterns that were judged already."""
    attempt = "".join(f"    {line}\n" for line in way.strip().splitlines())
    source = f"""
import copy, functools, sys, types
class Anything: pass
module, given = sys.modules[__name__], []
try:
{attempt}
except PermissionError:
    given.append("refused")
"""
    resolver = MappingResolver({"attempt": source})
    with Sandbox(f"review_{next(_numbers)}", resolver=resolver) as sandbox:
        module = sandbox.load("attempt")

        variables = object.__getattribute__(module, "__dict__")
        assert [name for name in variables if name.startswith(".")] == []
        assert [one for one in variables["given"] if type(one) is dict and {"__builtins__", "len"} & set(one)] == []


def test_properties_of_a_module_are_cached_and_functions_are_wrapped_as_ever() -> None:
    source = """
import functools, sys, types
class Lazy(types.ModuleType):
    @functools.cached_property
    def made(self): return []
sys.modules[__name__].__class__ = Lazy
def plain(): "text"
plain.mark = 1
@functools.wraps(plain)
def wrapper(): pass
"""
    with Sandbox(f"review_{next(_numbers)}", resolver=MappingResolver({"lazy": source})) as sandbox:
        module = sandbox.load("lazy")

        assert module.made is module.made
        assert (module.wrapper.__doc__, module.wrapper.mark) == ("text", 1)


def test_a_template_of_strings_compiles_nothing_for_others(sandbox: Sandbox) -> None:
    """Its flags can say that they equal any: re would keep the pattern for whoever asks for it without flags."""
    pattern = "(?P<named>^review$)|(?P<escaped>x)|(?P<braced>y)|(?P<invalid>z)"
    source = f"""
import string
class Any(int):
    def __or__(self, other): return self
    __ror__ = __or__
    def __hash__(self): return 0
    def __eq__(self, other): return True
class Mine(string.Template):
    pattern, flags = {pattern!r}, Any(2)
class Percent(string.Template):
    delimiter = "%"
string.Template("$a ${{b}} $$").substitute(a=1, b=2), Percent("%a $a").safe_substitute({{"a": 1}})
"""
    assert sandbox.run(source).value == ("1 2 $", "1 $a")

    assert re.compile(pattern).flags == re.UNICODE


def test_a_calendar_prints_where_the_sandbox_prints(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    result = sandbox.run("import calendar\ncalendar.TextCalendar().prmonth(2024, 1)\ncalendar.monthrange(2024, 2)")

    assert "January 2024" in result.stdout
    assert result.value == (calendar.THURSDAY, 29)
    assert capsys.readouterr().out == ""


# ---- Objects that read through to another ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [
        "codecs.lookup('utf-8').streamreader",
        "codecs.lookup('utf-8').streamwriter",
        "type(typing.List[int])",
        "type(list[int])",
    ],
)
def test_what_looks_like_a_future_does_not_get_the_context_of_a_task_of_the_host(sandbox: Sandbox, base: str) -> None:
    """With the `get_loop` of a real one, a task waits for it and hands its context over, with all variables in it."""
    source = f"""
import asyncio, codecs, typing
given = []
async def wait():
    try:
        class Like({base}):
            _asyncio_future_blocking = True
            def add_done_callback(self, callback, *, context=None):
                given.append(context)
                asyncio.get_running_loop().call_soon(callback, self)
        class Awaited:
            def __await__(self):
                future = asyncio.Future()
                asyncio.get_running_loop().call_soon(future.set_result, None)
                yield Like(future, ()) if 'type' in {base!r} else Like(future)
        await Awaited()
    except (AttributeError, PermissionError, RuntimeError, TypeError):
        pass
    return given
wait
"""
    wait = sandbox.run(source).value

    async def main() -> list[object]:
        return await asyncio.wait_for(wait(), 30)

    assert [one for one in asyncio.run(main()) if isinstance(one, contextvars.Context)] == []


# ---- Sealed types -----------------------------------------------------------------------------------------------------

_WAYS_TO_DERIVE = {
    "another name for type": "make = type\nmake(*described)",
    "map": "list(map(type, *[[part] for part in described]))",
    "a metaclass": "class M(type): pass\nM(*described)",
    "a host function that calls": "import contextlib\nwith contextlib.ExitStack() as stack:\n"
    "    stack.callback(type, *described)",
}


@pytest.mark.parametrize("way", _WAYS_TO_DERIVE.values(), ids=_WAYS_TO_DERIVE)
def test_nobody_derives_from_a_sealed_type_however_classes_are_made(sandbox: Sandbox, way: str) -> None:
    """An address that is equal to another would answer for it in the caches of ipaddress, also for the host."""
    source = """
import ipaddress
other = hash(ipaddress.IPv4Address("10.77.1.1"))
class Use:
    def __set_name__(self, owner, name):
        owner("8.8.8.8").is_private
described = ("E", (ipaddress.IPv4Address,), {
    "__hash__": lambda self: other, "__eq__": lambda self, one: True, "used": Use(),
})
"""
    with pytest.raises(AccessDenied):
        sandbox.run(source + way)

    assert ipaddress.IPv4Address("10.77.1.1").is_private


def test_what_is_sealed_for_sandboxes_is_not_for_the_host_and_its_modules(sandbox: Sandbox) -> None:
    class Address(ipaddress.IPv4Address):
        pass

    class Meta(type):
        pass

    assert Meta("Future", (asyncio.Future,), {}).__name__ == "Future"
    assert Address("10.0.0.1").is_private
    # Imported for the sandbox: they define classes of sealed ones.
    assert sandbox.run("import codecs\n[codecs.lookup(name).name for name in ('cp864', 'ptcp154')]").value == [
        "cp864",
        "ptcp154",
    ]
    assert sandbox.run(
        "make = type\nclass M(type): pass\n(make('A', (int,), {})(1), M('B', (), {}).__name__)"
    ).value == (
        1,
        "B",
    )


def test_the_context_of_decimal_is_the_hosts_again_after_a_run(sandbox: Sandbox) -> None:
    before = decimal.getcontext()

    source = (
        "import decimal\nleft = decimal.localcontext(decimal.Context(prec=2)).__enter__()\nstr(decimal.Decimal(1) / 3)"
    )
    assert sandbox.run(source).value == "0.33"

    assert decimal.getcontext() is before


_EQUAL_METACLASSES = {
    "by another name for type": "make = type\nM = make('M', (type,), {'__eq__': same, '__hash__': number})",
    "inherited": "make = type\nclass Mixin: __eq__, __hash__ = same, number\nM = make('M', (Mixin, type), {})",
    "stored later": "class M(type): pass\nM.__eq__, M.__hash__ = same, number",
    "stored later by setattr": "class M(type): pass\nfor n, f in (('__eq__', same), ('__hash__', number)): setattr(M, n, f)",
    "stored in a base": "class Mixin: pass\nclass M(Mixin, type): pass\nMixin.__eq__, Mixin.__hash__ = same, number",
    "stored in a base as in a loop": "class Mixin: pass\nclass M(Mixin, type): pass\n"
    "for Mixin.__eq__, Mixin.__hash__ in [(same, number)]: pass",
}


@pytest.mark.parametrize("way", _EQUAL_METACLASSES.values(), ids=_EQUAL_METACLASSES)
def test_no_class_passes_for_another_in_the_caches_of_abcs(sandbox: Sandbox, way: str) -> None:
    source = f"""
import collections.abc
def same(cls, other): return True
def number(cls, hashed=hash(complex)): return hashed
{way}
C = M("C", (), {{"__iter__": lambda self: iter(())}})
issubclass(C, collections.abc.Iterable)
"""
    with pytest.raises(AccessDenied):
        sandbox.run(source)

    assert not isinstance(1j, collections.abc.Iterable)


def test_attributes_of_classes_are_stored_as_ever(sandbox: Sandbox) -> None:
    source = """
class C: count = 0
C.count += 2
C.__eq__ = lambda self, other: True
setattr(C, "name", "c")
class M(type): pass
M.kind, M.__len__ = "m", lambda cls: 7
class D(metaclass=M): pass
C.gone = 1
del C.gone
C.count, C() == 1, C.name, D.kind, len(D), hasattr(C, "gone")
"""
    assert sandbox.run(source).value == (2, True, "c", "m", 7, False)
