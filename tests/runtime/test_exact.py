"""Whole-number layers give the same bits however they are evaluated, and what the float layers they came from give."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlic
from dlic.models.light.hyperprior import ScaleSynthesis
from dlic.runtime.exact import FRACTION, MAX_ACTIVATION, ExactConv, columns, leaky, spread, upsampling_weight
from dlic.runtime.rows.light import ExactScaleSynthesis
from dlic.runtime.torch.arrays import affine as affine_of_torch
from dlic.runtime.torch.whole_numbers import exact_scales
from tests.golden.rewrite import tiny_light


def trained_scales(seed: int = 0, hyper: int = 12, hidden: int = 16, latents: int = 20) -> ScaleSynthesis:
    torch.manual_seed(seed)
    scales = ScaleSynthesis(latents, hyper, hidden, torch.rand(8, latents) * 40)
    with torch.no_grad():
        for parameter in scales.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return scales.eval().requires_grad_(False)


def symbols_of_z(seed: int, height: int, width: int, hyper: int = 12, spread: float = 3.0) -> np.ndarray:
    return np.rint(np.random.default_rng(seed).normal(size=(height, width, hyper)) * spread)


EXACT = exact_scales(trained_scales())


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6), st.integers(0, 63))
@settings(max_examples=40)
def test_numpy_and_torch_give_the_same_rows(seed, height, width, level):
    symbols = symbols_of_z(seed, height, width)
    by_torch = EXACT(symbols, level, affine_of_torch)
    assert by_torch.dtype == np.uint8 and by_torch.shape == (4 * height, 4 * width, 20)
    assert (EXACT(symbols, level) == by_torch).all()


def test_rows_are_those_of_the_trained_layers_rounded():
    scales = trained_scales()
    symbols = symbols_of_z(1, 9, 7)
    for level in (0, 20, 63):
        expected = scales(torch.from_numpy(symbols).float().permute(2, 0, 1)[None], torch.tensor([level]))[0].permute(1, 2, 0)
        difference = EXACT(symbols, level) - expected.clamp(0, 63).numpy()
        assert np.abs(difference).max() < 0.55  # rounding is half a row; 16-bit weights add little


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing(threads):
    symbols = symbols_of_z(2, 40, 30)
    before = torch.get_num_threads()
    reference = EXACT(symbols, 30)
    try:
        torch.set_num_threads(threads)
        assert (EXACT(symbols, 30, affine_of_torch) == reference).all()
    finally:
        torch.set_num_threads(before)


def test_memory_layout_changes_nothing():
    symbols = symbols_of_z(3, 8, 9)
    planes = np.ascontiguousarray(np.moveaxis(symbols, 2, 0))  # one plane a channel, instead of channels last
    assert (EXACT(np.moveaxis(planes, 0, 2), 5, affine_of_torch) == EXACT(np.asfortranarray(symbols), 5)).all()


@given(st.integers(0, 2**32), st.sampled_from([1, 3]))
@settings(max_examples=30)
def test_sums_are_exact_in_any_order(seed, window):
    """Against Python integers, with the largest activations there can be, summed in a random order."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-(2**15) + 1, 2**15, (3, 24, window, window)).astype(np.int16)
    bias = rng.integers(-(2**31), 2**31, (1, 3)).astype(np.int32)
    layer = ExactConv(weight, bias, shift=20)
    a = rng.integers(-MAX_ACTIVATION, MAX_ACTIVATION + 1, (2, 3, 24)).astype(np.float64)
    neighbours = columns(a, window)
    taps = weight.transpose(2, 3, 1, 0).reshape(-1, 3)
    order = rng.permutation(taps.shape[0])
    for i, j, out in np.ndindex(2, 3, 3):
        total = sum(int(neighbours[i, j, k]) * int(taps[k, out]) for k in order) + int(bias[0, out])
        assert layer(a, 0)[i, j, out] == min(max(total >> 20, 0), MAX_ACTIVATION - 1)
    permuted = neighbours[..., order] @ layer.matrix[order] + layer.bias[0] * 2.0**-20
    assert (np.floor(np.clip(permuted, 0, MAX_ACTIVATION - 1)) == layer(a, 0)).all()


def test_a_fresh_process_on_one_thread_gives_the_same_rows():
    script = """
import numpy as np, torch
from tests.runtime.test_exact import EXACT, affine_of_torch, symbols_of_z
torch.set_num_threads(1)
print(int(EXACT(symbols_of_z(4, 20, 30), 17, affine_of_torch).astype(np.int64).ravel() @ np.arange(20*4*30*4*20)))
"""
    root = Path(dlic.__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", script], check=True, cwd=root, capture_output=True, text=True).stdout
    assert int(found) == int(EXACT(symbols_of_z(4, 20, 30), 17).astype(np.int64).ravel() @ np.arange(20 * 4 * 30 * 4 * 20))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_rows():
    symbols = symbols_of_z(5, 20, 30)

    def by_gpu(a: np.ndarray, matrix: np.ndarray, bias: np.ndarray, low: float, high: float) -> np.ndarray:
        sums = torch.addmm(*(torch.from_numpy(array).cuda() for array in (bias, a, matrix)))
        return sums.clamp_(low, high).floor_().cpu().numpy()

    assert (EXACT(symbols, 17, by_gpu) == EXACT(symbols, 17)).all()


def test_arrays_bring_the_same_layers_back():
    again = ExactScaleSynthesis.from_arrays(EXACT.to_arrays())
    symbols = symbols_of_z(6, 5, 5)
    assert (again(symbols, 40) == EXACT(symbols, 40)).all()
    assert all(np.issubdtype(value.dtype, np.integer) for value in EXACT.to_arrays().values())


def test_wild_symbols_stay_within_the_tables():
    symbols = symbols_of_z(7, 6, 6, spread=1e9)
    rows = EXACT(symbols, 63)
    assert rows.max() <= 63
    assert (rows == EXACT(symbols, 63, affine_of_torch)).all()


def test_sums_that_float64_cannot_hold_are_refused():
    weight = np.full((1, 2**14, 1, 1), 2**15 - 1, np.int16)
    ExactConv(weight, np.zeros((1, 1), np.int32), shift=0)
    with pytest.raises(ValueError, match="float64"):
        ExactConv(np.repeat(weight, 20, axis=1), np.zeros((1, 1), np.int32), shift=0)


def test_spread_is_pixel_shuffle():
    a = torch.arange(3 * 4 * 8.0).reshape(3, 4, 8).double()
    expected = torch.nn.functional.pixel_shuffle(a.permute(2, 0, 1)[None], 2)[0].permute(1, 2, 0)
    assert (spread(a.numpy()) == expected.numpy()).all()


def test_the_bias_of_every_level_fits_its_bits():
    scales = tiny_light().h_s_scale
    with torch.no_grad():
        scales.last_bias.anchors.fill_(63.0)
    exact = exact_scales(scales.requires_grad_(False))
    assert exact.last.bias.max() < 2**31 - 2**28 and FRACTION > 0
    assert (exact(np.zeros((1, 1, 8)), 0) == 63).all()


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=20)
def test_a_transposed_convolution_is_four_convolutions_that_are_spread(seed, height, width):
    rng = np.random.default_rng(seed)
    weight, a = rng.integers(-9, 10, (3, 2, 5, 5)), rng.integers(-9, 10, (height, width, 3)).astype(float)
    bias = np.full((1, 8), 1 << 20)  # keeps sums above zero
    layer = ExactConv(upsampling_weight(weight), bias, 0, high=1 << 30)
    expected = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(a).permute(2, 0, 1)[None], torch.from_numpy(weight).double(), stride=2, padding=2, output_padding=1
    )
    assert (spread(layer(a, 0)) - (1 << 20) == expected[0].permute(1, 2, 0).numpy()).all()


def test_a_leaky_relu_is_rounded_down_to_whole_numbers():
    a = np.array([-MAX_ACTIVATION, -1000.0, -100.0, -1.0, 0.0, 7.0])
    assert leaky(a).tolist() == [-10480.0, -10.0, -1.0, -1.0, 0.0, 7.0]
