"""What is offered of the standard modules for the interpreter, the machine and time: modules with effects."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, HANDS_OUT, INTERNAL, OPENS_FILES, TELLS, Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        "io": Offer(
            "BlockingIOError BufferedIOBase BufferedRWPair BufferedRandom BufferedReader BufferedWriter BytesIO "
            "DEFAULT_BUFFER_SIZE IOBase IncrementalNewlineDecoder RawIOBase SEEK_CUR SEEK_END SEEK_SET StringIO "
            "TextIOBase "
            "TextIOWrapper UnsupportedOperation Reader Writer text_encoding",
            made="open",
            withheld={OPENS_FILES: "FileIO open_code"},
            why="open() is the sandbox's own",
        ),
        "ctypes": Offer(
            made="ArgumentError Array CDLL CFUNCTYPE DEFAULT_MODE LibraryLoader LittleEndianStructure "
            "LittleEndianUnion POINTER RTLD_GLOBAL RTLD_LOCAL "
            "Structure Union addressof alignment byref c_bool c_buffer c_byte c_char c_char_p c_double c_float "
            "c_int c_int16 c_int32 c_int64 c_int8 c_long c_longdouble c_longlong c_short c_size_t c_ssize_t "
            "c_time_t c_ubyte c_uint c_uint16 c_uint32 c_uint64 c_uint8 c_ulong c_ulonglong c_ushort c_void_p "
            "c_voidp c_wchar c_wchar_p cast cdll create_string_buffer create_unicode_buffer get_errno memmove "
            "memset pointer set_errno sizeof string_at wstring_at",
            withheld={
                "runs in this process": "PYFUNCTYPE PyDLL py_object pydll pythonapi",
                "needs the bytes in another order, which no executor has": "BigEndianStructure BigEndianUnion",
                "deprecated": "ARRAY SetPointerType SIZEOF_TIME_T",
                "objects have the size of their type": "resize",
            },
            why="libraries run in confined processes: pycage_native",
        ),
        "ctypes.util": Offer(
            made="find_library",
            withheld={INTERNAL: "dllist test"},
            why="the real one starts compilers",
        ),
        "platform": Offer(
            copied="*",
            withheld={
                TELLS: "AndroidVer IOSVersionInfo android_ver freedesktop_os_release ios_ver java_ver uname "
                "uname_result system_alias win32_edition win32_is_iot"
            },
            why="asks the host for its name, its version and its files",
        ),
        "_thread": Offer(
            "LockType RLock TIMEOUT_MAX allocate allocate_lock error get_ident lock",
            withheld={
                "starts a thread behind the back of threading": "start_joinable_thread start_new start_new_thread",
                GLOBAL_STATE: "daemon_threads_allowed exit exit_thread interrupt_main stack_size",
                TELLS: "get_native_id",
            },
        ),
        "linecache": Offer(
            made="cache checkcache clearcache getline getlines lazycache", why="reads any file, for everybody"
        ),
        "zipimport": Offer(made="ZipImportError zipimporter", why="loads modules past the sandbox's loader"),
        "sysconfig": Offer(
            made="get_config_var get_config_vars get_platform get_python_version",
            why="tells how the host was built",
            withheld={
                TELLS: "get_config_h_filename get_makefile_filename get_path get_path_names get_paths get_scheme_names",
                OPENS_FILES: "parse_config_h",
            },
        ),
        "sys": Offer(
            "api_version byteorder copyright float_info float_repr_style getdefaultencoding "
            "getfilesystemencodeerrors getfilesystemencoding getrecursionlimit getsizeof hash_info hexversion int_info "
            "intern maxsize maxunicode platform stdlib_module_names thread_info version version_info",
            made="_getframe argv exc_info exception exit implementation meta_path modules path stderr stdin stdout "
            "warnoptions",
            withheld={
                HANDS_OUT: "breakpointhook displayhook excepthook unraisablehook get_asyncgen_hooks getprofile "
                "gettrace monitoring path_hooks path_importer_cache "
                "is_finalizing call_tracing getrefcount",
                TELLS: "abiflags base_exec_prefix base_prefix builtin_module_names "
                "dont_write_bytecode exec_prefix executable flags get_coroutine_origin_tracking_depth "
                "get_int_max_str_digits getallocatedblocks getdlopenflags getswitchinterval "
                "getunicodeinternedsize is_stack_trampoline_active orig_argv platlibdir prefix "
                "pycache_prefix",
                GLOBAL_STATE: "activate_stack_trampoline addaudithook deactivate_stack_trampoline set_asyncgen_hooks "
                "set_coroutine_origin_tracking_depth set_int_max_str_digits setdlopenflags setprofile "
                "setrecursionlimit setswitchinterval settrace",
                "would hand an event of the sandbox's choice to the security manager": "audit",
            },
            why="it is the interpreter; here it tells what is harmless",
        ),
        # The one module with effects: a thread asks for permission when it starts, and inherits what was captured then.
        "threading": Offer(
            "Barrier BoundedSemaphore BrokenBarrierError Condition Event Lock RLock Semaphore TIMEOUT_MAX "
            "ThreadError get_ident local",
            made="Thread Timer active_count current_thread enumerate main_thread",
            withheld={
                HANDS_OUT: "ExceptHookArgs excepthook getprofile gettrace",
                GLOBAL_STATE: "setprofile setprofile_all_threads settrace settrace_all_threads stack_size",
                TELLS: "get_native_id",
            },
            why="threads carry what their sandbox may do",
        ),
        "time": Offer(
            "CLOCK_BOOTTIME CLOCK_MONOTONIC CLOCK_MONOTONIC_RAW CLOCK_PROCESS_CPUTIME_ID CLOCK_REALTIME CLOCK_TAI "
            "CLOCK_THREAD_CPUTIME_ID altzone asctime clock_getres clock_gettime clock_gettime_ns ctime daylight "
            "get_clock_info gmtime localtime mktime monotonic monotonic_ns perf_counter perf_counter_ns process_time "
            "process_time_ns sleep strftime strptime struct_time thread_time thread_time_ns time time_ns timezone "
            "tzname",
            withheld={
                GLOBAL_STATE: "clock_settime clock_settime_ns tzset",
                TELLS: "pthread_getcpuclockid CLOCK_HIGHRES CLOCK_PROF CLOCK_UPTIME CLOCK_UPTIME_RAW "
                "CLOCK_MONOTONIC_RAW_APPROX CLOCK_UPTIME_RAW_APPROX",
            },
        ),
    }
)
