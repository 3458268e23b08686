"""Record both cameras, and on request what is made of them, until Ctrl-C; for calibration, replay and training."""

from launch.actions import DeclareLaunchArgument, EmitEvent, ExecuteProcess, OpaqueFunction
from launch.conditions import IfCondition
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration

from epofusion_ros.installed_files import dds_variables
from epofusion_ros.messages.topics import DIAGNOSTICS, FUSED_COMPRESSED, FUSED_INFO, GUIDANCE_MASK, STATUS, full_name
from launch import Action, LaunchContext, LaunchDescription

OUTPUTS = [full_name(topic) for topic in (FUSED_COMPRESSED, FUSED_INFO, GUIDANCE_MASK, STATUS, DIAGNOSTICS)]
COMPRESSION = ["--storage", "mcap", "--storage-preset-profile", "zstd_fast"]

ARGUMENTS = [
    DeclareLaunchArgument("bag", description="Folder to record into, which must not be there yet."),
    DeclareLaunchArgument("rgb_topic", default_value="/rgb/image_raw", description="Topic of the RGB images."),
    DeclareLaunchArgument(
        "rgb_info_topic", default_value="/rgb/camera_info", description="Topic of the RGB camera's calibration."
    ),
    DeclareLaunchArgument(
        "thermal_topic", default_value="/thermal/image_raw", description="Topic of the thermal images."
    ),
    DeclareLaunchArgument(
        "outputs",
        default_value="false",
        description="Record the fused image as JPEG, the guidance mask, status and diagnostics of the node as well.",
    ),
    DeclareLaunchArgument(
        "dds_profile", default_value="auto", description="Fast DDS profile of the recorder, as of the node."
    ),
]


def record(context: LaunchContext) -> list[Action]:
    """The recorder; a function, since outputs are recorded only where they are asked for."""
    with_outputs = IfCondition(LaunchConfiguration("outputs")).evaluate(context)
    topics = [LaunchConfiguration(name) for name in ("rgb_topic", "rgb_info_topic", "thermal_topic")]
    command = ["ros2", "bag", "record", "--output", LaunchConfiguration("bag"), *COMPRESSION]
    command += ["--topics", *topics, *(OUTPUTS if with_outputs else [])]
    profile = dds_variables(LaunchConfiguration("dds_profile").perform(context))
    return [ExecuteProcess(cmd=command, additional_env=profile, on_exit=end_launch, output="screen")]


def end_launch(event: ProcessExited, context: LaunchContext) -> list[Action]:
    """End with the recorder, with an error where it failed: a folder that is there already, a full disk."""
    if event.returncode and not context.is_shutdown:
        raise RuntimeError(f"ros2 bag record ended with exit code {event.returncode}")
    return [EmitEvent(event=Shutdown(reason="the recorder has ended"))]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=record)])
