"""Files written once must decode for ever: the same symbols bit for bit, pixels within one level."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dlic
from dlic.container.format import EXACT, TILED, read
from dlic.container.tiles import split
from dlic.entropy.coder import PARITY
from dlic.formats import thumbnails
from dlic.images.metadata import Metadata
from dlic.learned.codec import load_codec
from dlic.learned.exact.layer import layer_of
from dlic.learned.exact.whole import layer_of_whole
from tests.golden.rewrite import (
    CLASSICAL,
    CODER_OF,
    FINER_NAME,
    GOLDEN,
    LIGHT_LEVELS,
    METADATA,
    TILED_NAME,
    TILED_PARITY_NAME,
    TINY,
    TINY_LIGHT,
    golden_images,
    kinds,
)

FILES = sorted(GOLDEN.glob("*.dlic"))


def checkpoint_of(path: Path) -> Path:
    return TINY_LIGHT if path.stem.startswith("light") else TINY


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_files_decode(path, runtime):
    decoded = dlic.decompress(path.read_bytes(), weights=checkpoint_of(path), runtime=runtime)
    expected = np.array(Image.open(path.with_suffix(".png")))
    assert np.abs(decoded.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize("path", sorted((GOLDEN / "progressive").glob("*.dlic")), ids=lambda path: path.stem)
def test_golden_progressive_files_decode(path, runtime):
    weights = None if path.stem == "light-1" else TINY_LIGHT
    decoded = dlic.decompress(path.read_bytes(), weights=weights, runtime=runtime)
    assert np.abs(decoded.astype(int) - np.array(Image.open(path.with_suffix(".png")))).max() <= 1


def test_golden_files_of_both_coders():
    assert all((coder_of_file(path) == PARITY) == ("parity" in path.stem) for path in FILES)


def coder_of_file(path: Path) -> int:
    container = read(path.read_bytes())
    return split(container)[1][0].coder if container.kind == TILED else container.coder


def test_a_golden_file_has_finer_steps():
    container = read((GOLDEN / f"{FINER_NAME}.dlic").read_bytes())
    assert [tile.finer for tile in split(container)[1]] == [0, 24]


@pytest.mark.parametrize("name", CLASSICAL)
def test_golden_files_of_codecs_without_a_checkpoint_decode(name):
    path = GOLDEN / "classical" / f"{name}.dlic"
    decoded = CLASSICAL[name].decompress(path.read_bytes())
    expected = np.array(Image.open(path.with_suffix(".png")))
    assert np.abs(decoded.astype(int) - expected).max() <= (0 if name.startswith("lossless") else 1)
    if name.startswith("lossless"):
        assert (decoded == golden_images()["photograph"]).all()


@pytest.mark.parametrize("name", kinds())
def test_golden_files_of_kinds_decode_with_their_metadata(name):
    path = GOLDEN / "kinds" / f"{name}.dlic"
    found = dlic.read(path.read_bytes(), weights=TINY_LIGHT)
    expected = np.array(Image.open(path.with_suffix(".png")))
    assert found.pixels.shape == kinds()[name][0].shape and np.abs(found.pixels.astype(int) - expected).max() <= 1
    assert found.metadata == Metadata(**{key: value for key, value in METADATA.items() if key != "thumbnail"})
    assert thumbnails.pixels_of(thumbnails.read(read(path.read_bytes()).chunks)).shape[1] == 16


@pytest.mark.parametrize("path", sorted((GOLDEN / "exact").glob("*.dlic")), ids=lambda path: path.stem)
def test_golden_files_of_exact_blocks_decode(path):
    data, expected = path.read_bytes(), np.array(Image.open(path.with_suffix(".png")))
    alone = read(data).kind == EXACT
    decoded = dlic.decompress(data, weights=None if alone else TINY_LIGHT)
    assert np.abs(decoded.astype(int) - expected).max() <= (0 if alone else 1)
    layer = layer_of_whole(read(data)) if alone else layer_of(read(data))
    first = {"exact_webp": 0x2F, "exact_clear": 4}.get(path.stem, 3)
    assert [stream[0] for stream in layer.streams] == [first]


def test_there_are_golden_files_of_every_level_and_some_have_escapes():
    light = {f"{prefix}_{level}_{name}" for prefix in CODER_OF for level in LIGHT_LEVELS for name in golden_images()}
    assert {path.stem for path in FILES} == set(golden_images()) | light | {TILED_NAME, TILED_PARITY_NAME, FINER_NAME}
    codec = load_codec(TINY)
    symbols = codec.symbols(read((GOLDEN / "noise.dlic").read_bytes())).values.reshape(len(codec.unit.tables), -1)
    low, high = codec.unit.tables.minima, codec.unit.tables.minima + codec.unit.tables.sizes
    assert ((symbols < low[:, None]) | (symbols >= high[:, None])).any()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fresh_process_parses_the_same_symbols(threads):
    """The checksum in the file is of the symbols: decoding without an error is parsing them exactly."""
    script = "import sys, dlic\nfor file, weights in zip(sys.argv[1::2], sys.argv[2::2]):\n    for runtime in ('onnx', 'torch'): "
    script += f"dlic.decompress(open(file, 'rb').read(), weights=weights, runtime=runtime, threads={threads})"
    paths = [GOLDEN / f"{name}.dlic" for name in ("photograph", "light_63_photograph", "light_parity_63_photograph", TILED_NAME)]
    arguments = [str(argument) for path in paths for argument in (path, checkpoint_of(path))]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, cwd=Path(dlic.__file__).parent.parent)
