"""MS-SSIM of batches, differentiable; formulas and scales are those of `metrics.ssim`."""

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.metrics.differentiable.blur import blurred
from dlic.metrics.ssim_constants import C1, C2, GAUSSIAN, WINDOW, ms_ssim_scales, scale_weights

KERNEL = tuple(GAUSSIAN.tolist())
LEAST = 1e-6  # structure of a scale from which on none is left; below, its slope would grow without bound


def ms_ssim(x_hat: Tensor, x: Tensor) -> Tensor:
    """MS-SSIM of `x_hat` and `x`, both (B, C, H, W) in [0, 1]: (B,), 1 for equal images, mean over the channels.

    Images below 161 pixels a side have fewer scales; those below 11 have none, and count as equal.
    """
    scales = ms_ssim_scales(*x.shape[-2:])
    with torch.autocast(x.device.type, enabled=False):  # variances are differences of means, which bfloat16 would drown
        x_hat, x = x_hat.float(), x.float()
        if scales == 0:
            return 1 - x_hat.sum(dim=(1, 2, 3)) * 0
        planes, product = torch.cat([x + x_hat, x - x_hat], dim=1), torch.ones((), device=x.device)
        for scale, weight in enumerate(scale_weights(scales), start=1):
            whole, structure = _terms(planes)
            product = product * (whole if scale == scales else structure).clamp_min(LEAST) ** weight  # (B, C)
            height, width = planes.shape[-2:]
            planes = F.avg_pool2d(F.pad(planes, (width % 2, 0, height % 2, 0)), 2)  # zeros, as in the field's implementations
        return product.mean(dim=1)


def _terms(planes: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its structure term alone, each the mean of a channel, of x + y before x − y: (B, 2·C, H, W) → (B, C) twice."""
    centre = planes.detach().mean(dim=(2, 3), keepdim=True)
    planes = planes - centre  # squares of a bright flat would leave no bits for its variance
    mean, square = _where_it_fits(torch.cat([planes, planes.square()], dim=1)).chunk(2, 1)
    (var_u, var_v), (mean_u, mean_v) = (square - mean.square()).chunk(2, 1), (mean + centre).chunk(2, 1)
    structure = 1 - 2 * var_v / (var_u + var_v + 2 * C2)
    luminance = 1 - 2 * mean_v.square() / (mean_u.square() + mean_v.square() + 2 * C1)
    return (luminance * structure).mean(dim=(2, 3)), structure.mean(dim=(2, 3))


def _where_it_fits(planes: Tensor) -> Tensor:
    """Local means, without those whose window crosses an edge: (B, C, H, W) → (B, C, H − 10, W − 10)."""
    edge = WINDOW // 2
    return blurred(planes, KERNEL)[..., edge:-edge, edge:-edge]
