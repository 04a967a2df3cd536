"""Sequences by the decoder in C as a native library: what `sequence.js` does with the WebAssembly of the same file."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlic.container.format import Container, write
from dlic.container.sequence_reader import SequenceReader
from dlic.entropy.byte_reader import Reader, read_varint
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
class NativeSequences:
    """Two libraries, with the weights of key frames and of the others."""

    key: Native
    inter: Native

    def __init__(self, library: Path, key: Path, inter: Path):
        object.__setattr__(self, "key", Native(library, key))
        object.__setattr__(self, "inter", Native(library, inter))

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
        import io

        head, shown = self.head(data), []
        for group in SequenceReader(io.BytesIO(data)).groups():
            decoded: dict[int, np.ndarray] = {}
            for packet in group.table.packets:
                references = [decoded[number] for number in packet.references]
                decoded[packet.number] = self.frame(head, group.data[packet.number], packet.level, packet.symbols_crc, references)
            shown += [decoded[number] for number in sorted(decoded)]
        return shown

    def frame(self, head: dict[str, int], data: bytes, level: int, crc: int, references: list[np.ndarray]) -> np.ndarray:
        """One frame (H, W, 4) from its packet. Raises ValueError."""
        alpha = b""
        if head["alpha"]:
            reader = Reader(data)
            alpha = reader.take(read_varint(reader))
            data = data[reader.position :]
        if references:
            pixels = self._predicted(head, data, level, crc, references)
        else:
            pixels = self.key.decode(still_of(head, data, level, crc))
        return self._with_alpha(head, alpha, references, pixels) if head["alpha"] else pixels

    def _predicted(self, head: dict[str, int], data: bytes, level: int, crc: int, references: list[np.ndarray]) -> np.ndarray:
        c, size = self.inter.c, (head["height"], head["width"])
        c.dlic_release(self.inter.start)
        places = [ctypes.c_void_p(self.inter._copied(reference.tobytes())) for reference in references]
        packet = ctypes.c_void_p(self.inter._copied(data)), ctypes.c_size_t(len(data))
        found = c.dlic_frame(*packet, size[1], size[0], level, ctypes.c_uint32(crc), *[*places, None][:2])
        if not found:
            raise ValueError(self.inter.problem())
        return np.frombuffer(ctypes.string_at(found, 4 * size[0] * size[1]), np.uint8).reshape(*size, 4)

    def _with_alpha(self, head: dict[str, int], alpha: bytes, references: list[np.ndarray], pixels: np.ndarray) -> np.ndarray:
        c = self.inter.c
        c.dlic_release(self.inter.start)
        first = ctypes.c_void_p(self.inter._copied(references[0].tobytes())) if references else None
        target = self.inter._copied(pixels.tobytes())
        coded = ctypes.c_void_p(self.inter._copied(alpha)), ctypes.c_size_t(len(alpha))
        if not c.dlic_frame_alpha(*coded, head["width"], head["height"], first, ctypes.c_void_p(target)):
            raise ValueError(self.inter.problem())
        return np.frombuffer(ctypes.string_at(target, pixels.size), np.uint8).reshape(pixels.shape)

    def _place(self, name: str, data: bytes) -> int:
        self.inter.c.dlic_release(self.inter.start)
        place = getattr(self.inter.c, f"dlic_{name}")(ctypes.c_void_p(self.inter._copied(data)), ctypes.c_size_t(len(data)))
        if not place:
            raise ValueError(self.inter.problem())
        return int(place)

    def _struct(self, name: str, data: bytes, fields: tuple[str, ...], count: int) -> list[dict[str, int]]:
        place = self._place(name, data)
        return [_named(fields, place + 4 * len(fields) * i) for i in range(count)]


def still_of(head: dict[str, int], data: bytes, level: int, crc: int) -> bytes:
    """A key frame as the file of a picture."""
    model = head["key_high"].to_bytes(4, "big") + head["key_low"].to_bytes(4, "big")
    return write(
        Container(
            kind=data[0], coder=data[1], width=head["width"], height=head["height"], level=level, model=model,
            symbols_crc=crc, stream=data[2:],
        )
    )  # fmt: skip


def _named(fields: tuple[str, ...], place: int) -> dict[str, int]:
    return dict(zip(fields, Native._numbers(place, len(fields)), strict=True))
