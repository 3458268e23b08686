"""The mask follows the edges of the infrared image, not those of latent pixels."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.engines.guided_upsampling import guided_upsample
from epofusion_core.evaluation.exposure_metrics import mask_metrics
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import luma
from epofusion_core.simulation import Drive

STRIDE = 8


def latent(objects: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What a perfect head says: the share of each latent pixel that is object."""
    size = (objects.shape[1] // STRIDE, objects.shape[0] // STRIDE)
    return np.asarray(cv2.resize(objects.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def test_masks_of_drives_fit_their_objects_better_than_latent_pixels_do() -> None:
    """On average, and little is lost anywhere: small objects on busy ground gain nothing."""
    gains = []
    for scene in ("night", "low_sun"):
        drive = Drive(3, scene=scene)
        for index in range(0, 160, 20):
            frame = drive.frame(index)
            objects = np.asarray(frame.objects > 0)
            glare = overexposed_region(luma(frame.visible))
            probability = latent(objects)
            bilinear = cv2.resize(probability, objects.shape[::-1], interpolation=cv2.INTER_LINEAR)
            guided = guided_upsample(probability, frame.thermal.astype(np.float32) / np.float32(255))
            plain, fitted = (mask_metrics((m > 0.5) & glare, objects & glare) for m in (bilinear, guided))
            gains.append(fitted.iou - plain.iou)
    assert min(gains) > -0.03
    assert np.mean(gains) > 0.005


def test_where_the_infrared_is_flat_the_probability_is_as_it_was_but_smoother() -> None:
    probability = np.zeros((12, 16), np.float32)
    probability[3:9, 4:12] = 1.0
    guided = guided_upsample(probability, np.full((96, 128), 0.3, np.float32))
    assert np.allclose(guided[48, 52:76], 1.0, atol=1e-4)
    assert np.allclose(guided[:4], 0.0, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(level=st.floats(0.0, 1.0, width=32), seed=st.integers(0, 2**16))
def test_a_probability_that_is_equal_everywhere_stays(level: float, seed: int) -> None:
    infrared = np.random.default_rng(seed).random((64, 80), dtype=np.float32)
    guided = guided_upsample(np.full((16, 20), level, np.float32), infrared)
    assert np.allclose(guided, level, atol=1e-3)
