"""Recording of a demo: fused frames with their sources, and the node's own figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from epofusion_ros.stream.frame_account import Fate

DROPPED = tuple(fate for fate in Fate if fate not in (Fate.FUSED, Fate.SUPERSEDED))
"""Reasons for which a pair is dropped."""


@dataclass(frozen=True)
class FusedFrame:
    """One fused image and what belongs to it.

    Attributes:
        stamp_ns: stamp of the RGB image, wall clock.
        age_ms: from that stamp to the receipt of the fused image, DDS both ways included.
        index: which of the published RGB images it was made of.
        pictures: by topic: fused, overlay (H, W, 3); overexposure_mask, guidance_mask (H, W); all uint8.
    """

    stamp_ns: int
    age_ms: float
    index: int
    pictures: Mapping[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class Balance:
    """What became of the RGB images: received = fused + superseded + unmatched + dropped + waiting."""

    published: int
    received: int
    fused: int
    superseded: int
    unmatched: int
    dropped: int
    waiting: int

    @property
    def unaccounted(self) -> int:
        """Images that the node received and gives no account of."""
        return self.received - self.fused - self.superseded - self.unmatched - self.dropped - self.waiting

    @property
    def lost(self) -> int:
        """Images that DDS, by best effort, did not deliver to the node."""
        return self.published - self.received


@dataclass
class Recording:
    """Recording of one run.

    Attributes:
        published: RGB images published.
        frames: fused frames, by stamp.
        figures: the node's last diagnostics, by key.
        duration_s: from the first image published to the last.
    """

    published: int = 0
    frames: list[FusedFrame] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    duration_s: float = 0.0

    def balance(self) -> Balance:
        """Return what the node says of the images it received."""

        def count(*names: str) -> int:
            return round(sum(self.figures.get(name, 0.0) for name in names))

        return Balance(
            published=self.published,
            received=count("received_rgb"),
            fused=count("fused"),
            superseded=count("superseded"),
            unmatched=count("unmatched_rgb"),
            dropped=count(*DROPPED),
            waiting=count("pending_rgb", "in_flight"),
        )
