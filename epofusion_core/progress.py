"""How work that takes long tells its caller how far it is. The caller decides where that is shown."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

Log: TypeAlias = Callable[[str], None]
"""Called with one sentence: what is being done, or what has been chosen."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total); a total of 0 means unknown."""

OpenProgress: TypeAlias = Callable[[str], AbstractContextManager[Progress]]
"""Called with what is being done; the progress holds until the context ends."""
