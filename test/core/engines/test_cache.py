"""What is kept of compiled models: it is never wrong, never without bound, and never needed."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from epofusion_core import Fuser
from epofusion_core.engines import cache
from epofusion_core.engines.cache import cache_folder, entries, forget, kept
from epofusion_core.engines.graphs import graph_name, shipped_graph
from epofusion_core.model.card import resolve_weights


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def images(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (height, width, 3), np.uint8), rng.integers(0, 256, (height, width), np.uint8)


def keep(name: str, content: bytes = b"content", said: list[str] | None = None) -> bytes:
    return kept(name, lambda: content, f"making {name}", (said if said is not None else []).append)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file, _: file.write_bytes(file.read_bytes()[:-1]),
        lambda _, checksum: checksum.write_bytes(b"\xff\xfe\x00 no text"),
        lambda _, checksum: checksum.write_bytes(b""),
        lambda _, checksum: checksum.unlink(),
        lambda file, _: file.unlink(),
    ],
    ids=["truncated file", "garbage as checksum", "empty checksum", "no checksum", "no file"],
)
def test_whatever_is_damaged_is_made_again_and_said(damage: Callable[[Path, Path], object]) -> None:
    keep("a")
    damage(cache_folder() / "a", cache_folder() / "a.sha256")
    said: list[str] = []
    assert keep("a", said=said) == b"content"
    assert len(said) == 1
    assert keep("a", said=said) == b"content"
    assert len(said) == 1, "what is whole is not made again"


def test_a_damaged_engine_is_compiled_again() -> None:
    expected = Fuser.load("epofusion_xs", engine="openvino")(*images(64, 96))
    (compiled,) = entries()
    compiled.path.write_bytes(compiled.path.read_bytes()[:-1000])
    said: list[str] = []
    actual = Fuser.load("epofusion_xs", engine="openvino", report=said.append)(*images(64, 96))
    assert np.array_equal(actual.fused_luma, expected.fused_luma)
    assert sum("is damaged" in sentence for sentence in said) == 1


def test_a_folder_in_the_way_of_a_file_costs_time_and_nothing_else() -> None:
    (cache_folder() / "a.sha256").mkdir(parents=True)
    said: list[str] = []
    assert keep("a", said=said) == keep("a", said=said) == b"content"
    assert sum("cannot be kept" in sentence for sentence in said) == 2


def test_a_cache_folder_that_cannot_be_written_costs_time_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    said: list[str] = []
    fuser = Fuser.load("epofusion_xs", steps=2, untrained_steps=True, report=said.append)  # a graph that does not ship
    assert fuser(*images(64, 96)).fused_luma.shape == (64, 96)
    assert fuser.engine.name == "openvino"
    unkept = [sentence.split()[0] for sentence in said if "cannot be kept" in sentence]
    assert unkept == ["exporting", "compiling"]


def test_images_of_sizes_that_are_padded_to_one_share_what_is_compiled() -> None:
    fuser = Fuser.load("epofusion_xs", engine="openvino")
    alone = {size: Fuser.load("epofusion_xs", engine="openvino")(*images(*size)) for size in ((100, 120), (111, 70))}
    for size in (*alone, *alone):
        fused = fuser(*images(*size))
        assert np.array_equal(fused.fused_luma, alone[size].fused_luma)
        assert np.array_equal(fused.guidance, alone[size].guidance)
    assert len(entries()) == 1


def test_a_graph_whose_tensors_have_changed_is_compiled_anew(tmp_path: Path) -> None:
    """An .xml names its tensors by their place in the .bin; other tensors leave the .xml as it is."""
    shipped, weights = resolve_weights("epofusion_xs"), tmp_path / "mine.safetensors"
    weights.write_bytes(shipped.read_bytes())
    source = shipped_graph(shipped, 1, "int8")
    assert source is not None
    graph = weights.with_name(graph_name(weights, 1, "int8"))
    graph.write_bytes(source.read_bytes())
    tensors = source.with_suffix(".bin").read_bytes()
    results = []
    for change in (0, 7):
        changed = bytearray(tensors)
        changed[100_000:100_400] = bytes((value + change) % 256 for value in changed[100_000:100_400])
        graph.with_suffix(".bin").write_bytes(changed)
        results.append(Fuser.load(weights, engine="openvino", precision="int8")(*images(64, 96)).fused_luma)
    assert len(entries()) == 2
    assert not np.array_equal(results[0], results[1])


def test_what_was_not_used_for_the_longest_time_goes_first_and_nothing_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 5000)
    foreign = cache_folder() / "foreign"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(bytes(9000))
    for index, name in enumerate(("a", "b", "c", "d")):
        keep(name, bytes(1000))
        os.utime(cache_folder() / name, (index, index))
    keep("a", bytes(1000))  # used again
    keep("e", bytes(1000))
    assert [entry.path.name for entry in entries()] == ["e", "a", "d", "c"]
    assert foreign.is_file()
    keep("large", bytes(8000))
    assert [entry.path.name for entry in entries()] == ["large"], "what is needed now stays, however large"
    for entry in entries():
        forget(entry)
    assert list(cache_folder().iterdir()) == [foreign]


def test_a_file_of_the_cache_is_whole_or_not_there() -> None:
    full = subprocess.run(
        [sys.executable, "-c", CACHE_ON_A_FULL_DISK], capture_output=True, text=True, timeout=60, check=True
    )
    assert full.stdout.split() == ["['big.sha256']", "100000"], "a write that fails leaves no part of the file behind"
    contents = [bytes([number]) * 3_000_000 for number in range(4)]
    with ThreadPoolExecutor(len(contents)) as pool:
        assert set(pool.map(lambda content: keep("shared", content), contents)) <= set(contents)
    assert (cache_folder() / "shared").read_bytes() in contents, "of processes that write it at once, one wins"


CACHE_ON_A_FULL_DISK = """
import resource, signal
from epofusion_core.engines.cache import cache_folder, kept
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # a file that grows beyond it gets an OSError
content = kept("big", lambda: bytes(100_000), "making it", lambda _: None)
print([path.name for path in cache_folder().iterdir()], len(content))
"""
