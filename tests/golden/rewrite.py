"""Makes golden files, which must decode for ever.

python -m tests.golden.rewrite         all of them anew: together with a new format version only
python -m tests.golden.rewrite NAME    one more, when a checkpoint begins to ship
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from dlic.checkpoints import Training, find
from dlic.codecs.learned import load_codec
from dlic.models.factorized import Factorized
from dlic.training.export import Exported, integer_tables, write_checkpoint

GOLDEN = Path(__file__).parent
TINY = GOLDEN / "tiny"
KODAK = GOLDEN.parent / "photographs" / "kodim23.png"


def golden_images() -> dict[str, np.ndarray]:
    """Odd sizes, a photograph, and noise, whose symbols escape the tables."""
    photograph = np.array(Image.open(KODAK).convert("RGB"))
    noise = np.random.default_rng(0).integers(0, 2, (40, 50, 3), dtype=np.uint8) * 255
    return {"photograph": photograph[100:165, 200:457], "one_pixel": photograph[:1, :1], "odd": photograph[:7, :13], "noise": noise}


def write_tiny() -> None:
    """A checkpoint of a few kilobytes: the block DCT every model of this kind starts as."""
    torch.manual_seed(0)
    network = Factorized(channels=16, latents=24, fine_blocks=1, coarse_blocks=1, initial_step=16.0).eval()
    network.prepare()
    run = Exported(network, Training(steps=0, pixels=0, lmbda=0.01, distortion="mse"))
    write_checkpoint(run, integer_tables(network), TINY, "For tests: an untrained block DCT.")


def write_files(folder: Path, checkpoint: Path, images: dict[str, np.ndarray]) -> None:
    codec = load_codec(checkpoint)
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        data = codec.compress(image)
        (folder / f"{name}.dlic").write_bytes(data)
        Image.fromarray(codec.decompress(data)).save(folder / f"{name}.png")


def main() -> None:
    if sys.argv[1:]:
        write_files(GOLDEN / "shipped", find(sys.argv[1]), {sys.argv[1]: golden_images()["photograph"]})
        return
    write_tiny()
    write_files(GOLDEN, TINY, golden_images())


if __name__ == "__main__":
    main()
