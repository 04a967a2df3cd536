"""The blur is a convolution with zeros beyond the edges, and passes gradients back by itself."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dlic.metrics.differentiable.blur import blurred

KERNELS = ((0.2, 0.5, 0.2), tuple(np.bartlett(13)[1:-1].tolist()))


@settings(max_examples=25)
@given(st.integers(1, 140), st.integers(1, 140), st.sampled_from(KERNELS), st.integers(0, 9))
def test_it_is_a_separable_convolution(height, width, kernel, seed):
    planes = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    window = torch.outer(torch.tensor(kernel), torch.tensor(kernel)).double()
    expected = F.conv2d(planes.view(6, 1, height, width), window[None, None], padding=len(kernel) // 2).view_as(planes)
    torch.testing.assert_close(blurred(planes, kernel), expected, rtol=1e-6, atol=1e-6)


def test_gradients():
    planes = torch.rand(2, 7, 70, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda planes: blurred(planes, KERNELS[1])[..., 2:5, 3:], planes)


def test_mixed_precision_leaves_it_alone():
    planes = torch.rand(1, 90, 90)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = blurred(planes, KERNELS[0])
    torch.testing.assert_close(mixed, blurred(planes, KERNELS[0]))
