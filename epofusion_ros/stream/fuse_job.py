"""What becomes of a job: too old, of no interest, fused, passed through, or dropped for an error.

The node's worker and a replay fuse by this one rule.
"""

from dataclasses import dataclass
from math import nan
from time import monotonic
from typing import TYPE_CHECKING, Any

from epofusion_core.registration.apply import RegistrationError
from epofusion_core.text import shortened
from epofusion_core.thermal import ThermalState
from epofusion_ros.messages.conversion import ConversionError
from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.stream.frame_account import Fate
from epofusion_ros.stream.job import Job
from epofusion_ros.stream.pairing import FramePair, SingleFrame
from epofusion_ros.stream.pipeline import FusedPair, FusionPipeline

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult

_LONGEST_SENTENCE = 1000
_FATES = ((ConversionError, Fate.CONVERT_ERRORS), (RegistrationError, Fate.SIZE_ERRORS))

_FOREIGN_AFTER_S = 3600.0
"""No frame is on its way for so long."""


@dataclass(frozen=True)
class JobResult:
    """What became of a job.

    Attributes:
        fate: of the job.
        fused: of a pair that was fused.
        passed: of a frame that is passed through.
        inference_ms: what the pair took, from conversion to pictures; NaN where none was fused.
        problem: why the job was dropped, in a sentence; empty where it was not.
    """

    fate: Fate
    fused: FusedPair | None = None
    passed: "FusionResult | None" = None
    inference_ms: float = nan
    problem: str = ""

    @property
    def result(self) -> "FusionResult | None":
        """What is to be published; None where nothing is."""
        return self.fused.result if self.fused else self.passed


def is_stale(age_s: float, max_input_age_s: float) -> bool:
    """Tell whether frames of an age are too old to be fused; 0 allows any age, and an unknown one, NaN, is never."""
    return 0 < max_input_age_s < age_s


def failure(error: Exception) -> JobResult:
    """Return what becomes of a job that an error ends: counted by the error's kind, said in one line."""
    sentence = shortened(" ".join(str(error).split()), _LONGEST_SENTENCE)  # engines' errors have many lines
    for kind, fate in _FATES:
        if isinstance(error, kind):
            return JobResult(fate, problem=sentence)
    return JobResult(Fate.INFERENCE_ERRORS, problem=f"{type(error).__name__}: {sentence}")


class JobFuser:
    """Fuses jobs, one after another. For one thread at a time, the worker's.

    The thermal scaling goes on from job to job, and starts anew with each epoch.
    """

    def __init__(self, pipeline: FusionPipeline, parameters: NodeParameters) -> None:
        """Set what it works with; of the parameters, `max_input_age` counts here."""
        self._pipeline = pipeline
        self._max_input_age_s = parameters.max_input_age
        self._epoch = 0

    def tune(self, parameters: NodeParameters) -> None:
        """Work with other live parameters from the next job on; may be called from another thread."""
        self._max_input_age_s = parameters.max_input_age
        self._pipeline.tune(parameters)

    @property
    def thermal_state(self) -> ThermalState | None:
        """What the scaling of the next thermal image goes on from."""
        return self._pipeline.scaler.state

    def go_on(self, epoch: int, thermal_state: ThermalState | None) -> None:
        """Go on as if a job of an epoch had been fused last, and had left this state."""
        self._pipeline.scaler.go_on(thermal_state)
        self._epoch = epoch

    def __call__(self, job: Job, age_s: float = nan, *, wanted: bool = True) -> JobResult:
        """Fuse a pair, or pass a frame through; no message and no engine makes this raise.

        Args:
            job: what to fuse.
            age_s: how old its stamp is; NaN where that is not known.
            wanted: somebody listens; the job ends "unwatched" otherwise.
        """
        if is_stale(age_s, self._max_input_age_s):
            sentence = f"it is {age_s:.3f} s old; expected at most {self._max_input_age_s} s"
            if age_s > _FOREIGN_AFTER_S:
                sentence += ": its stamp is not of the node's clock"
            return JobResult(Fate.STALE, problem=sentence)
        if not wanted:
            return JobResult(Fate.UNWATCHED)
        if job.epoch != self._epoch:
            self._pipeline.scaler.reset()
            self._epoch = job.epoch
        try:
            return self._fuse(job.frames) if isinstance(job.frames, FramePair) else self._pass_through(job.frames)
        except Exception as error:  # whatever a message brings about, the next one may be sound
            return failure(error)

    def _fuse(self, pair: FramePair[Any]) -> JobResult:
        started_s = monotonic()
        fused = self._pipeline(pair.rgb, pair.thermal)
        return JobResult(Fate.FUSED, fused=fused, inference_ms=(monotonic() - started_s) * 1e3)

    def _pass_through(self, single: SingleFrame[Any]) -> JobResult:
        show = self._pipeline.pass_rgb if single.name == "rgb" else self._pipeline.pass_thermal
        return JobResult(Fate.PASSED_THROUGH, passed=show(single.frame))
