"""`make demo`: one photograph through the shipped checkpoint, beside JPEG at the same size."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import dlic
from dlic.images.files import read_image, write_image
from dlic.metrics.registry import ms_ssim, psnr
from dlic.peers.pillow import jpeg, jpeg_at_size

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = ROOT / "tests" / "photographs" / "kodim23.png"
OUTPUT = ROOT / "demo"


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    original = read_image(PHOTOGRAPH).pixels
    path = OUTPUT / "kodim23.dlic"
    path.write_bytes(dlic.compress(original))
    ours = dlic.decompress(path.read_bytes())
    write_image(OUTPUT / "kodim23.dlic.png", ours, overwrite=True)

    size = path.stat().st_size
    quality, data = jpeg_at_size(original, size)
    (OUTPUT / "kodim23.jpg").write_bytes(data)
    theirs = jpeg(quality).decompress(data)

    print(f"{PHOTOGRAPH.name}, {original.shape[1]} × {original.shape[0]}, {PHOTOGRAPH.stat().st_size:,} bytes as PNG")
    show("dlic", size, original, ours)
    show(f"JPEG q{quality}", len(data), original, theirs)
    captions = ("original", caption("dlic", size), caption("JPEG", len(data)))
    write_image(OUTPUT / "side_by_side.png", side_by_side(captions, (original, ours, theirs)), overwrite=True)
    print(f"side by side: {(OUTPUT / 'side_by_side.png').relative_to(ROOT)}")


def show(name: str, size: int, original: np.ndarray, decoded: np.ndarray) -> None:
    bpp = size * 8 / (original.shape[0] * original.shape[1])
    print(
        f"{name:9} {size:7,} bytes  {bpp:.3f} bpp  {psnr(original, decoded):.2f} dB PSNR  {ms_ssim(original, decoded):.4f} MS-SSIM"
    )


def caption(name: str, size: int) -> str:
    return f"{name}, {size:,} bytes"


def side_by_side(captions: tuple[str, ...], images: tuple[np.ndarray, ...]) -> np.ndarray:
    """The middle of each image at twice its size, in one row under its caption."""
    tiles = []
    for text, image in zip(captions, images, strict=True):
        height, width = image.shape[:2]
        crop = image[height // 4 : height // 4 + 256, width // 4 : width // 4 + 256]
        tile = Image.new("RGB", (512, 544), "white")
        tile.paste(Image.fromarray(crop).resize((512, 512), Image.Resampling.NEAREST), (0, 32))
        ImageDraw.Draw(tile).text((8, 4), text, fill="black", font_size=20)
        tiles.append(np.array(tile))
    return np.concatenate(tiles, axis=1)


if __name__ == "__main__":
    main()
