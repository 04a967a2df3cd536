"""A picture's quantised levels ⇄ a JPEG file."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from dlic.classical.jpeg import metadata as jpeg_metadata
from dlic.classical.jpeg.entropy import write_scan
from dlic.classical.jpeg.frame import Frame
from dlic.classical.jpeg.scans import COLOUR_SCRIPT, GRAY_SCRIPT, read_scan, scan_codes, scan_layout
from dlic.classical.jpeg.segments import (
    APP0,
    APP14,
    BASELINE,
    COM,
    DHT,
    DNL,
    DQT,
    DRI,
    EOI,
    EXTENDED,
    PROGRESSIVE,
    SOI,
    SOS,
    UNREADABLE,
    Scan,
    Segment,
    frame_segment,
    huffman_segment,
    quantisation_segment,
    read_frame,
    read_huffman,
    read_quantisation,
    read_scan_header,
    scan_segment,
    segments,
    write_segment,
)
from dlic.classical.jpeg.tables import STANDARD_AC, STANDARD_DC, JpegTable
from dlic.errors import CorruptFileError
from dlic.images.jpeg import JFIF
from dlic.images.metadata import Metadata
from dlic.images.multi_picture import with_gain_map

MAX_SCANS = 1000  # as libjpeg-turbo advises; honest files have about ten
MAX_PASSES = 100  # over every block of the picture: one for each place takes 64


@dataclass(frozen=True, eq=False)
class Picture:
    """All of a JPEG but its Huffman codes."""

    frame: Frame
    levels: np.ndarray  # int16 (blocks, 64), each block in zigzag order
    steps: tuple[np.ndarray, ...]  # (64,) for each component, row by row
    is_ycbcr: bool = True
    metadata: Metadata = field(default_factory=Metadata)


def write_jpeg(picture: Picture, optimise: bool = True, interval: int = 0) -> bytes:
    """The file. Without `optimise` a sequential one has the standard Huffman tables; `interval` is in minimum coded units."""
    file = b"".join(map(write_segment, _segments_of(picture, optimise, interval)))
    return with_gain_map(file, picture.metadata)


def read_jpeg(data: bytes, max_pixels: int) -> Picture:
    """Inverse of `write_jpeg`, for any baseline, extended sequential or progressive file of 8 bits with Huffman codes.

    Raises CorruptFileError for any other file, for damage or truncation, and above `max_pixels`.
    """
    reader = _Reader(len(data), max_pixels)
    for segment in segments(data):
        reader.take(segment)
    return reader.picture()


def _segments_of(picture: Picture, optimise: bool, interval: int) -> Iterator[Segment]:
    frame = picture.frame
    yield Segment(SOI)
    yield from jpeg_metadata.segments_of(picture.metadata)
    for index, steps in {c.table: s for c, s in zip(frame.components, picture.steps, strict=True)}.items():
        yield quantisation_segment(index, steps)
    extended = max(steps.max() for steps in picture.steps) > 255  # a baseline file has steps of 8 bits
    yield replace(frame_segment(frame), marker=EXTENDED) if extended and not frame.progressive else frame_segment(frame)
    if interval:
        yield Segment(DRI, interval.to_bytes(2, "big"))
    for scan in _script(frame):
        codes = scan_codes(picture.levels, frame, scan, interval)
        optimal = optimise or frame.progressive  # the standard tables have no codes for runs of ends
        tables = {slot: _huffman_table(codes.counts(slot), slot, optimal) for slot in np.unique(codes.slots).tolist() if slot >= 0}
        for slot, table in tables.items():
            yield huffman_segment(slot % 2, slot // 2, table)
        layout = scan_layout(frame, scan, interval)
        coded = write_scan(codes, [tables.get(slot) for slot in range(4)], layout.interval * layout.pattern.size)
        yield scan_segment(frame, scan, coded)
    yield Segment(EOI)


def _script(frame: Frame) -> tuple[Scan, ...]:
    if frame.progressive:
        return COLOUR_SCRIPT if len(frame.components) == 3 else GRAY_SCRIPT
    tables = tuple(component.table for component in frame.components)
    return (Scan(tuple(range(len(tables))), tables, tables),)


def _huffman_table(counts: np.ndarray, slot: int, optimal: bool) -> JpegTable:
    if optimal:
        return JpegTable.optimal(counts)
    return (STANDARD_AC if slot % 2 else STANDARD_DC)[slot // 2]


class _Reader:
    """Takes segment after segment."""

    def __init__(self, size: int, max_pixels: int):
        self.size, self.max_pixels = size, max_pixels
        self.frame: Frame | None = None
        self.quantisation: dict[int, np.ndarray] = {}
        self.huffman: dict[tuple[int, int], JpegTable] = {}
        self.interval = self.scans = self.scanned_blocks = 0
        self.steps: dict[int, np.ndarray] = {}  # a component's table is that of its first scan
        self.adobe_transform: int | None = None
        self.is_jfif = False
        self.metadata: list[Segment] = []

    def take(self, segment: Segment) -> None:
        marker, payload = segment.marker, segment.payload
        if marker in UNREADABLE:
            raise CorruptFileError(f"a JPEG of the {UNREADABLE[marker]} kind cannot be read; baseline and progressive ones can")
        if marker in (BASELINE, EXTENDED, PROGRESSIVE):
            self._take_frame(segment)
        elif marker == SOS:
            self._take_scan(segment)
        elif marker == DQT:
            self.quantisation.update(read_quantisation(payload))
        elif marker == DHT:
            self.huffman.update(read_huffman(payload))
        elif marker == DRI:
            if len(payload) != 2:
                raise CorruptFileError("the restart interval is damaged")
            self.interval = int.from_bytes(payload, "big")
        elif marker == APP14 and payload[:5] == b"Adobe" and len(payload) >= 12:
            self.adobe_transform = payload[11]
        elif marker == DNL:
            raise CorruptFileError("a JPEG that states its height behind the picture cannot be read")
        elif 0xE0 <= marker <= 0xEF or marker == COM:
            self.is_jfif |= marker == APP0 and payload.startswith(JFIF)
            self.metadata.append(segment)
        else:
            raise CorruptFileError(f"a segment {marker:02x} has no meaning in a JPEG")

    def picture(self) -> Picture:
        """Raises CorruptFileError if anything is missing."""
        if not self.frame:
            raise CorruptFileError("the file ends before its picture")
        if (self.coded_bit[:, 0] < 0).any():
            raise CorruptFileError("the file ends before all its colours are coded")
        steps = tuple(self.steps[index] for index in range(len(self.frame.components)))
        return Picture(self.frame, self.levels, steps, self._is_ycbcr(self.frame), jpeg_metadata.read(self.metadata))

    def _take_frame(self, segment: Segment) -> None:
        if self.frame:
            raise CorruptFileError("the file has a second frame")
        self.frame = read_frame(segment, self.max_pixels)
        if self.frame.block_count > 8 * self.size:  # a block takes at least one bit: nothing is allocated for a lie
            raise CorruptFileError(
                f"the file is truncated: {self.size} bytes cannot hold {self.frame.width} × {self.frame.height} pixels"
            )
        self.levels = np.zeros((self.frame.block_count, 64), np.int16)
        self.coded_bit = np.full((len(self.frame.components), 64), -1)  # the lowest bit known of every place, −1 for none

    def _take_scan(self, segment: Segment) -> None:
        frame = self.frame
        if not frame:
            raise CorruptFileError("a scan comes before its frame")
        self.scans += 1
        if self.scans > MAX_SCANS:
            raise CorruptFileError(f"the file has more than {MAX_SCANS} scans")
        scan = read_scan_header(segment.payload, frame)
        self.scanned_blocks += sum(math.prod(frame.grid(index)) for index in scan.components)
        if self.scanned_blocks > MAX_PASSES * frame.block_count:
            raise CorruptFileError(f"the scans of the file go over its blocks more than {MAX_PASSES} times")
        if not frame.progressive:
            scan = replace(scan, first=0, last=63, high=0, low=0)
        self._check_order(scan, frame.progressive)
        for index in scan.components:
            table = frame.components[index].table
            if index in self.steps:
                continue
            if table not in self.quantisation:
                raise CorruptFileError(f"the quantisation table {table} that a component uses is missing")
            self.steps[index] = self.quantisation[table]
        read_scan(segment.coded, self.levels, frame, scan, self.interval, self.huffman)

    def _check_order(self, scan: Scan, progressive: bool) -> None:
        """Checks that every bit of every level is coded once, from high to low. That bounds the work for one file."""
        if not scan.first <= scan.last <= 63 or scan.low > 13 or (progressive and (scan.first == 0) != (scan.last == 0)):
            raise CorruptFileError(f"a scan over places {scan.first} … {scan.last} is against the rules")
        if scan.first > 0 and len(scan.components) > 1:
            raise CorruptFileError("a scan of AC coefficients interleaves components")
        if scan.high and scan.low != scan.high - 1:
            raise CorruptFileError(f"a scan refines from bit {scan.high} to bit {scan.low}")
        band = np.ix_(scan.components, range(scan.first, scan.last + 1))
        if (self.coded_bit[band] != (scan.high or -1)).any():
            raise CorruptFileError("the scans are out of order: one codes what is coded already, or refines what is not")
        self.coded_bit[band] = scan.low

    def _is_ycbcr(self, frame: Frame) -> bool:
        """As libjpeg decides it."""
        if self.is_jfif or self.adobe_transform is not None:
            return self.is_jfif or self.adobe_transform != 0
        return bytes(component.identifier for component in frame.components) != b"RGB"
