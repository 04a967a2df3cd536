"""The table of tiles: what is joined is split again, and damage never costs more than a sentence."""

import dataclasses
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.container.format import TILED, header, read, write
from dlic.container.tiles import MAX_TILES, Table, is_side, join, read_table, split, split_beginning, tile_grid, write_table
from dlic.container.units import CodedUnit, as_picture, unit_of
from dlic.entropy.byte_reader import write_varint
from dlic.errors import CorruptFileError
from dlic.pixels.grid import Grid
from dlic.pixels.rectangles import Rectangle

sizes = st.integers(1, 3000)
sides = st.integers(1, 16).map(lambda units: 64 * units)


@st.composite
def pictures(draw) -> tuple[Grid, list[CodedUnit]]:
    grid = tile_grid(draw(st.integers(1, 500)), draw(st.integers(1, 500)), draw(sides))
    level, coder = draw(st.integers(0, 255)), draw(st.integers(0, 255))
    finer = draw(st.sampled_from([st.just(0), st.integers(0, 255)]))
    tiles = [
        CodedUnit(
            width=tile.width,
            height=tile.height,
            level=level,
            coder=coder,
            model=bytes(8),
            symbols_crc=draw(st.integers(0, 2**32 - 1)),
            stream=draw(st.binary(max_size=40)),
            finer=draw(finer),
        )
        for tile in grid.tiles
    ]
    return grid, tiles


GRID = tile_grid(200, 130, 64)
TILES = [
    CodedUnit(width=t.width, height=t.height, level=7, coder=0, model=bytes(8), symbols_crc=5 * i, stream=bytes([i] * 20))
    for i, t in enumerate(GRID.tiles)
]
PICTURE = join(GRID, TILES)


@given(pictures())
@settings(max_examples=50)
def test_split_inverts_join(picture):
    grid, tiles = picture
    joined = join(grid, tiles)
    assert joined.kind == TILED and joined.coder == tiles[0].coder and (joined.width, joined.height) == (grid.width, grid.height)
    assert split(read(write(joined))) == (grid, tiles)
    assert split_beginning(joined) == (grid, tiles)


def test_a_picture_of_one_unit_is_that_unit():
    for unit in TILES:
        assert unit_of(read(write(as_picture(unit)))) == unit


@given(sizes, sizes, sides)
def test_tiles_cover_the_picture_once_and_there_are_no_slivers(width, height, side):
    grid = tile_grid(width, height, side)
    assert sum(tile.width * tile.height for tile in grid.tiles) == width * height
    assert len(grid) == len(grid.tiles) == grid.rows * grid.columns
    for tile in grid.tiles:
        assert tile.x % 64 == tile.y % 64 == 0 and tile.overlap(grid.whole) == tile
        for length, whole in ((tile.width, width), (tile.height, height)):
            assert length <= min(whole, 1.5 * side + 64)
            assert length >= min(whole, 0.75 * side - 128) and length > 0


@given(sizes, sizes, sides, st.data())
def test_the_tiles_that_meet_a_part_are_those_that_share_pixels_with_it(width, height, side, drawn):
    grid = tile_grid(width, height, side)
    x, y = drawn.draw(st.integers(0, width - 1)), drawn.draw(st.integers(0, height - 1))
    part = Rectangle(x, y, drawn.draw(st.integers(1, width - x)), drawn.draw(st.integers(1, height - y)))
    both = [tile.overlap(part) for tile in grid.tiles]
    assert grid.meeting(part) == [i for i, shared in enumerate(both) if shared.width > 0 and shared.height > 0]


def test_sides():
    assert [side for side in (0, 1, 64, 65, 1024, 1088, 4096) if is_side(side)] == [64, 1024]


@given(st.data())
@settings(max_examples=200)
def test_a_table_that_lies_is_refused_even_if_its_checksums_are_right(drawn):
    """Whoever writes the table also writes its checksums."""
    side = drawn.draw(st.sampled_from([0, 1, 63, 64, 128, 1024, 1088, 2**34]) | st.integers(0, 2**35 - 1))
    lengths = drawn.draw(st.lists(st.integers(0, 60) | st.integers(0, 2**35 - 1), min_size=len(GRID), max_size=len(GRID)))
    width, height = drawn.draw(st.sampled_from([(200, 130), (1, 1), (64, 10**9), (2**34, 2**34), (200, 131)]))
    crcs = [tile.symbols_crc.to_bytes(4, "big") for tile in TILES]
    table = write_varint(side) + b"".join(write_varint(length) + crc + b"\0" for length, crc in zip(lengths, crcs, strict=True))
    picture = dataclasses.replace(PICTURE, width=width, height=height)
    table += zlib.crc32(header(picture) + table).to_bytes(4, "big")
    lying = dataclasses.replace(picture, stream=table + b"".join(tile.stream for tile in TILES))
    try:
        grid, tiles = split(read(write(lying)))
    except CorruptFileError as error:
        assert "\n" not in str(error)
    else:
        assert len(grid) == len(tiles) and sum(len(tile.stream) for tile in tiles) + len(table) == len(lying.stream)


@given(st.binary(max_size=60), st.integers(1, 10**6), st.integers(1, 10**6))
def test_random_tables_are_refused(stream, width, height):
    for reader in (split, split_beginning):
        with pytest.raises(CorruptFileError):
            reader(dataclasses.replace(PICTURE, width=width, height=height, stream=stream))


def test_every_flipped_bit_of_header_and_table_is_refused():
    table, start = read_table(PICTURE)
    for bit in range(8 * start):
        stream = bytearray(PICTURE.stream)
        stream[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptFileError):
            split_beginning(dataclasses.replace(PICTURE, stream=bytes(stream)))
    for change in (
        {"width": 201},
        {"height": 129},
        {"level": 8},
        {"model": b"another!"},
        {"symbols_crc": 1},
        {"kind": 0},
        {"coder": 1},
    ):
        with pytest.raises(CorruptFileError, match="damaged"):
            split_beginning(dataclasses.replace(PICTURE, **change))
    assert write_table(table, PICTURE) == PICTURE.stream[:start]


def test_every_truncation_keeps_the_tiles_before_it():
    _, start = read_table(PICTURE)
    for length in range(len(PICTURE.stream)):
        cut = dataclasses.replace(PICTURE, stream=PICTURE.stream[:length])
        with pytest.raises(CorruptFileError):
            split(cut)
        if length < start:
            with pytest.raises(CorruptFileError):
                split_beginning(cut)
        else:
            there = (length - start) // 20
            assert split_beginning(cut)[1] == TILES[:there] + [None] * (len(TILES) - there)


def test_more_tiles_than_anybody_needs_are_refused():
    many = tile_grid(64 * (MAX_TILES + 1), 64, 64)
    table = Table(grid=many, lengths=(0,) * len(many), crcs=(0,) * len(many), finer=(0,) * len(many))
    picture = dataclasses.replace(PICTURE, width=many.width, height=many.height)
    with pytest.raises(CorruptFileError, match="tiles, more than"):
        split(dataclasses.replace(picture, stream=write_table(table, picture)))
