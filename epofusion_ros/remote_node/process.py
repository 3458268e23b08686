"""The real node in a process of its own, with its log in a file."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from epofusion_core.atomic_file import partial_of

_EXIT_TIMEOUT_S = 15
_LOG_LINES_SHOWN = 8


class NodeError(Exception):
    """The node cannot be started, refuses a transition or has ended; the message says which."""


class NodeProcess:
    """Runs `fusion_node` until the context ends.

    The process inherits the environment, and so the DDS domain and profile.
    """

    def __init__(self, parameters: Mapping[str, str], log: Path) -> None:
        """Start the process.

        Args:
            parameters: ROS parameters, by name.
            log: file that has what the node said, once it has ended.
        """
        self._log, self._final_log = partial_of(log), log
        arguments = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
        command = [sys.executable, "-m", "epofusion_ros.node.main", "--ros-args", *arguments]
        with self._log.open("w", encoding="utf-8") as stream:
            # In a session of its own it gets no Ctrl-C: the demo stops it when everything has been collected.
            self._process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def check(self) -> None:
        """Make sure that the node still runs.

        Raises:
            NodeError: it has ended; the sentence gives its exit code and its last words.
        """
        if (code := self._process.poll()) is not None:
            raise NodeError(f"the node ended with exit code {code}; its last words:\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of the log."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:])

    def __enter__(self) -> "NodeProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()  # SIGINT is ignored below a shell's background job
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_TIMEOUT_S)
        finally:  # a second Ctrl-C included
            self._process.kill()
            self._process.wait()
            self._log.replace(self._final_log)
