"""Serves the page and its WebSocket until Ctrl-C or SIGTERM, and wires what they show to the view's own ROS node."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from aiohttp import WSCloseCode, web
from numpy.typing import NDArray

from epofusion_core.thermal import ThermalScaler
from epofusion_ros.messages.conversion import to_rgb, to_thermal
from epofusion_ros.messages.topics import FUSED_IMAGE, OVERLAY
from epofusion_ros.remote_node.spinning import spinning_node
from epofusion_ros.stream.pipeline import thermal_scaling
from epofusion_ros.view.access import access_check, add_headers
from epofusion_ros.view.live_parameters import LiveParameters
from epofusion_ros.view.node_report import NodeReport
from epofusion_ros.view.pane import Pane
from epofusion_ros.view.viewer import Viewer

if TYPE_CHECKING:
    import socket

    from rclpy.node import Node

_PAGE = Path(__file__).parent / "page"
_NICENESS = 10
_READ_PARAMETERS_EVERY_S = 1.0
_HEARTBEAT_S = 5.0
_CLOSE_TIMEOUT_S = 1.0
_LONGEST_MESSAGE = 4096


@dataclass(frozen=True)
class ViewSettings:
    """What to show, and to whom.

    Attributes:
        node: full name of the fusion node.
        rgb_topic, thermal_topic: its inputs; relative names lie in the node's namespace.
        token: that requests must carry; empty for none.
        may_change: parameters may be changed from the page.
    """

    node: str
    rgb_topic: str
    thermal_topic: str
    token: str
    may_change: bool

    def full_name(self, topic: str) -> str:
        """Return the full name of one of the node's topics."""
        if topic.startswith("/"):
            return topic
        return topic.replace("~", self.node) if topic.startswith("~") else f"{self.node.rpartition('/')[0]}/{topic}"


class View:
    """The page's server; belongs to the thread of the event loop."""

    def __init__(self, node: Node, settings: ViewSettings, encoder: ThreadPoolExecutor) -> None:
        """Set up what the page shows, by the view's own node."""
        self._settings = settings
        self._report = NodeReport(node, settings.node)
        self._parameters = LiveParameters(node, settings.node)
        self._scaler = ThermalScaler(thermal_scaling(self._parameters.newest.thermal))
        sources = {
            "rgb": (settings.rgb_topic, to_rgb),
            "thermal": (settings.thermal_topic, self._thermal_picture),
            "fused": (FUSED_IMAGE, to_rgb),
            "overlay": (OVERLAY, to_rgb),
        }
        self._panes = {
            name: Pane(node, settings.full_name(topic), picture, encoder) for name, (topic, picture) in sources.items()
        }
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self, port: int) -> web.Application:
        """Return the web application, for a server on this port."""
        app = web.Application(middlewares=[access_check(self._settings.token, port)])
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._close)
        app.cleanup_ctx.append(self._follow)
        app.router.add_get("/", self._index)
        app.router.add_get("/live", self._live)
        app.router.add_static("/", _PAGE)
        return app

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(_PAGE / "index.html")

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, timeout=_CLOSE_TIMEOUT_S, max_msg_size=_LONGEST_MESSAGE, compress=False
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            may_change = self._settings.may_change
            await Viewer(socket, self._panes, self._report, self._parameters, may_change=may_change).serve()
        finally:
            self._sockets.discard(socket)
        return socket

    async def _close(self, _: web.Application) -> None:
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in [*self._sockets]))

    async def _follow(self, _: web.Application) -> AsyncIterator[None]:
        following = asyncio.create_task(self._follow_parameters())
        yield
        following.cancel()

    async def _follow_parameters(self) -> None:
        """Read the node's parameters while somebody looks."""
        while True:
            if self._sockets:
                await self._parameters.read()
                for name, group in (("rgb", self._parameters.newest.rgb), ("thermal", self._parameters.newest.thermal)):
                    self._panes[name].use(group.transport)
            await asyncio.sleep(_READ_PARAMETERS_EVERY_S)

    def _thermal_picture(self, message: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - Image or CompressedImage
        """Scale a thermal image as the node does, so that a changed parameter is seen at once."""
        scaling = thermal_scaling(self._parameters.newest.thermal)
        if scaling != self._scaler.scaling:
            self._scaler = ThermalScaler(scaling)
        return self._scaler(to_thermal(message))


async def serve(server: socket.socket, settings: ViewSettings) -> None:
    """Serve the page on a listening socket until Ctrl-C or SIGTERM."""
    os.nice(_NICENESS)  # the node goes first
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with ThreadPoolExecutor(1, "encoder") as encoder, spinning_node("epofusion_view") as node:
        view = View(node, settings, encoder)
        runner = web.AppRunner(
            view.application(server.getsockname()[1]), access_log=None, shutdown_timeout=_CLOSE_TIMEOUT_S
        )
        await runner.setup()
        try:
            await web.SockSite(runner, server).start()
            await ended.wait()
        finally:
            await runner.cleanup()
