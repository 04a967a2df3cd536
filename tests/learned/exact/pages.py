"""Small pictures that are no photographs, for the tests of the exact layer."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def page(height: int = 160, width: int = 240, ink: str = "black", paper: str = "white") -> np.ndarray:
    """Lines of anti-aliased text, uint8 (H, W, 3)."""
    image, font = Image.new("RGB", (width, height), paper), ImageFont.load_default(13)
    pen = ImageDraw.Draw(image)
    for line, top in enumerate(range(3, height - 12, 16)):
        pen.text((4, top), f"Line {line} of 37: quartz, judge & vow; sphinx!"[line % 5 :], ink, font)
    return np.array(image)


def page_with_photograph(photograph: np.ndarray) -> np.ndarray:
    """Text, and a photograph of 128 × 192 pixels in it."""
    picture = page(192, 288)
    picture[48:176, 64:256] = photograph[100:228, 200:392]
    return picture


def gradient(height: int = 160, width: int = 240) -> np.ndarray:
    """A smooth gradient, whose pixels often equal their neighbours."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns * 120 / width, rows * 90 / height + 40, (rows + columns) * 0.3], axis=2).astype(np.uint8)


def pixel_art(side: int = 16, scale: int = 10) -> np.ndarray:
    """Squares in eight colours."""
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 256, (8, 3), dtype=np.uint8)[rng.integers(0, 8, (side, side))]
    return np.kron(colours, np.ones((scale, scale, 1), np.uint8))


def grain(image: np.ndarray) -> np.ndarray:
    """The same with film grain."""
    noise = np.random.default_rng(2).normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def text_on_gradient(height: int = 160, width: int = 240) -> np.ndarray:
    """White text on a smooth gradient."""
    ink = 255 - page(height, width)[..., :1].astype(np.float32)
    ground = gradient(height, width)
    return np.rint(ground + (255 - ground) * (ink / 255)).astype(np.uint8)
