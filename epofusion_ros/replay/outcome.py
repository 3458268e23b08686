"""What came of the replay of one bag, in a form that passes from one process to another."""

from collections.abc import Callable, Generator

from epofusion_ros.replay.replay_bag import BagTask, LoadFuser, replay_bag
from epofusion_ros.replay.summary import BagSummary

MOST_TRIES = 3
"""Of a bag, where the process that replays it is lost."""

BagOutcome = BagSummary | Exception

Outcomes = Generator[tuple[int, BagOutcome], None, None]
"""The number of a task and what came of it, as they come; work ends when this is closed."""


def outcome_of(task: BagTask, say: Callable[[str], None], load: LoadFuser) -> BagOutcome:
    """Replay one bag; return its account, or an error with one sentence, whatever is raised."""
    try:
        return replay_bag(task, say=say, load=load)
    except OSError as error:
        return OSError(error.errno, str(error.strerror or error))
    except ValueError as error:
        return ValueError(str(error))
    except Exception as error:
        return RuntimeError(f"{type(error).__name__}: {error}")


def lost(how: str) -> ValueError:
    """Return what came of a bag whose process was lost too often."""
    return ValueError(f"its process was ended {MOST_TRIES} times ({how}); the memory may have been short")
