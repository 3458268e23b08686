"""The live parameters of the fusion node: read, shown with their ranges, and set where that is allowed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter, parameter_value_to_python

from epofusion_ros.parameters.node_parameters import DECLARATIONS, NodeParameters, from_values

if TYPE_CHECKING:
    from rclpy.client import Client
    from rclpy.node import Node

    from epofusion_ros.parameters.declaration import Declaration, Value

_TIMEOUT_S = 2.0
_LIVE = {name: declared for name, declared in DECLARATIONS.items() if declared.live}
_READ = [*_LIVE, "rgb.transport", "thermal.transport"]


class LiveParameters:
    """Belongs to the thread of the event loop.

    Attributes:
        newest: what the node works with, as far as it concerns the page; defaults until it has answered.
    """

    def __init__(self, node: Node, watched: str) -> None:
        """Set up the clients, on the view's own node, of the node with the full name `watched`."""
        self.newest = NodeParameters()
        self._values: dict[str, Value] = {}
        self._watched = watched
        self._get = node.create_client(GetParameters, f"{watched}/get_parameters")
        self._set = node.create_client(SetParameters, f"{watched}/set_parameters")

    async def read(self) -> None:
        """Ask the node for their values; without an answer, nothing is known of them."""
        answer = await _call(self._get, GetParameters.Request(names=_READ))
        values = [parameter_value_to_python(value) for value in answer.values] if answer else []
        self._values = {name: _plain(value) for name, value in zip(_READ, values, strict=False) if value is not None}
        with suppress(ValueError):  # between two changes that belong together
            self.newest = from_values(self._values)

    async def change(self, name: str, value: object) -> str:
        """Set a live parameter; returns why it was refused, in a sentence, or nothing."""
        if name not in _LIVE:
            return f"parameter {name} is no live one"
        try:
            wanted = _of_kind(_LIVE[name], value)
        except (TypeError, ValueError, OverflowError):
            return f"parameter {name} cannot be {value!r}; expected {_LIVE[name].extent or 'true or false'}"
        if problem := _LIVE[name].check(name, wanted):
            return problem
        request = SetParameters.Request(parameters=[Parameter(name, value=wanted).to_parameter_msg()])
        answer = await _call(self._set, request)
        if answer is None:
            return f"{self._watched} does not answer"
        (result,) = answer.results
        return "" if result.successful else str(result.reason)

    def as_json(self) -> list[dict[str, Any]]:
        """Return each with its value, as JSON takes it; nothing where the node does not answer."""
        return [
            {
                "name": name,
                "value": self._values[name],
                "kind": _kind(declared),
                "choices": declared.choices,
                "lowest": declared.lowest,
                "highest": declared.highest,
                "range": declared.extent,
                "unit": declared.unit,
                "description": declared.description,
            }
            for name, declared in _LIVE.items()
            if name in self._values
        ]


def _kind(declared: Declaration) -> str:
    if isinstance(declared.default, bool):
        return "switch"
    if declared.choices:
        return "choice"
    return "numbers" if isinstance(declared.default, tuple) else "number"


def _of_kind(declared: Declaration, value: Any) -> Value:  # noqa: ANN401 - of JSON
    """Return a value of the type that the parameter has: JSON knows no difference between 1 and 1.0.

    Raises:
        TypeError, ValueError, OverflowError: it has no such value.
    """
    if isinstance(declared.default, tuple):
        return [float(each) for each in value]
    kind = type(declared.default)
    if isinstance(value, bool) is not (kind is bool) or isinstance(value, str) is not (kind is str):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    converted: Value = kind(value)  # type: ignore[call-arg]  # no sequence: those are done above
    return converted


def _plain(value: Any) -> Value:  # noqa: ANN401 - of a message
    return value if isinstance(value, (str, bool, int, float)) else list(value)


async def _call(client: Client, request: Any) -> Any:  # noqa: ANN401 - messages
    """Return the answer of a service; None where there is none in time."""
    if not client.service_is_ready():
        return None
    loop = asyncio.get_running_loop()
    answered = asyncio.Event()
    pending = client.call_async(request)
    pending.add_done_callback(lambda _: loop.call_soon_threadsafe(answered.set))
    try:
        await asyncio.wait_for(answered.wait(), _TIMEOUT_S)
    except asyncio.TimeoutError:
        client.remove_pending_request(pending)
        return None
    return pending.result()
