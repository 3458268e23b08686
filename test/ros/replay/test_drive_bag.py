"""A bag to try things with: `epofusion simulate --bag`."""

from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from epofusion_core.data.pairs import find_pairs
from epofusion_core.imaging import read_rgb
from epofusion_ros.cli.main import app
from epofusion_ros.messages.conversion import to_rgb
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.topics import choose_topics


def test_the_bag_has_the_pictures_that_the_files_have_and_its_topics_are_found(tmp_path: Path) -> None:
    arguments = ["simulate", "--out", str(tmp_path / "drive"), "--frames", "3", "--height", "48", "--width", "64"]
    arguments += ["--bag", str(tmp_path / "recording")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    with Bag(tmp_path / "recording") as bag:
        topics = choose_topics("recording", bag.image_topics())
        images = [to_rgb(message.message) for message in bag.messages([topics.rgb.name])]
    files = [read_rgb(pair.visible) for pair in find_pairs(tmp_path / "drive")]
    assert np.array_equal(images, files)
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 2
    assert "is there already; expected a new folder" in again.output.replace("\n", " ")
