"""The newest image of a topic: subscribed to while somebody looks, encoded once for all who do, never queued."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image

from epofusion_core.report.page import jpeg_of

if TYPE_CHECKING:
    from rclpy.node import Node

_WIDTH_PX = 1280
_JPEG_QUALITY = 80
# Best effort: a publisher never waits for a viewer.
_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)

ToPicture = Callable[[Any], NDArray[np.uint8]]


class Frame:
    """One message; encoded when first asked for."""

    def __init__(self, encode: Callable[[], bytes | str], encoder: ThreadPoolExecutor) -> None:
        self._encode, self._encoder = encode, encoder
        self._picture: asyncio.Future[bytes | str] | None = None

    async def picture(self) -> bytes | str:
        """Return it as JPEG, or a sentence that says why it cannot be shown."""
        if self._picture is None:
            self._picture = asyncio.get_running_loop().run_in_executor(self._encoder, self._encode)
        return await asyncio.shield(self._picture)  # others may wait for it, too


class Pane:
    """Belongs to the thread of the event loop; subscriptions change on the thread that spins the node."""

    def __init__(self, node: Node, topic: str, to_picture: ToPicture, encoder: ThreadPoolExecutor) -> None:
        """Prepare; nothing is subscribed to yet.

        Args:
            node: the view's own.
            topic: full name of the topic of raw images.
            to_picture: turns a message into (H, W) grey or (H, W, 3) RGB; raises ValueError where it cannot.
            encoder: the thread that encodes.
        """
        self._node, self._topic, self._to_picture, self._encoder = node, topic, to_picture, encoder
        self._loop = asyncio.get_running_loop()
        self._kind: type[Any] = Image
        self._viewers = 0
        self._newest: Frame | None = None
        self._came = asyncio.Event()
        self._subscribed: type[Any] | None = None
        self._subscription: Any = None

    def use(self, transport: str) -> None:
        """Take "raw" images or "compressed" ones, as the fusion node does."""
        kind = CompressedImage if transport == "compressed" else Image
        if kind is not self._kind:
            self._kind = kind
            self._node.executor.create_task(self._subscribe)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Be subscribed for as long as the context lasts."""
        self._viewers += 1
        self._node.executor.create_task(self._subscribe)
        try:
            yield
        finally:
            self._viewers -= 1
            if not self._viewers:
                self._newest = None
            self._node.executor.create_task(self._subscribe)

    async def next_after(self, seen: Frame | None) -> Frame:
        """Return the newest frame once it is another one than `seen`."""
        while self._newest is None or self._newest is seen:
            await self._came.wait()
        return self._newest

    def _take(self, kind: type[Any], data: bytes) -> None:
        if self._viewers:
            self._newest = Frame(partial(self._jpeg, kind, data), self._encoder)
            self._came.set()
            self._came = asyncio.Event()

    def _jpeg(self, kind: type[Any], data: bytes) -> bytes | str:
        try:
            return jpeg_of(self._to_picture(deserialize_message(data, kind)), _WIDTH_PX, _JPEG_QUALITY)
        except Exception as error:  # whatever a stranger has sent
            return str(error) or type(error).__name__

    # On the thread that spins the node

    def _subscribe(self) -> None:
        """Subscribe to what is wanted now, or to nothing."""
        wanted = self._kind if self._viewers else None
        if wanted is self._subscribed:
            return
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        if wanted is not None:
            topic = self._topic + ("/compressed" if wanted is CompressedImage else "")
            take = partial(self._take, wanted)
            # Raw: a message that is not shown is not even unpacked.
            self._subscription = self._node.create_subscription(
                wanted, topic, lambda data: self._loop.call_soon_threadsafe(take, data), _QOS, raw=True
            )
        self._subscribed = wanted
