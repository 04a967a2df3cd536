"""Pairs on disk, and crops of them."""

import numpy as np
import pytest
import torch

from dlic.checkpoints.local import find
from dlic.data import predicted
from dlic.data.clips import decode_clips, find_clips
from dlic.data.pairs import LEVELS, PairMaker, Pairs, PairSettings, folder_of_pairs, made
from dlic.data.predicted import TrainingPairs, ValidationPairs
from dlic.data.scenes import RealScenes


@pytest.fixture(scope="module")
def maker(clips, tmp_path_factory) -> PairMaker:
    cache = tmp_path_factory.mktemp("cache")
    settings = PairSettings(key=find("light-1"), inter=None, height=64, width=80)
    decoded = decode_clips(find_clips(clips), cache)
    return PairMaker(RealScenes(decoded), None, settings, folder_of_pairs(cache, settings, list(decoded.paths)))


@pytest.fixture(scope="module")
def pairs(maker) -> Pairs:
    return made(maker, 3)


def test_chains_are_made_once_and_always_the_same(maker, pairs, tmp_path):
    written = {file: file.stat().st_mtime_ns for file in maker.folder.iterdir()}
    assert len(written) == 6
    again = made(maker, 3)
    assert {file: file.stat().st_mtime_ns for file in maker.folder.iterdir()} == written
    other = PairMaker(maker.real, None, maker.settings, tmp_path)
    other.make(1)
    assert other.file(1).read_bytes() == maker.file(1).read_bytes()
    assert len(again) == len(pairs) == sum(len(np.load(file)) - 1 for file in pairs.files)


def test_pairs_lie_in_order(pairs):
    expected = np.concatenate([np.load(file)[1:, :2] for file in pairs.files])
    assert all(np.array_equal(pairs[index][0], pair) for index, pair in enumerate(expected))
    assert [pairs[index][1] for index in range(len(pairs))] == np.concatenate([motion.levels for motion in pairs.motions]).tolist()
    with pytest.raises(IndexError):
        pairs[len(pairs)]


def test_a_prediction_is_nearer_to_its_frame_than_to_other_frames(pairs):
    errors = [np.abs(pair[0].astype(float) - pair[1]).mean() for pair, _ in pairs]
    strangers = [np.abs(pairs[0][0][0].astype(float)[:48, :64] - pair[1][:48, :64]).mean() for pair, _ in list(pairs)[-3:]]
    assert np.median(errors) < np.median(strangers)


def test_crops_are_the_same_for_the_same_number_and_of_one_place(pairs):
    crops = TrainingPairs(pairs, 48, seed=3)
    for index in range(20):
        first, again = crops[index], crops[index]
        assert all(map(torch.equal, first, again))
        assert first.x.shape == first.p.shape == (3, 48, 48) and 0 <= first.level < LEVELS
    assert not torch.equal(crops[0].x, crops[1].x)


def test_crops_are_those_of_larger_errors(pairs, monkeypatch):
    """Encoders leave out what is predicted well."""

    def errors(candidates: int) -> float:
        monkeypatch.setattr(predicted, "CANDIDATES", candidates)
        crops = map(TrainingPairs(pairs, 32, seed=0).__getitem__, range(100))
        return float(np.mean([(crop.x.float() - crop.p).square().mean() for crop in crops]))

    assert errors(8) > 1.1 * errors(1)


def test_whole_pairs_are_validated(pairs):
    validated = ValidationPairs(pairs)
    assert len(validated) == len(pairs)
    x, p, level = validated[1]
    pair, stated = pairs[1]
    assert np.array_equal(x.permute(1, 2, 0), pair[0, :64, :64]) and np.array_equal(p.permute(1, 2, 0), pair[1, :64, :64])
    assert level == stated
