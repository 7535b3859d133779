"""What is offered of the standard modules for functions and classes: what programs are built with."""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import EVALUATES, GLOBAL_STATE, HANDS_OUT, STANDARD_OUTPUT, Offer

__all__ = ["OFFERS"]

_NODES: Final = " ".join(
    name for name, kind in vars(ast).items() if isinstance(kind, type) and issubclass(kind, ast.AST)
)

OFFERS: Final = MappingProxyType(
    {
        "__future__": Offer(
            "absolute_import all_feature_names annotations barry_as_FLUFL division generator_stop generators "
            "nested_scopes print_function unicode_literals with_statement"
        ),
        "abc": Offer(
            "ABC ABCMeta abstractclassmethod abstractmethod abstractproperty abstractstaticmethod get_cache_token",
            owned="update_abstractmethods",
            why="writes to the class it is given",
        ),
        "argparse": Offer(copied="*", why="prints, and calls what it is given"),
        "ast": Offer(
            f"PyCF_ALLOW_TOP_LEVEL_AWAIT PyCF_ONLY_AST PyCF_TYPE_COMMENTS PyCF_OPTIMIZED_AST {_NODES}",
            copied="*",
            withheld={"compiles and prints": "main"},
            why="compiles; here it only parses, and its classes of nodes are the host's",
        ),
        "contextlib": Offer(
            "AbstractAsyncContextManager AbstractContextManager AsyncContextDecorator AsyncExitStack "
            "ContextDecorator ExitStack aclosing closing nullcontext",
            made="asynccontextmanager contextmanager suppress",
            copied="redirect_stderr redirect_stdout",
            withheld={GLOBAL_STATE: "chdir"},
            why="redirects the sandbox's own streams only, and keeps what it is given",
        ),
        "codecs": Offer(
            "BOM BOM_BE BOM_LE ascii_decode ascii_encode decode encode latin_1_decode latin_1_encode lookup "
            "lookup_error utf_16_be_decode utf_16_be_encode utf_16_decode utf_16_encode utf_16_le_decode "
            "utf_16_le_encode utf_32_decode utf_32_encode utf_8_decode utf_8_encode",
            copied="*",
            withheld={GLOBAL_STATE: "register register_error unregister"},
            why="opens files, and answers for what is behind a stream",
        ),
        "configparser": Offer(copied="*", why="opens files"),
        "contextvars": Offer(
            "ContextVar Token",
            made="copy_context",
            withheld={"an empty context drops what was inherited": "Context"},
            why="a context lists the host's variables",
        ),
        "functools": Offer(
            "WRAPPER_ASSIGNMENTS WRAPPER_UPDATES cache lru_cache partialmethod reduce Placeholder",
            made="cached_property cmp_to_key partial singledispatch update_wrapper wraps",
            owned="total_ordering",
            copied="singledispatchmethod",
            why="reads and writes attributes by name, and keeps what it is given",
        ),
        "unittest": Offer(
            "FunctionTestCase SkipTest TestCase TestResult expectedFailure skip skipIf skipUnless",
            copied="*",
            withheld={
                "finds and runs tests of any module": "BaseTestSuite IsolatedAsyncioTestCase TestLoader TestProgram "
                "TestSuite TextTestResult TextTestRunner defaultTestLoader findTestCases getTestCaseNames load_tests "
                "main makeSuite",
                GLOBAL_STATE: "addModuleCleanup doModuleCleanups enterModuleContext installHandler registerResult "
                "removeHandler removeResult",
            },
            why="finds and runs tests of any module, and watches signals",
        ),
        "getopt": Offer(copied="*", why="reads the environment"),
        "gettext": Offer(copied="*", why="opens files, changes built-ins"),
        "inspect": Offer(
            "AGEN_CLOSED AGEN_CREATED AGEN_RUNNING AGEN_SUSPENDED BoundArguments BufferFlags CORO_CLOSED CORO_CREATED "
            "CORO_RUNNING CORO_SUSPENDED CO_ASYNC_GENERATOR CO_COROUTINE CO_GENERATOR CO_ITERABLE_COROUTINE CO_NESTED "
            "CO_NEWLOCALS CO_NOFREE CO_OPTIMIZED CO_VARARGS CO_VARKEYWORDS ClassFoundException EndOfBlock FrameInfo "
            "FullArgSpec GEN_CLOSED GEN_CREATED GEN_RUNNING GEN_SUSPENDED Parameter TPFLAGS_IS_ABSTRACT cleandoc "
            "formatannotation getasyncgenstate getcoroutinestate getgeneratorstate indentsize isabstract isasyncgen "
            "isasyncgenfunction isawaitable isbuiltin isclass iscode iscoroutine iscoroutinefunction isdatadescriptor "
            "isframe isfunction isgenerator isgeneratorfunction isgetsetdescriptor ismemberdescriptor ismethod "
            "ismethoddescriptor ismethodwrapper ismodule isroutine istraceback",
            made="Signature currentframe get_annotations getattr_static getcomments getdoc getfile getfullargspec "
            "getinnerframes getmembers getmodule getmro getsource getsourcefile getsourcelines signature stack trace "
            "unwrap",
            owned="markcoroutinefunction",
            why="reads code, frames, files and private attributes",
            withheld={
                HANDS_OUT: "ArgInfo Arguments Attribute ClosureVars Traceback classify_class_attrs "
                "formatannotationrelativeto formatargvalues getargs getargvalues getasyncgenlocals getcallargs "
                "getclasstree getclosurevars getcoroutinelocals getframeinfo getgeneratorlocals getlineno "
                "getmembers_static getouterframes walktree",
                "reads any file (D395)": "BlockFinder findsource getabsfile getblock getmodulename",
            },
        ),
        "itertools": Offer(
            "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile "
            "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest"
        ),
        "locale": Offer(copied="*", why="changes the locale of the process; here it is always C"),
        "logging": Offer(copied="*", why="one tree of loggers for the process; here one for the sandbox"),
        "logging.config": Offer(copied="*", why="evaluates, and imports what a configuration names"),
        "logging.handlers": Offer(
            copied="*", withheld={"are names of stat": "ST_DEV ST_INO ST_MTIME"}, why="opens files and addresses"
        ),
        "keyword": Offer("iskeyword issoftkeyword kwlist softkwlist"),
        "optparse": Offer(copied="*", why="prints, and calls what it is given"),
        "operator": Offer(
            "abs add and_ call concat contains countOf delitem eq floordiv ge getitem gt iadd iand iconcat ifloordiv "
            "ilshift imatmul imod imul index indexOf inv invert ior ipow irshift is_ is_not isub itemgetter itruediv "
            "ixor le length_hint lshift lt matmul mod mul ne neg not_ or_ pos pow rshift setitem sub truediv truth "
            "xor is_none is_not_none",
            made="attrgetter methodcaller",
            why="reads attributes by name",
        ),
        "sched": Offer(copied="*", why="calls what it is given"),
        "token": Offer(copied="*", why="writes to its own globals"),
        "tokenize": Offer(copied="*", withheld={"reads the command line": "main"}, why="opens files"),
        "traceback": Offer(
            copied="*",
            withheld={HANDS_OUT: "walk_stack walk_tb"},
            why="leads to frames and reads any file; here it tells of the sandbox's own frames",
        ),
        "typing": Offer(
            # attrs asks isinstance() with the private one; type(List[int]) gives it, too.
            "_GenericAlias "
            "AbstractSet Annotated Any AnyStr AsyncContextManager AsyncGenerator AsyncIterable AsyncIterator Awaitable "
            "BinaryIO ByteString Callable ChainMap ClassVar Collection Concatenate Container ContextManager Coroutine "
            "Counter DefaultDict Deque Dict Final FrozenSet Generator Generic Hashable IO ItemsView Iterable Iterator "
            "KeysView List Literal LiteralString Mapping MappingView Match MutableMapping MutableSequence MutableSet "
            "NamedTuple Never NewType NoDefault NoReturn NotRequired Optional OrderedDict ParamSpec ParamSpecArgs "
            "ParamSpecKwargs Pattern Protocol ReadOnly Required Reversible Self Sequence Set Sized SupportsAbs "
            "SupportsBytes SupportsComplex SupportsFloat SupportsIndex SupportsInt SupportsRound TYPE_CHECKING Text "
            "TextIO Tuple Type TypeAlias TypeAliasType TypeGuard TypeIs TypeVar TypeVarTuple TypedDict Union Unpack "
            "ValuesView assert_never assert_type cast get_origin get_protocol_members is_protocol is_typeddict",
            made="dataclass_transform get_args overload",
            owned="final override runtime_checkable",
            withheld={
                EVALUATES: "ForwardRef evaluate_forward_ref",
                HANDS_OUT: "get_overloads",
                GLOBAL_STATE: "clear_overloads",
                STANDARD_OUTPUT: "reveal_type",
                "writes to every method of a class": "no_type_check no_type_check_decorator",
            },
            copied="get_type_hints",
            why="writes to what it decorates, and holds strings that are evaluated later",
        ),
        "warnings": Offer(copied="*", why="its filters are the process's; here they are the sandbox's"),
    }
)
