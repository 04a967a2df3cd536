"""The codec with an exact layer: exact blocks come back as they were stored, in every part of the file format and of the API."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import dlic
from dlic.classical.lossless import webp
from dlic.container import exact_layer
from dlic.container.exact_layer import BLOCK, ExactLayer
from dlic.container.format import EXACT, EXACT_BLOCKS, LEARNED, TILED, read, write
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.registry import describe
from dlic.learned.codec import load_codec
from dlic.learned.exact.choice import Chooser
from dlic.learned.exact.codec import LayeredCodec
from dlic.learned.exact.layer import in_pixels, layer_of, paste
from dlic.learned.exact.price import Price
from dlic.learned.tiles.plan import Tiling
from dlic.pixels.rectangles import Rectangle
from tests.golden.rewrite import TINY, TINY_LIGHT
from tests.learned.exact.pages import gradient, grain, page, page_with_photograph, pixel_art, text_on_gradient

LIGHT = load_codec(TINY_LIGHT)
LEVEL = 40


@pytest.fixture(scope="module")
def mixed(photograph) -> np.ndarray:
    return page_with_photograph(photograph)


def exact_pixels(layer: ExactLayer) -> tuple[np.ndarray, np.ndarray]:
    """Where exact pixels are, and their values: those that a layer gives to a black picture and to a white one."""
    pictures = [np.full((layer.height, layer.width, 3), value, np.uint8) for value in (0, 255)]
    for picture in pictures:
        paste(layer, picture, Rectangle(0, 0, layer.width, layer.height))
    return (pictures[0] == pictures[1]).all(axis=2), pictures[0]


@pytest.mark.parametrize("tiling", [Tiling(), Tiling(side=64, above=0)], ids=["one unit", "tiles"])
def test_exact_blocks_are_pasted_over_the_networks_picture(mixed, tiling):
    codec = LayeredCodec(replace(LIGHT, tiling=tiling))
    encoded = codec.encode(mixed, LEVEL)
    container = read(encoded.data)
    assert container.kind == (TILED if tiling.above == 0 else LEARNED)
    assert 0.4 < encoded.exact < 1 and layer_of(container).share == encoded.exact
    decoded = codec.decompress(encoded.data)
    where, pixels = exact_pixels(layer_of(container))
    assert (decoded[where] == pixels[where]).all()
    assert np.abs(decoded.astype(int) - mixed)[where].mean() < 3
    plain = replace(LIGHT, tiling=tiling).decode(replace(container, chunks=())).image
    assert (decoded[~where] == plain[~where]).all() and (decoded == codec.picture(encoded)).all()
    assert codec.crcs(container) == encoded.crcs


@pytest.mark.parametrize("tiling", [Tiling(), Tiling(side=64, above=0)], ids=["one unit", "tiles"])
def test_a_crop_is_that_part_of_the_picture(mixed, tiling):
    data = LayeredCodec(replace(LIGHT, tiling=tiling)).compress(mixed, LEVEL)
    whole = dlic.decompress(data, weights=TINY_LIGHT)
    for crop in ((0, 0, 288, 192), (90, 40, 50, 60), (130, 80, 20, 10), (287, 191, 1, 1), (5, 5, 3, 150)):
        x, y, width, height = crop
        part = dlic.decompress(data, weights=TINY_LIGHT, crop=crop)
        assert np.abs(part.astype(int) - whole[y : y + height, x : x + width]).max() <= 1  # floats of tiles


def test_text_is_sharper_and_smaller_than_the_networks(mixed):
    layered, plain = (dlic.compress(mixed, 60, weights=TINY_LIGHT, content=content) for content in ("auto", "photo"))
    assert len(layered) < 1.1 * len(plain)
    errors = [np.square(dlic.decompress(data, weights=TINY_LIGHT).astype(float) - mixed)[:48].mean() for data in (layered, plain)]
    assert errors[0] < errors[1] / 4


@pytest.mark.parametrize("tiling", [Tiling(), Tiling(side=64, above=0)], ids=["one unit", "tiles"])
def test_the_network_shows_through_clear_pixels(tiling):
    picture = text_on_gradient()
    chooser = Chooser(picture, "screen", visual=False)
    codec = LayeredCodec(replace(LIGHT, tiling=tiling), chooser)
    exact = chooser.at(Price.of_level(LEVEL, 64))
    encoded = codec.encode_with(exact, codec.analyse(picture), LEVEL)
    decoded, plain = codec.decompress(encoded.data), codec.network.decode(replace(read(encoded.data), chunks=())).image
    where = in_pixels(exact.layer.mask, Rectangle(0, 0, 240, 160)) & ~exact.clear
    assert 0 < where.mean() < 0.6 and (decoded[where] == exact.image[where]).all() and (decoded[~where] == plain[~where]).all()
    part = dlic.decompress(encoded.data, weights=TINY_LIGHT, crop=(30, 21, 77, 60))
    assert np.abs(part.astype(int) - decoded[21:81, 30:107]).max() <= 1
    dlic.verify(encoded.data, weights=TINY_LIGHT)


def test_a_file_without_a_network_has_no_clear_pixels():
    picture = np.dstack([page(), np.full(page().shape[:2], 255, np.uint8)])
    picture[20:30, 20:30, 3] = 0
    layer = ExactLayer(width=240, height=160, mask=np.ones((10, 15), bool), streams=(webp.encode(picture),))
    data = dlic.compress(page())
    with pytest.raises(CorruptFileError, match="not all"):
        dlic.decompress(write(replace(read(data), stream=exact_layer.write(layer))))


def test_models_for_psnr_weigh_errors_alike(mixed):
    squares = []
    for visual in (False, True):
        exact = Chooser(mixed, visual=visual).at(Price.of_level(24, 64))
        squares.append(np.square(exact.image.astype(float) - mixed)[:48].sum() * 0.003 / 3 + 8 * len(exact.layer.streams[0]))
    assert squares[0] < 1.02 * squares[1]


def test_a_photograph_pays_no_byte(photograph):
    for picture in (photograph, photograph[:100, :150], gradient(), grain(page())):
        auto, photo = (dlic.compress(picture, 50, weights=TINY_LIGHT, content=content) for content in ("auto", "photo"))
        assert auto == photo and not read(auto).chunks


def test_pages_and_pixel_art_need_no_network(tmp_path):
    for picture in (page(), pixel_art()):
        data = dlic.compress(picture)
        assert read(data).kind == EXACT and not any(read(data).model)
        np.save(tmp_path / "picture.npy", picture)
        (tmp_path / "picture.dlic").write_bytes(data)
        program = (
            "import sys, numpy, dlic; picture = numpy.load('picture.npy'); data = open('picture.dlic', 'rb').read();"
            "assert dlic.compress(picture) == data; assert dlic.decompress(data).shape == picture.shape;"
            "assert dlic.decompress(data, crop=(3, 4, 50, 20)).shape == (20, 50, 3); dlic.verify(data);"
            "assert not {'torch', 'onnxruntime'} & set(sys.modules), 'a network was loaded'"
        )
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=300)
    assert (dlic.decompress(dlic.compress(pixel_art())) == pixel_art()).all()


def test_quality_chooses_the_colours():
    sizes, errors = [], []
    for quality in (1, 40, 70, 100):
        data = dlic.compress(page(ink="#8a2be2"), quality)
        sizes.append(len(data))
        errors.append(np.square(dlic.decompress(data).astype(float) - page(ink="#8a2be2")).mean())
    assert all(smaller < 1.1 * larger for smaller, larger in pairwise(sizes)) and sizes[0] < 0.9 * sizes[-1]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.5 < errors[0]


@pytest.mark.parametrize("picture", [page(), page()[..., 0], np.dstack([page(), page()[..., 0]])], ids=["RGB", "gray", "alpha"])
def test_gray_and_transparency_go_with_it(picture):
    data = dlic.compress(picture, 80)
    decoded = dlic.decompress(data)
    assert decoded.shape == picture.shape and describe(data).channels == (1 if picture.ndim == 2 else picture.shape[2])
    if picture.shape[2:] == (4,):
        assert (decoded[..., 3] == picture[..., 3]).all()


def test_targets_count_the_layer(mixed):
    limit = 9000
    data = dlic.compress(mixed, target_size=limit, weights=TINY_LIGHT)
    assert len(data) <= limit and any(name == EXACT_BLOCKS for name, _ in read(data).chunks)
    with pytest.raises(DlicError, match="smallest"):
        dlic.compress(mixed, target_size=300, weights=TINY_LIGHT)
    better = dlic.compress(page(), target_psnr=40, weights=TINY_LIGHT)
    error = np.square(dlic.decompress(better, weights=TINY_LIGHT).astype(float) - page()).mean()
    assert 10 * np.log10(255**2 / error) >= 40


def test_efforts_keep_the_exact_blocks(mixed):
    small = mixed[32:160, 80:224]
    plain, refined = (LayeredCodec(LIGHT).encode(small, LEVEL, effort) for effort in (0, 1))
    assert layer_of(plain.container).streams == layer_of(refined.container).streams
    assert refined.crcs[0] != plain.crcs[0] and refined.crcs[1] == plain.crcs[1]


def test_models_of_one_rate_have_exact_blocks_too(mixed):
    data = dlic.compress(mixed, weights=TINY)
    assert dict(read(data).chunks)[EXACT_BLOCKS] and dlic.decompress(data, weights=TINY).shape == mixed.shape


def test_a_screen_is_looked_at_everywhere():
    picture = gradient() // 8 * 8
    assert not read(dlic.compress(picture, 90, weights=TINY_LIGHT)).chunks
    assert read(dlic.compress(picture, 90, weights=TINY_LIGHT, content="screen")).kind == EXACT
    with pytest.raises(DlicError, match="content is one of"):
        dlic.compress(picture, content="text")


def shown(*words: str) -> str:
    """What `dlic` prints."""
    return subprocess.run([sys.executable, "-m", "dlic", *words], check=True, capture_output=True, text=True, timeout=300).stdout


def test_info_says_how_much_is_exact(mixed, tmp_path):
    (tmp_path / "mixed.dlic").write_bytes(dlic.compress(mixed, weights=TINY_LIGHT))
    (tmp_path / "page.dlic").write_bytes(dlic.compress(page()))
    share = layer_of(read((tmp_path / "mixed.dlic").read_bytes())).share
    assert f"{100 * share:.0f} % of it exact blocks" in shown("info", str(tmp_path / "mixed.dlic"))
    assert json.loads(shown("info", str(tmp_path / "mixed.dlic"), "--json"))["exact"] == share
    assert "exact blocks by a palette" in shown("info", str(tmp_path / "page.dlic"), "-v")
    assert json.loads(shown("info", str(tmp_path / "page.dlic"), "--json"))["exact_coding"] == ["a palette"]
    assert "no network, 100 % of it exact blocks" in shown("info", str(tmp_path / "page.dlic"))


def with_layer(data: bytes, layer: bytes) -> bytes:
    return write(replace(read(data), chunks=((EXACT_BLOCKS, layer),)))


def test_damage_in_the_layer_is_an_error(mixed):
    data = LayeredCodec(LIGHT).compress(mixed, LEVEL)
    chunk = dict(read(data).chunks)[EXACT_BLOCKS]
    for broken in (chunk[:-1], chunk + b"\0", chunk[:40], b"", chunk[:-20] + bytes(20)):
        with pytest.raises(CorruptFileError):
            dlic.decompress(with_layer(data, broken), weights=TINY_LIGHT)
        with pytest.raises(CorruptFileError):
            dlic.verify(with_layer(data, broken), weights=TINY_LIGHT)


def test_a_layer_of_another_picture_is_an_error(mixed):
    data, other = (LayeredCodec(LIGHT).compress(picture, LEVEL) for picture in (mixed, mixed[:, :-40]))
    with pytest.raises(CorruptFileError):
        dlic.decompress(with_layer(data, dict(read(other).chunks)[EXACT_BLOCKS]), weights=TINY_LIGHT)


def test_other_kinds_have_no_layer():
    lossless = dlic.compress(page(), content="screen")
    for container in (replace(read(lossless), chunks=((EXACT_BLOCKS, b"\0"),)), replace(read(lossless), kind=4)):
        with pytest.raises(CorruptFileError):
            dlic.decompress(write(replace(container, chunks=((EXACT_BLOCKS, b"\0"),))))


def test_a_file_without_a_network_needs_all_blocks(mixed):
    data = LayeredCodec(LIGHT).compress(mixed, LEVEL)
    container = read(data)
    alone = replace(container, kind=EXACT, coder=0, model=bytes(8), stream=dict(container.chunks)[EXACT_BLOCKS], chunks=())
    with pytest.raises(CorruptFileError, match="not all"):
        dlic.decompress(write(alone))


def test_blocks_are_whole(mixed):
    layer = layer_of(read(LayeredCodec(LIGHT).compress(mixed, LEVEL)))
    for place in layer.places:
        assert place.x % BLOCK == place.y % BLOCK == 0
