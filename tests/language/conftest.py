"""A cage with nothing but the language layer: no permissions, no audit hook, imports as the test allows them."""

from __future__ import annotations

import builtins
import copy
import types
from typing import TYPE_CHECKING

import pytest

from pycage.errors import AccessDenied, RestrictedSyntaxError
from pycage.language import GuardSet, attribute_denied, bind, make_builtins, transform

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType


class Host:
    """An object of the host, with something to protect."""

    shared: list[str] = []  # noqa: RUF012

    def __init__(self, mode: str = "plain") -> None:
        self.mode = mode
        self._secret = "secret"

    def call(self, function: Callable[..., object], *args: object) -> object:
        """Call a guest's function."""
        return function(*args)

    @property
    def name(self) -> str:
        """A property, for its getter."""
        return self._secret


class Cage:
    """One sandbox as the language layer sees it."""

    def __init__(self, modules: dict[str, types.ModuleType] | None = None) -> None:
        self.owner = object()
        self.tagged: dict[int, CodeType] = {}
        self.modules = {} if modules is None else modules
        self.guards = GuardSet(
            self.owner, lambda code: self.owner if id(code) in self.tagged else None, attribute_denied
        )
        self.printed: list[object] = []
        self.builtins = make_builtins(
            self.guards, import_=self.import_, open_=self._open, print_=self.printed.append, tag=self.tag
        )

    def tag(self, code: CodeType) -> None:
        """Own the code; kept, so that its id stays its own."""
        self.tagged[id(code)] = code

    def _open(self, *args: object) -> object:
        raise PermissionError("open")

    def import_(
        self, name: str, globals: object = None, locals: object = None, fromlist: object = (), level: int = 0
    ) -> object:
        """Own modules first, then the host's."""
        if name in self.modules:
            return self.modules[name]
        return builtins.__import__(name, None, None, fromlist or (), 0)  # type: ignore[arg-type]  # tuple of str

    def module(self, name: str, source: str) -> types.ModuleType:
        """Make an own module that the cage can import."""
        module = types.ModuleType(name)
        module.__dict__["__builtins__"] = self.builtins
        self.guards.own_module(module)
        self.modules[name] = module
        exec(bind(transform(source, f"<{name}>"), self.guards, self.tag), module.__dict__)
        return module

    def run(self, source: str, **names: object) -> dict[str, object]:
        """Run source as a module and return its globals."""
        namespace: dict[str, object] = {"__builtins__": self.builtins, "__name__": "guest", **names}
        self.namespace = namespace
        exec(bind(transform(source, "<guest>"), self.guards, self.tag), namespace)
        return namespace


@pytest.fixture
def cage() -> Cage:
    """A new sandbox."""
    return Cage()


@pytest.fixture
def host() -> Host:
    """A new object of the host."""
    return Host()


@pytest.fixture
def honest(cage: Cage) -> Callable[..., None]:
    """Check that source gives `result` the same value in the cage as outside."""

    def check(source: str, **names: object) -> None:
        plain: dict[str, object] = {"__name__": "guest", **copy.deepcopy(names)}
        exec(compile(source, "<guest>", "exec", dont_inherit=True), plain)

        caged = cage.run(source, **names)

        assert repr(plain["result"]) == repr(caged["result"])

    return check


@pytest.fixture
def attack(cage: Cage) -> Callable[..., None]:
    """Check that source makes `escaped` true outside, and is refused in the cage.

    Only a denial counts as refused, so that an attack which is broken by accident does not.  `otherwise` lists what else
    this one may be answered with; `silent` says that nothing is raised, because the program looks for what is missing.
    """

    def check(
        source: str, *, otherwise: tuple[type[Exception], ...] = (), silent: bool = False, **names: object
    ) -> None:
        plain: dict[str, object] = {"__name__": "guest", "host": Host(), "Host": Host, "escaped": None, **names}
        saved = {name: value for name, value in vars(Host).items() if name not in ("__dict__", "__weakref__")}
        try:
            exec(compile(source, "<guest>", "exec", dont_inherit=True), plain)
        finally:
            for name in set(vars(Host)) - set(saved) - {"__dict__", "__weakref__"}:
                delattr(Host, name)
            for name, value in saved.items():
                if vars(Host)[name] is not value:
                    setattr(Host, name, value)
        assert plain["escaped"], "the attack has no effect outside either"

        refused = False
        try:
            cage.run(source, **{"host": Host(), "Host": Host, "escaped": None, **names})
        except (AccessDenied, RestrictedSyntaxError, *otherwise):
            refused = True

        namespace = getattr(cage, "namespace", {})
        assert not namespace.get("escaped"), f"the attack succeeded (refused: {refused})"
        assert refused is not silent

    return check
