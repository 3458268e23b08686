"""The YAML file that describes a detector's network: what it is fed, and what its output means.

`config/judges/` has one for each kind of output. A file that a user writes names his network and classes:

    network: yolox_nano.onnx
    input: {size: [416, 416], colour: bgr, resize: letterbox_top_left}
    output: {kind: yolo, objectness: true, strides: [8, 16, 32]}
    classes: {person: [0], car: [2, 7]}
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkInput(_Strict):
    """How an image becomes the network's input.

    Attributes:
        size: height and width, pixels.
        layout: nchw or nhwc.
        colour: order of the channels.
        resize: "letterbox" keeps the aspect and centres the image on the padding, "letterbox_top_left" puts it into the
            corner, "stretch" does not keep the aspect.
        padding: grey level around it.
        mean: of each channel, grey levels, subtracted.
        std: of each channel, grey levels, divided by.
        dtype: of the numbers.
    """

    size: tuple[int, int]
    layout: Literal["nchw", "nhwc"] = "nchw"
    colour: Literal["rgb", "bgr"] = "rgb"
    resize: Literal["letterbox", "letterbox_top_left", "stretch"] = "letterbox"
    padding: int = Field(default=114, ge=0, le=255)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    dtype: Literal["float32", "uint8"] = "float32"


class YoloOutput(_Strict):
    """One output, (1, N, 4 + C) or (1, 4 + C, N): centre and size in input pixels, then a score for each class.

    Attributes:
        objectness: a fifth number stands before the classes, which scores are multiplied by.
        strides: of the grids whose cells the N boxes are, where these are relative to their cell and sizes logarithms,
            as YOLOX exports them; empty where boxes are decoded already, as by YOLOv5 and later.
    """

    kind: Literal["yolo"]
    objectness: bool = False
    strides: tuple[int, ...] = ()


class DistributionOutput(_Strict):
    """For each stride a score for each class, (1, n, C), and a distribution of each edge's distance, (1, n, 4 bins).

    NanoDet and other networks of Generalized Focal Loss.

    Attributes:
        strides: in the order of the outputs, all scores before all distances.
        centre: where in its cell a point lies: 0 the corner, 0.5 the middle.
        offset_px: added to that, input pixels; networks that count from pixel centres have -0.5.
    """

    kind: Literal["distribution"]
    strides: tuple[int, ...] = (8, 16, 32)
    centre: float = 0.5
    offset_px: float = 0.0


class SsdOutput(_Strict):
    """Boxes, classes and scores that the network has selected itself, as TensorFlow's detectors do.

    Attributes:
        boxes: name of the output (1, N, 4).
        scores: name of the output (1, N).
        labels: name of the output (1, N), numbers of classes.
        order: of the four edges.
        normalised: edges are shares of the input's size, not pixels.
    """

    kind: Literal["ssd"]
    boxes: str = "detection_boxes"
    scores: str = "detection_scores"
    labels: str = "detection_classes"
    order: Literal["yxyx", "xyxy"] = "yxyx"
    normalised: bool = True


Output = Annotated[YoloOutput | DistributionOutput | SsdOutput, Field(discriminator="kind")]


class DetectorDescription(_Strict):
    """A detector.

    Attributes:
        network: file that OpenVINO or ONNX Runtime reads, relative to the description.
        input: what it is fed.
        output: what comes out.
        classes: the numbers that each class has there; several where a dataset knows finer ones.
        nms_iou: overlap from which the less sure of two boxes of a class is left out.
        min_score: boxes below it are left out.
    """

    network: str
    input: NetworkInput
    output: Output
    classes: dict[str, tuple[int, ...]] = Field(min_length=1)
    nms_iou: float = Field(default=0.6, gt=0, le=1)
    min_score: float = Field(default=0.005, ge=0, lt=1)


def read_description(path: Path) -> DetectorDescription:
    """Read a description.

    Raises:
        ValueError: the file is missing or describes no detector; the sentence names what is wrong.
    """
    try:
        return DetectorDescription.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise ValueError(f"detector {path} cannot be read ({error.strerror}); expected a YAML file") from error
    except yaml.YAMLError as error:
        raise ValueError(f"detector {path} is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise ValueError(f"detector {path}: {where}: {first['msg']}") from error
