"""Texts that are generated from the declarations of the parameters: the table in Markdown, and the YAML file."""

from dataclasses import fields

from epofusion_ros.parameters.declaration import declaration, ros_default
from epofusion_ros.parameters.node_parameters import NodeParameters


def markdown_table() -> str:
    """Return the table of all parameters, in Markdown."""
    lines = ["| parameter | default | range | unit | live | description |", "|---|---|---|---|---|---|"]
    for each in fields(NodeParameters):
        declared = declaration(each)
        cells = [f"`{declared.name}`", f"`{ros_default(each)}`", declared.extent, declared.unit]
        lines.append("| " + " | ".join([*cells, "yes" if declared.live else "", declared.description]) + " |")
    return "\n".join(lines) + "\n"


def yaml_file() -> str:
    """Return the text of config/epofusion.yaml: every parameter with its default, described."""
    import yaml

    lines = [
        "# Parameters of the EPOFusion node, generated from epofusion_ros/parameters/node_parameters.py.",
        "/**:",
        "  ros__parameters:",
    ]
    for each in fields(NodeParameters):
        declared = declaration(each)
        default = ros_default(each)
        extent = f" Range: {declared.extent}." if declared.extent else ""
        value = yaml.safe_dump(default, default_flow_style=True).removesuffix("...\n").strip()
        lines += [f"    # {declared.description_with_unit}{extent}", f"    {declared.name}: {value}"]
    return "\n".join(lines) + "\n"
