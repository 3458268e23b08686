"""Tables compare methods on the same pairs only, and mark the leaders as a reader would."""

import math
from itertools import pairwise

import numpy as np
import pytest

from epofusion_core.evaluation.evaluate import ItemResult, Measurement
from epofusion_core.evaluation.summary import Table, collect, tables
from epofusion_core.evaluation.thumbnails import Tile
from epofusion_core.report.page import jpeg_of


def measured(item: str, method: str, **figures: float) -> Measurement:
    return Measurement(item, item.rpartition("/")[0], method, figures)


def marks(table: Table, key: str) -> dict[str, str | None]:
    return {row.method: row.marks.get(key) for row in table.rows}


def test_means_are_over_the_pairs_that_every_method_has() -> None:
    (table,) = tables([measured("1", "a", mi=4.0), measured("1", "b", mi=2.0), measured("2", "a", mi=100.0)])
    assert table.items == 1
    assert [row.figures["mi"] for row in table.rows] == [4.0, 2.0]


def test_a_method_without_any_result_is_left_out_of_the_comparison() -> None:
    evaluation = collect([ItemResult("1", [measured("1", "a", mi=4.0)], ["b, 1: is missing"])], sheet_size=0)
    assert [row.method for row in evaluation.tables[0].rows] == ["a"]
    assert evaluation.problems == ["b, 1: is missing"]


def test_several_datasets_have_a_table_each_behind_the_one_over_all() -> None:
    both = tables([measured("town/1", "a", mi=2.0), measured("country/1", "a", mi=4.0)])
    assert [(table.title, table.rows[0].figures["mi"]) for table in both] == [("all", 3), ("country", 4), ("town", 2)]


def test_best_and_second_best_follow_the_direction_of_the_column() -> None:
    (table,) = tables(
        [
            measured("1", "a", mi=1.0, n_oe=5.0),
            measured("1", "b", mi=3.0, n_oe=9.0),
            measured("1", "c", mi=2.0, n_oe=7.0),
        ]
    )
    assert marks(table, "mi") == {"a": None, "b": "best", "c": "second"}
    assert marks(table, "n_oe") == {"a": "best", "b": None, "c": "second"}


def test_figures_that_look_equal_share_their_mark() -> None:
    (table,) = tables([measured("1", name, qabf=value) for name, value in (("a", 0.70004), ("b", 0.69996), ("c", 0.6))])
    assert marks(table, "qabf") == {"a": "best", "b": "best", "c": "second"}


def test_what_does_not_apply_is_neither_averaged_nor_ranked_nor_shown() -> None:
    (table,) = tables(
        [
            measured("1", "a", q_oe=math.nan, c_oe=math.nan),
            measured("1", "b", q_oe=math.nan, c_oe=math.nan),
            measured("2", "a", q_oe=0.4, c_oe=math.nan),
            measured("2", "b", q_oe=0.3, c_oe=math.nan, mask_iou=0.5),
        ]
    )
    assert [column.key for column in table.columns] == ["q_oe", "mask_iou"]
    assert (table.items, table.glare_items) == (2, 1)
    assert table.rows[0].figures["q_oe"] == 0.4
    assert marks(table, "mask_iou") == {"a": None, "b": "best"}


def seen(item: str, share: float, level: int) -> ItemResult:
    """A pair with a picture of one grey level, which tells scenes apart."""
    picture = np.full((48, 64, 3), level, np.uint8)
    return ItemResult(item, overexposed_fraction=share, tiles=[Tile("visible", jpeg_of(picture, 64, 90))])


def test_the_contact_sheet_shows_the_most_overexposed_pairs_first() -> None:
    outcomes = [seen(str(share), share, int(100 * share)) for share in (0.1, 0.5, 0.0, 0.3)]
    evaluation = collect(outcomes, sheet_size=2, problems=["x.png: has no partner"])
    assert [outcome.item for outcome in evaluation.sheet] == ["0.5", "0.3"]
    assert evaluation.problems == ["x.png: has no partner"]


def test_of_frames_that_look_the_same_the_contact_sheet_shows_the_most_overexposed() -> None:
    drive = [seen(f"{index:02d}", share=index % 7 / 10, level=index * 4) for index in range(40)]
    sheet = collect(drive, sheet_size=4).sheet
    numbers = sorted(int(shown.item) for shown in sheet)
    assert len(sheet) == 4
    assert sheet[0].overexposed_fraction == 0.6
    assert min(after - before for before, after in pairwise(numbers)) >= 3, "nearer frames look the same"


def test_nothing_measured_gives_no_table() -> None:
    assert collect([ItemResult("1", problems=["1: is no image"])], sheet_size=4).tables == []
    assert tables([measured("1", "a", mi=1), measured("2", "b", mi=1)]) == []


@pytest.mark.parametrize("order", [1, -1])
def test_rows_keep_the_order_of_the_methods(order: int) -> None:
    names = ["maximum", "average", "mine"][::order]
    (table,) = tables([measured("1", name, mi=1.0) for name in names])
    assert [row.method for row in table.rows] == names


def test_plain_rules_are_not_ranked_beside_methods() -> None:
    figures = {"maximum": 7.0, "a": 5.0, "b": 6.0}
    (table,) = tables([Measurement("x", "", method, {"mi": value}) for method, value in figures.items()])
    assert marks(table, "mi") == {"maximum": None, "a": "second", "b": "best"}
    (alone,) = tables([Measurement("x", "", method, {"mi": figures[method]}) for method in ("maximum", "a")])
    assert marks(alone, "mi") == {"maximum": None, "a": "second"}
