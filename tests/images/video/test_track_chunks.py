"""Sound, subtitles and the shape of pixels as chunks of a file."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.errors import CorruptFileError, DlicError
from dlic.images.video.clip import Clip, Track, TrackPacket
from dlic.images.video.track_chunks import (
    ASPECT,
    PACKETS,
    TRACK,
    merged,
    part,
    read_aspect,
    read_packets,
    read_track,
    with_chunks,
    write_aspect,
    write_packet,
    write_track,
)
from dlic.pixels.frames import Frame, SequenceFormat
from tests.images.video.sample_clips import frames

times = st.integers(-(2**33), 2**33)
packets = st.builds(
    TrackPacket,
    track=st.integers(0, 3),
    pts=times,
    dts=times,
    duration=st.integers(0, 2**32),
    is_key=st.booleans(),
    data=st.binary(min_size=1, max_size=40),
)
TRACKS = [Track(kind="audio", codec="aac", time_base=Fraction(1, 48000), template=b"parameters")] * 4


@given(st.lists(packets, max_size=5))
def test_packets_come_back(items):
    assert list(read_packets(b"".join(map(write_packet, items)))) == items


@given(
    st.builds(
        Track,
        kind=st.sampled_from(["audio", "subtitle"]),
        codec=st.sampled_from(["aac", "opus", "mov_text"]),
        time_base=st.fractions(min_value=Fraction(1, 1000), max_value=10, max_denominator=1000),
        template=st.binary(max_size=20),
    )
)
def test_tracks_come_back(track):
    assert read_track(write_track(track)) == track


@given(st.fractions(min_value=Fraction(1, 100), max_value=100, max_denominator=1000))
def test_shapes_of_pixels_come_back(aspect):
    assert read_aspect(write_aspect(aspect)) == aspect


@given(st.binary(max_size=60))
def test_damaged_chunks_are_an_error(data):
    for read in (read_aspect, read_track, lambda chunk: list(read_packets(chunk))):
        try:
            read(data)
        except CorruptFileError:
            continue


def test_a_clip_gives_descriptions_first_and_packets_where_they_come():
    shown = frames([1] * 3)
    packet = TrackPacket(track=0, pts=-5, dts=-5, duration=10, is_key=True, data=bytes(70_000))
    clip = Clip(
        form=SequenceFormat(width=47, height=33),
        items=lambda: iter([packet, shown[0], shown[1], packet, shown[2]]),
        tracks=tuple(TRACKS[:1]),
        pixel_aspect=Fraction(4, 3),
    )
    items = list(with_chunks(clip))
    assert [item if isinstance(item, Frame) else item[0] for item in items] == [
        ASPECT,
        TRACK,
        PACKETS,
        *shown[:2],
        PACKETS,
        shown[2],
    ]
    assert list(read_packets(items[2][1])) == [packet]


def test_items_are_merged_by_their_times():
    packet = [TrackPacket(track=0, pts=pts, dts=pts, duration=1, is_key=True, data=b"x") for pts in (-1000, 0, 47_999, 96_001)]
    shown = frames([1, 1], height=8, width=8)  # one second each
    assert list(merged(shown, packet, TRACKS, Fraction(1))) == [*packet[:2], shown[0], packet[2], shown[1], packet[3]]


def test_a_stretch_of_packets_begins_at_zero():
    packet = [TrackPacket(track=0, pts=pts, dts=pts, duration=1, is_key=True, data=b"x") for pts in range(0, 48000, 4800)]
    stretch = list(part(packet, TRACKS, Fraction(1, 2), Fraction(4, 5)))
    assert [item.pts for item in stretch] == [0, 4800, 9600]
    unknown = TrackPacket(track=9, pts=0, dts=0, duration=1, is_key=True, data=b"x")
    assert list(part([unknown], TRACKS, Fraction(0), None)) == []


def test_times_beyond_a_file_are_refused():
    with pytest.raises(DlicError, match="cannot hold"):
        write_packet(TrackPacket(track=0, pts=2**40, dts=0, duration=0, is_key=False, data=b"abc"))
    with pytest.raises(CorruptFileError):
        list(read_packets(write_packet(TrackPacket(track=0, pts=0, dts=0, duration=0, is_key=False, data=b"abc"))[:-1]))
