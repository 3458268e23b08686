"""What the subcommands say, and where: results and remarks on standard output, progress and errors beside it."""

import json
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as ProgressBar
from rich.progress import track

from epofusion_core.atomic_file import is_disk_full
from epofusion_core.progress import Progress

_Item = TypeVar("_Item")

console = Console()
error_console = Console(stderr=True)
_remarks = Console()
_progress = Console(stderr=True)

_EXTRAS = {
    "torch": {"torch", "torchvision", "timm", "onnx", "onnxscript"},
    "train": {"accelerate", "matplotlib", "nncf", "tensorboard"},
    "openvino": {"openvino"},
    "onnxruntime": {"onnxruntime"},
    "view": {"aiohttp"},
    "rerun": {"rerun"},
    "fleet": {"fsspec", "pyarrow"},
    "ray": {"ray"},
    "ros-wheels": {"builtin_interfaces", "diagnostic_msgs", "lifecycle_msgs", "rcl_interfaces", "rclpy"}
    | {"sensor_msgs", "std_msgs"},
}
"""Optional libraries, by the extra of setup.py that installs them."""


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn errors into one sentence on standard error.

    Exit code 1: the disk is full; 2: bad input, or a library that is missing.
    """
    try:
        yield
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        _fail(sentence, error, 1 if is_disk_full(error) else 2)
    except ValueError as error:
        _fail(str(error), error)
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library in {"", "epofusion_core", "epofusion_ros"}:
            raise
        lacks = "which is not installed" if isinstance(error, ModuleNotFoundError) else "and a newer one than is here"
        extra = next((extra for extra, names in _EXTRAS.items() if library in names), None)
        wanted = f"epofusion_ros[{extra}]" if extra else f"`pip install --upgrade {library}`"
        if extra == "ros-wheels":
            wanted = f"a sourced ROS 2, or {wanted}"
        sentence = f"this command needs {library}, {lacks}; expected {wanted}"
        _fail(f"{sentence}: `source scripts/setup_venv all` installs everything", error)


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does; it raises KeyboardInterrupt, once."""

    def interrupt(_number: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(sentence: str, error: Exception, code: int = 2) -> NoReturn:
    error_console.print(f"[red]error:[/red] {escape(sentence)}", soft_wrap=True, highlight=False)
    raise typer.Exit(code) from error


def be_quiet(quiet: bool) -> bool:
    """Take option --quiet: show no progress and make no remarks."""
    _remarks.quiet = _progress.quiet = quiet
    return quiet


def print_json_alone(wanted: bool) -> bool:
    """Take option --json: what is no JSON goes to standard error."""
    _remarks.stderr = wanted
    return wanted


def print_json(value: Any) -> None:  # noqa: ANN401 - what JSON can hold
    """Print a result for other programs."""
    typer.echo(json.dumps(value, indent=1))


def note(sentence: str) -> None:
    """Say what is being done, or what has been chosen."""
    _remarks.print(sentence, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def progress(description: str, *, moving: bool = True) -> Iterator[Progress]:
    """Show a progress bar on a terminal; yields a function of (done, total), a total of 0 meaning unknown.

    Without `moving` it is drawn by those calls alone, so that it costs nothing between them.
    """
    if not _progress.is_terminal:
        yield lambda *_: None
        return
    with ProgressBar(console=_progress, auto_refresh=moving) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None, refresh=not moving)


def watched(title: str, items: Iterable[_Item], total: int | None = None) -> Iterable[_Item]:
    """Return the items, with a progress bar on a terminal while they are taken."""
    return track(items, title, total, console=_progress, transient=True)


def finish(done: int, what: str, failures: list[str]) -> None:
    """Say how many were done and name each that was not; leave with exit code 1 if there is one, or none was done."""
    note(f"{done} {what} done, {len(failures)} not done")
    for failure in failures:
        error_console.print(failure, soft_wrap=True, highlight=False, markup=False)
    if failures or not done:
        raise typer.Exit(1)
