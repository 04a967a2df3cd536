"""The rate–distortion curve of one recipe: its exported checkpoints, each trained with another λ, on the same images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from dlic.evaluation.plots import Curve, figure_pixels, rd_figure
from dlic.evaluation.rate_distortion import Point, bits_saved, jpeg_curve, mean_point
from dlic.learned.codec import load_codec


def curve_of_checkpoints(folders: Sequence[Path], images: Sequence[np.ndarray]) -> list[Point]:
    """One point a checkpoint folder, in their order, on uint8 (H, W, 3) images; from the bytes of the .dlic files."""
    return [mean_point(load_codec(folder), images) for folder in folders]


def log_curve(log_dir: Path, folders: Sequence[Path], images: Sequence[np.ndarray]) -> list[Point]:
    """Draw the checkpoints and JPEG into TensorBoard as `rate_distortion/checkpoints`, and print them as a table."""
    points, jpeg = curve_of_checkpoints(folders, images), jpeg_curve(images)
    by_rate = sorted(points, key=lambda point: point.bpp)
    figure = rd_figure([Curve.through("JPEG 4:2:0", jpeg, "k.--"), Curve.through("checkpoints", by_rate, "C0o-")])
    with SummaryWriter(str(log_dir)) as writer:
        writer.add_image("rate_distortion/checkpoints", figure_pixels(figure), dataformats="HWC")
    print("\n".join(_table(folders, points, jpeg)))
    return points


def _table(folders: Sequence[Path], points: Sequence[Point], jpeg: Sequence[Point]) -> list[str]:
    width = max(len(name) for name in ("checkpoint", *(Path(folder).name for folder in folders)))
    rows = [f"{'checkpoint':{width}}  {'bpp':>7}  {'PSNR dB':>7}  {'against JPEG':>12}"]
    for folder, point in zip(folders, points, strict=True):
        rows.append(f"{Path(folder).name:{width}}  {point.bpp:7.3f}  {point.score:7.2f}  {_against(jpeg, point):>12}")
    return rows


def _against(jpeg: Sequence[Point], point: Point) -> str:
    """Difference in bits from JPEG at the same PSNR."""
    try:
        return f"{-100 * bits_saved(jpeg, point):+.1f} %"
    except ValueError:
        return "outside"
