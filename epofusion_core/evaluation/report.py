"""The HTML report: tables, problems and contact sheets in one file that needs nothing else, online or offline."""

import base64
from datetime import datetime, timezone
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from epofusion_core.evaluation.summary import Evaluation

_TEMPLATE = "report.html.jinja"


def render(title: str, evaluation: Evaluation) -> str:
    """Return the report as a self-contained page; file names in it are escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["data_url"] = _data_url
    template = environment.from_string(files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return template.render(title=title, made=made, evaluation=evaluation)


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
