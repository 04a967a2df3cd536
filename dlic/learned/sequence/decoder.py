"""A sequence's file → frames, in the order of display: all, those of a stretch of time, or one."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile

from dlic.classical.motion.temporal import FrameMotion
from dlic.container.sequence_groups import FrameEntry, Group, Packet
from dlic.container.sequence_reader import SequenceReader
from dlic.errors import CorruptFileError, DlicError, UnknownCheckpointError
from dlic.images.files import MAX_PIXELS
from dlic.learned.sequence.ahead import Ahead, Batch
from dlic.learned.sequence.codec import SequenceCodec
from dlic.learned.sequence.frames import DecodedFrame, ParsedFrame
from dlic.pixels.arrays import check_size
from dlic.pixels.frames import Frame


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What is decoded of a sequence."""

    start: int | None = None  # ticks: frames that are shown after
    stop: int | None = None  # ticks: frames that begin before
    half_rate: bool = False  # without the highest layer

    def holds(self, frame: FrameEntry) -> bool:
        """Whether a frame is shown in it."""
        return (self.start is None or frame.end > self.start) and (self.stop is None or frame.pts < self.stop)

    def reaches(self, group: Group) -> bool:
        """Whether a group begins before its end."""
        return self.stop is None or group.table.pts < self.stop


@dataclass(eq=False)
class SequenceDecoder:
    """Decodes the file of a reader. If the reader takes damaged files, lost frames are left out and listed in `lost`.

    group ─ packets that are needed ─ parse, reconstruct (`ahead`, on two threads) ─ frames in the order of display
    """

    reader: SequenceReader
    codec: SequenceCodec
    max_pixels: int = MAX_PIXELS
    lost: list[str] = field(default_factory=list)  # sentences about what is lost of a damaged file, as it is found

    def __post_init__(self) -> None:
        head, self.reader.lost = self.reader.head, self.lost  # one list for groups and frames
        check_size(head.form.width, head.form.height, self.max_pixels)
        for what, model, own in (
            ("key frames", head.key_model, self.codec.key.fingerprint[:8]),
            ("inter frames", head.inter_model, self.codec.inter_model),
        ):
            if model != own:
                raise UnknownCheckpointError(f"the {what} were made with checkpoint {model.hex()[:8]}…, not with {own.hex()[:8]}…")

    def frames(self, stretch: Stretch | None = None) -> Iterator[Frame]:
        """The frames of a stretch, or all. A frame is shown until the next one that is decoded begins."""
        stretch, count = stretch or Stretch(), 0
        begun = takewhile(stretch.reaches, self.reader.groups(self._offset(stretch.start)))
        for frame in self._of_groups(begun, stretch):
            count += 1
            yield frame
        if not count and stretch == Stretch(half_rate=stretch.half_rate):
            raise CorruptFileError("the sequence has no frame that can be shown")

    def frame(self, number: int) -> Frame:
        """One frame by its number, from 0. Raises DlicError where there is none."""
        first, offset = self._group_of(number)
        for group in self.reader.groups(offset):
            entries = group.table.frames
            if number < first + len(entries):
                entry = entries[number - first]
                for frame in self._of_groups(iter([group]), Stretch(start=entry.pts, stop=entry.pts + 1)):
                    return frame
                raise CorruptFileError(f"frame {number:,} is lost")
            first += len(entries)
        raise DlicError(f"the sequence has {first:,} frames, from 0; there is no frame {number:,}")

    def verify(self) -> int:
        """Parses all frames and checks their symbols; returns their number. Runs no transform. Raises CorruptFileError."""
        count = 0
        for group in self.reader.groups():
            motions = dict[int, FrameMotion]()
            for packet in group.table.packets:
                if packet.number in group.data:
                    self.codec.verify(self._parsed(group, packet, motions))
                    count += 1
        return count

    # --- seeking

    def _offset(self, start: int | None) -> int | None:
        """Where to begin for a time; None: at the beginning."""
        index = self.reader.index() if start is not None else None
        before = [entry.offset for entry in index.entries if entry.pts <= (start or 0)] if index else []
        return before[-1] if before else None

    def _group_of(self, number: int) -> tuple[int, int | None]:
        """Number of the first frame, and offset, of the group of a frame by the index; the beginning of the file without one."""
        if number < 0:
            raise DlicError(f"frames are numbered from 0; there is no frame {number}")
        index, first = self.reader.index(), 0
        for entry in index.entries if index else ():
            if number < first + entry.frames:
                return first, entry.offset
            first += entry.frames
        return 0, None

    # --- groups

    def _of_groups(self, groups: Iterator[Group], stretch: Stretch) -> Iterator[Frame]:
        """The frames of some groups. A pipe, and a file that may be damaged, are read no further than frames are asked for."""
        batches, overlap = (self._batch(group, stretch) for group in groups), self.reader.seekable and not self.reader.damaged
        with closing(Ahead(batches, self.codec.reconstruct, overlap).frames()) as frames:
            for display, packet, frame in frames:
                if not isinstance(frame, Exception):
                    yield from display.taken(packet, frame)
                elif isinstance(frame, CorruptFileError) and self.reader.damaged:
                    yield from display.taken(packet, None)
                else:
                    raise frame

    def _batch(self, group: Group, stretch: Stretch) -> "Batch[_Display]":
        """The packets that are needed to show a group's frames of a stretch."""
        entries, motions = {entry.number: entry for entry in group.table.frames}, dict[int, FrameMotion]()
        shown = [number for number, entry in entries.items() if stretch.holds(entry) and _is_there(group, entry, stretch)]
        display = _Display(entries, deque(shown), self.lost)
        return Batch(display, _needed(group, shown), lambda packet: self._parsed(group, packet, motions))

    def _parsed(self, group: Group, packet: Packet, motions: dict[int, FrameMotion]) -> ParsedFrame:
        """Parses a packet, given the motion of earlier ones, and adds its own."""
        if packet.number not in group.data or any(number not in motions for number in packet.references):
            raise CorruptFileError("the data of a frame are missing")
        references = [motions[number] for number in packet.references]
        parsed = self.codec.parse(group.data[packet.number], packet, references, self.reader.head.form)
        motions[packet.number] = parsed.motion
        return parsed


@dataclass(eq=False)
class _Display:
    """The frames of a group, brought from the order of coding into that of display."""

    entries: dict[int, FrameEntry]
    order: deque[int]  # numbers of the frames that are to be shown
    lost: list[str]  # sentences, as of the decoder
    ready: dict[int, DecodedFrame] = field(default_factory=dict)

    def taken(self, packet: Packet, decoded: DecodedFrame | None) -> Iterator[Frame]:
        """The frames that can be shown when one more is decoded; None: it is lost."""
        if packet.number in self.order:
            if decoded is None:
                self.order.remove(packet.number)
                self.lost.append(f"the frame at {self.entries[packet.number].pts} ticks is lost")
            else:
                self.ready[packet.number] = decoded
        while self.order and self.order[0] in self.ready:
            number = self.order.popleft()
            entry = self.entries[number]
            end = self.entries[self.order[0]].pts if self.order else self.entries[max(self.entries)].end
            yield Frame(pixels=self.ready.pop(number).shown, pts=entry.pts, duration=max(1, end - entry.pts))


def _is_there(group: Group, entry: FrameEntry, stretch: Stretch) -> bool:
    """Whether a frame is to be decoded: not if it is of a layer that was dropped."""
    dropped = entry.packet.highest and (stretch.half_rate or entry.number not in group.data)
    return not dropped


def _needed(group: Group, shown: list[int]) -> list[Packet]:
    """The packets of some frames and of those they refer to, in the order of coding."""
    needed = set(shown)
    for packet in reversed(group.table.packets):
        if packet.number in needed:
            needed.update(packet.references)
    return [packet for packet in group.table.packets if packet.number in needed]
