"""Packages epofusion_ros for colcon (ament_python) and for pip alike."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "epofusion_ros"
ROOT = Path(__file__).resolve().parent  # `colcon build --symlink-install` runs a link to this file
SHARE = Path("share") / NAME

ROS_WHEELS = [
    "ros-rclpy",
    "ros-rcl-interfaces",
    "ros-builtin-interfaces",
    "ros-sensor-msgs",
    "ros-std-msgs",
    "ros-diagnostic-msgs",
    "ros-lifecycle-msgs",
    "ros-rmw-fastrtps-cpp",
]
TORCH = ["onnx>=1.17", "onnxscript>=0.2", "safetensors>=0.4", "timm>=1.0", "torch>=2.6", "torchvision>=0.21"]
TEST = [
    "catkin-pkg>=1.0",
    "colcon-core>=0.19",
    "colcon-python-setup-py>=0.2",
    "colcon-ros>=0.5",
    "hypothesis>=6.100",
    "mypy>=1.15",
    "pillow>=10",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.5",
    "ruff>=0.12",
    "types-PyYAML>=6",
]


def installed_folder(folder: str) -> list[tuple[str, list[str]]]:
    """List the files of a folder of the repository for share/epofusion_ros, subfolders included."""
    files = sorted(path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    relative = [path.relative_to(ROOT) for path in files]
    return [(str(SHARE / path.parent), [str(path)]) for path in relative]


setup(
    name=NAME,
    version="0.1.0",
    description="Exposure-aware fusion of RGB and thermal image streams for ROS 2",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["epofusion_core*", "epofusion_ros*"]),
    package_data={
        "epofusion_core": ["py.typed", "weights/*", "**/*.jinja"],
        "epofusion_ros": ["py.typed", "**/*.jinja", "view/page/*"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (str(SHARE), ["package.xml"]),
        *installed_folder("launch"),
        *installed_folder("config"),
    ],
    install_requires=[
        "av>=12",
        "backports.zstd>=1.0",
        "jinja2>=3.1",
        "lz4>=4.0",
        "markupsafe>=2.1",
        "numpy>=1.26",
        "opencv-python-headless>=4.6",
        "platformdirs>=4",
        "pydantic>=2.6",
        "PyYAML>=6",
        "rich>=13.7",
        "rosbags>=0.11",
        "typer>=0.9",
    ],
    extras_require={
        "torch": TORCH,
        "train": [*TORCH, "accelerate>=1.0", "matplotlib>=3.8", "nncf>=2.14", "tensorboard>=2.16"],
        "downstream": [*TORCH, "matplotlib>=3.8", "transformers>=4.40"],
        "onnxruntime": ["onnxruntime>=1.18"],
        "openvino": ["openvino>=2024.4"],
        "rerun": ["rerun-sdk>=0.24"],
        "hub": ["huggingface_hub>=0.24"],
        "view": ["aiohttp>=3.9"],
        "fleet": ["fsspec>=2024.2", "pyarrow>=15"],
        "ray": ["ray>=2.9"],
        "ros-wheels": ROS_WHEELS,
        "test": TEST,
    },
    entry_points={
        "console_scripts": [
            "epofusion = epofusion_ros.cli.main:app",
            "fusion_node = epofusion_ros.node.main:main",
        ]
    },
    zip_safe=False,
)
