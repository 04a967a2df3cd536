"""Files with parity: smaller than without, damaged ones are refused, and whatever is in tiles or refined obeys it."""

from dataclasses import replace

import numpy as np
import pytest

from dlic.container.format import read, write
from dlic.container.tiles import split
from dlic.container.units import unit_of
from dlic.entropy.coder import PARITY, PLAIN
from dlic.entropy.parity import groups_of_steps, joined
from dlic.entropy.parts import Symbols
from dlic.errors import CorruptFileError, DlicError
from dlic.learned.codec import load_codec
from dlic.learned.tiles.plan import Tiling
from tests.golden.rewrite import TINY, TINY_LIGHT

CODEC = load_codec(TINY_LIGHT)


def odd_groups(symbols: Symbols) -> int:
    groups = joined(groups_of_steps(symbols["y"].part, CODEC.unit.tables))
    return int(groups.odd(symbols.y.ravel()).sum())


def test_files_of_models_that_know_the_price_of_errors_have_parity():
    image = np.zeros((20, 20, 3), np.uint8)
    assert read(CODEC.compress(image, 30)).coder == PARITY
    assert read(load_codec(TINY).compress(image, 0)).coder == PLAIN


@pytest.mark.parametrize("level", [10, 40, 63])
def test_a_file_with_parity_is_smaller(photograph, level):
    image = photograph[:256, :256]
    with_parity, without = (CODEC.with_coder(coder).compress(image, level) for coder in (PARITY, PLAIN))
    assert len(with_parity) < 0.985 * len(without)


@pytest.mark.parametrize("effort", [0, 2])
def test_every_group_is_even_in_tiles_with_finer_steps_and_refined(photograph, effort, monkeypatch):
    monkeypatch.setattr("dlic.learned.rounding.finer_steps", lambda error, aim: 24)
    codec = replace(CODEC, tiling=Tiling(side=64, above=0))
    _, tiles = split(read(codec.compress(photograph[100:190, 200:330], 45, effort)))
    symbols = [CODEC.unit.parse(tile) for tile in tiles]
    assert len(tiles) == 2 and not any(odd_groups(one) for one in symbols)
    assert any(joined(groups_of_steps(one["y"].part, CODEC.unit.tables)).starts.size for one in symbols)


def test_every_truncation_and_flipped_byte_of_a_file_is_refused(photograph):
    data = CODEC.compress(photograph[100:118, 200:240], 40)
    assert unit_of(read(data)).coder == PARITY and len(data) < 400
    for size in range(len(data)):
        with pytest.raises(DlicError):
            CODEC.decompress(data[:size])
    for place in range(len(data)):
        with pytest.raises(DlicError):
            CODEC.decompress(data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])


def test_every_flipped_byte_of_a_stream_is_refused_behind_right_checksums(photograph):
    container = read(CODEC.compress(photograph[100:118, 200:240], 40))
    for place in range(len(container.stream)):
        stream = bytearray(container.stream)
        stream[place] ^= 255
        with pytest.raises(CorruptFileError):
            CODEC.decompress(write(replace(container, stream=bytes(stream))))
    for size in range(len(container.stream)):
        with pytest.raises(CorruptFileError):
            CODEC.decompress(write(replace(container, stream=container.stream[:size])))
