"""Every kind of scan codes levels and gets them back: any levels, bands, tables, restart intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.jpeg.entropy import ScanBits, write_scan
from dlic.classical.jpeg.frame import Component, Frame
from dlic.classical.jpeg.scans import COLOUR_SCRIPT, GRAY_SCRIPT, read_scan, scan_codes, scan_layout
from dlic.classical.jpeg.segments import Scan
from dlic.classical.jpeg.tables import JpegTable
from dlic.errors import CorruptFileError

COLOUR = (Component(1, 2, 2, 0), Component(2, 1, 1, 1), Component(3, 1, 1, 1))


def random_levels(frame: Frame, seed: int, density: float, scale: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    levels = np.rint(rng.laplace(0, scale, (frame.block_count, 64))) * (rng.random((frame.block_count, 64)) < density)
    levels[rng.random(frame.block_count) < 0.3, 1:] = 0
    return levels.clip(-1000, 1000).astype(np.int16)


def through(levels: np.ndarray, frame: Frame, script: tuple[Scan, ...], interval: int) -> np.ndarray:
    """What is read back of all scans of a script."""
    read = np.zeros_like(levels)
    for scan in script:
        codes = scan_codes(levels, frame, scan, interval)
        tables = {slot: JpegTable.optimal(codes.counts(slot)) for slot in range(4)}
        layout = scan_layout(frame, scan, interval)
        coded = write_scan(codes, list(tables.values()), layout.interval * layout.pattern.size)
        read_scan(coded, read, frame, scan, interval, {(slot % 2, slot // 2): table for slot, table in tables.items()})
    return read


@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(0, 9), st.integers(0, 2**31), st.floats(0, 1), st.sampled_from([0.7, 4, 90])
)
@settings(max_examples=40)
def test_levels_survive_sequential_and_progressive_scans(height, width, interval, seed, density, scale):
    for components, script in ((COLOUR, COLOUR_SCRIPT), (COLOUR[:1], GRAY_SCRIPT)):
        frame = Frame(height, width, components, progressive=True)
        levels = random_levels(frame, seed, density, scale)
        covered = np.zeros(len(levels), bool)
        for index in range(len(components)):
            covered[frame.scan_blocks((index,)).ravel()] = True
        levels[~covered, 1:] = 0  # AC scans leave out the blocks that only fill up
        levels[~covered, 0] = 0 if len(components) == 1 else levels[~covered, 0]
        assert (through(levels, frame, script, interval) == levels).all()
        indices = tuple(range(len(components)))
        tables = (0, 1, 1)[: len(indices)]
        assert (through(levels, Frame(height, width, components), (Scan(indices, tables, tables),), interval) == levels).all()


@given(st.integers(1, 12), st.integers(0, 2**31), st.floats(0, 1))
@settings(max_examples=30)
def test_any_order_of_bands_and_bits_survives(low, seed, density):
    frame = Frame(30, 50, (Component(1, 1, 1, 0),), progressive=True)
    levels = random_levels(frame, seed, density, 100)
    bands = [(0, 0), (40, 63), (1, 1), (2, 39)]
    script = [Scan((0,), (1,), (1,), first, last, 0, low) for first, last in bands]
    script += [Scan((0,), (0,), (0,), first, last, bit, bit - 1) for bit in range(low, 0, -1) for first, last in bands[::-1]]
    assert (through(levels, frame, tuple(script), 3) == levels).all()


def test_runs_of_ends_longer_than_a_code_can_say():
    frame = Frame(8, 8 * 40_000, (Component(1, 1, 1, 0),), progressive=True)
    levels = np.zeros((40_000, 64), np.int16)
    levels[-1, 5] = 1
    assert (through(levels, frame, GRAY_SCRIPT, 0) == levels).all()


def test_ones_are_stuffed_and_restarts_numbered():
    frame = Frame(8, 800, (Component(1, 1, 1, 0),))
    levels = np.full((100, 64), 1023, np.int16)
    codes = scan_codes(levels, frame, Scan((0,), (0,), (0,)), 10)
    coded = write_scan(codes, [JpegTable.optimal(codes.counts(slot)) for slot in range(2)], 10)
    assert b"\xff\x00" in coded
    assert [coded[i + 1] for i in range(len(coded) - 1) if coded[i] == 0xFF and coded[i + 1]] == [0xD0 + i % 8 for i in range(9)]
    assert len(ScanBits.read(coded, 10).starts) == 10
    with pytest.raises(CorruptFileError, match="restart markers"):
        ScanBits.read(coded, 9)
    with pytest.raises(CorruptFileError, match="out of order"):
        ScanBits.read(coded.replace(b"\xff\xd3", b"\xff\xd4"), 10)
