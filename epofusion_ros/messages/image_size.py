"""Limits of image sizes, checked before anything is allocated for a message."""

LARGEST_SIDE_PX = 16384
LARGEST_PX = 2**25
"""A little more than the pixels of an 8K image. A PNG of a few kilobytes may claim many more."""


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
