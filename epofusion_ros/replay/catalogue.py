"""The catalogue of replayed bags: Parquet files in pairs/ and bags/, one a bag, to be read as two tables.

It is written beside its place and takes it when it is whole. One bag at a time is in memory.
"""

from collections.abc import Iterable
from dataclasses import fields
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epofusion_core.folder_swap import SWAP_SUFFIXES, finish_swap, swap_in, unfinished_folder
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.rows import FUSED, METRICS, PairRow, read_rows
from epofusion_ros.replay.summary import BagSummary, read_summary
from epofusion_ros.stream.frame_account import Fate

if TYPE_CHECKING:
    import pyarrow

CATALOGUE, PAIRS, BAGS = "catalogue", "pairs", "bags"
OUTPUTS = (CATALOGUE, *(f"{CATALOGUE}{suffix}" for suffix in SWAP_SUFFIXES))
"""All that is written in the folder of the bags."""

_PAIR_TYPES: dict[str, Any] = {each.name: each.type for each in fields(PairRow) if each.name != "figures"}
NUMBERS = (*(name for name, kind in _PAIR_TYPES.items() if kind in (int, float)), *METRICS)
"""Columns of pairs/ that are numbers."""

_DISTRIBUTIONS = {"sync_delta_ms": ("p50", "p95", "max"), "latency_ms": ("p50", "p95", "p99", "max")}


def write_catalogue(out: Path, folders: Iterable[Path]) -> None:
    """Write the catalogue of bags that have been replayed, in place of an earlier one.

    Args:
        out: folder that it comes into.
        folders: what `replay_bag` has written for each bag.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        OSError: it cannot be written.
    """
    import pyarrow
    from pyarrow.parquet import write_table

    place = out / CATALOGUE
    unfinished = unfinished_folder(place)
    for part in (PAIRS, BAGS):
        (unfinished / part).mkdir(parents=True)
    pair_schema, bag_schema = _pair_schema(pyarrow), _bag_schema(pyarrow)
    for folder in folders:
        name = folder.name
        pairs = [_pair(name, row) for row in read_rows(folder / checkpoint.METRICS)]
        bag = _bag(name, read_summary(folder / checkpoint.SUMMARY))
        write_table(pyarrow.Table.from_pylist(pairs, pair_schema), unfinished / PAIRS / f"{name}.parquet")
        write_table(pyarrow.Table.from_pylist([bag], bag_schema), unfinished / BAGS / f"{name}.parquet")
    swap_in(place)


def remove_catalogue(out: Path) -> None:
    """Remove the catalogue, whole or unfinished, so that at no moment a part of it stands in its place."""
    place = out / CATALOGUE
    finish_swap(place)
    if place.is_dir():
        place.rename(unfinished_folder(place))
    finish_swap(place)


def row_of(pair: dict[str, Any]) -> PairRow:
    """Return a row of pairs/ as a row of metrics.csv, without the plain rules."""
    figures = {key: pair[key] for key in METRICS if pair[key] is not None}
    values: dict[str, Any] = {name: nan if pair[name] is None else pair[name] for name in _PAIR_TYPES}
    return PairRow(**values | {"fate": Fate(pair["fate"]), "figures": {FUSED: figures}})


def _pair(bag: str, row: PairRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _PAIR_TYPES} | row.figures.get(FUSED, {}) | {"fate": row.fate.value}
    return {"bag": bag} | {key: None if value != value else value for key, value in values.items()}


def _bag(name: str, summary: BagSummary) -> dict[str, Any]:
    values = {**vars(summary), "bag": name, "recording": summary.bag, "problems": list(summary.problems)}
    values |= summary.fates | {f"mean_{key}": value for key, value in summary.means.get(FUSED, {}).items()}
    for key in _DISTRIBUTIONS:
        values |= {f"{key}_{share}": value for share, value in getattr(summary, key).items()}
    return values


def _pair_schema(pyarrow: Any) -> "pyarrow.Schema":  # noqa: ANN401 - the library publishes no types
    text, number = pyarrow.string(), pyarrow.float64()
    kinds = {int: pyarrow.int64(), float: number}
    columns = {"bag": text} | {name: kinds.get(kind, text) for name, kind in _PAIR_TYPES.items()}
    return pyarrow.schema(columns | dict.fromkeys(METRICS, number))


def _bag_schema(pyarrow: Any) -> "pyarrow.Schema":  # noqa: ANN401
    text, whole, number = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
    kinds: dict[Any, Any] = {str: text, int: whole, float: number, float | None: number}
    kinds[list[str]] = pyarrow.list_(text)
    columns = {"bag": text, "recording": text}
    columns |= {each.name: kinds[each.type] for each in fields(BagSummary) if each.type in kinds}
    columns |= {"problems": pyarrow.list_(text)} | {fate.value: whole for fate in Fate}
    columns |= {f"{key}_{share}": number for key, shares in _DISTRIBUTIONS.items() for share in shares}
    return pyarrow.schema(columns | {f"mean_{key}": number for key in METRICS})
