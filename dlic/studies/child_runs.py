"""Runs `dlic` commands in child processes, which end with their parent."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import torch

from dlic.errors import DlicError
from dlic.storage.locks import lock_folder

PATIENCE = 30  # seconds that a run has to end by itself
LAST_WORDS = 300  # characters of a failed run's output


class ChildRuns:
    """A locked folder and the child processes that work there; the end of the `with` block releases both. The folder stays locked
    as long as a child lives, even if this process is killed, so that two sweeps never write the same files.
    """

    def __init__(self, folder: Path, jobs: int):
        """Raises DlicError where the folder cannot be written, or another process works there. `jobs` share the cores."""
        self.ended = False
        self._threads = None if jobs == 1 else str(max(1, torch.get_num_threads() // jobs))
        self._children: set[subprocess.Popen] = set()
        self._guard = Lock()
        self._lock = lock_folder(folder, f"another dlic sweep works in {folder}, or a run of one that was killed still does")

    def __enter__(self) -> "ChildRuns":
        return self

    def __exit__(self, *error) -> None:
        self.end()
        self._lock.release()

    def run(self, command: Sequence[str], log: Path) -> None:
        """Runs `dlic COMMAND…`, and appends its output to a file. Raises DlicError with the last line of the output where it
        fails.
        """
        with open(log, "ab") as output:
            start = output.tell()
            child = self._begin(command, output)
            code = child.wait()
        with self._guard:
            self._children.discard(child)
        if code != 0:
            raise DlicError(
                f"{last_words(log.read_bytes()[start:]) or f'exit code {code}'} (exit code {code}; all of it is in {log})"
            )

    def end(self) -> None:
        """Ends every child process and waits for it; no new one starts."""
        with self._guard:
            self.ended, children = True, list(self._children)
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _begin(self, command: Sequence[str], output: BinaryIO) -> subprocess.Popen:
        package = str(Path(__file__).parents[2])  # a checkout need not be installed
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))}
        if self._threads is not None:
            environment["OMP_NUM_THREADS"] = self._threads
        with self._guard:
            if self.ended:
                raise DlicError("ended before it began")
            child = subprocess.Popen(
                [sys.executable, "-m", "dlic", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment, pass_fds=self._lock.handles,
            )  # fmt: skip
            self._children.add(child)
        return child


def last_words(said: bytes) -> str:
    """The sentence that a command failed with, or the last line that it wrote."""
    lines = [line.strip() for line in said.decode(errors="replace").replace("\r", "\n").splitlines()]
    sentences = [line.removeprefix("dlic: ") for line in lines if line.startswith("dlic: ")]
    return (sentences or list(filter(None, lines)) or [""])[-1][:LAST_WORDS]
