"""The guard of outputs: whatever passes it can be written to, or deleted, without any input changing."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_core.atomic_file import partial_of
from epofusion_core.output_guard import OutputError, OutputFolder, check_file, refuse_overlap, remove_made

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: Path(*parts))
ENTRIES = st.lists(
    st.tuples(st.sampled_from(["folder", "file", "link", "relative link", "hard link"]), PATHS, PATHS), max_size=12
)


def make(root: Path, entries: list[tuple[str, Path, Path]]) -> None:
    """Make files, folders and links, leaving out what the file system refuses."""
    for kind, place, target in entries:
        path, other = root / place, root / target
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "folder":
                path.mkdir()
            elif kind == "file":
                path.touch(exist_ok=False)
            elif kind == "hard link":
                path.hardlink_to(other)
            else:
                path.symlink_to(other if kind == "link" else os.path.relpath(other, path.parent))
        except (OSError, RuntimeError):
            continue


def seen_by_a_reader(path: Path) -> set[str]:
    """Return all that can be reached through a path, links followed, each real folder once."""
    found, seen = set(), set()
    waiting = [path]
    while waiting:
        place = waiting.pop()
        if not place.exists():
            continue
        found.add(str(place))
        if place.is_dir() and (real := place.resolve()) not in seen:
            seen.add(real)
            waiting += list(place.iterdir())
    return found


def write_and_delete(output: Path) -> None:
    """Do the worst that a command may do to its output: fill it, and remove all of it."""
    real = output.resolve()
    if not real.is_file():
        real.mkdir(parents=True, exist_ok=True)
        (real / "written").write_text("")
        shutil.rmtree(real)
    real.unlink(missing_ok=True)


@given(entries=ENTRIES, source=PATHS, output=PATHS)
@settings(max_examples=300, deadline=None)
def test_what_passes_can_be_destroyed_without_an_input_noticing(
    entries: list[tuple[str, Path, Path]], source: Path, output: Path
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        make(root, entries)
        before = seen_by_a_reader(root / source)
        if not before:
            return  # a missing input is named by the command that cannot read it
        try:
            refuse_overlap([root / output], [root / source])
        except OutputError:
            return
        with suppress(OSError):  # a file where a folder should be: the command will say so
            write_and_delete(root / output)
        assert seen_by_a_reader(root / source) == before


@given(source=PATHS, output=PATHS)
@settings(max_examples=100, deadline=None)
def test_without_links_exactly_those_are_refused_whose_paths_hold_one_another(source: Path, output: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / source).mkdir(parents=True)
        overlap = source == output or source in output.parents or output in source.parents
        if overlap:
            with pytest.raises(OutputError):
                refuse_overlap([root / output], [root / source])
        else:
            refuse_overlap([root / output], [root / source])


def test_an_output_under_another_name_of_the_same_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source.yaml").touch()
    (tmp_path / "same.yaml").hardlink_to(tmp_path / "source.yaml")
    with pytest.raises(OutputError, match="is the input"):
        check_file(tmp_path / "same.yaml", [tmp_path / "source.yaml"], overwrite=True)


def test_a_circle_of_links_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OutputError, match="circle"):
        OutputFolder(tmp_path / "a", "fuse", ["fused"]).check([])


def test_a_folder_is_written_to_again_by_the_command_that_made_it_and_by_no_other(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out", "demo", ["report.html"])
    folder.check([])
    assert not (tmp_path / "out").exists()
    folder.mark()
    (tmp_path / "out" / "report.html").touch()
    folder.check([])
    other = OutputFolder(tmp_path / "out", "bag", ["report.html"])
    with pytest.raises(OutputError, match=r"report\.html was not made by `epofusion bag`"):
        other.check([])
    other.check([], overwrite=True)
    other.mark()
    with pytest.raises(OutputError):
        folder.check([])


def test_a_damaged_marker_vouches_for_nothing(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path, "demo", ["report.html"])
    folder.mark()
    (tmp_path / "report.html").touch()
    for content in ("", "[1]", '{"demo": 1}', "\x00"):
        (tmp_path / ".epofusion.json").write_text(content)
        with pytest.raises(OutputError):
            folder.check([])


def test_what_a_killed_run_has_left_half_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "fused").mkdir()
    killed = tmp_path / "fused" / ".epofusion-999999999-0.part"
    running, foreign = partial_of(tmp_path / "fused" / "b.png"), tmp_path / "fused" / "c.part"
    for file in (killed, running, foreign):
        file.touch()
    OutputFolder(tmp_path, "fuse", ["fused"]).mark()
    assert (killed.exists(), running.exists(), foreign.exists()) == (False, True, True)


def test_only_files_of_our_names_are_removed_and_never_through_a_link(tmp_path: Path) -> None:
    for folder in ("masks", "elsewhere"):
        (tmp_path / folder).mkdir()
        for name in ("00001_mask.png", "labels.txt"):
            (tmp_path / folder / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for folder in ("masks", "link", "missing"):
        remove_made(tmp_path / folder, "[0-9]*_mask.png")
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["labels.txt"]
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2
