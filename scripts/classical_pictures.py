"""The pictures of docs/classical.md: every stage of JPEG, wavelet and lossless coding on one photograph.

python scripts/classical_pictures.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dlic.classical.jpeg.blocks import dct, fixed_point_idct, join, split
from dlic.classical.jpeg.quantisation import LUMA, dequantise, quantise, scaled
from dlic.classical.lossless.prediction import predict
from dlic.classical.lossless.reversible_colour import forward
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.classical.wavelet.transform import bands, forward_97
from dlic.images.colour import rgb_to_ycbcr
from dlic.images.files import read_image

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = ROOT / "tests" / "photographs" / "kodim23.png"
CROP = (slice(96, 352), slice(96, 352))  # 256 × 256 pixels: the head of a parrot
GAP, CAPTION = 8, 24  # pixels
QUALITY = 20  # of the JPEG: low enough to see


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    pixels = read_image(PHOTOGRAPH).pixels[CROP]
    for name, pictures in (("jpeg", jpeg(pixels)), ("wavelet", wavelet(pixels)), ("lossless", lossless(pixels))):
        row(pictures).save(folder / f"classical-{name}.webp", quality=85, method=6)


def jpeg(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The planes, the coefficients of luma, their levels, and luma again."""
    luma, blue, red = np.moveaxis(rgb_to_ycbcr(pixels), -1, 0)
    steps = scaled(LUMA, QUALITY)
    coefficients = dct(split(luma) - 128)
    levels = quantise(coefficients, steps)
    again = fixed_point_idct(dequantise(levels, steps))
    side = pixels.shape[0] // 8
    return {
        "luma Y": luma,
        "chroma Cb": blue,
        "chroma Cr": red,
        "DCT of Y, blocks of 8": magnitudes(join(coefficients, side, side) * 4.0),
        f"levels, quality {QUALITY}": magnitudes(join(levels, side, side) * 80.0),
        "luma again": join(again, side, side),
    }


def wavelet(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The bands of three levels, the same in multiples of a step, and pictures of a stream that was cut."""
    luma = rgb_to_ycbcr(pixels)[..., 0] - 128.0
    decomposed = forward_97(luma.astype(np.float32), 3)
    shown = np.empty_like(luma)
    for band in bands(luma.shape, 3):
        part = decomposed[band.rows, band.columns]
        shown[band.rows, band.columns] = part / 8 + 128 if band.kind == "LL" else magnitudes(part * 1.5)
    levels = np.abs(np.trunc(decomposed / 12))
    data = WaveletCodec(quality=60).compress(pixels)
    cut = {f"the first {size:,} bytes": WaveletCodec().decompress_prefix(data[:size]) for size in (1200, 4000)}
    return {"luma Y": luma + 128, "CDF 9/7, three levels": shown, "bit planes left at step 12": planes(levels), **cut}


def planes(levels: np.ndarray) -> np.ndarray:
    """How many bit planes each level has, darker where there are more."""
    return 255 - 40.0 * np.ceil(np.log2(levels + 1))


def lossless(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The planes of the reversible transform, and what each predictor leaves of green."""
    luma, co, cg = forward([pixels[..., c].astype(np.int32) for c in range(3)], 8, "ycocg")
    nothing = np.zeros(luma.shape, np.int32)
    residuals = {f"left by {name}": magnitudes(predict(luma, 8, name, nothing)[2] * 6.0) for name in ("paeth", "med", "blend")}
    return {"Y of YCoCg-R": luma, "Co": co, "Cg": cg, **residuals}


def magnitudes(values: np.ndarray) -> np.ndarray:
    """Absolute values as grey, darker where they are larger."""
    return 255 - np.minimum(np.abs(values), 255)


def row(pictures: dict[str, np.ndarray]) -> Image.Image:
    """Pictures side by side, each under its name."""
    height, width = next(iter(pictures.values())).shape[:2]
    whole = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height + CAPTION), "white")
    for place, (name, picture) in enumerate(pictures.items()):
        left = place * (width + GAP)
        whole.paste(Image.fromarray(np.clip(picture, 0, 255).round().astype(np.uint8)).convert("RGB"), (left, CAPTION))
        ImageDraw.Draw(whole).text((left, 2), name, fill="black", font_size=16)
    return whole


if __name__ == "__main__":
    main()
