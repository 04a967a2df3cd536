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
TOP, LEFT, CROP, ZOOM = 96, 96, 240, 2  # pixels: the head of a parrot, each pixel four times
CAPTION, GAP = 64, 8
DARK, LIGHT, PALE = "#16212b", "#ffffff", "#b6c4cf"


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
    def caption(self) -> tuple[str, str]:
        return f"{self.name}, {self.size:,} bytes", f"{self.psnr:.2f} dB PSNR · SSIMULACRA 2 score {self.ssimulacra2:.0f}"


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
    captions = [("original", f"{original.nbytes:,} bytes of pixels"), *(one.caption for one in shown)]
    write_image(OUTPUT / "side_by_side.png", side_by_side(captions, [original, *(one.pixels for one in shown)]), overwrite=True)
    print(f"\nlook at   {(OUTPUT / 'side_by_side.png').relative_to(ROOT)}")
    print("next      .venv-base/bin/dlic compare YOUR_PHOTOGRAPH --size 20k")


def _peer(name: str, original: np.ndarray, size: int) -> Shown:
    """The best file of a peer that is no larger, or its smallest."""
    series = open_series(name)
    matched = at_size(series, original, size)
    (OUTPUT / f"kodim23.{'jpg' if name == 'jpeg' else name}").write_bytes(matched.data)
    return Shown.of(name.upper(), len(matched.data), original, series.at(matched.quality).decompress(matched.data))


def side_by_side(captions: list[tuple[str, str]], images: list[np.ndarray]) -> np.ndarray:
    """The same detail of each image at twice its size, two in a row, each under its caption."""
    side = CROP * ZOOM
    whole = Image.new("RGB", (2 * side + 3 * GAP, len(images) // 2 * (side + CAPTION + GAP) + GAP), DARK)
    draw = ImageDraw.Draw(whole)
    for place, ((name, figures), image) in enumerate(zip(captions, images, strict=True)):
        left, top = GAP + place % 2 * (side + GAP), GAP + place // 2 * (side + CAPTION + GAP)
        draw.text((left, top + 4), name, fill=LIGHT, font_size=24)
        draw.text((left, top + 36), figures, fill=PALE, font_size=17)
        detail = Image.fromarray(image[TOP : TOP + CROP, LEFT : LEFT + CROP])
        whole.paste(detail.resize((side, side), Image.Resampling.NEAREST), (left, top + CAPTION))
    return np.array(whole)


if __name__ == "__main__":
    main()
