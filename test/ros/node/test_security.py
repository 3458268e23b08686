"""The rights that the node asks for are those that it uses, and nothing that it reads can run."""

import ast
import pickle
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from harness import REPOSITORY, Peer, running_node

POLICY = REPOSITORY / "config" / "policy.xml"
PROFILE = "./enclaves/enclave/profiles/profile"
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy"}
FORBIDDEN_CALLS = {"eval", "exec", "__import__"}


def rights(kind: str, right: str) -> set[str]:
    parent, child = (f"{kind}s", kind)
    found = ElementTree.parse(POLICY).findall(f"{PROFILE}/{parent}[@{right}='ALLOW']/{child}")
    return {element.text or "" for element in found}


@pytest.mark.one_release
@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_the_policy_allows_what_the_node_uses_and_nothing_else(
    random_weights: Path, domain: int, tmp_path: Path, transport: str
) -> None:
    settings = {"use_sim_time": True, "rgb.transport": transport, "thermal.transport": transport}
    unused = {f"/{name}/image_raw{'/compressed' if transport == 'raw' else ''}" for name in ("rgb", "thermal")}
    with running_node(random_weights, domain, tmp_path / "log", **settings), Peer(listen_to=[]) as peer:
        peer.configure_and_activate()
        sides = {
            "topics that it publishes": (
                peer.node.get_publisher_names_and_types_by_node,
                rights("topic", "publish"),
            ),
            "topics that it subscribes to": (
                peer.node.get_subscriber_names_and_types_by_node,
                rights("topic", "subscribe") - unused,
            ),
            "services": (peer.node.get_service_names_and_types_by_node, rights("service", "reply")),
        }
        for what, (look, allowed) in sides.items():
            peer.spin_until(
                lambda look=look, allowed=allowed: {name for name, _ in look("epofusion", "/")} == allowed,
                f"the {what} to be {sorted(allowed)}",
            )
        assert peer.node.get_client_names_and_types_by_node("epofusion", "/") == []


def test_the_document_shows_the_policy_that_ships() -> None:
    assert POLICY.read_text() in (REPOSITORY / "docs" / "security.md").read_text()


@pytest.mark.parametrize("package", ["epofusion_core", "epofusion_ros"])
def test_no_module_turns_files_into_code_or_objects(package: str) -> None:
    for file in sorted((REPOSITORY / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert not FORBIDDEN_MODULES & {alias.name.split(".")[0] for alias in node.names}, file
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES, file
            if isinstance(node, ast.Call):
                check_call(file, node)


def check_call(file: Path, call: ast.Call) -> None:
    name = ast.unparse(call.func)
    assert name not in FORBIDDEN_CALLS, f"{file} calls {name}"
    assert name not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"), f"{file} calls {name}"
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if name == "torch.load":
        assert keywords.get("weights_only") == "True", f"{file} lets torch.load unpickle"
    if name in ("np.load", "numpy.load"):
        assert keywords.get("allow_pickle", "False") == "False", f"{file} lets numpy unpickle"


def test_a_pickle_that_calls_itself_weights_is_refused_unread(tmp_path: Path) -> None:
    from epofusion_core.model.weights import load_weights

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    path = tmp_path / "epofusion_xs.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"epofusion_xs\.safetensors"):
        load_weights(path)
    assert not (tmp_path / "sprung").exists()
