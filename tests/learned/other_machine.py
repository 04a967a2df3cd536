"""What `test_machines` runs elsewhere: with another Python, another torch, or other instructions of the processor.

    python -m tests.learned.other_machine write FOLDER          files of FOLDER/photograph.npy, of many kinds and levels
    python -m tests.learned.other_machine show FOLDER SHOWN     what all of them show, which fails where a symbol differs

Needs nothing but what dlic itself needs.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

import dlic
from dlic.checkpoints.local import default_name, find
from dlic.entropy.coder import PLAIN
from dlic.learned import rounding
from dlic.learned.codec import LearnedCodec, load_codec
from dlic.learned.tiles.plan import Tiling

LEVELS = 24, 63
TILES = Tiling(side=192, above=0)


def write(folder: Path) -> None:
    """Each name says how its file was made."""
    photograph = np.load(folder / "photograph.npy")
    codec = load_codec(find(default_name()))
    for level in LEVELS:
        for name, file in _files(codec, photograph, level):
            (folder / f"{name}_{level}.dlic").write_bytes(file)
    mask = np.add.outer(np.arange(photograph.shape[0]), np.arange(photograph.shape[1])).astype(np.uint8)
    (folder / "gray.dlic").write_bytes(dlic.compress(photograph[..., 1], 50))
    (folder / "rgba.dlic").write_bytes(dlic.compress(np.dstack([photograph, mask]), 50, alpha_quality=40))


def _files(codec: LearnedCodec, image: np.ndarray, level: int) -> Iterator[tuple[str, bytes]]:
    yield "plain", codec.with_coder(PLAIN).compress(image, level)
    yield "parity", codec.compress(image, level)
    with mock.patch.object(rounding, "finer_steps", lambda error, aim: 16):
        yield "tiles", replace(codec, tiling=TILES).compress(image, level)


def show(folder: Path, shown: Path) -> None:
    """The pixels of each file, by its name."""
    np.savez(shown, **{path.stem: dlic.decompress(path.read_bytes()) for path in sorted(folder.glob("*.dlic"))})


if __name__ == "__main__":
    {"write": write, "show": show}[sys.argv[1]](*map(Path, sys.argv[2:]))
