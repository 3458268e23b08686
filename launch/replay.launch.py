"""Play a bag into the EPOFusion node, from the moment at which both hear each other, and end with the bag.

Every argument of epofusion.launch.py may be given as well.
"""

import sys
from collections.abc import Callable

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
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from epofusion_ros.installed_files import dds_variables
from launch import Action, LaunchContext, LaunchDescription

SHARE = FindPackageShare("epofusion_ros")
CLOCK_HZ = "200"
WAIT = [sys.executable, "-m", "epofusion_ros.remote_node.wait_until_matched"]
RESUME = ["ros2", "service", "call", "/rosbag2_player/resume", "rosbag2_interfaces/srv/Resume"]

ARGUMENTS = [
    DeclareLaunchArgument("bag", description="Folder of the rosbag2 to play."),
    DeclareLaunchArgument("rate", default_value="1.0", description="Speed of the bag; 0.5 is half of real time."),
    DeclareLaunchArgument(
        "loop", default_value="false", description="Begin anew at the end of the bag: true or false."
    ),
    DeclareLaunchArgument("rgb_topic", description="Topic of the RGB images in the bag."),
    DeclareLaunchArgument("thermal_topic", description="Topic of the thermal images in the bag."),
    DeclareLaunchArgument(
        "rviz", default_value="true", description="Show inputs and outputs in RViz, and diagnostics."
    ),
]


def play(context: LaunchContext) -> list[Action]:
    """What plays the bag; a function, since an option such as --loop can only be there or not.

    The player is paused until the node hears it: what it publishes before is lost.
    """
    loops = LaunchConfiguration("loop").perform(context).lower() == "true"
    command = ["ros2", "bag", "play", LaunchConfiguration("bag"), "--clock", CLOCK_HZ, "--start-paused"]
    command += ["--rate", LaunchConfiguration("rate"), *(["--loop"] if loops else [])]
    profile = dds_variables(LaunchConfiguration("dds_profile").perform(context))
    player = ExecuteProcess(cmd=command, additional_env=profile, output="screen")
    parts = [LaunchConfiguration(each).perform(context).strip("/") for each in ("namespace", "name")]
    full_name = "/" + "/".join(part for part in parts if part)
    wait, resume = ExecuteProcess(cmd=[*WAIT, full_name], output="screen"), ExecuteProcess(cmd=RESUME)

    def then(*actions: Action) -> Callable[[ProcessExited, LaunchContext], list[Action]]:
        def go_on(event: ProcessExited, context: LaunchContext) -> list[Action]:
            if event.returncode and not context.is_shutdown:
                raise RuntimeError(f"{' '.join(event.cmd[:3])} ended with exit code {event.returncode}")
            return [] if context.is_shutdown else list(actions)

        return go_on

    steps = {wait: then(resume), resume: then(), player: then(EmitEvent(event=Shutdown(reason="the bag has ended")))}
    handlers = [
        RegisterEventHandler(OnProcessExit(target_action=process, on_exit=step)) for process, step in steps.items()
    ]
    return [*handlers, player, wait]


def generate_launch_description() -> LaunchDescription:
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([SHARE, "launch", "epofusion.launch.py"])),
        launch_arguments=[("use_sim_time", "true")],
    )
    return LaunchDescription([*ARGUMENTS, node, OpaqueFunction(function=play)])
