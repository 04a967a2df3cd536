"""Window, stabilisers and scale weights of MS-SSIM, shared by the metric and the differentiable loss."""

import numpy as np

WINDOW = 11
BELL = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
GAUSSIAN = BELL / BELL.sum()
C1, C2 = 0.01**2, 0.03**2  # of samples in [0, 1]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the five scales, from the finest
MS_SSIM_SMALLEST = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1  # pixels of the smaller side that all scales need: 161


def ms_ssim_scales(height: int, width: int) -> int:
    """How many scales MS-SSIM has: 5 where the smaller side has 161 pixels, 4 from 81, 3 from 41, 2 from 21, 1 from 11, or 0."""
    sides = [min(height, width)]
    while len(sides) < len(WEIGHTS):
        sides.append((sides[-1] + 1) // 2)
    return sum(side >= WINDOW for side in sides)


def scale_weights(scales: int) -> tuple[float, ...]:
    """Weights of the finest 1 … 5 scales. The published ones of all five sum to 1.0001, and stay so; those of fewer to 1."""
    return WEIGHTS if scales == len(WEIGHTS) else tuple(weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales])
