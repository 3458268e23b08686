"""The HTML report: tables, problems and contact sheets in one file that needs nothing else, online or offline."""

from datetime import datetime, timezone

from epofusion_core.evaluation.summary import Evaluation
from epofusion_core.report.page import render_page


def render(title: str, evaluation: Evaluation) -> str:
    """Return the report as a self-contained page; file names in it are escaped."""
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return render_page(__package__, "report.html.jinja", title=title, made=made, evaluation=evaluation)
