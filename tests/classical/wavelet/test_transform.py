"""Every size comes back, as many coefficients as samples, and the filters are the published ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.wavelet.transform import bands, forward_53, forward_97, inverse_53, inverse_97, synthesis_norm_97

# Antonini et al. 1992 (JPEG 2000's irreversible transform), scaled to a gain of √2, from the centre outwards.
LOW_97 = [0.852698679009, 0.377402855613, -0.110624404418, -0.023849465020, 0.037828455507]
HIGH_97 = [0.788485616406, -0.418092273222, -0.040689417609, 0.064538882629]

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(shapes, st.integers(0, 6), st.integers(0, 2**32 - 1), st.sampled_from([8, 16]))
@settings(max_examples=60)
def test_53_is_exact_for_every_size(shape, levels, seed, depth):
    planes = np.random.default_rng(seed).integers(-(2 ** (depth - 1)), 2 ** (depth - 1), (2, *shape))
    coefficients = forward_53(planes, levels)
    assert coefficients.shape == planes.shape
    assert np.abs(coefficients).max() <= 2 ** (depth + 1)
    assert (inverse_53(coefficients, levels) == planes).all()


@given(shapes, st.integers(0, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_97_comes_back_for_every_size(shape, levels, seed):
    planes = np.random.default_rng(seed).uniform(-128, 128, (2, *shape)).astype(np.float32)
    coefficients = forward_97(planes, levels)
    assert coefficients.shape == planes.shape
    assert np.abs(inverse_97(coefficients, levels) - planes).max() < 1e-3


def test_97_has_the_published_taps():
    responses = forward_97(np.eye(32)[:, None, :], 1)[:, 0]  # (place of the impulse, coefficient)
    low, high = responses[:, 8], responses[:, 16 + 8]
    assert low[16 - 4 : 16 + 5] == pytest.approx(LOW_97[:0:-1] + LOW_97, abs=1e-6)
    assert high[17 - 3 : 17 + 4] == pytest.approx(HIGH_97[:0:-1] + HIGH_97, abs=1e-6)
    assert np.count_nonzero(np.abs(low) > 1e-6) == 9 and np.count_nonzero(np.abs(high) > 1e-6) == 7


def test_97_agrees_with_pywavelets():
    pywt = pytest.importorskip("pywt")
    line = np.random.default_rng(0).uniform(-128, 128, 64)
    low, high = pywt.dwt(line, "bior4.4", mode="reflect")  # whole-sample symmetric
    ours = forward_97(line[None], 1)[0]
    assert ours[:32] == pytest.approx(low[2:34], abs=1e-3)
    assert ours[32:] == pytest.approx(-high[2:34], abs=1e-3)  # its high-pass has the other sign


def test_53_is_the_one_of_jpeg_2000():
    """By hand from ISO/IEC 15444-1 annex F: high = odd − ⌊(left + right) / 2⌋, low = even + ⌊(left + right + 2) / 4⌋."""
    assert forward_53(np.array([[10, 14, 11, 3, 7]]), 1).tolist() == [[12, 11, 4, 4, -6]]


@given(shapes, st.integers(0, 5))
def test_bands_tile_the_decomposition(shape, levels):
    covered = np.zeros(shape, int)
    for band in bands(shape, levels):
        covered[band.rows, band.columns] += 1
        assert covered[band.rows, band.columns].shape == band.shape
    assert (covered == 1).all()
    assert [band.kind for band in bands(shape, levels)] == ["LL"] + levels * ["HL", "LH", "HH"]


def test_synthesis_norms_are_those_of_a_unit_error():
    for band in bands((256, 256), 3):
        coefficients = np.zeros((256, 256))
        coefficients[(band.rows.start + band.rows.stop) // 2, (band.columns.start + band.columns.stop) // 2] = 1
        error = np.linalg.norm(inverse_97(coefficients, 3))
        assert synthesis_norm_97(band.level, band.kind) == pytest.approx(error, rel=1e-3)
