"""Refinement: more effort never costs more, the file is what the encoder says it is, and nothing else is touched."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import dlic
from dlic.checkpoints.local import find
from dlic.container.format import read
from dlic.entropy.coder import PARITY, PLAIN
from dlic.learned.codec import MAX_EFFORT, LearnedCodec, load_codec, read_codec
from dlic.learned.picture import Encoded
from dlic.learned.tiles.seams import Seams
from dlic.metrics.differentiable.distortions import distortion
from dlic.metrics.ssim import ms_ssim
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.network import RefinementGoal
from dlic.runtime.torch.annealing import prices
from dlic.runtime.torch.light_refine import ITERATIONS, Goal
from tests.golden.rewrite import TINY, TINY_LIGHT
from tests.metrics.differentiable.pictures import batch

CODEC = load_codec(TINY_LIGHT)
CODER = CODEC.unit.entropy_coder
FOR_MS_SSIM = load_codec(find("light-1-ms-ssim"))


def crop(photograph: np.ndarray, height: int, width: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    top, left = (generator.integers(0, side - length) for side, length in zip(photograph.shape, (height, width), strict=False))
    return photograph[top : top + height, left : left + width]


def cost(codec: LearnedCodec, image: np.ndarray, encoded: Encoded) -> float:
    """Bits + λ · 255² · MSE · pixels, of what a reader decodes."""
    squares = np.square(codec.decompress(encoded.data).astype(float) - image).sum()
    return encoded.estimated_bits + float(codec.unit.deployed.encoder.parts.network.lmbdas[encoded.level]) * squares / 3


def test_every_effort_has_a_stage():
    assert len(ITERATIONS) == MAX_EFFORT


@pytest.mark.parametrize("level", [0, 20, 45, 63])
@pytest.mark.parametrize(("height", "width"), [(32, 48), (37, 21), (1, 1), (5, 70)])
@pytest.mark.filterwarnings("error")
def test_more_effort_never_costs_more(photograph, level, height, width):
    image = crop(photograph, height, width, seed=level)
    costs = [cost(CODEC, image, CODEC.encode(image, level, effort)) for effort in range(5)]
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in pairwise(costs)), costs


@pytest.mark.parametrize(("height", "width"), [(90, 122), (33, 12), (9, 40)])
def test_what_was_trained_for_ms_ssim_is_refined_for_it(photograph, height, width):
    """Of fewer scales in small pictures; below 11 pixels it has none, and bits are all that is left to save."""
    image, costs = crop(photograph, height, width, seed=8), []
    for effort in (0, 1, 2):
        encoded = FOR_MS_SSIM.encode(image, 40, effort)
        likeness = ms_ssim(image, FOR_MS_SSIM.decompress(encoded.data)) if height >= 11 else 1
        weight = float(FOR_MS_SSIM.unit.deployed.encoder.parts.network.lmbdas[40]) * height * width
        costs.append(encoded.estimated_bits + weight * (1 - likeness))
    assert costs[1] < 0.98 * costs[0] and costs[2] <= costs[1] * (1 + 1e-4)


@pytest.mark.parametrize(("height", "width"), [(90, 122), (33, 12), (9, 40), (7, 30), (1, 1)])
def test_what_was_trained_for_eyes_is_refined_for_them(photograph, height, width):
    """With as many scales as fit; below 8 pixels a side, squared error is all that counts."""
    image, costs = crop(photograph, height, width, seed=8), []
    codec, lmbda = (
        replace(CODEC, unit=replace(CODEC.unit, distortion="visual")),
        CODEC.unit.deployed.encoder.parts.network.lmbdas[40],
    )
    for effort in (0, 1, 2):
        encoded = codec.encode(image, 40, effort)
        x_hat, x = (batch(pixels) for pixels in (codec.decompress(encoded.data), image))
        lost = float(lmbda * distortion("visual")(x_hat, x, lmbda[None]))
        costs.append(encoded.estimated_bits + lost * height * width)
    assert costs[1] <= costs[0] * (1 + 1e-4) and costs[2] <= costs[1] * (1 + 1e-4)
    assert height < 33 or costs[2] < costs[0]


def test_most_effort_costs_clearly_less(photograph):
    image = crop(photograph, 40, 56, seed=1)
    plain, refined = (cost(CODEC, image, CODEC.encode(image, 40, effort)) for effort in (0, MAX_EFFORT))
    assert refined < 0.99 * plain


@pytest.mark.parametrize("content", [0, 255, "noise"])
def test_it_copes_with_what_is_no_photograph(content):
    image = np.random.default_rng(0).integers(0, 256, (33, 20, 3), dtype=np.uint8)
    if content != "noise":
        image[:] = content
    plain, refined = (CODEC.encode(image, 63, effort) for effort in (0, 2))
    assert cost(CODEC, image, refined) <= cost(CODEC, image, plain) * (1 + 1e-9)


def test_effort_0_is_the_plain_encoder(photograph):
    image = crop(photograph, 37, 50, seed=2)
    assert CODEC.encode(image, 30, 0).data == CODEC.encode(image, 30).data


def test_the_same_bytes_in_any_autograd_mode_and_state_of_the_generator(photograph):
    image = crop(photograph, 37, 50, seed=3)
    expected = CODEC.encode(image, 30, 2).data
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        torch.manual_seed(torch.seed() % 1000)
        with mode():
            assert CODEC.encode(image, 30, 2).data == expected


def test_a_checkpoint_loaded_and_used_in_inference_mode_can_refine(photograph):
    image = crop(photograph, 20, 20, seed=4)
    with torch.inference_mode():
        codec = read_codec(TINY_LIGHT)
        codec.encode(image, 30)
    assert codec.encode(image, 30, 1).data == CODEC.encode(image, 30, 1).data


def test_no_global_generator_is_touched(photograph):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    CODEC.encode(crop(photograph, 20, 20, seed=5), 30, 1)
    assert (torch.get_rng_state() == before[0]).all() and (np.random.get_state()[1] == before[1]).all()


def test_a_tile_is_judged_by_the_pixels_it_shows_amid_its_surroundings(photograph):
    image = crop(photograph, 128, 200, seed=7)
    tile = Rectangle(64, 0, 64, 64)
    around, encoded = CODEC.unit.surroundings(image, tile, 40), CODEC.unit.encode(CODEC.unit.analyse(image, tile), 40)
    goal = Goal(
        CODEC.unit.deployed.encoder.parts, RefinementGoal(image[tile.slices], 40, CODEC.unit.tables, around=around, coder=CODER)
    )
    seen = around.y_hat.copy()
    seen[around.place.slices] = encoded.y_hat
    squares = np.square(CODEC.unit.deployed.decoder.synthesise(seen, 40).astype(float) - around.image).sum()
    assert goal.cost(encoded.symbols) == pytest.approx(encoded.estimated_bits + goal.lmbda * squares / 3, rel=1e-4)
    blind = Goal(CODEC.unit.deployed.encoder.parts, RefinementGoal(image[tile.slices], 40, CODEC.unit.tables, coder=CODER))
    slopes = [one.distortion_slope(encoded.symbols)(torch.zeros(1, 24, 4, 4)) for one in (goal, blind)]
    assert not torch.allclose(slopes[0][..., 0], slopes[1][..., 0], rtol=0.01)


@pytest.mark.parametrize("level", [0, 20, 40, 63])
@pytest.mark.parametrize("finer", [0, 32])
def test_symbols_are_the_residual_of_the_y_they_stand_for(photograph, level, finer):
    """With finer steps in places, as at seams, too."""
    image = crop(photograph, 128, 200, seed=9)
    tile = Rectangle(64, 0, 64, 64)
    scale = Seams(tile, Rectangle(0, 0, 200, 128), CODEC.unit.deployed.decoder.stride).scale(finer)
    around = replace(CODEC.unit.surroundings(image, tile, level), scale=scale)
    goal = Goal(CODEC.unit.deployed.encoder.parts, RefinementGoal(image[tile.slices], level, CODEC.unit.tables, around=around))
    symbols = CODEC.unit.encode(CODEC.unit.analyse(image, tile), level).symbols
    again = goal.residual(goal.y_of(symbols), torch.from_numpy(symbols.z.astype(np.float32)).permute(2, 0, 1)[None])
    assert np.abs(again[0].permute(1, 2, 0).numpy() - symbols.y).max() < 1e-3
    others = goal.with_z(symbols.z + 1, symbols)
    assert (others.y_rows != symbols.y_rows).any() and (others.y == symbols.y).all()


@pytest.mark.parametrize("coder", [PLAIN, PARITY])
@pytest.mark.parametrize("effort", [1, 3])
def test_the_file_decodes_to_the_picture_the_encoder_promised(photograph, effort, coder):
    image, codec = crop(photograph, 37, 50, seed=6), CODEC.with_coder(coder)
    analysed = codec.analyse(image)
    encoded = codec.encode_at(analysed, 40, effort)
    assert (CODEC.decompress(encoded.data) == codec.picture(encoded)).all()
    assert CODEC.symbols(read(encoded.data)).crc == encoded.crcs[0]
    assert read(encoded.data).coder == coder


def test_progress_rises_to_the_end_and_is_silent_without_effort(photograph):
    image = crop(photograph, 20, 20, seed=7)
    seen: list[float] = []
    CODEC.encode(image, 30, 0, seen.append)
    assert seen == []
    CODEC.encode(image, 30, 3, seen.append)
    assert seen == sorted(seen) and seen[0] > 0 and seen[-1] == 1
    assert len(seen) == sum(ITERATIONS[:3])


def test_prices_are_what_symbols_cost():
    table, values = prices(CODEC.unit.tables).numpy(), np.array([-512, -40, -1, 0, 1, 7, 512])
    for row in np.flatnonzero(~CODEC.unit.tables.skipped):
        for value in values:
            assert table[row, value + 512] == pytest.approx(CODEC.unit.tables.bits(np.array([value]), np.array([row])), rel=1e-5)


@pytest.mark.parametrize("effort", [-1, MAX_EFFORT + 1])
def test_other_efforts_are_refused(effort):
    with pytest.raises(dlic.DlicError, match="effort goes from 0 to 9"):
        CODEC.compress(np.zeros((4, 4, 3), np.uint8), 0, effort)


def test_a_model_without_refinement_says_so():
    codec = load_codec(TINY)
    codec.compress(np.zeros((4, 4, 3), np.uint8), 0, 0)
    with pytest.raises(dlic.DlicError, match="no effort above 0"):
        codec.compress(np.zeros((4, 4, 3), np.uint8), 0, 1)
