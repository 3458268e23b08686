"""Composes the `epofusion` command of its subcommands; each lies in the file of its name."""

from typing import Annotated

import typer

from epofusion_core import __version__
from epofusion_ros.cli.ablate import ablate
from epofusion_ros.cli.bag import bag
from epofusion_ros.cli.bench import bench
from epofusion_ros.cli.cache import cache
from epofusion_ros.cli.calibrate import calibrate
from epofusion_ros.cli.catalogue import catalogue
from epofusion_ros.cli.demo import demo
from epofusion_ros.cli.downstream import downstream
from epofusion_ros.cli.evaluate import evaluate
from epofusion_ros.cli.export import export
from epofusion_ros.cli.fuse import fuse
from epofusion_ros.cli.info import info
from epofusion_ros.cli.ivoe import ivoe
from epofusion_ros.cli.score import score
from epofusion_ros.cli.simulate import simulate
from epofusion_ros.cli.train import train
from epofusion_ros.cli.view import view

app = typer.Typer(
    name="epofusion",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"epofusion {__version__}")
        raise typer.Exit


@app.callback()
def epofusion(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Exposure-aware infrared and visible image fusion."""


app.command()(demo)
app.command()(view)
app.command()(bag)
app.command()(catalogue)
app.command()(fuse)
app.command()(info)
app.command()(train)
app.command()(evaluate)
app.command()(score)
app.command()(ablate)
app.command()(export)
app.command()(bench)
app.command()(cache)
app.command()(simulate)
app.command()(calibrate)
app.add_typer(ivoe, name="ivoe")
app.add_typer(downstream, name="downstream")

if __name__ == "__main__":
    app()
