"""Fits the early exits of checkpoints (`dlic/runtime/early_exits.safetensors`), by least squares on photographs.

python scripts/fit_early_exits.py light-1 light-2-visual light-1-ms-ssim --photographs FOLDER FOLDER
python scripts/fit_early_exits.py light-1 --measure --photographs FOLDER  # PSNR of stored ones, against averages of whole pictures
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from dlic.checkpoints.local import folder_of
from dlic.data.photographs import find_photographs
from dlic.errors import DlicError
from dlic.images.files import read_image
from dlic.learned.codec import LearnedCodec, read_codec
from dlic.metrics.distances import psnr
from dlic.pixels.rectangles import Rectangle
from dlic.pixels.reduction import averaged, box_means
from dlic.runtime.early_exit import FILE, REACH, REDUCTION, SIDE, EarlyExit
from dlic.runtime.network import ExitsEarly, Unrounded

LEVELS = (8, 24, 40, 56)
WINDOW = 320  # pixels a side of the middle of each photograph
RIDGE = 1e-7  # of the mean of the diagonal
AROUND_GREY = 128 - 0.5  # added to `differences`

Pixels = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", help="names of checkpoints")
    parser.add_argument("--photographs", type=Path, nargs="+", required=True, help="folders of photographs")
    parser.add_argument("--count", type=int, default=20, help="photographs, evenly spaced among those of the folders")
    parser.add_argument("--measure", action="store_true", help="fit nothing")
    asked = parser.parse_args()
    try:
        run(asked.checkpoints, asked.photographs, asked.count, asked.measure)
    except DlicError as error:
        sys.exit(f"fit_early_exits: {error}")


def run(checkpoints: list[str], folders: list[Path], count: int, only_measure: bool) -> None:
    """Fits, or measures, the exits of checkpoints on photographs below folders."""
    paths = [path for folder in folders for path in find_photographs(folder)]
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)]
    for name in checkpoints:
        codec = read_codec(folder_of(name), "onnx")
        if only_measure:
            measure(codec, chosen)
        else:
            stored = load_file(FILE) if FILE.exists() else {}
            save_file(stored | fitted(codec, chosen).arrays(codec.fingerprint), FILE)
            print(f"{name}: {len(chosen)} photographs at {len(LEVELS)} levels")


def middles(paths: list[Path]) -> Iterator[Pixels]:
    """The middles of photographs, in multiples of 16 pixels."""
    for path in paths:
        image = read_image(path).pixels[..., :3]
        height, width = (min(WINDOW, side // 16 * 16) for side in image.shape[:2])
        top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        yield np.ascontiguousarray(image[top : top + height, left : left + width])


def fitted(codec: LearnedCodec, paths: list[Path]) -> EarlyExit:
    """The layer with the least squared error from the averages of whole pictures before they are rounded and clipped."""
    decoder = codec.unit.deployed.decoder
    products: list[NDArray[Any]] = [np.zeros(1), np.zeros(1)]
    for image in middles(paths):
        latent = codec.unit.analyse(image, Rectangle(0, 0, image.shape[1], image.shape[0])).latent
        for level in LEVELS:
            y_hat = codec.unit.rounding.plain(latent, level).y_hat
            features = cast(ExitsEarly, decoder).early_features(y_hat, level)
            whole = cast(Unrounded, decoder).differences(y_hat, level) + np.float32(AROUND_GREY)
            x, targets = _patches(features), _blocks(box_means(whole, REDUCTION))
            products = [products[0] + x.T @ x, products[1] + x.T @ targets]
    square, right = products
    square = square + np.eye(len(square)) * np.diag(square).mean() * RIDGE
    solution = np.linalg.solve(square.astype(np.float64), right.astype(np.float64)).astype(np.float32)
    return EarlyExit(solution[:-1].reshape(REACH, REACH, -1, solution.shape[1]), solution[-1])


def measure(codec: LearnedCodec, paths: list[Path]) -> None:
    """Prints, for each level and scale, PSNR against averages of the whole picture, and what is lost against the original."""
    for level in LEVELS:
        rows = []
        for image in middles(paths):
            container = codec.encode(image, level).container
            whole = codec.decode(container).image
            for reduction in (4, 8):
                small, exact = codec.decode(container, reduction=reduction).image, averaged(whole, reduction)
                original = averaged(image, reduction)
                rows.append((reduction, psnr(exact, small), psnr(original, small) - psnr(original, exact)))
        for reduction in (4, 8):
            agreement, loss = np.array([row[1:] for row in rows if row[0] == reduction]).T
            line = f"{codec.name}, level {level}, 1/{reduction}: {agreement.mean():.1f} dB, at least {agreement.min():.1f}"
            print(f"{line}; against the original {loss.mean():+.2f} dB, at worst {loss.min():+.2f}")


def _patches(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features (h, w, C) → the inputs of the layer at each place, and a 1: (h · w, REACH² · C + 1)."""
    height, width, channels = features.shape
    around = np.pad(features, ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, (REACH, REACH), axis=(0, 1))  # (h, w, C, rows, columns)
    patches = windows.transpose(0, 1, 3, 4, 2).reshape(height * width, REACH**2 * channels)
    return np.hstack([patches, np.ones((len(patches), 1), np.float32)])


def _blocks(small: NDArray[Any]) -> NDArray[Any]:
    """Averages (SIDE · h, SIDE · w, 3) → those of each feature: (h · w, SIDE · SIDE · 3)."""
    height, width = small.shape[0] // SIDE, small.shape[1] // SIDE
    blocks: NDArray[Any] = small.reshape(height, SIDE, width, SIDE, 3).swapaxes(1, 2).reshape(height * width, -1)
    return blocks


if __name__ == "__main__":
    main()
