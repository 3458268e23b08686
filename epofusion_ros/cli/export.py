"""`epofusion export`: the graph of a model, for engines without PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, note

if TYPE_CHECKING:
    from epofusion_core.engines.engine import GreyInput


def export(
    model: Annotated[str, typer.Option(help="Name of a size whose weights ship, or a weights file.")] = "epofusion_xs",
    engine: Annotated[str, typer.Option(help="onnx (for onnxruntime and openvino) or openvino.")] = "onnx",
    precision: Annotated[str, typer.Option(help="f32, f16 (onnx only) or int8 (openvino only).")] = "f32",
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
) -> None:
    """Write the graph of a model beside its weights: the sampling loop and the guidance mask are inside."""
    with clear_errors():
        if precision not in {"onnx": ("f32", "f16"), "openvino": ("f32", "int8")}.get(engine, ()):
            raise ValueError(
                f"engine {engine!r} with precision {precision!r} cannot be exported; "
                "expected onnx with f32 or f16, or openvino with f32 or int8"
            )
        if precision == "int8" and calibration is None:
            raise ValueError("precision int8 needs --calibration: a folder of training pairs")
        from epofusion_core.atomic_file import write_bytes
        from epofusion_core.engines.engine import EngineOptions
        from epofusion_core.engines.export import export_onnx
        from epofusion_core.engines.graphs import graph_name
        from epofusion_core.engines.select import check_steps
        from epofusion_core.model.card import read_card, resolve_weights
        from epofusion_core.output_guard import check_file

        weights = resolve_weights(model)
        card = read_card(weights)
        check_steps(card, EngineOptions(steps=steps, untrained_steps=untrained_steps))
        config = card.config
        chosen_steps = steps or config.steps
        folder = out or weights.parent
        graph = folder / graph_name(weights, chosen_steps, "f16" if precision == "f16" else "f32")
        quantized_graph = folder / graph_name(weights, chosen_steps, "int8")
        made = [quantized_graph, quantized_graph.with_suffix(".bin")] if precision == "int8" else [graph]
        for file in made:
            check_file(file, [weights, calibration, list_file], overwrite=overwrite)
        if precision != "int8" or not graph.is_file():
            write_bytes(graph, export_onnx(weights, chosen_steps, half=precision == "f16"))
        if precision == "int8":
            from epofusion_core.engines.quantize import quantize_graph, save_graph

            assert calibration is not None
            quantized = quantize_graph(graph, config, _calibration(calibration, list_file, pairs))
            graph = quantized_graph
            save_graph(quantized, graph)
    note(f"written: {graph}")


def _calibration(folder: Path, list_file: Path | None, count: int) -> "list[tuple[GreyInput, GreyInput]]":
    from epofusion_core.data.pairs import find_pairs
    from epofusion_core.imaging import luma, read_grey, read_rgb

    found = find_pairs(folder, list_file)
    chosen = found[:: max(1, len(found) // count)][:count]
    return [(luma(read_rgb(pair.visible)), read_grey(pair.infrared)) for pair in chosen]
