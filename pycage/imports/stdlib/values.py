"""What is offered of the standard modules for data types: containers, dates, enumerations, copies."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, HANDS_OUT, INTERNAL, NEW_CLASS, Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        "array": Offer("ArrayType array typecodes"),
        "bisect": Offer("bisect bisect_left bisect_right insort insort_left insort_right"),
        "calendar": Offer(
            copied="*",
            withheld={
                GLOBAL_STATE: "setfirstweekday",
                "changes the locale of the process": "LocaleTextCalendar LocaleHTMLCalendar different_locale",
                "reads the command line": "main",
            },
            why="prints",
        ),
        "collections": Offer(
            "ChainMap Counter OrderedDict UserString defaultdict deque",
            made="namedtuple",
            copied="UserDict UserList",  # their copying writes to whatever __new__ returned,
            why="namedtuple names attributes; UserDict and UserList copy into whatever __new__ returned",
        ),
        "collections.abc": Offer(
            "AsyncGenerator AsyncIterable AsyncIterator Awaitable Buffer ByteString Callable Collection "
            "Container Coroutine Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView "
            "MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized ValuesView"
        ),
        "copy": Offer(
            "Error",
            made="copy deepcopy replace",
            why="writes to whatever __new__ returned",
        ),
        "dataclasses": Offer(
            "Field FrozenInstanceError InitVar KW_ONLY MISSING field fields is_dataclass",
            made="asdict astuple dataclass replace",
            copied="make_dataclass",
            why="reads, writes and evaluates by the names of fields",
        ),
        "datetime": Offer(
            "MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo", withheld={INTERNAL: "datetime_CAPI"}
        ),
        "decimal": Offer(
            "Clamped Context ConversionSyntax Decimal DecimalException DecimalTuple DivisionByZero DivisionImpossible "
            "DivisionUndefined FloatOperation HAVE_CONTEXTVAR HAVE_THREADS Inexact InvalidContext InvalidOperation "
            "MAX_EMAX MAX_PREC MIN_EMIN MIN_ETINY Overflow ROUND_05UP ROUND_CEILING ROUND_DOWN ROUND_FLOOR "
            "ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP Rounded Subnormal Underflow",
            made="getcontext localcontext",
            withheld={GLOBAL_STATE: "BasicContext DefaultContext ExtendedContext setcontext"},
            why="its context is the thread's",
        ),
        "enum": Offer(
            "CONFORM CONTINUOUS EJECT Enum EnumCheck EnumMeta EnumType Flag FlagBoundary IntEnum IntFlag KEEP "
            "NAMED_FLAGS "
            "ReprEnum STRICT StrEnum UNIQUE auto member nonmember property unique verify",
            withheld={
                "writes to the host's modules": "global_enum",
                "writes to the class": "pickle_by_enum_name pickle_by_global_name",
                INTERNAL: "EnumDict global_enum_repr global_flag_repr global_str",
            },
        ),
        "fractions": Offer("Fraction"),
        "graphlib": Offer("CycleError TopologicalSorter"),
        "heapq": Offer(
            "heapify heappop heappush heappushpop heapreplace nlargest nsmallest",
            effects="merge",
            why="calls what it is given later",
        ),
        "ipaddress": Offer(
            "AddressValueError IPV4LENGTH IPV6LENGTH IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface "
            "IPv6Network NetmaskValueError collapse_addresses get_mixed_type_key ip_address ip_interface ip_network "
            "summarize_address_range v4_int_to_packed v6_int_to_packed"
        ),
        "numbers": Offer("Complex Integral Number Rational Real"),
        "queue": Offer("Empty Full LifoQueue PriorityQueue Queue ShutDown SimpleQueue"),
        "types": Offer(
            # type(x) gives all of these; what authority needs, code and frames, they cannot be made of.
            "AsyncGeneratorType BuiltinFunctionType BuiltinMethodType ClassMethodDescriptorType CoroutineType "
            "DynamicClassAttribute EllipsisType GeneratorType GenericAlias GetSetDescriptorType MappingProxyType "
            "MemberDescriptorType MethodDescriptorType MethodType MethodWrapperType ModuleType NoneType "
            "NotImplementedType SimpleNamespace TracebackType UnionType WrapperDescriptorType resolve_bases",
            made="CellType CodeType FrameType FunctionType LambdaType new_class",
            withheld={
                "nothing of the kind is ever seen": "CapsuleType FrameLocalsProxyType",
                NEW_CLASS: "prepare_class",
                "reads __bases__ of any class": "get_original_bases",
                "writes to the function": "coroutine",
            },
            why="some of it makes code, functions and frames",
        ),
        "uuid": Offer(
            "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 RESERVED_FUTURE RESERVED_MICROSOFT RESERVED_NCS "
            "RFC_4122 SafeUUID UUID uuid3 uuid4 uuid5 uuid7 uuid8 NIL MAX",
            withheld={"tells the hardware address": "getnode uuid1 uuid6", INTERNAL: "Enum bytes_ int_ main"},
        ),
        "weakref": Offer(
            "CallableProxyType ProxyType ProxyTypes ReferenceType WeakKeyDictionary WeakSet WeakValueDictionary ref",
            made="proxy",
            copied="WeakMethod finalize",
            withheld={HANDS_OUT: "getweakrefcount getweakrefs"},
            why="nothing of it runs when the host ends, and callbacks are the sandbox's",
        ),
        "zoneinfo": Offer(copied="*", shown="ZoneInfo", why="reads files, and keeps zones in a cache of the process"),
    }
)
