"""Butteraugli by libjxl's program: a distance that no training loss of this project uses, to check gains by other metrics."""

import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from dlic.errors import DlicError
from dlic.metrics.distances import check_same_shape

PROGRAM = "butteraugli_main"
HOW = "Butteraugli needs libjxl's program butteraugli_main; apt-get install libjxl-devtools brings it"
SMALLEST = 8  # pixels of a side: below, the program prints 0 for any two images
TIMEOUT_S = 600.0  # a photograph of a megapixel takes about one second


def butteraugli(a: np.ndarray, b: np.ndarray) -> float | None:
    """The 3-norm of Butteraugli's map of differences, on a display of 80 nits: 0 for equal images, then up, lower is better.

    Both uint8 sRGB (H, W, 3). About 0.5 is hard to see and 3 is plain. None below 8 × 8 pixels.
    Raises DlicError where the program is missing, fails, or takes longer than ten minutes.
    """
    check_same_shape(a, b)
    if min(a.shape[:2]) < SMALLEST:
        return None
    with tempfile.TemporaryDirectory(prefix="dlic-") as folder:
        paths = [Path(folder) / name for name in ("original.ppm", "decoded.ppm")]
        for path, image in zip(paths, (a, b), strict=True):
            Image.fromarray(image).save(path)
        return _three_norm(_printed([PROGRAM, *map(str, paths)]))


def _printed(command: list[str]) -> str:
    """Standard output of a command that must succeed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
    except FileNotFoundError as error:
        raise DlicError(HOW) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DlicError(f"{PROGRAM} cannot be used: {error}") from error
    if done.returncode != 0:
        messages = done.stderr.splitlines() or ["it says nothing on standard error"]
        raise DlicError(f"{PROGRAM} failed with exit code {done.returncode}: {messages[-1]}")
    return done.stdout


def _three_norm(printed: str) -> float:
    """The program prints the largest difference, and on a line of its own `3-norm: 1.450794`."""
    match = re.search(r"^3-norm: (\S+)$", printed, re.MULTILINE)
    if match is None:
        raise DlicError(f"{PROGRAM} printed no 3-norm: {' '.join(printed.split())[:80]!r}")
    return float(match[1])
