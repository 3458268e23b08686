"""Recipes of training: what is wrong is said in one sentence, and those that ship are valid."""

from pathlib import Path

import pytest

from epofusion_core.training.config import read_stages, read_train_config

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model: epofusion_s\ndata: {root: .}\nbatches: 3", "batches"),
        ("model: epofusion_s\ndata: {root: .}\nbatch: many", "batch"),
        ("- a list", "mapping"),
        ("model: [", "no YAML"),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_train_config(path)


def test_mixed_precision_is_switched_off_by_a_bare_no_which_yaml_reads_as_false(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model: epofusion_s\ndata: {root: .}\nmixed_precision: no")
    assert read_train_config(path).mixed_precision == "no"


def test_the_key_of_earlier_versions_still_names_the_stage(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model: epofusion_xs\ndata: {root: pairs}\ntrained: masks\n")
    assert read_train_config(path).stage == "masks"
    assert read_train_config(path, {"trained": "all"}).stage == "all"


@pytest.mark.parametrize("name", ["xs", "s"])
def test_the_recipe_of_what_ships_has_stages_that_end_with_the_masks(name: str) -> None:
    stages = read_stages(REPOSITORY / "config" / "train" / f"release_{name}.yaml", {"data.root": "pairs"})
    assert stages["network"] == read_train_config(
        REPOSITORY / "config" / "train" / f"{name}.yaml", {"data.root": "pairs"}
    )
    assert [config.stage for config in stages.values()] == ["all", "masks", "masks"]
    assert {(config.model, config.data.root) for config in stages.values()} == {(f"epofusion_{name}", Path("pairs"))}


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [("3", "stages is 3"), ("{a/b: {}}", "'a/b' names a folder"), ("{a: {batches: 1}}", "batches")],
)
def test_wrong_stages_are_refused_in_one_sentence(tmp_path: Path, stages: str, sentence: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"model: epofusion_xs\ndata: {{root: pairs}}\nstages: {stages}\n")
    with pytest.raises(ValueError, match=sentence):
        read_stages(path)


@pytest.mark.parametrize("name", ["paper", "t", "s", "xs"])
def test_the_shipped_configurations_are_valid(name: str) -> None:
    config = read_train_config(REPOSITORY / "config" / "train" / f"{name}.yaml")
    assert config.loss.pseudo_target == ("average" if name in ("paper", "t") else "exposure")
