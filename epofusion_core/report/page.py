"""Reports as one HTML file that needs nothing else: the look that all share, and pictures within the page."""

import base64
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from epofusion_core.report.overlay import GLARE_COLOUR, OBJECT_COLOUR


def render_page(package: str, template: str, **context: object) -> str:
    """Return a page from a template of a package, which extends "page.html.jinja"; what it is given is escaped."""
    return _environment(package).get_template(template).render(**context)


@cache
def _environment(package: str) -> Environment:
    folders = [
        str(files(name)) for name in dict.fromkeys((package, "epofusion_core.evaluation", "epofusion_core.report"))
    ]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_url"] = data_url
    environment.globals |= {"glare_colour": GLARE_COLOUR, "object_colour": OBJECT_COLOUR}
    return environment


def jpeg_of(image: NDArray[np.uint8], width_px: int, quality: int) -> bytes:
    """Return a grey (H, W) or RGB (H, W, 3) uint8 image as JPEG, shrunk to at most a width."""
    scale = min(1.0, width_px / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    encoded = small if small.ndim == 2 else small[:, :, ::-1]
    return cv2.imencode(".jpg", encoded, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def data_url(jpeg: bytes) -> str:
    """Return a JPEG as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
