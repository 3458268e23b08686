"""What is done to a thermal image before it is fused: it becomes 8-bit, and comes onto the RGB image's pixels."""

from dataclasses import dataclass, field

from epofusion_core.registration.apply import Registration, build_registration
from epofusion_core.thermal import ThermalScaler, ThermalScaling


@dataclass(frozen=True)
class Preparation:
    """How thermal images are prepared; by default 16-bit ones are scaled by percentiles, and nothing is moved.

    Attributes:
        scaling: how sensor values become grey levels.
        mode: of registration: "none", "resize", "homography" or "extrinsics".
        file: calibration file of the last two.
        plane_distance_m: distance at which the images coincide, for mode extrinsics.
    """

    scaling: ThermalScaling = field(default_factory=ThermalScaling)
    mode: str = "none"
    file: str = ""
    plane_distance_m: float = 20.0

    def scaler(self) -> ThermalScaler:
        """Return what scales a sequence of images, or one."""
        return ThermalScaler(self.scaling)

    def registration(self) -> Registration:
        """Return what brings images onto the RGB images' pixels.

        Raises:
            CalibrationError: the mode needs a file, and it is missing or wrong.
        """
        return build_registration(self.mode, self.file, self.plane_distance_m)
