"""Files of sequences whose packets are any bytes."""

from fractions import Fraction

import numpy as np

from dlic.container.format import write_chunk
from dlic.container.sequence import GROUP, TOP, IndexEntry, SequenceHead, SequenceIndex, write_head, write_index
from dlic.container.sequence_groups import Group, GroupTable, Packet, write_group
from dlic.pixels.frames import SequenceFormat, VideoColour

HEAD = SequenceHead(
    form=SequenceFormat(
        width=640,
        height=360,
        time_base=Fraction(1001, 30000),
        alpha=True,
        loops=0,
        colour=VideoColour(primaries=9, transfer=16, matrix=9, full_range=True, siting=3, subsampling=420, depth=10),
    ),
    key_model=b"keymodel",
    inter_model=b"intermod",
)


def group(pts: int, count: int, seed: int = 0) -> Group:
    """A group of a key frame, P frames, and frames of the highest layer at odd numbers."""
    rng = np.random.default_rng(seed)
    packets, data = [], {}
    for number in range(count):
        content = rng.bytes(int(rng.integers(0, 60)))
        highest = number % 2 == 1
        references = (max(0, number - 1 - (number % 2 == 0)),) if number else ()
        packets.append(
            Packet(
                number=number, level=int(rng.integers(0, 64)), length=len(content), symbols_crc=int(rng.integers(0, 1 << 32)),
                references=references, layer=number % 3, highest=highest,
            )
        )  # fmt: skip
        data[number] = content
    durations = tuple(int(value) for value in rng.integers(1, 5000, count))
    return Group(table=GroupTable(pts=pts, durations=durations, packets=tuple(packets)), data=data)


def file_of(groups: list[Group], extras: list[tuple[bytes, bytes]] | None = None, head: SequenceHead = HEAD) -> bytes:
    """A whole file; `extras` stand before the first group."""
    data, entries, end = write_head(head) + b"".join(write_chunk(*extra) for extra in extras or []), [], 0
    for one in groups:
        entries.append(IndexEntry(offset=len(data), pts=one.table.pts, frames=len(one.table.packets)))
        low, high = write_group(one)
        data += write_chunk(GROUP, low) + (write_chunk(TOP, high) if high else b"")
        end = one.table.end
    return data + write_index(SequenceIndex(entries=tuple(entries), end=end))


def some_groups(counts: list[int]) -> list[Group]:
    """Groups that follow each other."""
    groups, pts = [], 0
    for seed, count in enumerate(counts):
        groups.append(group(pts, count, seed))
        pts = groups[-1].table.end
    return groups
