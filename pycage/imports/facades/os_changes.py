"""Functions of ``os`` for a sandbox that make, remove, rename and change files: in one step with the question.

What has a directory descriptor is done to a name in a directory that is held open, what has none to the descriptor of
the file itself.  See `held`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pycage.errors import AccessDenied
from pycage.file_arguments import hard_link_requests, rename_requests, symbolic_link_requests
from pycage.imports.facades.checks import Links, exact_path
from pycage.imports.facades.exact_numbers import exact_integer, exact_seconds
from pycage.imports.facades.held import in_one_step, named, on_file, on_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycage.imports.facades.checks import Path
    from pycage.paths import Place

__all__ = ["FUNCTIONS", "by_path", "flag", "mkdir", "rename", "rmdir", "without_dir_fd"]

_T = TypeVar("_T")


def flag(value: object) -> bool:
    """Return what a flag says, asked once."""
    return bool(value)


def without_dir_fd(*descriptors: object) -> None:
    """Refuse a ``dir_fd``: it is a descriptor, and no permission speaks of those.

    Raises:
        NotImplementedError: There is one.
    """
    if any(descriptor is not None for descriptor in descriptors):
        message = "dir_fd unavailable in a sandbox: pass a whole path"
        raise NotImplementedError(message)


# ---- Names -----------------------------------------------------------------------------------------------------------


def mkdir(path: object, mode: int = 0o777, *, dir_fd: None = None) -> None:
    """Make a directory."""
    without_dir_fd(dir_fd)
    bits = exact_integer(mode, "mode")
    on_name("os.mkdir", exact_path(path), "write", lambda name, inside: os.mkdir(name, bits, dir_fd=inside))


def rmdir(path: object, *, dir_fd: None = None) -> None:
    """Remove an empty directory."""
    without_dir_fd(dir_fd)
    on_name("os.rmdir", exact_path(path), "delete", lambda name, inside: os.rmdir(name, dir_fd=inside))


def remove(path: object, *, dir_fd: None = None) -> None:
    """Remove a file or link."""
    without_dir_fd(dir_fd)
    on_name("os.remove", exact_path(path), "delete", lambda name, inside: os.remove(name, dir_fd=inside))


def unlink(path: object, *, dir_fd: None = None) -> None:
    """Remove a file or link."""
    remove(path, dir_fd=dir_fd)


def _from_to(source: Place, target: Place, use: Callable[[str, int, str, int], None]) -> None:
    named(source, lambda old, before: named(target, lambda new, behind: use(old, before, new, behind)))


def rename(src: object, dst: object, *, src_dir_fd: None = None, dst_dir_fd: None = None) -> None:
    """Rename a file or directory."""
    without_dir_fd(src_dir_fd, dst_dir_fd)

    def use(old: str, before: int, new: str, behind: int) -> None:
        os.rename(old, new, src_dir_fd=before, dst_dir_fd=behind)

    in_one_step(
        "os.rename",
        "read,delete",
        ((exact_path(src), Links.KEEP), (exact_path(dst), Links.KEEP)),
        rename_requests,
        lambda source, target: _from_to(source, target, use),
    )


def replace(src: object, dst: object, *, src_dir_fd: None = None, dst_dir_fd: None = None) -> None:
    """Rename a file or directory over whatever is there."""
    rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)  # the same here; on Windows it is not


def link(
    src: object,
    dst: object,
    *,
    src_dir_fd: None = None,
    dst_dir_fd: None = None,
    follow_symlinks: object = True,  # noqa: ARG001  # Linux never follows: link(2)
) -> None:
    """Make another name of a file."""
    without_dir_fd(src_dir_fd, dst_dir_fd)

    def use(old: str, before: int, new: str, behind: int) -> None:
        os.link(old, new, src_dir_fd=before, dst_dir_fd=behind, follow_symlinks=False)

    in_one_step(
        "os.link",
        "read,write",
        ((exact_path(src), Links.BOTH), (exact_path(dst), Links.KEEP)),
        hard_link_requests,
        lambda source, target: _from_to(source, target, use),
    )


def symlink(
    src: object,
    dst: object,
    target_is_directory: object = False,  # noqa: ARG001, FBT002  # means something on Windows
    *,
    dir_fd: None = None,
) -> None:
    """Make a symbolic link; where it leads to is asked about as well."""
    without_dir_fd(dir_fd)
    text, path = exact_path(src), exact_path(dst)
    try:
        in_one_step(
            "os.symlink",
            "write",
            ((path, Links.KEEP),),
            lambda place: symbolic_link_requests(text, place),
            lambda place: named(place, lambda name, inside: os.symlink(os.fsdecode(text), name, dir_fd=inside)),
        )
    except AccessDenied:
        raise
    except OSError as error:
        error.filename, error.filename2 = text, path
        raise


# ---- What is known of a file -----------------------------------------------------------------------------------------


def by_path(
    operation: str, path: object, actions: str, use: Callable[[str], _T], *, follow_symlinks: object = True
) -> _T:
    """Ask for a file and use a path that leads to it and nowhere else, as long as it is used."""
    exactly = exact_path(path)
    if flag(follow_symlinks):
        return on_file(operation, exactly, actions, lambda fd: use(f"/proc/self/fd/{fd}"))
    return on_name(operation, exactly, actions, lambda name, inside: use(f"/proc/self/fd/{inside}/{name}"))


def chmod(path: object, mode: int, *, dir_fd: None = None, follow_symlinks: object = True) -> None:
    """Change the mode of a file."""
    without_dir_fd(dir_fd)
    bits, follow = exact_integer(mode, "mode"), flag(follow_symlinks)
    by_path(
        "os.chmod",
        path,
        "write",
        lambda held: os.chmod(held, bits, follow_symlinks=follow),  # noqa: PTH101  # pathlib's own would be this one
        follow_symlinks=follow,
    )


def chown(path: object, uid: int, gid: int, *, dir_fd: None = None, follow_symlinks: object = True) -> None:
    """Change the owner of a file."""
    without_dir_fd(dir_fd)
    user, group, follow = exact_integer(uid, "uid"), exact_integer(gid, "gid"), flag(follow_symlinks)
    by_path(
        "os.chown",
        path,
        "write",
        lambda held: os.chown(held, user, group, follow_symlinks=follow),
        follow_symlinks=follow,
    )


def lchown(path: object, uid: int, gid: int) -> None:
    """Change the owner of a file, of the link itself if it is one."""
    chown(path, uid, gid, follow_symlinks=False)


def utime(
    path: object,
    times: object = None,
    *,
    dir_fd: None = None,
    follow_symlinks: object = True,
    **more: object,
) -> None:
    """Change the times of a file; ``ns`` as in the real one."""
    without_dir_fd(dir_fd)
    follow = flag(follow_symlinks)
    seconds: Any = times if times is None else tuple(map(exact_seconds, _pair(times)))
    options: dict[str, Any] = {
        name: tuple(exact_integer(one, name) for one in _pair(two)) for name, two in more.items()
    }
    given = () if seconds is None and options else (seconds,)
    by_path(
        "os.utime",
        path,
        "write",
        lambda held: os.utime(held, *given, follow_symlinks=follow, **options),
        follow_symlinks=follow,
    )


def _pair(value: object) -> tuple[object, ...]:
    if not issubclass(type(value), tuple):
        message = "utime: 'times' and 'ns' must be tuples of two numbers"
        raise TypeError(message)
    return tuple(tuple.__iter__(cast("tuple[object, ...]", value)))


def truncate(path: object, length: int) -> None:
    """Cut a file off."""
    size = exact_integer(length, "length")
    on_file("os.truncate", exact_path(path), "write", lambda fd: os.truncate(f"/proc/self/fd/{fd}", size))


def getxattr(path: object, attribute: object, *, follow_symlinks: object = True) -> bytes:
    """Return an extended attribute."""
    name, follow = exact_path(attribute), flag(follow_symlinks)
    return by_path(
        "os.getxattr",
        path,
        "read",
        lambda held: os.getxattr(held, name, follow_symlinks=follow),
        follow_symlinks=follow,
    )


def setxattr(path: object, attribute: object, value: bytes, flags: int = 0, *, follow_symlinks: object = True) -> None:
    """Set an extended attribute."""
    name, follow = exact_path(attribute), flag(follow_symlinks)
    content, how = bytes(memoryview(value)), exact_integer(flags, "flags")
    by_path(
        "os.setxattr",
        path,
        "write",
        lambda held: os.setxattr(held, name, content, how, follow_symlinks=follow),
        follow_symlinks=follow,
    )


def removexattr(path: object, attribute: object, *, follow_symlinks: object = True) -> None:
    """Remove an extended attribute."""
    name, follow = exact_path(attribute), flag(follow_symlinks)
    by_path(
        "os.removexattr",
        path,
        "write",
        lambda held: os.removexattr(held, name, follow_symlinks=follow),
        follow_symlinks=follow,
    )


def listxattr(path: object = None, *, follow_symlinks: object = True) -> list[str]:
    """Return the names of the extended attributes."""
    follow = flag(follow_symlinks)
    return by_path(
        "os.listxattr",
        "." if path is None else path,
        "read",
        lambda held: os.listxattr(held, follow_symlinks=follow),
        follow_symlinks=follow,
    )


def listdir(path: object = None) -> list[str] | list[bytes]:
    """Return the names in a directory."""
    exactly: Path = "." if path is None else exact_path(path)
    names = on_file("os.listdir", exactly, "read", os.listdir, flags=os.O_RDONLY | os.O_DIRECTORY)
    return [os.fsencode(name) for name in names] if type(exactly) is bytes else names


FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    function.__name__: cast("Callable[..., object]", function)
    for function in (
        chmod,
        chown,
        getxattr,
        lchown,
        link,
        listdir,
        listxattr,
        mkdir,
        remove,
        removexattr,
        rename,
        replace,
        rmdir,
        setxattr,
        symlink,
        truncate,
        unlink,
        utime,
    )
    if hasattr(os, function.__name__)
}
"""What the facade has of these, by name."""
