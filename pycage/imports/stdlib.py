"""What each module of the standard library offers a sandbox: data, read by ``views.py``.

A module without a row is refused, whatever the host loader policy says; a public name without a place in its row does
not exist for a sandbox.  ``tests/imports/test_stdlib.py`` compares every row with the running interpreter and fails on
a name that is neither shown, nor made anew, nor withheld with a reason.
"""

# Problem.  A module of the standard library is one object for the whole process, and most of them lead everywhere:
# through public names alone 53 of 99 candidates reach `sys`, 36 `builtins`, 23 `os`.
#
# Things that do not work:
#
# - An allow-list of module names: `statistics.sys.modules["os"]` (D024).
# - "Everything public except ...": the next Python adds a name.
# - "It does no I/O, so it is harmless".  Four kinds of function are as good as I/O:
#     * it reads an attribute by a name that its caller gives: `operator.attrgetter`, `string.Formatter`,
#       `functools.update_wrapper(assigned=["__globals__"])`: that walks around the attribute guard;
#     * it writes attributes of an argument: `functools.total_ordering`, `dataclasses.dataclass`, `cached_property`, and
#       `copy.copy`, whose `__dict__.update` goes to whatever the guest's `__new__` returned: that walks around the
#       write guard;
#     * it evaluates strings: `typing.get_type_hints`, `singledispatch` with string annotations (D234): that walks
#       around the compiler;
#     * it keeps state for the whole process: `random.seed`, `csv.register_dialect`, `decimal.DefaultContext`.
#
# Idea.  Name what is shown.  A function of the four kinds is withheld with its reason, or made anew for the sandbox in
# facades.py.  Lists, dictionaries and sets are handed out as private copies.
#
# What still fails.  Unbound methods written in Python accept any `self`: `queue.Queue.__init__(host_object)` sets
# attributes with fixed names on a host object.  `decimal.localcontext` that is never left changes the precision of its
# thread.  What the guards know of standard types is in pycage.language.standard.

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import Final

import attrs

__all__ = [
    "NEVER",
    "OFFERS",
    "Offer",
    "is_standard",
    "refusal",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _by_name(reasons: dict[str, str]) -> MappingProxyType[str, str]:
    """Before: ``{"reason": "a b"}``; after: ``{"a": "reason", "b": "reason"}``."""
    return MappingProxyType({name: reason for reason, names in reasons.items() for name in names.split()})


@attrs.frozen
class Offer:
    """What a sandbox gets of one module.

    Attributes:
        shown: Names handed out as they are.  One that this Python does not have is skipped.
        made: Names that ``facades.py`` makes anew for each sandbox.
        owned: Functions that write to their first argument: it must be the sandbox's own.
        withheld: Public names that are not handed out, with the reason.
    """

    shown: frozenset[str] = attrs.field(default="", converter=_words)
    made: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    owned: frozenset[str] = attrs.field(default="", converter=_words, kw_only=True)
    withheld: MappingProxyType[str, str] = attrs.field(factory=dict, converter=_by_name, kw_only=True)


_GLOBAL: Final = "changes state of the whole process"
_STDOUT: Final = "writes to the host's standard output"
_ATTRIBUTES: Final = "reads attributes by name, past the attribute guard"
_EVALUATES: Final = "evaluates strings as code that was never judged"
_HANDS_OUT: Final = "hands out objects of the host"
_FILES: Final = "opens files; use the built-in open"
_NEW_CLASS: Final = "makes a class behind the back of the guards; write a class statement"
_INTERNAL: Final = "an implementation detail"
_COPIES: Final = "its copying writes to whatever __new__ returned; derive from the built-in type"

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
        "array": Offer("ArrayType array typecodes"),
        "base64": Offer(
            "a85decode a85encode b16decode b16encode b32decode b32encode b32hexdecode b32hexencode b64decode "
            "b64encode b85decode b85encode decode decodebytes encode encodebytes standard_b64decode "
            "standard_b64encode urlsafe_b64decode urlsafe_b64encode z85decode z85encode"
        ),
        "binascii": Offer(
            "Error Incomplete a2b_base64 a2b_hex a2b_qp a2b_uu b2a_base64 b2a_hex b2a_qp b2a_uu crc32 crc_hqx "
            "hexlify unhexlify"
        ),
        "bisect": Offer("bisect bisect_left bisect_right insort insort_left insort_right"),
        "calendar": Offer(
            "APRIL AUGUST Calendar DECEMBER Day FEBRUARY FRIDAY HTMLCalendar IllegalMonthError "
            "IllegalWeekdayError JANUARY JULY JUNE MARCH MAY MONDAY Month NOVEMBER OCTOBER SATURDAY SEPTEMBER "
            "SUNDAY THURSDAY TUESDAY TextCalendar WEDNESDAY calendar day_abbr day_name firstweekday isleap "
            "leapdays month month_abbr month_name monthcalendar monthrange timegm weekday weekheader",
            withheld={_GLOBAL: "setfirstweekday LocaleTextCalendar LocaleHTMLCalendar", _STDOUT: "prcal prmonth"},
        ),
        "cmath": Offer(
            "acos acosh asin asinh atan atanh cos cosh e exp inf infj isclose isfinite isinf isnan log log10 nan nanj "
            "phase pi polar rect sin sinh sqrt tan tanh tau"
        ),
        "collections": Offer(
            "ChainMap Counter OrderedDict UserString defaultdict deque",
            made="namedtuple",
            withheld={_COPIES: "UserDict UserList"},
        ),
        "collections.abc": Offer(
            "AsyncGenerator AsyncIterable AsyncIterator Awaitable Buffer ByteString Callable Collection "
            "Container Coroutine Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView "
            "MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized ValuesView"
        ),
        "colorsys": Offer("hls_to_rgb hsv_to_rgb rgb_to_hls rgb_to_hsv rgb_to_yiq yiq_to_rgb"),
        "contextlib": Offer(
            "AbstractAsyncContextManager AbstractContextManager AsyncContextDecorator AsyncExitStack "
            "ContextDecorator ExitStack aclosing asynccontextmanager closing contextmanager nullcontext suppress",
            withheld={_GLOBAL: "chdir redirect_stderr redirect_stdout"},
        ),
        "contextvars": Offer(
            "ContextVar Token", made="copy_context", withheld={"an empty context drops what was inherited": "Context"}
        ),
        "copy": Offer("Error", made="copy deepcopy replace"),
        "csv": Offer(
            "Dialect DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC QUOTE_NOTNULL "
            "QUOTE_STRINGS Sniffer excel excel_tab get_dialect list_dialects reader unix_dialect writer",
            withheld={
                _GLOBAL: "field_size_limit register_dialect unregister_dialect",
                _INTERNAL: "__doc__ __version__",
            },
        ),
        "dataclasses": Offer(
            "Field FrozenInstanceError InitVar KW_ONLY MISSING field fields is_dataclass",
            made="asdict astuple dataclass replace",
            withheld={_NEW_CLASS: "make_dataclass"},
        ),
        "datetime": Offer(
            "MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo", withheld={_INTERNAL: "datetime_CAPI"}
        ),
        "decimal": Offer(
            "Clamped Context ConversionSyntax Decimal DecimalException DecimalTuple DivisionByZero DivisionImpossible "
            "DivisionUndefined FloatOperation HAVE_CONTEXTVAR HAVE_THREADS Inexact InvalidContext InvalidOperation "
            "MAX_EMAX MAX_PREC MIN_EMIN MIN_ETINY Overflow ROUND_05UP ROUND_CEILING ROUND_DOWN ROUND_FLOOR "
            "ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP Rounded Subnormal Underflow localcontext",
            made="getcontext",
            withheld={_GLOBAL: "BasicContext DefaultContext ExtendedContext setcontext"},
        ),
        "difflib": Offer(
            "Differ HtmlDiff IS_CHARACTER_JUNK IS_LINE_JUNK Match SequenceMatcher context_diff diff_bytes "
            "get_close_matches ndiff restore unified_diff"
        ),
        "enum": Offer(
            "CONFORM CONTINUOUS EJECT Enum EnumCheck EnumMeta EnumType Flag FlagBoundary IntEnum IntFlag KEEP "
            "NAMED_FLAGS "
            "ReprEnum STRICT StrEnum UNIQUE auto member nonmember property unique verify",
            withheld={
                "writes to the host's modules": "global_enum",
                "writes to the class": "pickle_by_enum_name pickle_by_global_name",
                _INTERNAL: "EnumDict global_enum_repr global_flag_repr global_str",
            },
        ),
        "fnmatch": Offer("filterfalse", made="filter fnmatch fnmatchcase translate"),
        "fractions": Offer("Fraction"),
        "functools": Offer(
            "WRAPPER_ASSIGNMENTS WRAPPER_UPDATES cache cmp_to_key lru_cache partial partialmethod reduce Placeholder",
            made="cached_property singledispatch update_wrapper wraps",
            owned="total_ordering",
            withheld={_EVALUATES: "singledispatchmethod"},
        ),
        "graphlib": Offer("CycleError TopologicalSorter"),
        "hashlib": Offer(
            "algorithms_available algorithms_guaranteed blake2b blake2s md5 new pbkdf2_hmac scrypt sha1 sha224 sha256 "
            "sha384 sha3_224 sha3_256 sha3_384 sha3_512 sha512 shake_128 shake_256",
            withheld={"reads descriptors": "file_digest"},
        ),
        "heapq": Offer("heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest"),
        "hmac": Offer("HMAC compare_digest digest new", withheld={_INTERNAL: "digest_size trans_36 trans_5C"}),
        # _replace_charref: mistune takes it; it gets a match and returns text.
        "html": Offer("_replace_charref escape unescape"),
        "html.entities": Offer("codepoint2name entitydefs html5 name2codepoint"),
        "html.parser": Offer("HTMLParser"),
        "io": Offer(
            "BlockingIOError BufferedIOBase BufferedRWPair BufferedRandom BufferedReader BufferedWriter BytesIO "
            "DEFAULT_BUFFER_SIZE IOBase IncrementalNewlineDecoder RawIOBase SEEK_CUR SEEK_END SEEK_SET StringIO "
            "TextIOBase "
            "TextIOWrapper UnsupportedOperation Reader Writer",
            withheld={_FILES: "FileIO open open_code", _INTERNAL: "text_encoding"},
        ),
        "ipaddress": Offer(
            "AddressValueError IPV4LENGTH IPV6LENGTH IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface "
            "IPv6Network NetmaskValueError collapse_addresses get_mixed_type_key ip_address ip_interface ip_network "
            "summarize_address_range v4_int_to_packed v6_int_to_packed"
        ),
        "itertools": Offer(
            "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile "
            "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest"
        ),
        "json": Offer("JSONDecodeError JSONDecoder JSONEncoder dump dumps load loads"),
        "json.decoder": Offer("JSONDecodeError JSONDecoder"),
        "json.encoder": Offer(
            "JSONEncoder",
            withheld={
                _INTERNAL: "ESCAPE ESCAPE_ASCII ESCAPE_DCT HAS_UTF8 INFINITY "
                "c_encode_basestring c_encode_basestring_ascii c_make_encoder encode_basestring "
                "encode_basestring_ascii py_encode_basestring py_encode_basestring_ascii"
            },
        ),
        "keyword": Offer("iskeyword issoftkeyword kwlist softkwlist"),
        "math": Offer(
            "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 "
            "expm1 fabs factorial floor fma fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm "
            "ldexp lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt "
            "sumprod tan tanh tau trunc ulp"
        ),
        "numbers": Offer("Complex Integral Number Rational Real"),
        "operator": Offer(
            "abs add and_ call concat contains countOf delitem eq floordiv ge getitem gt iadd iand iconcat ifloordiv "
            "ilshift imatmul imod imul index indexOf inv invert ior ipow irshift is_ is_not isub itemgetter itruediv "
            "ixor le length_hint lshift lt matmul mod mul ne neg not_ or_ pos pow rshift setitem sub truediv truth "
            "xor is_none is_not_none",
            made="attrgetter methodcaller",
        ),
        "pprint": Offer(
            "isreadable isrecursive pformat saferepr",
            withheld={_STDOUT: "pp pprint", "holds the host's standard output": "PrettyPrinter"},
        ),
        "queue": Offer("Empty Full LifoQueue PriorityQueue Queue ShutDown SimpleQueue"),
        "random": Offer(
            "Random SystemRandom",
            made="betavariate binomialvariate choice choices expovariate gammavariate gauss getrandbits getstate "
            "lognormvariate normalvariate paretovariate randbytes randint random randrange sample seed setstate "
            "shuffle triangular uniform vonmisesvariate weibullvariate",
        ),
        "re": Offer(
            "A ASCII DOTALL I IGNORECASE L LOCALE M MULTILINE Match NOFLAG Pattern PatternError RegexFlag S U UNICODE "
            "VERBOSE X error escape",
            made="compile findall finditer fullmatch match search split sub subn",
            withheld={_GLOBAL: "purge", "deprecated": "template TEMPLATE T"},
        ),
        "reprlib": Offer("Repr recursive_repr repr", withheld={_GLOBAL: "aRepr"}),
        "secrets": Offer("SystemRandom choice compare_digest randbelow randbits token_bytes token_hex token_urlsafe"),
        "shlex": Offer("join quote split", withheld={_FILES: "shlex"}),
        "statistics": Offer(
            "NormalDist StatisticsError correlation covariance fmean geometric_mean harmonic_mean kde kde_random "
            "linear_regression mean median median_grouped median_high median_low mode multimode pstdev pvariance "
            "quantiles stdev variance"
        ),
        "string": Offer(
            "Template ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable "
            "punctuation whitespace",
            withheld={_ATTRIBUTES: "Formatter"},
        ),
        "struct": Offer("Struct error", made="calcsize iter_unpack pack pack_into unpack unpack_from"),
        "sys": Offer(
            "api_version byteorder copyright exc_info exception float_info float_repr_style getdefaultencoding "
            "getfilesystemencodeerrors getfilesystemencoding getrecursionlimit getsizeof hash_info hexversion int_info "
            "intern maxsize maxunicode platform stdlib_module_names thread_info version version_info",
            made="argv stderr stdout",
            withheld={
                _HANDS_OUT: "breakpointhook displayhook excepthook unraisablehook get_asyncgen_hooks getprofile "
                "gettrace implementation meta_path modules monitoring path path_hooks path_importer_cache stdin "
                "warnoptions is_finalizing call_tracing getrefcount",
                "tells about the host": "abiflags base_exec_prefix base_prefix builtin_module_names "
                "dont_write_bytecode exec_prefix executable flags get_coroutine_origin_tracking_depth "
                "get_int_max_str_digits getallocatedblocks getdlopenflags getswitchinterval "
                "getunicodeinternedsize is_stack_trampoline_active orig_argv platlibdir prefix "
                "pycache_prefix",
                _GLOBAL: "activate_stack_trampoline addaudithook deactivate_stack_trampoline set_asyncgen_hooks "
                "set_coroutine_origin_tracking_depth set_int_max_str_digits setdlopenflags setprofile "
                "setrecursionlimit setswitchinterval settrace",
                "would hand an event of the sandbox's choice to the security manager": "audit",
                "is an exception that would end the host; raise an error": "exit",
            },
        ),
        "textwrap": Offer("TextWrapper dedent fill indent shorten wrap"),
        # The one module with effects: a thread asks for permission when it starts, and inherits what was captured then.
        "threading": Offer(
            "Barrier BoundedSemaphore BrokenBarrierError Condition Event Lock RLock Semaphore TIMEOUT_MAX "
            "ThreadError get_ident local",
            made="Thread Timer",
            withheld={
                _HANDS_OUT: "ExceptHookArgs current_thread enumerate excepthook getprofile gettrace main_thread",
                _GLOBAL: "setprofile setprofile_all_threads settrace settrace_all_threads stack_size",
                "tells about the host": "active_count get_native_id",
            },
        ),
        "time": Offer(
            "CLOCK_BOOTTIME CLOCK_MONOTONIC CLOCK_MONOTONIC_RAW CLOCK_PROCESS_CPUTIME_ID CLOCK_REALTIME CLOCK_TAI "
            "CLOCK_THREAD_CPUTIME_ID altzone asctime clock_getres clock_gettime clock_gettime_ns ctime daylight "
            "get_clock_info gmtime localtime mktime monotonic monotonic_ns perf_counter perf_counter_ns process_time "
            "process_time_ns sleep strftime strptime struct_time thread_time thread_time_ns time time_ns timezone "
            "tzname",
            withheld={
                _GLOBAL: "clock_settime clock_settime_ns tzset",
                "tells about the host": "pthread_getcpuclockid CLOCK_HIGHRES CLOCK_PROF CLOCK_UPTIME CLOCK_UPTIME_RAW "
                "CLOCK_MONOTONIC_RAW_APPROX CLOCK_UPTIME_RAW_APPROX",
            },
        ),
        "tomllib": Offer("TOMLDecodeError load loads"),
        # The rest of it reads source files, prints, or hands out frames; a traceback is the host's to format.
        "traceback": Offer(
            made="format_exception_only",
            withheld={
                "reads any file (D433)": "FrameSummary StackSummary TracebackException extract_stack extract_tb "
                "format_exc format_exception format_list format_stack format_tb",
                _STDOUT: "print_exc print_exception print_last print_list print_stack print_tb",
                _HANDS_OUT: "clear_frames walk_stack walk_tb",
            },
        ),
        "types": Offer(
            "AsyncGeneratorType CoroutineType DynamicClassAttribute EllipsisType GeneratorType GenericAlias "
            "MappingProxyType NoneType NotImplementedType SimpleNamespace UnionType resolve_bases",
            withheld={
                "makes code, functions, frames or modules, or leads to them": "BuiltinFunctionType BuiltinMethodType "
                "CapsuleType CellType ClassMethodDescriptorType CodeType FrameType FunctionType GetSetDescriptorType "
                "LambdaType MemberDescriptorType MethodDescriptorType MethodType MethodWrapperType ModuleType "
                "TracebackType WrapperDescriptorType FrameLocalsProxyType",
                _NEW_CLASS: "new_class prepare_class",
                "reads __bases__ of any class": "get_original_bases",
                "writes to the function": "coroutine",
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
            "ValuesView assert_never assert_type cast get_origin get_protocol_members is_protocol is_typeddict "
            "overload",
            made="dataclass_transform get_args",
            owned="final override runtime_checkable",
            withheld={
                _EVALUATES: "ForwardRef get_type_hints evaluate_forward_ref",
                _HANDS_OUT: "get_overloads",
                _GLOBAL: "clear_overloads",
                _STDOUT: "reveal_type",
                "writes to every method of a class": "no_type_check no_type_check_decorator",
            },
        ),
        "unicodedata": Offer(
            "UCD bidirectional category combining decimal decomposition digit east_asian_width is_normalized lookup "
            "mirrored name normalize numeric ucd_3_2_0 unidata_version"
        ),
        "urllib.parse": Offer(
            "DefragResult DefragResultBytes ParseResult ParseResultBytes SplitResult SplitResultBytes parse_qs "
            "parse_qsl quote quote_from_bytes quote_plus unquote unquote_plus unquote_to_bytes urlencode "
            "urlunparse urlunsplit",
            made="urldefrag urljoin urlparse urlsplit",
        ),
        # A package without anything of its own to show, so that `import urllib.parse` has a parent.
        "urllib": Offer(),
        "uuid": Offer(
            "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 RESERVED_FUTURE RESERVED_MICROSOFT RESERVED_NCS "
            "RFC_4122 SafeUUID UUID uuid3 uuid4 uuid5 uuid7 uuid8 NIL MAX",
            withheld={"tells the hardware address": "getnode uuid1 uuid6", _INTERNAL: "Enum bytes_ int_ main"},
        ),
        "warnings": Offer(
            "warn",
            withheld={
                _GLOBAL: "catch_warnings filterwarnings resetwarnings showwarning simplefilter",
                "reads any file (D432)": "formatwarning warn_explicit",
                "writes to the class": "deprecated",
            },
        ),
        "weakref": Offer(
            "CallableProxyType ProxyType ProxyTypes ReferenceType WeakKeyDictionary WeakSet "
            "WeakValueDictionary proxy ref",
            withheld={_HANDS_OUT: "WeakMethod getweakrefcount getweakrefs", "runs at the host's exit": "finalize"},
        ),
        "zlib": Offer(
            "DEFLATED DEF_BUF_SIZE DEF_MEM_LEVEL MAX_WBITS ZLIB_RUNTIME_VERSION ZLIB_VERSION Z_BEST_COMPRESSION "
            "Z_BEST_SPEED Z_BLOCK Z_DEFAULT_COMPRESSION Z_DEFAULT_STRATEGY Z_FILTERED Z_FINISH Z_FIXED Z_FULL_FLUSH "
            "Z_HUFFMAN_ONLY Z_NO_COMPRESSION Z_NO_FLUSH Z_PARTIAL_FLUSH Z_RLE Z_SYNC_FLUSH Z_TREES adler32 compress "
            "compressobj crc32 decompress decompressobj error ZLIBNG_VERSION adler32_combine crc32_combine"
        ),
    }
)
"""Module -> what a sandbox gets of it."""

NEVER: Final = MappingProxyType(
    {
        name: reason
        for reason, names in {
            "it is the interpreter, with every loaded module and frame": "builtins gc inspect _thread "
            "faulthandler tracemalloc "
            "atexit signal __main__",
            "it is the operating system; use the built-in open, or an API of the host": "os posix nt ntpath "
            "posixpath shutil pathlib "
            "tempfile glob fileinput pwd grp resource fcntl termios pty tty mmap select selectors platform syslog",
            "it starts processes": "subprocess multiprocessing _posixsubprocess pdb webbrowser",
            "it is native code or loads it": "ctypes _ctypes cffi _cffi_backend _testcapi _testinternalcapi "
            "_xxsubinterpreters "
            "_interpreters _interpchannels _interpqueues",
            "it loads modules past the sandbox's loader": "importlib imp _imp pkgutil runpy zipimport site "
            "modulefinder pydoc venv "
            "ensurepip pip setuptools pkg_resources",
            "it makes or runs code that was never judged": "code codeop dis py_compile compileall timeit trace "
            "doctest unittest "
            "profile cProfile pstats bdb cmd symtable opcode test",
            "it makes objects from bytes": "pickle _pickle pickletools marshal shelve copyreg dbm",
            "it is the import and build configuration of the host": "sysconfig distutils _distutils_hack",
            "pycage is offered as a fixed set of names only": "pycage pycage_native RestrictedPython",
        }.items()
        for name in names.split()
    }
)
"""Top-level modules without a view for ever, with the reason."""


def is_standard(name: str) -> bool:
    """Say whether a module belongs to the standard library, or to what the table decides about for another reason."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in NEVER or name in OFFERS


def refusal(name: str) -> str | None:
    """Return why a sandbox can never have a view of this module, ``None`` if it can.

    Args:
        name: A valid dotted name.
    """
    if name in OFFERS:
        return None
    top = name.partition(".")[0]
    if top in NEVER:
        return f"never shared with a sandbox: {NEVER[top]}"
    if top in sys.stdlib_module_names:
        return "no view of this standard module yet"
    if any(part.startswith("_") for part in name.split(".")):
        return "never shared with a sandbox: its name is private"
    return None
