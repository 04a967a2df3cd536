"""Golden files that browsers decode, and the pixels that they must show."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.golden.rewrite import GOLDEN

LIGHT = sorted(GOLDEN.glob("light*.dlic"))
KINDS = sorted((GOLDEN / "kinds").glob("*.dlic"))
EXACT = sorted((GOLDEN / "exact").glob("*.dlic"))
FILES = [*LIGHT, *KINDS, *EXACT]


def expected(path: Path) -> np.ndarray:
    """RGBA (H, W, 4)."""
    return np.array(Image.open(path.with_suffix(".png")).convert("RGBA"))


def largest_difference(shown: np.ndarray, path: Path, channels: int = 4) -> int:
    """Over colours where they are seen, and alpha."""
    wanted = expected(path)[..., :channels]
    if channels == 3:
        return int(np.abs(shown.astype(int) - wanted).max())
    difference = np.abs(shown.astype(int) - wanted)
    difference[..., :3] *= wanted[..., 3:] > 0
    return int(difference.max())
