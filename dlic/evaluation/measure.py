"""One image through one codec: a file is written, read back and decoded, and its pixels are compared."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dlic.errors import DlicError
from dlic.evaluation.run import Row
from dlic.evaluation.series import Series
from dlic.metrics.registry import Metric
from dlic.runtime.timing import timed


def measure(series: Series, quality: float | None, name: str, image: np.ndarray, metrics: Mapping[str, Metric]) -> Row:
    """Codes uint8 (H, W, 3), called `name`, and measures file and decoded pixels. Raises DlicError for a wrong decoded size."""
    seconds: dict[str, float] = {}
    codec = series.at(quality)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{series.ending}"
        with timed(seconds, "encode"):
            data = codec.compress(image)
        path.write_bytes(data)
        size, data = path.stat().st_size, path.read_bytes()
        with timed(seconds, "decode"):
            decoded = codec.decompress(data)
    if decoded.shape != image.shape:
        raise DlicError(f"{series.label} made {decoded.shape} of {name}, which is {image.shape}")
    return Row(
        series.name,
        quality,
        name,
        size,
        size * 8 / (image.shape[0] * image.shape[1]),
        1000 * seconds["encode"],
        1000 * seconds["decode"],
        series.estimated_bits(data) if series.estimated_bits else None,
        {metric.name: metric.compute(image, decoded) for metric in metrics.values()},
    )
