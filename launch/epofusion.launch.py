"""Start the EPOFusion node, configured and activated by default, and RViz or a page for browsers on request."""

import sys
from pathlib import Path

from ament_index_python.packages import get_packages_with_prefixes
from launch.actions import DeclareLaunchArgument, EmitEvent, ExecuteProcess, LogInfo, OpaqueFunction
from launch.conditions import IfCondition
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from epofusion_ros.installed_files import dds_variables
from epofusion_ros.stream.pictures import PICTURES
from launch import Action, LaunchContext, LaunchDescription

SHARE = FindPackageShare("epofusion_ros")
REMAPPINGS = [
    ("rgb/image_raw", LaunchConfiguration("rgb_topic")),
    ("rgb/camera_info", LaunchConfiguration("rgb_info_topic")),
    ("thermal/image_raw", LaunchConfiguration("thermal_topic")),
]
USE_SIM_TIME = {"use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}
VIEW = [sys.executable, "-m", "epofusion_ros.cli.main", "view"]
RESPAWN_DELAY_S = 2.0
ENDING_S = "30"
"""How long what is started may take when it is asked to end: to finish a frame, to load the model."""

PARAMETERS = {
    "model": "Name of a size whose weights ship, or path of a weights file.",
    "engine": "What runs the network: auto, torch, onnxruntime or openvino.",
    "device": "Where the network runs: cpu, cuda, gpu, npu and so on, by engine.",
    "rgb_transport": "raw, or compressed: the RGB topic with /compressed behind its name.",
    "thermal_transport": "raw, or compressed: the thermal topic with /compressed behind its name.",
    "registration_mode": "How thermal is brought onto RGB: none, resize, homography or extrinsics.",
    "registration_file": "Calibration file of the modes homography and extrinsics.",
}
"""Launch arguments that stand for a parameter of the node; an underscore for a dot. Empty: as params_file says."""

ARGUMENTS = [
    DeclareLaunchArgument("name", default_value="epofusion", description="Name of the node."),
    DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node and its topics."),
    DeclareLaunchArgument(
        "params_file",
        default_value=PathJoinSubstitution([SHARE, "config", "epofusion.yaml"]),
        description="YAML file of parameters; docs/parameters.md describes each.",
    ),
    DeclareLaunchArgument("rgb_topic", default_value="rgb/image_raw", description="Topic of the RGB images."),
    DeclareLaunchArgument(
        "rgb_info_topic", default_value="rgb/camera_info", description="Topic of the RGB camera's calibration."
    ),
    DeclareLaunchArgument(
        "thermal_topic", default_value="thermal/image_raw", description="Topic of the thermal images."
    ),
    *(DeclareLaunchArgument(name, default_value="", description=text) for name, text in PARAMETERS.items()),
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", description="Take the time from /clock, as when a bag is played."
    ),
    DeclareLaunchArgument("autostart", default_value="true", description="Configure and activate the node."),
    DeclareLaunchArgument(
        "respawn",
        default_value="false",
        description="Start the node again when it ends; otherwise the whole launch ends with it.",
    ),
    DeclareLaunchArgument("log_level", default_value="info", description="What the node says: debug, info, warn."),
    DeclareLaunchArgument(
        "enclave",
        default_value="",
        description="SROS 2 enclave of the node, such as /epofusion; docs/security.md. Empty: none.",
    ),
    DeclareLaunchArgument(
        "rviz", default_value="false", description="Show inputs and outputs in RViz, and diagnostics."
    ),
    DeclareLaunchArgument("web", default_value="false", description="Show the node in browsers; docs/view.md."),
    DeclareLaunchArgument(
        "web_host", default_value="127.0.0.1", description="With web: address of the page; 0.0.0.0 for all."
    ),
    DeclareLaunchArgument("web_port", default_value="8080", description="With web: port of the page."),
    DeclareLaunchArgument(
        "dds_profile",
        default_value="auto",
        description="Fast DDS profile of the node alone; camera drivers need the same one. "
        "auto: the exported one, else config/fastdds_shm.xml. none: leave it as it is.",
    ),
]


def start_node(context: LaunchContext) -> list[Action]:
    """The node; a function, since some arguments count only where they are given, and files must be there."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    for name in ("params_file", "registration_file"):
        if given(name) and not Path(given(name)).is_file():
            raise FileNotFoundError(f"{name} {given(name)} is no file; expected a YAML file")
    values = {name.replace("_", ".", 1): given(name) for name in PARAMETERS if given(name)}
    overrides = {name: ParameterValue(value, value_type=str) for name, value in values.items()}
    autostart = {"autostart": ParameterValue(LaunchConfiguration("autostart"), value_type=bool)}
    respawns = IfCondition(LaunchConfiguration("respawn")).evaluate(context)
    enclave = ["--enclave", given("enclave")] if given("enclave") else []
    return [
        Node(
            package="epofusion_ros",
            executable="fusion_node",
            name=LaunchConfiguration("name"),
            namespace=LaunchConfiguration("namespace"),
            parameters=[LaunchConfiguration("params_file"), USE_SIM_TIME, autostart, overrides],
            remappings=REMAPPINGS,
            ros_arguments=["--log-level", LaunchConfiguration("log_level"), *enclave],
            additional_env=dds_variables(given("dds_profile")),
            sigkill_timeout=ENDING_S,
            respawn=respawns,
            respawn_delay=RESPAWN_DELAY_S,
            on_exit=None if respawns else end_launch,
            output="screen",
        )
    ]


def end_launch(event: ProcessExited, context: LaunchContext) -> list[Action]:
    """End with the node: with an error, which the exit code of the launch tells, unless it ended well."""
    if event.returncode and not context.is_shutdown:
        raise RuntimeError(f"the node ended with exit code {event.returncode}; its last lines say why")
    return [EmitEvent(event=Shutdown(reason="the node has ended"))]


def start_view(context: LaunchContext) -> list[Action]:
    """The page for browsers; where it ends, for a port that is taken or a library that is missing, the node goes on."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    full_name = "/".join(filter(None, [given("namespace").strip("/"), given("name")]))
    command = [*VIEW, "--node", f"/{full_name}", "--host", given("web_host"), "--port", given("web_port")]
    command += ["--rgb-topic", given("rgb_topic"), "--thermal-topic", given("thermal_topic")]
    profile = dds_variables(given("dds_profile"))
    return [ExecuteProcess(cmd=command, additional_env=profile, sigterm_timeout=ENDING_S, output="screen")]


def start_rviz(context: LaunchContext) -> list[Action]:
    """RViz, and diagnostics in a window beside it, which RViz has no display for; where they are installed."""
    name, installed = LaunchConfiguration("name").perform(context), get_packages_with_prefixes()
    outputs = [(topic.replace("~", "epofusion"), topic.replace("~", name)) for topic in PICTURES]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", PathJoinSubstitution([SHARE, "config", "epofusion.rviz"])],
        parameters=[USE_SIM_TIME],
        remappings=REMAPPINGS + outputs,
    )
    monitor = Node(package="rqt_runtime_monitor", executable="rqt_runtime_monitor", parameters=[USE_SIM_TIME])
    windows = {
        "rviz2": (rviz, "the images are not shown"),
        "rqt_runtime_monitor": (monitor, "ros2 topic echo /diagnostics shows the diagnostics"),
    }
    return [
        window if package in installed else LogInfo(msg=f"{package} is not installed: {otherwise}")
        for package, (window, otherwise) in windows.items()
    ]


def generate_launch_description() -> LaunchDescription:
    rviz = OpaqueFunction(function=start_rviz, condition=IfCondition(LaunchConfiguration("rviz")))
    view = OpaqueFunction(function=start_view, condition=IfCondition(LaunchConfiguration("web")))
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start_node), rviz, view])
