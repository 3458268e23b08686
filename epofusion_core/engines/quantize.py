"""Post-training quantisation of an exported graph to int8, by NNCF for OpenVINO."""

import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from epofusion_core.atomic_file import write_bytes
from epofusion_core.engines.engine import EngineError, GreyInput
from epofusion_core.engines.frame import Frame
from epofusion_core.model.config import ModelConfig

_MIX = ("Add", "Multiply", "Subtract", "Divide", "ReduceSum", "ReduceMean", "Interpolate", "AvgPool")
_RELIEF = ("MaxPool", "ReduceMax", "Maximum")
_EXACT = (*_MIX, *_RELIEF, "MatMul")
"""Operations that stay in floating point. They cost little. In 8 bits the mix of the sources would show as steps of
grey, and the bound of the relief would lose contrast inside the glare."""


def quantize_graph(graph: Path, config: ModelConfig, calibration: Iterable[tuple[GreyInput, GreyInput]]) -> Any:  # noqa: ANN401 - OpenVINO publishes no types
    """Return the int8 OpenVINO model of an f32 graph.

    Convolutions compute in 8 bits, all but the last, whose output is the weight of each pixel: activations in the range
    that the calibration images give them, weights per channel.

    Args:
        graph: ONNX file of `export_onnx`, f32.
        config: of its model.
        calibration: luma and infrared, (H, W) uint8; some hundred pairs of what the model will see.

    Raises:
        EngineError: NNCF is not installed, or there are no images.
    """
    try:
        import nncf
        import openvino
    except ImportError as error:
        raise EngineError("precision int8 needs NNCF and OpenVINO; pip install nncf openvino") from error

    def feeds(pair: tuple[GreyInput, GreyInput]) -> dict[str, Any]:
        frame = Frame(config, *pair[0].shape)
        frame.fill(*pair)
        return {"luma": frame.luma, "infrared": frame.infrared, "noise": frame.noise}

    pairs = list(calibration)
    if not pairs:
        raise EngineError("no images to calibrate int8 by; expected a folder of pairs")
    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(graph)
    return nncf.quantize(
        model,
        nncf.Dataset(pairs, feeds),
        preset=nncf.QuantizationPreset.MIXED,  # activations after ReLU have no sign, others do
        subset_size=len(pairs),
        ignored_scope=nncf.IgnoredScope(names=_last_convolutions(model), types=list(_EXACT), validate=False),
    )


def save_graph(model: Any, path: Path) -> None:  # noqa: ANN401 - OpenVINO publishes no types
    """Write an OpenVINO model as `path` (.xml) and its tensors beside it (.bin), each in one step.

    Raises:
        OSError: they cannot be written.
    """
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        openvino.save_model(model, made)
        for file in (made.with_suffix(".bin"), made):  # the .xml last: it names the .bin
            write_bytes(path.with_suffix(file.suffix), file.read_bytes())


def _last_convolutions(model: Any) -> list[str]:  # noqa: ANN401 - OpenVINO publishes no types
    """Name the convolutions that decide pixels: the nearest ones before a shuffle, one at each step of the sampler."""
    waiting = [node for node in model.get_ops() if node.get_type_name() == "DepthToSpace"]
    names: set[str] = set()
    seen: set[str] = set()
    while waiting:
        for port in waiting.pop().inputs():
            parent = port.get_source_output().get_node()
            name = parent.get_friendly_name()
            if parent.get_type_name() == "Convolution":
                names.add(name)
            elif name not in seen:
                seen.add(name)
                waiting.append(parent)
    return sorted(names)
