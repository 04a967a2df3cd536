"""Reduced pictures of every kind of file, through `dlic.read`, the command line, Pillow and `ProgressiveReader`."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import dlic
import dlic.pillow
from dlic.cli.main import run
from dlic.container.format import read, write
from dlic.container.progressive import layers_of, with_layers
from dlic.container.tiles import split
from dlic.errors import DlicError
from dlic.formats.registry import CODECS, describe
from dlic.formats.writing import Wishes
from dlic.images.files import ImageFile
from dlic.learned.codec import load_codec
from dlic.learned.progressive.codec import ProgressiveCodec
from dlic.learned.tiles.plan import Tiling
from dlic.pixels.reduction import averaged
from dlic.progress import no_progress
from tests.golden.rewrite import GOLDEN, TINY_LIGHT
from tests.images.test_exif import camera_exif
from tests.images.test_metadata import SRGB

SCALES = {1 / 2: 2, 1 / 4: 4, 1 / 8: 8}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """The tiny checkpoints are found by name and fingerprint."""
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(GOLDEN))


@pytest.fixture(scope="module")
def picture(photograph) -> np.ndarray:
    return photograph[100:163, 200:301]


@pytest.fixture(scope="module")
def tiled():
    return replace(load_codec(TINY_LIGHT, "onnx"), tiling=Tiling(side=64, above=0))


@pytest.fixture(scope="module")
def files(picture, tiled) -> dict[str, bytes]:
    """A file of each codec, with transparency where there is a place for it; gray, in tiles, and in tiles and layers."""
    with_alpha = np.dstack([picture, picture[..., 1]])
    made = {
        name: kind.prepare(Wishes(weights=TINY_LIGHT if "weights" in kind.takes else None))(
            ImageFile(picture if name in ("jpeg", "sequence") else with_alpha), no_progress
        ).data
        for name, kind in CODECS.items()
        if name != "sequence"
    }
    made["gray"] = dlic.compress(picture[..., 0], weights=TINY_LIGHT)
    made["16 bits"] = CODECS["lossless"].prepare(Wishes())(ImageFile(picture.astype(np.uint16) * 257), no_progress).data
    made["tiles"] = tiled.compress(picture, 40)
    assert len(split(read(made["tiles"]))[1]) > 1
    made["layers of tiles"] = ProgressiveCodec(tiled).compress(picture, 40)
    return made


def first_layer(data: bytes) -> bytes:
    """The file without its second layer, if it has one."""
    container = read(data)
    layers = layers_of(container)
    return write(with_layers(container, layers.beginning(len(layers.first.parts))))


def is_reduced(small: np.ndarray, whole: np.ndarray, reduction: int, name: str = "") -> bool:
    """Whether pixels are averages of others, give or take a level."""
    expected = averaged(whole, reduction)
    if name in ("learned", "progressive"):  # whose clear pixels continue the others smoothly, and count as much
        expected = np.dstack([averaged(whole[..., :3], reduction), expected[..., 3:]])
    same = small.dtype == expected.dtype and small.shape == expected.shape
    return same and np.abs(small.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_every_kind_gives_the_averages_of_its_picture(files, scale):
    for name, data in files.items():
        shown = first_layer(data) if ("progressive" in name or "layers" in name) and scale < 1 / 2 else data
        whole, small = dlic.read(shown), dlic.read(data, scale=scale)
        assert is_reduced(small.pixels, whole.pixels, SCALES[scale], name), name
        assert small.metadata == whole.metadata


@settings(max_examples=15)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(list(SCALES)), st.booleans(), st.sampled_from(["onnx", "torch"]))
def test_any_size_is_averaged_over_what_there_is(photograph, height, width, scale, in_tiles, runtime):
    codec = load_codec(TINY_LIGHT, runtime)
    codec = replace(codec, tiling=Tiling(side=64, above=0)) if in_tiles else codec
    data = codec.compress(photograph[50 : 50 + height, 80 : 80 + width], 45)
    whole, small = (dlic.decompress(data, scale=size, weights=TINY_LIGHT, runtime=runtime) for size in (1, scale))
    assert is_reduced(small, whole, SCALES[scale])


@pytest.mark.parametrize("name", ["learned", "tiles", "lossless", "layers of tiles"])
def test_a_crop_is_reduced_from_its_own_corner(files, name):
    crop = (5, 9, 70, 33)
    assert is_reduced(dlic.decompress(files[name], crop=crop, scale=1 / 2), dlic.decompress(files[name], crop=crop), 2, name)


def test_exact_blocks_are_averaged(photograph):
    picture = photograph[:128, :160].copy()
    picture[20:70, 30:100] = np.where(np.arange(50 * 70).reshape(50, 70, 1) % 7 < 3, 0, 255)
    data = dlic.compress(picture, 60, content="screen", weights=TINY_LIGHT)
    assert 0 < describe(data).kind.details(describe(data)).figures["exact"] < 1
    for scale, reduction in SCALES.items():
        assert is_reduced(dlic.decompress(data, scale=scale), dlic.decompress(data), reduction)


def test_metadata_stay_and_pixels_stay_upright(picture):
    data = dlic.compress(picture, weights=TINY_LIGHT, icc_profile=SRGB, exif=camera_exif(1, "<"), dpi=(300, 300))
    small = dlic.read(data, scale=1 / 4)
    assert small.metadata == dlic.read(data).metadata and small.notes == ()


def test_damaged_and_cut_files_are_reduced_too(files):
    cut = files["layers of tiles"][:-40]
    small = dlic.read(cut, partial=True, scale=1 / 8)
    assert small.pixels.shape == (8, 13, 3) and small.notes == ()
    assert "second layer" in dlic.read(cut, partial=True, scale=1 / 2).notes[0]
    damaged = bytearray(files["tiles"])
    damaged[-20] ^= 255
    whole, small = (dlic.read(bytes(damaged), partial=True, scale=scale) for scale in (1, 1 / 2))
    assert small.lost == whole.lost != () and is_reduced(small.pixels, whole.pixels, 2)


def test_a_reader_shows_small_pictures_and_decodes_them_once(files):
    data, reader = files["progressive"], dlic.ProgressiveReader()
    first = len(first_layer(data))
    reader.feed(data[:first])
    assert reader.picture(1 / 4).pixels.shape == (16, 26, 4)
    early = reader.picture(1 / 4)
    reader.feed(data[first:])
    assert reader.picture(1 / 4) is early  # the second layer changes nothing there
    assert reader.picture(1 / 2).pixels.shape == (32, 51, 4) and reader.picture().pixels.shape == (63, 101, 4)
    with pytest.raises(DlicError, match="scale is 1, 1/2, 1/4 or 1/8, not 3"):
        reader.picture(3)


# --- the command line ---------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path, files):
    path = tmp_path / "a.dlic"
    path.write_bytes(files["progressive"])
    return path


def test_the_command_writes_a_small_picture(file, capsys):
    assert run(["decompress", str(file), "--scale", "1/4", "-o", str(file.with_suffix(".png"))]) == 0
    assert Image.open(file.with_suffix(".png")).size == (26, 16)
    assert "26 × 16 of 101 × 63" in capsys.readouterr().out


@pytest.mark.parametrize("scale", ["3", "1/3", "2", "1/0", "a", "0", "-1/2", "1/16", ""])
def test_other_scales_are_one_sentence(file, scale, capsys):
    assert run(["decompress", str(file), f"--scale={scale}"]) != 0
    assert f"--scale is 1/2, 1/4 or 1/8, not {scale}" in capsys.readouterr().err


def test_sequences_are_reduced_frame_by_frame(tmp_path, photograph, capsys):
    frames = [photograph[:32, 2 * i : 2 * i + 38] for i in range(2)]
    path, out = tmp_path / "a.dlic", tmp_path / "a.png"
    path.write_bytes(dlic.compress_sequence(frames, 25, weights=TINY_LIGHT))
    assert run(["decompress", str(path), "--scale", "1/2", "-o", str(tmp_path / "frames")]) != 0
    assert "--scale is for pictures, or for one frame of a sequence with --frame" in capsys.readouterr().err
    assert run(["decompress", str(path), "--scale", "1/2", "--frame", "1", "-o", str(out)]) == 0
    assert Image.open(out).size == (19, 16)


# --- Pillow -------------------------------------------------------------------------------------------------------------


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_drafts_are_those_of_jpeg(files, picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG")
    for size in ((101, 63), (51, 31), (50, 31), (20, 15), (12, 7), (1, 1)):
        ours, jpeg = opened(files["tiles"]), opened(buffer.getvalue())
        assert ours.draft("RGB", size) == jpeg.draft("RGB", size)
        assert ours.size == jpeg.size == ours.convert("RGB").size
        assert ours.draft("RGB", (1, 1)) is None


def test_drafts_have_the_pixels_of_that_scale(files):
    for name, data in files.items():
        if name == "jpeg":  # which is Pillow's own
            continue
        image = opened(data)
        image.draft(image.mode, (20, 12))
        if name != "16 bits":
            assert np.array_equal(np.array(image), dlic.decompress(data, scale=1 / 4)), name


def test_thumbnails_are_drafted(files, monkeypatch):
    image = opened(files["tiles"])
    image.thumbnail((20, 20))
    assert image.size == (20, 12)
    whole = opened(files["tiles"])
    whole.load()
    assert whole.draft("RGB", (10, 10)) is None and whole.size == (101, 63)
    whole.thumbnail((20, 20))
    assert np.abs(np.array(whole).astype(int) - np.array(image)).mean() < 2


def test_sequences_have_no_draft(photograph):
    image = opened(dlic.compress_sequence([photograph[:32, :48], photograph[:32, 2:50]], 25, weights=TINY_LIGHT))
    assert image.draft("RGB", (4, 4)) is None and image.size == (48, 32)
