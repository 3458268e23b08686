"""`epofusion export`: the graph of a model, for engines without PyTorch."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, note, progress

if TYPE_CHECKING:
    from epofusion_core.engines.engine import GreyInput


class Graph(str, Enum):
    """Kind of a graph."""

    onnx = "onnx"
    openvino = "openvino"


def export(
    model: options.Model = None,
    engine: Annotated[
        Graph, typer.Option(help="Kind of graph: onnx (for onnxruntime and openvino) or openvino.")
    ] = Graph.onnx,
    precision: Annotated[
        options.PrecisionName, typer.Option(help="f32, f16 (onnx only) or int8 (openvino only).")
    ] = options.PrecisionName.f32,
    steps: options.Steps = None,
    untrained_steps: options.UntrainedSteps = False,
    calibration: Annotated[
        Optional[Path], typer.Option(help="int8: folder of training pairs to take ranges from.")
    ] = None,
    list_file: Annotated[
        Optional[Path], typer.Option("--list", help="int8: text file with the pairs to take, a stem a line.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="int8: how many pairs, spread over all.")] = 128,
    out: Annotated[
        Optional[Path], typer.Option(help="Folder; that of the weights by default, where it is found.")
    ] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the graph of a model beside its weights: the sampling loop and the guidance mask are inside."""
    with clear_errors():
        wanted = options.plain(precision)
        if wanted not in {Graph.onnx: ("f32", "f16"), Graph.openvino: ("f32", "int8")}[engine]:
            raise ValueError(
                f"engine {engine.value!r} with precision {wanted!r} cannot be exported; "
                "expected onnx with f32 or f16, or openvino with f32 or int8"
            )
        if wanted == "int8" and calibration is None:
            raise ValueError("precision int8 needs --calibration: a folder of training pairs")
        from epofusion_core.atomic_file import write_bytes
        from epofusion_core.engines.engine import EngineOptions
        from epofusion_core.engines.export import export_onnx
        from epofusion_core.engines.graphs import graph_name
        from epofusion_core.engines.select import check_steps
        from epofusion_core.model.card import read_card, resolve_weights
        from epofusion_core.output_guard import check_file

        weights = resolve_weights(model or "epofusion_xs")
        card = read_card(weights)
        check_steps(card, EngineOptions(steps=steps, untrained_steps=untrained_steps))
        config = card.config
        chosen_steps = steps or config.steps
        folder = out or weights.parent
        graph = folder / graph_name(weights, chosen_steps, "f16" if wanted == "f16" else "f32")
        quantized_graph = folder / graph_name(weights, chosen_steps, "int8")
        made = [quantized_graph, quantized_graph.with_suffix(".bin")] if wanted == "int8" else [graph]
        for file in made:
            check_file(file, [weights, calibration, list_file], overwrite=overwrite)
        ranges = None if calibration is None else _calibration(calibration, list_file, pairs)
        if wanted != "int8" or not graph.is_file():
            with progress(f"exporting {graph.name}"):
                write_bytes(graph, export_onnx(weights, chosen_steps, half=wanted == "f16"))
        if ranges and wanted == "int8":
            from epofusion_core.engines.quantize import quantize_graph, save_graph

            with progress(f"finding the ranges of {len(ranges)} pairs"):
                save_graph(quantize_graph(graph, config, ranges), quantized_graph)
            graph = quantized_graph
    note(f"written: {graph}")


def _calibration(folder: Path, list_file: Path | None, count: int) -> "list[tuple[GreyInput, GreyInput]]":
    from epofusion_core.data.pairs import find_pairs
    from epofusion_core.imaging import luma, read_grey, read_rgb

    found = find_pairs(folder, list_file)
    chosen = found[:: max(1, len(found) // count)][:count]
    return [(luma(read_rgb(pair.visible)), read_grey(pair.infrared)) for pair in chosen]
