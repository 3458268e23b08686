"""The course of a demo: start the node, activate it, publish, collect, write the results."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from epofusion_core.output_guard import remove_made
from epofusion_core.progress import OpenProgress
from epofusion_core.video import pyav
from epofusion_ros.demo.images import StampedImage
from epofusion_ros.demo.recording import Recording
from epofusion_ros.installed_files import use_large_shared_memory
from epofusion_ros.parameters.declaration import Value
from epofusion_ros.remote_node.process import NodeError, NodeProcess

if TYPE_CHECKING:
    from epofusion_ros.demo.cameras import Cameras
    from epofusion_ros.demo.collector import Collector


OUTPUTS = ("masks", "side_by_side", "fused.mp4", "report.html", "node.log")
"""All that a demo writes in its folder."""

_START_TIMEOUT_S = 120.0
_CONNECT_TIMEOUT_S = 30.0
_SETTLE_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class DemoSettings:
    """What to run.

    Attributes:
        source: what is published, in words.
        values: parameters of the node, by name.
        out: folder to write to; what an earlier run left in it is replaced.
        frames: how many images of the source are published at most; they repeat in live mode.
        live: publish until interrupted.
    """

    source: str
    values: Mapping[str, Value]
    out: Path
    frames: int
    live: bool = False


def run_demo(images: Iterable[StampedImage], settings: DemoSettings, stage: OpenProgress) -> Recording:
    """Run the demo and write its files.

    Raises:
        ValueError: the source has no image of one of the cameras, or PyAV is missing.
        NodeError: the node cannot be started, configured or activated; the sentence gives its last words.
    """
    pyav(settings.out / "fused.mp4")
    loaded = _load(images, settings.frames, stage)
    _clear(settings.out)
    use_large_shared_memory()
    recording = _exchange(loaded, settings, stage)
    if recording.frames:
        from epofusion_ros.demo.pictures import write_pictures
        from epofusion_ros.demo.report import write_report

        with stage("writing pictures") as report:
            shown = write_pictures(recording.frames, loaded, settings.out, report)
        write_report(settings.out / "report.html", settings.source, str(settings.values["model"]), recording, shown)
    return recording


def _load(images: Iterable[StampedImage], frames: int, stage: OpenProgress) -> list[StampedImage]:
    """Read images into memory until there are enough RGB ones, so that reading does not disturb their pace."""
    loaded: list[StampedImage] = []
    counts = {"rgb": 0, "thermal": 0}
    with stage("reading images") as report:
        for image in images:
            if image.stream == "rgb" and counts["rgb"] == frames:
                break
            counts[image.stream] += 1
            loaded.append(image)
            report(counts["rgb"], frames)
        report(counts["rgb"], counts["rgb"])  # a source may be shorter
    for stream, count in counts.items():
        if not count:
            raise ValueError(f"the source has no {stream} image; expected both RGB and thermal images")
    return loaded


def _clear(out: Path) -> None:
    """Remove what an earlier run has left, and nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    remove_made(out / "masks", "[0-9]*_*_mask.png")
    remove_made(out / "side_by_side", "[0-9]*.png")
    for file in ("fused.mp4", "report.html", "node.log"):
        (out / file).unlink(missing_ok=True)


def _exchange(images: list[StampedImage], settings: DemoSettings, stage: OpenProgress) -> Recording:
    """Run the node and publish to it."""
    from epofusion_ros.demo.cameras import Cameras
    from epofusion_ros.demo.collector import Collector
    from epofusion_ros.messages.topics import FUSION_NODE
    from epofusion_ros.remote_node import lifecycle
    from epofusion_ros.remote_node.figures import NodeFigures
    from epofusion_ros.remote_node.spinning import spinning_node

    as_text = {name: json.dumps(value) for name, value in settings.values.items()}  # JSON is YAML, too
    with (
        NodeProcess(as_text, settings.out / "node.log") as process,
        spinning_node("epofusion_demo") as node,
    ):
        cameras, collector, figures = Cameras(node), Collector(node, settings.frames), NodeFigures(node)
        client = lifecycle.LifecycleClient(node, FUSION_NODE, process.check)
        try:
            with stage("starting the node"):
                client.change(lifecycle.CONFIGURE, _START_TIMEOUT_S)
                client.change(lifecycle.ACTIVATE, _START_TIMEOUT_S)
                _wait_until_connected(cameras, collector)
        except NodeError as error:
            raise NodeError(f"{error}\n{process.last_words()}") from error
        with stage("publishing until Ctrl-C" if settings.live else "publishing") as report:
            cameras.publish(images, report, repeat=settings.live)
        with stage("waiting for the last frames"):
            figures.wait_until_settled(_SETTLE_TIMEOUT_S)
            client.change(lifecycle.DEACTIVATE, _START_TIMEOUT_S)
            figures.wait_until_settled(_SETTLE_TIMEOUT_S)
        return Recording(
            len(cameras.rgb_index), collector.frames(cameras.rgb_index), figures.newest, cameras.duration_s
        )


def _wait_until_connected(cameras: "Cameras", collector: "Collector") -> None:
    """Wait until images will reach the fusion node and come back."""
    deadline_s = time.monotonic() + _CONNECT_TIMEOUT_S
    while not (cameras.are_heard() and collector.hears_all()):
        if time.monotonic() > deadline_s:
            raise NodeError(f"the node is active but its topics are not there after {_CONNECT_TIMEOUT_S:g} s")
        time.sleep(0.05)
