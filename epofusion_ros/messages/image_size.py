"""What sizes an image message may claim: checked before anything is allocated for it."""

LARGEST_SIDE_PX = 16384
LARGEST_PX = 2**25
"""Pixels of an image of 8K with some to spare. A PNG of some kilobytes may claim, and hold, many more."""


def check_size(width: int, height: int, what: str) -> None:
    """Refuse an image that is empty or absurdly large.

    Args:
        width, height: pixels.
        what: the image, for the sentence.

    Raises:
        ValueError: it is.
    """
    if not (0 < height <= LARGEST_SIDE_PX and 0 < width <= LARGEST_SIDE_PX):
        raise ValueError(f"{what} is {width}x{height} pixels; expected 1 to {LARGEST_SIDE_PX} in both directions")
    if width * height > LARGEST_PX:
        raise ValueError(f"{what} is {width}x{height} pixels; expected at most {LARGEST_PX} in all")
