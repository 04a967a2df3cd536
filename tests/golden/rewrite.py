"""Makes golden files, which must decode for ever.

python -m tests.golden.rewrite             all of them anew, but for shipped checkpoints: together with a new format version only
python -m tests.golden.rewrite checkpoints the tiny checkpoints, and so all files of theirs
python -m tests.golden.rewrite light       those of the tiny light model
python -m tests.golden.rewrite tiles       that of the tiny light model in tiles
python -m tests.golden.rewrite finer       that in tiles with finer steps at their seams
python -m tests.golden.rewrite progressive those in two layers
python -m tests.golden.rewrite classical   those of the codecs without a checkpoint
python -m tests.golden.rewrite kinds       those with chunks: gray, transparency, metadata
python -m tests.golden.rewrite exact       those with exact blocks
python -m tests.golden.rewrite NAME        one more, when a checkpoint begins to ship
"""

import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

import dlic
from dlic.checkpoints.local import find
from dlic.checkpoints.manifest import Training
from dlic.classical.lossless import palette, webp
from dlic.classical.lossless.codec import LosslessCodec
from dlic.classical.wavelet.codec import WaveletCodec
from dlic.container.exact_layer import ExactLayer, size_of_mask
from dlic.container.format import read
from dlic.container.layer_ends import ends_of_layers
from dlic.entropy.coder import PARITY, PLAIN
from dlic.formats.progressive import trimmed
from dlic.learned import rounding
from dlic.learned.codec import load_codec
from dlic.learned.exact import whole
from dlic.learned.exact.choice import Chooser, Exact
from dlic.learned.exact.codec import LayeredCodec
from dlic.learned.exact.price import Price
from dlic.learned.progressive import refinement
from dlic.learned.progressive.codec import ProgressiveCodec
from dlic.learned.progressive.part_counts import PartCounts
from dlic.learned.tiles.plan import Tiling
from dlic.models.base import Model
from dlic.models.factorized import Factorized
from dlic.models.light import Light
from dlic.pixels.arrays import Codec
from dlic.training.export import Exported, learned_tables, write_checkpoint
from tests.learned.exact import pages

GOLDEN = Path(__file__).parent
TINY, TINY_LIGHT = GOLDEN / "tiny", GOLDEN / "tiny_light"
CLASSICAL: dict[str, Codec] = {
    "lossless_wavefront": LosslessCodec(),
    "lossless_predictive": LosslessCodec("predictive"),
    "lossless_wavelet": LosslessCodec("wavelet"),
    "wavelet": WaveletCodec(60),
    "wavelet_cut": WaveletCodec(90, 700),
}
LIGHT_LEVELS = (0, 31, 63)
CODER_OF = {"light": PLAIN, "light_parity": PARITY}  # by the beginning of a file's name
METADATA = {
    "icc_profile": bytes(range(200)), "exif": b"MM\0*\0\0\0\x08\0\0", "xmp": b"<x:xmpmeta/>" * 20, "dpi": (300.0, 72.5),
    "text": {"Title": "golden", "Author": "Žofie"}, "thumbnail": 16,
}  # fmt: skip
TILED_NAME, TILED_PARITY_NAME, TILED_LEVEL = "light_31_tiles", "light_parity_31_tiles", 31
FINER_NAME, FINER_LEVEL = "light_40_finer", 40
KODAK = GOLDEN.parent / "photographs" / "kodim23.png"


def golden_images() -> dict[str, np.ndarray]:
    """Odd sizes, a photograph, and noise, whose symbols escape the tables."""
    photograph = np.array(Image.open(KODAK).convert("RGB"))
    noise = np.random.default_rng(0).integers(0, 2, (40, 50, 3), dtype=np.uint8) * 255
    return {"photograph": photograph[100:165, 200:457], "one_pixel": photograph[:1, :1], "odd": photograph[:7, :13], "noise": noise}


def write_tiny() -> None:
    """A checkpoint of a few kilobytes: the block DCT every model of this kind starts as."""
    torch.manual_seed(0)
    write_untrained(Factorized(channels=16, latents=24, fine_blocks=1, coarse_blocks=1, initial_step=16.0), TINY)


def write_tiny_light() -> None:
    """The same for light, shaken so that scales and means depend on z."""
    network = tiny_light()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
        for conv in (network.h_s_scale.last, network.h_s_mean.last):
            conv.weight.normal_(0, 0.5)
    write_untrained(network, TINY_LIGHT)


def tiny_light() -> Light:
    """Always the same."""
    torch.manual_seed(0)
    return Light(
        channels=16, latents=24, hyper=8, hidden=8, fine_inner=8, coarse_inner=8,
        encoder_fine=1, encoder_coarse=1, decoder_fine=1, decoder_coarse=1,
    )  # fmt: skip


def write_untrained(network: Model, folder: Path) -> None:
    network.eval().prepare()
    lmbda = 0.01 if network.levels == 1 else None
    run = Exported(network, Training(steps=0, pixels=0, lmbda=lmbda, distortion="mse"))
    write_checkpoint(run, learned_tables(network), folder, "For tests: an untrained block DCT.")


def write_files(folder: Path, checkpoint: Path, images: dict[str, np.ndarray], level: int = 0, coder: int | None = None) -> None:
    codec = load_codec(checkpoint) if coder is None else load_codec(checkpoint).with_coder(coder)
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        data = codec.compress(image, level)
        (folder / f"{name}.dlic").write_bytes(data)
        Image.fromarray(codec.decompress(data)).save(folder / f"{name}.png")


def write_light_files() -> None:
    for level in LIGHT_LEVELS:
        for prefix, coder in CODER_OF.items():
            named = {f"{prefix}_{level}_{name}": image for name, image in golden_images().items()}
            write_files(GOLDEN, TINY_LIGHT, named, level, coder)


def write_tiled_file() -> None:
    """The photograph in 4 × 1 tiles."""
    for name, coder in ((TILED_NAME, PLAIN), (TILED_PARITY_NAME, PARITY)):
        codec = replace(load_codec(TINY_LIGHT).with_coder(coder), tiling=Tiling(side=64, above=0))
        data = codec.compress(golden_images()["photograph"], TILED_LEVEL)
        (GOLDEN / f"{name}.dlic").write_bytes(data)
        Image.fromarray(codec.decompress(data)).save(GOLDEN / f"{name}.png")


def write_file_of_finer_steps() -> None:
    """Another part of the photograph in two tiles, of which one has finer steps at the seam."""
    codec = replace(load_codec(TINY_LIGHT).with_coder(PLAIN), tiling=Tiling(side=192, above=0))
    photograph = np.array(Image.open(KODAK).convert("RGB"))
    with mock.patch.object(rounding, "finer_steps", lambda error, aim: 24):
        data = codec.compress(photograph[100:228, 200:520], FINER_LEVEL)
    (GOLDEN / f"{FINER_NAME}.dlic").write_bytes(data)
    Image.fromarray(codec.decompress(data)).save(GOLDEN / f"{FINER_NAME}.png")


def write_progressive_files() -> None:
    """The photograph in layers: in one unit by both coders, cut in either layer, without a second layer, in tiles with finer steps,
    with alpha.
    """
    (GOLDEN / "progressive").mkdir(exist_ok=True)
    for name, data in progressive_files().items():
        (GOLDEN / "progressive" / f"{name}.dlic").write_bytes(data)
        weights = None if name == "light-1" else TINY_LIGHT
        Image.fromarray(dlic.decompress(data, weights=weights)).save(GOLDEN / "progressive" / f"{name}.png")


def progressive_files() -> dict[str, bytes]:
    """Progressive files of the tiny light model by name."""
    images, light = golden_images(), load_codec(TINY_LIGHT)
    photograph, plain = images["photograph"], light.with_coder(PLAIN)
    tiles = replace(light, tiling=Tiling(side=64, above=0))
    whole = ProgressiveCodec(light, PartCounts(3, 5)).compress(photograph, 38)
    ends = ends_of_layers(read(whole))
    with mock.patch.object(refinement, "finer_steps", lambda error, aim: 24):
        finer = ProgressiveCodec(tiles, PartCounts(2, 2)).compress(photograph, 45)
    return {
        "photograph": whole,
        "photograph_cut": trimmed(whole, ends[5].at + 20),
        "first_part": trimmed(whole, ends[0].at + 20),
        "photograph_rans": ProgressiveCodec(plain, PartCounts(4, 3)).compress(photograph, 63),
        "first_layer": trimmed(whole, ends[2].at + 20),
        "low_level": ProgressiveCodec(light).compress(photograph, 12),
        "noise": ProgressiveCodec(light, PartCounts(2, 4)).compress(images["noise"], 40),
        "one_pixel": ProgressiveCodec(light).compress(images["one_pixel"], 20),
        "tiles": ProgressiveCodec(tiles, PartCounts(3, 3)).compress(photograph, 31),
        "tiles_finer": finer,
        "tiles_cut": trimmed(finer, len(finer) - 200),
        "light-1": ProgressiveCodec(load_codec(find("light-1")), PartCounts(3, 4)).compress(photograph, 45),
        "rgba": dlic.compress(kinds()["rgba"][0], 60, progressive=True, weights=TINY_LIGHT, **METADATA),
    }


def write_classical_files() -> None:
    """The photograph by every codec, beside what it decodes to."""
    folder = GOLDEN / "classical"
    folder.mkdir(exist_ok=True)
    for name, codec in CLASSICAL.items():
        data = codec.compress(golden_images()["photograph"])
        (folder / f"{name}.dlic").write_bytes(data)
        Image.fromarray(codec.decompress(data)).save(folder / f"{name}.png")


def write_files_of_kinds() -> None:
    """Gray, RGBA with exact alpha and gray with lossy alpha, all with metadata, by the tiny light model."""
    (GOLDEN / "kinds").mkdir(exist_ok=True)
    for name, (image, alpha_quality) in kinds().items():
        data = dlic.compress(image, 30, weights=TINY_LIGHT, alpha_quality=alpha_quality, **METADATA)
        (GOLDEN / "kinds" / f"{name}.dlic").write_bytes(data)
        Image.fromarray(dlic.decompress(data, weights=TINY_LIGHT)).save(GOLDEN / "kinds" / f"{name}.png")


def kinds() -> dict[str, tuple[np.ndarray, int]]:
    """Pictures with the quality of their alpha."""
    colours = golden_images()["photograph"][:48, :64]
    mask = np.clip(np.add.outer(np.arange(48) * 6, np.arange(64) * 4) - 100, 0, 255).astype(np.uint8)
    return {
        "gray": (colours[..., 1], 100),
        "rgba": (np.dstack([colours, mask]), 100),
        "gray_alpha_lossy": (np.dstack([colours[..., 1], mask]), 50),
        "alpha_in_tiles": (np.tile(np.dstack([colours, mask])[:20], (1, 30, 1)), 100),
    }


def write_exact_files() -> None:
    """Exact blocks by every kind of stream, alone and next to a network's picture, with clear pixels."""
    (GOLDEN / "exact").mkdir(exist_ok=True)
    for name, data in exact_files().items():
        (GOLDEN / "exact" / f"exact_{name}.dlic").write_bytes(data)
        Image.fromarray(dlic.decompress(data, weights=TINY_LIGHT)).save(GOLDEN / "exact" / f"exact_{name}.png")


def exact_files() -> dict[str, bytes]:
    """Files with exact blocks by name."""
    text, shades = pages.page(90, 150), pages.gradient(90, 150)
    chooser = Chooser(pages.text_on_gradient(96, 160), "screen", visual=False)
    codec = LayeredCodec(load_codec(TINY_LIGHT), chooser)
    clear = chooser.at(Price.of_level(30, 64))
    assert clear is not None and clear.clear is not None
    return {
        "palette": _exact_file(palette.encode(text), text),
        "wide_palette": _exact_file(palette.encode(shades[:40, :50]), shades[:40, :50]),
        "webp": _exact_file(webp.encode(shades), shades),
        "clear": codec._encode(codec.analyse(chooser.image), clear, 30).data,
    }


def _exact_file(stream: bytes | None, image: np.ndarray) -> bytes:
    assert stream is not None, "the pictures above have few colours"
    height, width = image.shape[:2]
    layer = ExactLayer(width=width, height=height, mask=np.ones(size_of_mask(width, height), bool), streams=(stream,))
    return whole.encoded(Exact(image, layer), 30, ()).data


def main() -> None:
    if sys.argv[1:] == ["checkpoints"]:
        write_tiny()
        write_tiny_light()
    elif sys.argv[1:] == ["kinds"]:
        write_files_of_kinds()
    elif sys.argv[1:] == ["light"]:
        write_light_files()
    elif sys.argv[1:] == ["tiles"]:
        write_tiled_file()
    elif sys.argv[1:] == ["finer"]:
        write_file_of_finer_steps()
    elif sys.argv[1:] == ["progressive"]:
        write_progressive_files()
    elif sys.argv[1:] == ["exact"]:
        write_exact_files()
    elif sys.argv[1:] == ["classical"]:
        write_classical_files()
    elif sys.argv[1:]:
        name = sys.argv[1]
        write_files(GOLDEN / "shipped", find(name), {name: golden_images()["photograph"]}, level=load_codec(find(name)).levels // 2)
    else:
        write_files(GOLDEN, TINY, golden_images())
        write_light_files()
        write_tiled_file()
        write_file_of_finer_steps()
        write_progressive_files()
        write_classical_files()
        write_files_of_kinds()
        write_exact_files()


if __name__ == "__main__":
    main()
