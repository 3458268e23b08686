"""Files of an evaluation: means and per-image figures as CSV, everything as JSON, and a report as HTML."""

import csv
import json
import math
from pathlib import Path

from epofusion_core.atomic_file import replacing, write_text
from epofusion_core.evaluation.columns import COLUMNS
from epofusion_core.evaluation.report import render
from epofusion_core.evaluation.summary import Evaluation, as_plain, without_nan

FILES = ("means.csv", "per_image.csv", "results.json", "report.html")
"""What is written."""


def write_results(folder: Path, title: str, evaluation: Evaluation) -> None:
    """Write `means.csv`, `per_image.csv`, `results.json` and `report.html`; figures that do not apply stay empty.

    Args:
        folder: made if missing; files of these names are replaced.
        title: heading of the report.
        evaluation: what to write.
    """
    _write_means(folder / "means.csv", evaluation)
    _write_per_image(folder / "per_image.csv", evaluation)
    write_text(folder / "results.json", json.dumps(_as_json(title, evaluation), indent=1) + "\n")
    write_text(folder / "report.html", render(title, evaluation))


def _write_means(path: Path, evaluation: Evaluation) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "items", "overexposed_items", "method", *(column.key for column in COLUMNS)])
        for table in evaluation.tables:
            for row in table.rows:
                writer.writerow([table.title, table.items, table.glare_items, row.method, *_cells(row.figures)])


def _write_per_image(path: Path, evaluation: Evaluation) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item", "dataset", "method", *(column.key for column in COLUMNS)])
        for m in evaluation.measurements:
            writer.writerow([m.item, m.dataset, m.method, *_cells(m.figures)])


def _cells(figures: dict[str, float]) -> list[str]:
    values = (figures.get(column.key, math.nan) for column in COLUMNS)
    return ["" if math.isnan(value) else f"{value:.6g}" for value in values]


def _as_json(title: str, evaluation: Evaluation) -> dict[str, object]:
    return {
        "title": title,
        "columns": {c.key: {"meaning": c.meaning, "higher_is_better": c.higher_is_better} for c in COLUMNS},
        "tables": [as_plain(table) for table in evaluation.tables],
        "per_image": [
            {"item": m.item, "method": m.method, "figures": without_nan(m.figures)} for m in evaluation.measurements
        ],
        "problems": evaluation.problems,
    }
