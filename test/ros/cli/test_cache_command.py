"""`epofusion cache`: a user sees what is kept, and gets rid of it, and of nothing else."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from epofusion_core.engines.cache import cache_folder, kept
from epofusion_ros.cli.main import app


def test_what_is_kept_is_listed_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    nothing = CliRunner().invoke(app, ["cache"])
    assert nothing.exit_code == 0
    assert nothing.output.startswith("0 kept, 0.0 MB")
    kept("small.openvino", lambda: bytes(1_500_000), "making it", lambda _: None)
    (cache_folder() / "tensorrt").mkdir()
    (cache_folder() / "tensorrt" / "engine").write_bytes(bytes(3_000_000))
    foreign = cache_folder() / "notes.txt"
    foreign.write_text("mine")
    listed = CliRunner().invoke(app, ["cache"])
    assert listed.exit_code == 0
    for word in ("small.openvino", "1.5", "tensorrt", "2 kept, 4.5 MB, of at most 268 MB"):
        assert word in listed.output
    cleared = CliRunner().invoke(app, ["cache", "--clear"])
    assert cleared.exit_code == 0
    assert "2 kept, 4.5 MB, removed from" in cleared.output
    assert list(cache_folder().iterdir()) == [foreign]
