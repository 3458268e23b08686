"""Play a bag into the EPOFusion node, from the moment at which it is active, and end with the bag."""

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.event_handlers import OnStateTransition
from launch_ros.substitutions import FindPackageShare

from launch import Action, LaunchContext, LaunchDescription

SHARE = FindPackageShare("epofusion_ros")
CLOCK_HZ = "200"

ARGUMENTS = [
    DeclareLaunchArgument("bag", description="Folder of the rosbag2 to play."),
    DeclareLaunchArgument("rate", default_value="1.0", description="Speed of the bag; 0.5 is half of real time."),
    DeclareLaunchArgument(
        "loop", default_value="false", description="Begin anew at the end of the bag: true or false."
    ),
    DeclareLaunchArgument("rgb_topic", description="Topic of the RGB images in the bag."),
    DeclareLaunchArgument(
        "rgb_info_topic", default_value="rgb/camera_info", description="Topic of the RGB camera's calibration."
    ),
    DeclareLaunchArgument("thermal_topic", description="Topic of the thermal images in the bag."),
    DeclareLaunchArgument(
        "params_file",
        default_value=PathJoinSubstitution([SHARE, "config", "epofusion.yaml"]),
        description="YAML file of parameters; docs/parameters.md describes each.",
    ),
    DeclareLaunchArgument(
        "rviz", default_value="true", description="Show inputs and outputs in RViz, and diagnostics."
    ),
]


def play(context: LaunchContext) -> list[Action]:
    """What plays the bag; a function, since an option such as --loop can only be there or not."""
    loops = LaunchConfiguration("loop").perform(context).lower() == "true"
    command = ["ros2", "bag", "play", LaunchConfiguration("bag"), "--clock", CLOCK_HZ]
    command += ["--rate", LaunchConfiguration("rate"), *(["--loop"] if loops else [])]
    player = ExecuteProcess(cmd=command, output="screen")
    end = RegisterEventHandler(OnProcessExit(target_action=player, on_exit=[EmitEvent(event=Shutdown())]))
    return [end, player]


def generate_launch_description() -> LaunchDescription:
    passed_on = ("rgb_topic", "rgb_info_topic", "thermal_topic", "params_file", "rviz")
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([SHARE, "launch", "epofusion.launch.py"])),
        launch_arguments=[("use_sim_time", "true"), *((name, LaunchConfiguration(name)) for name in passed_on)],
    )
    # The node is the only lifecycle node here. A bag that began before it listens would lose its first images.
    begin = RegisterEventHandler(
        OnStateTransition(
            start_state="activating", goal_state="active", entities=[OpaqueFunction(function=play)], handle_once=True
        )
    )
    return LaunchDescription([*ARGUMENTS, begin, node])
