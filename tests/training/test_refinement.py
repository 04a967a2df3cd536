"""Tables of second layers, counted on latents whose distribution is known, and those that dlic ships."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dlic.checkpoints.local import find
from dlic.checkpoints.manifest import read_manifest
from dlic.layers.scale_rows import ROW_RATIO, SCALE_MIN
from dlic.learned.progressive.tables import BANDS, CLASSES, tables_of
from dlic.training.refinement import fitted, fitted_shifts
from dlic.training.refinement_samples import Samples

CHANNELS, SHIFTED, SHIFT = 3, 1, 4


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Gaussian latents, most of the first class, in rows 20 … 39; one channel is wider by SHIFT rows than its rows say."""
    rng, count = np.random.default_rng(0), 60_000
    channels = rng.integers(0, CHANNELS, count).astype(np.int16)
    row = rng.integers(20, 40, count).astype(np.uint8)
    scale = SCALE_MIN * ROW_RATIO ** (row + SHIFT * (channels == SHIFTED))
    return Samples(
        channels=channels,
        band=np.full(count, 2, np.int8),
        row=row,
        spread=np.full(count, 8, np.uint8),
        kind=np.where(rng.random(count) < 0.8, 0, rng.integers(1, CLASSES, count)).astype(np.uint8),
        distance=(scale * rng.standard_normal(count)).astype(np.float32),
    )


def test_a_wider_channel_is_shifted(samples):
    data, (shifts,) = fitted([samples])
    band = shifts.channels[2].astype(int)
    assert shifts.channels.shape == (BANDS, CHANNELS)
    assert 2 <= band[SHIFTED] - max(band[0], band[2]) <= 6
    assert np.all(np.diff(data.tables.entropies[CLASSES * 20 : CLASSES * 44 : CLASSES]) > -80)  # bits rise with the rows
    assert all((centres == 0).all() for centres in data.centres[::CLASSES])


def test_shifts_are_added_to_tables_that_stay(samples):
    data, (shifts,) = fitted([samples])
    added = fitted_shifts(samples, replace(data, channels=np.zeros_like(data.channels)))
    assert np.abs(added.channels.astype(int) - shifts.channels).max() <= 1
    assert added.channels[2, SHIFTED] > added.channels[2, 0]


def test_counting_is_repeatable(samples):
    assert fitted([samples])[0].id == fitted([samples])[0].id


@pytest.mark.parametrize("name", ["light-1", "light-1-visual", "light-2-visual"])
def test_shipped_checkpoints_have_shifts(name):
    data = tables_of(read_manifest(find(name)).fingerprint[:8], 320)
    assert data.channels.shape == (BANDS, 320) and data.channels.any()
    assert data.id != tables_of(bytes(8), 320).id
    again = type(data).from_json(json.loads(json.dumps(data.to_json())))
    assert again.id == data.id
