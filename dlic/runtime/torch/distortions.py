"""What a picture has lost, differentiably, in the units that λ weighs: what refining lowers."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.metrics.ssim_constants import C1, C2, GAUSSIAN, ms_ssim_scales, scale_weights

Distortion = Callable[[Tensor, Tensor], Tensor]  # x_hat and x (1, C, H, W) in [0, 1] → a number for each pixel, in the mean

LEAST = 1e-6  # structure of a scale from which on none is left; below, its slope would grow without bound


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Mean squared error in 8-bit units."""
    return (x_hat - x).square().mean() * 255**2


def unlikeness(x_hat: Tensor, x: Tensor) -> Tensor:
    """1 − MS-SSIM as `metrics.ssim` has it, whose formulas these are; 0 where not even one scale fits."""
    scales = ms_ssim_scales(*x.shape[-2:])
    if scales == 0:
        return (x_hat * 0).sum()
    x_hat, x = x_hat.float(), x.float()  # convolutions of few channels take ten times as long in float64
    planes, product = torch.cat([x + x_hat, x - x_hat], dim=1), 1.0
    for scale, weight in enumerate(scale_weights(scales), start=1):
        whole, structure = _terms(planes)
        product = product * (whole if scale == scales else structure).clamp_min(LEAST) ** weight  # (C,)
        height, width = planes.shape[-2:]
        planes = F.avg_pool2d(F.pad(planes, (width % 2, 0, height % 2, 0)), 2)  # zeros, as in the field's implementations
    return 1 - product.mean()


def _terms(planes: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its structure term alone, each the mean of a channel, of x + y before x − y: (1, 2·C, H, W) → (C,) twice."""
    centre = planes.detach().mean(dim=(2, 3), keepdim=True)
    planes = planes - centre  # squares of a bright flat would leave no bits for its variance
    mean, square = _blurred(torch.cat([planes, planes.square()], dim=1)).chunk(2, 1)
    (var_u, var_v), (mean_u, mean_v) = (square - mean.square()).chunk(2, 1), (mean + centre).chunk(2, 1)
    structure = 1 - 2 * var_v / (var_u + var_v + 2 * C2)
    luminance = 1 - 2 * mean_v.square() / (mean_u.square() + mean_v.square() + 2 * C1)
    return (luminance * structure).mean(dim=(0, 2, 3)), structure.mean(dim=(0, 2, 3))


def _blurred(planes: Tensor) -> Tensor:
    """Separable convolution with the window where it fits."""
    channels, kernel = planes.shape[1], torch.from_numpy(GAUSSIAN).to(planes)
    down, across = (kernel.view(1, 1, *shape).expand(channels, 1, *shape) for shape in ((-1, 1), (1, -1)))
    return F.conv2d(F.conv2d(planes, down, groups=channels), across, groups=channels)


DISTORTIONS: dict[str, Distortion] = {"mse": squared_error, "ms-ssim": unlikeness}
