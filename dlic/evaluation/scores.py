"""Metrics as scores: higher is better, and equal steps matter alike. So one function compares curves of every metric."""

from dlic.metrics.registry import METRICS, decibels

MAIN = ("psnr", "ms_ssim", "ssimulacra2")  # next to each other in every comparison: one metric does not describe what people see
RANGE_OF = "ssimulacra2"  # the metric with a further BD-rate between two of its values
HIGH_QUALITY = (70.0, 85.0)  # of SSIMULACRA 2: "high quality" and above, below "visually lossless" side by side
DIGITS = {"psnr": 2, "psnr_y": 2, "ssimulacra2": 2, "cvvdp": 3}  # after the point, in tables; four for the others


def as_score(metric: str, value: float) -> float:
    """MS-SSIM in dB, distances negated, everything else as it is."""
    if metric == "ms_ssim":
        return decibels(value)
    return value if _higher_is_better(metric) else -value


def in_units(metric: str, scores: tuple[float, float]) -> tuple[float, float]:
    """Two scores as tables show them, the lower first: distances are positive again, MS-SSIM stays in dB."""
    low, high = scores
    return scores if _higher_is_better(metric) else (-high, -low)


def head(metric: str) -> str:
    """A metric with the unit of its scores: "PSNR dB", "MS-SSIM dB", "SSIMULACRA 2"."""
    entry = METRICS[metric]
    unit = "dB" if metric == "ms_ssim" else entry.unit
    return f"{entry.label} {unit}".strip()


def digits(metric: str) -> int:
    """Of a metric's values after the point."""
    return DIGITS.get(metric, 4)


def score_digits(metric: str) -> int:
    """Of a metric's scores, which are in dB for MS-SSIM."""
    return 2 if metric == "ms_ssim" else digits(metric)


def told(metrics: list[str]) -> list[str]:
    """The measured metrics that tables show: the main ones and the requested ones."""
    return [name for name in metrics if name in MAIN or (name in METRICS and not METRICS[name].default)]


def _higher_is_better(metric: str) -> bool:
    return metric not in METRICS or METRICS[metric].higher_is_better
