"""What surrounds the code: continuous integration, hooks, and the lists of pairs behind the figures."""

from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("workflow", sorted((REPOSITORY / ".github" / "workflows").glob("*.yml")), ids=lambda w: w.name)
def test_a_workflow_runs_our_scripts_and_has_no_logic_of_its_own(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        script, *_ = command.split()
        assert len(command.splitlines()) == 1
        assert (REPOSITORY / script).stat().st_mode & 0o111, f"{script} is no script that can be executed"


def test_the_hooks_take_the_versions_that_the_tests_pass_with() -> None:
    pins = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").split()
    (local,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    wanted = [pin for hook in local["hooks"] for pin in hook["additional_dependencies"] if pin.startswith("ruff")]
    assert wanted
    assert set(wanted) <= set(pins)


def test_no_pair_is_trained_on_and_judged_by() -> None:
    names = {
        list_name: (REPOSITORY / "config" / "train" / f"{list_name}.txt").read_text(encoding="utf-8").split()
        for list_name in ("train", "val", "left_out")
    }
    every = [name for each in names.values() for name in each]
    assert len(set(every)) == len(every)
