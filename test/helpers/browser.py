"""A real browser, headless, driven through its DevTools: tests look at a page as it is after some time, not once."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientWebSocketResponse

_TIMEOUT_S = 30.0
T = TypeVar("T")


class Page:
    """One open page."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, session: ClientSession, socket: ClientWebSocketResponse[Any]
    ) -> None:
        self._loop, self._session, self._socket = loop, session, socket
        self._numbers = count(1)

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a JavaScript expression; a promise is waited for."""
        options = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self.command("Runtime.evaluate", **options)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, address: str) -> None:
        self.command("Page.navigate", url=address)

    def resize(self, width: int, height: int) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def prefer(self, scheme: str) -> None:
        """Set what the reader prefers: "light" or "dark"."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, file: Path) -> None:
        picture = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command of the DevTools protocol and return its result."""
        return run(self._loop, self._command(method, parameters))

    async def _command(self, method: str, parameters: dict[str, object]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result


def run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(_TIMEOUT_S)


@contextmanager
def browser_page(browser: str, profile: Path) -> Iterator[Page]:
    """Start a browser with a profile folder of its own, and yield its empty page."""
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "DevTools listening on" in line)
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        page = run(loop, _attach(loop, line.split("ws://")[1].split("/")[0]))
        yield page
        run(loop, page._session.close())
    finally:
        process.kill()
        process.wait()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _attach(loop: asyncio.AbstractEventLoop, address: str) -> Page:
    session = ClientSession()
    async with session.get(f"http://{address}/json/list") as answer:
        target = next(each for each in await answer.json() if each["type"] == "page")
    socket = await session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
    return Page(loop, session, socket)
