"""Coding of the levels of a scan: the four kinds of scans behind one pair of functions."""

from dataclasses import replace

import numpy as np

from dlic.classical.jpeg.entropy import ScanBits
from dlic.classical.jpeg.frame import Frame
from dlic.classical.jpeg.progressive import (
    ac_first_codes,
    ac_refining_codes,
    dc_refining_codes,
    read_ac_first,
    read_ac_refining,
    read_dc_refining,
)
from dlic.classical.jpeg.run_lengths import Codes
from dlic.classical.jpeg.segments import Scan
from dlic.classical.jpeg.sequential import Layout, dc_first_codes, read_dc_first, read_sequential, sequential_codes
from dlic.classical.jpeg.tables import JpegTable
from dlic.errors import CorruptFileError

# libjpeg's order of scans: the average colours first, then luma and chroma roughly, then the bits left out.
COLOUR_SCRIPT = (
    Scan((0, 1, 2), (0, 1, 1), (0, 0, 0), 0, 0, 0, 1),
    Scan((0,), (0,), (0,), 1, 5, 0, 2),
    Scan((2,), (0,), (1,), 1, 63, 0, 1),
    Scan((1,), (0,), (1,), 1, 63, 0, 1),
    Scan((0,), (0,), (0,), 6, 63, 0, 2),
    Scan((0,), (0,), (0,), 1, 63, 2, 1),
    Scan((0, 1, 2), (0, 0, 0), (0, 0, 0), 0, 0, 1, 0),
    Scan((2,), (0,), (1,), 1, 63, 1, 0),
    Scan((1,), (0,), (1,), 1, 63, 1, 0),
    Scan((0,), (0,), (0,), 1, 63, 1, 0),
)
GRAY_SCRIPT = (
    Scan((0,), (0,), (0,), 0, 0, 0, 1),
    *(scan for scan in COLOUR_SCRIPT[1:-1] if scan.components == (0,)),
    Scan((0,), (0,), (0,), 0, 0, 1, 0),
    COLOUR_SCRIPT[-1],
)


def scan_layout(frame: Frame, scan: Scan, interval: int) -> Layout:
    """`interval` counts minimum coded units, 0 for no restarts."""
    if len(scan.components) == 1:
        rows, columns = frame.grid(scan.components[0])
    else:
        rows, columns = frame.units
    return Layout(rows * columns, frame.scan_pattern(scan.components), interval or rows * columns)


def scan_codes(levels: np.ndarray, frame: Frame, scan: Scan, interval: int) -> Codes:
    """The codes of one scan, of the levels of all blocks in zigzag order: int16 (blocks, 64)."""
    layout = scan_layout(frame, scan, interval)
    own = levels[frame.scan_blocks(scan.components).reshape(-1), scan.first : scan.last + 1]
    if not frame.progressive:
        return sequential_codes(own, layout, np.array(scan.dc))
    if scan.first == 0:
        shifted = own[:, 0] >> scan.low
        return dc_refining_codes(shifted & 1) if scan.high else dc_first_codes(shifted, layout, np.array(scan.dc))
    shifted = np.sign(own) * (np.abs(own) >> scan.low)  # towards zero
    return (ac_refining_codes if scan.high else ac_first_codes)(shifted, scan.ac[0], layout.interval)


def sequential_scan_codes(levels: np.ndarray, frame: Frame) -> Codes:
    """The codes of one sequential scan over all components, for any frame; counts of their symbols give bits of the symbols."""
    tables = tuple(component.table for component in frame.components)
    return scan_codes(levels, replace(frame, progressive=False), Scan(tuple(range(len(tables))), tables, tables), 0)


def read_scan(
    coded: bytes, levels: np.ndarray, frame: Frame, scan: Scan, interval: int, tables: dict[tuple[int, int], JpegTable]
) -> None:
    """Inverse of `scan_codes` and `write_scan`: fills in the scan's part of `levels`, int16 (blocks, 64).

    `tables` are found by (is_ac, index). Raises CorruptFileError for coded data that no encoder wrote.
    """
    layout = scan_layout(frame, scan, interval)
    bits = ScanBits.read(coded, layout.intervals)
    needs_dc, needs_ac = scan.first == 0 and not (frame.progressive and scan.high), scan.last > 0
    dc = [_table(tables, 0, index) for index in scan.dc] if needs_dc else []
    ac = [_table(tables, 1, index) for index in scan.ac] if needs_ac else []
    blocks, band = frame.scan_blocks(scan.components).reshape(-1), slice(scan.first, scan.last + 1)
    if not frame.progressive:
        levels[blocks] = read_sequential(bits, layout, dc, ac)
    elif scan.first == 0 and not scan.high:
        levels[blocks, 0] = _shifted(read_dc_first(bits, layout, dc), scan.low)
    elif scan.first == 0:
        levels[blocks, 0] |= (read_dc_refining(bits, layout) << scan.low).astype(np.int16)
    elif not scan.high:
        levels[blocks, band] = _shifted(read_ac_first(bits, layout, scan.first, scan.last, ac[0]), scan.low)
    else:
        coarse = levels[blocks, band]
        levels[blocks, band] = coarse + (read_ac_refining(bits, layout, coarse, ac[0]) << scan.low)  # a bit below those known


def _shifted(levels: np.ndarray, low: int) -> np.ndarray:
    if int(np.abs(levels).max()) << low > 32767:
        raise CorruptFileError("a coefficient is out of range")
    return levels << low


def _table(tables: dict[tuple[int, int], JpegTable], is_ac: int, index: int) -> JpegTable:
    if (is_ac, index) not in tables:
        raise CorruptFileError(f"the {'AC' if is_ac else 'DC'} Huffman table {index} that a scan uses is missing")
    return tables[is_ac, index]
