"""docs/reliability.md names every key that the running node reports, and no other."""

import re
from pathlib import Path

from harness import REPOSITORY, Peer, running_node


def test_every_key_of_diagnostics_is_documented(random_weights: Path, domain: int, tmp_path: Path) -> None:
    document = (REPOSITORY / "docs" / "reliability.md").read_text()
    table = document.split("| key | meaning |")[1].split("\n\n")[0]
    documented = {key for row in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    with running_node(random_weights, domain, tmp_path / "log"), Peer(listen_to=[]) as peer:
        peer.activate()
        peer.spin_until(lambda: "engine" in peer.figures, "diagnostics of the configured node")
    assert set(peer.figures) == documented
