"""Scenes coded as files are, and what is kept of them."""

import numpy as np
import pytest

from dlic.checkpoints.local import find
from dlic.classical.motion.prediction import predict
from dlic.data.chain_files import NONE, read_frames, read_motion, write_chain
from dlic.data.chains import PredictedFrame, coded_chain
from dlic.learned.sequence.codec import SequenceCodec, load_sequence_codec
from dlic.learned.sequence.structure import Step, chain, hierarchical

Chain = tuple[np.ndarray, list[PredictedFrame]]


@pytest.fixture(scope="module")
def codec() -> SequenceCodec:
    return load_sequence_codec(find("light-1"), find("light-1-inter"))


@pytest.fixture(scope="module")
def moving(photograph) -> np.ndarray:
    """Frames that move one pixel each: (5, 96, 128, 3)."""
    return np.stack([photograph[100:196, 200 + i : 328 + i] for i in range(5)])


@pytest.fixture(scope="module")
def coded(codec, moving) -> tuple[list[Step], Chain]:
    steps = hierarchical(5, 4)
    return steps, coded_chain(codec, moving, steps, [60, 55, 50, 45, 45])


def test_frames_are_what_a_decoder_makes_of_its_packets(coded, moving):
    steps, (key, frames) = coded
    decoded = {0: key} | {step.number: frame.x_hat for step, frame in zip(steps[1:], frames, strict=True)}
    for step, frame in zip(steps[1:], frames, strict=True):
        assert np.array_equal(frame.x, moving[step.number])
        assert np.array_equal(frame.p, predict([decoded[number] for number in step.references], frame.field))
        errors = [np.square(frame.x - made.astype(float)).mean() for made in (frame.p, frame.x_hat)]
        assert errors[1] < errors[0] or not frame.coded.any()


def test_left_out_superblocks_are_their_prediction(coded):
    for frame in coded[1][1]:
        left_out = ~frame.coded.repeat(64, axis=0).repeat(64, axis=1)[:96, :128]
        assert np.array_equal(frame.x_hat[left_out], frame.p[left_out])


def test_a_still_scene_costs_nothing_and_stays(codec, moving):
    _, frames = coded_chain(codec, np.repeat(moving[:1], 4, axis=0), chain(4), [40, 0, 0, 0])
    assert not any(frame.coded.any() for frame in frames)
    assert np.array_equal(frames[0].x_hat, frames[2].x_hat)


def test_a_scene_on_disk_has_all_that_predicts_it(coded, moving, tmp_path):
    steps, (key, frames) = coded
    file = tmp_path / "00000.npy"
    write_chain(file, moving[0], key, frames, steps)
    motion, pixels = read_motion(file), read_frames(file)
    assert pixels.shape == (5, 3, 96, 128, 3) and np.array_equal(pixels[0, 2], key)
    numbers = [step.number for step in steps]
    for place, (step, frame) in enumerate(zip(steps[1:], frames, strict=True)):
        assert np.array_equal(pixels[1 + place], [frame.x, frame.p, frame.x_hat])
        known = [numbers[number] for number in motion.references[place] if number != NONE]
        assert tuple(known) == step.references and motion.levels[place] == frame.level
        assert np.array_equal(motion.modes[place], frame.field.modes) and np.array_equal(motion.coded[place], frame.coded)
