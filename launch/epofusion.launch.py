"""Start the EPOFusion node, configured and activated by default, and RViz where it is asked for."""

from ament_index_python.packages import get_packages_with_prefixes
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.conditions import IfCondition
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

from epofusion_ros.installed_files import DDS_PROFILE_VARIABLE
from launch import Action, LaunchContext, LaunchDescription

SHARE = FindPackageShare("epofusion_ros")
REMAPPINGS = [
    ("rgb/image_raw", LaunchConfiguration("rgb_topic")),
    ("rgb/camera_info", LaunchConfiguration("rgb_info_topic")),
    ("thermal/image_raw", LaunchConfiguration("thermal_topic")),
]
USE_SIM_TIME = {"use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}
DEVICE = {"device": ParameterValue(LaunchConfiguration("device"), value_type=str)}

ARGUMENTS = [
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
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", description="Take the time from /clock, as when a bag is played."
    ),
    DeclareLaunchArgument(
        "autostart", default_value="true", description="Configure and activate the node once it has started."
    ),
    DeclareLaunchArgument(
        "device",
        default_value="",
        description="Where the network runs: cpu, cuda, gpu, npu and so on, by engine; docs/parameters.md. "
        "Empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "enclave",
        default_value="",
        description="SROS 2 enclave of the node, such as /epofusion; docs/security.md. Empty: none.",
    ),
    DeclareLaunchArgument(
        "rviz", default_value="false", description="Show inputs and outputs in RViz, and diagnostics."
    ),
    DeclareLaunchArgument(
        "dds_profile",
        default_value=PathJoinSubstitution([SHARE, "config", "fastdds_shm.xml"]),
        description="Fast DDS profile of this launch; camera drivers need the same one. Empty: the default.",
    ),
]


def start_node(context: LaunchContext) -> list[Action]:
    """The node and what brings it to activity; a function, since `device` and `enclave` count only where given."""
    overrides = [DEVICE] if LaunchConfiguration("device").perform(context) else []
    enclave = LaunchConfiguration("enclave").perform(context)
    fusion = LifecycleNode(
        package="epofusion_ros",
        executable="fusion_node",
        name="epofusion",
        namespace=LaunchConfiguration("namespace"),
        parameters=[LaunchConfiguration("params_file"), USE_SIM_TIME, *overrides],
        remappings=REMAPPINGS,
        ros_arguments=["--enclave", enclave] if enclave else [],
        output="screen",
    )
    autostart = IfCondition(LaunchConfiguration("autostart"))
    configure = EmitEvent(
        event=ChangeState(lifecycle_node_matcher=matches_action(fusion), transition_id=Transition.TRANSITION_CONFIGURE),
        condition=autostart,
    )
    # Only after configuring: coming to inactive from active is somebody's wish, not to be undone.
    activate = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=fusion,
            start_state="configuring",
            goal_state="inactive",
            entities=[
                EmitEvent(
                    event=ChangeState(
                        lifecycle_node_matcher=matches_action(fusion),
                        transition_id=Transition.TRANSITION_ACTIVATE,
                    )
                )
            ],
        ),
        condition=autostart,
    )
    return [fusion, activate, configure]


def start_monitor(context: LaunchContext) -> list[Action]:
    """Diagnostics in a window beside RViz, which has no display for them."""
    if "rqt_runtime_monitor" not in get_packages_with_prefixes():
        return [LogInfo(msg="rqt_runtime_monitor is not installed: ros2 topic echo /diagnostics shows the diagnostics")]
    return [Node(package="rqt_runtime_monitor", executable="rqt_runtime_monitor", parameters=[USE_SIM_TIME])]


def generate_launch_description() -> LaunchDescription:
    rviz_wanted = IfCondition(LaunchConfiguration("rviz"))
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", PathJoinSubstitution([SHARE, "config", "epofusion.rviz"])],
        parameters=[USE_SIM_TIME],
        remappings=REMAPPINGS,
        condition=rviz_wanted,
    )
    profile = SetEnvironmentVariable(
        DDS_PROFILE_VARIABLE,
        LaunchConfiguration("dds_profile"),
        condition=IfCondition(PythonExpression(["'", LaunchConfiguration("dds_profile"), "' != ''"])),
    )
    monitor = OpaqueFunction(function=start_monitor, condition=rviz_wanted)
    return LaunchDescription([*ARGUMENTS, profile, OpaqueFunction(function=start_node), rviz, monitor])
