"""Exports a model to ONNX: the sampler's loop and the guidance mask are inside the graph, sizes are free."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from epofusion_core.engines.folding import fold_norms
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import load_weights

INPUTS, OUTPUTS = ("luma", "infrared", "noise"), ("fused", "mask")

_SMALL_TENSOR = 256
"""Values of a constant that is stored as it is: biases and numbers of the formula, which weigh nothing."""


class ExportedGraph(nn.Module):
    """`EPOFusion.fuse_padded` with K fixed."""

    def __init__(self, model: EPOFusion, steps: int) -> None:
        super().__init__()
        self.model, self.steps = model, steps

    def forward(self, luma: Tensor, infrared: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """See `EPOFusion.fuse_padded`."""
        return self.model.fuse_padded(luma, infrared, noise, self.steps)


def export_onnx(weights: Path, steps: int, *, half: bool = False) -> bytes:
    """Return the ONNX file of a weights file.

    Inputs: luma and infrared, (1, 1, H, W) in [0, 1], of sizes that `ModelConfig.padded` gives; noise, of
    `ModelConfig.latent_shape`. Outputs: as of `EPOFusion.fuse_padded`.

    Weights are stored in half precision, as in the weights file. The graph computes in float32, unless `half`.

    Args:
        weights: safetensors file.
        steps: DDIM steps K.
        half: inputs, outputs and all between them are half precision, for providers of GPUs.

    Raises:
        WeightsError: the weights cannot be read.
    """
    model, card = load_weights(weights)
    dtype = torch.float16 if half else torch.float32
    graph = ExportedGraph(fold_norms(model), steps).to(dtype).eval()
    config = card.config
    multiple, stride = config.input_multiple, config.latent_stride
    height, width = 2 * multiple, 3 * multiple
    image = torch.zeros(1, 1, height, width, dtype=dtype)
    noise = torch.zeros(config.latent_shape(height, width), dtype=dtype)
    rows, columns = torch.export.Dim("rows", min=1, max=256), torch.export.Dim("columns", min=1, max=256)
    of_image = {2: multiple * rows, 3: multiple * columns}
    of_noise = {2: multiple // stride * rows, 3: multiple // stride * columns}
    with _quiet_exporter():
        program = torch.onnx.export(
            graph,
            (image, image.clone(), noise),
            dynamo=True,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=(of_image, of_image, of_noise),
            verbose=False,
        )
    assert program is not None
    model_file = program.model_proto
    _store_weights_in_half_precision(model_file.graph)
    parts = (model_file.graph, *model_file.graph.node, *model_file.graph.value_info, *model_file.graph.initializer)
    for part in (*parts, *model_file.graph.input, *model_file.graph.output):
        part.ClearField("metadata_props")  # stack traces: the folders of whoever exports, and a part of the size
    return bytes(model_file.SerializeToString())


def _store_weights_in_half_precision(graph: onnx.GraphProto) -> None:
    """Halve the file: weights are kept as float16 and cast to float32, which engines do once, when they open it."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL_TENSOR:
            continue
        with np.errstate(over="ignore"):
            half = numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(half).all():  # beyond the range of float16
            continue
        name, stored = tensor.name, f"{tensor.name}_float16"
        tensor.CopyFrom(numpy_helper.from_array(half, stored))
        casts.append(onnx.helper.make_node("Cast", [stored], [name], f"{name}_cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]  # in the order of their computation, as ONNX demands
    del graph.node[:]
    graph.node.extend(nodes)


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence the exporter, which prints its progress, logs each rule that it tries and warns of its own doings."""
    for name in ("torch.onnx", "onnx_ir", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
