"""What the node has from configure to cleanup: the model, the queues with their account, and the publishers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from epofusion_ros.node import diagnostics
from epofusion_ros.node.outputs import Outputs
from epofusion_ros.stream.frame_account import Account
from epofusion_ros.stream.fuse_job import JobFuser
from epofusion_ros.stream.intake import Intake
from epofusion_ros.stream.pipeline import FusionPipeline, load_fuser

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from epofusion_ros.parameters.node_parameters import NodeParameters

_WARN_EVERY_S = 1.0


class Configured:
    """All that is built of the parameters.

    Attributes:
        parameters: as they are now.
        account: what became of pairs and frames.
        intake: of the frames; it keeps its counts while the node is inactive.
        fuse: what the worker does with a job.
        outputs: publishers.
        engine_texts: name and device of the engine, for diagnostics.
    """

    def __init__(self, node: LifecycleNode, parameters: NodeParameters) -> None:
        """Load the model and warm it up, then offer the outputs.

        Raises:
            ValueError: a parameter, the model, the engine or the calibration file cannot be used.
        """
        self._logger = node.get_logger()
        self.parameters = parameters
        self.account = Account()
        self.intake = Intake(parameters, self.account, self._warn_of_reset)
        fuser = load_fuser(parameters, self._logger.info)
        self._pipeline = FusionPipeline(fuser, parameters, self._logger.warning)
        self._pipeline.warm_up(parameters.warmup.height, parameters.warmup.width)
        self.fuse = JobFuser(self._pipeline, parameters)
        engine = fuser.engine
        self.engine_texts = {"engine": f"{engine.name} {engine.precision}", "device": engine.device}
        self.outputs = Outputs(node, parameters.output.jpeg_quality)
        self._logger.info(f"model {fuser.card.name} is ready: {engine.name} on {engine.device}")

    def tune(self, parameters: NodeParameters) -> None:
        """Work with other live parameters from the next frame on."""
        self.parameters = parameters
        self.intake.tune(parameters)
        self.fuse.tune(parameters)

    def figures(self) -> dict[str, float]:
        """Return all figures of the stream by name."""
        rgb, thermal, scaler = self.intake.rgb, self.intake.thermal, self._pipeline.scaler
        figures = diagnostics.figures_of_stream(
            time.monotonic(), self.account, rgb, thermal, scaler.range, self._pipeline.overlap
        )
        return figures | {"thermal_coloured": float(self._pipeline.coloured)}

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        self.outputs.destroy()

    def _warn_of_reset(self, name: str, back_s: float) -> None:
        self._logger.warning(f"time of {name} went back by {back_s:.1f} s", throttle_duration_sec=_WARN_EVERY_S)
