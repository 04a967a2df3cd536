"""SSIMULACRA 2.1 (Jon Sneyers, Cloudinary, 2023): a score fitted to people's ratings of compressed images, 100 for equal images.

90 cannot be told from the original in a flicker test, 70 is high quality, 50 medium, 30 low, and below 0 very bad. Computed as by
the reference (tools/ssimulacra2 of libjxl, whose values the tests hold), but for the rounding of its float32 on flat images.

    sRGB → linear light → XYB ┬→ 1 − SSIM      error of local means and structure
      ↑ halved, six scales    ├→ ringing       edges that only the reconstruction has
                              └→ blur          edges that only the original has       mean and 4-norm of each → weighted sum

The weights are those of the reference: Copyright (c) the JPEG XL Project Authors, BSD-3-Clause.
"""

import numpy as np

from dlic.metrics.distances import check_same_shape
from dlic.metrics.ssim import halved, moments

SCALES, SMALLEST = 6, 8
C2 = 0.0009
SRGB = np.arange(256) / 255
LINEAR = np.where(SRGB <= 0.04045, SRGB / 12.92, ((SRGB + 0.055) / 1.055) ** 2.4).astype(np.float32)  # of each uint8
ABSORBANCE = np.array(  # of the eye's cones, for linear R, G and B
    [[0.3, 0.622, 0.078], [0.23, 0.692, 0.078], [0.24342268924547819, 0.20476744424496821, 0.5518098665095536]], np.float32
)
BIAS = np.float32(0.0037930732552754493)
# cosines truncated after five pixels, which libjxl blurs with instead of a Gaussian of σ = 1.5 (Charalampidis 2016)
HALF = [0.00941436781, 0.03601111466, 0.1093353728, 0.212928592]
KERNEL = np.array([*HALF, 0.2646211055, *reversed(HALF)])
FRAME = len(HALF)
STRIPE = 32  # rows at a time, whose planes stay in a core's cache
WEIGHTS = np.array([  # X, Y, B − Y, each from the finest scale; the means of the three maps, and then their 4-norms
    0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0,
    0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
    0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0,
    0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387, 10.94906990605142, 0,
    0.0007289346991508072, 0.9677937080626833, 0, 0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
    0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0,
    0, 0, 0, 7.466890328078848, 0, 17.445833984131262,
    0.0006235601634041466, 0, 0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264,
    225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
    176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
    0, 0, 0, 34.77906344483772, 44.835625328877896, 0,
    0, 0, 0, 0, 0, 0,
    0, 0.0008680556573291698, 0, 0, 0, 0,
    0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0,
    0, 0, 0, 0.0004179171803251336, 0.0017290828234722833, 0,
    0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353, 0.0012286405048278493, 171.2667255897307, 0.9807858872435379,
    0, 0, 0, 0.0005130064588990679, 0, 0.00010854057858411537,
])  # fmt: skip


def ssimulacra2(a: np.ndarray, b: np.ndarray) -> float | None:
    """The score of `b` against its original `a`, both uint8 sRGB (H, W, 3): −∞ … 100. None below 8 × 8 pixels."""
    error = ssimulacra2_error(a, b)
    return None if error is None else float(100 - 10 * error**0.6276336467831387)


def ssimulacra2_error(a: np.ndarray, b: np.ndarray) -> float | None:
    """The error behind the score, 0 or more: it grows as errors do, where the score bends."""
    check_same_shape(a, b)
    if min(a.shape[:2]) < SMALLEST:
        return None
    return error_of(scales(a), scales(b))


def scales(image: np.ndarray) -> list[np.ndarray]:
    """X, Y and B − Y of uint8 sRGB (H, W, 3), and of its halves, up to the first one below 8 pixels: (3, H, W)."""
    linear = _linear(image)
    planes = [_xyb(linear)]
    while len(planes) < SCALES and min(linear.shape[1:]) >= SMALLEST:
        linear = halved(_evened(linear))
        planes.append(_xyb(linear))
    return planes


def error_of(original: list[np.ndarray], reconstruction: list[np.ndarray]) -> float:
    """`ssimulacra2_error` of `scales`."""
    errors = [_errors(x, y) for x, y in zip(original, reconstruction, strict=True)]
    features = np.stack(errors, axis=1).ravel()  # (3, scales, 2, 3) → (18 · scales,)
    error = 0.9562382616834844 * (features @ WEIGHTS[: features.size])  # small images shift the weights, as in the reference
    return float(max(2.326765642916932 * error - 0.020884521182843837 * error**2 + 6.248496625763138e-05 * error**3, 0))


def _errors(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(3, H, W) of original and reconstruction → mean and 4-norm of the three maps: (3, 2, 3)."""
    framed_x, framed_y = _framed(x), _framed(y)
    stripes = [slice(top, min(top + STRIPE, x.shape[1]) + 2 * FRAME) for top in range(0, x.shape[1], STRIPE)]
    means = np.sum([_sums(framed_x[:, rows], framed_y[:, rows]) for rows in stripes], axis=0) / x[0].size
    means[:, 1] **= 0.25
    return means


def _sums(framed_x: np.ndarray, framed_y: np.ndarray) -> np.ndarray:
    """Rows of framed planes → sums of the three maps, and of their fourth powers: (3, 2, 3)."""
    x, y = (planes[:, FRAME:-FRAME, FRAME:-FRAME] for planes in (framed_x, framed_y))
    (mean_u, var_u), (mean_v, var_v) = (moments(planes, KERNEL) for planes in (framed_x + framed_y, framed_x - framed_y))
    structure = 1 - 2 * var_v / (var_u + var_v + 2 * C2)  # (2 σxy + C2) / (σx² + σy² + C2), see `similarity`
    mean_x, mean_y = (mean_u + mean_v) / 2, (mean_u - mean_v) / 2
    edges_x, edges_y = np.abs(x - mean_x), np.abs(y - mean_y)
    edges = (edges_y - edges_x) / (1 + edges_x)
    maps = (1 - (1 - mean_v**2) * structure, edges, -edges)
    return np.stack([_powers(np.maximum(errors, 0)) for errors in maps], axis=2)


def _powers(errors: np.ndarray) -> np.ndarray:
    """(3, H, W) → sums of each plane and of its fourth powers: (3, 2)."""
    squares = errors * errors
    return np.stack([errors.sum((1, 2), np.float64), (squares * squares).sum((1, 2), np.float64)], axis=1)


def _linear(image: np.ndarray) -> np.ndarray:
    """uint8 sRGB (H, W, 3) → linear light (3, H, W) in 0 … 1."""
    return LINEAR[np.moveaxis(image, 2, 0)]


def _xyb(linear: np.ndarray) -> np.ndarray:
    """Linear light → X, Y and B − Y, about 0 … 1: (3, H, W) each."""
    response = np.cbrt(np.tensordot(ABSORBANCE, linear, 1) + BIAS) - np.cbrt(BIAS)
    long, middle, short = response
    y = (long + middle) / 2
    return np.stack([(long - middle) * 7 + 0.42, y + 0.01, short - y + 0.55]).astype(np.float32)


def _framed(planes: np.ndarray) -> np.ndarray:
    """With the zeros that the reference sees beyond the image."""
    return np.pad(planes, [(0, 0), (FRAME, FRAME), (FRAME, FRAME)])


def _evened(planes: np.ndarray) -> np.ndarray:
    """With the last line of an odd side twice."""
    return np.pad(planes, [(0, 0), *((0, side % 2) for side in planes.shape[1:])], mode="edge")
