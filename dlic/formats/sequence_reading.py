"""Files of kind sequence → what is written as a clip: frames with times, and copied packets, of all of it or of a stretch."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dlic.container.sequence import GROUP
from dlic.container.sequence_reader import SequenceReader
from dlic.errors import DlicError
from dlic.formats.reading import Reading
from dlic.formats.sequence import codec_of
from dlic.images.video.clip import Item, Track, TrackPacket
from dlic.images.video.creating import Output
from dlic.images.video.track_chunks import ASPECT, PACKETS, TRACK, merged, part, read_aspect, read_packets, read_track
from dlic.pixels.frames import Frame, SequenceFormat

if TYPE_CHECKING:
    from dlic.learned.sequence.codec import SequenceCodec


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """What is taken of a sequence."""

    start: Fraction | None = None  # seconds
    stop: Fraction | None = None
    half_rate: bool = False  # without the highest layer of B frames
    partial: bool = False  # every whole frame of a damaged file


@dataclass(frozen=True, kw_only=True, eq=False)
class SequenceSource:
    """A file whose excerpt is written as a clip."""

    path: Path
    excerpt: Excerpt
    codec: "SequenceCodec"
    form: SequenceFormat
    durations: list[int]  # of the frames, in ticks
    aspect: Fraction
    tracks: tuple[Track, ...]
    max_pixels: int
    lost: list[str] = field(default_factory=list)  # sentences

    def output(self, lossless: bool = False) -> Output:
        return Output(form=self.form, durations=self.durations, aspect=self.aspect, tracks=self.tracks, lossless=lossless)

    def items(self) -> Iterator[Item]:
        """Frames and packets in the order of their times, from 0."""
        return merged(self.frames(), self._packets(), self.tracks, self.form.time_base)

    def frames(self) -> Iterator[Frame]:
        """The frames of the excerpt, from 0."""
        self.lost.clear()
        return excerpt_frames(self.path, self.excerpt, self.codec, self.max_pixels, self.lost)

    def _packets(self) -> Iterator[TrackPacket]:
        if not self.tracks:
            return iter(())
        start, stop = self.excerpt.start or Fraction(0), self.excerpt.stop
        return part(_all_packets(self.path, self.excerpt.partial), self.tracks, start, stop)


def open_sequence(path: Path, excerpt: Excerpt, reading: Reading) -> SequenceSource:
    """Opens a file. Raises CorruptFileError, UnknownCheckpointError, and DlicError for a stretch without a frame."""
    if excerpt.start is not None and excerpt.stop is not None and excerpt.stop <= excerpt.start:
        raise DlicError(f"a stretch ends after it begins, not at {float(excerpt.stop):g} s after {float(excerpt.start):g} s")
    with open(path, "rb") as file:
        reader = SequenceReader(file, excerpt.partial)
        form = reader.head.form
        codec = codec_of(reader.head, reading)
        aspect, tracks = _descriptions(reader)
        durations = [] if excerpt.partial else planned(reader, excerpt)
    lost = list[str]()
    if excerpt.partial:  # which frames are whole is known only when they have been parsed
        durations = [frame.duration for frame in excerpt_frames(path, excerpt, codec, reading.max_pixels, lost)]
    if not durations:
        raise DlicError("no frame of the sequence is shown in this stretch")
    return SequenceSource(
        path=path,
        excerpt=excerpt,
        codec=codec,
        form=form,
        durations=durations,
        aspect=aspect,
        tracks=tracks,
        max_pixels=reading.max_pixels,
        lost=lost,
    )


def excerpt_frames(path: Path, excerpt: Excerpt, codec: "SequenceCodec", max_pixels: int, lost: list[str]) -> Iterator[Frame]:
    """Decoded frames of a stretch, with times from its beginning; `lost` gets a sentence for each that is missing."""
    from dlic.learned.sequence.decoder import SequenceDecoder, Stretch

    with open(path, "rb") as file:
        reader = SequenceReader(file, excerpt.partial)
        start, stop = ticks_of(excerpt, reader.head.form)
        decoder = SequenceDecoder(reader, codec, max_pixels, lost)
        for frame in decoder.frames(Stretch(start=start, stop=stop, half_rate=excerpt.half_rate)):
            yield _clipped(frame, start, stop)


def planned(reader: SequenceReader, excerpt: Excerpt) -> list[int]:
    """The durations of the frames of an intact file's stretch, from the tables alone."""
    start, stop = ticks_of(excerpt, reader.head.form)
    shown = [
        (entry.pts, entry.end, table.end)
        for table in reader.tables()
        for entry in table.frames
        if not (excerpt.half_rate and entry.packet.highest)
        if (start is None or entry.end > start) and (stop is None or entry.pts < stop)
    ]
    ends = [following[0] for following in shown[1:]] + [shown[-1][2] if excerpt.half_rate else shown[-1][1]] if shown else []
    return [min(end, stop or end) - max(pts, start or 0) for (pts, _, _), end in zip(shown, ends, strict=True)]


def ticks_of(excerpt: Excerpt, form: SequenceFormat) -> tuple[int | None, int | None]:
    """Beginning and end of a stretch in ticks, to the nearest."""
    start, stop = (None if seconds is None else round(seconds / form.time_base) for seconds in (excerpt.start, excerpt.stop))
    return start, stop


def _clipped(frame: Frame, start: int | None, stop: int | None) -> Frame:
    """A frame with times from the beginning of a stretch."""
    first, last = max(frame.pts, start or 0), frame.pts + frame.duration
    last = last if stop is None else min(last, stop)
    return replace(frame, pts=first - (start or 0), duration=max(1, last - first))


def _descriptions(reader: SequenceReader) -> tuple[Fraction, tuple[Track, ...]]:
    """Shape of pixels and copied streams, which stand before the first group."""
    aspect, tracks = Fraction(1), list[Track]()
    for name, data in leading_extras(reader):
        if name == ASPECT:
            aspect = read_aspect(data)
        elif name == TRACK:
            tracks.append(read_track(data))
    return aspect, tuple(tracks)


def leading_extras(reader: SequenceReader) -> Iterator[tuple[bytes, bytes]]:
    """The chunks before the first group."""
    for chunk in reader._chunks(None):
        if chunk.name == GROUP:
            return
        if chunk.whole:
            yield chunk.name, chunk.data


def _all_packets(path: Path, damaged: bool) -> Iterator[TrackPacket]:
    with open(path, "rb") as file:
        for name, data in SequenceReader(file, damaged).extras():
            if name == PACKETS:
                yield from read_packets(data)
