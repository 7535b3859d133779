"""Real paths: what a name leads to, and what is refused because that cannot be told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pycage.paths import (
    Links,
    PathRefused,
    command_place,
    link_target,
    path_of_descriptor,
    path_text,
    place_of,
    place_of_sqlite_uri,
)

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`granted/` with a file and some links out of it; `secret` beside it; the current directory is `granted`."""
    root = Path(os.path.realpath(tmp_path))
    (root / "granted" / "inside").mkdir(parents=True)
    (root / "granted" / "file").write_text("x")
    (root / "secret").mkdir()
    (root / "secret" / "file").write_text("s")
    (root / "granted" / "way_out").symlink_to("../secret")
    (root / "granted" / "link").symlink_to(root / "secret" / "file")
    monkeypatch.chdir(root / "granted")
    return root


@pytest.fixture
def directory(tree: Path) -> Iterator[int]:
    descriptor = os.open(tree / "secret", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def real(path: object, links: Links = Links.FOLLOW) -> str:
    (only,) = place_of(path, links).real
    return only


class Spelling(str):
    """Claims to be what it is not, whoever asks."""

    __class__ = str  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked")

    __hash__ = str.__hash__

    def __str__(self) -> str:
        raise AssertionError("asked")

    def __fspath__(self) -> str:
        raise AssertionError("asked")


# ---- Text


def test_plain_text_and_bytes_are_paths() -> None:
    assert "a" == path_text("a")
    assert "a\udcff" == path_text(b"a\xff")


@pytest.mark.parametrize(
    "value",
    [Spelling("a"), type("B", (bytes,), {})(b"a"), Path("a"), bytearray(b"a"), memoryview(b"a"), None, 3, True, ["a"]],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_is_a_path(value: object) -> None:
    with pytest.raises(PathRefused, match="not a plain"):
        path_text(value)


@pytest.mark.parametrize("value", ["a\0b", b"a\0b", "\0"])
def test_a_name_with_nul_is_refused(value: object) -> None:
    with pytest.raises(PathRefused, match="NUL"):
        path_text(value)


def test_an_endless_name_is_refused() -> None:
    with pytest.raises(PathRefused, match="longer"):
        path_text("/" * (1 << 20))


# ---- Links


def test_a_plain_file_is_where_its_name_says(tree: Path) -> None:
    place = place_of("file", Links.FOLLOW)

    assert ("file", True, f"{tree}/granted/file") == (place.given, place.relative, place.absolute)
    assert (f"{tree}/granted/file",) == place.real


def test_an_absolute_name_does_not_depend_on_the_current_directory(tree: Path) -> None:
    place = place_of(f"{tree}/granted/file", Links.FOLLOW)

    assert (False, f"{tree}/granted/file") == (place.relative, place.absolute)


def test_a_link_leads_to_its_target(tree: Path) -> None:
    assert f"{tree}/secret/file" == real("link")
    assert f"{tree}/secret/file" == real("way_out/file")
    assert f"{tree}/secret/new" == real("way_out/new")


def test_dots_are_followed_after_the_link_not_folded_before_it(tree: Path) -> None:
    place = place_of(f"{tree}/granted/way_out/../secret/file", Links.FOLLOW)

    assert f"{tree}/granted/secret/file" == place.absolute
    assert (f"{tree}/secret/file",) == place.real


def test_a_link_to_a_link_and_a_link_with_dots_are_followed(tree: Path) -> None:
    os.symlink("./inside/.././link", "again")

    assert f"{tree}/secret/file" == real("again")


def test_an_operation_on_the_link_itself_stays_there_but_follows_the_links_before_it(tree: Path) -> None:
    os.symlink("file", tree / "secret" / "other")

    assert f"{tree}/granted/link" == real("link", Links.KEEP)
    assert f"{tree}/secret/other" == real("way_out/other", Links.KEEP)


@pytest.mark.parametrize("ending", ["/", "/.", "//", "/./"])
def test_a_slash_at_the_end_of_a_link_counts_as_both(tree: Path, ending: str) -> None:
    assert (f"{tree}/secret", f"{tree}/granted/way_out") == place_of("way_out" + ending, Links.KEEP).real


def test_where_it_is_not_known_whether_a_link_is_followed_both_places_are_named(tree: Path) -> None:
    assert (f"{tree}/secret/file", f"{tree}/granted/link") == place_of("link", Links.BOTH).real
    assert (f"{tree}/granted/file",) == place_of("file", Links.BOTH).real


def test_a_link_to_nothing_leads_to_where_a_file_would_be_made(tree: Path) -> None:
    os.symlink("../secret/new", "hole")

    assert f"{tree}/secret/new" == real("hole")


def test_a_loop_of_links_is_refused(tree: Path) -> None:
    os.symlink("two", "one")
    os.symlink("one", "two")

    with pytest.raises(PathRefused) as caught:
        place_of("one", Links.FOLLOW)

    assert "one" == caught.value.given


def test_a_link_behind_a_path_that_is_too_long_is_not_overlooked(tree: Path) -> None:
    """os.path.realpath() calls the last component an ordinary file here; the kernel follows it."""
    name = "d" * 200
    here = os.open(".", os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=here)
        deeper = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.symlink(tree / "secret" / "file", "evil" + "e" * 200, dir_fd=here)
    os.symlink("/".join([name] * 10), "one")
    os.symlink("/".join([name] * 10), "/".join([name] * 10) + "/two")
    os.close(here)
    path = "one/two/evil" + "e" * 200
    # The absolute form is beyond PATH_MAX, each step that the kernel takes is not.
    assert "s" == Path(path).read_text()
    overlooked = os.path.realpath(path)
    assert "evil" in overlooked

    with pytest.raises(PathRefused):
        place_of(path, Links.FOLLOW)


def test_a_directory_that_may_not_be_searched_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def lstat(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("pycage.paths._lstat", lstat)

    with pytest.raises(PathRefused):
        place_of("/a/b", Links.FOLLOW)


def test_a_name_that_cannot_be_encoded_is_refused(tree: Path) -> None:
    with pytest.raises(PathRefused):
        place_of("a\ud800", Links.FOLLOW)


# ---- Directories


def test_a_directory_descriptor_is_where_a_relative_name_starts(tree: Path, directory: int) -> None:
    place = place_of("file", Links.FOLLOW, directory)

    assert (True, f"{tree}/secret/file", (f"{tree}/secret/file",)) == (place.relative, place.absolute, place.real)


def test_a_directory_descriptor_does_not_matter_for_an_absolute_name(directory: int) -> None:
    assert ("/",) == place_of("/", Links.FOLLOW, directory).real


@pytest.mark.parametrize("descriptor", [True, -2, -100, "3", None, 3.0, 1 << 40, 1 << 80])
def test_a_strange_directory_descriptor_is_refused(descriptor: object) -> None:
    with pytest.raises(PathRefused):
        place_of("file", Links.FOLLOW, descriptor)


def test_a_closed_directory_descriptor_is_refused(tree: Path) -> None:
    descriptor = os.open(tree, os.O_RDONLY)
    os.close(descriptor)

    with pytest.raises(PathRefused):
        place_of("file", Links.FOLLOW, descriptor)


def test_a_relative_name_in_a_deleted_directory_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "gone").mkdir()
    monkeypatch.chdir(tree / "gone")
    (tree / "gone").rmdir()

    with pytest.raises(PathRefused, match="does not exist"):
        place_of("file", Links.FOLLOW)


def test_two_leading_slashes_are_one(tree: Path) -> None:
    place = place_of("//etc", Links.FOLLOW)

    assert ("/etc", ("/etc",)) == (place.absolute, place.real)


# ---- /proc


@needs_proc
def test_the_root_of_this_process_is_the_root(tree: Path) -> None:
    assert f"{tree}/secret/file" == real(f"/proc/self/root{tree}/secret/file")
    assert f"{tree}/secret/file" == real(f"/proc/self/root/proc/self/root{tree}/granted/link")
    assert f"{tree}/granted/file" == real("/proc/self/cwd/file")
    assert f"/proc/{os.getpid()}/status" == real("/proc/self/status")


@needs_proc
@pytest.mark.parametrize("form", ["/proc/self/fd/{}", "/dev/fd/{}", "/proc/thread-self/fd/{}"])
def test_the_link_of_a_descriptor_leads_to_its_file(tree: Path, directory: int, form: str) -> None:
    assert f"{tree}/secret" == real(form.format(directory))
    assert f"{tree}/secret/file" == real(form.format(directory) + "/file")


@needs_proc
def test_the_link_of_a_pipe_or_a_deleted_file_is_refused(tree: Path) -> None:
    """Its text is a description, which could be the name of another file."""
    reader, writer = os.pipe()
    with open("gone", "w") as gone:
        os.remove("gone")
        Path("gone (deleted)").write_text("somebody else's")
        try:
            for descriptor in (reader, gone.fileno()):
                with pytest.raises(PathRefused, match="does not lead where its text says"):
                    place_of(f"/proc/self/fd/{descriptor}", Links.FOLLOW)
        finally:
            os.close(reader)
            os.close(writer)


@needs_proc
def test_an_open_file_is_judged_by_where_it_is_now(tree: Path) -> None:
    with open("file") as stream:
        assert f"{tree}/granted/file" == path_of_descriptor(stream.fileno())

        os.rename("file", tree / "secret" / "moved")

        assert f"{tree}/secret/moved" == path_of_descriptor(stream.fileno())


@needs_proc
def test_a_descriptor_without_a_file_has_no_path(tree: Path) -> None:
    reader, writer = os.pipe()
    with open("gone", "w") as gone:
        os.remove("gone")
        Path("gone (deleted)").write_text("somebody else's")
        try:
            assert [None, None, None] == [path_of_descriptor(fd) for fd in (reader, writer, gone.fileno())]
        finally:
            os.close(reader)
            os.close(writer)


@pytest.mark.parametrize("descriptor", [-1, True, "0", None, 1 << 31, 1 << 100])
def test_what_is_not_a_descriptor_is_refused(descriptor: object) -> None:
    with pytest.raises(PathRefused):
        path_of_descriptor(descriptor)


# ---- Texts of links, commands, URIs


def test_the_target_of_a_new_link_starts_at_its_directory(tree: Path) -> None:
    inside = place_of("inside/new", Links.KEEP)
    outside = place_of("way_out/new", Links.KEEP)

    assert (f"{tree}/granted/file",) == link_target("../file", inside).real
    assert (f"{tree}/secret/file",) == link_target("file", outside).real
    assert ("/etc",) == link_target("/etc", inside).real


def test_a_program_without_a_slash_is_looked_up() -> None:
    assert command_place("ls", None) is None
    assert command_place(b"ls", "/") is None


def test_a_relative_program_starts_in_the_directory_of_the_new_process(tree: Path) -> None:
    here, there = command_place("./file", None), command_place("./file", "way_out")

    assert here is not None and there is not None
    assert ((f"{tree}/granted/file",), (f"{tree}/secret/file",)) == (here.real, there.real)


def test_a_strange_directory_for_a_new_process_is_refused() -> None:
    with pytest.raises(PathRefused):
        command_place("./file", Path("/"))


@pytest.mark.parametrize(
    ("uri", "path", "writes"),
    [
        ("file:///srv/a.db", "/srv/a.db", True),
        ("file:/srv/a.db?mode=ro", "/srv/a.db", False),
        ("file://localhost/srv/a%20b?mode=rwc&cache=private", "/srv/a b", True),
        ("file:///srv/a.db?immutable=1&mode=ro", "/srv/a.db", False),
    ],
)
def test_a_uri_of_a_data_base_names_its_file(tree: Path, uri: str, path: str, writes: bool) -> None:
    place, may_write = place_of_sqlite_uri(uri)

    assert (path, writes) == (place.given, may_write)


@pytest.mark.parametrize(
    "uri",
    [
        "file:a.db",
        "file::memory:",
        "file:a?mode=memory",
        "file:///a?vfs=unix-none",
        "file:///a?mode=ro&mode=rwc",
        "file:///a?mode=ro&m%6fde=rwc",
        "file:///a?MODE=ro",
        "file://elsewhere/a",
        "file:///a%00b",
        "file:///a\0b",
        "FILE:///a",
    ],
)
def test_other_uris_of_data_bases_are_refused(tree: Path, uri: str) -> None:
    with pytest.raises(PathRefused):
        place_of_sqlite_uri(uri)


def test_a_uri_that_could_be_a_path_is_refused(tree: Path) -> None:
    """Without uri=True the same text is a file below a directory called "file:"."""
    os.mkdir("file:")

    with pytest.raises(PathRefused, match="could be a path"):
        place_of_sqlite_uri("file:///srv/a.db")


def test_nothing_that_resolves_a_path_raises_an_audit_event(tree: Path, directory: int) -> None:
    """Otherwise a check would ask for a check."""
    raised: list[str] = []
    recording = [True]
    sys.addaudithook(lambda event, _args: raised.append(event) if recording else None)
    raised.clear()

    place_of("way_out/../secret/file", Links.BOTH)
    place_of("file", Links.FOLLOW, directory)
    path_of_descriptor(directory)
    place_of_sqlite_uri("file:///srv/a.db")
    recording.clear()

    assert [] == raised
