"""Pictures in tiles: nothing is seen of the seams, and nothing but the damaged tiles is lost."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlic
from dlic.container.format import TILED, read, read_beginning, write
from dlic.container.tiles import split, tile_grid
from dlic.container.units import MAX_UNIT
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.learned import encode_colours as encode_to
from dlic.formats.reading import Reading
from dlic.formats.registry import describe_beginning
from dlic.learned.codec import load_codec
from dlic.learned.rate_control import Target
from dlic.learned.tiles.plan import LATENT, REFINING, Tiling
from dlic.learned.unit import UnitCodec
from dlic.metrics.registry import psnr
from dlic.pixels.rectangles import Rectangle
from dlic.runtime import memory
from dlic.runtime.memory import PROCESS_WITH_TORCH as PROCESS
from tests.golden.rewrite import TINY, TINY_LIGHT

WHOLE = {"light": load_codec(TINY_LIGHT), "factorized": load_codec(TINY)}
SMALL = Tiling(side=64, above=64 * 64)  # tiles for small pictures
TILED_CODECS = {name: dataclasses.replace(codec, tiling=SMALL) for name, codec in WHOLE.items()}
LIGHT = TILED_CODECS["light"]
LEVEL = 40


@pytest.fixture(scope="module")
def picture(photograph) -> np.ndarray:
    """3 × 4 tiles, the last ones not full."""
    return np.ascontiguousarray(photograph[100:277, 200:449])


@pytest.fixture(scope="module")
def data(picture) -> bytes:
    return LIGHT.compress(picture, LEVEL)


@pytest.mark.parametrize("name", WHOLE)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32), st.integers(0, 63))
@settings(max_examples=15)
def test_pixels_are_those_of_one_unit_at_every_size(name, height, width, seed, level):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tiled, whole = TILED_CODECS[name], WHOLE[name]
    encoded = tiled.encode(image, level % whole.levels)
    container = read(encoded.data)
    assert (container.kind == TILED) == (height * width > SMALL.above)
    assert tiled.crcs(container) == encoded.crcs
    decoded = tiled.decode(container).image
    assert decoded.shape == image.shape
    assert psnr(image, decoded) > psnr(image, whole.decompress(whole.compress(image, level % whole.levels))) - 0.1


def seams(shape: tuple[int, ...]) -> np.ndarray:
    """Where the band of 16 pixels around all seams is: (H, W) bool."""
    rows, columns = (np.abs(np.arange(length) % 64 - 31.5) >= 24 for length in shape[:2])
    band = rows[:, None] | columns
    band[:8] = band[:, :8] = False
    return band


def test_seams_are_invisible(picture, data):
    """Within 0.1 dB of the same pixels coded as one unit, in a band of 16 pixels around all seams."""
    whole, tiled = (codec.decompress(codec.compress(picture, LEVEL)) for codec in (WHOLE["light"], LIGHT))
    assert (tiled == dlic.decompress(data, weights=TINY_LIGHT)).all()
    band = seams(picture.shape)
    assert abs(psnr(picture[band], whole[band]) - psnr(picture[band], tiled[band])) < 0.1


def test_without_a_border_seams_would_show(picture, monkeypatch):
    """What the test of the seams measures is there to be measured."""
    monkeypatch.setattr(type(LIGHT.unit.deployed.decoder), "halo", 0)
    bare = LIGHT.decompress(LIGHT.compress(picture, LEVEL))
    monkeypatch.undo()
    assert psnr(picture, bare) < psnr(picture, LIGHT.decompress(LIGHT.compress(picture, LEVEL)))


def test_files_and_pictures_do_not_depend_on_how_many_tiles_are_in_work(picture):
    alone, many = (dataclasses.replace(LIGHT, tiling=dataclasses.replace(SMALL, at_once=count)) for count in (1, 5))
    file = alone.compress(picture, LEVEL)
    assert many.compress(picture, LEVEL) == file
    assert (many.decompress(file) == alone.decompress(file)).all()


@given(st.data())
@settings(max_examples=30)
def test_a_crop_is_that_of_the_whole(picture, data, drawn):
    height, width = picture.shape[:2]
    x, y = drawn.draw(st.integers(0, width - 1)), drawn.draw(st.integers(0, height - 1))
    crop = x, y, drawn.draw(st.integers(1, width - x)), drawn.draw(st.integers(1, height - y))
    expected = dlic.decompress(data, weights=TINY_LIGHT)[y : y + crop[3], x : x + crop[2]]
    assert (dlic.decompress(data, weights=TINY_LIGHT, crop=crop) == expected).all()


def test_a_crop_reads_only_the_tiles_it_needs(data, monkeypatch):
    read_tiles = []
    decode = UnitCodec.decode
    monkeypatch.setattr(UnitCodec, "decode", lambda self, *tile, **how: read_tiles.append(1) or decode(self, *tile, **how))
    dlic.decompress(data, weights=TINY_LIGHT, crop=(10, 10, 20, 20))
    assert len(read_tiles) == 4  # one, and those on its right, below, and below on the right
    dlic.decompress(data, weights=TINY_LIGHT)
    assert len(read_tiles) == 4 + 12


@pytest.mark.parametrize("weights", [None, TINY_LIGHT])
def test_small_pictures_and_classical_files_are_cropped_too(picture, weights):
    file = (
        dlic.classical.lossless.codec.LosslessCodec().compress(picture)
        if weights is None
        else WHOLE["light"].compress(picture, LEVEL)
    )
    crop = dlic.decompress(file, weights=weights, crop=(3, 5, 70, 9))
    assert (crop == dlic.decompress(file, weights=weights)[5:14, 3:73]).all()


@pytest.mark.parametrize(
    "crop", [(0, 0, 0, 5), (-1, 0, 5, 5), (200, 0, 50, 5), (0, 0, 5), (0, 0, 5.0, 5), (0, 177, 1, 1), "0,0,1,1"]
)
def test_what_is_no_part_of_the_picture_is_refused(data, crop):
    with pytest.raises(DlicError, match="crop"):
        dlic.decompress(data, weights=TINY_LIGHT, crop=crop)


@given(st.integers(0, 11), st.integers(0, 2**32))
@settings(max_examples=20)
def test_damage_costs_one_tile(picture, data, index, seed):
    grid, tiles = split(read(data))
    position = data.index(tiles[index].stream) + seed % len(tiles[index].stream)
    damaged = data[:position] + bytes([data[position] ^ (1 + seed % 255)]) + data[position + 1 :]
    with pytest.raises(CorruptFileError):
        dlic.decompress(damaged, weights=TINY_LIGHT)
    found = LIGHT.recover(read_beginning(damaged)[0])
    lost = grid.tiles[index]
    assert found.lost == (lost,)
    whole, far = dlic.decompress(data, weights=TINY_LIGHT), np.ones(picture.shape[:2], bool)
    far[lost.grown(2 * 16, grid.whole).slices] = False
    assert (found.image[far] == whole[far]).all()
    assert (found.image[lost.slices] == 128).all()


@given(st.floats(0, 1))
@settings(max_examples=20)
def test_the_beginning_of_a_file_shows_the_tiles_it_has(data, share):
    grid, tiles = split(read(data))
    start = data.index(tiles[0].stream)
    cut = data[: start + round(share * (len(data) - start))]
    there = sum(data.index(tile.stream) + len(tile.stream) <= len(cut) for tile in tiles)
    if there == 0:
        with pytest.raises(CorruptFileError, match="no tile"):
            LIGHT.recover(read_beginning(cut)[0])
    else:
        assert LIGHT.recover(read_beginning(cut)[0]).lost == tuple(grid.tiles[there:])


def test_a_header_or_table_that_is_damaged_is_never_trusted(data):
    start = data.index(split(read(data))[1][0].stream)
    for position in range(start):
        damaged = data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :]
        try:
            recovered = LIGHT.recover(read_beginning(damaged)[0])
        except CorruptFileError:
            continue
        assert not recovered.lost and position in (25, 26)  # the stream's length, which the tiles' own say again


def test_a_tile_of_another_checkpoint_is_not_shown(data):
    foreign = write(dataclasses.replace(read(data), model=b"\xaa" * 8))
    with pytest.raises(CorruptFileError, match="checksum"):
        LIGHT.decode(read(foreign))


# --- encoding -----------------------------------------------------------------------------------------------------------


def test_effort_refines_every_tile(picture):
    told: list[float] = []
    plain, refined = LIGHT.encode(picture, LEVEL), LIGHT.encode(picture, LEVEL, 1, told.append)
    assert len(refined.data) < len(plain.data)
    assert told == sorted(told) and told[-1] == pytest.approx(1)
    assert refined.crcs == LIGHT.crcs(read(refined.data)) != plain.crcs


@pytest.mark.parametrize("index", [0, 5, 11])
def test_surroundings_are_about_what_a_decoder_will_see(picture, data, index):
    grid = tile_grid(249, 177, 64)
    tile, around = grid.tiles[index], LIGHT.unit.surroundings(picture, grid.tiles[index], LEVEL)
    rows, columns = around.place.slices
    assert (around.image[16 * rows.start :, 16 * columns.start :][: tile.height, : tile.width] == picture[tile.slices]).all()
    shown = LIGHT.unit.deployed.decoder.synthesise(around.y_hat, LEVEL)[: around.image.shape[0], : around.image.shape[1]]
    seen = tile.grown(32, grid.whole)
    assert (around.image == picture[seen.slices]).all()
    assert psnr(around.image, shown) == pytest.approx(psnr(around.image, LIGHT.decompress(data)[seen.slices]), abs=0.5)


def test_an_effort_is_told_what_is_around_each_tile(picture, monkeypatch):
    told = []
    encoder = type(LIGHT.unit.deployed.encoder)
    refine = encoder.refine
    monkeypatch.setattr(encoder, "refine", lambda self, goal, *rest: told.append(goal.around) or refine(self, goal, *rest))
    LIGHT.encode(picture, LEVEL, 1)
    assert sorted((one.place.width, one.place.height) for one in told) == sorted(
        (-(-tile.width // 16), -(-tile.height // 16)) for tile in tile_grid(249, 177, 64).tiles
    )


def test_progress_is_told_without_an_effort_and_in_decoding(picture, data):
    told: list[float] = []
    LIGHT.encode(picture, LEVEL, progress=told.append)
    LIGHT.decode(read(data), progress=told.append)
    assert len(told) >= 24 and told[-1] == 1


@given(share=st.floats(0.05, 1.2))
@settings(max_examples=8)
def test_a_size_is_never_exceeded(picture, share):
    largest = len(LIGHT.compress(picture, 63))
    limit = round(share * largest)
    smallest = len(LIGHT.compress(picture, 0))
    if limit < smallest:
        with pytest.raises(DlicError, match="smallest"):
            encode_to(LIGHT, picture, Target("size", limit))
        return
    achieved = encode_to(LIGHT, picture, Target("size", limit))
    assert len(achieved.encoded.data) == achieved.figures["size"] <= limit
    level = achieved.encoded.level
    assert level == 63 or len(LIGHT.compress(picture, level + 1)) > limit


def test_a_quality_is_reached(picture):
    wanted = psnr(picture, LIGHT.decompress(LIGHT.compress(picture, 20)))
    achieved = encode_to(LIGHT, picture, Target("psnr", wanted))
    assert psnr(picture, LIGHT.decompress(achieved.encoded.data)) >= wanted and achieved.encoded.level <= 20


def test_latents_are_computed_once_for_all_levels_where_memory_has_room(picture, monkeypatch):
    calls = []
    analyse = type(LIGHT.unit.deployed.encoder).analyse
    monkeypatch.setattr(type(LIGHT.unit.deployed.encoder), "analyse", lambda self, pixels: calls.append(1) or analyse(self, pixels))
    roomy = encode_to(LIGHT, picture, Target("size", 20_000)).encoded
    assert len(calls) == 12
    room_for_five = PROCESS + picture.size + REFINING["mse"] * (64 + 2 * 32) ** 2 + 5 * LATENT * 64 * 64
    tight = dataclasses.replace(LIGHT, tiling=dataclasses.replace(SMALL, max_memory=room_for_five))
    assert encode_to(tight, picture, Target("size", 20_000)).encoded.data == roomy.data
    assert len(calls) == 12 + 5 + 7 * 7  # at as many levels


def test_the_estimate_is_near_the_file(picture):
    encoded = LIGHT.encode(picture, LEVEL)
    assert encoded.estimated_bits == pytest.approx(LIGHT.estimated_bits(encoded.data))
    assert len(encoded.data) * 8 == pytest.approx(encoded.estimated_bits, rel=0.05)


def test_views_give_the_same_file(picture, data):
    assert LIGHT.compress(np.asfortranarray(picture), LEVEL) == data
    assert LIGHT.compress(np.flip(np.flip(picture, 1).copy(), 1), LEVEL) == data


# --- memory -------------------------------------------------------------------------------------------------------------


def test_memory_bounds_the_tiles_in_work():
    assert Tiling(max_memory=1000).tiles_at_once(8, fixed=400, each=200) == 3
    assert Tiling(max_memory=1000).tiles_at_once(2, fixed=400, each=200) == 2
    assert Tiling(at_once=1).tiles_at_once(8, fixed=400, each=200) == 1
    assert Tiling(max_memory=1000).tiles_kept(fixed=400, each=200) == 3
    assert Tiling(max_memory=1000).tiles_kept(fixed=1400, each=200) == 0
    with pytest.raises(DlicError, match="--max-memory"):
        Tiling(max_memory=1000).tiles_at_once(8, fixed=900, each=200)


@pytest.mark.parametrize("codec", [LIGHT, WHOLE["light"]], ids=["tiles", "one unit"])
def test_what_cannot_fit_is_refused_before_it_is_begun(codec, picture, data):
    small = dataclasses.replace(codec, tiling=dataclasses.replace(codec.tiling, max_memory=PROCESS + 1000))
    with (
        mock.patch.object(type(codec.unit.deployed.encoder), "analyse", side_effect=AssertionError),
        pytest.raises(DlicError, match="memory"),
    ):
        small.compress(picture, LEVEL)
    with pytest.raises(DlicError, match="memory"):
        small.decompress(data if codec is LIGHT else codec.compress(picture, LEVEL))


def test_by_default_memory_is_bounded_by_what_the_machine_has_free(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4_000)
    assert memory.ceiling() == 3_000
    assert Tiling().tiles_at_once(8, fixed=PROCESS, each=1_000) == 3
    with pytest.raises(DlicError, match="more than the 780 MB that this machine can spare; more is allowed by --max-memory"):
        Tiling().check_memory(PROCESS + 1_000_000)
    Tiling(max_memory=PROCESS + 1_000_000).check_memory(PROCESS + 1_000_000)


@pytest.mark.parametrize("codec", [LIGHT, WHOLE["light"]], ids=["tiles", "one unit"])
def test_a_machine_without_free_memory_refuses_before_it_begins(codec, picture, data, monkeypatch):
    file = data if codec is LIGHT else codec.compress(picture, LEVEL)
    monkeypatch.setattr(memory, "available", lambda: 1_000)
    for work in (lambda: codec.compress(picture, LEVEL), lambda: codec.decompress(file)):
        with pytest.raises(DlicError, match="--max-memory"):
            work()


def test_a_small_file_cannot_ask_for_gigabytes_in_one_piece():
    """Thirty bytes that claimed 16.7 megapixels took 1.8 GB and 20 s."""
    file = read(WHOLE["light"].compress(np.zeros((16, 16, 3), np.uint8), 0))
    for height, width in ((4096, 4096), (1, MAX_UNIT + 1)):
        crafted = dataclasses.replace(file, height=height, width=width)
        for reader in (WHOLE["light"].decode, WHOLE["light"].symbols, WHOLE["light"].crcs):
            with pytest.raises(CorruptFileError, match="in one piece, which is limited to 2,097,152"):
                reader(crafted)
    with pytest.raises(DlicError, match="cannot be one unit"):
        Tiling(above=MAX_UNIT + 1)


@pytest.mark.parametrize("side", [0, 63, 100, 2048])
def test_sides_that_tiles_cannot_have(side):
    with pytest.raises(DlicError, match="side"):
        Tiling(side=side)


def test_a_picture_at_the_limit_stays_one_unit():
    image = np.zeros((64, 64, 3), np.uint8)
    assert LIGHT.analyse(image).grid is None
    assert len(LIGHT.analyse(np.zeros((64, 65, 3), np.uint8)).grid) == 1


def test_a_grid_has_every_pixel_once():
    grid = tile_grid(249, 177, 64)
    seen = np.zeros((177, 249), int)
    for tile in grid.tiles:
        seen[tile.slices] += 1
    assert (seen == 1).all() and len(grid) == len(grid.tiles) == 12
    assert grid.meeting(Rectangle(63, 0, 2, 65)) == [0, 1, 4, 5]


def test_transparency_and_metadata_stay_with_crops_and_damage(picture, monkeypatch):
    monkeypatch.setattr("dlic.learned.codec.load_codec", lambda folder, runtime=None: LIGHT)
    alpha = np.add.outer(np.arange(177), np.arange(249)).astype(np.uint8)
    rgba = np.dstack([picture, alpha])
    file = dlic.compress(rgba, weights=TINY_LIGHT, exif=b"MM\0*\0\0\0\x08\0\0", text={"Title": "tiles"})
    whole = dlic.read(file, weights=TINY_LIGHT)
    assert (whole.pixels[..., 3] == alpha).all() and whole.metadata.text == {"Title": "tiles"}
    assert (dlic.decompress(file, weights=TINY_LIGHT, crop=(50, 60, 70, 80)) == whole.pixels[60:140, 50:120]).all()
    position = file.index(split(read(file))[1][5].stream) + 9
    damaged = file[:position] + bytes([file[position] ^ 1]) + file[position + 1 :]
    described = describe_beginning(damaged)
    found = described.kind.read_partial(described, Reading(weights=TINY_LIGHT)).picture
    assert len(found.lost) == 1 and (found.pixels[..., 3] == alpha).all() and found.metadata == whole.metadata
