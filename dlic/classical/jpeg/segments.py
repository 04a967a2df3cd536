"""The segments of a JPEG file (T.81 Annex B) ⇄ their content."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dlic.classical.jpeg.frame import Component, Frame
from dlic.classical.jpeg.quantisation import unzigzag, zigzag
from dlic.classical.jpeg.tables import JpegTable
from dlic.errors import CorruptFileError

SOI, EOI, SOS, DQT, DHT, DRI, DNL = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC
APP0, APP1, APP2, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
UNREADABLE = {0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical", 0xCB: "lossless"} | dict.fromkeys(
    (0xC9, 0xCA, 0xCC, 0xCD, 0xCE, 0xCF), "arithmetic"
)
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the first marker that does not belong to the coded data


@dataclass(frozen=True)
class Segment:
    """A marker and its payload; `coded` is the Huffman-coded data after a SOS."""

    marker: int
    payload: bytes = b""
    coded: bytes = b""


@dataclass(frozen=True)
class Scan:
    """The content of a SOS: components by their index in the frame, their tables, and the places and bits that the scan codes."""

    components: tuple[int, ...]
    dc: tuple[int, ...]  # Huffman tables of each component
    ac: tuple[int, ...]
    first: int = 0  # places of the zigzag
    last: int = 63
    high: int = 0  # the bit coded before, 0 if none was
    low: int = 0  # the bit coded to


def write_segment(segment: Segment) -> bytes:
    """Inverse of one step of `segments`. A payload has at most 65,533 bytes."""
    head = bytes([0xFF, segment.marker])
    if segment.marker in (SOI, EOI):
        return head
    return head + (len(segment.payload) + 2).to_bytes(2, "big") + segment.payload + segment.coded


def segments(data: bytes) -> Iterator[Segment]:
    """From SOI to EOI; raises CorruptFileError where `data` is no sequence of segments. Bytes behind EOI are left alone."""
    if data[:2] != bytes([0xFF, SOI]):
        raise CorruptFileError("not a JPEG file" if data else "the file is empty")
    position = 2
    while True:
        marker, position = _marker(data, position)
        if marker == EOI:
            return
        if marker == SOI or marker < 0xC0 or 0xD0 <= marker <= 0xD7:
            raise CorruptFileError(f"a marker {marker:02x} stands where it has no meaning")
        length = int.from_bytes(_take(data, position, 2), "big")
        if length < 2:
            raise CorruptFileError("a segment is shorter than its own length field")
        payload = _take(data, position + 2, length - 2)
        position += length
        end = position
        if marker == SOS:
            scan_end = SCAN_END.search(data, position)
            if not scan_end:
                raise CorruptFileError("the file is truncated: a scan has no end")
            end = scan_end.start()
        yield Segment(marker, payload, data[position:end])
        position = end


def quantisation_segment(index: int, steps: np.ndarray) -> Segment:
    """Steps (64,) row by row; those above 255 make a table of 16 bits."""
    wide = steps.max() > 255
    return Segment(DQT, bytes([wide << 4 | index]) + zigzag(steps).astype(">u2" if wide else "u1").tobytes())


def read_quantisation(payload: bytes) -> Iterator[tuple[int, np.ndarray]]:
    """Inverse of `quantisation_segment`, for one table or more."""
    while payload:
        wide, index = divmod(payload[0], 16)
        size = 64 << wide if wide < 2 else 0
        if index > 3 or not size or len(payload) < 1 + size:
            raise CorruptFileError("a quantisation table is damaged")
        steps = np.frombuffer(payload[1 : 1 + size], ">u2" if wide else "u1")
        if not steps.all():
            raise CorruptFileError("a quantisation table holds a step of 0")
        yield index, unzigzag(steps).astype(np.int64)
        payload = payload[1 + size :]


def huffman_segment(is_ac: int, index: int, table: JpegTable) -> Segment:
    return Segment(DHT, bytes([is_ac << 4 | index]) + table.to_segment())


def read_huffman(payload: bytes) -> Iterator[tuple[tuple[int, int], JpegTable]]:
    """Inverse of `huffman_segment`, for one table or more: ((is_ac, index), table)."""
    while payload:
        is_ac, index = divmod(payload[0], 16)
        count = sum(payload[1:17])
        if is_ac > 1 or index > 3 or len(payload) < 17 + count or count > 256:
            raise CorruptFileError("a Huffman table is damaged")
        table = JpegTable.from_segment(payload[1:17], payload[17 : 17 + count])
        if not is_ac:
            table.check_dc()
        yield (is_ac, index), table
        payload = payload[17 + count :]


def frame_segment(frame: Frame) -> Segment:
    head = b"\x08" + frame.height.to_bytes(2, "big") + frame.width.to_bytes(2, "big") + bytes([len(frame.components)])
    parts = (bytes([c.identifier, c.horizontal << 4 | c.vertical, c.table]) for c in frame.components)
    return Segment(PROGRESSIVE if frame.progressive else BASELINE, head + b"".join(parts))


def read_frame(segment: Segment, max_pixels: int) -> Frame:
    """Inverse of `frame_segment`; raises CorruptFileError for a damaged header, more than `max_pixels` pixels, or other than one or
    three components.
    """
    payload = segment.payload
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5]:
        raise CorruptFileError("the frame header is damaged")
    precision, count = payload[0], payload[5]
    height, width = (int.from_bytes(payload[i : i + 2], "big") for i in (1, 3))
    if precision != 8:
        raise CorruptFileError(f"a JPEG of {precision} bits a sample cannot be read; 8 bits can")
    if not height or not width:
        raise CorruptFileError(f"the frame header says {width} × {height} pixels")
    if height * width > max_pixels:
        raise CorruptFileError(f"the file has {width} × {height} = {width * height:,} pixels, above the limit of {max_pixels:,}")
    if count == 4:
        raise CorruptFileError("a CMYK JPEG cannot be read; convert it to RGB first")
    if count not in (1, 3):
        raise CorruptFileError(f"a JPEG of {count} components cannot be read; one and three can")
    triples = (payload[6 + 3 * i : 9 + 3 * i] for i in range(count))
    components = tuple(Component(identifier, factors & 15, factors >> 4, table) for identifier, factors, table in triples)
    if any(not (1 <= c.vertical <= 4 and 1 <= c.horizontal <= 4 and c.table <= 3) for c in components):
        raise CorruptFileError("the frame header has a sampling factor or table number out of range")
    if len({c.identifier for c in components}) != count:
        raise CorruptFileError("two components of the frame have the same number")
    return Frame(height, width, components, segment.marker == PROGRESSIVE)


def scan_segment(frame: Frame, scan: Scan, coded: bytes) -> Segment:
    parts = (
        bytes([frame.components[i].identifier, dc << 4 | ac]) for i, dc, ac in zip(scan.components, scan.dc, scan.ac, strict=True)
    )
    tail = bytes([scan.first, scan.last, scan.high << 4 | scan.low])
    return Segment(SOS, bytes([len(scan.components)]) + b"".join(parts) + tail, coded)


def read_scan_header(payload: bytes, frame: Frame) -> Scan:
    """Inverse of `scan_segment`."""
    if not payload or not 1 <= payload[0] <= 4 or len(payload) != 4 + 2 * payload[0]:
        raise CorruptFileError("a scan header is damaged")
    count, (first, last, bits) = payload[0], payload[-3:]
    places = {component.identifier: index for index, component in enumerate(frame.components)}
    components = tuple(places.get(identifier, -1) for identifier in payload[1 : 1 + 2 * count : 2])
    if -1 in components or len(set(components)) != count:
        raise CorruptFileError("a scan header names a component twice or one that the frame does not have")
    tables = payload[2 : 2 + 2 * count : 2]
    scan = Scan(components, tuple(t >> 4 for t in tables), tuple(t & 15 for t in tables), first, last, bits >> 4, bits & 15)
    blocks = sum(frame.components[i].vertical * frame.components[i].horizontal for i in components)
    if count > 1 and blocks > 10:
        raise CorruptFileError(f"a scan interleaves {blocks} blocks; 10 are the limit")
    return scan


def _marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker at `position`, any number of ff before it, and where its segment begins."""
    if _take(data, position, 1) != b"\xff":
        raise CorruptFileError("a segment does not begin with a marker")
    while (octet := _take(data, position, 1)[0]) == 0xFF:
        position += 1
    return octet, position + 1


def _take(data: bytes, position: int, count: int) -> bytes:
    part = data[position : position + count]
    if len(part) < count:
        raise CorruptFileError(f"the file is truncated: a segment goes on behind its {len(data)} bytes")
    return part
