"""The corpus at this layer: ordinary programs run, and what the language has to stop is stopped with plain imports."""

from __future__ import annotations

import builtins
import importlib.util
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pycage.language import GuardSet, attribute_denied, bind, make_builtins, transform

if TYPE_CHECKING:
    from types import CodeType

CORPUS = Path(__file__).parent.parent / "corpus"

# Classes of the corpus that this layer answers for.
_CLASSES = ("attr-walk", "format", "frames", "exception-attr", "guard-shadow", "syntax", "write-guard")

# Files of these classes that another layer stops, and which.
_ELSEWHERE = {
    **dict.fromkeys(("D024", "D025", "D028"), "view of the module: a module in it"),
    "D068": "host API: what exceptions of the host carry",
    "D073": "the run boundary catches KeyboardInterrupt",
    **dict.fromkeys(("D080", "D081", "D086"), "harmless: the name means nothing to pycage"),
    "D095": "harmless: eval is the sandbox's, and 1 + 1 is 2",
    "D097": "harmless: an own object's own attribute names",
    "D149": "view of os",
    "D162": "harmless: the source is refused or evaluated, the process lives",
    **dict.fromkeys(
        ("D113", "D120", "D123", "D125", "D126", "D128", "D129", "D130"), "view of the module: shared state"
    ),
    "D121": "host API: a singledispatch function",
}


def _header(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2].strip() for line in lines if (match := re.match(r"# ([\w-]+): (.*)", line))}


def _namespace(module: types.ModuleType, allowed: set[str] | None) -> tuple[GuardSet, Any]:
    owner = object()
    tagged: dict[int, CodeType] = {}

    def tag(code: CodeType) -> None:
        tagged[id(code)] = code

    def import_(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> object:
        if allowed is not None and name.split(".")[0] not in allowed:
            raise PermissionError(f"module access denied: {name}")
        return builtins.__import__(name, globals, locals, fromlist, level)

    def refused(*args: object, **kwargs: object) -> None:
        raise PermissionError("open")

    guards = GuardSet(owner, lambda code: owner if id(code) in tagged else None, attribute_denied)
    guards.own_module(module)
    vars(module)["__builtins__"] = make_builtins(guards, import_=import_, open_=refused, print_=refused, tag=tag)
    return guards, tag


def _files(folder: str) -> list[Path]:
    return sorted((CORPUS / folder).glob("*.py"))


@pytest.mark.parametrize("path", _files("allow"), ids=lambda path: path.stem)
def test_an_ordinary_program_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("sandbox_mod")
    monkeypatch.setitem(sys.modules, "sandbox_mod", module)
    guards, tag = _namespace(module, None)

    exec(bind(transform(path.read_text(encoding="utf-8"), str(path)), guards, tag), vars(module))

    assert _header(path)["expected"] == repr(module.main())


def _mine() -> list[Path]:
    files = [path for path in _files("deny") if _header(path)["class"] in _CLASSES and path.stem[:4] not in _ELSEWHERE]
    newer = {"py>=3.12": (3, 12), "py>=3.13": (3, 13)}
    return [path for path in files if sys.version_info >= newer.get(_header(path)["needs"], (3, 11))]


@pytest.mark.parametrize("path", _mine(), ids=lambda path: path.stem)
def test_an_attack_on_the_language_has_no_effect(path: Path, tmp_path: Path) -> None:
    """That each has an effect in plain CPython is what the corpus's own control run shows."""
    hostlib = _load_hostlib()
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET\n")
    host = hostlib.Host(str(tmp_path), str(secret))
    imports = _header(path)["imports"]
    module = types.ModuleType("sandbox_mod")
    guards, tag = _namespace(module, set() if imports == "-" else {name.split(".")[0] for name in imports.split(",")})
    vars(module).update(SECRET_PATH=str(secret), host=host, ESCAPED=None, __annotations__={})

    error: Exception | None = None
    try:
        exec(bind(transform(path.read_text(encoding="utf-8"), str(path)), guards, tag), vars(module))
    except Exception as caught:  # noqa: BLE001  whatever comes out, what counts is the effect
        error = caught
    host.executor.shutdown()
    host.db.close()

    assert not module.ESCAPED
    # The attack was refused, not broken by a mistake of the transformer.
    assert isinstance(error, (PermissionError, SyntaxError)), repr(error)


def test_every_file_left_to_another_layer_is_of_these_classes() -> None:
    classes = {path.stem[:4]: _header(path)["class"] for path in _files("deny")}

    assert {classes[number] for number in _ELSEWHERE} <= set(_CLASSES)


def _load_hostlib() -> Any:
    spec = importlib.util.spec_from_file_location("corpus_hostlib", CORPUS / "hostlib.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
