"""Pages of PDF files as a flatbed scanner would see them: a special domain to train for, from documents that anybody has.

`python scripts/document_scans.py FOLDER manual.pdf …` writes FOLDER/manual-0007.png and so on; needs `pip install pypdfium2`.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

PAPER = np.array([250, 247, 240])  # what white comes out as
INK = np.array([28, 26, 30])
TILT = 0.6  # degrees that a page may lie askew
BLUR = (0.4, 0.8)  # pixels, standard deviation of the optics
NOISE = 1.2  # 8-bit units, standard deviation of the sensor


def scanned(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A rendered page (H, W, 3) uint8 on paper, lit unevenly, a little askew, blurred and noisy: the same shape."""
    height, width = page.shape[:2]
    inked = INK + (PAPER - INK) * (page / 255.0)
    askew = Image.fromarray(inked.round().astype(np.uint8)).rotate(
        rng.uniform(-TILT, TILT), Image.Resampling.BICUBIC, fillcolor=tuple(PAPER.tolist())
    )
    soft = np.asarray(askew.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR))), dtype=np.float64)
    fall_y, fall_x = rng.uniform(-0.05, 0.05, 2)  # of the light, from one edge to the other
    light = 1 + fall_y * np.linspace(-0.5, 0.5, height)[:, None] + fall_x * np.linspace(-0.5, 0.5, width)
    noisy = soft * light[..., None] + rng.normal(0, NOISE, page.shape)
    return np.clip(noisy.round(), 0, 255).astype(np.uint8)


def spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` of `count` pages, evenly over the document."""
    return sorted({round(page) for page in np.linspace(0, count - 1, min(count, wanted))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("documents", type=Path, nargs="+", metavar="PDF")
    parser.add_argument("--pages", type=int, default=40, help="at most so many of each document, evenly spread (%(default)s)")
    parser.add_argument("--dpi", type=int, default=120, help="pixels an inch (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        import pypdfium2
    except ImportError:
        parser.error("rendering PDF files needs pypdfium2: pip install pypdfium2")
    options.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    for path in options.documents:
        document = pypdfium2.PdfDocument(path)
        for number in spread(len(document), options.pages):
            page = document[number].render(scale=options.dpi / 72).to_pil().convert("RGB")
            Image.fromarray(scanned(np.asarray(page), rng)).save(options.folder / f"{path.stem}-{number + 1:04}.png")


if __name__ == "__main__":
    main()
