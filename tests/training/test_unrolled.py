"""Frames unrolled in training: predicted as a decoder predicts them, with gradients through the references."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from dlic.checkpoints.local import find
from dlic.data.clips import decode_clips, find_clips
from dlic.data.pairs import PairMaker, Pairs, PairSettings, folder_of_pairs, made
from dlic.data.scenes import RealScenes
from dlic.data.windows import TrainingWindows, UnrolledCrops, ValidationWindows
from dlic.errors import DlicError
from dlic.models.inter import Inter
from dlic.models.inter import model as inter_model
from dlic.training import unrolled as module
from dlic.training.unrolled import unrolled

SCENE = (80, 96)


@pytest.fixture(scope="module")
def pairs(clips, tmp_path_factory) -> Pairs:
    cache = tmp_path_factory.mktemp("cache")
    settings = PairSettings(key=find("light-1"), inter=find("light-1-inter"), height=SCENE[0], width=SCENE[1])
    decoded = decode_clips(find_clips(clips), cache)
    return made(PairMaker(RealScenes(decoded), None, settings, folder_of_pairs(cache, settings, list(decoded.paths))), 2)


@pytest.fixture
def windows(pairs) -> TrainingWindows:
    return TrainingWindows(pairs, 64, 3, 0, SCENE)


@pytest.fixture
def crops(windows) -> UnrolledCrops:
    """Windows in which frames refer to frames before them; the whole of each is coded."""
    some = [window for window in map(windows.__getitem__, range(20)) if (window.own >= 0).any()]
    batch = default_collate(some[:2])
    return batch._replace(coded=torch.ones_like(batch.coded))


@pytest.fixture
def network() -> Inter:
    """A tiny network whose crops are not those of the cache."""
    torch.manual_seed(0)
    return Inter(channels=16, latents=24, hyper=8, hidden=8, prediction=8, encoder_fine=1, encoder_coarse=1, decoder_fine=1)


def test_windows_are_the_same_for_the_same_number(windows):
    for index in range(5):
        first, again = (default_collate([windows[index]]) for _ in range(2))
        assert all(torch.equal(*values) for values in zip(first[:5], again[:5], strict=True))
        assert first.x.shape == (1, 3, 3, 64, 64) and first.references.shape == (1, 3, 2, 3, *SCENE)
    assert not torch.equal(windows[0].x, windows[1].x)
    assert len(ValidationWindows(windows, 3)) == 3 and int(ValidationWindows(windows, 3)[2].turn) == 0


def test_scenes_smaller_than_a_crop_are_refused(pairs):
    with pytest.raises(DlicError, match=r"data\.crop is 128"):
        TrainingWindows(pairs, 128, 3, 0, SCENE)


def test_predictions_of_decoded_frames_are_those_on_disk(pairs, windows, network, monkeypatch):
    """With x_hat of the cache in the place of the network's."""
    seen = []
    original = module.predict
    monkeypatch.setattr(module, "predict", lambda *given: seen.append(original(*given)) or seen[-1])
    on_disk = {np.load(file)[1 + place, 0, :64, :64].tobytes(): (file, place) for file in pairs.files for place in range(3)}
    window = next(one for one in map(windows.__getitem__, range(50)) if one.x[0].permute(1, 2, 0).numpy().tobytes() in on_disk)
    batch = default_collate([window])._replace(own=torch.full((1, 3, 2), -1))
    with torch.no_grad():
        unrolled(network, batch)
    file, place = on_disk[window.x[0].permute(1, 2, 0).numpy().tobytes()]
    expected = np.load(file)[1 + place : 4 + place, 1, :64, :64]
    assert np.array_equal(torch.cat(seen).permute(0, 2, 3, 1).numpy()[: len(expected)], expected)


def test_frames_refer_to_what_the_network_makes(crops, network):
    with torch.no_grad():
        alone, _, _ = unrolled(network.eval(), crops._replace(own=torch.full_like(crops.own, -1)))
        chained, x, level = unrolled(network, crops)
    assert x.shape == chained.x_hat.shape == (6, 3, 64, 64) and level.tolist() == crops.level.T.flatten().tolist()
    refers = (crops.own >= 0).any(dim=2).T.flatten()
    changed = (alone.x_hat - chained.x_hat).abs().amax(dim=(1, 2, 3)) > 0
    assert changed.any() and not (changed & ~refers).any()


def test_what_is_left_out_is_its_prediction_and_costs_nothing(crops, network):
    left_out = crops._replace(coded=torch.zeros_like(crops.coded))
    with torch.no_grad():
        output, _, _ = unrolled(network.eval(), left_out)
    assert not output.bits.any() and torch.equal(output.x_hat * 255, (output.x_hat * 255).round())


def test_gradients_pass_through_references(crops, network, monkeypatch):
    """The slope of the error of the last frames by a weight of g_s, without rounding, against differences."""
    monkeypatch.setattr(module, "round_half_up", lambda values: values)
    monkeypatch.setattr("dlic.models.inter.motion.round_half_up", lambda values: values)
    monkeypatch.setattr(inter_model.Light, "_quantisation_error", lambda _, residual, *__: (torch.zeros_like(residual), 0.0))
    monkeypatch.setattr("dlic.models.light.model.round_ste", lambda values: values)
    network.eval()
    coded = crops.coded.clone()
    coded[:, -1] = False  # the last frames are their predictions, so that the slope is that through references alone
    crops = crops._replace(coded=coded)

    def error() -> torch.Tensor:
        output, x, _ = unrolled(network, crops)
        return (output.x_hat - x)[-len(crops.x) :].double().square().sum()

    error().backward()
    weight = max((one for one in network.g_s.parameters() if one.grad is not None), key=lambda one: one.grad.norm())
    direction = torch.randn_like(weight)
    slope = (weight.grad * direction).sum().item()
    with torch.no_grad():
        step = 2e-3 / direction.norm()
        weight += step * direction
        above = error()
        weight -= 2 * step * direction
        below = error()
    assert slope == pytest.approx(((above - below) / (2 * step)).item(), rel=0.02) and slope != 0
