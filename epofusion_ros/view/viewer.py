"""One browser that looks: its WebSocket carries images, each after the last one has been drawn, and the node's report.

The browser sends {"watch": [panes]}, {"next": pane} when it has drawn an image, and {"set": parameter, "value": value}.
It gets images as the number of the pane, one byte, and a JPEG; the rest is JSON.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from epofusion_ros.view.live_parameters import LiveParameters
    from epofusion_ros.view.node_report import NodeReport
    from epofusion_ros.view.pane import Frame, Pane

_SHORTEST_PAUSE_S = 0.1


class Viewer:
    """Serves one WebSocket until it is closed or no longer answers."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        panes: dict[str, Pane],
        report: NodeReport,
        parameters: LiveParameters,
        *,
        may_change: bool,
    ) -> None:
        self._socket, self._panes, self._report, self._parameters = socket, panes, report, parameters
        self._may_change = may_change
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._drawn: dict[str, asyncio.Event] = {}
        self._changes: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Answer what the browser asks for; returns when it has gone."""
        told = asyncio.create_task(self._tell())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or not self._take(message.data):
                    await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
        finally:
            tasks = [told, *self._streams.values(), *self._changes]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, text: str) -> bool:
        """Do what the browser asks for; False where that makes no sense."""
        try:
            asked = json.loads(text)
        except ValueError:
            return False
        match asked:
            case {"watch": list(names)}:
                self._watch({name for name in self._panes if name in names})
            case {"next": str(name)} if name in self._drawn:
                self._drawn[name].set()
            case {"next": str()}:
                pass  # no longer watched
            case {"set": str(name), "value": value}:
                change = asyncio.create_task(self._change(name, value))
                self._changes.add(change)
                change.add_done_callback(self._changes.discard)
            case _:
                return False
        return True

    def _watch(self, wanted: set[str]) -> None:
        for name in self._streams.keys() - wanted:
            self._streams.pop(name).cancel()
        for name in wanted - self._streams.keys():
            drawn = self._drawn[name] = asyncio.Event()
            self._streams[name] = asyncio.create_task(self._stream(name, drawn))

    async def _stream(self, name: str, drawn: asyncio.Event) -> None:
        """Send the newest image of a pane, then the newest one by the time it has been drawn, and so on."""
        pane, number = self._panes[name], list(self._panes).index(name)
        seen: Frame | None = None
        with pane.watched(), suppress(ConnectionError):
            while True:
                seen = await pane.next_after(seen)
                picture = await seen.picture()
                if isinstance(picture, bytes):
                    await self._socket.send_bytes(bytes([number]) + picture)
                else:
                    await self._send({"pane": name, "problem": picture})
                await drawn.wait()
                drawn.clear()

    async def _tell(self) -> None:
        """Send the node's report whenever it changes."""
        with suppress(ConnectionError):
            while True:
                await self._send_report()
                await asyncio.sleep(_SHORTEST_PAUSE_S)
                await self._report.changed()

    async def _send_report(self) -> None:
        parameters = {"parameters": self._parameters.as_json(), "may_change": self._may_change}
        await self._send({"report": self._report.as_json() | parameters})

    async def _change(self, name: str, value: object) -> None:
        refused = "the view was started without --allow-changes"
        if self._may_change:
            refused = await self._parameters.change(name, value)
            await self._parameters.read()
        with suppress(ConnectionError):
            await self._send({"parameter": name, "refused": refused})
            await self._send_report()

    async def _send(self, content: dict[str, Any]) -> None:
        await self._socket.send_json(content)
