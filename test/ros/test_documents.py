"""The documents say what there is: every link leads somewhere, and every command is one that the program takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from epofusion_ros.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").glob("*.md"))]


def commands(document: Path) -> Iterator[list[str]]:
    """Yield the words behind `epofusion` or `scripts/demo` of each line that runs them."""
    for block in re.findall(r"```bash\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    missing = {link for link in links if "://" not in link and not (document.parent / link).exists()}
    assert not missing
