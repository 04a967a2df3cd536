"""The exact layer: masks and layers come back from their bytes, and lies are refused before memory is allocated."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlic.container.exact_layer import MAX_SIDE, ExactLayer, places, read, read_mask, size_of_mask, write, write_mask
from dlic.entropy.byte_reader import write_varint
from dlic.errors import CorruptFileError
from dlic.pixels.rectangles import Rectangle

MASKS = st.tuples(st.integers(1, 12), st.integers(1, 20)).flatmap(lambda size: arrays(bool, size))


def layer_of(mask: np.ndarray, width: int, height: int, side: int = 64) -> ExactLayer:
    streams = tuple(bytes([number % 256]) * number for number in range(len(places(mask, width, height, side))))
    return ExactLayer(width=width, height=height, mask=mask, side=side, streams=streams)


@given(MASKS)
def test_masks_come_back(mask):
    assert (read_mask(write_mask(mask), mask.shape) == mask).all()


def test_a_mask_of_rectangles_takes_few_bytes():
    mask = np.zeros((128, 128), bool)
    mask[10:60, 5:90], mask[80:100, 30:120] = True, True
    assert len(write_mask(mask)) < 40


@given(MASKS, st.integers(0, 15), st.integers(0, 15))
def test_layers_come_back(mask, less_height, less_width):
    height, width = (16 * blocks - less for blocks, less in zip(mask.shape, (less_height, less_width), strict=True))
    layer = layer_of(mask, width, height)
    if not mask.any():
        with pytest.raises(CorruptFileError, match="no encoder"):
            read(write(layer), width, height)
        return
    again = read(write(layer), width, height)
    assert (again.mask == mask).all() and again.streams == layer.streams and again.side == 64
    assert again.places == layer.places and again.share == mask.mean()


@given(MASKS)
def test_places_hold_the_exact_blocks_and_no_row_more(mask):
    height, width = 16 * mask.shape[0] - 3, 16 * mask.shape[1] - 5
    covered = np.zeros(mask.shape, bool)
    for place in places(mask, width, height, 64):
        blocks = mask[place.in_steps(16).slices]
        assert blocks[0].any() and blocks[-1].any() and blocks[:, 0].any() and blocks[:, -1].any()
        assert place.right <= width and place.bottom <= height
        covered[place.in_steps(16).slices] = True
    assert not (mask & ~covered).any()


def test_a_place_is_cut_to_the_picture():
    assert places(np.ones((2, 2), bool), 20, 30) == [Rectangle(0, 0, 20, 30)]


def test_damage_is_refused():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2] = True
    layer = layer_of(mask, 80, 64)
    data = write(layer)
    head = write(replace(layer, streams=()))
    for damaged, message in (
        (b"\x02" + data[1:], "method 2"),
        (data + b"\0", "more than its pieces"),
        (head, "truncated"),
        (data[:1] + write_varint(100) + data[2:], "100 pixels wide"),
        (data[:1] + write_varint(2 * MAX_SIDE) + data[2:], "pixels wide"),
        (b"", "truncated"),
    ):
        with pytest.raises(CorruptFileError, match=message):
            read(damaged, 80, 64)


def test_a_mask_of_all_blocks_is_no_mask():
    data = write(layer_of(np.ones((4, 5), bool), 80, 64))
    mask = write_mask(np.ones((4, 5), bool))
    with pytest.raises(CorruptFileError, match="no encoder"):
        read(b"\x01" + data[1:2] + write_varint(len(mask)) + mask + data[2:], 80, 64)


@pytest.mark.parametrize("size", [(1 << 34, 1 << 34), (1, 1 << 34), (1 << 20, 1 << 20)])
def test_a_promise_of_terabytes_is_refused(size):
    with pytest.raises(CorruptFileError):
        read(bytes([0, 64]), *size)


def test_blocks_cover_the_picture():
    assert size_of_mask(17, 16) == (1, 2) and size_of_mask(1, 1) == (1, 1)
