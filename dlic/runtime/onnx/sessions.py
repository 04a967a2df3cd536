"""Sessions of ONNX Runtime: graphs with the weights of a checkpoint, on the cores of the calling thread."""

import ctypes
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakSet

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from dlic.checkpoints.manifest import WEIGHTS
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.runtime import threads

OLDEST = (1, 22)  # version of ONNX Runtime: the first that takes weights from another folder
WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
FATAL = 4  # severity of what it logs itself; everything else reaches us as an exception
NO_MEMORY = "Failed to allocate memory", "bad_alloc", "bad allocation"  # in its messages
PROVIDERS = ["CPUExecutionProvider"]
SETTINGS = {
    "session.intra_op.allow_spinning": "0",  # a thread that waits must not take a core from the one it waits for
    "session.inter_op.allow_spinning": "0",
    "session.use_env_allocators": "1",  # `_share_memory`
    "session.dynamic_block_base": "4",  # small shares of work, so that a thread on a busy core does not hold up the others
}


class Sessions:
    """The graphs of one checkpoint. A session is made when its graph is first run, for each number of cores."""

    def __init__(self, graphs: Mapping[str, bytes], weights: bytes):
        """`weights`: weights.safetensors, in which the graphs name places."""
        check_version(ort.__version__)
        self.weights, self._graphs = weights, graphs
        self._lock = threading.Lock()
        self._made: dict[tuple[str, int], ort.InferenceSession] = {}
        _all.add(self)

    def has(self, graph: str) -> bool:
        """Whether the checkpoint has a graph: older ones lack some."""
        return graph in self._graphs

    def run(self, graph: str, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs of a graph. Raises MemoryError, UnknownCheckpointError where the graph does not fit the weights, and
        DlicError for every other failure.
        """
        session = self._session(graph)
        try:
            outputs: list[NDArray[Any]] = session.run(None, inputs)
        except Exception as error:  # ONNX Runtime's own errors have no common base
            raise _as_ours(error, DlicError, f"ONNX Runtime cannot run the graph {graph}") from error
        return outputs

    def _session(self, graph: str) -> ort.InferenceSession:
        cores = threads.cores()
        with self._lock:
            if (graph, cores) not in self._made:
                self._made[graph, cores] = self._new(graph, cores)
            return self._made[graph, cores]

    def _new(self, graph: str, cores: int) -> ort.InferenceSession:
        if graph not in self._graphs:
            raise UnknownCheckpointError(f"the checkpoint has no graph {graph!r}; dlic export FOLDER makes its graphs anew")
        _share_memory()
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = cores, 1
        options.log_severity_level = FATAL
        for name, value in SETTINGS.items():
            options.add_session_config_entry(name, value)
        try:
            with self._as_file_of(options):
                return ort.InferenceSession(self._graphs[graph], options, providers=PROVIDERS)
        except Exception as error:
            sentence = f"the graph {graph} does not fit the weights of its checkpoint"
            raise _as_ours(error, UnknownCheckpointError, sentence) from error

    @contextmanager
    def _as_file_of(self, options: ort.SessionOptions) -> Iterator[None]:
        """Gives the weights to a new session: from memory, which is the file whose hash was checked. ONNX Runtime before 1.24, the
        last for Python 3.10, takes them from a folder.
        """
        if hasattr(options, "add_external_initializers_from_files_in_memory"):
            options.add_external_initializers_from_files_in_memory([WEIGHTS], [self.weights], [len(self.weights)])
            yield
            return
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows removes no file that is mapped
            Path(folder, WEIGHTS).write_bytes(self.weights)
            options.add_session_config_entry(WEIGHTS_FOLDER, folder)
            yield

    def forget(self) -> None:
        """Leaves everything that may wait for threads of another process. Sessions would wait for theirs when they are deleted, so
        they are never deleted.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._made))
        self._lock, self._made = threading.Lock(), {}


@cache
def _share_memory() -> None:
    """Makes one pool of memory for all sessions of the process: together they take a third less, as they run in turn."""
    pool = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    with suppress(Exception):  # another library in the process has made it, which is as good
        ort.create_and_register_allocator(pool, None)


def as_input(*numbers: int) -> NDArray[Any]:
    """Whole numbers as an input of a graph."""
    return np.array(numbers, np.int64)


_all: WeakSet[Sessions] = WeakSet()


@threads.after_fork
def _forget_sessions() -> None:
    """The threads of sessions do not survive a fork, and another thread of the parent may have held a lock."""
    for sessions in list(_all):
        sessions.forget()


def check_version(version: str) -> None:
    """Raises DlicError for a version of ONNX Runtime that is too old for the graphs."""
    if tuple(int(number) for number in version.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise DlicError(f"ONNX Runtime {version} is too old for dlic, which needs {oldest} or later: pip install -U onnxruntime")


def _as_ours(error: Exception, kind: type[DlicError], sentence: str) -> Exception:
    said = str(error)
    if any(words in said for words in NO_MEMORY):
        return MemoryError("ONNX Runtime has no memory for this")
    return kind(f"{sentence}: {said.partition(chr(10))[0]}")
