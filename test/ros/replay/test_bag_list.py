"""Which bags a user names: patterns, lists and addresses mean what they mean to a shell, or are refused."""

from pathlib import Path

import fsspec
import pytest

from epofusion_ros.replay.bag_list import bags_named, write_bag_list
from epofusion_ros.replay.remote_bag import BagSource, RemoteBag


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A folder with two bags and what is no bag, beside it one with a file."""
    for name in ("a", "b"):
        (tmp_path / "day" / name).mkdir(parents=True)
        (tmp_path / "day" / name / "metadata.yaml").touch()
        (tmp_path / "day" / name / f"{name}_0.mcap").touch()
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "c.bag").touch()
    (tmp_path / "day" / "notes.txt").write_text("nothing")
    return tmp_path / "day"


def names(bags: list[BagSource]) -> list[str]:
    return [bag.name for bag in bags]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("day", ["a", "b"]),
        ("day/a", ["a"]),
        ("day/*", ["a", "b"]),
        ("**", ["a", "b", "night"]),
        ("*/*.bag", ["c.bag"]),
        ("**/*.mcap", ["a_0.mcap", "b_0.mcap"]),
        ("*/[bc]*", ["b", "c.bag"]),
        ("day/missing", ["missing"]),
    ],
)
def test_a_name_stands_for_the_bags_that_it_matches(
    name: str, found: list[str], day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(day.parent)
    assert names(bags_named([name])) == found
    assert names(bags_named([str(day.parent / name)])) == found


def test_a_list_names_a_bag_a_line_from_its_own_folder(day: Path) -> None:
    bags = day / "bags.txt"
    bags.write_text("# of Tuesday\n\n  a  \n../night/*.bag\nmemory:///x/#3\n")
    assert bags_named([str(bags)]) == [day / "a", day / "../night/c.bag", RemoteBag("memory:///x/#3")]


def test_what_was_written_is_read_back(day: Path) -> None:
    bags: list[BagSource] = [day / "b", RemoteBag("memory:///store/a"), day.parent / "night" / "c.bag"]
    write_bag_list(day / "failed.txt", ((bag, "it is\nbroken") for bag in bags))
    assert bags_named([str(day / "failed.txt")]) == bags


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"# none\n", "names none; expected a bag a line"), (b"\xff\xfe", "is no text"), (b"x*\n", "no bag matches it")],
)
def test_a_list_that_names_no_bag_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "bags.txt").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        bags_named([str(tmp_path / "bags.txt")])


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_an_address_stands_for_the_bags_behind_it(scheme: str, day: Path) -> None:
    store = fsspec.filesystem(scheme)
    root = str(day.parent)
    if scheme == "memory":
        store.put(root, root, recursive=True)
    for pattern, found in (
        ("day", ["a", "b"]),
        ("day/a/", ["a"]),
        ("*/*", ["a", "b", "c.bag"]),
        ("night/c.bag", ["c.bag"]),
    ):
        bags = bags_named([f"{scheme}://{root}/{pattern}"])
        assert names(bags) == found
        assert {str(bag).partition("://")[0] for bag in bags} == {scheme}
    with pytest.raises(ValueError, match="no bag matches it"):
        bags_named([f"{scheme}://{root}/noon*"])


@pytest.mark.parametrize("address", ["nonsense://a/b", "s3://bucket/bag"])
def test_an_address_that_nothing_opens_is_named(address: str) -> None:
    with pytest.raises(ValueError, match=f"bag {address} cannot be opened"):
        bags_named([address])
