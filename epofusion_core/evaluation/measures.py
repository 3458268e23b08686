"""All measures of one fused image, by column key."""

from dataclasses import asdict

from epofusion_core.evaluation.analysed import Image, analysed
from epofusion_core.evaluation.exposure_metrics import exposure_metrics
from epofusion_core.evaluation.metrics import fusion_metrics
from epofusion_core.evaluation.phantom import phantom


def measures(visible: Image, infrared: Image, fused: Image) -> dict[str, float]:
    """Return the figures of one fused image, keys of `columns.COLUMNS`; NaN where one does not apply.

    Where several methods are measured on one pair, its sources are best given as `Analysed`.

    Args:
        visible: (H, W) uint8, luma of the visible image.
        infrared: (H, W) uint8, the same size.
        fused: (H, W) uint8, the same size.

    Raises:
        ValueError: an array is not (H, W) uint8 of one common size, or smaller than `vif.MIN_SIDE_PX`.
    """
    images = analysed(visible=visible, infrared=infrared, fused=fused)
    return asdict(fusion_metrics(*images)) | asdict(exposure_metrics(*images)) | asdict(phantom(*images))
