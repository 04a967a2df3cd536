"""`make demo`: one photograph through the shipped checkpoint, next to AVIF and JPEG of the same size."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import dlic
from dlic.evaluation.known_codecs import AS_SHIPPED
from dlic.evaluation.registry import open_series
from dlic.images.files import read_image, write_image
from dlic.metrics.registry import ms_ssim, psnr
from dlic.metrics.ssimulacra2 import ssimulacra2
from dlic.report.matched_size import at_size

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = ROOT / "tests" / "photographs" / "kodim23.png"
OUTPUT = ROOT / "demo"
QUALITY = 30  # where codecs differ to the naked eye
CROP, ZOOM, CAPTION = 256, 2, 64  # pixels


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture of the demo."""

    name: str
    size: int  # bytes of its file
    pixels: np.ndarray  # uint8 (H, W, 3)
    psnr: float
    ms_ssim: float
    ssimulacra2: float

    @classmethod
    def of(cls, name: str, size: int, original: np.ndarray, pixels: np.ndarray) -> "Shown":
        return cls(
            name=name,
            size=size,
            pixels=pixels,
            psnr=psnr(original, pixels),
            ms_ssim=ms_ssim(original, pixels) or 0.0,
            ssimulacra2=ssimulacra2(original, pixels) or 0.0,
        )

    @property
    def line(self) -> str:
        bpp = self.size * 8 / (self.pixels.shape[0] * self.pixels.shape[1])
        return (
            f"{self.name:5} {self.size:7,} bytes  {bpp:.3f} bpp  {self.psnr:.2f} dB PSNR  {self.ms_ssim:.4f} MS-SSIM  "
            f"{self.ssimulacra2:.1f} SSIMULACRA 2"
        )

    @property
    def caption(self) -> str:
        return f"{self.name}, {self.size:,} bytes\n{self.psnr:.2f} dB PSNR, SSIMULACRA 2 score {self.ssimulacra2:.0f}"


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    original = read_image(PHOTOGRAPH).pixels
    path = OUTPUT / "kodim23.dlic"
    path.write_bytes(dlic.compress(original, QUALITY))
    ours = dlic.decompress(path.read_bytes())
    write_image(OUTPUT / "kodim23.dlic.png", ours, overwrite=True)
    size = path.stat().st_size
    shown = [Shown.of("dlic", size, original, ours), *(_peer(name, original, size) for name in (AS_SHIPPED, "jpeg"))]

    print(f"{PHOTOGRAPH.name}, {original.shape[1]} × {original.shape[0]}, {PHOTOGRAPH.stat().st_size:,} bytes as PNG")
    for one in shown:
        print(one.line)
    captions = ["original", *(one.caption for one in shown)]
    write_image(OUTPUT / "side_by_side.png", side_by_side(captions, [original, *(one.pixels for one in shown)]), overwrite=True)
    print(f"side by side: {(OUTPUT / 'side_by_side.png').relative_to(ROOT)}")
    print("next: .venv-base/bin/dlic compress YOUR_PHOTOGRAPH")


def _peer(name: str, original: np.ndarray, size: int) -> Shown:
    """The best file of a peer that is no larger, or its smallest."""
    series = open_series(name)
    matched = at_size(series, original, size)
    (OUTPUT / f"kodim23.{'jpg' if name == 'jpeg' else name}").write_bytes(matched.data)
    return Shown.of(name.upper(), len(matched.data), original, series.at(matched.quality).decompress(matched.data))


def side_by_side(captions: list[str], images: list[np.ndarray]) -> np.ndarray:
    """The middle of each image at twice its size, two in a row, each under its caption."""
    tiles = []
    for text, image in zip(captions, images, strict=True):
        height, width = image.shape[:2]
        crop = Image.fromarray(image[height // 4 : height // 4 + CROP, width // 4 : width // 4 + CROP])
        tile = Image.new("RGB", (CROP * ZOOM, CROP * ZOOM + CAPTION), "white")
        tile.paste(crop.resize((CROP * ZOOM, CROP * ZOOM), Image.Resampling.NEAREST), (0, CAPTION))
        ImageDraw.Draw(tile).multiline_text((8, 6), text, fill="black", font_size=20)
        tiles.append(np.array(tile))
    return np.concatenate([np.concatenate(tiles[row : row + 2], axis=1) for row in range(0, len(tiles), 2)], axis=0)


if __name__ == "__main__":
    main()
