"""What a replay is asked to do."""

from dataclasses import dataclass, field
from pathlib import Path

from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.parameters.parameter_file import files_of


@dataclass(frozen=True)
class ReplaySettings:
    """One replay; equal settings on equal bags give equal files.

    Attributes:
        parameters: of the node.
        rgb_topic: found in the bag where None.
        thermal_topic: likewise.
        inference_ms: None fuses every pair; a number simulates a live node that takes so long for each.
        measure_every: of so many fused pairs one is measured; what is overexposed is known of each.
        compare_every: of so many fused pairs one is compared with the rules maximum, average and glare_maximum.
        pictures: frames that the report shows of each bag, at most.
    """

    parameters: NodeParameters = field(default_factory=NodeParameters)
    rgb_topic: str | None = None
    thermal_topic: str | None = None
    inference_ms: float | None = None
    measure_every: int = 1
    compare_every: int = 10
    pictures: int = 12

    @property
    def mode(self) -> str:
        """Name of the mode."""
        return "every" if self.inference_ms is None else "realtime"

    def files(self) -> list[Path]:
        """Return the files and folders that the parameters name: weights and a calibration, where they are given."""
        return files_of(self.parameters)
