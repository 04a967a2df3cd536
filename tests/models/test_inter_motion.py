"""The prediction with gradients: the same values as the exact one, and derivatives of its sums."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlic.classical.motion.field import MotionField
from dlic.classical.motion.prediction import predict as predict_exactly
from dlic.data.chain_files import ChainMotion, read_motion, write_chain
from dlic.data.chains import PredictedFrame
from dlic.data.windows import block_motion
from dlic.learned.sequence.structure import Step
from dlic.models.inter import motion as inter_motion
from dlic.models.inter.motion import BlockMotion, predict
from tests.classical.motion.fields import random_field


def stored(field: MotionField, folder) -> ChainMotion:
    """The motion of a scene of one predicted frame, through its file."""
    frame = np.zeros((16 * field.size[0], 16 * field.size[1], 3), np.uint8)
    predicted = PredictedFrame(x=frame, p=frame, x_hat=frame, level=3, field=field, coded=np.ones((1, 1), bool))
    references = tuple(range(field.references))
    steps = [Step(number=0), Step(number=9, references=references[:1])]
    write_chain(folder / "scene.npy", frame, frame, [predicted], steps)
    return read_motion(folder / "scene.npy")


def of_crop(field: MotionField, corner: tuple[int, int], side: int, folder) -> BlockMotion:
    return block_motion(stored(field, folder), np.array([0]), *corner, side)


def as_references(frames: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack([frames[0], frames[-1]])).permute(0, 3, 1, 2)[None]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(2, 5), st.integers(1, 2), st.data(), st.integers(0, 1000))
def test_equals_the_exact_prediction(tmp_path_factory, mh, mw, references, data, seed):
    rng = np.random.default_rng(seed)
    frames = [rng.integers(0, 256, (16 * mh, 16 * mw, 3), dtype=np.uint8) for _ in range(references)]
    field = random_field((16 * mh, 16 * mw), references, seed)
    corner = data.draw(st.integers(0, mh - 2)) * 16, data.draw(st.integers(0, mw - 2)) * 16
    motion = of_crop(field, corner, 32, tmp_path_factory.mktemp("scene"))
    p = predict(as_references(frames), motion)[0].permute(1, 2, 0).numpy()
    top, left = corner
    assert np.array_equal(p, predict_exactly(frames, field)[top : top + 32, left : left + 32])


def test_gradients_are_those_of_the_sums_without_rounding(tmp_path, monkeypatch):
    """Differences of the linear prediction, since a step of a rounded one has no slope."""
    monkeypatch.setattr(inter_motion, "round_half_up", lambda values: values)
    rng = np.random.default_rng(0)
    frames = [rng.integers(100, 156, (48, 48, 3), dtype=np.uint8) for _ in range(2)]
    motion = of_crop(random_field((48, 48), 2, 5, reach=40), (16, 16), 16, tmp_path)
    references = as_references(frames).float().requires_grad_()
    weights = torch.from_numpy(rng.standard_normal((1, 3, 16, 16))).float()
    (predict(references, motion) * weights).sum().backward()
    direction = torch.from_numpy(rng.standard_normal(references.shape)).float()
    with torch.no_grad():
        apart = predict(references + direction, motion) - predict(references - direction, motion)
    assert (references.grad * direction).sum().item() == pytest.approx((apart / 2 * weights).sum().item(), rel=1e-3)
    assert references.grad[:, 0].abs().sum() > 0 and references.grad[:, 1].abs().sum() > 0
