"""The node's subscriptions. They follow the reliability of their publishers and tell why no frames come."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rclpy.qos import ReliabilityPolicy

from epofusion_ros.messages.topics import IMAGE_OF
from epofusion_ros.node.qos import choose_reliability, input_qos, overrides
from epofusion_ros.stream.sync_watch import InputState

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.subscription import Subscription


@dataclass
class Input:
    """One subscribed topic; `suffix` follows its name when that is resolved, as image_transport has it."""

    node: "Node"
    kind: type[Any]
    topic: str
    take: Callable[[Any], None]
    asked: str
    depth: int
    suffix: str = ""

    def __post_init__(self) -> None:
        self._name = self.node.resolve_topic_name(self.topic) + self.suffix
        self._overridden = overrides(self.node, self._name)
        self._asked = str(self._overridden.get("reliability", self.asked))
        self._reliability = choose_reliability(self._asked, self._offered())
        self._subscription = self._subscribe()

    def follow(self) -> None:
        """Subscribe anew where publishers have come or gone, and another reliability fits them."""
        wanted = choose_reliability(self._asked, self._offered())
        if wanted != self._reliability:
            self.destroy()
            self._reliability = wanted
            self._subscription = self._subscribe()

    def state(self, received: int, last_two_ns: tuple[int, int] | None = None) -> InputState:
        """Return what is known of the input, of which so many frames have come, the last two with these stamps."""
        publishers = self.node.get_publishers_info_by_topic(self._name)
        asks_more = self._reliability == ReliabilityPolicy.RELIABLE
        incompatible = sum(asks_more and each.qos_profile.reliability != self._reliability for each in publishers)
        wanted = f"{self.kind.__module__.partition('.')[0]}/msg/{self.kind.__name__}"
        others = [each.topic_type for each in publishers if each.topic_type != wanted]
        types = (wanted, others[0]) if others else None
        return InputState(self._name, received, len(publishers), incompatible, last_two_ns, types)

    def publishers(self) -> int:
        """Return how many publishers the node sees."""
        return len(self._offered())

    def destroy(self) -> None:
        """Unsubscribe."""
        self.node.destroy_subscription(self._subscription)

    def _subscribe(self) -> "Subscription[Any]":
        qos = input_qos(self._reliability, self.depth, self._overridden)
        return self.node.create_subscription(self.kind, self._name, self.take, qos)

    def _offered(self) -> list[ReliabilityPolicy]:
        return [info.qos_profile.reliability for info in self.node.get_publishers_info_by_topic(self._name)]


def image_input(node: "Node", name: str, take: Callable[[Any], None], asked: str, depth: int, transport: str) -> Input:
    """Subscribe to the images of input "rgb" or "thermal" by a transport, "raw" or what follows the topic's name."""
    from sensor_msgs.msg import CompressedImage, Image

    is_raw = transport == "raw"
    kind, suffix = (Image, "") if is_raw else (CompressedImage, f"/{transport}")
    return Input(node, kind, IMAGE_OF[name], take, asked, depth, suffix)
