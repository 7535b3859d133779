"""What is offered of the standard modules for functions and classes: what programs are built with."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import EVALUATES, GLOBAL_STATE, HANDS_OUT, STANDARD_OUTPUT, Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        "__future__": Offer(
            "absolute_import all_feature_names annotations barry_as_FLUFL division generator_stop generators "
            "nested_scopes print_function unicode_literals with_statement"
        ),
        "abc": Offer(
            "ABC ABCMeta abstractclassmethod abstractmethod abstractproperty abstractstaticmethod get_cache_token",
            owned="update_abstractmethods",
        ),
        "contextlib": Offer(
            "AbstractAsyncContextManager AbstractContextManager AsyncContextDecorator AsyncExitStack "
            "ContextDecorator ExitStack aclosing asynccontextmanager closing contextmanager nullcontext",
            made="suppress",
            withheld={GLOBAL_STATE: "chdir redirect_stderr redirect_stdout"},
        ),
        "contextvars": Offer(
            "ContextVar Token", made="copy_context", withheld={"an empty context drops what was inherited": "Context"}
        ),
        "functools": Offer(
            "WRAPPER_ASSIGNMENTS WRAPPER_UPDATES cache cmp_to_key lru_cache partial partialmethod reduce Placeholder",
            made="cached_property singledispatch update_wrapper wraps",
            owned="total_ordering",
            withheld={EVALUATES: "singledispatchmethod"},
        ),
        "itertools": Offer(
            "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile "
            "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest"
        ),
        "keyword": Offer("iskeyword issoftkeyword kwlist softkwlist"),
        "operator": Offer(
            "abs add and_ call concat contains countOf delitem eq floordiv ge getitem gt iadd iand iconcat ifloordiv "
            "ilshift imatmul imod imul index indexOf inv invert ior ipow irshift is_ is_not isub itemgetter itruediv "
            "ixor le length_hint lshift lt matmul mod mul ne neg not_ or_ pos pow rshift setitem sub truediv truth "
            "xor is_none is_not_none",
            made="attrgetter methodcaller",
        ),
        # The rest of it reads source files, prints, or hands out frames; a traceback is the host's to format.
        "traceback": Offer(
            made="format_exception_only",
            withheld={
                "reads any file (D433)": "FrameSummary StackSummary TracebackException extract_stack extract_tb "
                "format_exc format_exception format_list format_stack format_tb",
                STANDARD_OUTPUT: "print_exc print_exception print_last print_list print_stack print_tb",
                HANDS_OUT: "clear_frames walk_stack walk_tb",
            },
        ),
        "typing": Offer(
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
                EVALUATES: "ForwardRef get_type_hints evaluate_forward_ref",
                HANDS_OUT: "get_overloads",
                GLOBAL_STATE: "clear_overloads",
                STANDARD_OUTPUT: "reveal_type",
                "writes to every method of a class": "no_type_check no_type_check_decorator",
            },
        ),
        "warnings": Offer(
            "warn",
            withheld={
                GLOBAL_STATE: "catch_warnings filterwarnings resetwarnings showwarning simplefilter",
                "reads any file (D432)": "formatwarning warn_explicit",
                "writes to the class": "deprecated",
            },
        ),
    }
)
