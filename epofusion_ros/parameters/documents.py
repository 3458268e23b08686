"""Texts that are generated from the declarations of the parameters: the table in Markdown, and the YAML file."""

from epofusion_ros.parameters.node_parameters import DECLARATIONS


def markdown_table() -> str:
    """Return the table of all parameters, in Markdown."""
    lines = ["| parameter | default | range | unit | live | description |", "|---|---|---|---|---|---|"]
    for name, declared in DECLARATIONS.items():
        changes = "yes" if declared.live else "never" if declared.at_start else ""
        cells = [f"`{name}`", f"`{declared.ros_default}`", declared.extent, declared.unit]
        lines.append("| " + " | ".join([*cells, changes, declared.description]) + " |")
    return "\n".join(lines) + "\n"


def yaml_file() -> str:
    """Return the text of config/epofusion.yaml: every parameter with its default, described."""
    import yaml

    lines = [
        "# Parameters of the EPOFusion node, generated from epofusion_ros/parameters/node_parameters.py.",
        "/**:",
        "  ros__parameters:",
    ]
    for name, declared in DECLARATIONS.items():
        extent = f" Range: {declared.extent}." if declared.extent else ""
        value = yaml.safe_dump(declared.ros_default, default_flow_style=True).removesuffix("...\n").strip()
        lines += [f"    # {declared.description_with_unit}{extent}", f"    {name}: {value}"]
    return "\n".join(lines) + "\n"
