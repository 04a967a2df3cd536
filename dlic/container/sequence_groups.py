"""A group of frames that decodes alone: its table, and the packets of its frames.

pts         8       of the first frame, in ticks
count       varint  frames, 1 … MAX_FRAMES
durations   varint each, in the order of display, at least 1 tick
then of each packet, in the order of coding:
  number    varint  of its frame in the order of display; the first packet's is 0
  type      1       references (0: key, 1 or 2) + 4 (if of the highest layer) + 8 · layer
  level     1
  references varint each: numbers of frames whose packets come before
  length    varint  bytes of its data
  crc       4       CRC-32 of its symbols
crc         4       CRC-32 of the table
data        of the packets that are not of the highest layer, in the same order; the others' are in the chunk that follows
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

from dlic.container.format import CRC
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError

MAX_FRAMES = 64  # of a group: bounds the memory of a decoder
MOST_REFERENCES = 2
HIGHEST, LAYER = 4, 8  # in the type
LARGEST_TABLE = 8 + 5 + MAX_FRAMES * (5 + 5 + 2 + 10 + 5 + 4) + CRC  # bytes


@dataclass(frozen=True, kw_only=True)
class Packet:
    """A packet in the table."""

    number: int  # of its frame in the group, in the order of display
    level: int
    length: int
    symbols_crc: int
    references: tuple[int, ...] = ()
    layer: int = 0  # of the hierarchy; a frame refers to lower layers alone, or to its own in a chain of P frames
    highest: bool = False  # whether it is of the highest layer, to which nothing refers

    @property
    def kind(self) -> str:
        """key, P or B: B refers to a later frame."""
        if not self.references:
            return "key"
        return "B" if any(reference > self.number for reference in self.references) else "P"


@dataclass(frozen=True, kw_only=True)
class FrameEntry:
    """A frame, known without decoding."""

    number: int  # in its group
    pts: int
    duration: int
    packet: Packet

    @property
    def end(self) -> int:
        """When the next frame is shown."""
        return self.pts + self.duration


@dataclass(frozen=True, kw_only=True)
class GroupTable:
    """The table of a group."""

    pts: int
    durations: tuple[int, ...]  # in the order of display
    packets: tuple[Packet, ...]  # in the order of coding

    @property
    def frames(self) -> tuple[FrameEntry, ...]:
        """Its frames in the order of display."""
        times = accumulate(self.durations, initial=self.pts)
        packets = sorted(self.packets, key=lambda packet: packet.number)
        return tuple(
            FrameEntry(number=packet.number, pts=start, duration=end - start, packet=packet)
            for packet, (start, end) in zip(packets, pairwise(times), strict=True)
        )

    @property
    def end(self) -> int:
        """The end of its last frame in ticks."""
        return self.pts + sum(self.durations)

    @property
    def length(self) -> int:
        """Bytes of the packets of all layers but the highest."""
        return sum(packet.length for packet in self.packets if not packet.highest)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group with the data of its packets, by number; those of a cut file, or of a dropped layer, are missing."""

    table: GroupTable
    data: Mapping[int, bytes]


def write_group(group: Group) -> tuple[bytes, bytes]:
    """Data of the chunk of a group, and of the chunk of its highest layer; the latter is empty where there is no such layer."""
    parts = [group.table.pts.to_bytes(8, "big"), write_varint(len(group.table.durations))]
    parts += [write_varint(duration) for duration in group.table.durations]
    parts += [_write_packet(packet) for packet in group.table.packets]
    table = b"".join(parts)
    low, high = (_joined(group, highest) for highest in (False, True))
    return table + zlib.crc32(table).to_bytes(CRC, "big") + low, high


def _joined(group: Group, highest: bool) -> bytes:
    return b"".join(group.data[packet.number] for packet in group.table.packets if packet.highest == highest)


def _write_packet(packet: Packet) -> bytes:
    kind = len(packet.references) + HIGHEST * packet.highest + LAYER * packet.layer
    numbers = b"".join(map(write_varint, packet.references)) + write_varint(packet.length)
    return write_varint(packet.number) + bytes([kind, packet.level]) + numbers + packet.symbols_crc.to_bytes(CRC, "big")


def read_table(data: bytes) -> tuple[GroupTable, int]:
    """The table that a group's chunk begins with, and where its packets begin. Raises CorruptFileError."""
    reader = Reader(data)
    pts, count = int.from_bytes(reader.take(8), "big"), read_varint(reader)
    if not 1 <= count <= MAX_FRAMES:
        raise CorruptFileError(f"a group of the sequence would have {count:,} frames; 1 to {MAX_FRAMES} are possible")
    durations = tuple(read_varint(reader) for _ in range(count))
    packets = tuple(_read_packet(reader) for _ in range(count))
    covered = data[: reader.position]
    if reader.take(CRC) != zlib.crc32(covered).to_bytes(CRC, "big"):
        raise CorruptFileError("the table of a group is damaged: its checksum does not match")
    table = GroupTable(pts=pts, durations=durations, packets=packets)
    _check(table)
    return table, reader.position


def _read_packet(reader: Reader) -> Packet:
    number, (kind, level) = read_varint(reader), reader.take(2)
    references = tuple(read_varint(reader) for _ in range(kind % HIGHEST))
    return Packet(
        number=number,
        level=level,
        references=references,
        length=read_varint(reader),
        symbols_crc=int.from_bytes(reader.take(CRC), "big"),
        layer=kind // LAYER,
        highest=bool(kind & HIGHEST),
    )


def _check(table: GroupTable) -> None:
    """Raises CorruptFileError unless every frame is there once, and refers to frames before it in the order of coding."""
    there: dict[int, Packet] = {}
    for packet in table.packets:
        if len(packet.references) > MOST_REFERENCES or any(
            number not in there or there[number].highest for number in packet.references
        ):
            raise CorruptFileError("a frame of the sequence refers to one that is not there before it")
        if bool(there) == (not packet.references):
            raise CorruptFileError("a group of the sequence does not begin with its one key frame")
        there[packet.number] = packet
    if sorted(there) != list(range(len(table.packets))) or next(iter(there)) or 0 in table.durations or table.packets[0].highest:
        raise CorruptFileError("the frames of a group do not follow each other")


def split_data(table: GroupTable, data: bytes, highest: bool) -> dict[int, bytes]:
    """The whole packets in the data of a chunk, of the highest layer or of the others; fewer if the data are cut."""
    found, position = dict[int, bytes](), 0
    for packet in table.packets:
        if packet.highest == highest:
            if position + packet.length > len(data):
                break
            found[packet.number] = data[position : position + packet.length]
            position += packet.length
    return found
