"""`epofusion view`: a page in the browser that shows the running node."""

import asyncio
import secrets
import signal
from typing import Annotated

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, note
from epofusion_ros.messages.topics import FUSION_NODE, RGB_IMAGE, THERMAL_IMAGE


def view(
    host: Annotated[str, typer.Option(help="Address to serve the page on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")] = 8080,
    token: Annotated[
        str,
        typer.Option(
            envvar="EPOFUSION_VIEW_TOKEN",
            help="What a browser must know to look; made up where other machines reach the address and none is given.",
        ),
    ] = "",
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="Let the page change live parameters.")
    ] = False,
    node: Annotated[str, typer.Option(help="Full name of the fusion node.")] = FUSION_NODE,
    rgb_topic: Annotated[str, typer.Option(help="Its RGB topic; without a / in front, in its namespace.")] = RGB_IMAGE,
    thermal_topic: Annotated[str, typer.Option(help="Its thermal topic, likewise.")] = THERMAL_IMAGE,
    quiet: options.Quiet = False,
) -> None:
    """Show the running node in the browser: images, rates, latency, warnings and live parameters.

    Waits for a node that is not there yet. Exit code 0: ended by Ctrl-C or SIGTERM; 2: the address cannot be had, or a
    library is missing.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with clear_errors():
            from epofusion_ros.installed_files import use_large_shared_memory
            from epofusion_ros.view.address import is_local, listen, page_address
            from epofusion_ros.view.server import ViewSettings, serve

            use_large_shared_memory()
            with listen(host, port) as server:
                if not token and not is_local(server):
                    token = secrets.token_urlsafe()
                full_name = "/" + node.strip("/")
                note(f"look at {page_address(server, token)} until Ctrl-C")
                asyncio.run(serve(server, ViewSettings(full_name, rgb_topic, thermal_topic, token, allow_changes)))
    except KeyboardInterrupt:
        pass
