"""What the node holds in which state."""

import ast
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

from epofusion_ros.node import active, configured, fusion_worker
from epofusion_ros.node.fusion_node import FusionNode


def optional_attributes(kind: type) -> set[str]:
    """Return the attributes of a class that are declared to be None at times, or set to it."""
    found = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        is_optional = isinstance(node, ast.AnnAssign) and "None" in ast.unparse(node.annotation)
        is_none = isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value and ast.unparse(node.value) == "None"
        if is_optional or is_none:
            found |= {ast.unparse(target) for target in targets if isinstance(target, ast.Attribute)}
    return found


def test_the_node_holds_one_object_for_each_life_span_and_those_are_whole_while_they_live() -> None:
    assert optional_attributes(FusionNode) == {"self._configured", "self._active"}
    for whole in (configured.Configured, active.Active, fusion_worker.FusionWorker):
        assert optional_attributes(whole) == set()


FREED = """
import sys, weakref
import rclpy
from epofusion_ros.node.fusion_node import FusionNode

rclpy.init(args=["--ros-args", "-p", f"model:={sys.argv[1]}"])
node = FusionNode()
node.trigger_configure()
engine = weakref.ref(node._configured._pipeline._fuser.engine)
node.trigger_activate()
node.trigger_deactivate()
held = engine() is not None
node.trigger_cleanup()
print(held, engine() is None)
"""


def test_cleanup_frees_the_engine(random_weights: Path, domain: int) -> None:
    command = [sys.executable, "-c", FREED, str(random_weights)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    assert done.stdout.split() == ["True", "True"]
