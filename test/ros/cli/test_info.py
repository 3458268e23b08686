"""`epofusion info`: what each size costs, as the paper's Table V tells it."""

from typer.testing import CliRunner

from epofusion_core.model.config import MODELS
from epofusion_ros.cli.main import app


def test_info_has_a_row_for_each_size_and_a_table_of_its_parts() -> None:
    done = CliRunner().invoke(app, ["info", "--height", "64", "--width", "96"], env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    for name, config in MODELS.items():
        (row,) = [line for line in done.output.splitlines() if name in line and "64x96" in line]
        assert [cell.strip() for cell in row.strip("\u2502").split("\u2502")][1:3] == ["64x96", str(config.steps)]
    for part in ("encoder", "neck", "guidance", "refinement", "mscf context and tail"):
        assert done.output.count(f"\u2502 {part} ") == len(MODELS)
