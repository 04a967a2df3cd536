"""Frames → the bytes of a sequence's file, group by group."""

from collections.abc import Callable, Iterable, Iterator

from dlic.container.format import write_chunk
from dlic.container.sequence import GROUP, TOP, IndexEntry, SequenceHead, SequenceIndex, write_head, write_index
from dlic.container.sequence_groups import Group, GroupTable, Packet, write_group
from dlic.errors import DlicError
from dlic.learned.sequence import schedule
from dlic.learned.sequence.codec import SequenceCodec
from dlic.learned.sequence.frames import DecodedFrame, EncodedFrame
from dlic.learned.sequence.partition import Extra, FrameGroup, Partition
from dlic.learned.sequence.settings import SequenceSettings
from dlic.learned.sequence.structure import Step, chain, hierarchical
from dlic.pixels.frames import Frame, SequenceFormat
from dlic.runtime.choice import TORCH, is_installed

Watch = Callable[[Frame, DecodedFrame], None]  # gets every frame with what a decoder makes of it, after those it refers to


def encode_sequence(
    items: Iterable[Frame | Extra],
    form: SequenceFormat,
    codec: SequenceCodec,
    settings: SequenceSettings | Callable[[], SequenceSettings],
    watch: Watch | None = None,
) -> Iterator[bytes]:
    """The file of a sequence in pieces, each as soon as it is ready; one group and a few frames are in memory.

    Args:
        items: frames in the order of display, and other chunks (a name of 4 bytes with a lower-case first letter, and data). These
            are written before the group of the next frame.
        form: size, time base, loops and colour.
        codec: the checkpoints.
        settings: level and structure; or a function that gives those of the next group, called before each.
        watch: is called with every coded frame.

    Raises DlicError for frames that do not fit, for times that do not rise, and for no frame at all.
    """
    head = write_head(SequenceHead(form=form, key_model=codec.key.fingerprint[:8], inter_model=codec.inter_model))
    yield head
    position, entries, end = len(head), list[IndexEntry](), 0
    of_group = settings if callable(settings) else lambda: settings
    for group in Partition(form, of_group().max_gop).groups(items):
        chunks = [write_chunk(name, data) for name, data in group.extras]
        position += sum(map(len, chunks))
        if group.frames:
            encoded = encode_group(group, codec, of_group(), watch)
            entries.append(IndexEntry(offset=position, pts=encoded.table.pts, frames=len(group.frames)))
            low, high = write_group(encoded)
            coded = [write_chunk(GROUP, low), *([write_chunk(TOP, high)] if high else [])]
            position, end = position + sum(map(len, coded)), encoded.table.end
            chunks += coded
        yield b"".join(chunks)
    if not entries:
        raise DlicError("a sequence must have at least one frame")
    yield write_index(SequenceIndex(entries=tuple(entries), end=end))


def encode_group(group: FrameGroup, codec: SequenceCodec, settings: SequenceSettings, watch: Watch | None = None) -> Group:
    """One group of frames, coded."""
    frames = group.frames
    steps = chain(len(frames)) if settings.low_delay else hierarchical(len(frames), group.distance)
    referred = {number for step in steps for number in step.references}

    def encode(step: Step, references: list[DecodedFrame]) -> EncodedFrame:
        x, level = frames[step.number].pixels, settings.level_of(step.layer, codec.levels)
        if references:
            return codec.encode_inter(x, references, level, step.number, settings.content, settings.effort, step.number in referred)
        effort = settings.effort if is_installed(TORCH) else 0
        return codec.encode_key(x, level, effort, settings.content, step.number in referred)

    packets, data = dict[int, Packet](), dict[int, bytes]()
    for step, frame in schedule.coded(steps, encode):
        packets[step.number], data[step.number] = _packet(step, frame), frame.data
        if watch is not None:
            watch(frames[step.number], frame.decoded)
    durations = tuple(frame.duration for frame in frames)
    table = GroupTable(pts=frames[0].pts, durations=durations, packets=tuple(packets[step.number] for step in steps))
    return Group(table=table, data=data)


def _packet(step: Step, encoded: EncodedFrame) -> Packet:
    return Packet(
        number=step.number,
        level=encoded.level,
        length=len(encoded.data),
        symbols_crc=encoded.symbols_crc,
        references=step.references,
        layer=step.layer,
        highest=step.highest,
    )
