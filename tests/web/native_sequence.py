"""Sequences by the decoder in C as a native library: what `sequence.js` does with the WebAssembly of the same file."""

import ctypes
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dlic.container.format import EXACT, write
from dlic.container.sequence_groups import Packet
from dlic.container.sequence_reader import SequenceReader
from dlic.entropy.byte_reader import Reader, read_varint
from dlic.learned.sequence.key_packet import read_key
from dlic.learned.sequence.offsets import write_steps
from dlic.pixels.frames import SequenceFormat
from tests.web.native import Native

HEAD = (
    "width", "height", "alpha", "loops", "loops_high", "numerator", "numerator_high", "denominator", "denominator_high",
    "key_high", "key_low", "inter_high", "inter_low", "primaries", "transfer", "matrix", "range", "subsampling", "depth", "chunks",
)  # fmt: skip
TABLE = ("pts", "pts_high", "count", "start")
PACKET = (
    "number", "references", "highest", "layer", "level", "first", "second", "length", "crc", "duration", "duration_high",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class NativeFrame:
    """A decoded frame, for those that refer to it."""

    pixels: np.ndarray  # (H, W, 4)
    motion: bytes | None  # None of key frames


class NativeSequences:
    """Two libraries, with the weights of key frames and of the others."""

    def __init__(self, library: Path, key: Path, inter: Path):
        self.key, self.inter = Native(library, key), Native(library, inter)

    def head(self, data: bytes) -> dict[str, int]:
        """The head of a file. Raises ValueError with the decoder's sentence."""
        return self._struct("sequence", data, HEAD, 1)[0]

    def table(self, data: bytes) -> tuple[dict[str, int], list[dict[str, int]]]:
        """The table of a group and its packets, from the data of its chunk."""
        found = self._struct("group", data, TABLE, 1)[0]
        place = self._place("group", data) + 4 * len(TABLE)
        return found, [_named(PACKET, place + 4 * len(PACKET) * i) for i in range(found["count"])]

    def frames(self, data: bytes) -> list[np.ndarray]:
        """All frames of a file in the order of display: (H, W, 4)."""
        head, shown = self.head(data), []
        for group in SequenceReader(io.BytesIO(data)).groups():
            decoded: dict[int, NativeFrame] = {}
            for packet in group.table.packets:
                references = [decoded[number] for number in packet.references]
                decoded[packet.number] = self.frame(head, group.data[packet.number], packet, references)
            shown += [decoded[number].pixels for number in sorted(decoded)]
        return shown

    def frame(self, head: dict[str, int], data: bytes, packet: Packet, references: "list[NativeFrame]") -> "NativeFrame":
        """One frame from the data of its packet. Raises ValueError."""
        alpha = b""
        if head["alpha"]:
            reader = Reader(data)
            alpha = reader.take(read_varint(reader))
            data = data[reader.position :]
        frame = self._predicted(head, data, packet, references) if references else self._key(head, data, packet)
        return replace(frame, pixels=self._with_alpha(head, alpha, references, frame.pixels)) if head["alpha"] else frame

    def _key(self, head: dict[str, int], data: bytes, packet: Packet) -> NativeFrame:
        """A key frame as a picture, with its exact blocks over it."""
        width, height = head["width"], head["height"]
        model = head["key_high"].to_bytes(4, "big") + head["key_low"].to_bytes(4, "big")
        key = read_key(data, packet, SequenceFormat(width=width, height=height), model)
        picture, offsets = key.picture, None if key.steps is None else write_steps(key.steps)
        alone = picture.kind == EXACT
        pixels = (
            np.zeros((height, width, 4), np.uint8)
            if alone
            else self.key.decode(write(replace(picture, chunks=())), offsets=offsets)
        )
        layers = [picture.stream] if alone else [layer for _, layer in picture.chunks]
        for layer in layers:
            exact = self.key.exact(layer, width, height)
            if exact is None:
                raise ValueError(self.key.problem())
            pixels = np.where(exact[..., 3:] > 0, exact, pixels)
        return NativeFrame(pixels, None)

    def _predicted(self, head: dict[str, int], data: bytes, packet: Packet, references: "list[NativeFrame]") -> "NativeFrame":
        c, width, height = self.inter.c, head["width"], head["height"]
        c.dlic_release(self.inter.start)
        pixels = [self._copied(reference.pixels.tobytes()) for reference in references]
        motions = [None if reference.motion is None else self._copied(reference.motion) for reference in references]
        found = c.dlic_frame(
            self._copied(data), ctypes.c_size_t(len(data)), width, height, packet.level, ctypes.c_uint32(packet.symbols_crc),
            packet.number, *[*pixels, None][:2], *[*motions, None][:2],
        )  # fmt: skip
        if not found:
            raise ValueError(self.inter.problem())
        shown = np.frombuffer(ctypes.string_at(found, 4 * height * width), np.uint8).reshape(height, width, 4)
        return NativeFrame(shown, ctypes.string_at(c.dlic_motion(), c.dlic_motion_size(width, height)))

    def _with_alpha(self, head: dict[str, int], alpha: bytes, references: "list[NativeFrame]", pixels: np.ndarray) -> np.ndarray:
        c = self.inter.c
        c.dlic_release(self.inter.start)
        first = self._copied(references[0].pixels.tobytes()) if references else None
        target = self.inter._copied(pixels.tobytes())
        coded = self._copied(alpha), ctypes.c_size_t(len(alpha))
        if not c.dlic_frame_alpha(*coded, head["width"], head["height"], first, ctypes.c_void_p(target)):
            raise ValueError(self.inter.problem())
        return np.frombuffer(ctypes.string_at(target, pixels.size), np.uint8).reshape(pixels.shape)

    def _copied(self, data: bytes) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.inter._copied(data))

    def _place(self, name: str, data: bytes) -> int:
        self.inter.c.dlic_release(self.inter.start)
        place = getattr(self.inter.c, f"dlic_{name}")(ctypes.c_void_p(self.inter._copied(data)), ctypes.c_size_t(len(data)))
        if not place:
            raise ValueError(self.inter.problem())
        return int(place)

    def _struct(self, name: str, data: bytes, fields: tuple[str, ...], count: int) -> list[dict[str, int]]:
        place = self._place(name, data)
        return [_named(fields, place + 4 * len(fields) * i) for i in range(count)]


def _named(fields: tuple[str, ...], place: int) -> dict[str, int]:
    return dict(zip(fields, Native._numbers(place, len(fields)), strict=True))
