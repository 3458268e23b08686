"""A night road that the package renders itself: exact masks and stamps for the demo, the tests and the training."""

from epofusion_core.simulation.drive import SCENES, Drive, DriveFrame

__all__ = ["SCENES", "Drive", "DriveFrame"]
