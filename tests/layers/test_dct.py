"""The block DCT as weights: orthonormal, ordered by frequency, merged exactly."""

import torch
from scipy.fft import dctn
from torch.nn import functional as F

from dlic.layers.dct import COLOUR_ROTATION, dct_basis, dct_matrix, merge_blocks


def test_rows_are_orthonormal():
    basis, sigma = dct_basis(8, 192)
    assert torch.allclose(basis @ basis.T, torch.eye(192), atol=1e-5)
    assert (sigma > 0).all() and sigma[0] == sigma.max()


def test_it_is_the_dct_that_scipy_computes():
    block = torch.rand(8, 8, dtype=torch.float64)
    ours = dct_matrix(8) @ block @ dct_matrix(8).T
    assert torch.allclose(ours, torch.from_numpy(dctn(block.numpy(), norm="ortho")))


def test_the_first_function_is_the_mean_luma():
    basis, _ = dct_basis(8, 1)
    grey = torch.full((1, 3, 8, 8), 0.5)
    coefficient = basis @ F.pixel_unshuffle(grey, 8).flatten()
    assert torch.allclose(coefficient, torch.tensor([0.5 * 8 * 3**0.5]))
    assert torch.allclose(COLOUR_ROTATION @ COLOUR_ROTATION.T, torch.eye(3, dtype=torch.float64))


def test_four_blocks_merge_into_the_larger_dct():
    x = torch.rand(2, 3, 32, 32)
    inner, outer = dct_basis(8, 192)[0], dct_basis(16, 100)[0]
    small = F.conv2d(F.pixel_unshuffle(x, 8), inner[:, :, None, None])
    merged = F.conv2d(small, merge_blocks(8, inner, outer), stride=2)
    direct = F.conv2d(F.pixel_unshuffle(x, 16), outer[:, :, None, None])
    assert torch.allclose(merged, direct, atol=1e-4)
