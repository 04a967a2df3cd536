"""Progressive pictures: layers, parts and tiles round trip, and nothing but the right picture comes out of cut or mixed files."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlic
from dlic.container.format import BASE, FINE, read, write
from dlic.container.progressive import ends_of_layers, fine_of, read_base, with_parts, write_fine
from dlic.entropy.coder import PARITY, PLAIN
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.incremental import ProgressiveReader
from dlic.learned.codec import load_codec
from dlic.learned.progressive.codec import ProgressiveCodec
from dlic.learned.progressive.layout import layout
from dlic.learned.tiles.plan import Tiling
from dlic.metrics.distances import psnr
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.threads import limited
from tests.golden.rewrite import TINY, TINY_LIGHT

LEVEL, PARTS = 42, 3


@pytest.fixture(scope="module")
def light():
    return load_codec(TINY_LIGHT, "onnx")


@pytest.fixture(scope="module")
def codec(light):
    return ProgressiveCodec(light, parts=PARTS)


@pytest.fixture(scope="module")
def image(photograph):
    return photograph[200:264, 300:396]


@pytest.fixture(scope="module")
def file(codec, image):
    return codec.compress(image, LEVEL)


@pytest.fixture(scope="module")
def shown(codec, file):
    """Every picture that a beginning of the file may show: those of 0, 1 … all parts."""
    container = read(file)
    return [codec.decode(with_parts(container, fine_of(container), count)).image for count in range(PARTS + 1)]


def same_as_one_of(pixels, pictures) -> bool:
    return any(np.array_equal(pixels, picture) for picture in pictures)


def test_the_first_layer_is_the_plain_file_of_its_level(light, codec, image, file, shown):
    plain = light.compress(image, LEVEL - 20)
    assert write(read_base(read(file))) == plain
    assert np.array_equal(shown[0], light.decompress(plain))


def test_a_shipped_checkpoint_comes_near_its_plain_file(photograph):
    """Its tables are counted: two layers take little more than one, and every part brings quality."""
    light = load_codec(TINY_LIGHT.parents[2] / "checkpoints" / "light-1", "onnx")
    layers, part = ProgressiveCodec(light, parts=3), photograph[100:292, 200:456]
    plain, file = light.compress(part, 48), layers.compress(part, 48)
    assert len(file) < 1.12 * len(plain)
    container = read(file)
    qualities = [psnr(part, layers.decode(with_parts(container, fine_of(container), count)).image) for count in range(4)]
    assert qualities == sorted(qualities) and qualities[3] > qualities[0] + 3
    assert psnr(part, light.decompress(plain)) - qualities[3] < 0.1


@pytest.mark.parametrize("coder", [PLAIN, PARITY])
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (65, 40)])
@pytest.mark.parametrize("level", [0, 19, 20, 63])
def test_sizes_levels_and_coders(light, photograph, coder, size, level):
    codec, image = ProgressiveCodec(light.with_coder(coder)), photograph[: size[0], : size[1]]
    encoded = codec.encode(image, level)
    container = read(encoded.data)
    assert codec.crcs(container) == encoded.crcs
    assert codec.decode(container).image.shape == image.shape
    assert (fine_of(container) is None) == (level < 20)
    assert np.array_equal(codec.picture(encoded), codec.decompress(encoded.data))


@pytest.mark.parametrize("content", [np.zeros, np.ones])
def test_flat_pictures(codec, content):
    image = (255 * content((40, 24, 3))).astype(np.uint8)
    assert codec.decompress(codec.compress(image, 50)).shape == image.shape


def test_tiles_come_part_by_part(light, photograph):
    tiles = ProgressiveCodec(replace(light, tiling=Tiling(side=64, above=0)), parts=2)
    image = photograph[100:164, 200:392]
    encoded = tiles.encode(image, LEVEL)
    container = read(encoded.data)
    layer = fine_of(container)
    assert len(layer.finer) == 3 and len(layer.parts) == 6 and tiles.crcs(container) == encoded.crcs
    pictures = [tiles.decode(with_parts(container, layer, count)).image for count in range(7)]
    assert np.array_equal(pictures[0], light.decode(read_base(container)).image)
    assert all(not np.array_equal(*pair) for pair in pairwise(pictures))
    crop = Rectangle(70, 5, 60, 40)
    assert np.array_equal(tiles.decode(container, crop).image, tiles.decode(container).image[crop.slices])


def test_threads_and_runtimes_agree(light, codec, file):
    with limited(1):
        alone = codec.decompress(file)
    by_torch = ProgressiveCodec(load_codec(TINY_LIGHT, "torch"))
    assert np.array_equal(alone, codec.decompress(file))
    assert by_torch.crcs(read(file)) == codec.crcs(read(file))
    assert np.abs(by_torch.decompress(file).astype(int) - alone).max() <= 1


def test_the_estimate_is_near_the_file(codec, file):
    """82 bytes of the rest are heads and checksums."""
    assert 82 <= len(file) - codec.estimated_bits(file) / 8 < 82 + 4 * (1 + PARTS)


def test_a_model_of_one_rate_has_no_layers(image):
    with pytest.raises(DlicError, match="one rate"):
        ProgressiveCodec(load_codec(TINY)).encode(image, 30)


def test_an_effort_refines_both_layers(light, image):
    codec, small = ProgressiveCodec(light, parts=2), image[:48, :48]
    told: list[float] = []
    plain, refined = codec.encode(small, LEVEL), codec.encode(small, LEVEL, 1, told.append)
    assert told == sorted(told) and told[-1] == 1 and any(0 < share < 0.5 for share in told)
    lmbda = 0.001 * 200 ** (LEVEL / 63)

    def cost(encoded) -> float:
        """Bits + λ · squared error of the file: each layer lowers it."""
        error = np.square(codec.picture(encoded).astype(float) - small).mean()
        return encoded.estimated_bits + lmbda * small.shape[0] * small.shape[1] * error

    assert codec.crcs(read(refined.data)) == refined.crcs
    assert cost(refined) < cost(plain)


# --- bad input ----------------------------------------------------------------------------------------------------------


def test_every_beginning_is_an_error_or_a_right_picture(codec, file, shown):
    ends = [end.at for end in ends_of_layers(read(file))]
    for length in range(0, len(file), 7):
        try:
            picture = dlic.read(file[:length], weights=TINY_LIGHT, partial=True)
        except CorruptFileError:
            assert length < ends[0]
            continue
        assert length >= ends[0] and same_as_one_of(picture.pixels, shown) and picture.notes
    for number, end in enumerate(ends):
        picture = dlic.read(file[:end], weights=TINY_LIGHT, partial=True)
        assert np.array_equal(picture.pixels, shown[number])


def test_bytes_may_come_one_by_one(codec, light, file, shown):
    reader, counts = ProgressiveReader(codec=light), []
    for i in range(len(file)):
        reader.feed(file[i : i + 1])
        if not counts or counts[-1] != reader.refinements:
            counts.append(reader.refinements)
            picture = reader.picture()
            assert (picture is None) == (counts[-1] < 0)
            assert picture is None or np.array_equal(picture.pixels, shown[counts[-1]])
    assert counts == [-1, 0, 1, 2, 3] and reader.picture().notes == () and reader.received == len(file)


def mixed(container, parts):
    """The file with other parts, and right checksums around them."""
    layer = replace(fine_of(container), parts=tuple(parts))
    return replace(container, chunks=tuple((n, write_fine(layer, container) if n == FINE else d) for n, d in container.chunks))


def test_parts_that_are_swapped_dropped_or_doubled_are_refused(codec, file):
    container = read(file)
    first, second, third = fine_of(container).parts
    for parts in ((second, first, third), (first, third), (second, third), (first, first, second), (first, second, second)):
        with pytest.raises(CorruptFileError, match="second layer is damaged or of another picture"):
            codec.decode(read(write(mixed(container, parts))))


def test_layers_of_another_picture_are_refused(codec, file, photograph):
    container, other = read(file), read(codec.compress(photograph[:64, :96], LEVEL))
    theirs = dict(other.chunks)
    for name in (BASE, FINE):
        chunks = tuple((n, theirs[n] if n == name else d) for n, d in container.chunks)
        with pytest.raises(CorruptFileError):
            codec.decode(read(write(replace(container, chunks=chunks))))
    with pytest.raises(CorruptFileError, match="of another picture"):
        codec.decode(read(write(mixed(container, fine_of(other).parts))))


@pytest.mark.parametrize("order", [(FINE, BASE), (BASE, BASE, FINE), (BASE, FINE, FINE), (FINE,), (BASE, b"gray", FINE)])
def test_layers_in_another_order_are_refused(file, order):
    container = read(file)
    layers = {**dict(container.chunks), b"gray": b""}
    with pytest.raises(CorruptFileError):
        dlic.decompress(write(replace(container, chunks=tuple((name, layers[name]) for name in order))), weights=TINY_LIGHT)


def test_tables_of_another_checkpoint_are_refused(codec, file):
    container = read(file)
    layer = replace(fine_of(container), tables=b"none")
    chunks = tuple((n, write_fine(layer, container) if n == FINE else d) for n, d in container.chunks)
    with pytest.raises(CorruptFileError, match="tables 6e6f6e65"):
        codec.decode(read(write(replace(container, chunks=chunks))))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_changed_bytes_never_show_another_picture(file, shown, data):
    place = data.draw(st.integers(0, len(file) - 1))
    changed = bytearray(file[: data.draw(st.integers(place + 1, len(file)))])
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        picture = dlic.read(bytes(changed), weights=TINY_LIGHT, partial=True)
    except DlicError:
        return
    assert same_as_one_of(picture.pixels, shown)


@settings(max_examples=40, deadline=None)
@given(
    tables=st.lists(st.integers(0, 255), min_size=1, max_size=300),
    count=st.integers(1, 64),
)
def test_parts_hold_every_latent_once_and_the_best_first(codec, tables, count):
    data = codec.second.data
    cut = layout(np.array(tables, np.uint8).reshape(1, 1, -1), data, count)
    places = np.concatenate(cut.parts)
    assert len(cut.parts) == count and sorted(places.tolist()) == list(range(len(tables)))
    ranks = data.ranks[np.array(tables)]
    ends = [(ranks[part].min(), ranks[part].max()) for part in cut.parts if part.size]
    assert all(before[1] <= after[0] for before, after in pairwise(ends))
