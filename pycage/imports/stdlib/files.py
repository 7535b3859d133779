"""What is offered of the standard modules for files and the operating system: facades that ask for permission."""

from __future__ import annotations

import errno
import os
import stat
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pycage.imports.stdlib.offer import GLOBAL_STATE, TELLS, Offer

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["OFFERS"]

_DESCRIPTORS: Final = "works on any descriptor of the process, by its number"
_NEW_DESCRIPTORS: Final = "makes descriptors or special files"
_CHILDREN: Final = "takes the exit statuses of the host's children"
_DIRECTORIES: Final = "walks by descriptors of directories; use walk or scandir"


def _constants(module: ModuleType) -> str:
    """Return the names of a module's constants that are plain numbers; such a name can do nothing."""
    return " ".join(name for name, value in vars(module).items() if name.isupper() and type(value) is int)


_OS_PATH: Final = Offer(
    "ALLOW_MISSING altsep basename commonpath commonprefix curdir defpath devnull dirname extsep isabs isdevdrive "
    "isjunction join normcase normpath pardir pathsep samestat sep split splitdrive splitext splitroot "
    "supports_unicode_filenames",
    effects="abspath exists expanduser expandvars getatime getctime getmtime getsize isdir isfile islink ismount "
    "lexists realpath relpath samefile",
    withheld={_DESCRIPTORS: "sameopenfile"},
    why="what looks at files asks for permission",
)

OFFERS: Final = MappingProxyType(
    {
        "errno": Offer("errorcode " + _constants(errno)),
        "filecmp": Offer(
            "DEFAULT_IGNORES",
            effects="clear_cache cmp cmpfiles",
            withheld={"prints to the host's standard output, and keeps functions that do not ask": "dircmp"},
            why="reads files with the sandbox's permissions",
        ),
        "glob": Offer(
            "escape translate",
            effects="glob iglob",
            why="reads directories with the sandbox's permissions",
        ),
        # Text only; its other functions are about the files of Windows.
        "ntpath": Offer(
            "altsep basename commonpath commonprefix curdir defpath devnull dirname extsep isabs isreserved join "
            "normcase normpath pardir pathsep sep split splitdrive splitext splitroot supports_unicode_filenames",
            withheld={
                "looks at files; use os.path": "ALLOW_MISSING abspath exists expanduser expandvars getatime getctime "
                "getmtime getsize isdevdrive isdir isfile isjunction islink ismount lexists realpath relpath samefile "
                "sameopenfile samestat"
            },
        ),
        "os": Offer(
            "PathLike WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG altsep "
            "confstr confstr_names cpu_count curdir defpath devnull error extsep fsdecode fsencode fspath getpid "
            "getrandom linesep major makedev minor name pardir pathconf_names pathsep sched_param sep stat_result "
            "statvfs_result strerror supports_bytes_environ sysconf_names terminal_size times_result uname_result "
            "urandom waitid_result waitstatus_to_exitcode " + _constants(os),
            made="DirEntry environ popen supports_dir_fd supports_effective_ids supports_fd supports_follow_symlinks",
            effects="access chdir chmod chown close ctermid dup execv execve fdatasync fdopen fork forkpty fstat fsync "
            "ftruncate getcwd getcwdb getegid getenv geteuid getgid getgrouplist getgroups getloadavg getlogin getpgid "
            "getpgrp getppid getpriority getresgid getresuid getsid getuid getxattr isatty kill killpg lchown link "
            "listdir listxattr lseek lstat makedirs mkdir open pathconf pipe pipe2 posix_spawn posix_spawnp pread "
            "process_cpu_count putenv pwrite read readlink remove removedirs removexattr rename renames replace rmdir "
            "scandir sched_getaffinity setxattr stat statvfs symlink sysconf system times truncate uname unlink "
            "unsetenv utime walk write",
            withheld={
                GLOBAL_STATE: "chroot fchdir initgroups login_tty nice register_at_fork sched_setaffinity "
                "sched_setparam sched_setscheduler setegid seteuid setgid setgroups setns setpgid setpgrp setpriority "
                "setregid setresgid setresuid setreuid setsid setuid sync umask unshare reload_environ",
                _DESCRIPTORS: "closerange copy_file_range device_encoding dup2 eventfd_read eventfd_write fchmod "
                "fchown fpathconf fstatvfs get_blocking get_inheritable get_terminal_size grantpt lockf posix_fadvise "
                "posix_fallocate preadv ptsname pwritev readv sendfile set_blocking set_inheritable splice tcgetpgrp "
                "tcsetpgrp timerfd_gettime timerfd_gettime_ns timerfd_settime timerfd_settime_ns ttyname unlockpt "
                "writev",
                _NEW_DESCRIPTORS: "eventfd memfd_create mkfifo mknod openpty pidfd_open posix_openpt timerfd_create",
                _CHILDREN: "wait wait3 wait4 waitid waitpid",
                _DIRECTORIES: "fwalk",
                "ends the host": "_exit abort",
                "starts processes; use execv, execve or posix_spawn": "execl execle execlp execlpe execvp execvpe "
                "spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe get_exec_path",
                "use environ": "environb getenvb",
                TELLS: "sched_get_priority_max sched_get_priority_min sched_getparam sched_getscheduler "
                "sched_rr_get_interval sched_yield",
            },
            why="every function with an effect asks for permission",
        ),
        "os.path": _OS_PATH,
        "pathlib": Offer(
            "PurePath PurePosixPath PureWindowsPath UnsupportedOperation",
            made="Path PosixPath",
            withheld={"there is no Windows here": "WindowsPath"},
            why="what looks at files asks for permission",
        ),
        "posixpath": _OS_PATH,
        "shutil": Offer(
            "Error ExecError SameFileError SpecialFileError",
            effects="copy copy2 copyfile copyfileobj copymode copystat copytree disk_usage get_terminal_size "
            "ignore_patterns move rmtree which",
            withheld={
                GLOBAL_STATE: "register_archive_format register_unpack_format unregister_archive_format "
                "unregister_unpack_format",
                "runs whatever was registered": "get_archive_formats get_unpack_formats make_archive unpack_archive",
                "looks users up": "chown",
            },
            why="every function with an effect asks for permission",
        ),
        "stat": Offer(
            "S_IFMT S_IMODE S_ISBLK S_ISCHR S_ISDIR S_ISDOOR S_ISFIFO S_ISLNK S_ISPORT S_ISREG S_ISSOCK S_ISWHT "
            "filemode " + _constants(stat)
        ),
        "tempfile": Offer(
            "TMP_MAX gettempprefix gettempprefixb",
            made="SpooledTemporaryFile TemporaryDirectory tempdir",
            effects="NamedTemporaryFile TemporaryFile gettempdir gettempdirb mkdtemp mkstemp",
            withheld={"somebody else may take the name first; use mkstemp": "mktemp"},
            why="makes files with the sandbox's permissions",
        ),
    }
)
