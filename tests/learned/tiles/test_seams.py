"""Finer steps at seams: chosen where less is known there, said in the file, and read back."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.container.format import read, read_beginning
from dlic.container.tiles import split, tile_grid
from dlic.learned import rounding
from dlic.learned.codec import load_codec
from dlic.learned.tiles.plan import Tiling
from dlic.learned.tiles.seams import CHOICES, Seams, finer_steps
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.network import RefinementGoal
from dlic.runtime.torch.light_refine import Goal
from tests.golden.rewrite import TINY, TINY_LIGHT

TILES = Tiling(side=192, above=0)
LIGHT, FACTORIZED = (dataclasses.replace(load_codec(folder), tiling=TILES) for folder in (TINY_LIGHT, TINY))
WHOLE = Rectangle(0, 0, 384, 256)
MIDDLE, CORNER = (Seams(tile, WHOLE, 16) for tile in (Rectangle(128, 0, 128, 128), Rectangle(256, 128, 128, 128)))


@pytest.fixture(scope="module")
def picture(photograph) -> np.ndarray:
    return np.ascontiguousarray(photograph[100:484, 200:584])


@pytest.fixture(scope="module")
def data(picture) -> bytes:
    """With steps that are finer by other amounts in each tile."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rounding, "finer_steps", lambda error, aim: 20 + round(100 * aim) % 11)
        return LIGHT.compress(picture, 40)


def test_the_edge_is_where_other_tiles_are():
    edge = np.zeros((8, 8), bool)
    edge[:, 0] = edge[:, 7] = edge[7] = True
    assert (MIDDLE.edge == edge).all()
    assert CORNER.edge.sum() == 15 and CORNER.edge[0].all() and CORNER.edge[:, 0].all()
    assert not Seams(WHOLE, WHOLE, 16).edge.any()


@given(st.integers(1, 255))
def test_steps_are_finer_at_the_edge_alone(finer):
    scale = CORNER.scale(finer)
    assert (scale[CORNER.edge] == np.float32(2 ** (finer / 64))).all() and (scale[~CORNER.edge] == 1).all()
    assert CORNER.scale(0) is None


def test_the_edge_is_compared_with_what_is_as_busy():
    busy = np.random.default_rng(0).uniform(0, 2, (20, 20))
    seams = Seams(Rectangle(0, 0, 320, 320), Rectangle(0, 0, 640, 640), 16)
    errors = np.where(seams.edge, 9.0, 0.1 + busy)
    assert seams.expected(errors, busy) == pytest.approx(0.1 + busy[seams.edge].mean(), rel=0.05)
    assert MIDDLE.expected(np.ones((8, 8)), np.ones((8, 8))) is None  # too few others
    assert Seams(WHOLE, WHOLE, 16).expected(np.ones((16, 24)), np.ones((16, 24))) is None


def test_steps_are_no_finer_than_they_need_be():
    assert finer_steps(lambda scale: 1.0, 1.0) == 0
    assert finer_steps(lambda scale: 1.2 / scale**2, 1.0) == 8
    assert finer_steps(lambda scale: 5 / scale**2, 1.0) == CHOICES[-1]
    assert finer_steps(lambda scale: 5.0, 1.0) == 0  # which helps as much


def test_a_decoder_has_the_latents_of_the_encoder(picture, data):
    container = read(data)
    grid, tiles = split(container)
    assert min(tile.finer for tile in tiles) >= 20 and len({tile.finer for tile in tiles}) > 1
    for place, tile in zip(grid.tiles, tiles, strict=True):
        seams = Seams(place, grid.whole, 16)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(rounding, "finer_steps", lambda error, aim, finer=tile.finer: finer)
            encoded = LIGHT.unit.encode(LIGHT.unit.analyse(picture, place), 40, seams=seams)
        assert encoded.unit.stream == tile.stream
        assert np.abs(LIGHT.unit.decode(tile, scale=seams.scale(tile.finer)).y_hat - encoded.y_hat).max() < 1e-5
        assert np.abs(LIGHT.unit.decode(tile).y_hat - encoded.y_hat).max() > 0.01


@pytest.mark.parametrize("finer", [0, 40])
def test_an_effort_chooses_among_finer_steps(picture, finer, monkeypatch):
    monkeypatch.setattr(rounding, "finer_steps", lambda error, aim: finer)
    place, whole = tile_grid(384, 384, 192).tiles[0], Rectangle(0, 0, 384, 384)
    seams, around = Seams(place, whole, 16), LIGHT.unit.surroundings(picture, place, 40)
    analysed = LIGHT.unit.analyse(picture, place)
    plain, encoded = (LIGHT.unit.encode(analysed, 40, effort, around=around, seams=seams) for effort in (0, 1))
    tile, scale = encoded.unit, seams.scale(finer)
    assert tile.finer == finer and tile.stream != plain.unit.stream
    assert np.abs(LIGHT.unit.decode(tile, scale=scale).y_hat - encoded.y_hat).max() < 1e-5
    coder, amid = LIGHT.unit.entropy_coder, dataclasses.replace(around, scale=scale)
    task = RefinementGoal(around.image, 40, LIGHT.unit.tables, around=amid, coder=coder)
    goal = Goal(LIGHT.unit.deployed.encoder.parts, task)
    seen, costs = around.y_hat.copy(), []
    for one in (plain, encoded):
        seen[around.place.slices] = one.y_hat
        squares = np.square(LIGHT.unit.deployed.decoder.synthesise(seen, 40).astype(float) - around.image).sum()
        costs.append(one.estimated_bits + goal.lmbda * squares / 3)
    assert costs[1] < costs[0]
    assert goal.cost(encoded.symbols) == pytest.approx(costs[1], rel=1e-4)


def test_latents_at_the_edge_are_nearer_to_the_original(picture):
    place = tile_grid(384, 384, 192).tiles[0]
    seams, analysed = Seams(place, Rectangle(0, 0, 384, 384), 16), LIGHT.unit.analyse(picture, place)
    y = LIGHT.unit.deployed.encoder.at_level(analysed.latent, 40)
    z = LIGHT.unit.tables.clip(LIGHT.unit.deployed.encoder.hyper(y, 40), LIGHT.unit.deployed.rows.hyper_rows((12, 12), 40))
    errors = []
    for finer in (0, 32):
        distances = np.zeros_like(y)
        symbols, _ = LIGHT.unit.rounding.rounded(y, z, 40, seams.scale(finer), distances)
        scale = np.float32(2 ** (finer / 64))
        errors.append(np.square((distances - symbols.y)[seams.edge] / scale).mean())
    assert errors[1] < 0.8 * errors[0]


def test_crops_and_damage_are_as_ever(data):
    whole = LIGHT.decompress(data)
    assert (LIGHT.decode(read(data), Rectangle(150, 170, 60, 70)).image == whole[170:240, 150:210]).all()
    damaged = bytearray(data)
    damaged[data.index(split(read(data))[1][0].stream) + 5] ^= 1
    found = LIGHT.recover(read_beginning(bytes(damaged))[0])
    assert len(found.lost) == 1 and (found.image[:, 192 + 32 :] == whole[:, 192 + 32 :]).all()


def has_finer_steps(data: bytes) -> bool:
    return any(tile.finer for tile in split(read(data))[1])


def test_low_levels_do_without(picture, monkeypatch):
    monkeypatch.setattr(rounding, "finer_steps", lambda error, aim: 20)
    assert [has_finer_steps(LIGHT.compress(picture, level)) for level in (0, 23, 24, 63)] == [False, False, True, True]


def test_without_a_context_nothing_is_lost_at_seams(picture):
    assert not has_finer_steps(FACTORIZED.compress(picture))
