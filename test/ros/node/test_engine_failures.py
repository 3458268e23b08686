"""A frame that the engine fails on, for real: the memory that it needs is not there."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from harness import Peer, accounts_balance, running_node

pytestmark = pytest.mark.one_release

RGB, THERMAL = np.full((48, 64, 3), 80, np.uint8), np.full((48, 64), 90, np.uint8)
LARGE_RGB, LARGE_THERMAL = np.full((1500, 2000, 3), 80, np.uint8), np.full((1500, 2000), 90, np.uint8)
SPARE_BYTES = 150_000_000
"""Room for a large frame's messages and their conversion, but not for what the network makes of it."""


def limit_memory(pid: int) -> None:
    """Leave a process a little more private memory than it has."""
    status = Path(f"/proc/{pid}/status").read_text()
    held = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData"))
    resource.prlimit(pid, resource.RLIMIT_DATA, (held + SPARE_BYTES, resource.RLIM_INFINITY))


@pytest.mark.parametrize(("model", "engine"), [("epofusion_xs", "openvino"), ("random", "torch")])
def test_a_frame_that_memory_is_too_small_for_is_dropped_counted_and_said_and_the_node_goes_on(
    random_weights: Path, domain: int, tmp_path: Path, model: str, engine: str
) -> None:
    settings = {"engine": engine, "threads": 1}
    weights = random_weights if model == "random" else model
    with running_node(weights, domain, tmp_path / "log", **settings) as process, Peer(["fused"]) as peer:
        peer.activate()
        stamp_ns = peer.now_ns()
        peer.images(stamp_ns, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a frame")
        limit_memory(process.pid)
        for count in range(1, 4):
            stamp_ns += 1_000_000_000
            peer.images(stamp_ns, LARGE_RGB, LARGE_THERMAL)
            peer.spin_until(
                lambda count=count: peer.figure("inference_errors") == count, "the large frame in diagnostics"
            )
            peer.images(stamp_ns + 500_000_000, RGB, THERMAL)
            peer.spin_until(lambda count=count: len(peer.outputs.fused) == 1 + count, "a small frame after it")
        assert process.poll() is None
        peer.spin_until(lambda: peer.figure("fused") == 4 and accounts_balance(peer), "an account that balances")
    assert process.returncode == 0
    lines = (tmp_path / "log").read_text().splitlines()
    assert all(line.startswith("[") for line in lines), "each error is one line"
    assert "memory" in next(line for line in lines if "pair dropped" in line)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_out_of_memory_loses_the_frame_frees_its_cache_and_takes_the_next(random_weights: Path) -> None:
    from epofusion_core import Fuser
    from epofusion_core.engines.engine import EngineError

    fuser = Fuser.load(random_weights, engine="torch", device="cuda")
    fuser(RGB, THERMAL)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + SPARE_BYTES) / total)
    try:
        with pytest.raises(EngineError, match="too little memory for a frame of 2000x1500 pixels"):
            fuser(LARGE_RGB, LARGE_THERMAL)
        assert torch.cuda.memory_reserved() < SPARE_BYTES
        assert fuser(RGB, THERMAL).fused_rgb.shape == RGB.shape
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
