"""Text from outside, such as an encoding in a message: nobody bounds how long it is."""

_LONGEST = 60


def shortened(text: str, most: int = _LONGEST) -> str:
    """Return a text, cut in its middle if it has more than so many characters."""
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
