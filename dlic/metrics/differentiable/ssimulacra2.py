"""SSIMULACRA 2's weighted error of batches, differentiable; maps, weights and scales are those of `metrics.ssimulacra2`.

The error is taken after the metric's cubic and before its power (score = 100 − 10 · error^0.6276): its slope is then finite for
equal images.

    sRGB → linear light ┬→ XYB → weighted sum of the maps' norms ┐
              ↓ halved  ├→ XYB → weighted sum of the maps' norms ┼→ sum → cubic
              ↓ …       └→ …                                     ┘

The weighted sum of a scale brings its own gradient (`_ScaleError`), which takes three blurs. Autograd would take four, keep some
thirty planes for them, and need three times as long.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.metrics import ssimulacra2 as metric
from dlic.metrics.differentiable.blur import blur

KERNEL = tuple(metric.KERNEL.tolist())
SCALE, LINEAR, SQUARE, CUBE = 0.9562382616834844, 2.326765642916932, -0.020884521182843837, 6.248496625763138e-05  # of the cubic
POWER = 0.6276336467831387
TINY = 1e-24  # mean fourth power below which a map counts as flat: rounding would swamp the slope of its 4-norm
SAMPLES = 1 << 18  # measured at a time, of whole planes: a chain of operations on them stays in a core's cache


def ssimulacra2_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Error of `x_hat` against its original `x`, both sRGB (B, 3, H, W) in [0, 1]: (B,), 0 for equal images.

    Values of `x_hat` outside of [0, 1] count as the nearest inside and have no gradient; `x` never has one. Images below 8 pixels a
    side have no scale: their error is 0.
    """
    with torch.autocast(x.device.type, enabled=False):  # variances are differences of means, which bfloat16 would drown
        return error(x_hat.float(), x.detach().float())


def score(error: Tensor) -> Tensor:
    """The metric's score of an error: −∞ … 100."""
    return 100 - 10 * error.clamp_min(0) ** POWER


def scale_count(height: int, width: int) -> int:
    """How many scales an image has: 6, fewer where its smaller side has less than 113 pixels, none below 8."""
    side, count = min(height, width), 0
    while count < metric.SCALES and side >= metric.SMALLEST:
        side, count = side if count == 0 else (side + 1) // 2, count + 1
    return count


def error(x_hat: Tensor, x: Tensor) -> Tensor:
    """`ssimulacra2_error` in the precision of its arguments."""
    scales = scale_count(*x.shape[-2:])
    reconstruction, original = _linear(x_hat.clamp(0, 1)), _linear(x)
    weights = torch.from_numpy(metric.WEIGHTS[: 18 * scales]).to(x).view(3, scales, 2, 3)  # as if there were no other scales
    total = x_hat.sum(dim=(1, 2, 3)) * 0
    for scale in range(scales):
        if scale:
            reconstruction, original = _halved(reconstruction), _halved(original)
        total = total + _ScaleError.apply(_xyb(reconstruction), _xyb(original), weights[:, scale])
    total = total * SCALE
    return (total * (LINEAR + total * (SQUARE + total * CUBE))).clamp_min(0)


class _ScaleError(torch.autograd.Function):
    """Weighted sum of the norms of one scale's maps: XYB (B, 3, H, W) of reconstruction and original → (B,)."""

    @staticmethod
    def forward(ctx, shown: Tensor, original: Tensor, weights: Tensor) -> Tensor:
        """`weights` (3, 2, 3): for each channel of the means and of the 4-norms of the three maps."""
        batch, height, width = len(shown), *shown.shape[2:]
        planes = (shown.reshape(-1, height, width), original.reshape(-1, height, width))
        of_planes = weights.repeat(batch, 1, 1)  # (3 · B, 2, 3)
        gradient = torch.empty_like(planes[0]) if ctx.needs_input_grad[0] else None
        errors, at_once = [], max(1, SAMPLES // (height * width))
        for start in range(0, len(of_planes), at_once):
            part = slice(start, start + at_once)
            maps = _maps(planes[0][part], planes[1][part])
            fourth, sums = _weighted(maps, of_planes[part])
            errors.append(sums)
            if gradient is not None:
                gradient[part] = _gradient(maps, fourth, of_planes[part])
        if gradient is not None:
            ctx.save_for_backward(gradient.view_as(shown))
        return torch.cat(errors).view(batch, 3).sum(dim=1)

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * slope[:, None, None, None], None, None


class _Maps(NamedTuple):
    """The maps of planes (N, H, W), and intermediate values for the gradient."""

    total: Tensor  # u = original + shown
    lost: Tensor  # v = original − shown
    mean_u: Tensor
    mean_v: Tensor
    variances: Tensor  # σu² + σv² + 2 C2
    unlike: Tensor  # 1 − the structure term of SSIM
    dissimilar: Tensor  # 1 − SSIM
    beside: Tensor  # reconstruction minus its local mean
    edge: Tensor  # 1 + the original's distance from its local mean
    edges: Tensor  # edges only in the reconstruction (positive) or only in the original (negative)


def _maps(reconstruction: Tensor, original: Tensor) -> _Maps:
    total, lost = original + reconstruction, original - reconstruction
    mean_u, mean_v, square_u, square_v = blur(torch.stack([total, lost, total * total, lost * lost]), KERNEL)
    mean_vv = mean_v * mean_v
    variance_v = square_v.sub_(mean_vv)
    variances = square_u.addcmul_(mean_u, mean_u, value=-1).add_(variance_v).add_(2 * metric.C2)
    unlike = variance_v.div_(variances).mul_(2)
    # 1 − luminance · structure from differences only: subtraction from 1 would lose precision
    dissimilar = torch.addcmul(unlike, mean_vv, 1 - unlike)
    beside = torch.sub(mean_v, mean_u).div_(2).add_(reconstruction)
    edge = torch.add(mean_u, mean_v).div_(-2).add_(original).abs_()
    edges = beside.abs().sub_(edge)  # exactly 0 for equal images
    edges.div_(edge.add_(1))
    return _Maps(total, lost, mean_u, mean_v, variances, unlike, dissimilar, beside, edge, edges)


def _weighted(maps: _Maps, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean fourth powers of the three maps of each plane (N, 3), and the weighted sums of norms (N,)."""
    means, fourths = [], []
    for values in (maps.dissimilar, maps.edges, -maps.edges):
        values = values.clamp_min(0)
        means.append(values.mean(dim=(1, 2)))
        fourths.append(values.square_().square_().mean(dim=(1, 2)))
    fourth = torch.stack(fourths, dim=1)
    norms = torch.stack([torch.stack(means, dim=1), fourth**0.25], dim=1)  # (N, 2, 3)
    return fourth, (norms * weights).sum(dim=(1, 2))


def _gradient(maps: _Maps, fourth: Tensor, weights: Tensor) -> Tensor:
    """Derivative of the weighted sum of each plane by the reconstruction: (N, H, W)."""
    count = maps.total[0].numel()
    slopes = weights[:, 0] / count  # (N, 3), by a map where it is positive …
    cubes = torch.where(fourth < TINY, 0, weights[:, 1] / count * fourth.clamp_min(TINY) ** -0.75)  # … and by its cube
    (slope, ringing, blurring), (cube, ringing_cube, blurring_cube) = (of[:, :, None, None].unbind(1) for of in (slopes, cubes))

    by_edges = maps.edges * maps.edges * maps.edges
    by_edges.mul_(torch.where(maps.edges > 0, ringing_cube, blurring_cube))
    by_edges.add_(torch.where(maps.edges > 0, ringing, -blurring)).mul_(maps.edges != 0)
    by_beside = by_edges.div_(maps.edge).mul_(maps.beside.sign())

    positive = maps.dissimilar.clamp_min(0)
    by_ssim = (positive * positive * positive).mul_(cube).add_(slope).mul_(maps.dissimilar > 0)
    structure = 1 - maps.unlike
    by_luminance = by_ssim * structure  # by μv², and by half of it twice
    by_variance = by_ssim.mul_(torch.addcmul(torch.ones_like(structure), maps.mean_v, maps.mean_v, value=-1)).div_(maps.variances)
    by_square_v = by_variance * (1 + structure)
    by_square_u = by_variance.mul_(maps.unlike).neg_()
    # both means depend on the reconstruction, one with the opposite sign; those of the original cancel
    by_means = maps.mean_v * (by_square_v - by_luminance) - maps.mean_u * by_square_u
    of_mean, of_u, of_v = blur(torch.stack([by_means.mul_(2).sub_(by_beside), by_square_u, by_square_v]), KERNEL)
    return by_beside.add_(of_mean).addcmul_(maps.total, of_u, value=2).addcmul_(maps.lost, of_v, value=-2)


def _linear(image: Tensor) -> Tensor:
    """sRGB → linear light, both in 0 … 1."""
    return torch.where(image <= 0.04045, image / 12.92, _power((image + 0.055) / 1.055, 2.4))


def _xyb(linear: Tensor) -> Tensor:
    """Linear light → X, Y and B − Y: (B, 3, H, W) each."""
    bias = float(metric.BIAS)
    mixed = F.conv2d(linear, torch.from_numpy(metric.ABSORBANCE).to(linear)[:, :, None, None]) + bias
    long, middle, short = (_power(mixed, 1 / 3) - bias ** (1 / 3)).unbind(1)
    y = (long + middle) / 2
    return torch.stack([(long - middle) * 7 + 0.42, y + 0.01, short - y + 0.55], dim=1)


def _power(base: Tensor, exponent: float) -> Tensor:
    """As `**` of positive numbers, whose gradient would take a second power."""
    return torch.exp(torch.log(base) * exponent)


def _halved(planes: Tensor) -> Tensor:
    """Means of 2 × 2 samples; the last line of an odd side counts twice."""
    height, width = planes.shape[-2:]
    if height % 2 or width % 2:
        planes = F.pad(planes, (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(planes, 2)
