"""Sessions: cores, forks, many threads at once, and graphs, weights and versions that do not fit."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest

from dlic.errors import DlicError, UnknownCheckpointError
from dlic.learned.codec import read_codec
from dlic.runtime import threads
from dlic.runtime.onnx import sessions
from dlic.runtime.onnx.sessions import Sessions, as_input, check_version
from tests.golden.rewrite import TINY_LIGHT
from tests.runtime.onnx.models import exported

MODEL = "light of 2 steps"
Y = np.random.default_rng(0).normal(size=(3, 4, 24)).astype(np.float32)
INPUTS = {"y_hat": Y, "level": as_input(5)}


def sessions_of(name: str = MODEL) -> Sessions:
    _, _, weights, graphs = exported(name)
    return Sessions(graphs, weights)


def test_every_number_of_cores_gives_the_same_pixels():
    graphs, shown = sessions_of(), []
    for cores in (1, 2, 3):
        with threads.limited(cores):
            shown += graphs.run("synthesis", INPUTS)
    assert shown[0].shape == (48, 64, 3) and all(np.abs(pixels.astype(int) - shown[0]).max() <= 1 for pixels in shown)


def test_versions_that_take_no_weights_from_memory_take_them_from_a_folder(monkeypatch):
    """As ONNX Runtime 1.22 and 1.23 do, the last ones for Python 3.10."""
    expected = sessions_of().run("synthesis", INPUTS)[0]

    class Older(onnxruntime.SessionOptions):
        def __getattribute__(self, name: str):
            if name == "add_external_initializers_from_files_in_memory":
                raise AttributeError(name)
            return super().__getattribute__(name)

    monkeypatch.setattr(sessions.ort, "SessionOptions", Older)
    assert np.array_equal(sessions_of().run("synthesis", INPUTS)[0], expected)


def test_many_threads_share_the_sessions():
    graphs = sessions_of()
    expected = graphs.run("synthesis", INPUTS)[0]
    with ThreadPoolExecutor(8) as callers:
        for (pixels,) in callers.map(lambda _: graphs.run("synthesis", INPUTS), range(32)):
            assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("change", [lambda graph: graph[:-40], lambda graph: b"", lambda graph: b"\xff" * 50])
def test_a_damaged_graph_is_one_sentence(change):
    _, _, weights, graphs = exported(MODEL)
    broken = Sessions({**graphs, "synthesis": change(graphs["synthesis"])}, weights)
    with pytest.raises(UnknownCheckpointError, match="the graph synthesis does not fit") as caught:
        broken.run("synthesis", INPUTS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weights", [b"", bytes(1000)], ids=["empty", "short"])
def test_a_graph_that_fits_no_weights_is_one_sentence(weights):
    *_, graphs = exported(MODEL)
    with pytest.raises(UnknownCheckpointError, match="does not fit the weights"):
        Sessions(graphs, weights).run("synthesis", INPUTS)


def test_a_graph_that_is_missing_is_one_sentence():
    with pytest.raises(UnknownCheckpointError, match="no graph 'step_9'"):
        sessions_of().run("step_9", INPUTS)


def test_inputs_of_another_size_are_an_error_of_ours():
    with pytest.raises(DlicError, match="cannot run the graph synthesis"):
        sessions_of().run("synthesis", {**INPUTS, "y_hat": Y[..., :5]})


@pytest.mark.parametrize("version", ["1.9.0", "1.21.1", "0.5"])
def test_an_old_version_is_refused_with_the_way_to_a_newer_one(version):
    with pytest.raises(DlicError, match=rf"{version} is too old .* pip install -U onnxruntime"):
        check_version(version)


@pytest.mark.parametrize("version", ["1.22.0", "1.32.0", "2.0", onnxruntime.__version__])
def test_later_versions_are_taken(version):
    check_version(version)


@pytest.mark.parametrize("said", ["BFCArena: Failed to allocate memory for requested buffer of size 9", "std::bad_alloc"])
def test_no_memory_is_pythons_error(said, monkeypatch):
    class Full:
        def run(self, *_: object) -> None:
            raise RuntimeError(said)

    graphs = sessions_of()
    monkeypatch.setattr(graphs, "_session", lambda graph: Full())
    with pytest.raises(MemoryError):
        graphs.run("synthesis", INPUTS)


def _decoded(codec, data: bytes, pictures) -> None:
    pictures.put(codec.decompress(data))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_a_forked_process_decodes(photograph):
    """The threads of a session do not survive a fork; waiting for one would take for ever."""
    codec = read_codec(TINY_LIGHT, "onnx")
    with threads.limited(2):
        data = codec.compress(photograph[:90, :80], 20)
        expected = codec.decompress(data)
        forking = multiprocessing.get_context("fork")
        pictures = forking.SimpleQueue()
        process = forking.Process(target=_decoded, args=(codec, data, pictures))
        process.start()
        process.join(120)
    alive = process.is_alive()
    process.kill()
    assert not alive and process.exitcode == 0
    assert np.abs(pictures.get().astype(int) - expected).max() <= 1


def test_threads_wait_without_spinning():
    assert sessions.SETTINGS["session.intra_op.allow_spinning"] == "0"
