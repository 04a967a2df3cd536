"""Bad JPEG files: a CorruptFileError of one sentence, never anything else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.jpeg.codec import JpegCodec
from dlic.classical.jpeg.entropy import write_scan
from dlic.classical.jpeg.frame import Component, Frame
from dlic.classical.jpeg.scans import scan_codes
from dlic.classical.jpeg.segments import (
    DHT,
    DQT,
    DRI,
    EOI,
    PROGRESSIVE,
    SOI,
    SOS,
    Scan,
    Segment,
    frame_segment,
    huffman_segment,
    quantisation_segment,
    scan_segment,
    segments,
    write_segment,
)
from dlic.classical.jpeg.tables import JpegTable
from dlic.errors import CorruptFileError
from tests.fuzz.fuzz_jpeg import seeds, target

HOSTILE = sorted((Path(__file__).parents[2] / "golden" / "hostile").glob("*.jpg"))
IMAGE = (np.arange(18 * 18 * 3).reshape(18, 18, 3) % 251).astype(np.uint8)
FILES = [JpegCodec(40, progressive=p, restart_interval=2).compress(IMAGE) for p in (False, True)]


def refused(data: bytes, match: str) -> None:
    with pytest.raises(CorruptFileError, match=match) as caught:
        JpegCodec().decompress(data)
    assert "\n" not in str(caught.value)


def rewritten(data: bytes, change) -> bytes:
    """The file with `change` made to each of its segments: what it returns, a segment or a list of them, replaces it."""
    out = [Segment(SOI)]
    for segment in segments(data):
        made = change(segment)
        out += made if isinstance(made, list) else [made]
    return b"".join(map(write_segment, [*out, Segment(EOI)]))


def with_payload(marker: int, payload) -> bytes:
    return rewritten(FILES[0], lambda s: Segment(s.marker, payload(s.payload), s.coded) if s.marker == marker else s)


@pytest.mark.parametrize("data", FILES, ids=["baseline", "progressive"])
def test_truncated_at_every_byte(data):
    assert JpegCodec().decompress(data).shape == IMAGE.shape
    for size in range(len(data)):
        refused(data[:size], "truncated|empty|not a JPEG")


@pytest.mark.parametrize("data", FILES, ids=["baseline", "progressive"])
@given(st.binary(min_size=1, max_size=400))
@settings(max_examples=60)
def test_random_bytes_after_a_valid_header(data, noise):
    start = data.index(b"\xff\xda")
    target(data[: start + 14] + noise + b"\xff\xd9")
    target(data[:start] + noise)


@given(st.sampled_from(seeds()), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=150)
def test_changed_bytes(data, changes):
    out = bytearray(data)
    for place, value in changes:
        out[place % len(out)] = value
    target(bytes(out))


@pytest.mark.parametrize("data", FILES, ids=["baseline", "progressive"])
def test_every_header_byte_changed(data):
    for place in range(2, data.index(b"\xff\xda") + 14):
        target(data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :])


def test_over_subscribed_huffman_tables():
    refused(with_payload(DHT, lambda p: p[:1] + bytes([3, *p[2:17]]) + p[17:] + bytes(3)), "over-subscribed|damaged")
    refused(with_payload(DHT, lambda p: bytes([0x10, 255] + [0] * 15) + bytes(255)), "over-subscribed")


def test_an_empty_huffman_table():
    refused(with_payload(DHT, lambda p: p[:1] + bytes(16)), "not in its Huffman table")


@pytest.mark.parametrize("height,width", [(0, 18), (18, 0), (0, 0)])
def test_zero_dimensions(height, width):
    frame = lambda p: p[:1] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + p[5:]  # noqa: E731
    refused(with_payload(0xC0, frame), "0")


def test_sizes_above_the_limit_and_above_what_the_file_can_hold():
    frame = lambda p, side: p[:1] + side.to_bytes(2, "big") * 2 + p[5:]  # noqa: E731
    refused(with_payload(0xC0, lambda p: frame(p, 65535)), "limit")
    refused(with_payload(0xC0, lambda p: frame(p, 13000)), "cannot hold")
    with pytest.raises(CorruptFileError, match="limit of 323"):
        JpegCodec(max_pixels=323).decompress(FILES[0])


@pytest.mark.parametrize(
    "marker,match", [(DQT, "quantisation table"), (DHT, "Huffman table"), (0xC0, "frame"), (SOS, "ends before")]
)
def test_missing_segments(marker, match):
    refused(rewritten(FILES[0], lambda s: [] if s.marker == marker else s), match)


def test_missing_restart_interval():
    refused(rewritten(FILES[0], lambda s: [] if s.marker == DRI else s), "restart markers")


@pytest.mark.parametrize(
    "marker,match",
    [(0xC3, "lossless"), (0xC9, "arithmetic"), (0xC5, "hierarchical"), (0xF0, "no meaning"), (0xDC, "height behind")],
)
def test_other_kinds_and_markers(marker, match):
    refused(rewritten(FILES[0], lambda s: Segment(marker, s.payload) if s.marker == 0xC0 else s), match)


@pytest.mark.parametrize("marker", [0x01, 0xD3, 0xD8, 0x42])
def test_markers_out_of_place(marker):
    refused(FILES[0][:20] + bytes([0xFF, marker]) + FILES[0][20:], "no meaning")
    refused(FILES[0][:20] + bytes([marker]) + FILES[0][20:], "begin with a marker")


def test_fill_bytes_before_markers_and_bytes_behind_the_end_are_allowed():
    expected = JpegCodec().decompress(FILES[0])
    filled = b"\xff\xd8" + b"".join(b"\xff\xff" + write_segment(s) for s in segments(FILES[0])) + b"\xff\xff\xff\xd9more"
    assert (JpegCodec().decompress(filled) == expected).all()


@pytest.mark.parametrize("bits", [12, 16, 0])
def test_other_precisions(bits):
    refused(with_payload(0xC0, lambda p: bytes([bits]) + p[1:]), f"{bits} bits")


@pytest.mark.parametrize("count,match", [(4, "CMYK"), (2, "2 components"), (0, "0 components")])
def test_other_numbers_of_components(count, match):
    components = b"".join(bytes([i + 1, 0x11, 0]) for i in range(count))
    refused(with_payload(0xC0, lambda p: p[:5] + bytes([count]) + components), match)


def test_scans_against_the_rules():
    def change(tail):
        return rewritten(FILES[1], lambda s: Segment(SOS, s.payload[:-3] + bytes(tail), s.coded) if s.marker == SOS else s)

    for tail in ([0, 5, 0], [5, 4, 0], [1, 64, 0], [0, 0, 0x31], [0, 0, 0x0F], [1, 5, 0]):
        refused(change(tail), "rules|refines|interleaves|damaged|order")
    twice = rewritten(FILES[1], lambda s: [s, s] if s.marker == SOS else s)
    refused(twice, "out of order")
    refused(rewritten(FILES[0], lambda s: [s, s] if s.marker == SOS else s), "out of order")
    without_dc = rewritten(FILES[1], lambda s: [] if s.marker == SOS and s.payload[-3] == 0 else s)
    refused(without_dc, "ends before all|refines")


def test_a_second_frame():
    refused(rewritten(FILES[1], lambda s: [s, s] if s.marker == PROGRESSIVE else s), "second frame")


def test_scans_that_go_over_the_picture_again_and_again_are_refused():
    """Each is legal and a few bytes long; together they take a hundred times the work of a picture."""
    frame = Frame(80, 80, (Component(1, 1, 1, 0),), progressive=True)
    levels = np.zeros((100, 64), np.int16)
    dc = Scan((0,), (0,), (0,), 0, 0)
    scans = [dc] + [Scan((0,), (0,), (0,), place, place, high, low) for high, low in ((0, 2), (2, 1)) for place in range(1, 64)]
    head = [Segment(SOI), quantisation_segment(0, np.ones(64, int)), frame_segment(frame)]
    codes = [scan_codes(levels, frame, scan, 0) for scan in scans[:2]]
    tables = [JpegTable.optimal(codes[slot].counts(slot)) for slot in range(2)]
    coded = [write_scan(own, tables, 100) for own in codes]
    head += [huffman_segment(is_ac, 0, tables[is_ac]) for is_ac in range(2)]
    made = [scan_segment(frame, scan, coded[scan.first > 0]) for scan in scans]
    whole = b"".join(map(write_segment, [*head, *made[:90], Segment(EOI)]))
    assert (JpegCodec().decompress(whole) == 128).all()
    refused(b"".join(map(write_segment, [*head, *made, Segment(EOI)])), "more than 100 times")


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_files_are_refused_for_ever(path):
    """Made by hand; what fuzzing finds is added."""
    assert not target(path.read_bytes())


def test_there_are_hostile_files():
    assert len(HOSTILE) >= 12
