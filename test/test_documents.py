"""The documents say what there is: links, paths, commands and figures; and they stay short enough to be read."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from typer.core import TyperGroup

from epofusion_core.evaluation.columns import COLUMNS
from epofusion_core.model.card import read_card, resolve_weights
from epofusion_ros.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").glob("*.md"))]
LONGEST_LINE = 150
MOST_LINES = {"paper.md": 60, "training.md": 90, "performance.md": 92, "model_card.md": 75}
EACH_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


def commands(document: Path) -> Iterator[list[str]]:
    """Yield the words behind `epofusion` or `scripts/demo` of each line that runs them."""
    for block in re.findall(r"```bash\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["ros2", "run", "epofusion_ros"]:
                words = words[3:]
            if words[:1] == ["epofusion"]:
                yield words[1:]
            elif words[:1] == ["scripts/demo"]:
                yield ["demo", *words[1:]]


COMMANDS = [
    pytest.param(words, id=f"{document.stem}: {' '.join(words)}")
    for document in DOCUMENTS
    for words in commands(document)
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_of_the_documents_is_taken(words: list[str]) -> None:
    program = typer.main.get_command(app)
    while isinstance(program, TyperGroup) and words[0] in program.commands:
        program, words = program.commands[words[0]], words[1:]
    try:
        program.make_context("epofusion", list(words))
    except typer.Exit:
        assert words == ["--help"]
    else:
        assert not isinstance(program, TyperGroup), f"epofusion has no command {words[0]}"


def anchors(document: Path) -> set[str]:
    """Return the names that the headings of a document are linked by: lower case, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EACH_DOCUMENT
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(document: Path) -> None:
    missing = set()
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.add(link)
    assert not missing


@EACH_DOCUMENT
def test_no_line_outside_a_table_is_too_long(document: Path) -> None:
    lines = document.read_text(encoding="utf-8").splitlines()
    long = [n for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE and not line.lstrip().startswith("|")]
    assert not long, f"lines over {LONGEST_LINE} characters"


@pytest.mark.parametrize("name", MOST_LINES)
def test_a_document_stays_short(name: str) -> None:
    assert len((REPOSITORY / "docs" / name).read_text(encoding="utf-8").splitlines()) <= MOST_LINES[name]


@pytest.mark.parametrize("name", ["paper.md", "architecture.md"])
def test_every_path_that_a_map_of_the_code_names_is_there(name: str) -> None:
    text = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
    paths = set(re.findall(r"(?<![\w/.:])(?:[\w-]+/)*(?:[\w-]+/(?!\w)|[\w-]+\.(?:py|yaml|csv|txt)\b)", text))
    assert len(paths) > 10
    roots = (REPOSITORY, REPOSITORY / "epofusion_core", REPOSITORY / "epofusion_ros")
    assert not {path for path in paths if not any((root / path).exists() for root in roots)}


def model_card() -> tuple[dict[str, object], str]:
    """Return the metadata block that the model card opens with, and its text."""
    _, block, text = (REPOSITORY / "docs" / "model_card.md").read_text(encoding="utf-8").split("---\n", 2)
    metadata = yaml.safe_load(block)
    assert isinstance(metadata, dict)
    return metadata, text


def test_the_model_card_opens_with_the_metadata_that_model_hubs_read() -> None:
    metadata, text = model_card()
    assert {"license", "license_name", "license_link", "library_name", "pipeline_tag", "tags", "datasets"} == set(
        metadata
    )
    named = {name.lower() for name in re.findall(r"\[(\w+)\]\(https://github\.com", text)}
    datasets = metadata["datasets"]
    assert isinstance(datasets, list)
    assert {name.lower() for name in datasets} == named, "each data set has its address"


@pytest.mark.parametrize("size", ["epofusion_xs", "epofusion_s"])
def test_the_figures_of_the_model_card_are_those_of_the_weights(size: str) -> None:
    _, text = model_card()
    keys = {column.title: column.key for column in COLUMNS}
    metrics = read_card(resolve_weights(size)).metrics
    table = text.split("| pairs | |")[1].split("\n\n")[0].splitlines()
    titles = [cell.strip() for cell in table[0].strip(" |").split("|")]
    datasets: list[str] = []
    compared = 0
    for row in table[2:]:
        pairs, method, *figures = (cell.strip() for cell in row.strip("|").split("|"))
        datasets = [name.lower() for name in re.findall(r"of (\w+)", pairs)] or datasets
        if method != f"`{size}`":
            continue
        for title, figure in zip(titles, figures, strict=True):
            for dataset, shown in zip(datasets, figure.split(", "), strict=True):
                decimals = len(shown.partition(".")[2])
                assert float(shown) == pytest.approx(metrics[f"{dataset}_{keys[title]}"], abs=0.51 * 10**-decimals)
                compared += 1
    assert compared == len(metrics)
