"""Sequences by dlic.js in Node: frames and times, parts, files that arrive in pieces, damage."""

from functools import partial

import numpy as np
import pytest

from dlic.container.sequence_reader import SequenceReader
from tests.golden.sequences.rewrite import FOLDER
from tests.learned.sequence.clips import decoder
from tests.web.node import NODE, answers, node_flags
from tests.web.test_native_sequences import check_frames

if NODE is None:
    pytest.skip("no Node on this machine", allow_module_level=True)

CHAIN, HIERARCHY, SCREEN = (FOLDER / f"{name}.dlic" for name in ("chain", "hierarchy_alpha", "screen"))
FLAGS = node_flags()


@pytest.fixture(scope="module")
def play(site, tmp_path_factory):
    """Requests → answers, in one process; the pixels of an answer are an array (frames, H, W, 4)."""
    return partial(answers, "play_sequences.mjs", site, tmp_path_factory.mktemp("sequences"))


@pytest.mark.parametrize("wasm", FLAGS)
def test_frames_and_times_are_those_of_python(play, wasm):
    requests = [{"file": str(path), "step": step} for path in (CHAIN, HIERARCHY, SCREEN) for step in (None, 97)]
    played = play(requests, FLAGS[wasm])
    for path, pair in ((CHAIN, played[:2]), (HIERARCHY, played[2:4]), (SCREEN, played[4:])):
        frames = list(decoder(path.read_bytes()).frames())
        for answer in pair:
            assert answer["count"] == len(frames) and answer["loops"] == "1"
            assert [round(1000 * frame["time"]) for frame in answer["frames"]] == [frame.pts for frame in frames]
            assert [round(1000 * frame["duration"]) for frame in answer["frames"]] == [frame.duration for frame in frames]
            check_frames(list(answer["pixels"]), [frame.pixels for frame in frames])
    assert {frame["type"] for frame in played[2]["frames"]} == {"key", "P", "B"}


def test_parts_of_a_sequence(play):
    asked = [{}, {"from": 0.1, "to": 0.2}, {"from": 0.41}, {"halfRate": True}, {"late": [1, 3, 5]}, {"from": 100}]
    whole, middle, tail, half, late, last = play([{"file": str(HIERARCHY), "options": options} for options in asked])
    for part, indices in ((middle, [2, 3, 4]), (tail, [10, 11]), (last, [11])):
        assert [frame["index"] for frame in part["frames"]] == indices
        assert np.array_equal(part["pixels"], whole["pixels"][indices])
    for part in (half, late):
        indices = [frame["index"] for frame in part["frames"]]
        assert {0, 2, 4, 8} <= set(indices) and len(indices) < 12
        assert np.array_equal(part["pixels"], whole["pixels"][indices])
    frames = list(decoder(HIERARCHY.read_bytes()).frames())
    assert sum(frame["duration"] for frame in half["frames"]) == pytest.approx(sum(frame.duration for frame in frames) / 1000)


def test_frames_that_others_need_are_decoded_however_late(play):
    """Frame 8 is late, but those between 0 and 8 refer to it."""
    (answer,) = play([{"file": str(HIERARCHY), "options": {"late": [8]}}])
    assert len(answer["frames"]) == 12


def test_a_file_without_its_highest_layer_has_half_of_the_frames(play, tmp_path):
    reader, data = SequenceReader(HIERARCHY.open("rb")), HIERARCHY.read_bytes()
    places = [chunk.offset for chunk in reader._chunks(None)] + [len(data)]
    names = [chunk.name for chunk in reader._chunks(None)]
    kept = data[: places[0]]
    for name, start, end in zip(names, places, places[1:], strict=False):
        kept += b"" if name == b"btop" else data[start:end]
    whole, half = play([{"file": str(HIERARCHY), "options": {"halfRate": True}}, {"bytes": list(kept)}])
    assert len(kept) < len(data) and half["frames"] == whole["frames"] and np.array_equal(half["pixels"], whole["pixels"])


def test_damaged_files_are_refused(play):
    data = CHAIN.read_bytes()
    cuts = [data[:end] for end in range(0, len(data), 211)]
    flipped = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(5, len(data), 211)]
    played = play([{"bytes": list(file), "step": 500} for file in [*cuts, *flipped] if file])
    refused = [answer for answer in played if answer.get("error")]
    assert all(answer["code"] in ("corrupt", "unsupported", "weights", "limit") for answer in refused)
    index = next(chunk.offset for chunk in SequenceReader(CHAIN.open("rb"))._chunks(None) if chunk.name == b"indx")
    assert len(refused) == len(played) - sum(end == index for end in range(0, len(data), 211))


def test_the_first_frame_is_the_picture(play, site, tmp_path):
    whole = play([{"file": str(CHAIN)}])[0]["pixels"][0]
    request = {"file": str(CHAIN), "options": {"crop": {"x": 20, "y": 30, "width": 50, "height": 40}}}
    (answer,) = answers("decode_files.mjs", site, tmp_path, [request])
    assert np.array_equal(answer["pixels"], whole[30:70, 20:70])
