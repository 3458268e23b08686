"""`epofusion cache`: what is kept of compiled models, and how to clear it."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, console, note, print_json


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove it; engines compile anew, in seconds.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """List what is kept of compiled models in the user's cache folder, the last used first, or clear it."""
    with clear_errors():
        from epofusion_core.engines.cache import MOST_BYTES, cache_folder, entries, forget

        found = entries()
        if clear:
            for entry in found:
                forget(entry)
    table = Table("last used", "MB", "name")
    for entry in found:
        used = datetime.fromtimestamp(entry.used_s).isoformat(" ", "minutes")
        table.add_row(used, f"{entry.size_bytes / 1e6:.1f}", entry.path.name)
    if as_json:
        print_json([{"name": e.path.name, "bytes": e.size_bytes, "used_s": e.used_s} for e in found])
    elif found:
        console.print(table)
    size_mb = sum(entry.size_bytes for entry in found) / 1e6
    done = "removed from" if clear else f"of at most {MOST_BYTES / 1e6:.0f} MB, in"
    note(f"{len(found)} kept, {size_mb:.1f} MB, {done} {cache_folder()}")
