"""What the documents say of topics is what the running node has."""

from pathlib import Path

from harness import REPOSITORY, Peer, running_node

from epofusion_ros.messages.topics import TOPICS, markdown_table

_OF_EVERY_NODE = {"/rosout", "/parameter_events", "/epofusion/transition_event"}


def test_the_readme_has_the_table_of_topics() -> None:
    assert markdown_table() in (REPOSITORY / "README.md").read_text()


def documented(are_inputs: bool) -> dict[str, list[str]]:
    return {topic.name: [topic.kind.replace("/", "/msg/")] for topic in TOPICS if topic.is_input == are_inputs}


def special(topics: list[tuple[str, list[str]]]) -> dict[str, list[str]]:
    return {name: kinds for name, kinds in topics if name not in _OF_EVERY_NODE}


def test_the_running_node_has_the_documented_topics_and_no_others(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer(listen_to=[]) as peer:
        peer.activate()
        outputs, inputs = documented(are_inputs=False), documented(are_inputs=True)
        published = peer.node.get_publisher_names_and_types_by_node
        subscribed = peer.node.get_subscriber_names_and_types_by_node
        peer.spin_until(lambda: special(published("epofusion", "/")) == outputs, f"the outputs {sorted(outputs)}")
        peer.spin_until(lambda: special(subscribed("epofusion", "/")) == inputs, f"the inputs {sorted(inputs)}")
