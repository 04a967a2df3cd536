"""Chunks of a sequence's file for sound, subtitles and the shape of pixels; a reader may skip them.

trak   a copied stream: kind 1 (0 audio, 1 subtitle), time base (varint / varint seconds), codec (varint length, UTF-8), then a
       Matroska file of its parameters and one packet. Streams are numbered in the order of their chunks
pkts   packets, each: stream varint, flags 1 (1: key), pts, dts and duration varint, length varint, data.
       pts and dts are signed: 2n for n ≥ 0, −2n − 1 otherwise; 0 is where the first frame appears
aspr   width of a pixel over its height (varint / varint)
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError, DlicError
from dlic.images.video.clip import Clip, Item, Track, TrackPacket
from dlic.pixels.frames import Frame

TRACK, PACKETS, ASPECT = b"trak", b"pkts", b"aspr"
KINDS = ("audio", "subtitle")
KEY = 1  # flag
AT_ONCE = 1 << 16  # bytes of packets in one chunk, about
MOST = (1 << 35) - 1  # of a varint
Chunk = tuple[bytes, bytes]  # name and data


def with_chunks(clip: Clip) -> Iterator[Frame | Chunk]:
    """The frames of a clip, and chunks for everything else that it has, in the order of its file."""
    if clip.pixel_aspect != 1:
        yield ASPECT, write_aspect(clip.pixel_aspect)
    for track in clip.tracks:
        yield TRACK, write_track(track)
    waiting = list[bytes]()
    for item in clip.items():
        if isinstance(item, Frame):
            yield item
            continue
        waiting.append(write_packet(item))
        if sum(map(len, waiting)) > AT_ONCE:
            yield PACKETS, b"".join(waiting)
            waiting = []
    if waiting:
        yield PACKETS, b"".join(waiting)


def write_aspect(aspect: Fraction) -> bytes:
    shape = aspect.limit_denominator(100_000)
    return write_varint(shape.numerator) + write_varint(shape.denominator)


def read_aspect(data: bytes) -> Fraction:
    """Inverse of `write_aspect`. Raises CorruptFileError."""
    reader = Reader(data)
    width, height = read_varint(reader), read_varint(reader)
    if not (width and height):
        raise CorruptFileError("the shape of the pixels in the file is damaged")
    return Fraction(width, height)


def write_track(track: Track) -> bytes:
    base, codec = track.time_base, track.codec.encode()
    head = bytes([KINDS.index(track.kind)]) + write_varint(base.numerator) + write_varint(base.denominator)
    return head + write_varint(len(codec)) + codec + track.template


def read_track(data: bytes) -> Track:
    """Inverse of `write_track`. Raises CorruptFileError."""
    reader = Reader(data)
    kind, numerator, denominator = reader.take(1)[0], read_varint(reader), read_varint(reader)
    codec = reader.take(read_varint(reader))
    if kind >= len(KINDS) or not (numerator and denominator) or not codec.isascii():
        raise CorruptFileError("the description of a stream of sound or subtitles is damaged")
    base = Fraction(numerator, denominator)
    return Track(kind=KINDS[kind], codec=codec.decode(), time_base=base, template=data[reader.position :])


def write_packet(packet: TrackPacket) -> bytes:
    """Raises DlicError for times that are no times."""
    numbers = (_unsigned(packet.pts), _unsigned(packet.dts), packet.duration, len(packet.data))
    if packet.duration < 0 or max(numbers) > MOST:
        raise DlicError(f"a file cannot hold a packet of sound or subtitles at {packet.pts} ticks that lasts {packet.duration}")
    return write_varint(packet.track) + bytes([KEY if packet.is_key else 0]) + b"".join(map(write_varint, numbers)) + packet.data


def read_packets(data: bytes) -> Iterator[TrackPacket]:
    """Inverse of `write_packet`, for all of a chunk. Raises CorruptFileError."""
    reader = Reader(data)
    while reader.position < len(data):
        track, flags = read_varint(reader), reader.take(1)[0]
        pts, dts, duration, length = (read_varint(reader) for _ in range(4))
        yield TrackPacket(
            track=track, pts=_signed(pts), dts=_signed(dts), duration=duration, is_key=bool(flags & KEY), data=reader.take(length)
        )


def merged(frames: Iterable[Frame], packets: Iterable[TrackPacket], tracks: Sequence[Track], time_base: Fraction) -> Iterator[Item]:
    """Frames and packets in the order of their times, as a muxer wants them."""
    waiting = iter(packets)
    packet = next(waiting, None)
    for frame in frames:
        while packet is not None and _seconds(packet, tracks) <= frame.pts * time_base:
            yield packet
            packet = next(waiting, None)
        yield frame
    while packet is not None:
        yield packet
        packet = next(waiting, None)


def part(packets: Iterable[TrackPacket], tracks: Sequence[Track], start: Fraction, stop: Fraction | None) -> Iterator[TrackPacket]:
    """The packets of a stretch of seconds, with their times from its beginning; those of unknown tracks are left out."""
    for packet in packets:
        if packet.track >= len(tracks) or not packet.data:
            continue
        base = tracks[packet.track].time_base
        begins = packet.pts * base
        if (start == 0 or begins >= start) and (stop is None or begins < stop):
            shift = round(start / base)
            yield TrackPacket(
                track=packet.track,
                pts=packet.pts - shift,
                dts=packet.dts - shift,
                duration=packet.duration,
                is_key=packet.is_key,
                data=packet.data,
            )


def _seconds(packet: TrackPacket, tracks: Sequence[Track]) -> Fraction:
    return packet.pts * tracks[packet.track].time_base


def _unsigned(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _signed(number: int) -> int:
    return -(number + 1) // 2 if number % 2 else number // 2
