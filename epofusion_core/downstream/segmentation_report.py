"""What a comparison by segmentation leaves: a table, iou.csv and iou.json."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from epofusion_core.atomic_file import replacing, write_text
from epofusion_core.evaluation.columns import Column
from epofusion_core.evaluation.summary import Table, ranked_table

if TYPE_CHECKING:
    from epofusion_core.downstream.segmentation import Agreement

_MEAN = "mIoU"


def table(classes: Sequence[str], results: "Mapping[str, Agreement]", images: int) -> Table:
    """Return the intersection over union of each method, by class, with the mean last."""
    columns = [Column(name, name, f"intersection over union of {name}") for name in (*classes, _MEAN)]
    figures = {method: _figures(classes, result) for method, result in results.items()}
    return ranked_table("SegFormer", images, images, columns, figures)


def write_iou(out: Path, classes: Sequence[str], results: "Mapping[str, Agreement]") -> None:
    """Write what is known so far; empty where a class does not occur."""
    with replacing(out / "iou.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["method", *classes, _MEAN])
        for method, result in results.items():
            values = _figures(classes, result).values()
            writer.writerow([method, *("" if math.isnan(value) else f"{value:.6g}" for value in values)])
    known = {
        method: {name: None if math.isnan(value) else value for name, value in _figures(classes, result).items()}
        for method, result in results.items()
    }
    write_text(out / "iou.json", json.dumps(known, indent=1) + "\n")


def _figures(classes: Sequence[str], result: "Agreement") -> dict[str, float]:
    return {**dict(zip(classes, result.iou, strict=True)), _MEAN: result.mean}
